/* POST /v1/messages: Anthropic's events and messages, as llama-server writes them. */
#include "demo/demo_job.h"

static const char *stop_reason(const struct demo_job *j)
{
    if (str_eq(j->finish_reason, "length"))
        return "max_tokens";
    return str_eq(j->finish_reason, "tool_calls") ? "tool_use" : "end_turn";
}

static void write_usage(struct json_writer *w, const struct demo_job *j, int64_t n_out)
{
    jw_key(w, "usage");
    jw_begin_obj(w);
    jwf_int(w, "cache_read_input_tokens", 0);
    jwf_int(w, "input_tokens", j->request.prompt_tokens);
    jwf_int(w, "output_tokens", n_out);
    jw_end_obj(w);
}

/* reason NULL: it has not ended. The content is under way when this returns: an open array. */
static void write_head(struct json_writer *w, const struct demo_job *j, const char *reason, int64_t n_out)
{
    jwf_str(w, "id", j->id);
    jwf_str(w, "type", "message");
    jwf_str(w, "role", "assistant");
    jwf_str(w, "model", demo_job_model(j));
    jwf_str(w, "stop_reason", reason);
    jwf_null(w, "stop_sequence");
    write_usage(w, j, n_out);
    jw_key(w, "content");
    jw_begin_arr(w);
}

static void send_start(struct demo_job *j)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, "message_start");
    jw_key(&w, "message");
    jw_begin_obj(&w);
    write_head(&w, j, NULL, 0);
    jw_end_arr(&w);
    jw_end_obj(&w);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

/* ---- blocks: one after the other, each of one type ---- */

static void close_block(struct demo_job *j)
{
    if (!j->block)
        return;
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, "content_block_stop");
    jwf_int(&w, "index", j->n_blocks - 1);
    demo_event_send(j, &w, &out);
    buf_release(&out);
    j->block = NULL;
}

static void open_block(struct demo_job *j, const char *type)
{
    close_block(j);
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, "content_block_start");
    jwf_int(&w, "index", j->n_blocks++);
    jw_key(&w, "content_block");
    jw_begin_obj(&w);
    jwf_str(&w, "type", type);
    if (str_eq(type, "tool_use")) {
        jwf_str(&w, "id", j->tools.v[j->tool].id);
        jwf_str(&w, "name", j->tools.v[j->tool].name);
        jwf_raw(&w, "input", "{}");
    } else {
        jwf_str(&w, type, "");
        if (str_eq(type, "thinking"))
            jwf_str(&w, "signature", "");
    }
    jw_end_obj(&w);
    demo_event_send(j, &w, &out);
    buf_release(&out);
    j->block = type;
}

static void send_delta(struct demo_job *j, const char *type, const char *key, struct span text)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, "content_block_delta");
    jwf_int(&w, "index", j->n_blocks - 1);
    jw_key(&w, "delta");
    jw_begin_obj(&w);
    jwf_str(&w, "type", type);
    jw_key(&w, key);
    jw_span(&w, text);
    jw_end_obj(&w);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_text(struct demo_job *j, bool thinks, struct span token)
{
    const char *type = thinks ? "thinking" : "text";
    if (!str_eq(j->block, type))
        open_block(j, type);
    send_delta(j, thinks ? "thinking_delta" : "text_delta", type, token);
}

static void send_tool(struct demo_job *j, bool is_first, struct span arguments)
{
    if (is_first)
        open_block(j, "tool_use");
    send_delta(j, "input_json_delta", "partial_json", arguments);
}

static void send_end(struct demo_job *j)
{
    struct buf out = {0};
    struct json_writer w;
    close_block(j);
    demo_event_begin(&w, &out, "message_delta");
    jw_key(&w, "delta");
    jw_begin_obj(&w);
    jwf_str(&w, "stop_reason", stop_reason(j));
    jwf_null(&w, "stop_sequence");
    jw_end_obj(&w);
    jw_key(&w, "usage");
    jw_begin_obj(&w);
    jwf_int(&w, "output_tokens", j->n_tokens);
    jw_end_obj(&w);
    demo_event_send(j, &w, &out);
    buf_clear(&out);
    demo_event_begin(&w, &out, "message_stop");
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

/* ---- no stream ---- */

static void write_text_block(struct json_writer *w, const char *type, const struct buf *text)
{
    jw_begin_obj(w);
    jwf_str(w, "type", type);
    jw_key(w, type);
    jw_span(w, buf_span(text));
    if (str_eq(type, "thinking"))
        jwf_str(w, "signature", "");
    jw_end_obj(w);
}

static void write_whole(const struct demo_job *j, struct json_writer *w)
{
    write_head(w, j, stop_reason(j), j->n_tokens);
    if (j->reasoning.len)
        write_text_block(w, "thinking", &j->reasoning);
    if (j->content.len)
        write_text_block(w, "text", &j->content);
    for (size_t i = 0; i < j->tools.n; i++) {
        jw_begin_obj(w);
        jwf_str(w, "type", "tool_use");
        jwf_str(w, "id", j->tools.v[i].id);
        jwf_str(w, "name", j->tools.v[i].name);
        jwf_raw(w, "input", j->tools.v[i].arguments);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

const struct demo_form demo_form_messages = {.id_prefix = "msg_",
                                             .begin = send_start,
                                             .text = send_text,
                                             .tool = send_tool,
                                             .end = send_end,
                                             .whole = write_whole};
