/* The figures under an answer: the engine's own where it gives them, else what we saw. Contract: Meta in openapi.yaml. */
#include "chat/chat_room.h"

#define MAX_COUNT 1000000000000 /* tokens or ms, as chat_frames.c takes them from engines */

struct figures figures_none(void)
{
    return (struct figures){
        .n_tokens = -1, .ttft_ms = -1, .reasoning_ms = -1, .total_ms = -1, .tokens_per_s = -1};
}

/* An imported answer may have any: they are added up. */
static int64_t count_or_none(yyjson_val *meta, const char *name)
{
    int64_t n = json_int_or(meta, name, -1);
    return n <= MAX_COUNT ? n : -1;
}

struct figures figures_read(const char *meta_json)
{
    struct figures f = figures_none();
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!meta_json || json_parse(span_str(meta_json), &doc, NULL))
        return f;
    yyjson_val *meta = yyjson_doc_get_root(doc);
    f.n_tokens = count_or_none(meta, "completion_tokens");
    f.ttft_ms = count_or_none(meta, "ttft_ms");
    f.reasoning_ms = count_or_none(meta, "reasoning_ms");
    f.total_ms = count_or_none(meta, "total_ms");
    f.tokens_per_s = json_num_or(meta, "tokens_per_s", -1);
    return f;
}

/* Of the call alone. */
static struct figures of_call(const struct generation *g)
{
    int64_t now = clock_ms();
    struct figures f = figures_none();
    f.n_tokens = g->usage.completion_tokens >= 0 ? g->usage.completion_tokens : g->n_tokens;
    f.tokens_per_s = g->timings.predicted_per_second;
    int64_t writing_ms = g->last_token_ms - g->first_token_ms;
    if (f.tokens_per_s < 0 && f.n_tokens > 1 && writing_ms > 0)
        f.tokens_per_s = (double)(f.n_tokens - 1) * 1000 / (double)writing_ms;
    if (g->first_token_ms)
        f.ttft_ms = g->first_token_ms - g->started_ms;
    f.reasoning_ms = think_took_ms(&g->think, now);
    if (g->started_ms)
        f.total_ms = now - g->started_ms;
    return f;
}

/* -1 is no number. */
static int64_t sum(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : a + b;
}

static void write_count(struct json_writer *w, const char *key, int64_t n)
{
    if (n >= 0)
        jwf_int(w, key, n);
    else
        jwf_null(w, key);
}

char *figures_write(const struct generation *g)
{
    const struct figures *before = &g->before;
    struct figures f = of_call(g);
    int64_t n_prompt = g->usage.prompt_tokens;
    if (n_prompt < 0 && g->timings.prompt_n >= 0)
        n_prompt = (int64_t)g->timings.prompt_n;
    double speed = f.tokens_per_s >= 0 ? f.tokens_per_s : before->tokens_per_s;
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_begin_obj(&w);
    jwf_str(&w, "model", g->model);
    write_count(&w, "prompt_tokens", n_prompt);
    write_count(&w, "completion_tokens", sum(before->n_tokens, f.n_tokens));
    if (speed >= 0)
        jwf_num(&w, "tokens_per_s", speed);
    else
        jwf_null(&w, "tokens_per_s");
    write_count(&w, "ttft_ms", before->ttft_ms >= 0 ? before->ttft_ms : f.ttft_ms);
    write_count(&w, "reasoning_ms", sum(before->reasoning_ms, f.reasoning_ms));
    write_count(&w, "total_ms", sum(before->total_ms, f.total_ms));
    jwf_str(&w, "finish_reason", g->finish_reason[0] ? g->finish_reason : NULL);
    jw_end_obj(&w);
    return buf_take_str(&b);
}
