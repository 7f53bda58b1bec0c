/* Which known name somebody may have meant. */
#ifndef HOB_UTIL_NEAR_H
#define HOB_UTIL_NEAR_H

#include <stddef.h>

#include "util/util_span.h"

#define STR_DISTANCE_MAX_BYTES 128 /* longer texts are as far from each other as they can be */

/* Letters to insert, drop, replace or swap with their neighbour, ASCII case ignored; SIZE_MAX: one of them is too long. */
size_t str_distance(struct span a, struct span b);
/* The one that is near enough to be a slip of the pen; NULL: none is. */
const char *str_nearest(const char *text, const char *const *names, size_t n_names);

#endif
