/* Holds: requests that wait for an engine, or for their turn with it. Leaving one changes nothing for the engine. */
#include "gateway/gateway_room.h"

#include <stdio.h>

#define RETRY_FULL_S 5 /* Retry-After of one that found no place */

static void unlink_hold(struct gateway_hold *h)
{
    loop_timer_stop(&h->timer);
    list_remove(&h->node);
    queue_leave(&h->s->queue, &h->ticket);
    h->s->n_holds--;
}

static void end_hold(struct gateway_hold *h, const struct gateway_failure *f)
{
    struct server *s = h->s;
    unlink_hold(h);
    h->fn(h->arg, s, f);
    free(h);
}

static void refuse(struct gateway_hold *h)
{
    struct gateway_failure f;
    gateway_failure_set(&f, ERR_LIMITED, "queue_full", h->s, "Too many requests wait for %s", h->s->row.name);
    f.retry_after_s = RETRY_FULL_S;
    end_hold(h, &f);
}

static void give_up(struct gateway_hold *h)
{
    struct gateway_failure f;
    gateway_failure_set(&f, ERR_BUSY, "queue_timeout", h->s, "%s did not get to this request in %lld s",
                        h->s->row.name, (long long)(clock_ms() - h->since_ms) / 1000);
    f.retry_after_s = RETRY_FULL_S;
    end_hold(h, &f);
}

static void look_again(void *arg)
{
    struct gateway_hold *h = arg;
    struct server *s = h->s;
    struct gateway_failure f;
    if (h->is_full) {
        refuse(h);
        return;
    }
    int64_t left_ms = h->deadline_ms - clock_ms();
    /* Before the question: a start that fails at once wakes the hold while it is asked. */
    loop_timer_start(&h->timer, left_ms > 0 ? left_ms : 0);
    bool is_leaving = s->is_leaving && !s->removed && !s->g->closing;
    enum err e = is_leaving ? ERR_LOADING : gateway_ask(s->g, s, h->is_retry, !h->has_started, &f);
    enum engine_state state = s->engine ? engine_state(s->engine) : ENGINE_STOPPED;
    h->has_started = h->has_started || state == ENGINE_STARTING || state == ENGINE_LOADING ||
                     state == ENGINE_READY || (s->engine && memory_is_waiting(s));
    h->is_retry = false;
    if (e == ERR_OK && !h->wants_turn)
        end_hold(h, NULL);
    else if (e && (e != ERR_LOADING || s->g->closing))
        end_hold(h, &f);
    else if (left_ms <= 0)
        give_up(h);
    else if (!e)
        server_look_at_turns(s);
}

static struct gateway_hold *new_hold(struct server *s, bool is_retry, gateway_hold_fn fn, void *arg)
{
    struct gateway_hold *h = xcalloc(1, sizeof *h);
    h->s = s;
    h->fn = fn;
    h->arg = arg;
    h->is_retry = is_retry;
    h->since_ms = clock_ms();
    h->deadline_ms = h->since_ms +
                     (s->settings.hold_s ? s->settings.hold_s * INT64_C(1000) : GATEWAY_HOLD_TIMEOUT_MS);
    list_init(&h->ticket.node);
    list_init(&h->node);
    list_push_back(&s->holds, &h->node);
    s->n_holds++;
    loop_timer_init(&h->timer, s->g->loop, look_again, h);
    loop_timer_start(&h->timer, 0);
    return h;
}

size_t server_max_waiting(const struct server *s)
{
    return s->settings.max_waiting ? (size_t)s->settings.max_waiting : GATEWAY_MAX_HOLDS;
}

struct gateway_hold *gateway_wait_ready(struct gateway *g, struct server *s, bool is_retry,
                                        gateway_hold_fn fn, void *arg)
{
    (void)g;
    bool is_full = s->n_holds >= server_max_waiting(s);
    struct gateway_hold *h = new_hold(s, is_retry, fn, arg);
    h->is_full = is_full;
    return h;
}

struct gateway_hold *server_wait_turn(struct server *s, const struct gateway_client *client, bool is_again,
                                      gateway_hold_fn fn, void *arg)
{
    char owner[QUEUE_MAX_OWNER_BYTES + 1];
    (void)snprintf(owner, sizeof owner, "%s/%s", client->user_id, client->key_id);
    struct gateway_hold *h = new_hold(s, false, fn, arg);
    h->wants_turn = true;
    memcpy(h->request_id, client->request_id, sizeof h->request_id);
    if (is_again)
        queue_rejoin(&s->queue, owner, &h->ticket);
    else if (queue_has_room(&s->queue, owner, server_max_waiting(s)))
        queue_join(&s->queue, owner, &h->ticket);
    else
        h->is_full = true;
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

void server_grant(struct queue_ticket *t)
{
    end_hold(CONTAINER_OF(t, struct gateway_hold, ticket), NULL);
}

/* ---- what it waits for ---- */

size_t gateway_hold_n_ahead(const struct gateway_hold *h)
{
    return h->ticket.lane ? queue_place(&h->s->queue, &h->ticket) + 1 : 0;
}

void gateway_hold_describe(const struct gateway_hold *h, struct buf *out)
{
    const struct server *s = h->s;
    enum engine_state state = s->engine ? engine_state(s->engine) : ENGINE_STOPPED;
    struct engine_progress progress = {.value = -1};
    if (state != ENGINE_READY && s->engine)
        (void)engine_progress(s->engine, &progress);
    if (s->wait_note)
        buf_add_str(out, s->wait_note);
    else if (state == ENGINE_READY && h->ticket.lane)
        buf_addf(out, "%zu ahead of you", gateway_hold_n_ahead(h));
    else if (state == ENGINE_READY)
        buf_add_str(out, "waiting for the engine");
    else if (progress.value >= 0)
        buf_addf(out, "loading %d %%", (int)(progress.value * 100));
    else
        buf_add_str(out, engine_state_name(state));
}

void server_set_wait_note(struct server *s, const char *note)
{
    if (str_eq(s->wait_note, note))
        return;
    xreplace(&s->wait_note, note);
    server_publish(s);
}
