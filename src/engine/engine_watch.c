/* Looks after an engine's process: its output, its health, how its load goes, what it uses. */
#include "engine/engine_impl.h"

#define TICK_LOADING_MS 250
#define TICK_READY_MS   2000
/* How old what is known of the GPUs may be. */
#define GPU_LOADING_MS 2000
#define GPU_READY_MS   5000

static void tell_progress(struct engine *e, int64_t now_ms)
{
    e->told_ms = now_ms;
    if (e->ev.on_progress)
        e->ev.on_progress(e, e->arg);
}

static void on_answer(void *arg, enum engine_health_answer answer)
{
    struct engine *e = arg;
    if (e->state == ENGINE_READY) {
        e->n_unanswered = answer == ENGINE_HEALTH_OK ? 0 : e->n_unanswered + 1;
        if (e->n_unanswered == ENGINE_UNANSWERED_TOLD) {
            engine_log_add(e, "has not answered %d health checks", ENGINE_UNANSWERED_TOLD);
            log_warn("engine %s: has not answered %d health checks; it goes on", e->spec.name,
                     ENGINE_UNANSWERED_TOLD);
        }
        return;
    }
    if (answer == ENGINE_HEALTH_OK)
        engine_raise(e, ENGINE_EV_HEALTHY);
    else if (answer == ENGINE_HEALTH_LOADING)
        engine_raise(e, ENGINE_EV_ANSWERED);
}

static void note_metrics(struct engine *e, const struct engine_sample *s, int64_t now_ms)
{
    e->metrics.rss_bytes = s->file_bytes + s->anon_bytes;
    e->metrics.fixed_bytes = s->anon_bytes;
    if (e->metered_ms && now_ms - e->metered_ms < TICK_READY_MS * 3 / 4)
        return;
    if (e->metered_ms) {
        double cpu = (double)(s->cpu_ms - e->meter.cpu_ms) * 100 / (double)(now_ms - e->metered_ms);
        e->metrics.cpu_percent = cpu < 0 ? 0 : cpu; /* a worker that ended takes its time with it */
    }
    e->meter = *s;
    e->metered_ms = now_ms;
}

static void on_tick(void *arg)
{
    struct engine *e = arg;
    struct engine_sample sample;
    int64_t now_ms = clock_ms();
    bool is_ready = e->state == ENGINE_READY;
    loop_timer_start(&e->tick, is_ready ? TICK_READY_MS : TICK_LOADING_MS);
    if (engine_meter_read(e->pid, &sample)) {
        note_metrics(e, &sample, now_ms);
        if (!is_ready)
            engine_load_sample(&e->load, &sample, now_ms);
    }
    engine_gpus_want(e->gpus, is_ready ? GPU_READY_MS : GPU_LOADING_MS);
    if (e->state == ENGINE_STARTING && engine_load_has_begun(&e->load))
        engine_raise(e, ENGINE_EV_ANSWERED);
    tell_progress(e, now_ms);
}

void engine_watch_output(struct engine *e, int stream, struct span chunk)
{
    engine_log_feed(e->log, stream == 1 ? ENGINE_STREAM_OUT : ENGINE_STREAM_ERR, chunk, clock_wall_ms());
    if (e->state != ENGINE_STARTING && e->state != ENGINE_LOADING)
        return;
    int64_t now_ms = clock_ms();
    double before = e->load.value;
    bool was_loaded = e->load.llama.loaded;
    engine_load_feed(&e->load, stream, chunk, now_ms);
    if (!was_loaded && e->load.llama.loaded)
        engine_health_hurry(&e->health);
    if (e->load.value <= before)
        return;
    if (e->state == ENGINE_STARTING && engine_load_has_begun(&e->load))
        engine_raise(e, ENGINE_EV_ANSWERED);
    if (now_ms - e->told_ms >= TICK_LOADING_MS)
        tell_progress(e, now_ms);
}

void engine_watch_start(struct engine *e)
{
    e->metered_ms = 0;
    e->n_unanswered = 0;
    loop_timer_init(&e->tick, e->loop, on_tick, e);
    loop_timer_start(&e->tick, TICK_LOADING_MS);
    engine_health_start(&e->health, e->loop, e->client, &e->endpoint, on_answer, e);
}

void engine_watch_ready(struct engine *e)
{
    struct engine_sample sample;
    if (engine_meter_read(e->pid, &sample))
        note_metrics(e, &sample, clock_ms());
    engine_health_set_ready(&e->health);
    loop_timer_start(&e->tick, TICK_READY_MS);
}

void engine_watch_stop(struct engine *e)
{
    loop_timer_stop(&e->tick);
    engine_health_stop(&e->health);
}
