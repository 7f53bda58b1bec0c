/* Reads topics.txt: topics, their answers, and the phrases that each line of alternatives stands for. */
#include "demo/demo_topics.h"

#include "demo/demo_topics_text.h"

/* One piece of a phrase line: its alternatives; a lone word is a piece with one. */
struct piece {
    struct span alternatives[32];
    size_t n;
};

#define MAX_PIECES 24

struct reader {
    struct demo_topics *topics;
    struct demo_topic *topic; /* the one being read, or NULL */
    int line;
};

struct span demo_topics_text(void)
{
    return span_of((const char *)demo_topics_bytes, sizeof demo_topics_bytes);
}

static bool add_alternatives(struct piece *piece, struct span inside)
{
    while (inside.p) {
        if (piece->n == COUNT_OF(piece->alternatives))
            return false;
        piece->alternatives[piece->n++] = span_trim(span_cut(inside, '|', &inside));
    }
    return true;
}

/* Cuts a line into pieces: plain text, (a|b), [a|b]; the last may also be nothing. */
static bool cut_line(struct span line, struct piece *pieces, size_t *out_n)
{
    size_t n = 0;
    while (line.len) {
        if (n == MAX_PIECES)
            return false;
        struct piece *piece = &pieces[n++];
        piece->n = 0;
        char first = line.p[0];
        if (first == '(' || first == '[') {
            if (first == '[')
                piece->alternatives[piece->n++] = span_of("", 0);
            struct span inside = span_cut(line, first == '(' ? ')' : ']', &line);
            if (!line.p || !add_alternatives(piece, span_of(inside.p + 1, inside.len - 1)))
                return false;
            continue;
        }
        size_t len = 0;
        while (len < line.len && line.p[len] != '(' && line.p[len] != '[')
            len++;
        piece->alternatives[piece->n++] = span_trim(span_of(line.p, len));
        line = span_of(line.p + len, line.len - len);
    }
    *out_n = n;
    return true;
}

static enum err read_phrases(struct reader *r, struct span line, struct err_text *why)
{
    struct piece pieces[MAX_PIECES];
    size_t n = 0, n_phrases = 1, choice[MAX_PIECES] = {0};
    if (!cut_line(line, pieces, &n))
        return err_set(why, ERR_INVALID, "topics, line %d: a bracket is open, or there are too many",
                       r->line);
    for (size_t i = 0; i < n; i++)
        n_phrases *= pieces[i].n;
    if (n_phrases > DEMO_LINE_PHRASES)
        return err_set(why, ERR_INVALID, "topics, line %d: stands for %zu phrases, at most %d", r->line,
                       n_phrases, DEMO_LINE_PHRASES);
    for (size_t k = 0; k < n_phrases; k++) {
        struct buf phrase = {0};
        for (size_t i = 0; i < n; i++) {
            struct span word = pieces[i].alternatives[choice[i]];
            if (phrase.len && word.len)
                buf_add_char(&phrase, ' ');
            buf_add_span(&phrase, word);
        }
        strv_add(&r->topic->phrases, buf_str(&phrase));
        buf_release(&phrase);
        /* count up, like the wheels of an odometer */
        for (size_t i = 0; i < n && ++choice[i] == pieces[i].n; i++)
            choice[i] = 0;
    }
    return ERR_OK;
}

static void open_topic(struct reader *r, struct span id)
{
    struct demo_topics *t = r->topics;
    t->v = xrealloc(t->v, (t->n + 1) * sizeof *t->v);
    r->topic = &t->v[t->n++];
    *r->topic = (struct demo_topic){.id = span_dup(id), .kind = DEMO_PLAIN};
    if (span_starts(id, "talk/"))
        r->topic->kind = DEMO_TALK;
    else if (span_starts(id, "show/"))
        r->topic->kind = DEMO_SHOW;
}

static enum err read_line(struct reader *r, struct span line, struct err_text *why)
{
    if (!line.len || line.p[0] == ';')
        return ERR_OK;
    struct span rest = span_of(line.p + 1, line.len - 1);
    if (line.p[0] == '=' || line.p[0] == '~') {
        AUTO(mem) char *words = span_dup(span_trim(rest));
        strv_add(line.p[0] == '=' ? &r->topics->synonyms : &r->topics->fillers, words);
        return ERR_OK;
    }
    if (line.p[0] == '#') {
        open_topic(r, span_trim(rest));
        return ERR_OK;
    }
    if (!r->topic)
        return err_set(why, ERR_INVALID, "topics, line %d: text before the first topic", r->line);
    if (line.p[0] != '>')
        return read_phrases(r, line, why);
    if (r->topic->answer.len)
        buf_add_char(&r->topic->answer, '\n');
    /* only the one blank behind '>': what follows may be indented code */
    if (rest.len && rest.p[0] == ' ')
        rest = span_of(rest.p + 1, rest.len - 1);
    buf_add_span(&r->topic->answer, rest);
    return ERR_OK;
}

enum err demo_topics_parse(struct span text, struct demo_topics **out_topics, struct err_text *why)
{
    AUTO(demo_topics) struct demo_topics *topics = xcalloc(1, sizeof *topics);
    struct reader r = {.topics = topics};
    while (text.p) {
        struct span line = span_cut(text, '\n', &text);
        r.line++;
        enum err e = read_line(&r, line, why);
        if (e)
            return e;
    }
    *out_topics = TAKE(topics);
    return ERR_OK;
}

void demo_topics_free(struct demo_topics *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].id);
        strv_release(&t->v[i].phrases);
        buf_release(&t->v[i].answer);
    }
    strv_release(&t->synonyms);
    strv_release(&t->fillers);
    free(t->v);
    free(t);
}

ptrdiff_t demo_topics_find(const struct demo_topics *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->v[i].id, id))
            return (ptrdiff_t)i;
    return -1;
}
