/* One answer in the making: the one place that changes its state, and what follows from each change. */
#include "chat/chat_room.h"

/* ---- memory ---- */

struct generation *generation_new(struct chat *c, const struct generation_row *row,
                                  enum generation_state state)
{
    struct generation *g = xcalloc(1, sizeof *g);
    g->c = c;
    generation_row_copy(&g->row, row);
    g->state = state;
    xreplace(&g->row.state, generation_state_name(state));
    const struct server *s = gateway_server_by_id(c->gateway, row->server_id);
    g->model = xstrdup(s ? server_model_name(s) : "");
    g->usage = (struct chunk_usage){-1, -1, -1};
    g->timings = (struct chunk_timings){-1, -1, -1, -1, -1};
    g->before = figures_none();
    generation_init_log(g);
    list_init(&g->sends);
    list_init(&g->late);
    list_init(&g->viewers);
    list_init(&g->node);
    list_push_back(&c->generations, &g->node);
    (void)map_put(c->by_id, g->row.id, g);
    (void)map_put(c->by_message, g->row.message_id, g);
    return g;
}

static void forget(struct generation *g)
{
    if (map_get_str(g->c->by_id, g->row.id) == g)
        (void)map_remove(g->c->by_id, g->row.id);
    if (map_get_str(g->c->by_message, g->row.message_id) == g)
        (void)map_remove(g->c->by_message, g->row.message_id);
}

void generation_free(struct generation *g)
{
    generation_cancel_call(g);
    generation_cancel_log(g);
    loop_timer_stop(&g->comments);
    forget(g);
    list_remove(&g->node);
    generation_row_clear(&g->row);
    free(g->model);
    sse_parser_release(&g->sse);
    buf_release(&g->body);
    buf_release(&g->told_place);
    buf_release(&g->frames);
    buf_release(&g->content);
    buf_release(&g->reasoning);
    tool_calls_release(&g->tools);
    free(g);
}

void generation_unref(struct generation *g)
{
    assert(g->n_refs > 0);
    if (--g->n_refs == 0 && g->is_stored)
        generation_free(g);
}

/* ---- the machine ---- */

static void ignore_result(void *arg, const struct store_result *r)
{
    (void)arg;
    if (r->err)
        log_debug("chat: a state was not stored: %s", r->why.text);
}

static void store_state(struct generation *g)
{
    store_generation_state(g->c->store, g->row.id, g->row.state, ignore_result, NULL);
}

static void act(struct generation *g, unsigned actions)
{
    if (actions & GENERATION_DO_CALL) {
        gateway_hold_cancel(TAKE(g->hold));
        store_state(g);
        generation_prepare(g);
    }
    if (actions & GENERATION_DO_CANCEL) {
        generation_cancel_call(g);
        /* Whatever it was reading for the prompt; the row itself must get into the store. */
        if (g->is_added)
            store_cancel(TAKE(g->op));
    }
    if (actions & GENERATION_DO_ACCEPT)
        sends_accept(&g->sends, g);
    if (actions & GENERATION_DO_ANSWERS) {
        loop_timer_stop(&g->busy);
        store_state(g);
    }
    if (actions & (GENERATION_DO_DONE | GENERATION_DO_ERROR))
        generation_add_end(g);
    if (actions & GENERATION_DO_FINISH)
        generation_finish(g);
}

bool generation_is_unheard(const struct generation *g)
{
    return g->state == GENERATION_CONNECTING || g->state == GENERATION_PROMISED;
}

void generation_raise(struct generation *g, enum generation_event ev)
{
    struct generation_step step = generation_step(g->state, ev);
    if (step.next == g->state && step.actions == 0)
        return;
    log_debug("chat: generation %s: %s -> %s (%s)", g->row.id, generation_state_name(g->state),
              generation_state_name(step.next), generation_event_name(ev));
    g->state = step.next;
    if (g->row.outbox && !generation_is_unheard(g))
        chat_outbox_moved(g->c);
    bool is_news = !str_eq(g->row.state, generation_state_name(g->state));
    xreplace(&g->row.state, generation_state_name(g->state));
    /* An end is told when it is stored: who hears of it may read it. */
    if (is_news && g->is_added && !generation_state_is_over(g->state))
        chat_publish_generation(g->c, &g->row);
    act(g, step.actions);
}

