/* A clock for the loop behind a port: small requests at a steady pace, and how long each was kept waiting. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ANSWER_WAIT_MS 10000

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

/* The answer is small and comes in one piece; that it ends in its body is enough. */
static void ask(int fd, struct span request)
{
    char answer[4096];
    if (send(fd, request.p, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
        bench_die("send");
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, ANSWER_WAIT_MS) != 1)
        bench_die("no answer to a poll");
    ssize_t n = recv(fd, answer, sizeof answer, 0);
    if (n < 16 || memcmp(answer, "HTTP/1.1 200", 12) != 0 || answer[n - 1] != '}')
        bench_die("an odd answer to a poll");
}

void bench_poll(int port, int interval_us, int seconds)
{
    struct bench_samples waits = {0};
    struct span request = SPAN_LIT("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    /* What is measured is the other end: this one should not wait for a CPU, if it may say so. */
    struct sched_param now = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &now);
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    int fd = bench_connect(port);
    int64_t interval_ns = (int64_t)interval_us * 1000, at_ns = clock_ns();
    for (int64_t end_ns = at_ns + (int64_t)seconds * 1000000000; at_ns < end_ns; at_ns += interval_ns) {
        int64_t begun_ns = clock_ns();
        if (begun_ns < at_ns) {
            sleep_until(at_ns);
            begun_ns = clock_ns();
        } else {
            at_ns = begun_ns;
        }
        ask(fd, request);
        /* A long wait swallowed the polls that were due meanwhile: they count with what they would have waited. */
        for (int64_t ns = clock_ns() - begun_ns; ns > 0; ns -= interval_ns)
            bench_samples_add(&waits, ns);
    }
    printf("{\"n\":%zu,", waits.n);
    bench_samples_print(&waits, "wait");
    printf("}\n");
    free(waits.v);
    close(fd);
}
