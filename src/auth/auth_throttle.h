/*
 * Counts guesses (pure: the time is passed in). At most THROTTLE_MAX_GUESSES for a key in any THROTTLE_WINDOW_MS. What is
 * refused does not count, so waiting helps. Keys are short strings that the caller makes.
 */
#ifndef HOB_AUTH_THROTTLE_H
#define HOB_AUTH_THROTTLE_H

#include "util/util.h"

#define THROTTLE_MAX_GUESSES 10
#define THROTTLE_WINDOW_MS   ((int64_t)5 * 60 * 1000)
/* More keys than two hash workers can serve within the window; past that the one that was not used for longest goes. */
#define THROTTLE_MAX_KEYS 16384

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t);
AUTO_DEFINE(throttle, struct throttle, throttle_free)
/* True: this guess is one of the allowed, and is counted. False: *out_wait_ms (> 0) until one is allowed again. */
MUST_CHECK bool throttle_take(struct throttle *t, const char *key, int64_t now_ms, int64_t *out_wait_ms);
/* The guess was right: the key starts afresh. */
void throttle_forget(struct throttle *t, const char *key);
size_t throttle_n_keys(const struct throttle *t);

#endif
