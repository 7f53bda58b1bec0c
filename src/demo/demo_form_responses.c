/* POST /v1/responses: OpenAI's events and responses. What the demo thinks is not among them. */
#include <stdio.h>

#include "demo/demo_job.h"

#define ITEM_ID_BYTES 64

static void item_id(const struct demo_job *j, int index, char out[ITEM_ID_BYTES])
{
    (void)snprintf(out, ITEM_ID_BYTES, "msg_%s_%d", j->id + sizeof "resp_" - 1, index);
}

/* ---- objects ---- */

static void write_text_part(struct json_writer *w, struct span text)
{
    jw_begin_obj(w);
    jwf_str(w, "type", "output_text");
    jw_key(w, "annotations");
    jw_begin_arr(w);
    jw_end_arr(w);
    jw_key(w, "text");
    jw_span(w, text);
    jw_end_obj(w);
}

/* The message, or (call not NULL) a call. Not is_done: still empty. */
static void write_item(struct json_writer *w, const struct demo_job *j, int index,
                       const struct demo_tool_call *call, bool is_done)
{
    char id[ITEM_ID_BYTES];
    item_id(j, index, id);
    jw_begin_obj(w);
    jwf_str(w, "id", id);
    jwf_str(w, "type", call ? "function_call" : "message");
    jwf_str(w, "status", is_done ? "completed" : "in_progress");
    if (call) {
        jwf_str(w, "call_id", call->id);
        jwf_str(w, "name", call->name);
        jwf_str(w, "arguments", is_done ? call->arguments : "");
    } else {
        jwf_str(w, "role", "assistant");
        jw_key(w, "content");
        jw_begin_arr(w);
        if (is_done)
            write_text_part(w, buf_span(&j->content));
        jw_end_arr(w);
    }
    jw_end_obj(w);
}

static void write_usage(struct json_writer *w, const struct demo_job *j)
{
    jw_key(w, "usage");
    jw_begin_obj(w);
    jwf_int(w, "input_tokens", j->request.prompt_tokens);
    jwf_int(w, "output_tokens", j->n_tokens);
    jwf_int(w, "total_tokens", j->request.prompt_tokens + j->n_tokens);
    jwf_raw(w, "input_tokens_details", "{\"cached_tokens\":0}");
    jwf_raw(w, "output_tokens_details", "{\"reasoning_tokens\":0}");
    jw_end_obj(w);
}

static void write_response(const struct demo_job *j, struct json_writer *w, const char *status)
{
    bool is_done = !str_eq(status, "in_progress");
    jwf_str(w, "id", j->id);
    jwf_str(w, "object", "response");
    jwf_int(w, "created_at", j->created_s);
    jwf_str(w, "model", demo_job_model(j));
    jwf_str(w, "status", status);
    jwf_null(w, "error");
    jwf_raw(w, "incomplete_details",
            str_eq(status, "incomplete") ? "{\"reason\":\"max_output_tokens\"}" : NULL);
    jw_key(w, "output");
    jw_begin_arr(w);
    int n = 0;
    if (is_done && !j->tools.n)
        write_item(w, j, n++, NULL, true);
    for (size_t i = 0; is_done && i < j->tools.n; i++)
        write_item(w, j, n++, &j->tools.v[i], true);
    jw_end_arr(w);
    if (is_done)
        write_usage(w, j);
    else
        jwf_null(w, "usage");
}

static const char *end_status(const struct demo_job *j)
{
    return str_eq(j->finish_reason, "length") ? "incomplete" : "completed";
}

static void write_whole(const struct demo_job *j, struct json_writer *w)
{
    write_response(j, w, end_status(j));
}

/* ---- events ---- */

static void send_response(struct demo_job *j, const char *event, const char *status)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, event);
    jw_key(&w, "response");
    jw_begin_obj(&w);
    write_response(j, &w, status);
    jw_end_obj(&w);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_start(struct demo_job *j)
{
    send_response(j, "response.created", "in_progress");
    send_response(j, "response.in_progress", "in_progress");
}

/* An event about the item under way; `is_text`: about its text, which is its first part. */
static void begin_item_event(struct json_writer *w, struct buf *out, const struct demo_job *j,
                             const char *event, bool is_text)
{
    char id[ITEM_ID_BYTES];
    int index = j->n_blocks - 1;
    item_id(j, index, id);
    demo_event_begin(w, out, event);
    jwf_str(w, "item_id", id);
    jwf_int(w, "output_index", index);
    if (is_text)
        jwf_int(w, "content_index", 0);
}

static void send_piece(struct demo_job *j, const char *event, bool is_text, const char *key, struct span text)
{
    struct buf out = {0};
    struct json_writer w;
    begin_item_event(&w, &out, j, event, is_text);
    jw_key(&w, key);
    jw_span(&w, text);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_part(struct demo_job *j, const char *event, struct span text)
{
    struct buf out = {0};
    struct json_writer w;
    begin_item_event(&w, &out, j, event, true);
    jw_key(&w, "part");
    write_text_part(&w, text);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_item(struct demo_job *j, const char *event, const struct demo_tool_call *call, bool is_done)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, event);
    jwf_int(&w, "output_index", j->n_blocks - 1);
    jw_key(&w, "item");
    write_item(&w, j, j->n_blocks - 1, call, is_done);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_text(struct demo_job *j, bool thinks, struct span token)
{
    if (thinks)
        return;
    if (!j->block) {
        j->block = "message";
        j->n_blocks++;
        send_item(j, "response.output_item.added", NULL, false);
        send_part(j, "response.content_part.added", span_of("", 0));
    }
    send_piece(j, "response.output_text.delta", true, "delta", token);
}

static void send_tool(struct demo_job *j, bool is_first, struct span arguments)
{
    const struct demo_tool_call *call = &j->tools.v[j->tool];
    if (is_first) {
        j->n_blocks++;
        send_item(j, "response.output_item.added", call, false);
        return;
    }
    send_piece(j, "response.function_call_arguments.delta", false, "delta", arguments);
    if (j->tool_at + arguments.len < strlen(call->arguments))
        return;
    send_piece(j, "response.function_call_arguments.done", false, "arguments", span_str(call->arguments));
    send_item(j, "response.output_item.done", call, true);
}

static void send_end(struct demo_job *j)
{
    if (j->block) {
        send_piece(j, "response.output_text.done", true, "text", buf_span(&j->content));
        send_part(j, "response.content_part.done", buf_span(&j->content));
        send_item(j, "response.output_item.done", NULL, true);
    }
    bool is_whole = str_eq(end_status(j), "completed");
    send_response(j, is_whole ? "response.completed" : "response.incomplete", end_status(j));
}

const struct demo_form demo_form_responses = {.id_prefix = "resp_",
                                              .begin = send_start,
                                              .text = send_text,
                                              .tool = send_tool,
                                              .end = send_end,
                                              .whole = write_whole};
