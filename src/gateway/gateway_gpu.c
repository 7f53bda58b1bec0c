/*
 * The GPUs' part in who sits in memory: their limit, and when a load may begin. Drivers give memory back late, so after an
 * engine's end it is watched: what the GPUs have beside our engines has to fall to what it was.
 */
#include "gateway/gateway_room.h"

/* All that our engines have on GPUs, as far as it is known. */
static int64_t ours(const struct gateway *g)
{
    int64_t sum = 0;
    for (size_t i = 0; i < g->n_servers; i++)
        sum += fit_higher(engine_metrics(g->servers[i]->engine).gpu_bytes, 0);
    LIST_EACH(s, &g->removed, struct server, node)
        sum += s->engine ? fit_higher(engine_metrics(s->engine).gpu_bytes, 0) : 0;
    return sum;
}

static bool anybody_loads(const struct gateway *g)
{
    for (size_t i = 0; i < g->n_servers; i++) {
        enum engine_state state = engine_state(g->servers[i]->engine);
        if (state == ENGINE_STARTING || state == ENGINE_LOADING)
            return true;
    }
    return false;
}

/* ---- memory that comes back ---- */

static bool is_returning(const struct memory *m)
{
    struct engine_gpu_memory now;
    return m->gpu_left_ms && clock_ms() - m->gpu_left_ms < GATEWAY_SETTLE_MS &&
           engine_gpus_memory(m->gpus, &now);
}

void memory_gpu_left(struct gateway *g)
{
    g->memory.gpu_left_ms = clock_ms();
    if (!g->closing)
        engine_gpus_want(g->memory.gpus, 0);
}

static void note_others(struct gateway *g)
{
    struct memory *m = &g->memory;
    struct engine_gpu_memory now;
    if (!engine_gpus_memory(m->gpus, &now)) {
        m->gpu_left_ms = 0;
        m->gpu_others_bytes = -1;
        return;
    }
    int64_t others = now.used_bytes - ours(g);
    bool is_back = m->gpu_others_bytes < 0 || others <= m->gpu_others_bytes + GATEWAY_GPU_NOISE_BYTES;
    if (!is_returning(m) || (is_back && now.began_ms > m->gpu_left_ms))
        m->gpu_left_ms = 0;
    if (!m->gpu_left_ms && !anybody_loads(g))
        m->gpu_others_bytes = others;
}

bool memory_gpu_may_start(const struct server *s)
{
    const struct memory *m = &s->g->memory;
    struct engine_gpu_memory now;
    struct fit_amount needs, least;
    if (!footprint_may_use_gpu(s))
        return true;
    if (engine_gpus_is_stale(m->gpus, GATEWAY_GPU_FRESH_MS))
        return false;
    if (!is_returning(m) || !engine_gpus_memory(m->gpus, &now))
        return true;
    (void)footprint_needs(s, &needs, &least);
    return needs.gpu > 0 && needs.gpu <= now.free_bytes && now.began_ms > m->gpu_left_ms;
}

bool memory_gpu_is_late(const struct server *s)
{
    return footprint_may_use_gpu(s) && is_returning(&s->g->memory);
}

void memory_gpu_wait(struct gateway *g)
{
    engine_gpus_want(g->memory.gpus, is_returning(&g->memory) ? GATEWAY_GPU_WAIT_MS : GATEWAY_GPU_FRESH_MS);
}

/* ---- limits ---- */

int64_t memory_gpu_limit(const struct gateway *g)
{
    struct engine_gpu_memory now;
    int64_t limit = g->memory.settings.gpu_budget_bytes;
    if (limit == 0) {
        if (!engine_gpus_memory(g->memory.gpus, &now))
            return FIT_NO_LIMIT;
        return fit_higher(ours(g) + now.free_bytes - GATEWAY_GPU_RESERVE, 0);
    }
    LIST_EACH(s, &g->removed, struct server, node)
        limit -= s->engine ? fit_higher(engine_metrics(s->engine).gpu_bytes, 0) : 0;
    return fit_higher(limit, 0);
}

bool memory_gpu_is_measured(const struct server *s)
{
    struct engine_gpu_memory now;
    return !engine_gpus_is_stale(s->g->memory.gpus, GATEWAY_SETTLE_MS) &&
           (!engine_gpus_memory(s->g->memory.gpus, &now) || now.began_ms >= s->memory.ready_ms);
}

/* ---- readings ---- */

static void on_reading(void *arg)
{
    struct gateway *g = arg;
    struct memory *m = &g->memory;
    void (*on_measured)(struct gateway *) = TAKE(m->on_measured);
    for (size_t i = 0; i < g->n_servers; i++)
        footprint_measure(g->servers[i]);
    note_others(g);
    memory_look(g);
    if (on_measured && !g->closing)
        on_measured(g);
}

void memory_when_measured(struct gateway *g, void (*fn)(struct gateway *g))
{
    engine_gpus_want(g->memory.gpus, GATEWAY_GPU_FRESH_MS);
    if (engine_gpus_is_stale(g->memory.gpus, GATEWAY_GPU_FRESH_MS))
        g->memory.on_measured = fn;
    else
        fn(g);
}

void memory_gpu_init(struct gateway *g)
{
    const struct engine_gpus_options options = {.exec_program = g->self_exe, .reaper = g->reaper};
    g->memory.gpu_others_bytes = -1;
    g->memory.gpus = engine_gpus_new(g->loop, &options, on_reading, g);
}
