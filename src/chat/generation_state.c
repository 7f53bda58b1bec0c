/* The life of one answer: the table. */
#include "chat/generation_state.h"

#include <assert.h>

#define CALL    GENERATION_DO_CALL
#define CANCEL  GENERATION_DO_CANCEL
#define ACCEPT  GENERATION_DO_ACCEPT
#define ANSWERS GENERATION_DO_ANSWERS
#define DONE    (GENERATION_DO_CANCEL | GENERATION_DO_ACCEPT | GENERATION_DO_DONE | GENERATION_DO_FINISH)
#define BROKEN  (GENERATION_DO_CANCEL | GENERATION_DO_ERROR | GENERATION_DO_FINISH)

/* An entry that is not there ({0, 0}) leaves all as it is: no entry leads to QUEUED. */
static const struct generation_step table[GENERATION_N_STATES][GENERATION_N_EVENTS] = {
    [GENERATION_QUEUED] =
        {
            [GENERATION_EV_READY] = {GENERATION_CONNECTING, CALL},
            [GENERATION_EV_BREAK] = {GENERATION_FAILED, BROKEN},
            [GENERATION_EV_STOP] = {GENERATION_STOPPED, DONE},
        },
    [GENERATION_CONNECTING] =
        {
            [GENERATION_EV_BUSY] = {GENERATION_PROMISED, ACCEPT},
            [GENERATION_EV_HEADER] = {GENERATION_ANSWERING, ACCEPT | ANSWERS},
            [GENERATION_EV_BREAK] = {GENERATION_FAILED, BROKEN},
            [GENERATION_EV_STOP] = {GENERATION_STOPPED, DONE},
            [GENERATION_EV_SHUTDOWN] = {GENERATION_FAILED, BROKEN},
        },
    [GENERATION_PROMISED] =
        {
            [GENERATION_EV_HEADER] = {GENERATION_ANSWERING, ANSWERS},
            [GENERATION_EV_BREAK] = {GENERATION_FAILED, BROKEN},
            [GENERATION_EV_STOP] = {GENERATION_STOPPED, DONE},
            [GENERATION_EV_SHUTDOWN] = {GENERATION_FAILED, BROKEN},
        },
    [GENERATION_ANSWERING] =
        {
            [GENERATION_EV_TOKEN] = {GENERATION_STREAMING, 0},
            [GENERATION_EV_COMPLETE] = {GENERATION_DONE, DONE},
            [GENERATION_EV_BREAK] = {GENERATION_FAILED, BROKEN},
            [GENERATION_EV_STOP] = {GENERATION_STOPPED, DONE},
            [GENERATION_EV_SHUTDOWN] = {GENERATION_FAILED, BROKEN},
        },
    [GENERATION_STREAMING] =
        {
            [GENERATION_EV_COMPLETE] = {GENERATION_DONE, DONE},
            [GENERATION_EV_BREAK] = {GENERATION_INTERRUPTED, BROKEN},
            [GENERATION_EV_STOP] = {GENERATION_STOPPED, DONE},
            [GENERATION_EV_SHUTDOWN] = {GENERATION_INTERRUPTED, BROKEN},
        },
};

struct generation_step generation_step(enum generation_state state, enum generation_event event)
{
    assert(state < GENERATION_N_STATES && event < GENERATION_N_EVENTS);
    struct generation_step step = table[state][event];
    if (step.next == GENERATION_QUEUED)
        return (struct generation_step){state, 0};
    return step;
}

bool generation_state_is_over(enum generation_state state)
{
    return state >= GENERATION_DONE;
}

bool generation_state_is_retryable(enum generation_state state)
{
    return state == GENERATION_FAILED;
}

const char *generation_state_name(enum generation_state state)
{
    static const char *const names[GENERATION_N_STATES] = {
        [GENERATION_QUEUED] = "queued",       [GENERATION_CONNECTING] = "connecting",
        [GENERATION_PROMISED] = "connecting", [GENERATION_ANSWERING] = "streaming",
        [GENERATION_STREAMING] = "streaming", [GENERATION_DONE] = "done",
        [GENERATION_STOPPED] = "stopped",     [GENERATION_INTERRUPTED] = "interrupted",
        [GENERATION_FAILED] = "failed",
    };
    assert(state < GENERATION_N_STATES);
    return names[state];
}

const char *generation_event_name(enum generation_event event)
{
    static const char *const names[GENERATION_N_EVENTS] = {
        [GENERATION_EV_READY] = "ready",       [GENERATION_EV_BUSY] = "busy",
        [GENERATION_EV_HEADER] = "header",     [GENERATION_EV_TOKEN] = "token",
        [GENERATION_EV_COMPLETE] = "complete", [GENERATION_EV_BREAK] = "break",
        [GENERATION_EV_STOP] = "stop",         [GENERATION_EV_SHUTDOWN] = "shutdown",
    };
    assert(event < GENERATION_N_EVENTS);
    return names[event];
}
