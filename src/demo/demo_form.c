/* What the forms of an answer share, and the smallest of them: POST /v1/completions. */
#include "demo/demo_job.h"

void demo_event_begin(struct json_writer *w, struct buf *out, const char *name)
{
    if (name)
        buf_addf(out, "event: %s\n", name);
    buf_add_str(out, "data: ");
    jw_init(w, out);
    jw_begin_obj(w);
    if (name)
        jwf_str(w, "type", name);
}

void demo_event_send(struct demo_job *j, struct json_writer *w, struct buf *out)
{
    jw_end_obj(w);
    buf_add_str(out, "\n\n");
    http_exchange_write(j->x, buf_span(out));
}

const char *demo_job_model(const struct demo_job *j)
{
    return j->request.model ? j->request.model : DEMO_MODEL;
}

static double per_second(int64_t n, int64_t ms)
{
    return (double)n * 1000 / (double)(ms > 0 ? ms : 1);
}

void demo_write_timings(struct json_writer *w, const struct demo_job *j)
{
    int64_t prompt_ms = j->first_token_ms - j->started_ms, predicted_ms = clock_ms() - j->first_token_ms;
    jw_key(w, "timings");
    jw_begin_obj(w);
    jwf_int(w, "cache_n", 0);
    jwf_int(w, "prompt_n", j->request.prompt_tokens);
    jwf_num(w, "prompt_ms", (double)prompt_ms);
    jwf_num(w, "prompt_per_second", per_second(j->request.prompt_tokens, prompt_ms));
    jwf_int(w, "predicted_n", j->n_tokens);
    jwf_num(w, "predicted_ms", (double)predicted_ms);
    jwf_num(w, "predicted_per_second", per_second(j->n_tokens, predicted_ms));
    jw_end_obj(w);
}

void demo_write_usage(struct json_writer *w, const struct demo_job *j)
{
    jw_key(w, "usage");
    jw_begin_obj(w);
    jwf_int(w, "completion_tokens", j->n_tokens);
    jwf_int(w, "prompt_tokens", j->request.prompt_tokens);
    jwf_int(w, "total_tokens", j->request.prompt_tokens + j->n_tokens);
    jw_key(w, "prompt_tokens_details");
    jw_begin_obj(w);
    jwf_int(w, "cached_tokens", 0);
    jw_end_obj(w);
    jw_end_obj(w);
}

void demo_write_head(struct json_writer *w, const struct demo_job *j, const char *object)
{
    jwf_int(w, "created", j->created_s);
    jwf_str(w, "id", j->id);
    jwf_str(w, "model", demo_job_model(j));
    jwf_str(w, "system_fingerprint", "hob-demo-" HOB_VERSION);
    jwf_str(w, "object", object);
}

/* ---- completions ---- */

static void write_text_choice(struct json_writer *w, struct span text, const char *finish_reason)
{
    jw_key(w, "choices");
    jw_begin_arr(w);
    jw_begin_obj(w);
    jw_key(w, "text");
    jw_span(w, text);
    jwf_int(w, "index", 0);
    jwf_null(w, "logprobs");
    jwf_str(w, "finish_reason", finish_reason);
    jw_end_obj(w);
    jw_end_arr(w);
}

static void send_nothing(struct demo_job *j)
{
    (void)j;
}

static void send_text(struct demo_job *j, bool thinks, struct span token)
{
    struct buf out = {0};
    struct json_writer w;
    if (thinks)
        return;
    demo_event_begin(&w, &out, NULL);
    write_text_choice(&w, token, NULL);
    demo_write_head(&w, j, "text_completion");
    demo_event_send(j, &w, &out);
    buf_release(&out);
}

/* A completion knows no tools: the call is what the model writes. */
static void send_tool(struct demo_job *j, bool is_first, struct span arguments)
{
    send_text(j, false, is_first ? span_str(j->tools.v[j->tool].name) : arguments);
}

static void send_end(struct demo_job *j)
{
    struct buf out = {0};
    struct json_writer w;
    demo_event_begin(&w, &out, NULL);
    write_text_choice(&w, span_of("", 0), j->finish_reason);
    demo_write_head(&w, j, "text_completion");
    demo_write_usage(&w, j);
    demo_write_timings(&w, j);
    demo_event_send(j, &w, &out);
    http_exchange_write(j->x, span_str("data: [DONE]\n\n"));
    buf_release(&out);
}

static void write_whole(const struct demo_job *j, struct json_writer *w)
{
    write_text_choice(w, buf_span(&j->content), j->finish_reason);
    demo_write_head(w, j, "text_completion");
    demo_write_usage(w, j);
    demo_write_timings(w, j);
}

const struct demo_form demo_form_completion = {.id_prefix = "cmpl-",
                                               .begin = send_nothing,
                                               .text = send_text,
                                               .tool = send_tool,
                                               .end = send_end,
                                               .whole = write_whole};
