/*
 * An engine as others see it, and the one place that changes its state: apply() looks the change up, logs it, arms the
 * state's deadline, publishes it and then acts.
 */
#include <stdarg.h>
#include <stdio.h>

#include "engine/engine_impl.h"

static void copy_spec(struct engine_spec *to, const struct engine_spec *from)
{
    *to = *from;
    to->id = xstrdup(from->id);
    to->name = xstrdup(from->name);
    to->model_path = xstrdup(from->model_path);
    to->argv = to->env = (struct strv){0};
    strv_copy(&to->argv, &from->argv);
    strv_copy(&to->env, &from->env);
}

static void release_spec(struct engine_spec *s)
{
    free((char *)s->id);
    free((char *)s->name);
    free((char *)s->model_path);
    strv_release(&s->argv);
    strv_release(&s->env);
}

static void on_log_line(const struct engine_log_line *line, void *arg)
{
    struct engine *e = arg;
    engine_log_file_add(e->log_file, line);
}

static void on_deadline(void *arg);
static void on_recover(void *arg);

struct engine *engine_new(struct loop *l, struct http_client *client, const struct engine_options *options,
                          const struct engine_spec *spec, const struct engine_events *ev, void *arg)
{
    struct engine *e = xcalloc(1, sizeof *e);
    e->loop = l;
    e->client = client;
    e->run_dir = xstrdup(options->run_dir);
    e->exec_program = xstrdup(options->exec_program);
    e->grace_ms = options->grace_ms > 0 ? options->grace_ms : ENGINE_GRACE_MS;
    e->stall_ms = options->stall_ms > 0 ? options->stall_ms : ENGINE_STALL_MS;
    e->reaper = options->reaper;
    e->gpus = options->gpus;
    if (ev)
        e->ev = *ev;
    e->arg = arg;
    copy_spec(&e->spec, spec);
    e->since_ms = clock_ms();
    e->since_wall_ms = clock_wall_ms();
    e->metrics = (struct engine_metrics){-1, -1, -1, -1};
    e->log = engine_log_new(on_log_line, e);
    e->log_file = engine_log_file_new(l, options->log_dir, spec->id);
    loop_timer_init(&e->deadline, l, on_deadline, e);
    loop_timer_init(&e->recover, l, on_recover, e);
    return e;
}

static void free_engine(void *arg)
{
    struct engine *e = arg;
    loop_fn on_closed = e->on_closed;
    void *closed_arg = e->closed_arg;
    engine_watch_stop(e);
    engine_run_clear_failure(e);
    engine_command_release(&e->command);
    engine_log_free(e->log);
    engine_log_file_close(e->log_file);
    release_spec(&e->spec);
    free(e->run_dir);
    free(e->exec_program);
    free(e);
    if (on_closed)
        on_closed(closed_arg);
}

static void free_if_over(struct engine *e)
{
    if (!e->is_closed || e->is_freed || e->is_applying || engine_state_has_process(e->state))
        return;
    e->is_freed = true;
    loop_timer_stop(&e->deadline);
    loop_timer_stop(&e->recover);
    loop_defer_free(e->loop, e, free_engine);
}

void engine_close(struct engine *e, loop_fn on_closed, void *arg)
{
    if (!e || e->is_closed)
        return;
    e->is_closed = true;
    e->ev = (struct engine_events){0};
    e->on_closed = on_closed;
    e->closed_arg = arg;
    engine_raise(e, ENGINE_EV_STOP);
    free_if_over(e);
}

void engine_set_spec(struct engine *e, const struct engine_spec *spec)
{
    assert(str_eq(e->spec.id, spec->id));
    struct engine_spec old = e->spec;
    copy_spec(&e->spec, spec);
    release_spec(&old);
}

/* ---- the machine ---- */

static void arm_deadline(struct engine *e)
{
    switch (e->state) {
    case ENGINE_STARTING:
    case ENGINE_LOADING: loop_timer_start(&e->deadline, e->stall_ms); return;
    case ENGINE_STOPPING: loop_timer_start(&e->deadline, e->grace_ms); return;
    case ENGINE_STOPPED:
    case ENGINE_READY:
    case ENGINE_FAILED:
    case ENGINE_N_STATES: break;
    }
    loop_timer_stop(&e->deadline);
}

