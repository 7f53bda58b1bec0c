/*
 * Starts the watcher with the engine's pipes and listens to both. The end is told when the watcher has exited and all
 * pipes have been read to their end, so that the last words of a crash are there.
 */
#include "engine/engine_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384
/* After the watcher's end: for pipes that something still holds open. */
#define DRAIN_MS 500
/* A watcher that does not obey a K in this time is killed itself. */
#define WATCHER_KILL_MS 7000

enum { PIPE_CONTROL, PIPE_OUT, PIPE_ERR, PIPE_IN, N_PIPES };

struct engine_proc {
    struct loop *loop;
    struct engine_proc_events ev;
    void *arg;
    struct engine_reaper *reaper;
    char *program; /* the engine's, for messages */
    uv_process_t watcher;
    uv_pipe_t pipes[N_PIPES];
    bool is_open[N_PIPES];
    int n_handles;
    int watcher_pid, engine_pid;
    bool has_exited, has_ended, was_killed, has_status;
    struct engine_end end;
    char line[64]; /* from the watcher */
    size_t line_len;
    struct loop_timer drain, force;
    char chunk[READ_BYTES];
};

static void free_proc(void *arg)
{
    struct engine_proc *p = arg;
    free(p->program);
    free(p);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct engine_proc *p = h->data;
    if (--p->n_handles == 0)
        free_proc(p);
}

static void close_pipe(struct engine_proc *p, int which)
{
    if (!p->is_open[which])
        return;
    p->is_open[which] = false;
    uv_close((uv_handle_t *)&p->pipes[which], on_handle_closed);
}

static void end_now(struct engine_proc *p)
{
    if (p->has_ended)
        return;
    p->has_ended = true;
    loop_timer_stop(&p->drain);
    loop_timer_stop(&p->force);
    p->ev.on_end(p->arg, &p->end);
    for (int i = 0; i < N_PIPES; i++)
        close_pipe(p, i);
    uv_close((uv_handle_t *)&p->watcher, on_handle_closed);
}

static void end_if_drained(struct engine_proc *p)
{
    if (p->has_exited && !p->is_open[PIPE_CONTROL] && !p->is_open[PIPE_OUT] && !p->is_open[PIPE_ERR])
        end_now(p);
}

static void on_drain_over(void *arg)
{
    end_now(arg);
}

static void read_status(struct engine_proc *p)
{
    int value;
    p->line[p->line_len] = 0;
    if (sscanf(p->line, "pid %d", &value) == 1) {
        p->engine_pid = value;
        p->ev.on_pid(p->arg, value);
        return;
    }
    /* the first word counts: a program that could not be run "exits" too */
    if (p->has_status)
        return;
    if (sscanf(p->line, "exec %d", &value) == 1)
        p->end = (struct engine_end){ENGINE_END_NO_EXEC, value, ENGINE_OOM_NO, p->program};
    else if (sscanf(p->line, "exit %d", &value) == 1)
        p->end = (struct engine_end){ENGINE_END_EXIT, value, ENGINE_OOM_NO, NULL};
    else if (sscanf(p->line, "signal %d", &value) == 1)
        p->end = (struct engine_end){ENGINE_END_SIGNAL, value, ENGINE_OOM_NO, NULL};
    else
        return;
    p->has_status = true;
}

