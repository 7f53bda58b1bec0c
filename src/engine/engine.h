/*
 * engine: one local engine process (llama-server, vLLM, the demo engine ...): starts it, watches it load, checks its
 * health, keeps its log, measures it, ends it. Knows no users, no requests and no names of servers beyond their text.
 * Everything runs on the loop's thread; processes are spawned from there only.
 */
#ifndef HOB_ENGINE_H
#define HOB_ENGINE_H

#include "engine/engine_state.h"
#include "http/http.h"
#include "loop/loop.h"
#include "util/util.h"

#define ENGINE_LOG_LINES 2000 /* kept in memory, per engine */
/* Probes of a READY engine without an answer, until it is told; it is not ended for that: it may be busy. */
#define ENGINE_UNANSWERED_TOLD 3
#define ENGINE_LOG_LINE_BYTES  4096       /* a longer line is cut */
#define ENGINE_FAILURE_LINES   20         /* last lines that a failure carries */
#define ENGINE_GRACE_MS        10000      /* from the polite request to SIGKILL */
#define ENGINE_STALL_MS        120000     /* a load without any progress for so long has failed */
#define ENGINE_LOG_FILE_BYTES  (10 << 20) /* a log file is rotated here ... */
#define ENGINE_LOG_FILES       3          /* ... into NAME.log.1 and .2 */

struct engine;
struct engine_reaper;

enum engine_protocol {
    ENGINE_LLAMA,  /* llama-server's (and the demo engine's): --host SOCKET, load progress on stdout */
    ENGINE_GENERIC /* any HTTP engine with /health or /v1/models */
};

/*
 * What to run. Everything is copied by the callee.
 * "${SOCKET}" and "${PORT}" inside the arguments become the unix socket or the free loopback port that hob chose.
 * ENGINE_LLAMA: `--model PATH` (when model_path is set and argv names none), `--parallel N` (slots > 0) and, when argv has
 * no placeholder, `--host SOCKET` are added here. ENGINE_GENERIC needs a placeholder.
 * argv[0]: an absolute path, or a name looked up in PATH; "/proc/self/exe" is hob itself.
 */
struct engine_spec {
    const char *id; /* a UUID: names the socket and the log file */
    const char *name;
    enum engine_protocol protocol;
    struct strv argv;
    struct strv env;        /* "NAME=value", over the few variables that engines get */
    const char *model_path; /* or NULL */
    int64_t model_bytes;    /* 0: unknown */
    int64_t last_load_ms;   /* what the last load took; 0: unknown */
    int slots;              /* requests at once; 0: the engine's own default */
};

struct engine_gpus;

struct engine_options {
    const char *run_dir; /* for sockets; made with mode 0700 if need be, absolute, at most 60 bytes long */
    const char *log_dir; /* for ID.log; NULL: no files */
    const char *exec_program;     /* what is run as `PROGRAM engine-exec ...`; NULL: /proc/self/exe */
    int64_t grace_ms;             /* 0: ENGINE_GRACE_MS */
    int64_t stall_ms;             /* 0: ENGINE_STALL_MS */
    struct engine_reaper *reaper; /* may be NULL */
    struct engine_gpus *gpus;     /* may be NULL, and closed before the engine has ended */
};

/*
 * on_change: the state is `now` already; it may run before the function that caused it returns. on_progress: the load's
 * progress or (while ready) the metrics changed; at most 4/s while loading, every 2 s while ready. on_recover: it crashed, and
 * it is time to start it again by engine_recover. Each may be NULL (on_recover: it is started at once), and may call any
 * engine_ function, also engine_close.
 */
struct engine_events {
    void (*on_change)(struct engine *e, void *arg, enum engine_state old, enum engine_state now);
    void (*on_progress)(struct engine *e, void *arg);
    void (*on_recover)(struct engine *e, void *arg);
};

/* Never NULL. The engine is STOPPED. ev may be NULL. */
struct engine *engine_new(struct loop *l, struct http_client *client, const struct engine_options *options,
                          const struct engine_spec *spec, const struct engine_events *ev, void *arg);
/* Used at the next start; a running process keeps its own. The id must stay the same. */
void engine_set_spec(struct engine *e, const struct engine_spec *spec);
/*
 * Wants it to run: starts it from STOPPED and FAILED; while STOPPING it starts again after the end (unless it is being
 * ended because it failed: then it becomes FAILED). Harmless otherwise: loads are single-flight.
 */
void engine_start(struct engine *e);
/* As engine_start, but crashes so far go on counting. */
void engine_recover(struct engine *e);
/* Wants it not to run; also forgets a failure and a crash restart that waits. */
void engine_stop(struct engine *e);
void engine_restart(struct engine *e);
/* As engine_stop, but without the grace. */
void engine_kill(struct engine *e);
/*
 * No event comes after this call. Stops the process (with its grace), then frees e and calls on_closed(arg) (may be NULL)
 * from the loop, never before this returns. engine_kill may be called until then.
 */
void engine_close(struct engine *e, loop_fn on_closed, void *arg);

const char *engine_id(const struct engine *e);
const char *engine_name(const struct engine *e);
enum engine_state engine_state(const struct engine *e);
/* Where it listens: meaningful in READY; the strings live until the next change of state. */
const struct http_endpoint *engine_endpoint(const struct engine *e);
/* When it came into its state, wall clock. */
int64_t engine_since_ms(const struct engine *e);
/* When its process was started, wall clock; 0 without one. */
int64_t engine_started_at_ms(const struct engine *e);
/* Process id of the engine itself; 0 without one. */
int engine_pid(const struct engine *e);
/* Starts so far. */
int engine_attempt(const struct engine *e);
/* Health checks in a row that it left unanswered while READY. */
int engine_n_unanswered(const struct engine *e);
/* What the newest load that came to READY took; 0: none yet. For spec.last_load_ms of later starts. */
int64_t engine_load_ms(const struct engine *e);
/* FAILED after a crash, and it will be started again by itself: milliseconds until then; -1: it will not. */
int64_t engine_restart_in_ms(const struct engine *e);

