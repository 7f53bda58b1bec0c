/* From a generation to its engine: prompt, call, and what the engine sends back. */
#include "chat/chat_room.h"

#include <stdio.h>

#define MAX_EVENT_BYTES ((size_t)1 << 20)     /* one event of an engine's stream */
#define MAX_BODY_BYTES  CHAT_MAX_ANSWER_BYTES /* an answer that is no stream */

/* ---- what the engine sends ---- */

static struct server *server_of(const struct generation *g)
{
    return gateway_server_by_id(g->c->gateway, g->row.server_id);
}

static void break_with(struct generation *g, enum err e, const char *code, const char *text,
                       bool is_retryable)
{
    struct gateway_failure f = {.err = e, .code = code, .server = server_of(g)};
    (void)snprintf(f.why.text, sizeof f.why.text, "%s", text);
    generation_break(g, &f, is_retryable);
}

static void note_figures(struct generation *g, const struct chunk *chunk)
{
    if (chunk->finish_reason)
        (void)snprintf(g->finish_reason, sizeof g->finish_reason, "%s", chunk->finish_reason);
    if (chunk->has_usage)
        g->usage = chunk->usage;
    if (chunk->has_timings)
        g->timings = chunk->timings;
    struct server *s = server_of(g);
    if (chunk->has_timings && chunk->timings.predicted_per_second > 0 && s)
        gateway_note_speed(s, chunk->timings.predicted_per_second);
}

static void take_tools(struct generation *g, yyjson_val *pieces, struct buf *out_pieces)
{
    tool_calls_take(&g->tools, pieces, out_pieces);
    g->has_new_tools = true;
    think_end(&g->think, g->last_token_ms);
}

static void take_delta(struct generation *g, struct chunk *chunk)
{
    struct buf pieces = {0};
    note_figures(g, chunk);
    if (chunk_has_text(chunk)) {
        g->last_token_ms = clock_ms();
        if (!g->first_token_ms)
            g->first_token_ms = g->last_token_ms;
        g->n_tokens++;
        think_take(&g->think, chunk->reasoning, chunk->content, g->last_token_ms);
        if (chunk->tool_calls)
            take_tools(g, chunk->tool_calls, &pieces);
        if (g->state == GENERATION_ANSWERING)
            generation_raise(g, GENERATION_EV_TOKEN);
    }
    chunk->tool_pieces = buf_span(&pieces);
    generation_add_chunk(g, chunk);
    buf_release(&pieces);
    if (g->frames.len > CHAT_MAX_ANSWER_BYTES)
        break_with(g, ERR_TOO_BIG, "answer_too_long", "The answer is longer than hob keeps", false);
}

/* A word for what went wrong: llama-server's code is its status again, and its type says more. */
static void keep_code(struct generation *g, const struct relay_error *error)
{
    bool is_number = strspn(error->code, "0123456789") == strlen(error->code);
    (void)snprintf(g->answer_code, sizeof g->answer_code, "%s", is_number ? error->type : error->code);
}

static void take_error(struct generation *g, const struct chunk *chunk)
{
    bool is_retryable = chunk->status == 0 || chunk->status >= 502;
    keep_code(g, &chunk->error);
    break_with(g, ERR_PROTOCOL, g->answer_code, chunk->error.message.text, is_retryable);
}

static void take_data(struct generation *g, struct span data)
{
    struct chunk chunk;
    chunk_read(data, &chunk);
    switch (chunk.kind) {
    case CHUNK_NOTHING: break;
    case CHUNK_DELTA: take_delta(g, &chunk); break;
    case CHUNK_DONE:
        gateway_call_complete(g->call);
        generation_raise(g, GENERATION_EV_COMPLETE);
        break;
    case CHUNK_ERROR: take_error(g, &chunk); break;
    case CHUNK_BAD:
        break_with(g, ERR_PROTOCOL, "bad_gateway", "The engine sent something that is no JSON", true);
        break;
    }
    chunk_release(&chunk);
}

