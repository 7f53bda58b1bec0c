/*
 * Waits for children that nobody else waits for: processes that lost their parent below us. A watcher does that for its own
 * engine; this is for what a killed watcher leaves, and for hob as process 1 of a container.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine_proc.h"

struct engine_reaper {
    struct loop *loop;
    struct loop_signal *on_child;
    int *known; /* libuv waits for these */
    size_t n_known, known_cap;
    int64_t hunt_until_ms; /* strays are killed until then: each that dies may leave us its children */
};

#define HUNT_MS 5000

static void kill_strays(const struct engine_reaper *r);

static bool is_known(const struct engine_reaper *r, int pid)
{
    for (size_t i = 0; i < r->n_known; i++) {
        if (r->known[i] == pid)
            return true;
    }
    return false;
}

/*
 * Looks at the next child that has ended without taking it. One of libuv's is left alone, and we come back when libuv has
 * taken it (engine_reaper_forget): until then the kernel would show only that one.
 */
static void reap(void *arg)
{
    struct engine_reaper *r = arg;
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        if (is_known(r, info.si_pid))
            return;
        (void)waitpid(info.si_pid, NULL, WNOHANG);
        if (clock_ms() < r->hunt_until_ms)
            kill_strays(r);
    }
}

struct engine_reaper *engine_reaper_new(struct loop *l)
{
    struct engine_reaper *r = xcalloc(1, sizeof *r);
    r->loop = l;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    r->on_child = loop_signal_new(l, SIGCHLD, reap, r);
    return r;
}

void engine_reaper_free(struct engine_reaper *r)
{
    if (!r)
        return;
    loop_signal_free(r->on_child);
    free(r->known);
    free(r);
}

void engine_reaper_know(struct engine_reaper *r, int pid)
{
    if (r->n_known == r->known_cap) {
        r->known_cap = r->known_cap ? r->known_cap * 2 : 16;
        r->known = xrealloc(r->known, r->known_cap * sizeof *r->known);
    }
    r->known[r->n_known++] = pid;
}

void engine_reaper_forget(struct engine_reaper *r, int pid)
{
    for (size_t i = 0; i < r->n_known; i++) {
        if (r->known[i] == pid) {
            r->known[i] = r->known[--r->n_known];
            break;
        }
    }
    reap(r);
}

/* The file lists children of the calling thread: watchers and what was left to us belong to the main thread. */
static void kill_strays(const struct engine_reaper *r)
{
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    char text[16384];
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = 0;
    for (char *at = text, *end;; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            return;
        if (*end == ' ' && pid > 1 && !is_known(r, (int)pid))
            (void)kill((pid_t)pid, SIGKILL);
    }
}

void engine_reaper_kill_strays(struct engine_reaper *r)
{
    r->hunt_until_ms = clock_ms() + HUNT_MS;
    kill_strays(r);
}
