/*
 * For tests with real engine processes. The test program is three programs: the test, the watcher (`engine-exec`, as hob
 * is), and a fake engine (`fake SOCKET OPTION...`) that speaks just enough HTTP over a unix socket.
 */
#ifndef HOB_TESTS_ENGINE_FIXTURE_H
#define HOB_TESTS_ENGINE_FIXTURE_H

#include "unit.h"
#include "unit_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"

#define ENGINE_ID "7d7c8f6a-1111-4222-8333-444455556666"
/* No test waits longer for anything. */
#define DEADLINE_MS 15000

/* ================= the fake engine ================= */

/* Writes its own pid as a file's name into dir, then sleeps: a worker of an engine. */
static inline void be_worker(const char *dir, bool own_session)
{
    if (fork() != 0)
        return;
    if (own_session)
        (void)setsid();
    (void)signal(SIGTERM, SIG_IGN);
    AUTO(mem) char *path = xasprintf("%s/pid-%d", dir, (int)getpid());
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
    for (;;)
        (void)pause();
}

static inline void answer(int client, bool is_ready)
{
    char request[4096];
    if (read(client, request, sizeof request) <= 0)
        return;
    const char *reply =
        is_ready ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
                 : "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    if (write(client, reply, strlen(reply)) < 0)
        return;
    (void)shutdown(client, SHUT_WR);
    (void)close(client);
}

static inline bool has_option(int argc, char **argv, const char *option)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return true;
    }
    return false;
}

/*
 * fake SOCKET DIR [slow] [deaf] [workers]: answers 503 for 300 ms (slow: until DIR/go is there), then 200.
 * deaf: ignores SIGTERM. workers: two, one in a session of its own. Ends with code 7 when DIR/crash is there.
 */
static inline int fake_main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *dir = argv[3];
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[2]);
    if (has_option(argc, argv, "deaf"))
        (void)signal(SIGTERM, SIG_IGN);
    if (has_option(argc, argv, "workers")) {
        be_worker(dir, false);
        be_worker(dir, true);
    }
    AUTO(mem) char *go = xasprintf("%s/go", dir);
    AUTO(mem) char *crash = xasprintf("%s/crash", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0)
        _exit(3);
    (void)fprintf(stderr, "listening\n");
    int64_t ready_ms = clock_ms() + 300;
    bool is_slow = has_option(argc, argv, "slow");
    for (;;) {
        struct timeval wait = {0, 20000};
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        int client = accept(fd, NULL, NULL);
        if (client >= 0)
            answer(client, is_slow ? access(go, F_OK) == 0 : clock_ms() >= ready_ms);
        if (access(crash, F_OK) == 0 && unlink(crash) == 0)
            _exit(7);
    }
}

/* ================= the test's side ================= */

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct engine_reaper *reaper;
    struct engine *engine;
    char dir[64];
    char *run_dir, *log_dir;
    int64_t grace_ms, stall_ms;
    struct buf states; /* "starting loading ready " as they came */
    bool is_closed;
    enum engine_state (*on_state)(struct fixture *f, enum engine_state now);
};

static inline void on_change(struct engine *e, void *arg, enum engine_state old, enum engine_state now)
{
    struct fixture *f = arg;
    (void)old;
    assert_int_equal(engine_state(e), now);
    buf_addf(&f->states, "%s ", engine_state_name(now));
    if (f->on_state)
        (void)f->on_state(f, now);
}

static inline int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/hob-test-engine-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->run_dir = xasprintf("%s/run", f->dir);
    f->log_dir = xstrdup(f->dir);
    f->grace_ms = 5000;
    f->loop = loop_new();
    f->client = http_client_new(f->loop);
    f->reaper = engine_reaper_new(f->loop);
    log_set_level(LOG_ERROR);
    *state = f;
    return 0;
}

