/* From a message to the demo's answer, and from an answer to tokens. */
#include "demo/demo_answer.h"

#include <strings.h>

#include "demo/demo_show.h"

#define TOKEN_LETTERS 7
#define TOKEN_DIGITS  3
#define TOKEN_BLANKS  8

struct demo_guide {
    struct demo_topics *topics;
    struct demo_match *match;
};

static const char only_a_demo[] =
    "I am only a demo: no language model, but a guide who knows some answers about hob by heart. Yours is not among "
    "them.\n\n"
    "Ask me for example\n\n"
    "- *How do I add a model?*\n"
    "- *What does \"attempt 1/3\" mean?*\n"
    "- *How do I use hob from Python?*\n\n"
    "or let me show what the page can do: `show me a table`, `write some code in C`, `markdown demo`, `long 500`. "
    "For everything else, add a real model: put a GGUF file into the `models` folder and make a server of it on the "
    "Servers page.";

static const char no_eyes[] = "I am only a demo and cannot see pictures. ";

struct demo_guide *demo_guide_new(void)
{
    struct demo_guide *g = xcalloc(1, sizeof *g);
    struct err_text why;
    enum err e = demo_topics_parse(demo_topics_text(), &g->topics, &why);
    /* the text is built in, and the unit tests read it */
    assert(e == ERR_OK);
    (void)e;
    g->match = demo_match_new(g->topics);
    return g;
}

void demo_guide_free(struct demo_guide *g)
{
    if (!g)
        return;
    demo_match_free(g->match);
    demo_topics_free(g->topics);
    free(g);
}

/* True if text begins with prefix (case ignored) and the prefix ends at a word's end; *out_rest is what follows. */
static bool begins(struct span text, const char *prefix, struct span *out_rest)
{
    size_t n = strlen(prefix);
    if (text.len < n || strncasecmp(text.p, prefix, n) != 0)
        return false;
    if (text.len > n && !char_is_blank(text.p[n]) && text.p[n] != ':')
        return false;
    *out_rest = span_of(text.p + n, text.len - n);
    return true;
}

/* "repeat after me: X", "echo X": X as it stands, without the one blank or line end before it. */
static bool echo(struct span text, struct buf *out)
{
    static const struct {
        const char *prefix;
        bool needs_colon;
    } forms[] = {{"please repeat after me", false},
                 {"repeat after me", false},
                 {"repeat", true},
                 {"please repeat", true},
                 {"say", true},
                 {"echo", false}};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct span rest;
        if (!begins(text, forms[i].prefix, &rest))
            continue;
        bool has_colon = rest.len && rest.p[0] == ':';
        if (forms[i].needs_colon && !has_colon)
            continue;
        size_t skip = has_colon ? 1 : 0;
        if (skip < rest.len && char_is_blank(rest.p[skip]))
            skip++;
        if (skip >= rest.len)
            continue;
        buf_add(out, rest.p + skip, rest.len - skip);
        return true;
    }
    return false;
}

bool demo_wants_title(char *const *texts, size_t n)
{
    return n == 1 && strstr(texts[0], "title of at most six words");
}

#define TITLE_WORDS 6

void demo_title(struct span first, struct buf *out)
{
    AUTO(buf) struct buf *said = buf_new();
    struct span text = span_trim(first), line = text, rest;
    size_t begin = out->len;
    if (echo(text, said))
        line = buf_span(said);
    line = span_trim(span_cut(span_trim(line), '\n', &rest));
    for (size_t n = 0; n < TITLE_WORDS && line.len > 0; n++) {
        struct span word = span_cut(line, ' ', &rest);
        if (word.len > 0)
            buf_addf(out, "%s%.*s", out->len > begin ? " " : "", SPAN_ARG(word));
        line = span_trim(rest);
        if (word.len > 0 && strchr(",:;.?!", word.p[word.len - 1]))
            break; /* the end of a clause */
    }
    while (out->len > begin && strchr(".,:;?!", out->p[out->len - 1]))
        out->p[--out->len] = '\0';
    if (out->len > begin && out->p[begin] >= 'a' && out->p[begin] <= 'z')
        out->p[begin] = (char)(out->p[begin] - 'a' + 'A');
}

static bool count(struct span text, struct buf *out)
{
    struct span rest;
    if (!begins(text, "count to", &rest) && !begins(text, "please count to", &rest))
        return false;
    size_t n = demo_number_in(rest, 10, DEMO_COUNT_MAX);
    for (size_t i = 1; i <= n; i++)
        buf_addf(out, "%s%zu", i > 1 ? " " : "", i);
    return true;
}

