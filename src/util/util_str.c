/* Strings: formats and checks. */
#include "util/util_str.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/util_mem.h"
#include "util/util_rand.h"

bool str_eq(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool uuid_is_valid(struct span s)
{
    if (s.len != UUID_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.p[i];
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

/* Length of the well-formed sequence at the start of s (RFC 3629 4), or 0. */
static size_t utf8_sequence(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
               : (p[0] & 0xf0) == 0xe0        ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    if (n == 0 || s.len < n)
        return 0;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

bool utf8_is_valid(struct span s)
{
    while (s.len) {
        size_t n = utf8_sequence(s);
        if (n == 0)
            return false;
        s = span_of(s.p + n, s.len - n);
    }
    return true;
}

size_t utf8_count(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

size_t utf8_floor(struct span s, size_t max_len)
{
    if (s.len <= max_len)
        return s.len;
    while (max_len > 0 && ((unsigned char)s.p[max_len] & 0xc0) == 0x80)
        max_len--;
    return max_len;
}

void utf8_add_clean(struct buf *out, struct span s)
{
    while (s.len) {
        size_t n = utf8_sequence(s);
        if (n)
            buf_add(out, s.p, n);
        else
            buf_add_str(out, "\xef\xbf\xbd");
        n = n ? n : 1;
        s = span_of(s.p + n, s.len - n);
    }
}

void hex_add(struct buf *out, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = p;
    char *at = buf_reserve(out, n * 2);
    for (size_t i = 0; i < n; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    out->len += n * 2;
    out->p[out->len] = '\0';
}

void base64_add(struct buf *out, struct span bytes)
{
    static const char table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.p;
    size_t n = (bytes.len + 2) / 3 * 4;
    char *at = buf_reserve(out, n);
    for (size_t i = 0; i < bytes.len; i += 3) {
        unsigned v = (unsigned)p[i] << 16;
        if (i + 1 < bytes.len)
            v |= (unsigned)p[i + 1] << 8;
        if (i + 2 < bytes.len)
            v |= p[i + 2];
        *at++ = table[v >> 18];
        *at++ = table[(v >> 12) & 63];
        *at++ = table[(v >> 6) & 63];
        *at++ = table[v & 63];
    }
    if (bytes.len % 3)
        at[-1] = '=';
    if (bytes.len % 3 == 1)
        at[-2] = '=';
    out->len += n;
    out->p[out->len] = '\0';
}

bool percent_decode(struct span s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '%') {
            buf_add_char(out, s.p[i]);
            continue;
        }
        if (i + 2 >= s.len)
            return false;
        int high = char_hex_value(s.p[i + 1]), low = char_hex_value(s.p[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return false;
        buf_add_char(out, (char)(high * 16 + low));
        i += 2;
    }
    return true;
}

bool query_get(struct span query, const char *name, struct buf *out)
{
    while (query.len) {
        struct span value, pair = span_cut(query, '&', &query);
        struct span key = span_cut(pair, '=', &value);
        if (span_is(key, name)) {
            buf_clear(out);
            return percent_decode(value, out);
        }
    }
    return false;
}

void strv_add(struct strv *s, const char *text)
{
    s->v = xrealloc(s->v, (s->n + 2) * sizeof *s->v);
    s->v[s->n++] = xstrdup(text);
    s->v[s->n] = NULL;
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0)
        abort();
    strv_add(s, text);
    free(text);
}

void strv_copy(struct strv *to, const struct strv *from)
{
    for (size_t i = 0; i < from->n; i++)
        strv_add(to, from->v[i]);
}

void strv_release(struct strv *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    free(s->v);
    *s = (struct strv){0};
}

void str_put(char *out, size_t cap, const char *text)
{
    size_t n = strnlen(text, cap - 1);
    memcpy(out, text, n);
    out[n] = '\0';
}
