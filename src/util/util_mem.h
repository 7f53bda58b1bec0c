/*
 * Allocation that does not fail: out of memory aborts with a line on stderr. So every size that a peer or a user
 * chooses is bounded before it comes here.
 */
#ifndef HOB_UTIL_MEM_H
#define HOB_UTIL_MEM_H

#include <stddef.h>

#include "util/util_auto.h"

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
/* NULL stays NULL. */
char *xstrdup(const char *s);
/* Copies n bytes and adds a NUL. */
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Frees *field and stores a copy of s (NULL allowed). */
void xreplace(char **field, const char *s);

#endif
