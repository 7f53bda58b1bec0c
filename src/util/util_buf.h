/* A growing byte buffer, always NUL-terminated behind len. {0} is a valid empty one. */
#ifndef HOB_UTIL_BUF_H
#define HOB_UTIL_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/util_auto.h"
#include "util/util_span.h"

struct buf {
    char *p;    /* NULL until the first byte */
    size_t len; /* bytes used */
    size_t cap;
};

struct buf *buf_new(void);
void buf_free(struct buf *b);
AUTO_DEFINE(buf, struct buf, buf_free)
/* For a buf that lives in another struct or on the stack: frees the bytes, leaves it empty. */
void buf_release(struct buf *b);
/* len = 0, memory kept. */
void buf_clear(struct buf *b);
/* Room for n more bytes; returns where they go. The caller adds to len. */
char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
/* Inline: most are literals, whose length the compiler knows. */
static inline void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}
void buf_add_span(struct buf *b, struct span s);
void buf_add_char(struct buf *b, char c);
/* In decimal. Where it is done by the thousand, much cheaper than buf_addf. */
void buf_add_i64(struct buf *b, int64_t v);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops n bytes from the front (memmove). */
void buf_drop(struct buf *b, size_t n);
struct span buf_span(const struct buf *b);
/* The bytes as a heap string that the caller owns; the buf is empty after. Never NULL. */
char *buf_take_str(struct buf *b);
/* "" when empty. */
const char *buf_str(const struct buf *b);

#endif
