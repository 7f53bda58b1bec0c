/* Sockets on loopback and percentiles, for both programs of the bench. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bench.h"

void bench_die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

void bench_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int bench_listen(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = loopback(port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0)
        bench_die("listen");
    return fd;
}

int bench_connect(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in to = loopback(port);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        bench_die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        bench_die("fcntl");
    return fd;
}

void bench_watch(int epoll, int op, int fd, uint32_t events, void *ptr)
{
    struct epoll_event e = {.events = events, .data.ptr = ptr};
    if (epoll_ctl(epoll, op, fd, &e) != 0)
        bench_die("epoll_ctl");
}

/* ---- percentiles ---- */

void bench_samples_add(struct bench_samples *s, int64_t ns)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 4096;
        s->v = xrealloc(s->v, s->cap * sizeof *s->v);
    }
    s->v[s->n++] = (float)ns / 1000.0F;
}

static int compare(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double bench_samples_at(struct bench_samples *s, double p)
{
    if (s->n == 0)
        return -1;
    qsort(s->v, s->n, sizeof *s->v, compare);
    size_t i = (size_t)(p * (double)s->n);
    return (double)s->v[i < s->n ? i : s->n - 1];
}

void bench_samples_print(struct bench_samples *s, const char *name)
{
    static const struct {
        const char *name;
        double at;
    } points[] = {{"p50", .5}, {"p99", .99}, {"p999", .999}, {"max", 1}};
    for (size_t i = 0; i < COUNT_OF(points); i++)
        printf("%s\"%s_%s\":%.1f", i ? "," : "", name, points[i].name, bench_samples_at(s, points[i].at));
}
