/*
 * When a crashed engine is started again: after 1, 2, 4 ... 60 s, and not any more after 5 crashes in 10 minutes.
 * Pure: time is an argument (monotonic ms). Only crashes of a READY engine count; a load that fails would fail again.
 */
#ifndef HOB_ENGINE_POLICY_H
#define HOB_ENGINE_POLICY_H

#include <stdint.h>

#define ENGINE_POLICY_FIRST_MS  1000
#define ENGINE_POLICY_CAP_MS    60000
#define ENGINE_POLICY_CRASHES   5
#define ENGINE_POLICY_WINDOW_MS (10 * 60 * 1000)

/* {0} is a policy without crashes. */
struct engine_policy {
    int64_t crashed_ms[ENGINE_POLICY_CRASHES]; /* the newest ones, a ring */
    unsigned n_crashes;                        /* ever */
    unsigned streak;                           /* without a long quiet time between them */
};

/* Notes a crash; returns the delay until the restart, or -1: leave it. */
int64_t engine_policy_crashed(struct engine_policy *p, int64_t now_ms);
/* Somebody started or stopped it by hand: begins anew. */
void engine_policy_reset(struct engine_policy *p);

#endif