static void on_control(struct engine_proc *p, struct span chunk)
{
    for (size_t i = 0; i < chunk.len; i++) {
        if (chunk.p[i] == '\n') {
            read_status(p);
            p->line_len = 0;
        } else if (p->line_len < sizeof p->line - 1) {
            p->line[p->line_len++] = chunk.p[i];
        }
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out_buf)
{
    (void)suggested;
    struct engine_proc *p = h->data;
    *out_buf = uv_buf_init(p->chunk, sizeof p->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct engine_proc *p = stream->data;
    int which = (int)((uv_pipe_t *)stream - p->pipes);
    if (n > 0) {
        struct span chunk = span_of(buf->base, (size_t)n);
        if (which == PIPE_CONTROL)
            on_control(p, chunk);
        else
            p->ev.on_output(p->arg, which == PIPE_OUT ? 1 : 2, chunk);
    } else if (n < 0) {
        close_pipe(p, which);
        end_if_drained(p);
    }
}

static void on_watcher_exit(uv_process_t *watcher, int64_t code, int signum)
{
    struct engine_proc *p = watcher->data;
    p->has_exited = true;
    /* the watcher was killed itself, or could not be run: what it watched died with it, its group does now */
    bool is_broken = signum != 0 || !p->has_status;
    if (is_broken && p->engine_pid > 1)
        (void)kill(-p->engine_pid, SIGKILL);
    if (p->reaper) {
        engine_reaper_forget(p->reaper, p->watcher_pid);
        if (is_broken)
            engine_reaper_kill_strays(p->reaper);
    }
    if (!p->has_status)
        p->end = signum ? (struct engine_end){ENGINE_END_SIGNAL, signum, ENGINE_OOM_NO, NULL}
                        : (struct engine_end){ENGINE_END_EXIT, (int)code, ENGINE_OOM_NO, NULL};
    loop_timer_start(&p->drain, DRAIN_MS);
    end_if_drained(p);
}

static void on_force(void *arg)
{
    struct engine_proc *p = arg;
    if (!p->has_exited)
        (void)kill(p->watcher_pid, SIGKILL);
}

/* ours[i] is hob's end, theirs[i] the child's; all CLOEXEC. */
static bool make_pipes(int ours[N_PIPES], int theirs[N_PIPES], bool wants_stdin)
{
    int fds[2];
    for (int i = 0; i < N_PIPES; i++)
        ours[i] = theirs[i] = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    ours[PIPE_CONTROL] = fds[0];
    theirs[PIPE_CONTROL] = fds[1];
    /* true pipes, no sockets: an engine may open /dev/stderr */
    for (int i = PIPE_OUT; i <= PIPE_ERR; i++) {
        if (pipe2(fds, O_CLOEXEC) != 0)
            return false;
        ours[i] = fds[0];
        theirs[i] = fds[1];
    }
    if (!wants_stdin) {
        theirs[PIPE_IN] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return theirs[PIPE_IN] >= 0;
    }
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    ours[PIPE_IN] = fds[1];
    theirs[PIPE_IN] = fds[0];
    return true;
}

static void close_all(int fds[N_PIPES])
{
    for (int i = 0; i < N_PIPES; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

static void open_pipes(struct engine_proc *p, int ours[N_PIPES])
{
    for (int i = 0; i < N_PIPES; i++) {
        if (ours[i] < 0)
            continue;
        (void)uv_pipe_init(loop_uv(p->loop), &p->pipes[i], 0);
        p->pipes[i].data = p;
        p->is_open[i] = true;
        p->n_handles++;
        if (uv_pipe_open(&p->pipes[i], ours[i]) != 0)
            (void)close(ours[i]);
        ours[i] = -1;
        if (i != PIPE_IN && uv_read_start((uv_stream_t *)&p->pipes[i], on_alloc, on_read) != 0)
            close_pipe(p, i);
    }
}

/* Returns libuv's error. */
static int spawn_watcher(struct engine_proc *p, const struct engine_proc_options *o,
                         const int theirs[N_PIPES])
{
    struct strv argv = {0};
    strv_add(&argv, "hob");
    strv_add(&argv, "engine-exec");
    strv_add(&argv, "--");
    for (size_t i = 0; i < o->argv->n; i++)
        strv_add(&argv, o->argv->v[i]);
    uv_stdio_container_t stdio[] = {
        {.flags = UV_INHERIT_FD, .data.fd = theirs[PIPE_IN]},
        {.flags = UV_INHERIT_FD, .data.fd = theirs[PIPE_OUT]},
        {.flags = UV_INHERIT_FD, .data.fd = theirs[PIPE_ERR]},
        {.flags = UV_INHERIT_FD, .data.fd = theirs[PIPE_CONTROL]},
    };
    static char *no_env[] = {NULL};
    uv_process_options_t options = {
        .file = o->program ? o->program : "/proc/self/exe",
        .args = argv.v,
        .env = o->env->n > 0 ? o->env->v : no_env,
        .exit_cb = on_watcher_exit,
        .stdio = stdio,
        .stdio_count = COUNT_OF(stdio),
    };
    int e = uv_spawn(loop_uv(p->loop), &p->watcher, &options);
    strv_release(&argv);
    return e;
}

enum err engine_proc_spawn(struct loop *l, const struct engine_proc_options *options,
                           const struct engine_proc_events *ev, void *arg, struct engine_proc **out_proc,
                           struct err_text *why)
{
    int ours[N_PIPES], theirs[N_PIPES];
    if (!make_pipes(ours, theirs, options->wants_stdin)) {
        int failed = errno;
        close_all(ours);
        close_all(theirs);
        return err_set(why, err_from_errno(failed), "no pipe: %s", strerror(failed));
    }
    struct engine_proc *p = xcalloc(1, sizeof *p);
    p->loop = l;
    p->ev = *ev;
    p->arg = arg;
    p->reaper = options->reaper;
    p->program = xstrdup(options->argv->v[0]);
    loop_timer_init(&p->drain, l, on_drain_over, p);
    loop_timer_init(&p->force, l, on_force, p);
    int e = spawn_watcher(p, options, theirs);
    p->watcher.data = p;
    p->n_handles = 1;
    close_all(theirs);
    if (e != 0) {
        close_all(ours);
        uv_close((uv_handle_t *)&p->watcher, on_handle_closed);
        return err_set(why, err_from_errno(-e), "%s", uv_strerror(e));
    }
    p->watcher_pid = p->watcher.pid;
    if (p->reaper)
        engine_reaper_know(p->reaper, p->watcher_pid);
    open_pipes(p, ours);
    *out_proc = p;
    return ERR_OK;
}

static void command(struct engine_proc *p, char c)
{
    uv_buf_t buf = uv_buf_init(&c, 1);
    if (p->is_open[PIPE_CONTROL])
        (void)uv_try_write((uv_stream_t *)&p->pipes[PIPE_CONTROL], &buf, 1);
}

void engine_proc_term(struct engine_proc *p)
{
    command(p, 'T');
}

void engine_proc_kill(struct engine_proc *p)
{
    command(p, 'K');
    if (!p->was_killed)
        loop_timer_start(&p->force, WATCHER_KILL_MS);
    p->was_killed = true;
}

void engine_proc_say(struct engine_proc *p, const char *line)
{
    AUTO(mem) char *text = xasprintf("%s\n", line);
    uv_buf_t buf = uv_buf_init(text, (unsigned)strlen(text));
    if (p->is_open[PIPE_IN])
        (void)uv_try_write((uv_stream_t *)&p->pipes[PIPE_IN], &buf, 1);
}
