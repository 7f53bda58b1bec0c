/* POST /v1/chat/completions: llama-server's chunks, and its whole answers. */
#include "demo/demo_job.h"

static void begin_choice(struct json_writer *w, const char *finish_reason)
{
    jw_key(w, "choices");
    jw_begin_arr(w);
    jw_begin_obj(w);
    jwf_str(w, "finish_reason", finish_reason);
    jwf_int(w, "index", 0);
    jw_key(w, "delta");
    jw_begin_obj(w);
}

static void end_choice(struct json_writer *w)
{
    jw_end_obj(w);
    jw_end_obj(w);
    jw_end_arr(w);
}

/* A chunk with one choice: {"role":"assistant","content":null}, {key: text}, or (key NULL) {}. */
static void write_choice(struct json_writer *w, const char *key, struct span text, const char *finish_reason)
{
    begin_choice(w, finish_reason);
    if (key && str_eq(key, "role")) {
        jwf_str(w, "role", "assistant");
        jwf_null(w, "content");
    } else if (key) {
        jw_key(w, key);
        jw_span(w, text);
    }
    end_choice(w);
}

static void send_delta(struct demo_job *j, const char *key, struct span text)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, NULL);
    write_choice(&w, key, text, NULL);
    demo_write_head(&w, j, "chat.completion.chunk");
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_tool_piece(struct demo_job *j, bool is_first, struct span arguments)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, NULL);
    begin_choice(&w, NULL);
    jw_key(&w, "tool_calls");
    jw_begin_arr(&w);
    demo_tool_write_piece(&w, &j->tools.v[j->tool], j->tool, is_first, arguments);
    jw_end_arr(&w);
    end_choice(&w);
    demo_write_head(&w, j, "chat.completion.chunk");
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_prompt_progress(struct demo_job *j, int64_t processed)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, NULL);
    write_choice(&w, "role", span_of("", 0), NULL);
    demo_write_head(&w, j, "chat.completion.chunk");
    jw_key(&w, "prompt_progress");
    jw_begin_obj(&w);
    jwf_int(&w, "total", j->request.prompt_tokens);
    jwf_int(&w, "cache", 0);
    jwf_int(&w, "processed", processed);
    jwf_int(&w, "time_ms", clock_ms() - j->started_ms);
    jw_end_obj(&w);
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

static void send_end(struct demo_job *j)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, NULL);
    write_choice(&w, NULL, span_of("", 0), j->finish_reason);
    demo_write_head(&w, j, "chat.completion.chunk");
    demo_write_timings(&w, j);
    demo_event_send(j, &w, &out);
    if (j->request.include_usage) {
        buf_clear(&out);
        demo_event_begin(&w, &out, NULL);
        jw_key(&w, "choices");
        jw_begin_arr(&w);
        jw_end_arr(&w);
        demo_write_head(&w, j, "chat.completion.chunk");
        demo_write_usage(&w, j);
        demo_write_timings(&w, j);
        demo_event_send(j, &w, &out);
    }
    http_exchange_write(j->x, span_str("data: [DONE]\n\n"));
    buf_release(&out);
}

static void write_message_body(struct json_writer *w, const struct demo_job *j)
{
    jw_key(w, "content");
    if (!j->tools.n) {
        jw_span(w, buf_span(&j->content));
        return;
    }
    jw_null(w);
    jw_key(w, "tool_calls");
    jw_begin_arr(w);
    for (size_t i = 0; i < j->tools.n; i++)
        demo_tool_write(w, &j->tools.v[i]);
    jw_end_arr(w);
}

static void write_whole(const struct demo_job *j, struct json_writer *w)
{
    jw_key(w, "choices");
    jw_begin_arr(w);
    jw_begin_obj(w);
    jwf_str(w, "finish_reason", j->finish_reason);
    jwf_int(w, "index", 0);
    jw_key(w, "message");
    jw_begin_obj(w);
    jwf_str(w, "role", "assistant");
    if (j->reasoning.len) {
        jw_key(w, "reasoning_content");
        jw_span(w, buf_span(&j->reasoning));
    }
    write_message_body(w, j);
    jw_end_obj(w);
    jw_end_obj(w);
    jw_end_arr(w);
    demo_write_head(w, j, "chat.completion");
    demo_write_usage(w, j);
    demo_write_timings(w, j);
}

static void send_beginning(struct demo_job *j)
{
    if (j->request.return_progress) {
        send_prompt_progress(j, j->request.prompt_tokens / 2);
        send_prompt_progress(j, j->request.prompt_tokens);
    }
    send_delta(j, "role", span_of("", 0));
}

static void send_text(struct demo_job *j, bool thinks, struct span token)
{
    send_delta(j, thinks ? "reasoning_content" : "content", token);
}

const struct demo_form demo_form_chat = {.id_prefix = "chatcmpl-",
                                         .begin = send_beginning,
                                         .text = send_text,
                                         .tool = send_tool_piece,
                                         .end = send_end,
                                         .whole = write_whole};
