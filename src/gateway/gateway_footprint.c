/*
 * What engines need. Measured: the most that a server's engine has had since its configuration was changed; pages of files
 * count up to the size of its model, since those of programs and libraries can go. Before the first load a guess from the
 * model's size; for what has no model file there is none. Where there are GPUs the guess holds for them, too, unless the
 * server's options say that it uses none: an engine that was built without them only makes others go once. On GPUs nothing
 * is refused for what others have there now: such a load fails by itself, or takes fewer layers there.
 */
#include "gateway/gateway_room.h"

/* Weights, and what an engine needs beside them: context, buffers, itself. */
#define ESTIMATE_PERCENT 120
#define ESTIMATE_BYTES   ((int64_t)128 << 20)
/* The store hears of growth from this on. */
#define GROWTH_PERCENT 2

bool footprint_may_use_gpu(const struct server *s)
{
    return s->row.footprint.bytes > 0 ? s->row.footprint.gpu_bytes > 0 : !s->props.no_gpu;
}

enum footprint_source footprint_needs(const struct server *s, struct fit_amount *out_needs,
                                      struct fit_amount *out_least)
{
    const struct server_footprint *f = &s->row.footprint;
    const struct memory_settings *settings = &s->g->memory.settings;
    bool is_set = settings->budget_bytes > 0;
    if (f->bytes > 0) {
        /* What can be taken back counts where somebody has said how much there shall be, and does not refuse elsewhere. */
        *out_needs = (struct fit_amount){f->bytes, f->gpu_bytes};
        *out_least = (struct fit_amount){is_set ? f->bytes : f->fixed_bytes,
                                         settings->gpu_budget_bytes > 0 ? f->gpu_bytes : 0};
        return FOOTPRINT_MEASURED;
    }
    struct engine_gpu_memory gpus;
    bool may_use_gpu = footprint_may_use_gpu(s) && engine_gpus_memory(s->g->memory.gpus, &gpus);
    *out_needs = *out_least = (struct fit_amount){0, 0};
    if (s->model_bytes == 0)
        return FOOTPRINT_UNKNOWN;
    out_needs->ram = s->model_bytes / 100 * ESTIMATE_PERCENT + ESTIMATE_BYTES;
    out_needs->gpu = may_use_gpu ? out_needs->ram : 0;
    out_least->ram = is_set && !may_use_gpu ? s->model_bytes : 0;
    return FOOTPRINT_ESTIMATED;
}

struct fit_amount footprint_holds(const struct server *s)
{
    struct fit_amount needs, least, holds = {s->memory.now.bytes, s->memory.now.gpu_bytes};
    enum engine_state state = s->engine ? engine_state(s->engine) : ENGINE_STOPPED;
    bool is_coming = state == ENGINE_STARTING || state == ENGINE_LOADING;
    (void)footprint_needs(s, &needs, &least);
    if (is_coming)
        holds.ram = fit_higher(holds.ram, needs.ram);
    if (is_coming || (state == ENGINE_READY && !memory_gpu_is_measured(s)))
        holds.gpu = fit_higher(holds.gpu, needs.gpu);
    return holds;
}

static void ignore_result(void *arg, const struct store_result *r)
{
    (void)arg;
    if (r->err && r->err != ERR_NOT_FOUND)
        log_warn("store: a footprint was not kept: %s", r->why.text);
}

static bool has_grown(const struct server_footprint *f, const struct server_footprint *kept)
{
    return f->bytes - kept->bytes > kept->bytes / 100 * GROWTH_PERCENT ||
           f->gpu_bytes - kept->gpu_bytes > kept->gpu_bytes / 100 * GROWTH_PERCENT;
}

void footprint_measure(struct server *s)
{
    struct engine_metrics m = engine_metrics(s->engine);
    struct server_memory *memory = &s->memory;
    if (m.rss_bytes < 0) {
        memory->now = (struct server_footprint){0};
        return;
    }
    memory->now = (struct server_footprint){.bytes = m.fixed_bytes +
                                                     fit_lower(m.rss_bytes - m.fixed_bytes, s->model_bytes),
                                            .fixed_bytes = m.fixed_bytes,
                                            .gpu_bytes = fit_higher(m.gpu_bytes, 0)};
    if (engine_state(s->engine) != ENGINE_READY || s->removed || memory->is_old || !memory_gpu_is_measured(s))
        return;
    struct server_footprint *most = &s->row.footprint;
    most->bytes = fit_higher(most->bytes, memory->now.bytes);
    most->fixed_bytes = fit_higher(most->fixed_bytes, memory->now.fixed_bytes);
    most->gpu_bytes = fit_higher(most->gpu_bytes, memory->now.gpu_bytes);
    if (!has_grown(most, &memory->kept))
        return;
    memory->kept = *most;
    store_server_measured(s->g->store, s->row.id, most, ignore_result, NULL);
}

/* The store thinks the same of what holds for both. */
void footprint_hand_on(struct server *s, struct server_row *to)
{
    const struct server_row *from = &s->row;
    to->footprint = from->footprint;
    if (str_eq(to->kind, from->kind) && str_eq(to->model_path, from->model_path) &&
        str_eq(to->command_json, from->command_json) && str_eq(to->args_json, from->args_json))
        return;
    to->footprint = s->memory.kept = (struct server_footprint){0};
    s->memory.is_old = true;
}

void footprint_add_bytes(struct buf *out, int64_t bytes)
{
    if (bytes >= 1000000000)
        buf_addf(out, "%.1f GB", (double)bytes / 1e9);
    else
        buf_addf(out, "%lld MB", (long long)((bytes + 500000) / 1000000));
}
