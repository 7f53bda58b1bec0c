/* One generation's events, opened again where they break. */
#include "cli/chat_stream.h"

#include <stdio.h>

#define MAX_EVENT_BYTES ((size_t)8 << 20)
#define IDLE_MS         45000 /* three of hob's comments */

static const int64_t waits_ms[] = {300, 1000, 2000, 4000, 8000};

static void lose(struct chat_stream *s, const char *message, const char *code)
{
    s->end = CHAT_STREAM_FAILED;
    s->failure = (struct chat_failure){.status = 200};
    (void)snprintf(s->failure.message.text, sizeof s->failure.message.text, "%s", message);
    (void)snprintf(s->failure.code, sizeof s->failure.code, "%s", code);
    s->events->on_end(s->arg, s->end, &s->failure, false);
}

static struct span field(yyjson_val *obj, const char *name)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    return yyjson_is_str(v) ? span_of(yyjson_get_str(v), yyjson_get_len(v)) : (struct span){0};
}

static void read_end(struct chat_stream *s, yyjson_val *root, bool is_error)
{
    yyjson_val *error = yyjson_obj_get(root, "error");
    const char *state = json_str_or(root, "state", "");
    sse_parser_stop(&s->parser);
    if (!is_error) {
        s->end = strcmp(state, "stopped") == 0 ? CHAT_STREAM_STOPPED : CHAT_STREAM_DONE;
        return;
    }
    chat_failure_read(&s->failure, 200, error);
    s->is_retryable = yyjson_get_bool(yyjson_obj_get(error, "retryable"));
    s->end = CHAT_STREAM_FAILED;
}

/* An event that has been seen, or (false) is new. */
static bool was_seen(struct chat_stream *s, struct span id)
{
    uint64_t n;
    if (!span_to_u64(id, &n))
        return false;
    if (n <= s->last_id)
        return true;
    s->last_id = n;
    return false;
}

static void read_tool_calls(struct chat_stream *s, yyjson_val *calls)
{
    size_t i, n;
    yyjson_val *call;
    if (!yyjson_is_arr(calls))
        return;
    yyjson_arr_foreach(calls, i, n, call) {
        yyjson_val *function = yyjson_obj_get(call, "function");
        s->events->on_tool(s->arg, field(function, "name"), field(function, "arguments"));
    }
}

static void on_event(void *arg, const struct sse_event *ev)
{
    struct chat_stream *s = arg;
    if (span_is(ev->data, "[DONE]") || was_seen(s, ev->id))
        return;
    s->n_breaks = 0;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    if (json_parse_object(ev->data, &doc, &root, NULL))
        return;
    bool is_error = span_is(ev->event, "error");
    if (is_error || span_is(ev->event, "done")) {
        read_end(s, root, is_error);
        return;
    }
    yyjson_val *delta = yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(root, "choices")), "delta");
    struct span content = field(delta, "content"), reasoning = field(delta, "reasoning_content");
    if (content.len || reasoning.len)
        s->events->on_text(s->arg, content, reasoning);
    read_tool_calls(s, yyjson_obj_get(delta, "tool_calls"));
}

static void on_comment(void *arg, struct span text)
{
    struct chat_stream *s = arg;
    s->events->on_comment(s->arg, span_trim(text));
}

static void new_parser(struct chat_stream *s)
{
    sse_parser_release(&s->parser);
    sse_parser_init(&s->parser, MAX_EVENT_BYTES, on_event, on_comment, s);
}

void chat_stream_take(struct chat_stream *s, struct span bytes)
{
    if (s->end != CHAT_STREAM_OPEN)
        return;
    enum err e = sse_parser_feed(&s->parser, bytes);
    if (s->end != CHAT_STREAM_OPEN)
        s->events->on_end(s->arg, s->end, &s->failure, s->is_retryable);
    else if (e)
        lose(s, "an event of the answer is too long", "bad_event");
}

/* ---- our own requests, after a break ---- */

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)fields;
    struct chat_stream *s = arg;
    if (status == 200)
        return;
    s->call = NULL;
    http_call_cancel(call);
    if (status >= 500)
        chat_stream_broke(s);
    else
        lose(s, "hob no longer has the rest of this answer", "generation_gone");
}

/* How hob says that the generation ended; a running one is opened again. */
static void read_generation(struct chat_stream *s)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    if (json_parse_object(buf_span(&s->body), &doc, &root, NULL)) {
        chat_stream_broke(s);
        return;
    }
    yyjson_val *generation = yyjson_obj_get(root, "generation");
    const char *state = json_str_or(generation, "state", "");
    bool is_broken = strcmp(state, "interrupted") == 0 || strcmp(state, "failed") == 0;
    if (!is_broken && strcmp(state, "done") != 0 && strcmp(state, "stopped") != 0) {
        chat_stream_broke(s);
        return;
    }
    read_end(s, generation, is_broken);
    s->events->on_end(s->arg, s->end, &s->failure, s->is_retryable);
}

static void on_generation_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct chat_stream *s = arg;
    if (s->body.len + data.len <= MAX_EVENT_BYTES)
        buf_add_span(&s->body, data);
}

static void on_generation_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    (void)why;
    struct chat_stream *s = arg;
    s->call = NULL;
    if (e)
        chat_stream_broke(s);
    else
        read_generation(s);
}

static void ask_generation(struct chat_stream *s)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_generation_body, .on_done = on_generation_done};
    AUTO(mem) char *target = xasprintf("/api/generations/%s", s->generation_id);
    buf_clear(&s->body);
    s->call = control_call(s->control, "GET", target, NULL, (struct span){0}, IDLE_MS, &events, s);
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    chat_stream_take(arg, data);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    (void)why;
    struct chat_stream *s = arg;
    s->call = NULL;
    if (s->end != CHAT_STREAM_OPEN)
        return;
    /* A whole replay without its end: hob crashed before it kept the last events that were seen here, and the end got
     * one of their numbers. */
    if (e)
        chat_stream_broke(s);
    else
        ask_generation(s);
}

static void reattach(void *arg)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct chat_stream *s = arg;
    char last_id[24];
    AUTO(mem) char *target = xasprintf("/api/generations/%s/events", s->generation_id);
    (void)snprintf(last_id, sizeof last_id, "%llu", (unsigned long long)s->last_id);
    new_parser(s);
    s->call = control_call(s->control, "GET", target, last_id, (struct span){0}, IDLE_MS, &events, s);
}

void chat_stream_broke(struct chat_stream *s)
{
    if (s->n_breaks >= (int)COUNT_OF(waits_ms))
        lose(s, "hob cannot be reached any more", "no_connection");
    else
        loop_timer_start(&s->again, waits_ms[s->n_breaks++]);
}

void chat_stream_begin(struct chat_stream *s, struct control *c, struct span generation_id,
                       const struct chat_stream_events *events, void *arg)
{
    chat_stream_close(s);
    *s = (struct chat_stream){
        .control = c, .events = events, .arg = arg, .generation_id = span_dup(generation_id)};
    loop_timer_init(&s->again, c->loop, reattach, s);
    new_parser(s);
}

void chat_stream_close(struct chat_stream *s)
{
    if (s->call)
        http_call_cancel(TAKE(s->call));
    loop_timer_stop(&s->again);
    sse_parser_release(&s->parser);
    buf_release(&s->body);
    free(TAKE(s->generation_id));
}
