/* A generation's log: frames in memory, flushed to the store at most CHAT_FLUSH_MS late, then its end. */
#include "chat/chat_room.h"

static void flush_now(void *arg);

/* ---- writing frames ---- */

static void want_flush(struct generation *g)
{
    if (!g->flush_op && !loop_timer_is_armed(&g->flush))
        loop_timer_start(&g->flush, CHAT_FLUSH_MS);
}

void generation_add_chunk(struct generation *g, const struct chunk *chunk)
{
    struct frame_head head = {
        .generation_id = g->row.id, .model = g->model, .created_s = g->row.created_at / 1000};
    frame_add_chunk(&g->frames, ++g->last_seq, &head, chunk);
    buf_add_span(&g->content, chunk->content);
    buf_add_span(&g->reasoning, chunk->reasoning);
    want_flush(g);
}

void generation_add_end(struct generation *g)
{
    free(g->row.meta_json);
    g->row.meta_json = figures_write(g);
    bool is_error = g->state == GENERATION_FAILED || g->state == GENERATION_INTERRUPTED;
    if (is_error) {
        free(g->row.error_json);
        g->row.error_json = chat_error_json(&g->failure,
                                            g->is_retryable && generation_state_is_retryable(g->state));
        frame_add_error(&g->frames, g->last_seq + 1, g->row.state, g->row.error_json);
    } else {
        frame_add_done(&g->frames, g->last_seq + 1, g->row.state, g->row.meta_json);
    }
    g->last_seq += 2;
}

void generation_show(struct generation *g)
{
    if (g->is_ending && !g->is_stored)
        return;
    g->visible_len = g->frames.len;
    viewers_pump(g);
}

/* ---- the store ---- */

/* A full disk may have room again soon, and a text that was read should be found again. */
#define END_TRIES    30
#define END_RETRY_MS 2000

static bool will_try_again(struct generation *g, enum err e)
{
    bool may_pass = e == ERR_NO_SPACE || e == ERR_IO || e == ERR_BUSY;
    if (!may_pass || g->c->closing || g->n_end_tries >= END_TRIES)
        return false;
    g->n_end_tries++;
    loop_timer_start(&g->flush, END_RETRY_MS);
    return true;
}

static void on_finished(void *arg, const struct store_result *r)
{
    struct generation *g = arg;
    g->op = NULL;
    if (r->err && will_try_again(g, r->err))
        return;
    if (r->err)
        log_error("chat: the end of generation %s was not stored: %s", g->row.id, r->why.text);
    generation_on_stored(g, r);
}

static void store_end(struct generation *g)
{
    g->op = store_generation_finish(g->c->store, g->row.id, g->row.state, g->row.error_json, g->row.meta_json,
                                    on_finished, g);
}

static void on_flushed(void *arg, const struct store_result *r)
{
    struct generation *g = arg;
    g->flush_op = NULL;
    if (r->err) {
        /* Nothing is lost yet: the next flush takes it along (disk full, for a while). */
        g->has_new_tools = g->tools.n > 0;
        if (!g->has_lag)
            log_warn("chat: events of generation %s were not stored yet: %s", g->row.id, r->why.text);
        g->has_lag = true;
        if (!g->is_ending)
            want_flush(g);
        else if (!will_try_again(g, r->err))
            store_end(g);
        return;
    }
    g->has_lag = false;
    g->stored_len = g->flushing_len;
    g->stored_seq = g->flushing_seq;
    buf_drop(&g->content, g->flushing_content);
    buf_drop(&g->reasoning, g->flushing_reasoning);
    if (g->is_ending)
        flush_now(g);
    else if (g->stored_len < g->frames.len)
        want_flush(g);
}

static void flush_now(void *arg)
{
    struct generation *g = arg;
    if (g->flush_op || !g->is_added)
        return;
    if (g->stored_len == g->frames.len) {
        if (g->is_ending)
            store_end(g);
        return;
    }
    g->flushing_len = g->frames.len;
    g->flushing_seq = g->last_seq;
    g->flushing_content = g->content.len;
    g->flushing_reasoning = g->reasoning.len;
    AUTO(buf) struct buf *tools = buf_new();
    if (g->has_new_tools)
        tool_calls_write(&g->tools, tools);
    g->has_new_tools = false;
    struct events_in in = {.first_seq = g->stored_seq + 1,
                           .last_seq = g->last_seq,
                           .frames = span_of(g->frames.p + g->stored_len, g->frames.len - g->stored_len),
                           .content = buf_span(&g->content),
                           .reasoning = buf_span(&g->reasoning),
                           .tool_calls_json = tools->len ? buf_str(tools) : NULL};
    g->flush_op = store_generation_append(g->c->store, g->row.id, &in, on_flushed, g);
}

void generation_init_log(struct generation *g)
{
    loop_timer_init(&g->flush, g->c->loop, flush_now, g);
}

void generation_finish(struct generation *g)
{
    g->is_ending = true;
    loop_timer_stop(&g->flush);
    flush_now(g);
}

void generation_cancel_log(struct generation *g)
{
    loop_timer_stop(&g->flush);
    store_cancel(TAKE(g->flush_op));
    store_cancel(TAKE(g->op));
}