static void on_deadline(void *arg)
{
    struct engine *e = arg;
    if (e->state == ENGINE_STOPPING) {
        engine_raise(e, ENGINE_EV_GRACE_OVER);
        return;
    }
    int64_t idle_ms = clock_ms() - e->load.moved_ms;
    if (idle_ms < e->stall_ms)
        loop_timer_start(&e->deadline, e->stall_ms - idle_ms);
    else
        engine_raise(e, ENGINE_EV_STALLED);
}

static void recover(struct engine *e)
{
    if (!e->is_proven || e->is_closed)
        return;
    int64_t delay_ms = engine_policy_crashed(&e->policy, clock_ms());
    if (delay_ms < 0) {
        engine_log_add(e, "crashed %d times in %d minutes: it is not started again by itself",
                       ENGINE_POLICY_CRASHES, ENGINE_POLICY_WINDOW_MS / 60000);
        return;
    }
    engine_log_add(e, "starting it again in %lld s", (long long)(delay_ms / 1000));
    loop_timer_start(&e->recover, delay_ms);
}

static void on_recover(void *arg)
{
    struct engine *e = arg;
    if (e->state != ENGINE_FAILED)
        return;
    if (e->ev.on_recover)
        e->ev.on_recover(e, e->arg);
    else
        engine_recover(e);
}

/* What goes with being in the new state, whatever led to it. */
static void enter(struct engine *e)
{
    loop_timer_stop(&e->recover);
    switch (e->state) {
    case ENGINE_READY:
        e->is_proven = true;
        e->load_ms = clock_ms() - e->started_ms;
        engine_run_clear_failure(e);
        engine_watch_ready(e);
        return;
    case ENGINE_STOPPED:
        engine_run_clear_failure(e);
        engine_watch_stop(e);
        return;
    case ENGINE_STOPPING:
    case ENGINE_FAILED: engine_watch_stop(e); return;
    case ENGINE_STARTING:
        e->attempt++;
        e->failing = e->again = e->was_ended = false;
        e->protocol = e->spec.protocol;
        e->started_ms = clock_ms();
        e->started_wall_ms = clock_wall_ms();
        engine_load_begin(&e->load, e->protocol, e->spec.model_bytes, e->spec.last_load_ms, e->started_ms);
        return;
    case ENGINE_LOADING:
    case ENGINE_N_STATES: return;
    }
}

static void act(struct engine *e, enum engine_state old, unsigned actions)
{
    if (actions & ENGINE_DO_FAIL) {
        e->failing = true;
        e->stalled = (struct engine_end){ENGINE_END_STALLED, (int)(e->stall_ms / 1000), ENGINE_OOM_NO, NULL};
        e->ended_state = old;
    }
    if (actions & ENGINE_DO_AGAIN)
        e->again = true;
    if (actions & ENGINE_DO_FORGET)
        e->again = false;
    if (actions & ENGINE_DO_SPAWN)
        engine_run_spawn(e);
    if (actions & ENGINE_DO_END)
        engine_run_end(e);
    if (actions & ENGINE_DO_KILL)
        engine_run_kill(e);
    if (actions & ENGINE_DO_RECOVER)
        recover(e);
}

static void apply(struct engine *e, enum engine_event event)
{
    enum engine_state old = e->state;
    struct engine_step step = engine_step(old, event);
    if (step.next != old) {
        int64_t now_ms = clock_ms();
        log_info("engine %s: %s -> %s (%s, %.1f s)", e->spec.name, engine_state_name(old),
                 engine_state_name(step.next), engine_event_name(event),
                 (double)(now_ms - e->since_ms) / 1000);
        e->state = step.next;
        e->since_ms = now_ms;
        e->since_wall_ms = clock_wall_ms();
        arm_deadline(e);
        enter(e);
        if (e->ev.on_change)
            e->ev.on_change(e, e->arg, old, step.next);
        if (step.next == ENGINE_READY)
            engine_gpu_user_loaded(e->gpu); /* a reading that begins now: later than whoever heard of READY */
    }
    act(e, old, step.actions);
}

static bool is_wish(enum engine_event event)
{
    return event == ENGINE_EV_START || event == ENGINE_EV_STOP || event == ENGINE_EV_RESTART;
}

