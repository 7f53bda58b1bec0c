/* The loop itself: running it, and calls put off to the end of the turn. */
#include "loop/loop_internal.h"

#include <signal.h>

#define FREE_TIMEOUT_MS 10000 /* what is open after this was forgotten by its owner */

/*
 * One turn of libuv is: timers, idle, prepare, poll, check, closings.  What was deferred runs in prepare (for what
 * timers and closings deferred) and in check (for what the poll did), so "after the turn" is never further than the
 * next system call.  Calls deferred by a deferred call wait for the next of these, so nothing can starve the poll.
 */
static void run_deferred(struct loop *l)
{
    if (l->n_deferred == 0)
        return;
    struct loop_deferred *calls = l->deferred;
    size_t n = l->n_deferred, cap = l->deferred_cap;
    l->deferred = l->batch;
    l->deferred_cap = l->batch_cap;
    l->n_deferred = 0;
    l->batch = NULL;
    l->batch_cap = 0;
    (void)uv_idle_stop(&l->no_sleep);
    for (size_t i = 0; i < n; i++)
        calls[i].fn(calls[i].arg);
    l->batch = calls;
    l->batch_cap = cap;
}

static void on_before_poll(uv_prepare_t *h)
{
    run_deferred(h->data);
}

static void on_after_poll(uv_check_t *h)
{
    run_deferred(h->data);
}

static void on_idle(uv_idle_t *h)
{
    (void)h; /* being active is all it is for */
}

struct loop *loop_new(void)
{
    /* A peer that went away is an error code of the write, never a signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on files' sizes is an error where it is met, and no end */
    struct loop *l = xcalloc(1, sizeof *l);
    int e = uv_loop_init(&l->uv);
    assert(e == 0);
    (void)e;
    l->uv.data = l;
    l->clock_due_ms = INT64_MAX;
    (void)uv_prepare_init(&l->uv, &l->before_poll);
    (void)uv_check_init(&l->uv, &l->after_poll);
    (void)uv_idle_init(&l->uv, &l->no_sleep);
    (void)uv_timer_init(&l->uv, &l->clock);
    l->before_poll.data = l->after_poll.data = l->no_sleep.data = l->clock.data = l;
    (void)uv_prepare_start(&l->before_poll, on_before_poll);
    (void)uv_check_start(&l->after_poll, on_after_poll);
    uv_unref((uv_handle_t *)&l->before_poll);
    uv_unref((uv_handle_t *)&l->after_poll);
    return l;
}

static void report_leak(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        log_error("loop: a %s handle is still open at the end", uv_handle_type_name(uv_handle_get_type(h)));
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    uv_close((uv_handle_t *)&l->before_poll, NULL);
    uv_close((uv_handle_t *)&l->after_poll, NULL);
    uv_close((uv_handle_t *)&l->no_sleep, NULL);
    uv_close((uv_handle_t *)&l->clock, NULL);
    /* Closings take turns, deferred calls may defer and close again, and threads end their work. */
    int64_t give_up_ms = clock_ms() + FREE_TIMEOUT_MS;
    bool is_busy;
    do {
        run_deferred(l);
        is_busy = uv_run(&l->uv, UV_RUN_NOWAIT) != 0 || l->n_deferred > 0;
        if (is_busy && l->n_deferred == 0)
            uv_sleep(1);
    } while (is_busy && clock_ms() < give_up_ms);
    int e = uv_loop_close(&l->uv);
    if (e != 0)
        uv_walk(&l->uv, report_leak, NULL);
    assert(e == 0);
    free(l->deferred);
    free(l->batch);
    free(l->heap);
    free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_run(struct loop *l)
{
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_defer(struct loop *l, loop_fn fn, void *arg)
{
    if (l->n_deferred == l->deferred_cap) {
        l->deferred_cap = l->deferred_cap ? l->deferred_cap * 2 : 32;
        l->deferred = xrealloc(l->deferred, l->deferred_cap * sizeof *l->deferred);
    }
    l->deferred[l->n_deferred++] = (struct loop_deferred){fn, arg};
    if (l->n_deferred == 1 && !uv_is_closing((uv_handle_t *)&l->no_sleep))
        (void)uv_idle_start(&l->no_sleep, on_idle);
}

void loop_defer_free(struct loop *l, void *p, loop_fn free_fn)
{
    loop_defer(l, free_fn, p);
}
