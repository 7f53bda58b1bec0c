/* Time. Only the monotonic clock decides anything; the wall clock is for what people see and what is stored. */
#ifndef HOB_UTIL_CLOCK_H
#define HOB_UTIL_CLOCK_H

#include <stdint.h>

/* Milliseconds, monotonic, from an arbitrary start; never 0. */
int64_t clock_ms(void);
int64_t clock_ns(void);
/* Milliseconds since the Unix epoch. */
int64_t clock_wall_ms(void);

#endif
