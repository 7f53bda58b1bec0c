/*
 * loop: glue over libuv. One loop, one thread; everything here runs on it unless said otherwise.
 * Timers are plain memory: stopping one is immediate and it may be freed at once (one uv timer drives a heap of them).
 */
#ifndef HOB_LOOP_H
#define HOB_LOOP_H

#include <uv.h>

#include "util/util.h"

struct loop;

typedef void (*loop_fn)(void *arg);

struct loop *loop_new(void);
/* Closes what the loop itself owns and runs until all handles are gone; asserts that none leak. */
void loop_free(struct loop *l);
AUTO_DEFINE(loop, struct loop, loop_free)
uv_loop_t *loop_uv(struct loop *l);
/* Runs until loop_stop or until nothing is left to do. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Calls fn(arg) after the current turn's callbacks, in order of the calls. For events raised by actions. */
void loop_defer(struct loop *l, loop_fn fn, void *arg);
/* Frees p by free_fn after the current turn: the one primitive for objects that may still be on the stack. */
void loop_defer_free(struct loop *l, void *p, loop_fn free_fn);

struct loop_timer {
    struct loop *loop;
    loop_fn fn;
    void *arg;
    int64_t due_ms;
    int64_t repeat_ms; /* 0: once */
    uint64_t seq;      /* order of arming: equal times fire in this order */
    size_t at;         /* index in the heap + 1; 0: not armed */
};
/* Prepares t; {0} memory is fine. Does not arm it. */
void loop_timer_init(struct loop_timer *t, struct loop *l, loop_fn fn, void *arg);
/* Fires once after delay_ms (monotonic; 0: next turn). Arming an armed timer moves it. */
void loop_timer_start(struct loop_timer *t, int64_t delay_ms);
void loop_timer_repeat(struct loop_timer *t, int64_t every_ms);
/* No call of fn comes after this. Harmless on a timer that is not armed, and on {0}. */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_armed(const struct loop_timer *t);

/* Runs work(arg) on a thread of libuv's pool, then done(arg) on the loop. */
void loop_work(struct loop *l, loop_fn work, loop_fn done, void *arg);

/*
 * Wakes the loop from another thread: fn(arg) runs on the loop soon after loop_wake; several wakes may become one call.
 * loop_waker_free runs on the loop thread; no call comes after it.
 */
struct loop_waker;
struct loop_waker *loop_waker_new(struct loop *l, loop_fn fn, void *arg);
void loop_waker_free(struct loop_waker *w);
/* Any thread. */
void loop_wake(struct loop_waker *w);

/* SIGTERM, SIGINT, SIGHUP ... : fn(arg) on the loop at each arrival. */
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_fn fn, void *arg);
void loop_signal_free(struct loop_signal *s);

/* fn(arg) after anything in the folder was made, changed, renamed or removed; not for folders in it. NULL: it cannot be watched. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *l, const char *folder, loop_fn fn, void *arg);
void loop_watch_free(struct loop_watch *w);

#endif