/* "long", "long 5000" */
static bool be_long(struct span text, struct buf *out)
{
    struct span rest;
    if (!begins(text, "long", &rest))
        return false;
    rest = span_trim(rest);
    uint64_t n = DEMO_LONG_TOKENS;
    if (rest.len && !span_to_u64(rest, &n))
        return false;
    demo_show_long(n < DEMO_LONG_TOKENS_MAX ? (size_t)n : DEMO_LONG_TOKENS_MAX, out);
    return true;
}

/* False: the demo has no answer to that. */
static bool answer_text(const struct demo_guide *g, struct span text, struct buf *out)
{
    text = span_trim(text);
    if (echo(text, out) || count(text, out) || be_long(text, out))
        return true;
    ptrdiff_t topic = demo_match_find(g->match, text);
    if (topic < 0)
        return false;
    const struct demo_topic *t = &g->topics->v[topic];
    if (t->kind != DEMO_SHOW) {
        buf_add_span(out, buf_span(&t->answer));
        return true;
    }
    return demo_show(t->id + strlen("show/"), text, out);
}

void demo_guide_answer(const struct demo_guide *g, char *const *texts, size_t n, bool has_image,
                       struct buf *out)
{
    if (has_image)
        buf_add_str(out, no_eyes);
    for (size_t i = n; i-- > 0;)
        if (answer_text(g, span_str(texts[i]), out))
            return;
    buf_add_str(out, only_a_demo);
}

void demo_guide_think(const struct demo_guide *g, char *const *texts, size_t n, struct buf *out)
{
    double likeness = 0;
    struct span text = n ? span_trim(span_str(texts[n - 1])) : span_of("", 0);
    ptrdiff_t topic = demo_match_nearest(g->match, text, &likeness);
    buf_addf(out,
             "I am only a demo, so these thoughts are looked up as well.\n\nThe message has %zu tokens. ",
             demo_count_tokens(text));
    if (topic < 0)
        buf_add_str(out, "It has no word that I know.");
    else
        buf_addf(
            out,
            "I compare its words and letters with %zu topics. It is most like \"%s\", with a likeness of %.2f; "
            "from %.2f on I answer.",
            g->topics->n, g->topics->v[topic].id, likeness, DEMO_MATCH_THRESHOLD);
}

void demo_continue(struct span answer, struct span have, struct buf *out)
{
    if (!have.len) {
        buf_add_span(out, answer);
    } else if (answer.len >= have.len && memcmp(answer.p, have.p, have.len) == 0) {
        buf_add(out, answer.p + have.len, answer.len - have.len);
    } else {
        /* the blanks at its end may have been lost on the way */
        struct span kept = span_trim(have);
        struct span wanted = span_trim(answer);
        if (kept.len && wanted.len >= kept.len && memcmp(wanted.p, kept.p, kept.len) == 0) {
            buf_add(out, wanted.p + kept.len, wanted.len - kept.len);
            return;
        }
        buf_add_str(out, "\n\n");
        buf_add_span(out, answer);
    }
}

/* Bytes of the UTF-8 sequence at the start of s: at least 1, at most s.len. */
static size_t char_len(struct span s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n < s.len ? n : s.len;
}

static size_t run_len(struct span s, size_t at, size_t most, bool (*is_part)(int c))
{
    size_t n = 0;
    while (at + n < s.len && n < most && is_part(s.p[at + n]))
        n++;
    return n;
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_line_end(int c)
{
    return c == '\n';
}

static bool is_space(int c)
{
    return c == ' ';
}

size_t demo_token_len(struct span text)
{
    if (!text.len)
        return 0;
    size_t n = run_len(text, 0, TOKEN_BLANKS, is_line_end);
    if (n)
        return n;
    n = run_len(text, 0, TOKEN_BLANKS, is_space);
    if (n > 1 || n == text.len || (n && char_is_blank(text.p[n])))
        return n;
    size_t word = run_len(text, n, TOKEN_LETTERS, is_letter);
    if (!word)
        word = run_len(text, n, TOKEN_DIGITS, char_is_digit);
    return n + (word ? word : char_len(span_of(text.p + n, text.len - n)));
}

size_t demo_count_tokens(struct span text)
{
    size_t n = 0;
    for (; text.len; n++) {
        size_t len = demo_token_len(text);
        text = span_of(text.p + len, text.len - len);
    }
    return n;
}
