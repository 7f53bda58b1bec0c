/* One estimate from all sources of progress: the best one at hand counts, and what is shown never falls. */
#include "engine/engine_progress.h"

/* llama-server tells of its progress within this time, if it does: until then weaker sources would only mislead. */
#define PROTOCOL_WAIT_MS 1500
/* No guess of the time left from less than this. */
#define GUESS_MIN_MS    1000
#define GUESS_MIN_VALUE 0.02
#define LEFT_MOST_S     (24 * 3600)

void engine_load_begin(struct engine_load *l, enum engine_protocol protocol, int64_t model_bytes,
                       int64_t last_load_ms, int64_t now_ms)
{
    *l = (struct engine_load){.protocol = protocol,
                              .started_ms = now_ms,
                              .model_bytes = model_bytes,
                              .last_load_ms = last_load_ms,
                              .moved_ms = now_ms,
                              .value = -1,
                              .source = ENGINE_SOURCE_TIME,
                              .first_value = -1};
    engine_llama_init(&l->llama);
    engine_shards_init(&l->out_shards);
    engine_shards_init(&l->err_shards);
}

static double max_of(double a, double b)
{
    return a > b ? a : b;
}

/* What the engine itself told; -1: nothing. */
static double told_value(const struct engine_load *l, enum engine_source *out_source)
{
    *out_source = ENGINE_SOURCE_PROTOCOL;
    if (l->llama.value >= 0)
        return l->llama.value;
    *out_source = ENGINE_SOURCE_LOG;
    return max_of(l->llama.dots_value, max_of(l->out_shards.value, l->err_shards.value));
}

static void update(struct engine_load *l, int64_t now_ms)
{
    enum engine_source source;
    double value = told_value(l, &source);
    bool may_guess = l->protocol != ENGINE_LLAMA || now_ms - l->started_ms >= PROTOCOL_WAIT_MS;
    if (value < 0 && may_guess && l->sampled_ms) {
        source = ENGINE_SOURCE_BYTES;
        value = engine_bytes_value(&l->sample, l->model_bytes);
    }
    if (value < 0 && may_guess) {
        source = ENGINE_SOURCE_TIME;
        value = engine_time_value(now_ms - l->started_ms, l->last_load_ms);
    }
    if (value < 0 || value < l->value)
        return;
    if (l->first_value < 0) {
        l->first_value = value;
        l->first_ms = now_ms;
    }
    /* time passes by itself: it is no progress */
    if (value > l->value && source != ENGINE_SOURCE_TIME)
        l->moved_ms = now_ms;
    l->value = value;
    l->source = source;
}

void engine_load_feed(struct engine_load *l, int stream, struct span chunk, int64_t now_ms)
{
    if (chunk.len == 0)
        return;
    if (l->protocol == ENGINE_LLAMA && stream == 1)
        engine_llama_feed_out(&l->llama, chunk);
    else if (l->protocol == ENGINE_LLAMA)
        engine_llama_feed_err(&l->llama, chunk);
    else
        engine_shards_feed(stream == 1 ? &l->out_shards : &l->err_shards, chunk);
    l->moved_ms = now_ms;
    update(l, now_ms);
}

void engine_load_sample(struct engine_load *l, const struct engine_sample *s, int64_t now_ms)
{
    if (l->sampled_ms && engine_sample_moved(&l->sample, s, now_ms - l->sampled_ms))
        l->moved_ms = now_ms;
    l->sample = *s;
    l->sampled_ms = now_ms;
    update(l, now_ms);
}

/* From the speed since the value was first known; the last load's time before that. */
static int left_seconds(const struct engine_load *l, int64_t now_ms)
{
    const struct engine_shards *bar = l->out_shards.value > l->err_shards.value ? &l->out_shards
                                                                                : &l->err_shards;
    if (l->source == ENGINE_SOURCE_LOG && bar->left_s >= 0)
        return bar->left_s;
    double elapsed_ms = (double)(now_ms - l->first_ms), gained = l->value - l->first_value;
    double left_ms = -1;
    if (l->source != ENGINE_SOURCE_TIME && elapsed_ms >= GUESS_MIN_MS && gained >= GUESS_MIN_VALUE)
        left_ms = elapsed_ms * (1 - l->value) / gained;
    else if (l->last_load_ms > 0)
        left_ms = (double)(l->last_load_ms - (now_ms - l->started_ms));
    else
        return -1;
    if (left_ms < 0)
        left_ms = 0;
    return left_ms / 1000 > LEFT_MOST_S ? -1 : (int)(left_ms / 1000 + 0.999);
}

static const char *stage_text(const struct engine_load *l)
{
    static const struct {
        const char *stage, *text;
    } stages[] = {{"text_model", "loading weights"},
                  {"mmproj", "loading the vision projector"},
                  {"mtmd", "loading the vision projector"},
                  {"spec_model", "loading the draft model"},
                  {"warmup", "warming up"}};
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        if (str_eq(l->llama.stage, stages[i].stage))
            return stages[i].text;
    }
    if (l->llama.stage[0])
        return l->llama.stage;
    return l->out_shards.value > l->err_shards.value ? l->out_shards.text : l->err_shards.text;
}

void engine_load_estimate(const struct engine_load *l, int64_t now_ms, struct engine_progress *out_progress)
{
    *out_progress = (struct engine_progress){
        .value = l->value,
        .left_s = left_seconds(l, now_ms),
        .text = stage_text(l),
        .source = l->source,
    };
}

bool engine_load_has_begun(const struct engine_load *l)
{
    return l->value > 0.005 && l->source != ENGINE_SOURCE_TIME;
}
