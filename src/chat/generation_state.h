/*
 * The life of one answer as a table: no I/O, no clock, no memory.
 *
 *              READY              HEADER                TOKEN               COMPLETE
 *     QUEUED ---------> CONNECTING ---------> ANSWERING ---------> STREAMING ----------> DONE
 *       |                |     |               ^    |                  |
 *       |                |     | BUSY          |    |                  |
 *       |                |     +--> PROMISED --+    |                  |
 *       |                |           HEADER |       | COMPLETE: DONE   |
 *       |                v                  v       v                  v
 *       |              FAILED on BREAK and SHUTDOWN               INTERRUPTED on BREAK and SHUTDOWN
 *       +-- BREAK: FAILED; SHUTDOWN changes nothing: it waits in the store
 *
 *     STOP ends every unfinished state in STOPPED.
 *
 * Before the first token a failure may be tried again; after it the text is kept and nothing is sent again by itself.
 */
#ifndef HOB_GENERATION_STATE_H
#define HOB_GENERATION_STATE_H

#include <stdbool.h>

enum generation_state {
    GENERATION_QUEUED,     /* in the outbox; no call */
    GENERATION_CONNECTING, /* being prepared or called; who asked has heard nothing yet */
    GENERATION_PROMISED,   /* as CONNECTING, but the engine is busy: who asked has got a 200 and comments */
    GENERATION_ANSWERING,  /* the engine's 200 is there, no text yet */
    GENERATION_STREAMING,  /* text is coming */
    GENERATION_DONE,
    GENERATION_STOPPED,     /* by its owner; the text so far is kept */
    GENERATION_INTERRUPTED, /* broke after the first token; the text so far is kept */
    GENERATION_FAILED,      /* broke before the first token; there is no answer */
    GENERATION_N_STATES
};

enum generation_event {
    GENERATION_EV_READY,    /* the engine can be called */
    GENERATION_EV_BUSY,     /* it has been silent for CHAT_BUSY_MS */
    GENERATION_EV_HEADER,   /* its status is 200 */
    GENERATION_EV_TOKEN,    /* the first text (content, reasoning or tool call) */
    GENERATION_EV_COMPLETE, /* it finished the answer */
    GENERATION_EV_BREAK,    /* it refused, died, stalled, or said an error */
    GENERATION_EV_STOP,     /* the owner wants no more of it */
    GENERATION_EV_SHUTDOWN, /* hob ends, and the grace is over */
    GENERATION_N_EVENTS
};

/* What to do after the change, as bits, in this order. */
enum {
    GENERATION_DO_CALL = 1 << 0,    /* prepare the prompt, call the engine */
    GENERATION_DO_CANCEL = 1 << 1,  /* end the engine's work at once */
    GENERATION_DO_ACCEPT = 1 << 2,  /* who asked gets 200 */
    GENERATION_DO_ANSWERS = 1 << 3, /* store and tell that it streams */
    GENERATION_DO_DONE = 1 << 4,    /* log `event: done` */
    GENERATION_DO_ERROR = 1 << 5,   /* log `event: error` */
    GENERATION_DO_FINISH = 1 << 6,  /* store the end; then who still waits gets the failure */
};

struct generation_step {
    enum generation_state next;
    unsigned actions;
};

/* next == state with no actions: the event means nothing in that state. */
struct generation_step generation_step(enum generation_state state, enum generation_event event);
bool generation_state_is_over(enum generation_state state);
/* A message whose answer ended like this may be sent again by itself. */
bool generation_state_is_retryable(enum generation_state state);
/* "queued", "connecting", "streaming", "done" ... as in the store and the HTTP interface. */
const char *generation_state_name(enum generation_state state);
const char *generation_event_name(enum generation_event event);

#endif
