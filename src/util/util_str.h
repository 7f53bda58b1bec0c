/* Strings: formats and checks that more than one room needs. */
#ifndef HOB_UTIL_STR_H
#define HOB_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/util_buf.h"
#include "util/util_span.h"

/* NULL equals only NULL. */
bool str_eq(const char *a, const char *b);
/* Lower-case canonical UUID text of 36 characters. */
bool uuid_is_valid(struct span s);
/* Well-formed UTF-8 (RFC 3629: no surrogates, nothing over-long). */
bool utf8_is_valid(struct span s);
/* Code points of well-formed UTF-8. */
size_t utf8_count(struct span s);
/* Length of the longest prefix that does not end inside a UTF-8 sequence; for cutting texts. */
size_t utf8_floor(struct span s, size_t max_len);
/* Appends s with every byte that is no well-formed UTF-8 replaced by U+FFFD. */
void utf8_add_clean(struct buf *out, struct span s);
/* 2 * n lower-case hex digits. */
void hex_add(struct buf *out, const void *p, size_t n);
/* RFC 4648 base64 with padding. */
void base64_add(struct buf *out, struct span bytes);
/* RFC 3986 percent-decoding; '+' stays. False on a bad escape or a decoded NUL. */
MUST_CHECK bool percent_decode(struct span s, struct buf *out);
/* The decoded value of `name` in a query string "a=1&b=2"; false when it is not there or badly escaped. */
MUST_CHECK bool query_get(struct span query, const char *name, struct buf *out);

/* Growing list of owned strings; {0} is empty. Kept NULL-terminated, so v is an argv. */
struct strv {
    char **v;
    size_t n;
};
void strv_add(struct strv *s, const char *text);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strv_copy(struct strv *to, const struct strv *from);
void strv_release(struct strv *s);

/* As snprintf(out, cap, "%s", text) does, at a tenth of its price. */
void str_put(char *out, size_t cap, const char *text);

#endif
