/* A view of bytes that somebody else owns. Not NUL-terminated; p may be NULL when len is 0. */
#ifndef HOB_UTIL_SPAN_H
#define HOB_UTIL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "util/util_auto.h"

struct span {
    const char *p;
    size_t len;
};

/* printf("%.*s", SPAN_ARG(s)) */
#define SPAN_ARG(s)   (int)(s).len, (s).len ? (s).p : ""
#define SPAN_LIT(lit) ((struct span){("" lit), sizeof(lit) - 1})

static inline struct span span_of(const char *p, size_t len)
{
    return (struct span){p, len};
}
/* NULL gives the empty span. */
static inline struct span span_str(const char *s)
{
    return (struct span){s, s ? strlen(s) : 0};
}
/* A byte; any integer that it is kept in will do. ASCII, whatever the locale. */
static inline bool char_is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
static inline bool char_is_digit(int c)
{
    return c >= '0' && c <= '9';
}
/* -1: no hexadecimal digit. */
static inline int char_hex_value(int c)
{
    if (char_is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
bool span_eq(struct span a, struct span b);
/* Inline, because nearly all are asked about literals, and nearly all differ in length. */
static inline bool span_is(struct span a, const char *s)
{
    return a.len == strlen(s) && (a.len == 0 || memcmp(a.p, s, a.len) == 0);
}
/* ASCII case ignored. */
static inline bool span_eq_ci(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}
static inline bool span_is_ci(struct span a, const char *s)
{
    return span_eq_ci(a, span_of(s, strlen(s)));
}
bool span_starts(struct span a, const char *prefix);
bool span_ends(struct span a, const char *suffix);
/* Without ASCII blanks at both ends. */
struct span span_trim(struct span s);
/* Cuts s at the first `sep`: returns what stands before it, *rest what follows (empty span with p NULL if no sep). */
struct span span_cut(struct span s, char sep, struct span *rest);
/* Index of the first occurrence, or -1. */
ptrdiff_t span_find(struct span s, struct span needle);
/* Heap copy with a NUL. */
char *span_dup(struct span s);
/* Decimal digits only, whole span, no sign; false on anything else or overflow. */
MUST_CHECK bool span_to_u64(struct span s, uint64_t *out_value);

#endif