/* Of wishes only the newest counts, of the rest each once: so there is always room. */
static void enqueue(struct engine *e, enum engine_event event)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n_queued; i++) {
        if (e->queued[i] != event && !(is_wish(event) && is_wish(e->queued[i])))
            e->queued[n++] = e->queued[i];
    }
    e->queued[n++] = event;
    e->n_queued = n;
}

/* Events that a change's own callbacks and actions raise come after it, in their order. */
void engine_raise(struct engine *e, enum engine_event event)
{
    if (e->is_freed)
        return;
    if (e->is_applying) {
        enqueue(e, event);
        return;
    }
    e->is_applying = true;
    apply(e, event);
    while (e->n_queued > 0) {
        enum engine_event next = e->queued[0];
        memmove(e->queued, e->queued + 1, --e->n_queued * sizeof e->queued[0]);
        apply(e, next);
    }
    e->is_applying = false;
    free_if_over(e);
}

/* ---- wishes ---- */

/* A person's wish, or a request's: crashes of the past do not count any more. */
static void begin_anew(struct engine *e)
{
    if (e->state != ENGINE_STOPPED && e->state != ENGINE_FAILED)
        return;
    e->is_proven = false;
    engine_policy_reset(&e->policy);
    engine_run_clear_failure(e);
}

void engine_start(struct engine *e)
{
    if (e->is_closed)
        return;
    begin_anew(e);
    engine_raise(e, ENGINE_EV_START);
}

void engine_recover(struct engine *e)
{
    if (!e->is_closed)
        engine_raise(e, ENGINE_EV_START);
}

void engine_restart(struct engine *e)
{
    if (e->is_closed)
        return;
    begin_anew(e);
    engine_raise(e, ENGINE_EV_RESTART);
}

void engine_stop(struct engine *e)
{
    e->is_proven = false;
    engine_policy_reset(&e->policy);
    engine_raise(e, ENGINE_EV_STOP);
}

void engine_kill(struct engine *e)
{
    engine_stop(e);
    engine_raise(e, ENGINE_EV_GRACE_OVER);
}

/* ---- views ---- */

const char *engine_id(const struct engine *e)
{
    return e->spec.id;
}

const char *engine_name(const struct engine *e)
{
    return e->spec.name;
}

enum engine_state engine_state(const struct engine *e)
{
    return e->state;
}

const struct http_endpoint *engine_endpoint(const struct engine *e)
{
    return &e->endpoint;
}

int64_t engine_since_ms(const struct engine *e)
{
    return e->since_wall_ms;
}

int64_t engine_started_at_ms(const struct engine *e)
{
    return e->proc ? e->started_wall_ms : 0;
}

int engine_pid(const struct engine *e)
{
    return e->proc ? e->pid : 0;
}

int engine_n_unanswered(const struct engine *e)
{
    return e->state == ENGINE_READY ? e->n_unanswered : 0;
}

int engine_attempt(const struct engine *e)
{
    return e->attempt;
}

int64_t engine_load_ms(const struct engine *e)
{
    return e->load_ms;
}

int64_t engine_restart_in_ms(const struct engine *e)
{
    if (!loop_timer_is_armed(&e->recover))
        return -1;
    int64_t left_ms = e->recover.due_ms - clock_ms();
    return left_ms > 0 ? left_ms : 0;
}

bool engine_progress(const struct engine *e, struct engine_progress *out_progress)
{
    if (e->state != ENGINE_STARTING && e->state != ENGINE_LOADING)
        return false;
    engine_load_estimate(&e->load, clock_ms(), out_progress);
    return true;
}

const struct engine_failure *engine_failure(const struct engine *e)
{
    return e->failure;
}

struct engine_metrics engine_metrics(const struct engine *e)
{
    struct engine_metrics m = e->proc ? e->metrics : (struct engine_metrics){-1, -1, -1, -1};
    m.gpu_bytes = engine_gpu_user_bytes(e->gpu);
    return m;
}

int64_t engine_log_read(const struct engine *e, int64_t after_n, engine_log_fn fn, void *arg)
{
    return engine_log_each(e->log, after_n, fn, arg);
}

void engine_log_add(struct engine *e, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n >= 0)
        engine_log_line(e->log, ENGINE_STREAM_HOB, span_of(text, (size_t)n), clock_wall_ms());
    free(text);
}
