/* Cuts a search into words and phrases and quotes them. */
#include "store/store_search_query.h"

#include "store/store_fts.h"

/* Characters between words, and quotation marks, in UTF-8. */
static const char *const blanks[] = {"\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\xaf"};
static const char *const marks[] = {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e"};

static size_t length_at(struct span s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (span_starts(s, list[i]))
            return strlen(list[i]);
    }
    return 0;
}

/* Bytes of the blank that s begins with, or 0. */
static size_t blank_len(struct span s)
{
    unsigned char c = s.len ? (unsigned char)s.p[0] : 0;
    return s.len == 0 ? 0 : c <= ' ' || c == 0x7f ? 1 : length_at(s, blanks, COUNT_OF(blanks));
}

static size_t mark_len(struct span s)
{
    return s.len && s.p[0] == '"' ? 1 : length_at(s, marks, COUNT_OF(marks));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80);
}

static bool has_letter(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (is_letter(word.p[i]))
            return true;
    }
    return false;
}

/* May more letters follow? Not after a sign ("c++"), and a character that is a token by itself is whole. */
static bool may_grow(struct span word)
{
    size_t at = word.len - 1, len = 0;
    while (at > 0 && ((unsigned char)word.p[at] & 0xc0) == 0x80)
        at--;
    return is_letter(word.p[at]) && !fts_is_solid(word, at, &len);
}

static void add_word(struct buf *out, struct span word)
{
    if (out->len > 0)
        buf_add_char(out, ' ');
    buf_add_char(out, '"');
    /* A phrase may have control characters: they are as blanks. */
    for (size_t i = 0; i < word.len; i++)
        buf_add_char(out, blank_len(span_of(word.p + i, 1)) ? ' ' : word.p[i]);
    buf_add_char(out, '"');
}

static struct span after(struct span s, size_t n)
{
    return span_of(s.p + n, s.len - n);
}

/* Cuts the next word or phrase off. *out_open: the end of the input ended it. */
static struct span next_word(struct span *s, bool *out_open)
{
    for (size_t n; (n = blank_len(*s)) > 0;)
        *s = after(*s, n);
    size_t opening = mark_len(*s), len = 0;
    *s = after(*s, opening);
    while (len < s->len && !mark_len(after(*s, len)) && (opening || !blank_len(after(*s, len))))
        len++;
    struct span word = span_of(s->p, len);
    *out_open = len == s->len;
    *s = after(*s, len);
    /* A mark in the middle of a word begins a phrase. */
    if (opening)
        *s = after(*s, mark_len(*s));
    return word;
}

bool search_query_write(struct span input, struct buf *out)
{
    AUTO(buf) struct buf *clean = buf_new();
    AUTO(buf) struct buf *words = buf_new();
    utf8_add_clean(clean, input);
    struct span rest = buf_span(clean), last = {NULL, 0};
    bool is_open = false, last_is_open = false;
    size_t n = 0;
    while (rest.len > 0 && n < SEARCH_MAX_WORDS) {
        struct span word = span_trim(next_word(&rest, &is_open));
        if (!has_letter(word))
            continue;
        add_word(words, word);
        last = word;
        last_is_open = is_open;
        n++;
    }
    if (n == 0)
        return false;
    bool ends_in_blank = blank_len(span_of(clean->p + clean->len - 1, 1)) > 0;
    if (last_is_open && !ends_in_blank && may_grow(last))
        buf_add_str(words, " *");
    buf_add_span(out, buf_span(words));
    return true;
}