static void on_sse_event(void *arg, const struct sse_event *ev)
{
    struct generation *g = arg;
    take_data(g, ev->data);
    if (generation_state_is_over(g->state))
        sse_parser_stop(&g->sse);
}

static void on_headers(void *arg, int status, const struct http_fields *fields)
{
    struct generation *g = arg;
    g->status = status;
    g->is_stream = status == 200 && relay_is_event_stream(fields);
    if (status == 200)
        generation_raise(g, GENERATION_EV_HEADER);
}

static void on_body(void *arg, struct span data)
{
    struct generation *g = arg;
    if (!g->is_stream) {
        if (g->body.len + data.len <= MAX_BODY_BYTES)
            buf_add_span(&g->body, data);
        return;
    }
    if (sse_parser_feed(&g->sse, data) && !generation_state_is_over(g->state))
        break_with(g, ERR_PROTOCOL, "bad_gateway", "The engine sent an event that is too long", false);
}

static void on_flush(void *arg)
{
    generation_show(arg);
}

/* The engine's own status instead of an answer. */
static void take_status(struct generation *g)
{
    struct relay_error error;
    relay_read_error(g->status, buf_span(&g->body), &error, NULL);
    keep_code(g, &error);
    struct gateway_failure f = {.err = g->status >= 500 ? ERR_PROTOCOL : ERR_INVALID,
                                .code = g->answer_code,
                                .why = error.message,
                                .status = g->status,
                                .server = server_of(g)};
    if (g->status == 503) {
        f.err = ERR_LOADING;
        f.retry_after_s = 2;
    } else if (g->status < 400) {
        f = (struct gateway_failure){.err = ERR_PROTOCOL, .code = "bad_gateway", .server = f.server};
        (void)snprintf(f.why.text, sizeof f.why.text, "The engine answered with status %d", g->status);
    }
    generation_break(g, &f, f.status == 0 || g->status == 502 || g->status == 503 || g->status == 504);
}

static void on_call_done(void *arg, const struct gateway_failure *f)
{
    struct generation *g = arg;
    g->call = NULL;
    if (f) {
        generation_break(g, f, true);
        return;
    }
    if (g->status != 200) {
        take_status(g);
        return;
    }
    if (!g->is_stream)
        take_data(g, buf_span(&g->body));
    if (generation_state_is_over(g->state))
        return;
    /* An engine that is being stopped ends its streams cleanly, without [DONE]. */
    if (g->finish_reason[0])
        generation_raise(g, GENERATION_EV_COMPLETE);
    else
        break_with(g, ERR_CLOSED, "engine_died", "The engine ended in the middle of the answer", true);
}

/* ---- the prompt ---- */

static void forget_prompt(struct generation *g)
{
    for (size_t i = 0; i < g->n_rows; i++)
        message_row_clear(&g->rows[i]);
    free(TAKE(g->rows));
    g->n_rows = 0;
    for (size_t i = 0; i < g->n_files; i++)
        prompt_file_release(&g->files[i]);
    free(TAKE(g->files));
    g->n_files = 0;
    free(TAKE(g->system_prompt));
    strv_release(&g->file_ids);
}

static void on_busy(void *arg)
{
    struct generation *g = arg;
    if (g->call)
        gateway_call_promise(g->call);
    generation_raise(g, GENERATION_EV_BUSY);
}

static void start_call(struct generation *g, struct server *s, struct span body)
{
    static const struct gateway_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_flush = on_flush, .on_done = on_call_done};
    struct gateway_call_options options = {.path = "/v1/chat/completions",
                                           .route = "/api/chat/completions",
                                           .is_stream = true,
                                           .body = body,
                                           .header_timeout_ms = g->c->options.header_timeout_ms,
                                           .idle_timeout_ms = g->c->options.idle_timeout_ms};
    (void)snprintf(options.client.user_id, sizeof options.client.user_id, "%s", g->row.user_id);
    memcpy(options.client.key_id, g->key_id, sizeof options.client.key_id);
    sse_parser_release(&g->sse);
    sse_parser_init(&g->sse, MAX_EVENT_BYTES, on_sse_event, NULL, g);
    loop_timer_init(&g->busy, g->c->loop, on_busy, g);
    loop_timer_start(&g->busy, g->c->options.busy_ms);
    g->call = gateway_call_start(g->c->gateway, s, &options, &events, g);
}

