/* Reads the GPUs, one reading at a time, when somebody wants to know; and says whose memory it is. */
#include <stdio.h>
#include <unistd.h>

#include "engine/engine_command.h"
#include "engine/engine_gpu.h"
#include "engine/engine_meter.h"
#include "engine/engine_proc.h"

struct engine_gpu_user {
    struct engine_gpus *g;
    struct list node;
    int pid;
    int64_t bytes;      /* -1: not known */
    bool is_listed;     /* a source has told of it */
    int64_t base_bytes; /* what was used beside those that are listed, before its load; -1: not known */
    int64_t loaded_ms;  /* 0: not yet */
    bool is_settled;    /* not listed, and what it has does not change any more */
    bool is_spoiled;    /* something else came or went while it was loaded */
};

/* The two questions to nvidia-smi, in order. */
enum question { ASK_GPUS, ASK_USES, N_QUESTIONS };

struct engine_gpus {
    struct loop *loop;
    loop_fn on_reading, on_closed;
    void *arg, *closed_arg;
    char *exec_program, *smi, *sysfs, *proc_dir; /* smi NULL: there is none */
    struct engine_reaper *reaper;
    bool has_amd, is_closed;
    struct list users;
    int64_t left_ms; /* when the last of them went */

    struct engine_proc *child; /* NULL: none runs */
    enum question question;
    struct buf output;
    bool is_too_long;
    struct loop_timer timeout, tell;
    int64_t began_ms;     /* the reading under way; 0: none */
    int64_t wanted_ms;    /* a reading is wanted that began no earlier */
    int64_t rest_till_ms; /* after failures */
    int64_t rest_ms;      /* the newest rest; 0: it did not fail */

    struct engine_gpu gpus[ENGINE_GPU_MAX]; /* the newest reading that went well, or is under way */
    size_t n;
    struct engine_gpu_use *uses; /* [ENGINE_GPU_MAX_USES] */
    size_t n_uses;
    struct engine_gpu_memory now; /* began_ms 0: unknown */
};

static void begin(struct engine_gpus *g);
static void on_timeout(void *arg);
static void on_tell(void *arg);

static void free_gpus(void *arg)
{
    struct engine_gpus *g = arg;
    loop_fn on_closed = g->on_closed;
    void *closed_arg = g->closed_arg;
    buf_release(&g->output);
    free(g->uses);
    free(g->exec_program);
    free(g->smi);
    free(g->sysfs);
    free(g->proc_dir);
    free(g);
    if (on_closed)
        on_closed(closed_arg);
}

/* Engines that are still ending may use it after its close. */
static void free_if_over(struct engine_gpus *g)
{
    if (g->is_closed && !g->child && list_is_empty(&g->users))
        loop_defer_free(g->loop, g, free_gpus);
}

/* ---- whose it is ---- */

static bool is_loading(const struct engine_gpu_user *u)
{
    return !u->is_listed && !u->is_settled;
}

static int64_t listed_bytes(const struct engine_gpus *g)
{
    int64_t sum = 0;
    LIST_EACH(u, &g->users, struct engine_gpu_user, node)
        sum += u->is_listed ? u->bytes : 0;
    return sum;
}

/* What the sources say of it and its children; 0: nothing. */
static int64_t told_of(const struct engine_gpus *g, int pid)
{
    int pids[ENGINE_METER_PROCESSES];
    size_t n = engine_meter_family(pid, pids);
    int64_t sum = g->has_amd ? engine_gpu_amd_bytes(g->proc_dir, pids, n) : 0;
    for (size_t i = 0; i < g->n_uses; i++) {
        for (size_t k = 0; k < n; k++)
            sum += g->uses[i].pid == pids[k] && g->uses[i].bytes > 0 ? g->uses[i].bytes : 0;
    }
    return sum;
}

static void measure_growth(struct engine_gpu_user *u, int64_t unlisted_bytes)
{
    const struct engine_gpus *g = u->g;
    if (u->is_settled)
        return;
    if (u->base_bytes < 0)
        u->base_bytes = unlisted_bytes;
    int64_t growth = unlisted_bytes - u->base_bytes;
    u->bytes = u->is_spoiled ? -1 : growth < ENGINE_GPU_NOISE_BYTES ? 0 : growth;
    u->is_settled = u->loaded_ms && g->now.began_ms >= u->loaded_ms;
}

static void measure_users(struct engine_gpus *g)
{
    LIST_EACH(u, &g->users, struct engine_gpu_user, node) {
        int64_t told = told_of(g, u->pid);
        if (told > 0 || u->is_listed) {
            u->is_listed = true;
            u->bytes = told;
        }
    }
    int64_t unlisted = g->now.used_bytes - listed_bytes(g);
    LIST_EACH(u, &g->users, struct engine_gpu_user, node) {
        if (!u->is_listed)
            measure_growth(u, unlisted);
    }
}

