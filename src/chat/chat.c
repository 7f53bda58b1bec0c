/* Lifecycle of the room, and what is asked of a generation from outside: stop, read, remove. */
#include "chat/chat_room.h"

/* ---- rows ---- */

void generation_row_copy(struct generation_row *to, const struct generation_row *from)
{
    *to = *from;
    to->id = xstrdup(from->id);
    to->conversation_id = xstrdup(from->conversation_id);
    to->message_id = xstrdup(from->message_id);
    to->answer_id = xstrdup(from->answer_id);
    to->server_id = xstrdup(from->server_id);
    to->user_id = xstrdup(from->user_id);
    to->state = xstrdup(from->state);
    to->options_json = xstrdup(from->options_json);
    to->error_json = xstrdup(from->error_json);
    to->meta_json = xstrdup(from->meta_json);
}

void generation_row_clear(struct generation_row *row)
{
    free(row->id);
    free(row->conversation_id);
    free(row->message_id);
    free(row->answer_id);
    free(row->server_id);
    free(row->user_id);
    free(row->state);
    free(row->options_json);
    free(row->error_json);
    free(row->meta_json);
    *row = (struct generation_row){0};
}

void message_row_copy(struct message_row *to, const struct message_row *from)
{
    *to = *from;
    to->id = xstrdup(from->id);
    to->conversation_id = xstrdup(from->conversation_id);
    to->parent_id = xstrdup(from->parent_id);
    to->role = xstrdup(from->role);
    to->content_json = xstrdup(from->content_json);
    to->reasoning = xstrdup(from->reasoning);
    to->state = xstrdup(from->state);
    to->server_id = xstrdup(from->server_id);
    to->generation_id = xstrdup(from->generation_id);
    to->tool_calls_json = xstrdup(from->tool_calls_json);
    to->options_json = xstrdup(from->options_json);
    to->error_json = xstrdup(from->error_json);
    to->meta_json = xstrdup(from->meta_json);
}

void message_row_clear(struct message_row *row)
{
    free(row->id);
    free(row->conversation_id);
    free(row->parent_id);
    free(row->role);
    free(row->content_json);
    free(row->reasoning);
    free(row->state);
    free(row->server_id);
    free(row->generation_id);
    free(row->tool_calls_json);
    free(row->options_json);
    free(row->error_json);
    free(row->meta_json);
    *row = (struct message_row){0};
}

void conversation_row_copy(struct conversation_row *to, const struct conversation_row *from)
{
    *to = *from;
    to->id = xstrdup(from->id);
    to->user_id = xstrdup(from->user_id);
    to->title = xstrdup(from->title);
    to->titled_by = xstrdup(from->titled_by);
    to->server_id = xstrdup(from->server_id);
    to->folder_id = xstrdup(from->folder_id);
    to->leaf_id = xstrdup(from->leaf_id);
    to->options_json = xstrdup(from->options_json);
    to->system_prompt = xstrdup(from->system_prompt);
}

void conversation_row_clear(struct conversation_row *row)
{
    free(row->id);
    free(row->user_id);
    free(row->title);
    free(row->titled_by);
    free(row->server_id);
    free(row->folder_id);
    free(row->leaf_id);
    free(row->options_json);
    free(row->system_prompt);
    *row = (struct conversation_row){0};
}

/* ---- news ---- */

static char *generation_json(const struct generation_row *row)
{
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    chat_write_generation_json(&w, row);
    return buf_take_str(&b);
}

void chat_publish_generation(struct chat *c, const struct generation_row *row)
{
    if (!c->events)
        return;
    AUTO(mem) char *json = generation_json(row);
    events_publish(c->events, row->user_id, "generation", span_str(json));
}

void chat_publish_conversation(struct chat *c, const struct conversation_row *row)
{
    if (!c->events)
        return;
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer w;
    jw_init(&w, b);
    chat_write_conversation_json(&w, row);
    events_publish(c->events, row->user_id, "conversation", buf_span(b));
}

static const char *error_type(const struct gateway_failure *f)
{
    if (f->err == ERR_INVALID || f->err == ERR_TOO_BIG || f->err == ERR_NOT_FOUND)
        return "invalid_request_error";
    if (f->err == ERR_LIMITED)
        return "rate_limit_exceeded";
    return f->err == ERR_LOADING || f->err == ERR_BUSY ? "service_unavailable_error" : "server_error";
}

