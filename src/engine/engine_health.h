/* Asks an engine over HTTP whether it is ready: often at first, seldom later. */
#ifndef HOB_ENGINE_HEALTH_H
#define HOB_ENGINE_HEALTH_H

#include "engine/engine.h"

#define ENGINE_HEALTH_FIRST_MS 25  /* between probes in the first half second: small models load in less */
#define ENGINE_HEALTH_FAST_MS  100 /* in the first three */
#define ENGINE_HEALTH_SLOW_MS  500
#define ENGINE_HEALTH_READY_MS 10000 /* while it is ready */

enum engine_health_answer {
    ENGINE_HEALTH_NONE,    /* nobody listens, or no answer */
    ENGINE_HEALTH_LOADING, /* it answers, not ready */
    ENGINE_HEALTH_OK
};

/* {0} is one that does not run. */
struct engine_health {
    struct http_client *client;
    const struct http_endpoint *endpoint;
    void (*on_answer)(void *arg, enum engine_health_answer answer);
    void *arg;
    struct loop_timer timer;
    struct http_call *call;
    int64_t started_ms;
    bool is_ready;    /* READY's pace */
    bool asks_models; /* it has no /health: /v1/models is asked */
    int status;
};

/* on_answer runs after each probe. endpoint must live until engine_health_stop. */
void engine_health_start(struct engine_health *h, struct loop *l, struct http_client *client,
                         const struct http_endpoint *endpoint,
                         void (*on_answer)(void *arg, enum engine_health_answer answer), void *arg);
void engine_health_set_ready(struct engine_health *h);
/* Probes now, if none is under way: something was seen that makes it likely. */
void engine_health_hurry(struct engine_health *h);
/* No call of on_answer comes after it. */
void engine_health_stop(struct engine_health *h);

#endif
