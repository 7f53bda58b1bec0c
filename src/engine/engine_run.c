/* What an engine's changes do: start its process, end it, and say why it ended. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine_impl.h"

/* Understood by llama-server when it runs as a router's child: it ends cleanly, whatever streams are open. */
#define LLAMA_EXIT_COMMAND "cmd_router_to_child:exit"
/* From that command to the first SIGTERM. */
#define ASK_FIRST_MS 1000

void engine_run_clear_failure(struct engine *e)
{
    struct engine_failure *f = TAKE(e->failure);
    if (!f)
        return;
    free((char *)f->reason);
    free((char *)f->signal);
    strv_release(&f->log);
    free(f);
}

void engine_run_fail(struct engine *e, const struct engine_end *end, enum engine_state during)
{
    engine_run_clear_failure(e);
    struct engine_failure *f = xcalloc(1, sizeof *f);
    struct buf text = {0};
    engine_end_describe(end, during, &text);
    f->reason = buf_take_str(&text);
    f->exit_code = end->kind == ENGINE_END_EXIT ? end->code : -1;
    if (end->kind == ENGINE_END_SIGNAL) {
        engine_signal_name(end->code, &text);
        f->signal = buf_take_str(&text);
    }
    /* spawning may fail before there is a first line */
    engine_log_tail(e->log, e->first_line, ENGINE_FAILURE_LINES, &f->log);
    f->hint = engine_hint(end, &f->log);
    e->failure = f;
    engine_log_add(e, "%s", f->reason);
}

/* ---- the process ---- */

static void on_output(void *arg, int stream, struct span chunk)
{
    engine_watch_output(arg, stream, chunk);
}

static void on_pid(void *arg, int pid)
{
    struct engine *e = arg;
    e->pid = pid;
    if (!e->is_closed)
        e->gpu = engine_gpu_user_new(e->gpus, pid);
    engine_log_add(e, "started as process %d", pid);
}

/* SIGKILL that was not ours: the kernel's, when its count of such kills has risen since the start. */
static enum engine_oom suspect_oom(const struct engine *e)
{
    int64_t kills = engine_meter_oom_kills();
    if (kills < 0 || e->oom_kills < 0)
        return ENGINE_OOM_MAYBE;
    return kills > e->oom_kills ? ENGINE_OOM_YES : ENGINE_OOM_MAYBE;
}

static void forget_process(struct engine *e)
{
    e->proc = NULL;
    e->pid = 0;
    e->metrics = (struct engine_metrics){-1, -1, -1, -1};
    engine_gpu_user_free(TAKE(e->gpu));
    loop_timer_stop(&e->ask);
    http_client_forget(e->client, &e->endpoint);
    if (e->command.socket_path)
        (void)unlink(e->command.socket_path);
}

static void on_end(void *arg, const struct engine_end *how)
{
    struct engine *e = arg;
    struct engine_end end = *how;
    engine_log_flush(e->log, clock_wall_ms());
    forget_process(e);
    if (end.kind == ENGINE_END_SIGNAL && end.code == SIGKILL && !e->was_ended)
        end.oom = suspect_oom(e);
    if (e->failing)
        engine_run_fail(e, &e->stalled, e->ended_state);
    else if (e->state != ENGINE_STOPPING)
        engine_run_fail(e, &end, e->state);
    else
        engine_log_add(e, "ended");
    engine_raise(e, engine_exit_event(e->state, e->failing, e->again));
}

/* Sockets are for this user alone: whoever can reach an engine can use it without hob's leave. */
static enum err make_run_dir(const char *path, struct err_text *why)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(why, err_from_errno(errno), "%s: %s", path, strerror(errno));
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return err_set(why, ERR_DENIED, "%s is no folder of this user", path);
    if ((st.st_mode & 077) != 0 && chmod(path, 0700) != 0)
        return err_set(why, err_from_errno(errno), "%s: %s", path, strerror(errno));
    return ERR_OK;
}

static enum err prepare(struct engine *e, struct err_text *why)
{
    enum err result = make_run_dir(e->run_dir, why);
    if (result)
        return result;
    int port = engine_command_wants_port(&e->spec) ? engine_command_free_port() : 0;
    engine_command_release(&e->command);
    result = engine_command_build(&e->spec, e->run_dir, port, environ, &e->command, why);
    if (result)
        return result;
    e->endpoint = e->command.socket_path
                      ? (struct http_endpoint){.unix_path = e->command.socket_path}
                      : (struct http_endpoint){.host = "127.0.0.1", .port = e->command.port};
    /* left by one that was killed; nobody else may write there */
    if (e->command.socket_path)
        (void)unlink(e->command.socket_path);
    return ERR_OK;
}

static void spawn_failed(struct engine *e, const char *text)
{
    struct engine_end end = {ENGINE_END_NO_SPAWN, 0, ENGINE_OOM_NO, text};
    engine_run_fail(e, &end, ENGINE_STARTING);
    engine_raise(e, ENGINE_EV_SPAWN_FAILED);
}

void engine_run_spawn(struct engine *e)
{
    static const struct engine_proc_events events = {
        .on_output = on_output, .on_pid = on_pid, .on_end = on_end};
    struct err_text why;
    e->first_line = engine_log_newest(e->log) + 1;
    engine_log_hide(e->log, e->protocol == ENGINE_LLAMA ? ENGINE_LLAMA_PREFIX : NULL);
    e->endpoint = (struct http_endpoint){0};
    if (prepare(e, &why)) {
        spawn_failed(e, why.text);
        return;
    }
    struct engine_proc_options options = {.program = e->exec_program,
                                          .argv = &e->command.argv,
                                          .env = &e->command.env,
                                          .wants_stdin = e->protocol == ENGINE_LLAMA,
                                          .reaper = e->reaper};
    e->oom_kills = engine_meter_oom_kills();
    if (engine_proc_spawn(e->loop, &options, &events, e, &e->proc, &why)) {
        e->proc = NULL;
        spawn_failed(e, why.text);
        return;
    }
    engine_watch_start(e);
}

/*
 * Asks to end: by llama-server's own command, then by SIGTERM, and by a second one in the middle of the grace (the first
 * waits for open streams, facts of llama-server). Force comes with the machine's GRACE_OVER.
 */
static void ask_to_end(void *arg)
{
    struct engine *e = arg;
    if (!e->proc)
        return;
    bool understands = e->protocol == ENGINE_LLAMA && e->load.llama.speaks && e->load.llama.loaded;
    if (e->n_asked++ == 0 && understands) {
        engine_proc_say(e->proc, LLAMA_EXIT_COMMAND);
        loop_timer_start(&e->ask, ASK_FIRST_MS < e->grace_ms / 4 ? ASK_FIRST_MS : e->grace_ms / 4);
        return;
    }
    engine_proc_term(e->proc);
    if (e->n_asked <= 2)
        loop_timer_start(&e->ask, e->grace_ms / 2);
    e->n_asked = 3;
}

void engine_run_end(struct engine *e)
{
    e->was_ended = true;
    e->n_asked = 0;
    loop_timer_init(&e->ask, e->loop, ask_to_end, e);
    ask_to_end(e);
}

void engine_run_kill(struct engine *e)
{
    e->was_ended = true;
    loop_timer_stop(&e->ask);
    if (e->proc)
        engine_proc_kill(e->proc);
}
