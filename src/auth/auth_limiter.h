/*
 * Counts what one key or one account uses (pure: the time is passed in), in a window that slides by seconds: in no minute
 * is more let through than the limit. Its memory is bounded: a window is two counters and LIMITER_N_SLOTS seconds.
 *
 * Tokens are known when a request has ended. Then they count, and the next request is refused once the minute's are used up;
 * requests under way at once may use more than the limit together.
 */
#ifndef HOB_AUTH_LIMITER_H
#define HOB_AUTH_LIMITER_H

#include "auth/auth.h"

#define LIMITER_WINDOW_S 60
#define LIMITER_N_SLOTS  (LIMITER_WINDOW_S + 1) /* a whole minute, and the second that runs */

struct limiter_window {
    int64_t newest_s; /* the second of the newest slot */
    int64_t total;
    int64_t n[LIMITER_N_SLOTS]; /* by second, a ring */
};

/* {0} has no limits. */
struct limiter {
    struct rate_limits limits;
    int64_t n_parallel;                       /* under way, with a limit or without */
    struct limiter_window *requests, *tokens; /* NULL: no such limit, nothing is counted */
};

/* What was counted of a limit that stays is kept. */
void limiter_set(struct limiter *l, const struct rate_limits *limits);
void limiter_release(struct limiter *l);
/* Fills *out_hit with the limit that keeps a request waiting longest. False: none does; *out_hit stays. n_elsewhere: requests
 * under way that begin and end without the limiter. */
MUST_CHECK bool limiter_is_hit(struct limiter *l, int64_t n_elsewhere, int64_t now_ms,
                               struct auth_limit_hit *out_hit);
/* A request begins, and ends. */
void limiter_begin(struct limiter *l, int64_t now_ms);
void limiter_end(struct limiter *l);
void limiter_note_tokens(struct limiter *l, int64_t n, int64_t now_ms);
/* What is left of a limit; .limit 0: there is none. */
struct auth_limit_left limiter_requests_left(struct limiter *l, int64_t now_ms);
struct auth_limit_left limiter_tokens_left(struct limiter *l, int64_t now_ms);

#endif
