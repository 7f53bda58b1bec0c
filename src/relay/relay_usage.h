/*
 * What an answer cost, read from the answer itself while it passes. Pure: bytes in, figures out. Looks only at objects called
 * "usage" and "timings", wherever the bytes are cut, so it takes OpenAI's, Anthropic's and llama-server's answers alike,
 * whole ones and event streams. Text that an engine wrote cannot be taken for one: its quotes are escaped.
 */
#ifndef HOB_RELAY_USAGE_H
#define HOB_RELAY_USAGE_H

#include <stdbool.h>

#include "util/util.h"

#define RELAY_MAX_USAGE_BYTES 4096          /* of such an object; a longer one is passed over */
#define RELAY_MAX_TOKENS      1000000000000 /* what counts more is no count */
#define RELAY_USAGE_TAIL      16            /* a name, its colon, and up to six blanks before the brace */

/* {0} is not valid: relay_usage_init. */
struct relay_usage {
    int64_t tokens_in, tokens_out; /* -1: the engine did not say */
    double tokens_per_s;           /* as the engine says; < 0: it did not */
    bool has_counts;               /* by "usage", which goes before what "timings" has */
    char tail[RELAY_USAGE_TAIL];   /* the last bytes, in which a name may have begun */
    bool is_capturing;             /* between the braces of an object */
    bool in_string, is_escaped, is_timings;
    int depth;
    struct buf object;
};

void relay_usage_init(struct relay_usage *u);
void relay_usage_release(struct relay_usage *u);
/* The next bytes of the body; any cut is fine. */
void relay_usage_feed(struct relay_usage *u, struct span bytes);
/* Tokens per second: the engine's figure, else what it wrote in writing_ms after its first byte; -1: not to be told. */
double relay_usage_speed(const struct relay_usage *u, int64_t writing_ms);

#endif