static void write_and_call(struct generation *g)
{
    struct server *s = server_of(g);
    if (!s) {
        break_with(g, ERR_NOT_FOUND, "server_not_found", "The server was removed", false);
        return;
    }
    struct prompt prompt = {.model = server_model_name(s),
                            .system = server_config(s)->system_prompt,
                            .own_system = g->system_prompt,
                            .rows = g->rows,
                            .n_rows = g->n_rows,
                            .options_json = g->row.options_json,
                            .files = g->files,
                            .n_files = g->n_files};
    xreplace(&g->model, server_model_name(s));
    AUTO(buf) struct buf *body = buf_new();
    struct err_text why;
    enum err e = prompt_write(&prompt, body, &why);
    if (e) {
        break_with(g, e, e == ERR_TOO_BIG ? "prompt_too_big" : NULL, why.text, false);
        return;
    }
    forget_prompt(g);
    start_call(g, s, buf_span(body));
}

static void read_next_file(struct generation *g);

static void on_file(void *arg, const struct store_result *r)
{
    struct generation *g = arg;
    g->op = NULL;
    /* One that is not there is found missing by prompt_write, which says so. */
    if (!r->err && r->n > 0) {
        const struct attachment_row *row = &r->attachments[0];
        struct prompt_file *file = &g->files[g->n_files++];
        file->id = xstrdup(g->file_ids.v[g->file_ids.n - 1]);
        file->name = xstrdup(row->name);
        file->mime = xstrdup(row->mime);
        buf_add_span(&file->bytes, row->bytes);
    }
    free(g->file_ids.v[--g->file_ids.n]);
    g->file_ids.v[g->file_ids.n] = NULL;
    size_t total = 0;
    for (size_t i = 0; i < g->n_files; i++)
        total += g->files[i].bytes.len;
    if (total > CHAT_MAX_PROMPT_BYTES)
        break_with(g, ERR_TOO_BIG, "prompt_too_big",
                   "The attachments of the conversation are too big together", false);
    else
        read_next_file(g);
}

static void read_next_file(struct generation *g)
{
    if (g->file_ids.n == 0) {
        write_and_call(g);
        return;
    }
    g->op = store_attachment_read(g->c->store, g->row.user_id, g->file_ids.v[g->file_ids.n - 1], on_file, g);
}

static void on_path(void *arg, const struct store_result *r)
{
    struct generation *g = arg;
    g->op = NULL;
    if (r->err || r->n == 0) {
        break_with(g, r->err ? r->err : ERR_NOT_FOUND, NULL, r->err ? r->why.text : "No such message", false);
        return;
    }
    g->n_rows = r->n;
    g->rows = xcalloc(r->n, sizeof *g->rows);
    for (size_t i = 0; i < r->n; i++)
        message_row_copy(&g->rows[i], &r->messages[i]);
    g->system_prompt = xstrdup(r->conversations[0].system_prompt);
    if (g->row.continues)
        tool_calls_load(&g->tools, g->rows[g->n_rows - 1].tool_calls_json);
    struct err_text why;
    enum err e = prompt_list_files(g->rows, g->n_rows, &g->file_ids, &why);
    if (e) {
        break_with(g, e, NULL, why.text, false);
        return;
    }
    g->files = xcalloc(g->file_ids.n + 1, sizeof *g->files);
    read_next_file(g);
}

void generation_prepare(struct generation *g)
{
    g->started_ms = clock_ms();
    g->op = store_message_path(g->c->store, g->row.user_id,
                               g->row.continues ? g->row.answer_id : g->row.message_id, on_path, g);
}

void generation_cancel_call(struct generation *g)
{
    loop_timer_stop(&g->busy);
    generation_leave_hold(g);
    gateway_call_cancel(TAKE(g->call));
    forget_prompt(g);
}