/* Something comes or goes. For one that has loaded stands what was seen last; of one that loads nobody can tell now. */
static void spoil(struct engine_gpus *g)
{
    LIST_EACH(u, &g->users, struct engine_gpu_user, node) {
        if (!is_loading(u))
            continue;
        if (u->loaded_ms && u->bytes >= 0)
            u->is_settled = true;
        else
            u->is_spoiled = true;
    }
}

struct engine_gpu_user *engine_gpu_user_new(struct engine_gpus *g, int pid)
{
    if (!g)
        return NULL;
    struct engine_gpu_user *u = xcalloc(1, sizeof *u);
    bool is_alone = true;
    LIST_EACH(other, &g->users, struct engine_gpu_user, node)
        is_alone = is_alone && !is_loading(other);
    *u = (struct engine_gpu_user){.g = g, .pid = pid, .bytes = -1, .base_bytes = -1};
    if (g->now.began_ms > g->left_ms && clock_ms() - g->now.began_ms <= ENGINE_GPU_BASE_MS)
        u->base_bytes = g->now.used_bytes - listed_bytes(g);
    list_init(&u->node);
    list_push_back(&g->users, &u->node);
    if (!is_alone)
        spoil(g);
    engine_gpus_want(g, 0);
    return u;
}

void engine_gpu_user_loaded(struct engine_gpu_user *u)
{
    if (!u)
        return;
    u->loaded_ms = clock_ms();
    engine_gpus_want(u->g, 0);
}

void engine_gpu_user_free(struct engine_gpu_user *u)
{
    if (!u)
        return;
    struct engine_gpus *g = u->g;
    list_remove(&u->node);
    free(u);
    g->left_ms = clock_ms();
    spoil(g);
    free_if_over(g);
}

int64_t engine_gpu_user_bytes(const struct engine_gpu_user *u)
{
    return u && u->g->now.began_ms ? u->bytes : -1;
}

/* ---- a reading ---- */

static void add_up(struct engine_gpus *g)
{
    g->now = (struct engine_gpu_memory){.began_ms = g->began_ms, .gpus = g->gpus, .n = g->n};
    for (size_t i = 0; i < g->n; i++) {
        if (g->gpus[i].total_bytes < 0)
            continue;
        g->now.total_bytes += g->gpus[i].total_bytes;
        g->now.used_bytes += g->gpus[i].used_bytes;
        g->now.free_bytes += g->gpus[i].free_bytes;
    }
    measure_users(g);
}

static void finish(struct engine_gpus *g, const char *failure)
{
    if (failure) {
        g->rest_ms = g->rest_ms == 0 ? ENGINE_GPU_BACK_OFF_MS : g->rest_ms * 2;
        g->rest_ms = g->rest_ms > ENGINE_GPU_REST_MS ? ENGINE_GPU_REST_MS : g->rest_ms;
        g->rest_till_ms = clock_ms() + g->rest_ms;
        g->now = (struct engine_gpu_memory){0};
        log_debug("GPUs: %s; not asked for %lld s", failure, (long long)(g->rest_ms / 1000));
    } else {
        g->rest_ms = g->rest_till_ms = 0;
        add_up(g);
    }
    bool again = !failure && g->began_ms < g->wanted_ms;
    g->began_ms = 0;
    loop_timer_start(&g->tell, 0);
    if (again)
        begin(g);
}

static void on_output(void *arg, int stream, struct span chunk)
{
    struct engine_gpus *g = arg;
    if (stream != 1 || g->is_too_long)
        return;
    g->is_too_long = g->output.len + chunk.len > ENGINE_GPU_OUTPUT_BYTES;
    if (g->is_too_long)
        engine_proc_kill(g->child);
    else
        buf_add_span(&g->output, chunk);
}

static void on_pid(void *arg, int pid)
{
    (void)arg;
    (void)pid;
}

static void ask(struct engine_gpus *g, enum question question);

static void on_end(void *arg, const struct engine_end *end)
{
    struct engine_gpus *g = arg;
    bool was_late = !loop_timer_is_armed(&g->timeout);
    g->child = NULL;
    loop_timer_stop(&g->timeout);
    if (g->is_closed) {
        free_if_over(g);
        return;
    }
    if (end->kind != ENGINE_END_EXIT || end->code != 0 || g->is_too_long) {
        finish(g, was_late         ? "nvidia-smi does not answer"
                  : g->is_too_long ? "nvidia-smi says too much"
                                   : "nvidia-smi failed");
        return;
    }
    struct span text = buf_span(&g->output);
    if (g->question == ASK_GPUS) {
        size_t n = engine_gpu_parse_nvidia(text, g->gpus + g->n, ENGINE_GPU_MAX - g->n);
        g->n += n;
        if (n > 0)
            ask(g, ASK_USES);
        else
            finish(g, "nvidia-smi says nothing of a GPU");
        return;
    }
    g->n_uses = engine_gpu_parse_uses(text, g->uses, ENGINE_GPU_MAX_USES);
    finish(g, NULL);
}

