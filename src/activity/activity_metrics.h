/*
 * Counters for /metrics. Pure. Labels are bounded: servers by METRICS_MAX_SERVERS (what comes after is "other"), routes by a
 * table, outcomes by their class.
 */
#ifndef HOB_ACTIVITY_METRICS_H
#define HOB_ACTIVITY_METRICS_H

#include "activity/activity.h"

#define METRICS_MAX_SERVERS (GATEWAY_MAX_SERVERS + 64) /* some were renamed or removed since the start */
#define METRICS_N_ROUTES    14
#define METRICS_N_CLASSES   5
#define METRICS_N_BOUNDS    14

struct histogram {
    uint64_t counts[METRICS_N_BOUNDS + 1]; /* the last one: over all bounds */
    double sum_s;
};

struct metrics_server {
    struct list node;
    char *name; /* "": the request came to none */
    uint64_t requests[METRICS_N_ROUTES][METRICS_N_CLASSES];
    uint64_t tokens_in, tokens_out;
    struct histogram held, first, total;
};

struct metrics {
    struct map *by_name;
    struct list servers; /* in the order of their first request */
    struct metrics_server *last;
};

void metrics_init(struct metrics *m);
void metrics_release(struct metrics *m);
void metrics_count(struct metrics *m, const struct gateway_record *r);
void metrics_write(const struct metrics *m, struct buf *out);

#endif