/* Makes the engine; argv is the command, NULL at its end. */
static inline void make_engine(struct fixture *f, enum engine_protocol protocol, const char *const *argv)
{
    static const struct engine_events events = {.on_change = on_change};
    struct engine_options options = {.run_dir = f->run_dir,
                                     .log_dir = f->log_dir,
                                     .grace_ms = f->grace_ms,
                                     .stall_ms = f->stall_ms,
                                     .reaper = f->reaper};
    struct engine_spec spec = {.id = ENGINE_ID, .name = "test", .protocol = protocol};
    for (; *argv; argv++)
        strv_add(&spec.argv, *argv);
    f->engine = engine_new(f->loop, f->client, &options, &spec, &events, f);
    strv_release(&spec.argv);
}

static inline void make_fake(struct fixture *f, const char *option1, const char *option2)
{
    const char *argv[] = {"/proc/self/exe", "fake", "${SOCKET}", f->dir, option1, option2, NULL};
    make_engine(f, ENGINE_GENERIC, argv);
}

static inline void make_shell(struct fixture *f, const char *script)
{
    /* the placeholder is for the engine's sake: these never listen */
    const char *argv[] = {"sh", "-c", script, "${PORT}", NULL};
    make_engine(f, ENGINE_GENERIC, argv);
}

static inline void on_poll(void *arg)
{
    loop_stop(arg);
}

/* Runs the loop until done(f) or the deadline; fails the test then. */
static inline void run_until(struct fixture *f, bool (*done)(struct fixture *f), const char *what)
{
    struct loop_timer poll = {0};
    int64_t until_ms = clock_ms() + DEADLINE_MS;
    loop_timer_init(&poll, f->loop, on_poll, f->loop);
    loop_timer_repeat(&poll, 5);
    while (!done(f) && clock_ms() < until_ms)
        loop_run(f->loop);
    loop_timer_stop(&poll);
    if (!done(f))
        fail_msg("waited for %s; states: %s", what, buf_str(&f->states));
}

static inline bool is_stopped(struct fixture *f)
{
    return engine_state(f->engine) == ENGINE_STOPPED;
}
static inline bool is_loading(struct fixture *f)
{
    return engine_state(f->engine) == ENGINE_LOADING;
}
static inline bool is_ready(struct fixture *f)
{
    return engine_state(f->engine) == ENGINE_READY;
}
static inline bool is_failed(struct fixture *f)
{
    return engine_state(f->engine) == ENGINE_FAILED;
}

/* The process exists and is no zombie. */
static inline bool is_alive(int pid)
{
    char path[64], text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    const char *after = n > 0 ? strrchr(text, ')') : NULL;
    return after && after[1] == ' ' && after[2] != 'Z' && after[2] != 'X';
}

/* Pids that workers left in dir, and the number of those that are alive. */
static inline int count_workers(const char *dir, bool alive_only)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        int pid;
        if (sscanf(entry->d_name, "pid-%d", &pid) == 1 && (!alive_only || is_alive(pid)))
            n++;
    }
    (void)closedir(d);
    return n;
}

static inline bool has_workers(struct fixture *f)
{
    return is_ready(f) && count_workers(f->dir, false) == 2;
}

static inline void touch(struct fixture *f, const char *name)
{
    AUTO(mem) char *path = xasprintf("%s/%s", f->dir, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* Children of this process that have not been waited for, and open descriptors. */
static inline int count_children(void)
{
    char text[4096] = "";
    int n = 0, fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        return -1;
    (void)close(fd);
    for (char *c = text; *c; c++)
        n += *c == ' ';
    return n;
}

static inline int count_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static inline void on_closed(void *arg)
{
    struct fixture *f = arg;
    f->is_closed = true;
}

static inline bool is_closed(struct fixture *f)
{
    return f->is_closed;
}

/* Closes what is left; no child may be there after it. */
static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->engine && !f->is_closed) {
        engine_close(f->engine, on_closed, f);
        run_until(f, is_closed, "the engine's end");
    }
    http_client_close(f->client);
    engine_reaper_free(f->reaper);
    loop_free(f->loop);
    int n_left = count_children();
    if (remove_tree(f->dir) != 0)
        return -1;
    buf_release(&f->states);
    free(f->run_dir);
    free(f->log_dir);
    free(f);
    return n_left == 0 ? 0 : -1;
}

#endif
