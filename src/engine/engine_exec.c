/*
 * The watcher: the process between hob and an engine, see docs/decisions/0004-spawn-by-re-exec.md. It starts the engine in
 * a process group of its own, and holds a socket to hob as descriptor 3:
 *     hob says        T  end the engine politely        K  end it now        end of file: hob is gone, end it now
 *     the watcher     "pid N\n", then one of            "exec ERRNO\n"  "exit CODE\n"  "signal NUMBER\n"
 * It ends only after the engine and all that came of it have ended, also what left the process group. It is a program of
 * its own: nothing here uses the loop, and it allocates nothing.
 */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_FD 3
/* The soft limit that programs expect (select(2) breaks above it); they raise it themselves up to the hard one. */
#define ENGINE_NOFILE 1024
/* What does not die of SIGKILL in this time hangs in the kernel: the watcher leaves it to its next parent. */
#define STRAGGLERS_MS 5000
/* Engines are the first to go when memory runs out: hob can tell of it and start them again. */
#define ENGINE_OOM_SCORE "500"

static void say(const char *fmt, int value)
{
    char text[32];
    int n = snprintf(text, sizeof text, fmt, value);
    /* hob may be gone: then nobody needs to know */
    if (send(CONTROL_FD, text, (size_t)n, MSG_NOSIGNAL) < 0)
        return;
}

static void close_from(int first)
{
    (void)syscall(SYS_close_range, (unsigned)first, ~0U, 0);
}

static void limit_engine(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    struct rlimit limit = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= ENGINE_NOFILE) {
        limit.rlim_cur = ENGINE_NOFILE;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, ENGINE_OOM_SCORE, sizeof ENGINE_OOM_SCORE - 1) < 0)
            errno = 0; /* best effort */
        (void)close(fd);
    }
}

/* exec keeps the signal mask and ignored signals: the engine gets neither. */
static void reset_signals(void)
{
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become_engine(pid_t watcher, int status_fd, char **argv)
{
    (void)setpgid(0, 0);
    /* set first, then looked at: a watcher that died before left us another parent */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != watcher)
        _exit(127);
    limit_engine();
    reset_signals();
    if (dup3(status_fd, CONTROL_FD, O_CLOEXEC) < 0)
        _exit(127);
    close_from(CONTROL_FD + 1);
    (void)execvp(argv[0], argv);
    int failed = errno;
    if (write(CONTROL_FD, &failed, sizeof failed) < 0)
        _exit(126);
    _exit(127);
}

/* Our own stdin, stdout and stderr are the engine's: its end must close them. */
static void let_go_of_stdio(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        (void)dup2(null, fd);
    if (null > CONTROL_FD)
        (void)close(null);
}

/* Returns the engine's pid; -1: no process could be made. Returns once exec has succeeded or failed. */
static pid_t start_engine(char **argv)
{
    int status[2];
    if (pipe2(status, O_CLOEXEC) != 0)
        return -1;
    pid_t watcher = getpid(), pid = fork();
    int failed = errno;
    if (pid == 0)
        become_engine(watcher, status[1], argv);
    (void)close(status[1]);
    let_go_of_stdio();
    if (pid > 0) {
        (void)setpgid(pid, pid); /* whoever is first */
        say("pid %d\n", (int)pid);
        if (read(status[0], &failed, sizeof failed) == (ssize_t)sizeof failed)
            say("exec %d\n", failed);
    }
    (void)close(status[0]);
    errno = failed;
    return pid;
}

/* Children of ours: the engine, and what lost its own parent to it. False when the kernel does not tell. */
static bool kill_children(void)
{
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = 0;
    for (char *at = text, *end;; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        /* only whole numbers: the text may be cut */
        if (*end == ' ' && pid > 1)
            (void)kill((pid_t)pid, SIGKILL);
    }
    return true;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Each round kills those whose parents the last round killed, down to the last. */
static void end_stragglers(void)
{
    int64_t until = now_ms() + STRAGGLERS_MS;
    while (now_ms() < until) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid > 0)
            continue;
        if (!kill_children())
            return;
        (void)poll(NULL, 0, 2);
    }
}

/*
 * Waits for children that have ended; true when the engine is one of them. Its group is killed while the engine is still
 * there as a zombie: so long its number can belong to nobody else.
 */
static bool reap(pid_t engine, int *out_status)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return false;
        if (info.si_pid == engine)
            (void)kill(-engine, SIGKILL);
        if (waitpid(info.si_pid, out_status, 0) == engine)
            return true;
    }
}

/* True: go on watching. */
static bool obey(pid_t engine)
{
    char commands[64];
    ssize_t n = recv(CONTROL_FD, commands, sizeof commands, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    for (ssize_t i = 0; i < n; i++) {
        if (commands[i] == 'T')
            (void)kill(-engine, SIGTERM);
        else if (commands[i] == 'K')
            (void)kill(-engine, SIGKILL);
    }
    return n > 0;
}

static int watch(pid_t engine, int signal_fd)
{
    int status = 0;
    bool hob_is_there = true;
    for (;;) {
        struct pollfd fds[] = {{signal_fd, POLLIN, 0}, {hob_is_there ? CONTROL_FD : -1, POLLIN, 0}};
        (void)poll(fds, COUNT_OF(fds), -1);
        struct signalfd_siginfo info;
        while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
            continue;
        if (reap(engine, &status))
            return status;
        if (fds[1].revents && !obey(engine)) {
            hob_is_there = false;
            (void)kill(-engine, SIGKILL);
        }
    }
}

static int watch_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &child, NULL);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int engine_exec_main(int argc, char **argv)
{
    struct sockaddr address;
    socklen_t len = sizeof address;
    if (argc < 3 || strcmp(argv[1], "--") != 0 || getsockname(CONTROL_FD, &address, &len) != 0) {
        (void)fprintf(stderr, "hob engine-exec: hob starts this itself, to run engines\n");
        return 2;
    }
    (void)fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
    close_from(CONTROL_FD + 1);
    (void)setsid();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    int signal_fd = watch_signals();
    if (signal_fd < 0)
        return 2;
    pid_t engine = start_engine(argv + 2);
    if (engine < 0) {
        say("exec %d\n", errno);
        return 1;
    }
    int status = watch(engine, signal_fd);
    end_stragglers();
    if (WIFSIGNALED(status))
        say("signal %d\n", WTERMSIG(status));
    else
        say("exit %d\n", WEXITSTATUS(status));
    /* not exit(): what runs there belongs to hob */
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