char *chat_error_json(const struct gateway_failure *f, bool is_retryable)
{
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_begin_obj(&w);
    jwf_str(&w, "message", f->why.text);
    jwf_str(&w, "type", error_type(f));
    jwf_null(&w, "param");
    jwf_str(&w, "code", f->code);
    jwf_bool(&w, "retryable", is_retryable);
    jw_end_obj(&w);
    return buf_take_str(&b);
}

/* ---- stop and read ---- */

/* One chat_stop or chat_read. */
struct ask {
    struct chat *c;
    struct generation *g; /* its end, or (read) its present state, is the answer; NULL: the store's */
    struct store_op *op;
    struct loop_timer now;
    chat_generation_fn fn;
    void *arg;
    struct list node; /* in chat.asks */
};

static void free_ask(struct ask *a)
{
    loop_timer_stop(&a->now);
    store_cancel(a->op);
    list_remove(&a->node);
    free(a);
}

static void tell_ask(struct ask *a, const struct generation_row *row)
{
    AUTO(mem) char *json = generation_json(row);
    a->fn(a->arg, ERR_OK, NULL, json);
    free_ask(a);
}

void chat_tell_asks(struct generation *g)
{
    LIST_EACH(a, &g->c->asks, struct ask, node) {
        if (a->g == g)
            tell_ask(a, &g->row);
    }
}

static void on_read(void *arg, const struct store_result *r)
{
    struct ask *a = arg;
    a->op = NULL;
    if (!r->err && r->n > 0) {
        tell_ask(a, &r->generations[0]);
        return;
    }
    a->fn(a->arg, r->err ? r->err : ERR_NOT_FOUND, &r->why, NULL);
    free_ask(a);
}

static void tell_now(void *arg)
{
    struct ask *a = arg;
    tell_ask(a, &a->g->row);
}

static struct ask *ask(struct chat *c, const char *user_id, const char *generation_id, chat_generation_fn fn,
                       void *arg)
{
    struct ask *a = xcalloc(1, sizeof *a);
    a->c = c;
    a->fn = fn;
    a->arg = arg;
    list_init(&a->node);
    list_push_back(&c->asks, &a->node);
    loop_timer_init(&a->now, c->loop, tell_now, a);
    struct generation *g = map_get_str(c->by_id, generation_id);
    if (g && str_eq(g->row.user_id, user_id))
        a->g = g;
    else
        a->op = store_generation_read(c->store, user_id, generation_id, on_read, a);
    return a;
}

void chat_stop(struct chat *c, const char *user_id, const char *generation_id, chat_generation_fn fn,
               void *arg)
{
    struct ask *a = ask(c, user_id, generation_id, fn, arg);
    if (a->g)
        generation_raise(a->g, GENERATION_EV_STOP);
}

void chat_read(struct chat *c, const char *user_id, const char *generation_id, chat_generation_fn fn,
               void *arg)
{
    struct ask *a = ask(c, user_id, generation_id, fn, arg);
    /* If it ends before the next turn, chat_tell_asks answers instead. */
    if (a->g)
        loop_timer_start(&a->now, 0);
}

void chat_conversation_removed(struct chat *c, const char *conversation_id)
{
    titles_drop(c, conversation_id);
    LIST_EACH(g, &c->generations, struct generation, node) {
        if (str_eq(g->row.conversation_id, conversation_id))
            generation_drop(g, REMOVED_CONVERSATION);
    }
    chat_sweep(c);
}

void chat_generation_removed(struct chat *c, const char *generation_id)
{
    struct generation *g = map_get_str(c->by_id, generation_id);
    if (g)
        generation_drop(g, REMOVED_MESSAGE);
}

static bool is_running(const struct generation *g)
{
    return g->state != GENERATION_QUEUED && !g->is_stored;
}

size_t chat_n_running(const struct chat *c)
{
    size_t n = 0;
    LIST_EACH(g, &c->generations, struct generation, node)
        n += is_running(g);
    return n;
}

size_t chat_n_running_of(const struct chat *c, const char *user_id, const char *key_id)
{
    size_t n = 0;
    LIST_EACH(g, &c->generations, struct generation, node)
        n += is_running(g) && str_eq(g->row.user_id, user_id) && (!key_id || str_eq(g->key_id, key_id));
    return n;
}

bool chat_has_message(const struct chat *c, const char *user_id, const char *message_id)
{
    const struct generation *g = map_get_str(c->by_message, message_id);
    return (g && str_eq(g->row.user_id, user_id)) || chat_is_deciding(c, user_id, message_id);
}

