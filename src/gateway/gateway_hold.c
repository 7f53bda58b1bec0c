/* Holds: requests that wait for an engine. Leaving one changes nothing for the engine. */
#include "gateway/gateway_room.h"

struct gateway_hold {
    struct server *s;
    gateway_hold_fn fn;
    void *arg;
    bool is_retry;    /* until the first look */
    bool has_started; /* it was seen on its way up: somebody who stops it then means it */
    bool is_full;     /* one too many: refused at the first look */
    int64_t deadline_ms;
    struct loop_timer timer;
    struct list node; /* in server.holds */
};

static void unlink_hold(struct gateway_hold *h)
{
    loop_timer_stop(&h->timer);
    list_remove(&h->node);
    h->s->n_holds--;
}

static void end_hold(struct gateway_hold *h, const struct gateway_failure *f)
{
    struct server *s = h->s;
    unlink_hold(h);
    h->fn(h->arg, s, f);
    free(h);
}

static void look_again(void *arg)
{
    struct gateway_hold *h = arg;
    struct gateway_failure f;
    if (h->is_full) {
        gateway_failure_set(&f, ERR_BUSY, "too_many_waiting", h->s, "Too many requests wait for %s",
                            h->s->row.name);
        f.retry_after_s = 5;
        end_hold(h, &f);
        return;
    }
    bool is_leaving = h->s->is_leaving && !h->s->removed && !h->s->g->closing;
    enum err e = is_leaving ? ERR_LOADING : gateway_ask(h->s->g, h->s, h->is_retry, !h->has_started, &f);
    enum engine_state state = h->s->engine ? engine_state(h->s->engine) : ENGINE_STOPPED;
    h->has_started = h->has_started || state == ENGINE_STARTING || state == ENGINE_LOADING;
    h->is_retry = false;
    int64_t left_ms = h->deadline_ms - clock_ms();
    if (e == ERR_OK) {
        end_hold(h, NULL);
    } else if (e != ERR_LOADING || h->s->g->closing) {
        end_hold(h, &f);
    } else if (left_ms <= 0) {
        gateway_failure_set(&f, ERR_TIMEOUT, "engine_timeout", h->s, "%s was not ready in time",
                            h->s->row.name);
        end_hold(h, &f);
    } else {
        loop_timer_start(&h->timer, left_ms);
    }
}

struct gateway_hold *gateway_wait_ready(struct gateway *g, struct server *s, bool is_retry,
                                        gateway_hold_fn fn, void *arg)
{
    struct gateway_hold *h = xcalloc(1, sizeof *h);
    h->s = s;
    h->fn = fn;
    h->arg = arg;
    h->is_retry = is_retry;
    h->is_full = s->n_holds >= GATEWAY_MAX_HOLDS;
    h->deadline_ms = clock_ms() + GATEWAY_HOLD_TIMEOUT_MS;
    list_init(&h->node);
    list_push_back(&s->holds, &h->node);
    s->n_holds++;
    loop_timer_init(&h->timer, g->loop, look_again, h);
    loop_timer_start(&h->timer, 0);
    return h;
}

void gateway_hold_cancel(struct gateway_hold *h)
{
    if (!h)
        return;
    unlink_hold(h);
    free(h);
}

void server_wake_holds(struct server *s)
{
    LIST_EACH(h, &s->holds, struct gateway_hold, node)
        loop_timer_start(&h->timer, 0);
}

void server_fail_holds(struct server *s, const struct gateway_failure *f)
{
    while (!list_is_empty(&s->holds))
        end_hold(LIST_FIRST(&s->holds, struct gateway_hold, node), f);
}
