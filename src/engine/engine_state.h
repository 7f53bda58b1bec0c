/*
 * The engine's life as a table: no I/O, no clock, no memory.
 *
 *                START                ANSWERED             HEALTHY
 *     STOPPED ----------> STARTING ------------> LOADING ----------> READY
 *        ^                  |   |  HEALTHY          |                  |
 *        |                  |   +-------------------|------------------^
 *        |                  |                       |                  |
 *        |                  | STOP, STALLED         | STOP, STALLED    | STOP
 *        |                  v                       v                  v
 *        |   EXITED   +------------------------ STOPPING -----------------------+
 *        +------------|  asked to end; KILL when the grace is over, or at once  |
 *                     +-----------------------------------------------------------+
 *                       | EXITED_FAILED (it stalled)   | EXITED_AGAIN (a start waits)
 *                       v                              v
 *     FAILED <----------+                           STARTING
 *        ^
 *        +-- EXITED that nobody asked for, from STARTING, LOADING and READY; SPAWN_FAILED from STARTING
 *
 *     FAILED -- START --> STARTING;  FAILED -- STOP --> STOPPED
 *
 * A time that is over never leads to FAILED: the process is killed first, and FAILED comes with its end.
 */
#ifndef HOB_ENGINE_STATE_H
#define HOB_ENGINE_STATE_H

#include <stdbool.h>

enum engine_state {
    ENGINE_STOPPED,  /* no process; nothing is wrong */
    ENGINE_STARTING, /* one process; it has not answered yet */
    ENGINE_LOADING,  /* one process; it answers, or tells of progress, but not with a model yet */
    ENGINE_READY,    /* one process; its health check has passed */
    ENGINE_STOPPING, /* one process; it was asked or forced to end */
    ENGINE_FAILED,   /* no process; engine_failure() says why */
    ENGINE_N_STATES
};

enum engine_event {
    ENGINE_EV_START,         /* somebody wants it to run */
    ENGINE_EV_STOP,          /* somebody wants it not to run */
    ENGINE_EV_RESTART,       /* somebody wants a new process */
    ENGINE_EV_SPAWN_FAILED,  /* the action SPAWN made no process */
    ENGINE_EV_ANSWERED,      /* it is alive, and says that it loads */
    ENGINE_EV_HEALTHY,       /* its health check passed */
    ENGINE_EV_STALLED,       /* no progress for too long */
    ENGINE_EV_GRACE_OVER,    /* it did not end in time after it was asked to */
    ENGINE_EV_EXITED,        /* the process is gone; in STOPPING: as was asked */
    ENGINE_EV_EXITED_FAILED, /* the process is gone, and it was ended because it had failed */
    ENGINE_EV_EXITED_AGAIN,  /* the process is gone, and a start waits for that */
    ENGINE_N_EVENTS
};

/* What to do after the change, as bits, in this order. */
enum {
    ENGINE_DO_SPAWN = 1 << 0,  /* start a process */
    ENGINE_DO_END = 1 << 1,    /* ask the process to end */
    ENGINE_DO_KILL = 1 << 2,   /* end the process by force */
    ENGINE_DO_FAIL = 1 << 3,   /* remember that the end to come is a failure */
    ENGINE_DO_AGAIN = 1 << 4,  /* remember that a start waits for the end */
    ENGINE_DO_FORGET = 1 << 5, /* forget a start that waits */
    ENGINE_DO_RECOVER =
        1 << 6, /* it ended by itself: if it had been ready before, ask the policy for a restart */
};

struct engine_step {
    enum engine_state next;
    unsigned actions;
};

/* next == state with no actions: the event means nothing in that state. */
struct engine_step engine_step(enum engine_state state, enum engine_event event);
/* Which of the three ends of a process it is. failing wins: the cause of a failure is always shown. */
enum engine_event engine_exit_event(enum engine_state state, bool failing, bool again);
/* A process exists in this state. */
bool engine_state_has_process(enum engine_state state);
/* "stopped", "starting" ... as in the HTTP interface. */
const char *engine_state_name(enum engine_state state);
const char *engine_event_name(enum engine_event event);

#endif
