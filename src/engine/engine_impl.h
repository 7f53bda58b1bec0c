/* The engine itself, for the files that share it: engine.c decides and publishes, engine_run.c acts, engine_watch.c looks. */
#ifndef HOB_ENGINE_IMPL_H
#define HOB_ENGINE_IMPL_H

#include "engine/engine_command.h"
#include "engine/engine_gpu.h"
#include "engine/engine_health.h"
#include "engine/engine_hint.h"
#include "engine/engine_log.h"
#include "engine/engine_meter.h"
#include "engine/engine_policy.h"
#include "engine/engine_proc.h"
#include "engine/engine_progress.h"

struct engine {
    struct loop *loop;
    struct http_client *client;
    char *run_dir, *exec_program;
    int64_t grace_ms, stall_ms;
    struct engine_reaper *reaper;
    struct engine_gpus *gpus;
    struct engine_events ev;
    void *arg;
    struct engine_spec spec; /* strings owned; of the next start */

    enum engine_state state; /* written by apply() in engine.c only */
    int64_t since_ms, since_wall_ms;
    bool is_applying;
    enum engine_event queued[ENGINE_N_EVENTS]; /* raised while a change was being carried out */
    size_t n_queued;
    bool is_proven; /* was READY since a person last wished it to run */
    struct loop_timer deadline;

    /* of the process */
    struct engine_proc *proc;
    struct engine_command command;
    struct http_endpoint endpoint;
    enum engine_protocol protocol;
    int pid, attempt;
    int64_t started_ms, started_wall_ms, load_ms;
    int64_t first_line; /* number of its first line in the log */
    int64_t oom_kills;  /* at its start */
    bool failing, again;
    bool was_ended;                /* by us: its signal is no crash */
    enum engine_state ended_state; /* where it was when it was asked to end */
    struct loop_timer ask;         /* the next, less polite request to end */
    int n_asked;

    struct engine_health health;
    int n_unanswered;
    struct engine_load load;
    struct loop_timer tick;
    int64_t told_ms; /* when on_progress was last called */
    struct engine_sample meter;
    int64_t metered_ms;            /* 0: not yet */
    struct engine_metrics metrics; /* but for the GPUs */
    struct engine_gpu_user *gpu;

    struct engine_policy policy;
    struct loop_timer recover;

    struct engine_failure *failure; /* NULL: none; its strings but `hint` are heap */
    struct engine_end stalled;      /* the failure to come, while failing */

    struct engine_log *log;
    struct engine_log_file *log_file;

    bool is_closed, is_freed;
    loop_fn on_closed;
    void *closed_arg;
};

/* The machine's way in, for all events (engine.c). */
void engine_raise(struct engine *e, enum engine_event event);

/* engine_run.c: actions */
void engine_run_spawn(struct engine *e);
void engine_run_end(struct engine *e);
void engine_run_kill(struct engine *e);
/* Notes why it failed; during: the state it failed in. */
void engine_run_fail(struct engine *e, const struct engine_end *end, enum engine_state during);
void engine_run_clear_failure(struct engine *e);

/* engine_watch.c: looking after a process */
void engine_watch_start(struct engine *e);
void engine_watch_ready(struct engine *e);
void engine_watch_stop(struct engine *e);
void engine_watch_output(struct engine *e, int stream, struct span chunk);

#endif
