/* Crash restarts: how long to wait, and when to give up. */
#include "engine/engine_policy.h"

#include <string.h>

int64_t engine_policy_crashed(struct engine_policy *p, int64_t now_ms)
{
    unsigned slot = p->n_crashes % ENGINE_POLICY_CRASHES;
    unsigned last = (p->n_crashes + ENGINE_POLICY_CRASHES - 1) % ENGINE_POLICY_CRASHES;
    if (p->n_crashes == 0 || now_ms - p->crashed_ms[last] > ENGINE_POLICY_WINDOW_MS)
        p->streak = 0;
    p->crashed_ms[slot] = now_ms;
    p->n_crashes++;
    p->streak++;

    /* the slot after the newest holds the oldest of the last five */
    unsigned oldest = p->n_crashes % ENGINE_POLICY_CRASHES;
    if (p->n_crashes >= ENGINE_POLICY_CRASHES && now_ms - p->crashed_ms[oldest] <= ENGINE_POLICY_WINDOW_MS)
        return -1;

    int64_t delay_ms = ENGINE_POLICY_FIRST_MS;
    for (unsigned i = 1; i < p->streak && delay_ms < ENGINE_POLICY_CAP_MS; i++)
        delay_ms *= 2;
    return delay_ms < ENGINE_POLICY_CAP_MS ? delay_ms : ENGINE_POLICY_CAP_MS;
}

void engine_policy_reset(struct engine_policy *p)
{
    memset(p, 0, sizeof *p);
}
