/* Takes a title out of what a model said. */
#include "chat/chat_title_text.h"

#define MAX_LINE_BYTES 400 /* more is no title */
#define MAX_CHARS      120 /* the same, cleaned; what is between this and TITLE_TEXT_MAX_CHARS is cut */

static struct span without_front(struct span s, size_t n)
{
    return span_of(s.p + n, s.len - n);
}

/* ---- which line ---- */

/* What follows the thoughts; empty when they have no end. */
static struct span without_thoughts(struct span s)
{
    static const struct {
        const char *begin, *end;
    } marks[] = {{"<think>", "</think>"}, {"<thinking>", "</thinking>"}};
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        ptrdiff_t at;
        while ((at = span_find(s, span_str(marks[i].end))) >= 0)
            s = without_front(s, (size_t)at + strlen(marks[i].end));
        if (span_find(s, span_str(marks[i].begin)) >= 0)
            return (struct span){0};
    }
    return s;
}

/* The first line with something in it, but not the fence of a code block. */
static struct span first_line(struct span s)
{
    while (s.len > 0) {
        struct span rest, line = span_trim(span_cut(s, '\n', &rest));
        if (line.len > 0 && !span_starts(line, "```"))
            return line;
        s = rest;
    }
    return s;
}

/* ---- what surrounds a title ---- */

static const char *const fronts[] = {"#",      "*",      "_",      "`",      ">",      "-",      "+",
                                     "\"",     "'",      "\u201c", "\u201e", "\u201d", "\u2018", "\u2019",
                                     "\u201a", "\u00ab", "\u00bb", "\u2039", "\u203a", "\u300c", "\u300e",
                                     "\u300a", "\u2022", ":",      "\uff1a"};
static const char *const backs[] = {"*",      "_",      "`",      "\"",     "'",      "\u201c",
                                    "\u201d", "\u201e", "\u2018", "\u2019", "\u00ab", "\u00bb",
                                    "\u2039", "\u203a", "\u300d", "\u300f", "\u300b", ".",
                                    "\u3002", ":",      "\uff1a", ",",      ";",      "\\"};
/* "Title" in the languages that models answer in most. */
static const char *const words[] = {"title",
                                    "titel",
                                    "titre",
                                    "t\u00edtulo",
                                    "titolo",
                                    "tytu\u0142",
                                    "titulek",
                                    "ba\u015fl\u0131k",
                                    "\u0437\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a",
                                    "\u6807\u9898",
                                    "\u6a19\u984c",
                                    "\u30bf\u30a4\u30c8\u30eb",
                                    "\uc81c\ubaa9"};

static struct span without_fronts(struct span s)
{
    for (size_t i = 0; i < COUNT_OF(fronts); i++) {
        if (span_starts(s, fronts[i])) {
            s = span_trim(without_front(s, strlen(fronts[i])));
            i = (size_t)-1; /* from the first again */
        }
    }
    return s;
}

static struct span without_backs(struct span s)
{
    for (size_t i = 0; i < COUNT_OF(backs); i++) {
        /* "..." and "C#..." are meant. */
        if (span_ends(s, backs[i]) && !span_ends(s, "..")) {
            s = span_trim(span_of(s.p, s.len - strlen(backs[i])));
            i = (size_t)-1;
        }
    }
    return s;
}

/* Without "Title:", also as "**Title:**". */
static struct span without_word(struct span s)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = strlen(words[i]);
        if (s.len <= n || strncasecmp(s.p, words[i], n) != 0)
            continue;
        struct span rest = without_front(s, n);
        while (rest.len > 0 && strchr("*_ ", rest.p[0]))
            rest = without_front(rest, 1);
        if (span_starts(rest, ":"))
            return span_trim(without_front(rest, 1));
        if (span_starts(rest, "\uff1a"))
            return span_trim(without_front(rest, strlen("\uff1a")));
    }
    return s;
}

/* ---- is it one? ---- */

static bool has_letter(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            return true;
        if (c & 0x80)
            return true;
    }
    return false;
}

static bool is_absurd(struct span s)
{
    static const char *const inside[] = {"<|", "|>", "</", "{\"", "[INST"};
    static const char *const refusals[] = {"I'm sorry", "I\u2019m sorry", "I am sorry", "I cannot",
                                           "I can't",   "I can\u2019t",   "As an AI",   "Sure,",
                                           "Sure!",     "Here is",        "Here's",     "Here\u2019s"};
    for (size_t i = 0; i < COUNT_OF(inside); i++) {
        if (span_find(s, span_str(inside[i])) >= 0)
            return true;
    }
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        size_t n = strlen(refusals[i]);
        if (s.len >= n && strncasecmp(s.p, refusals[i], n) == 0)
            return true;
    }
    return !has_letter(s);
}

/* Single blanks, no control characters, no Markdown inside. */
static void add_plain(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '`' || ((c == '*' || c == '_') && i + 1 < s.len && s.p[i + 1] == c)) {
            i += c != '`';
            continue;
        }
        bool is_blank = c == ' ' || c == '\t';
        if ((is_blank && out->len > 0 && out->p[out->len - 1] != ' ') || (unsigned char)c > ' ')
            buf_add_char(out, is_blank ? ' ' : c);
    }
}

/* Cuts between words if there is a blank in the second half. */
static void add_cut(struct buf *out, struct span s)
{
    size_t n = 0, end = 0, blank = 0;
    for (; end < s.len; end++) {
        n += ((unsigned char)s.p[end] & 0xc0) != 0x80;
        if (n == TITLE_TEXT_MAX_CHARS)
            break; /* here the ellipsis goes */
        if (s.p[end] == ' ')
            blank = end;
    }
    buf_add(out, s.p, blank > end / 2 ? blank : end);
    buf_add_str(out, "\u2026");
}

bool title_text_clean(struct span said, struct buf *out)
{
    AUTO(buf) struct buf *clean = buf_new();
    AUTO(buf) struct buf *plain = buf_new();
    utf8_add_clean(clean, said);
    struct span line = first_line(without_thoughts(buf_span(clean))), before;
    if (line.len > MAX_LINE_BYTES)
        return false;
    do {
        before = line;
        line = without_backs(without_word(without_fronts(line)));
    } while (line.len < before.len);
    add_plain(plain, line);
    line = span_trim(buf_span(plain));
    size_t n = utf8_count(line);
    if (n > MAX_CHARS || is_absurd(line))
        return false;
    if (n > TITLE_TEXT_MAX_CHARS)
        add_cut(out, line);
    else
        buf_add_span(out, line);
    return true;
}
