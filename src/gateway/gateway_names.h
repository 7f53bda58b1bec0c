/* Which of the names that there are was meant by one that is not. Pure. */
#ifndef HOB_GATEWAY_NAMES_H
#define HOB_GATEWAY_NAMES_H

#include "util/util.h"

/* The nearest first: indexes into names of at most max that are near enough to be meant. Returns how many. */
size_t gateway_names_nearest(const struct strv *names, const char *wanted, size_t *out_indexes, size_t max);

#endif
