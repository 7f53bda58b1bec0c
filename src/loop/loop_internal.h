/* What the files of loop share. */
#ifndef HOB_LOOP_INTERNAL_H
#define HOB_LOOP_INTERNAL_H

#include "loop/loop.h"

struct loop_deferred {
    loop_fn fn;
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_idle_t no_sleep; /* active while `deferred` holds something: the poll must not block then */
    uv_timer_t clock;   /* armed for the top of `heap` */

    struct loop_deferred *deferred;
    size_t n_deferred;
    size_t deferred_cap;
    struct loop_deferred
        *batch; /* the calls being made now; swaps with `deferred`, so steady state allocates nothing */
    size_t batch_cap;

    struct loop_timer **heap; /* binary heap by (due_ms, seq) */
    size_t n_heap;
    size_t heap_cap;
    uint64_t next_seq;
    int64_t clock_due_ms; /* what `clock` is armed for; INT64_MAX: not armed */
};

/* loop_timer.c: the clock's callback. */
void loop_timer_fire(uv_timer_t *clock);

#endif
