/* The engine's table, see the drawing in engine_state.h. Decides; does nothing. */
#include "engine/engine_state.h"

#include <assert.h>

#define STEP(to, act)            \
    {                            \
        ENGINE_##to, (act), true \
    }

/* What is not listed means nothing in that state. */
static const struct {
    enum engine_state next;
    unsigned actions;
    bool listed;
} table[ENGINE_N_STATES][ENGINE_N_EVENTS] = {
    [ENGINE_STOPPED] =
        {
            [ENGINE_EV_START] = STEP(STARTING, ENGINE_DO_SPAWN),
            [ENGINE_EV_RESTART] = STEP(STARTING, ENGINE_DO_SPAWN),
        },
    [ENGINE_STARTING] =
        {
            [ENGINE_EV_STOP] = STEP(STOPPING, ENGINE_DO_END),
            [ENGINE_EV_RESTART] = STEP(STOPPING, ENGINE_DO_END | ENGINE_DO_AGAIN),
            [ENGINE_EV_SPAWN_FAILED] = STEP(FAILED, 0),
            [ENGINE_EV_ANSWERED] = STEP(LOADING, 0),
            [ENGINE_EV_HEALTHY] = STEP(READY, 0),
            [ENGINE_EV_STALLED] = STEP(STOPPING, ENGINE_DO_KILL | ENGINE_DO_FAIL),
            [ENGINE_EV_EXITED] = STEP(FAILED, ENGINE_DO_RECOVER),
        },
    [ENGINE_LOADING] =
        {
            [ENGINE_EV_STOP] = STEP(STOPPING, ENGINE_DO_END),
            [ENGINE_EV_RESTART] = STEP(STOPPING, ENGINE_DO_END | ENGINE_DO_AGAIN),
            [ENGINE_EV_HEALTHY] = STEP(READY, 0),
            [ENGINE_EV_STALLED] = STEP(STOPPING, ENGINE_DO_KILL | ENGINE_DO_FAIL),
            [ENGINE_EV_EXITED] = STEP(FAILED, ENGINE_DO_RECOVER),
        },
    [ENGINE_READY] =
        {
            [ENGINE_EV_STOP] = STEP(STOPPING, ENGINE_DO_END),
            [ENGINE_EV_RESTART] = STEP(STOPPING, ENGINE_DO_END | ENGINE_DO_AGAIN),
            [ENGINE_EV_EXITED] = STEP(FAILED, ENGINE_DO_RECOVER),
        },
    [ENGINE_STOPPING] =
        {
            [ENGINE_EV_START] = STEP(STOPPING, ENGINE_DO_AGAIN),
            [ENGINE_EV_STOP] = STEP(STOPPING, ENGINE_DO_FORGET),
            [ENGINE_EV_RESTART] = STEP(STOPPING, ENGINE_DO_AGAIN),
            /* it was to be stopped before it was found that it cannot be started */
            [ENGINE_EV_SPAWN_FAILED] = STEP(FAILED, 0),
            [ENGINE_EV_GRACE_OVER] = STEP(STOPPING, ENGINE_DO_KILL),
            [ENGINE_EV_EXITED] = STEP(STOPPED, 0),
            [ENGINE_EV_EXITED_FAILED] = STEP(FAILED, 0),
            [ENGINE_EV_EXITED_AGAIN] = STEP(STARTING, ENGINE_DO_SPAWN),
        },
    [ENGINE_FAILED] =
        {
            [ENGINE_EV_START] = STEP(STARTING, ENGINE_DO_SPAWN),
            [ENGINE_EV_RESTART] = STEP(STARTING, ENGINE_DO_SPAWN),
            [ENGINE_EV_STOP] = STEP(STOPPED, 0),
        },
};

struct engine_step engine_step(enum engine_state state, enum engine_event event)
{
    assert((unsigned)state < ENGINE_N_STATES && (unsigned)event < ENGINE_N_EVENTS);
    if (!table[state][event].listed)
        return (struct engine_step){state, 0};
    return (struct engine_step){table[state][event].next, table[state][event].actions};
}

enum engine_event engine_exit_event(enum engine_state state, bool failing, bool again)
{
    if (state != ENGINE_STOPPING)
        return ENGINE_EV_EXITED;
    if (failing)
        return ENGINE_EV_EXITED_FAILED;
    return again ? ENGINE_EV_EXITED_AGAIN : ENGINE_EV_EXITED;
}

bool engine_state_has_process(enum engine_state state)
{
    return state != ENGINE_STOPPED && state != ENGINE_FAILED;
}

const char *engine_state_name(enum engine_state state)
{
    static const char *const names[ENGINE_N_STATES] = {
        [ENGINE_STOPPED] = "stopped", [ENGINE_STARTING] = "starting", [ENGINE_LOADING] = "loading",
        [ENGINE_READY] = "ready",     [ENGINE_STOPPING] = "stopping", [ENGINE_FAILED] = "failed",
    };
    return names[state];
}

const char *engine_event_name(enum engine_event event)
{
    static const char *const names[ENGINE_N_EVENTS] = {
        [ENGINE_EV_START] = "start",
        [ENGINE_EV_STOP] = "stop",
        [ENGINE_EV_RESTART] = "restart",
        [ENGINE_EV_SPAWN_FAILED] = "could not be started",
        [ENGINE_EV_ANSWERED] = "answers",
        [ENGINE_EV_HEALTHY] = "health ok",
        [ENGINE_EV_STALLED] = "no progress",
        [ENGINE_EV_GRACE_OVER] = "grace over",
        [ENGINE_EV_EXITED] = "exited",
        [ENGINE_EV_EXITED_FAILED] = "exited after a failure",
        [ENGINE_EV_EXITED_AGAIN] = "exited, a start waits",
    };
    return names[event];
}
