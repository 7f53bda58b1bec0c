/* bench: what the upstream and the load client share. Loopback only; what fails ends the program with its reason. */
#ifndef HOB_BENCH_H
#define HOB_BENCH_H

#include <stdbool.h>

#include "util/util.h"

/* Prints "PROGRAM: what: strerror" and exits. */
__attribute__((noreturn)) void bench_die(const char *what);
/* Takes all file descriptors that this process may have. */
void bench_raise_file_limit(void);

/* Listens on 127.0.0.1; the socket does not block. */
int bench_listen(int port);
/* Blocks until connected (loopback: at once); after that the socket does not block. */
int bench_connect(int port);
/* Adds or changes fd in epoll; ptr comes back in the event. */
void bench_watch(int epoll, int op, int fd, uint32_t events, void *ptr);

/* Durations in microseconds. */
struct bench_samples {
    float *v;
    size_t n, cap;
};
void bench_samples_add(struct bench_samples *s, int64_t ns);
/* Sorts them; 0 <= p <= 1. -1 when there are none. */
double bench_samples_at(struct bench_samples *s, double p);
/* Prints "name_p50":..,"name_p99":..,"name_p999":..,"name_max":.. without a comma around. */
void bench_samples_print(struct bench_samples *s, const char *name);

/* bench_poll.c: GET /health every interval_us for `seconds`, one line of JSON on stdout. */
void bench_poll(int port, int interval_us, int seconds);

#endif