void generation_break(struct generation *g, const struct gateway_failure *f, bool is_retryable)
{
    if (generation_state_is_over(g->state))
        return;
    g->failure = *f;
    g->is_retryable = is_retryable;
    if (!generation_queue_again(g))
        generation_raise(g, GENERATION_EV_BREAK);
}

/* ---- its end ---- */

static void log_end(const struct generation *g)
{
    if (g->state == GENERATION_FAILED || g->state == GENERATION_INTERRUPTED)
        log_warn("chat: generation %s: %s after %lld events (%s)", g->row.id, g->row.state,
                 (long long)g->last_seq, g->failure.code ? g->failure.code : err_name(g->failure.err));
    else
        log_info("chat: generation %s: %s, %lld events", g->row.id, g->row.state, (long long)g->last_seq);
}

static void tell_end(struct generation *g)
{
    g->n_refs++;
    g->is_stored = true;
    forget(g);
    loop_timer_stop(&g->comments);
    generation_show(g);
    struct gateway_failure f = g->failure;
    f.server = gateway_server_by_id(g->c->gateway, g->row.server_id);
    sends_refuse(&g->sends, &f, NULL, !g->is_dropped);
    chat_tell_asks(g);
    if (g->is_dropped)
        sends_refuse(&g->late, &f, NULL, false);
    else
        sends_restart(&g->late);
    struct chat *c = g->c;
    generation_unref(g);
    chat_check_shutdown(c);
}

void generation_on_stored(struct generation *g, const struct store_result *r)
{
    log_end(g);
    chat_publish_generation(g->c, &g->row);
    if (!r->err && r->n_conversations > 0) {
        chat_publish_conversation(g->c, &r->conversations[0]);
        title_want(g, &r->conversations[0]);
    }
    tell_end(g);
}

static void fail_removed(struct generation *g, enum removed what)
{
    g->failure = (struct gateway_failure){.err = ERR_NOT_FOUND};
    if (what == REMOVED_MESSAGE) {
        g->failure.code = "message_removed";
        (void)err_set(&g->failure.why, ERR_NOT_FOUND, "The message was removed");
    } else {
        g->failure.code = "conversation_removed";
        (void)err_set(&g->failure.why, ERR_NOT_FOUND, "The conversation was removed");
    }
}

void generation_end_untold(struct generation *g)
{
    generation_cancel_call(g);
    generation_cancel_log(g);
    g->is_dropped = true;
    if (!generation_state_is_over(g->state)) {
        g->state = GENERATION_FAILED;
        xreplace(&g->row.state, generation_state_name(g->state));
        generation_add_end(g);
    }
    g->is_ending = true;
    tell_end(g);
}

void generation_drop(struct generation *g, enum removed what)
{
    if (g->is_stored)
        return;
    if (!generation_state_is_over(g->state))
        fail_removed(g, what);
    generation_end_untold(g);
}

/* ---- its beginning ---- */

static void go_on(struct generation *g)
{
    chat_publish_generation(g->c, &g->row);
    if (generation_state_is_over(g->state))
        generation_finish(g);
    else if (g->state == GENERATION_QUEUED)
        generation_wait(g);
    else
        generation_prepare(g);
}

/* The store does not want it: who asked hears why, and it never was. */
static void give_up(struct generation *g, const struct store_result *r)
{
    if (r->err == ERR_NOT_FOUND) { /* removed while this was decided */
        fail_removed(g, REMOVED_MESSAGE);
        g->is_dropped = true;
    } else {
        log_warn("chat: a generation was not stored: %s", r->why.text);
        g->failure = (struct gateway_failure){.err = r->err, .why = r->why};
    }
    g->state = GENERATION_FAILED;
    xreplace(&g->row.state, generation_state_name(g->state));
    g->is_ending = true;
    tell_end(g);
}

static void on_added(void *arg, const struct store_result *r)
{
    struct generation *g = arg;
    g->op = NULL;
    if (r->err) {
        give_up(g, r);
        return;
    }
    g->is_added = true;
    xreplace(&g->row.answer_id, r->generation->answer_id); /* the one that is continued may be another */
    g->before = figures_read(r->generation->meta_json);
    if (r->n_conversations > 0)
        chat_publish_conversation(g->c, &r->conversations[0]);
    go_on(g);
}

void generation_begin(struct generation *g, bool is_new)
{
    if (is_new) {
        g->op = store_generation_add(g->c->store, &g->row, on_added, g);
        return;
    }
    g->is_added = true;
    go_on(g);
}
