/* Health probes: GET /health, or /v1/models where there is none. A fresh connection each: the listener is asked too. */
#include "engine/engine_health.h"

/* A loading engine may be slow to answer: its loader holds the lock. */
#define ANSWER_MS 5000

static void probe(void *arg);

static void wait_for_next(struct engine_health *h)
{
    int64_t age_ms = clock_ms() - h->started_ms;
    loop_timer_start(&h->timer, h->is_ready     ? ENGINE_HEALTH_READY_MS
                                : age_ms < 500  ? ENGINE_HEALTH_FIRST_MS
                                : age_ms < 3000 ? ENGINE_HEALTH_FAST_MS
                                                : ENGINE_HEALTH_SLOW_MS);
}

static enum engine_health_answer judge(struct engine_health *h)
{
    if (h->status >= 200 && h->status < 300)
        return ENGINE_HEALTH_OK;
    /* it wants a key: so it runs */
    if (h->status == 401 || h->status == 403)
        return ENGINE_HEALTH_OK;
    if ((h->status == 404 || h->status == 405 || h->status == 501) && !h->asks_models)
        h->asks_models = true;
    return ENGINE_HEALTH_LOADING;
}

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)call, (void)fields;
    struct engine_health *h = arg;
    h->status = status;
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call, (void)arg, (void)data;
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call, (void)why;
    struct engine_health *h = arg;
    h->call = NULL;
    wait_for_next(h);
    enum engine_health_answer answer = ENGINE_HEALTH_NONE;
    if (h->status)
        answer = judge(h);
    else if (e == ERR_TIMEOUT || e == ERR_CLOSED || e == ERR_PROTOCOL)
        answer = h->is_ready ? ENGINE_HEALTH_NONE : ENGINE_HEALTH_LOADING;
    h->on_answer(h->arg, answer);
}

static void probe(void *arg)
{
    struct engine_health *h = arg;
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct http_call_options options = {.method = "GET",
                                        .target = h->asks_models ? "/v1/models" : "/health",
                                        .connect_timeout_ms = ANSWER_MS,
                                        .header_timeout_ms = ANSWER_MS,
                                        .idle_timeout_ms = ANSWER_MS,
                                        .fresh = true};
    h->status = 0;
    h->call = http_call_start(h->client, h->endpoint, &options, &events, h);
}

void engine_health_start(struct engine_health *h, struct loop *l, struct http_client *client,
                         const struct http_endpoint *endpoint,
                         void (*on_answer)(void *arg, enum engine_health_answer answer), void *arg)
{
    *h = (struct engine_health){
        .client = client, .endpoint = endpoint, .on_answer = on_answer, .arg = arg, .started_ms = clock_ms()};
    loop_timer_init(&h->timer, l, probe, h);
    wait_for_next(h);
}

void engine_health_set_ready(struct engine_health *h)
{
    h->is_ready = true;
    if (!h->call)
        wait_for_next(h);
}

void engine_health_hurry(struct engine_health *h)
{
    if (h->on_answer && !h->call)
        loop_timer_start(&h->timer, 0);
}

void engine_health_stop(struct engine_health *h)
{
    loop_timer_stop(&h->timer);
    if (h->call)
        http_call_cancel(h->call);
    *h = (struct engine_health){0};
}
