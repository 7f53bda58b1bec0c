/* What becomes of a request to an engine: one table, no I/O, no clock. */
#include "gateway/gateway_policy.h"

#include <assert.h>

struct gateway_decision gateway_decide(const struct gateway_question *q)
{
    /* The seconds are what a client should wait that hears no events: loads take a while, starts and stops do not. */
    static const struct gateway_decision starts = {GATEWAY_START, "engine_starting", 2};
    switch (q->state) {
    case ENGINE_READY:
        if (q->yields)
            return (struct gateway_decision){GATEWAY_LATER, "waiting_for_memory", 2};
        return (struct gateway_decision){GATEWAY_GO, NULL, 0};
    case ENGINE_STARTING: return (struct gateway_decision){GATEWAY_LATER, "engine_starting", 2};
    case ENGINE_LOADING: return (struct gateway_decision){GATEWAY_LATER, "engine_loading", 2};
    case ENGINE_STOPPING: return (struct gateway_decision){GATEWAY_LATER, "engine_stopping", 1};
    case ENGINE_FAILED:
        if (q->is_retry || q->is_wanted)
            return starts;
        if (q->restarts)
            return (struct gateway_decision){GATEWAY_LATER, "engine_starting", 2};
        return (struct gateway_decision){GATEWAY_FAILED, "engine_failed", 0};
    case ENGINE_STOPPED:
        if (q->on_demand || q->is_wanted)
            return starts;
        return (struct gateway_decision){GATEWAY_STOPPED, "engine_stopped", 0};
    case ENGINE_N_STATES: break;
    }
    assert(q->state < ENGINE_N_STATES);
    return starts;
}
