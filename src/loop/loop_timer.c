/* Timers: a binary heap of plain structs, driven by one libuv timer that is armed for the earliest. */
#include "loop/loop_internal.h"

#define FIRING INT64_MIN /* clock_due_ms while callbacks run: the clock is set once, after them */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void put(struct loop *l, size_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->at = i + 1;
}

static void sift_up(struct loop *l, size_t i, struct loop_timer *t)
{
    while (i > 0 && is_before(t, l->heap[(i - 1) / 2])) {
        put(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(l, i, t);
}

static void sift_down(struct loop *l, size_t i, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->n_heap)
            break;
        if (child + 1 < l->n_heap && is_before(l->heap[child + 1], l->heap[child]))
            child++;
        if (!is_before(l->heap[child], t))
            break;
        put(l, i, l->heap[child]);
        i = child;
    }
    put(l, i, t);
}

/* t stands at i and may have to move either way. */
static void sift(struct loop *l, size_t i, struct loop_timer *t)
{
    if (i > 0 && is_before(t, l->heap[(i - 1) / 2]))
        sift_up(l, i, t);
    else
        sift_down(l, i, t);
}

static void take_out(struct loop *l, struct loop_timer *t)
{
    size_t i = t->at - 1;
    assert(i < l->n_heap && l->heap[i] == t);
    t->at = 0;
    struct loop_timer *last = l->heap[--l->n_heap];
    if (last != t)
        sift(l, i, last);
}

static void put_in(struct loop *l, struct loop_timer *t)
{
    if (l->n_heap == l->heap_cap) {
        l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 64;
        l->heap = xrealloc(l->heap, l->heap_cap * sizeof *l->heap);
    }
    sift_up(l, l->n_heap++, t);
}

/*
 * The clock is only moved to an earlier time, or stopped when nothing is left; when it rings too early because its
 * timer was stopped or moved on, it is set again.  So a timer that is moved with every event costs no system work.
 */
static void set_clock(struct loop *l)
{
    if (l->clock_due_ms == FIRING || uv_is_closing((uv_handle_t *)&l->clock))
        return;
    if (l->n_heap == 0) {
        (void)uv_timer_stop(&l->clock);
        l->clock_due_ms = INT64_MAX;
        return;
    }
    int64_t due_ms = l->heap[0]->due_ms;
    if (due_ms >= l->clock_due_ms)
        return;
    int64_t left_ms = due_ms - clock_ms();
    uv_update_time(&l->uv);
    (void)uv_timer_start(&l->clock, loop_timer_fire, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
    l->clock_due_ms = due_ms;
}

static void arm(struct loop_timer *t, int64_t due_ms)
{
    struct loop *l = t->loop;
    t->due_ms = due_ms;
    t->seq = l->next_seq++;
    if (t->at)
        sift(l, t->at - 1, t);
    else
        put_in(l, t);
    set_clock(l);
}

void loop_timer_fire(uv_timer_t *clock)
{
    struct loop *l = clock->data;
    int64_t now_ms = clock_ms();
    uint64_t first_new = l->next_seq; /* timers armed by these callbacks wait for the next turn */
    l->clock_due_ms = FIRING;
    while (l->n_heap > 0 && l->heap[0]->due_ms <= now_ms && l->heap[0]->seq < first_new) {
        struct loop_timer *t = l->heap[0];
        if (t->repeat_ms > 0) {
            /* Missed rings are not made up for. */
            t->due_ms = now_ms + t->repeat_ms;
            t->seq = l->next_seq++;
            sift_down(l, 0, t);
        } else {
            take_out(l, t);
        }
        t->fn(t->arg); /* may stop or free t, and any other */
    }
    l->clock_due_ms = INT64_MAX;
    set_clock(l);
}

void loop_timer_init(struct loop_timer *t, struct loop *l, loop_fn fn, void *arg)
{
    *t = (struct loop_timer){.loop = l, .fn = fn, .arg = arg};
}

void loop_timer_start(struct loop_timer *t, int64_t delay_ms)
{
    t->repeat_ms = 0;
    arm(t, clock_ms() + (delay_ms > 0 ? delay_ms : 0));
}

void loop_timer_repeat(struct loop_timer *t, int64_t every_ms)
{
    assert(every_ms > 0);
    t->repeat_ms = every_ms;
    arm(t, clock_ms() + every_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
    if (!t->at)
        return;
    take_out(t->loop, t);
    if (t->loop->n_heap == 0)
        set_clock(t->loop);
}

bool loop_timer_is_armed(const struct loop_timer *t)
{
    return t->at != 0;
}
