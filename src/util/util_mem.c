/* Allocation that does not fail. */
#include "util/util_mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* glibc before 2.41 gives calloc nothing of a thread's cache, from which what comes and goes with each request is had sooner. */
#define CACHED_BYTES ((size_t)1024)

static void *or_die(void *p)
{
    if (!p) {
        static const char message[] = "hob: out of memory\n";
        (void)!fwrite(message, 1, sizeof message - 1, stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return or_die(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
    if (n == 0 || size == 0)
        return or_die(calloc(1, 1));
    if (size > CACHED_BYTES / n)
        return or_die(calloc(n, size));
    return memset(xmalloc(n * size), 0, n * size);
}

void *xrealloc(void *p, size_t size)
{
    return or_die(realloc(p, size ? size : 1));
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(n + 1);
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xstrdup(const char *s)
{
    return s ? xstrndup(s, strlen(s)) : NULL;
}

void *xmemdup(const void *p, size_t n)
{
    void *copy = xmalloc(n);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return or_die(n < 0 ? NULL : text);
}

void xreplace(char **field, const char *s)
{
    char *copy = xstrdup(s);
    free(*field);
    *field = copy;
}
