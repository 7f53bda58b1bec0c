/* A growing byte buffer. */
#include "util/util_buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/util_mem.h"

struct buf *buf_new(void)
{
    return xcalloc(1, sizeof(struct buf));
}

void buf_release(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

void buf_free(struct buf *b)
{
    if (!b)
        return;
    buf_release(b);
    free(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->p)
        b->p[0] = '\0';
}

static void grow(struct buf *b, size_t n)
{
    assert(n < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
    size_t cap = b->cap ? b->cap * 2 : 64;
    if (cap < b->len + n + 1)
        cap = (b->len + n + 64) / 64 * 64;
    b->p = xrealloc(b->p, cap);
    b->cap = cap;
    b->p[b->len] = '\0';
}

/* What is appended for the most part finds room. */
static inline char *room_for(struct buf *b, size_t n)
{
    if (b->cap - b->len <= n) /* also without memory, and when n is beyond all bounds */
        grow(b, n);
    return b->p + b->len;
}

char *buf_reserve(struct buf *b, size_t n)
{
    return room_for(b, n);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    char *at = room_for(b, n);
    if (n)
        memcpy(at, p, n);
    at[n] = '\0';
    b->len += n;
}

void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.p, s.len);
}

void buf_add_char(struct buf *b, char c)
{
    char *at = room_for(b, 1);
    at[0] = c;
    at[1] = '\0';
    b->len++;
}

void buf_add_i64(struct buf *b, int64_t v)
{
    char digits[20]; /* 2^63 has 19 */
    char *first = digits + sizeof digits;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--first = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        *--first = '-';
    buf_add(b, first, (size_t)(digits + sizeof digits - first));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    size_t room = b->p ? b->cap - b->len : 0; /* mostly enough: formatted once */
    int n = vsnprintf(room ? b->p + b->len : NULL, room, fmt, args);
    va_end(args);
    assert(n >= 0);
    if ((size_t)n >= room) {
        char *at = buf_reserve(b, (size_t)n);
        (void)vsnprintf(at, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    b->len += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->len - n);
    b->len -= n;
    b->p[b->len] = '\0';
}

struct span buf_span(const struct buf *b)
{
    return span_of(b->p, b->len);
}

char *buf_take_str(struct buf *b)
{
    (void)buf_reserve(b, 0);
    b->p[b->len] = '\0'; /* whoever wrote into what buf_reserve() gave may not have ended it */
    char *s = b->p;
    *b = (struct buf){0};
    return s;
}

const char *buf_str(const struct buf *b)
{
    return b->p ? b->p : "";
}
