/*
 * Scoped ownership: AUTO(buf) struct buf *b = buf_new(); frees b with buf_free() when the scope ends.
 * TAKE(p) hands the pointer over and leaves NULL behind.
 */
#ifndef HOB_UTIL_AUTO_H
#define HOB_UTIL_AUTO_H

#include <stdlib.h>

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Declares the cleanup function for `struct T *` freed by free_fn; one line per type, beside its _free(). */
#define AUTO_DEFINE(name, T, free_fn)     \
    static inline void auto_##name(T **p) \
    {                                     \
        free_fn(*p);                      \
    }
#define AUTO(name) __attribute__((cleanup(auto_##name)))
#define TAKE(p)                       \
    __extension__({                   \
        __typeof__(p) take_tmp = (p); \
        (p) = NULL;                   \
        take_tmp;                     \
    })

/* AUTO(mem) char *s = xstrdup(...); */
static inline void auto_mem(void *p)
{
    free(*(void **)p);
}

#endif
