/* What becomes of a request to an engine, as a table over the engine's state. Pure. */
#ifndef HOB_GATEWAY_POLICY_H
#define HOB_GATEWAY_POLICY_H

#include <stdbool.h>

#include "engine/engine.h"

enum gateway_verdict {
    GATEWAY_GO,      /* call it now */
    GATEWAY_START,   /* start it; then as GATEWAY_LATER */
    GATEWAY_LATER,   /* it is on its way: 503, or hold */
    GATEWAY_FAILED,  /* it has failed and nobody asked to try again: 409 */
    GATEWAY_STOPPED, /* it may not be started by a request: 409 */
};

struct gateway_question {
    enum engine_state state;
    bool on_demand; /* a request may start it */
    bool is_retry;  /* a person asked again: a failed engine gets another start */
    bool is_wanted; /* it waits for memory already */
    bool yields;    /* it takes no new requests: another one needs its memory */
    bool restarts;  /* it failed, and starts again by itself soon */
};

struct gateway_decision {
    enum gateway_verdict verdict;
    const char *code; /* static; NULL with GATEWAY_GO */
    int retry_after_s;
};

struct gateway_decision gateway_decide(const struct gateway_question *q);

#endif
