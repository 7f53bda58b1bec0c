/*
 * The outbox: answers that wait for their engine. One that was taken out and broke before its first word goes back, a few
 * times: nobody may be there to send it again.
 */
#include "chat/chat_room.h"

#define OUTBOX_MS    1000 /* how often the outbox looks for engines that somebody started */
#define MAX_REQUEUES 3    /* in one run of hob: an engine that fails at each try is not asked for ever */

/* ---- waiting ---- */

static bool is_mate(const struct generation *g, const struct generation *other)
{
    return other != g && other->row.outbox && str_eq(other->row.server_id, g->row.server_id);
}

/*
 * One after the other goes to an engine: the next when the one before it has begun to be answered. All at once they would
 * be in the way of whoever writes meanwhile, and the last ones would time out while they wait.
 */
static bool is_behind_others(const struct generation *g)
{
    LIST_EACH(other, &g->c->generations, struct generation, node) {
        if (other == g)
            break;
        if (is_mate(g, other) && (other->state == GENERATION_QUEUED || generation_is_unheard(other)))
            return true;
    }
    return false;
}

/* One hold is enough to have the engine started. */
static bool has_mate_with_hold(const struct generation *g)
{
    LIST_EACH(other, &g->c->generations, struct generation, node) {
        if (is_mate(g, other) && other->hold)
            return true;
    }
    return false;
}

static void on_engine_ready(void *arg, struct server *s, const struct gateway_failure *f)
{
    (void)s, (void)f;
    struct generation *g = arg;
    g->hold = NULL;
    if (!g->c->closing)
        generation_look_at_engine(g);
}

void generation_look_at_engine(struct generation *g)
{
    if (g->state != GENERATION_QUEUED || g->hold || !g->is_added)
        return;
    struct server *s = gateway_server_by_id(g->c->gateway, g->row.server_id);
    if (!s) {
        struct gateway_failure f = {.err = ERR_NOT_FOUND, .code = "server_not_found"};
        (void)err_set(&f.why, ERR_NOT_FOUND, "The server was removed");
        generation_break(g, &f, false);
    } else if (engine_state(server_engine(s)) == ENGINE_READY &&
               (!list_is_empty(&g->sends) || !is_behind_others(g))) {
        generation_raise(g, GENERATION_EV_READY);
    }
}

void generation_wait(struct generation *g)
{
    sends_accept(&g->sends, g);
    struct server *s = gateway_server_by_id(g->c->gateway, g->row.server_id);
    enum engine_state state = s ? engine_state(server_engine(s)) : ENGINE_STOPPED;
    if (state == ENGINE_READY && g->n_requeues > 0)
        return; /* the timer tries again, so that there is time between */
    /* That one may be waiting for the engine's next try; this one wants it now. */
    bool is_urgent = g->is_retry && state == ENGINE_FAILED;
    if (s && (is_urgent || !has_mate_with_hold(g)))
        g->hold = gateway_wait_ready(g->c->gateway, s, g->is_retry, on_engine_ready, g);
    else
        generation_look_at_engine(g);
}

void generation_leave_hold(struct generation *g)
{
    if (!g->hold)
        return;
    gateway_hold_cancel(TAKE(g->hold));
    struct server *s = gateway_server_by_id(g->c->gateway, g->row.server_id);
    if (!s || g->c->closing || has_mate_with_hold(g))
        return;
    LIST_EACH(other, &g->c->generations, struct generation, node) {
        if (is_mate(g, other) && other->state == GENERATION_QUEUED && other->is_added) {
            other->hold = gateway_wait_ready(g->c->gateway, s, false, on_engine_ready, other);
            return;
        }
    }
}

static void look_after_outbox(void *arg)
{
    struct chat *c = arg;
    if (c->closing)
        return;
    LIST_EACH(g, &c->generations, struct generation, node) {
        if (g->state == GENERATION_QUEUED)
            generation_look_at_engine(g);
    }
}

void chat_outbox_moved(struct chat *c)
{
    loop_timer_start(&c->outbox_next, 0);
}

/* ---- back into it ---- */

struct requeue {
    struct chat *c;
    struct generation *g; /* that broke: it may be on the stack still */
    struct store_op *op;  /* NULL: the next start does it */
    struct list node;     /* in chat.requeues */
};

static void free_requeue(struct requeue *r)
{
    store_cancel(r->op);
    list_remove(&r->node);
    generation_unref(r->g);
    free(r);
}

static void on_requeued(void *arg, const struct store_result *result)
{
    struct requeue *r = arg;
    struct chat *c = r->c;
    r->op = NULL;
    if (result->err) {
        log_warn("chat: an answer is not tried again before the next start: %s", result->why.text);
    } else if (!c->closing) {
        struct generation *g = generation_new(c, &result->generations[0], GENERATION_QUEUED);
        g->n_requeues = r->g->n_requeues + 1;
        log_info("chat: generation %s waits in the outbox again", g->row.id);
        generation_begin(g, false);
    }
    free_requeue(r);
}

bool generation_queue_again(struct generation *g)
{
    struct chat *c = g->c;
    bool is_waiting = generation_is_unheard(g) || g->state == GENERATION_ANSWERING;
    if (!g->row.outbox || !g->is_added || !is_waiting || !g->is_retryable)
        return false;
    if (!c->closing && g->n_requeues >= MAX_REQUEUES)
        return false;
    struct requeue *r = xcalloc(1, sizeof *r);
    r->c = c;
    r->g = g;
    g->n_refs++;
    list_init(&r->node);
    list_push_back(&c->requeues, &r->node);
    if (!c->closing)
        r->op = store_generation_requeue(c->store, g->row.id, on_requeued, r);
    generation_end_untold(g);
    return true;
}

/* ---- lifecycle ---- */

void chat_open_outbox(struct chat *c)
{
    list_init(&c->requeues);
    loop_timer_init(&c->outbox, c->loop, look_after_outbox, c);
    loop_timer_repeat(&c->outbox, OUTBOX_MS);
    loop_timer_init(&c->outbox_next, c->loop, look_after_outbox, c);
}

void chat_close_outbox(struct chat *c)
{
    loop_timer_stop(&c->outbox);
    loop_timer_stop(&c->outbox_next);
    LIST_EACH(r, &c->requeues, struct requeue, node)
        free_requeue(r);
}