/* ---- lifecycle ---- */

struct chat *chat_new(struct loop *l, struct store *store, struct gateway *gateway, struct events *events,
                      const struct chat_options *options)
{
    struct chat *c = xcalloc(1, sizeof *c);
    c->loop = l;
    c->store = store;
    c->gateway = gateway;
    c->events = events;
    if (options)
        c->options = *options;
    if (!c->options.busy_ms)
        c->options.busy_ms = CHAT_BUSY_MS;
    if (!c->options.idle_timeout_ms)
        c->options.idle_timeout_ms = CHAT_IDLE_TIMEOUT_MS;
    if (!c->options.header_timeout_ms)
        c->options.header_timeout_ms = CHAT_HEADER_TIMEOUT_MS;
    c->turns = map_new();
    c->by_id = map_new();
    c->by_message = map_new();
    list_init(&c->generations);
    list_init(&c->turn_list);
    list_init(&c->sends);
    list_init(&c->viewers);
    list_init(&c->asks);
    list_init(&c->exports);
    titles_init(c);
    chat_open_outbox(c);
    chat_open_compact(c);
    chat_open_imports(c);
    return c;
}

static void on_recovered(void *arg, const struct store_result *r)
{
    struct chat *c = arg;
    c->recovering = NULL;
    for (size_t i = 0; !r->err && i < r->n; i++) {
        const struct generation_row *row = &r->generations[i];
        if (!str_eq(row->state, "queued"))
            continue;
        log_info("chat: generation %s waits in the outbox", row->id);
        generation_begin(generation_new(c, row, GENERATION_QUEUED), false);
    }
    if (!r->err)
        chat_sweep(c);
    c->on_recovered(c->recovered_arg, r->err, &r->why);
}

void chat_recover(struct chat *c, chat_done_fn done, void *arg)
{
    struct gateway_failure f = {.err = ERR_CLOSED, .code = "hob_died"};
    (void)err_set(&f.why, f.err, "hob ended while this was written");
    AUTO(mem) char *error_json = chat_error_json(&f, false);
    c->on_recovered = done;
    c->recovered_arg = arg;
    c->recovering = store_generations_recover(c->store, error_json, on_recovered, c);
}

void chat_check_shutdown(struct chat *c)
{
    if (!c->on_shutdown || chat_n_running(c) > 0 || !list_is_empty(&c->turn_list))
        return;
    loop_timer_stop(&c->grace);
    loop_fn done = c->on_shutdown;
    c->on_shutdown = NULL;
    loop_defer(c->loop, done, c->shutdown_arg);
}

static void on_grace_over(void *arg)
{
    struct chat *c = arg;
    LIST_EACH(g, &c->generations, struct generation, node) {
        if (g->state == GENERATION_QUEUED || generation_state_is_over(g->state))
            continue;
        g->failure = (struct gateway_failure){.err = ERR_CANCELLED, .code = "shutting_down"};
        (void)err_set(&g->failure.why, ERR_CANCELLED, "hob is shutting down");
        g->is_retryable = true;
        if (!generation_queue_again(g))
            generation_raise(g, GENERATION_EV_SHUTDOWN);
    }
}

void chat_shutdown(struct chat *c, int64_t grace_ms, loop_fn done, void *arg)
{
    c->closing = true;
    titles_drop(c, NULL);
    c->on_shutdown = done;
    c->shutdown_arg = arg;
    loop_timer_stop(&c->grace);
    loop_timer_init(&c->grace, c->loop, on_grace_over, c);
    loop_timer_start(&c->grace, grace_ms);
    chat_check_shutdown(c);
}

void chat_free(struct chat *c)
{
    if (!c)
        return;
    chat_close_outbox(c);
    chat_close_compact(c);
    chat_close_imports(c);
    loop_timer_stop(&c->grace);
    store_cancel(c->recovering);
    c->on_shutdown = NULL;
    titles_drop(c, NULL);
    chat_cancel_sends(c);
    chat_cancel_turns(c);
    LIST_EACH(a, &c->asks, struct ask, node)
        free_ask(a);
    chat_free_viewers(c);
    chat_free_exports(c);
    LIST_EACH(g, &c->generations, struct generation, node)
        generation_free(g);
    map_free(c->turns);
    map_free(c->by_id);
    map_free(c->by_message);
    free(c);
}