enum engine_source {
    ENGINE_SOURCE_PROTOCOL, /* the engine told */
    ENGINE_SOURCE_LOG,      /* read from its log */
    ENGINE_SOURCE_BYTES,    /* bytes read against the model's size */
    ENGINE_SOURCE_TIME      /* time passed against the last load's */
};
struct engine_progress {
    double value;     /* 0..1, never falls during a load; -1: unknown */
    int left_s;       /* -1: unknown */
    const char *text; /* what it is doing, or NULL; lives until the next turn */
    enum engine_source source;
};
/* False when it is neither STARTING nor LOADING. */
bool engine_progress(const struct engine *e, struct engine_progress *out_progress);

struct engine_failure {
    const char
        *reason;   /* one sentence without its full stop: "The engine exited with code 1 while loading" */
    int exit_code; /* -1: none */
    const char *signal; /* "SIGSEGV", or NULL */
    const char *hint;   /* what to do about it, or NULL */
    struct strv log;    /* its last lines, at most ENGINE_FAILURE_LINES */
};
/* Why it is FAILED, or (while it is being started again by itself) why it crashed; else NULL. */
const struct engine_failure *engine_failure(const struct engine *e);

struct engine_metrics {
    int64_t rss_bytes;   /* anonymous, file and shared pages of it and its children; -1: unknown */
    int64_t fixed_bytes; /* of these all but pages of files, which the system can take back; -1: unknown */
    int64_t gpu_bytes;   /* on all GPUs; -1: unknown */
    double cpu_percent;  /* of one CPU, over the last 2 s; -1: unknown */
};
/* All unknown without a process. */
struct engine_metrics engine_metrics(const struct engine *e);

struct engine_log_line {
    int64_t n; /* from 1, contiguous, over all starts */
    int64_t at_ms;
    const char *stream; /* "out", "err" or "hob" */
    struct span text;   /* valid UTF-8; of control characters only TAB and the ESC of colour sequences */
};
typedef void (*engine_log_fn)(const struct engine_log_line *line, void *arg);
/* Calls fn for each kept line after line after_n (0: from the first); returns what to pass next time. */
int64_t engine_log_read(const struct engine *e, int64_t after_n, engine_log_fn fn, void *arg);
/* Adds a line of hob's own. */
void engine_log_add(struct engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The machine's memory, or what of it the control group leaves us. */
struct engine_machine {
    int64_t total_bytes;
    int64_t available_bytes; /* what new processes can have before anything is swapped or killed */
};
/* False where /proc does not tell. */
bool engine_machine_read(struct engine_machine *out_machine);

/* ---- GPUs: engine_gpu.h says what is read, and from where ---- */
struct engine_gpus_options {
    const char *exec_program;     /* as engine_options has it */
    struct engine_reaper *reaper; /* may be NULL */
    const char *path;             /* folders where nvidia-smi is looked for; NULL: $PATH */
    const char *sysfs, *proc;     /* NULL: "/sys", "/proc" */
};
/* on_reading: after each reading, also one that failed; never from within another function of these. */
struct engine_gpus *engine_gpus_new(struct loop *l, const struct engine_gpus_options *options,
                                    loop_fn on_reading, void *arg);
/* on_reading does not run any more; on_closed (may be NULL) does, from the loop, when no child of it is left. A
 * second call, before that, only says who is told. */
void engine_gpus_close(struct engine_gpus *g, loop_fn on_closed, void *arg);
/* Begins a reading unless there is one that began less than age_ms ago, or a failed one has to rest. Nothing without GPUs. */
void engine_gpus_want(struct engine_gpus *g, int64_t age_ms);
/* There are GPUs, as far as is known, and no reading began less than age_ms ago; one that is wanted will come. */
bool engine_gpus_is_stale(const struct engine_gpus *g, int64_t age_ms);

struct engine_gpu {
    char name[64];
    int64_t total_bytes, used_bytes, free_bytes; /* -1, all of them: not told */
};
struct engine_gpu_memory {
    int64_t total_bytes, used_bytes, free_bytes; /* of all that tell */
    int64_t began_ms;                            /* the reading, monotonic */
    const struct engine_gpu *gpus;               /* until the next turn */
    size_t n;
};
/* False: no GPU tells, or the newest reading failed. g may be NULL. */
bool engine_gpus_memory(const struct engine_gpus *g, struct engine_gpu_memory *out_memory);

/* What only the caller knows. tokens_per_s < 0: unknown. */
struct engine_usage {
    int64_t active, waiting;
    double tokens_per_s;
    int n_silent; /* requests in a row that it left without an answer in time */
};
/* The object Engine of the HTTP interface. usage may be NULL. with_log: the failure carries its last lines. */
void engine_write_json(const struct engine *e, struct json_writer *w, const struct engine_usage *usage,
                       bool with_log);

/*
 * Makes this process the parent of processes that lost theirs (PR_SET_CHILD_SUBREAPER) and waits for those that end, so
 * that none stays as a zombie. Leaves libuv's own children alone. One per process; before the first engine.
 */
struct engine_reaper *engine_reaper_new(struct loop *l);
void engine_reaper_free(struct engine_reaper *r);

/*
 * What `hob engine-exec -- PROGRAM ARG...` does: runs PROGRAM under its watch, see docs/decisions/0004. argv[0] is
 * "engine-exec". Descriptor 3 is the control channel. Returns the program's exit status.
 */
int engine_exec_main(int argc, char **argv);

#endif