static void ask(struct engine_gpus *g, enum question question)
{
    static const char *const queries[N_QUESTIONS] = {
        [ASK_GPUS] = "--query-gpu=memory.total,memory.used,memory.free,name",
        [ASK_USES] = "--query-compute-apps=pid,used_memory"};
    static const struct engine_proc_events events = {
        .on_output = on_output, .on_pid = on_pid, .on_end = on_end};
    struct strv argv = {0}, env = {0};
    struct err_text why;
    g->question = question;
    g->is_too_long = false;
    buf_clear(&g->output);
    strv_add(&argv, g->smi);
    strv_add(&argv, queries[question]);
    strv_add(&argv, "--format=csv,noheader,nounits");
    engine_command_add_env(environ, &env);
    struct engine_proc_options options = {
        .program = g->exec_program, .argv = &argv, .env = &env, .reaper = g->reaper};
    enum err e = engine_proc_spawn(g->loop, &options, &events, g, &g->child, &why);
    strv_release(&argv);
    strv_release(&env);
    if (!e) {
        loop_timer_start(&g->timeout, ENGINE_GPU_TIMEOUT_MS);
        return;
    }
    g->child = NULL;
    finish(g, why.text);
}

static void on_timeout(void *arg)
{
    struct engine_gpus *g = arg;
    engine_proc_kill(g->child);
}

static void on_tell(void *arg)
{
    struct engine_gpus *g = arg;
    g->on_reading(g->arg);
}

static void begin(struct engine_gpus *g)
{
    g->began_ms = clock_ms();
    g->n_uses = 0;
    g->n = g->has_amd ? engine_gpu_read_amd(g->sysfs, g->gpus, ENGINE_GPU_MAX) : 0;
    if (g->smi)
        ask(g, ASK_GPUS);
    else
        finish(g, NULL);
}

/* ---- wanted ---- */

static bool has_source(const struct engine_gpus *g)
{
    return g && !g->is_closed && (g->smi || g->has_amd);
}

void engine_gpus_want(struct engine_gpus *g, int64_t age_ms)
{
    if (!has_source(g))
        return;
    int64_t now_ms = clock_ms(), since_ms = now_ms - age_ms;
    if (g->began_ms) {
        g->wanted_ms = since_ms > g->wanted_ms ? since_ms : g->wanted_ms;
        return;
    }
    if (now_ms >= g->rest_till_ms && (!g->now.began_ms || g->now.began_ms < since_ms))
        begin(g);
}

/* One that has failed is no reason to wait: not before one has gone well again. */
bool engine_gpus_is_stale(const struct engine_gpus *g, int64_t age_ms)
{
    return has_source(g) && g->rest_ms == 0 && (!g->now.began_ms || g->now.began_ms < clock_ms() - age_ms);
}

bool engine_gpus_memory(const struct engine_gpus *g, struct engine_gpu_memory *out_memory)
{
    if (!g || !g->now.began_ms || g->now.total_bytes == 0)
        return false;
    *out_memory = g->now;
    return true;
}

/* ---- lifecycle ---- */

struct engine_gpus *engine_gpus_new(struct loop *l, const struct engine_gpus_options *options,
                                    loop_fn on_reading, void *arg)
{
    struct engine_gpus *g = xcalloc(1, sizeof *g);
    g->loop = l;
    g->on_reading = on_reading;
    g->arg = arg;
    g->exec_program = xstrdup(options->exec_program);
    g->reaper = options->reaper;
    g->smi = program_find(options->path ? options->path : getenv("PATH"), "nvidia-smi");
    g->sysfs = xstrdup(options->sysfs ? options->sysfs : "/sys");
    g->proc_dir = xstrdup(options->proc ? options->proc : "/proc");
    g->uses = g->smi ? xcalloc(ENGINE_GPU_MAX_USES, sizeof *g->uses) : NULL;
    g->has_amd = engine_gpu_read_amd(g->sysfs, g->gpus, ENGINE_GPU_MAX) > 0;
    list_init(&g->users);
    loop_timer_init(&g->timeout, l, on_timeout, g);
    loop_timer_init(&g->tell, l, on_tell, g);
    return g;
}

void engine_gpus_close(struct engine_gpus *g, loop_fn on_closed, void *arg)
{
    if (!g)
        return;
    g->on_closed = on_closed;
    g->closed_arg = arg;
    if (g->is_closed)
        return;
    g->is_closed = true;
    loop_timer_stop(&g->timeout);
    loop_timer_stop(&g->tell);
    if (g->child)
        engine_proc_kill(g->child);
    free_if_over(g);
}
