/* The loop: order of deferred calls, timers, work on threads, wakes and signals. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "loop/loop.h"

struct trace {
    struct loop *loop;
    struct loop_timer timers[3];
    struct loop_timer give_up;
    char text[256];
    int n;
};

struct step {
    struct trace *trace;
    const char *name;
};

static void note(struct trace *t, const char *name)
{
    (void)snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%s ", name);
}

static void on_step(void *arg)
{
    struct step *s = arg;
    note(s->trace, s->name);
}

static void defer_more(void *arg)
{
    struct step *s = arg;
    note(s->trace, "more");
    loop_defer(s->trace->loop, on_step, s);
}

static void deferred_calls_run_in_order_and_may_defer(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    struct step a = {&t, "a"}, b = {&t, "b"}, c = {&t, "c"};
    loop_defer(l, on_step, &a);
    loop_defer(l, defer_more, &b);
    loop_defer(l, on_step, &c);
    assert_string_equal(t.text, "");
    loop_run(l); /* ends by itself: nothing is left */
    assert_string_equal(t.text, "a more c b ");
}

static void deferred_frees_run_before_the_loop_is_gone(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    loop_defer_free(l, xmalloc(64), free); /* a leak if it did not */
    loop_free(l);
}

static void timers_fire_by_time_and_then_by_order_of_arming(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    struct step a = {&t, "a"}, b = {&t, "b"}, c = {&t, "c"};
    loop_timer_init(&t.timers[0], l, on_step, &a);
    loop_timer_init(&t.timers[1], l, on_step, &b);
    loop_timer_init(&t.timers[2], l, on_step, &c);
    loop_timer_start(&t.timers[0], 20);
    loop_timer_start(&t.timers[1], 1);
    loop_timer_start(&t.timers[2], 500);
    loop_timer_start(&t.timers[2], 1); /* moved */
    int64_t start_ms = clock_ms();
    loop_run(l);
    assert_string_equal(t.text, "b c a ");
    assert_in_range(clock_ms() - start_ms, 19, 400);
}

static void stop_all(void *arg)
{
    struct trace *t = arg;
    note(t, "stop");
    for (size_t i = 0; i < COUNT_OF(t->timers); i++)
        loop_timer_stop(&t->timers[i]);
}

static void a_stopped_timer_never_fires_even_when_it_is_due(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    struct step a = {&t, "a"};
    loop_timer_init(&t.timers[0], l, stop_all, &t);
    struct loop_timer *gone = xcalloc(1, sizeof *gone);
    loop_timer_init(&t.timers[1], l, on_step, &a);
    loop_timer_init(gone, l, on_step, &a);
    loop_timer_start(&t.timers[0], 0);
    loop_timer_start(&t.timers[1], 0);
    loop_timer_start(gone, 0);
    loop_timer_stop(gone);
    free(gone);
    loop_run(l);
    assert_string_equal(t.text, "stop ");
    assert_false(loop_timer_is_armed(&t.timers[1]));
    struct loop_timer zero = {0};
    loop_timer_stop(&zero);
}

static void count_to_three(void *arg)
{
    struct trace *t = arg;
    if (++t->n == 3)
        loop_timer_stop(&t->timers[0]);
}

static void a_repeating_timer_repeats_until_stopped(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    loop_timer_init(&t.timers[0], l, count_to_three, &t);
    loop_timer_repeat(&t.timers[0], 2);
    loop_run(l);
    assert_int_equal(t.n, 3);
}

static void rearm(void *arg)
{
    struct trace *t = arg;
    if (++t->n < 1000)
        loop_timer_start(&t->timers[0], 0);
}

static void end_loop(void *arg)
{
    struct trace *t = arg;
    t->n += 100000;
}

static void a_timer_that_rearms_itself_does_not_starve_others(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    loop_timer_init(&t.timers[0], l, rearm, &t);
    loop_timer_init(&t.timers[1], l, end_loop, &t);
    loop_timer_start(&t.timers[0], 0);
    loop_timer_start(&t.timers[1], 1);
    loop_run(l);
    assert_true(t.n > 100000);
}

#define MANY 2000
static struct {
    struct loop_timer timers[MANY];
    struct loop_timer *last;
    int n_fired;
} many;

static void on_one_of_many(void *arg)
{
    struct loop_timer *t = arg;
    if (many.last)
        assert_true(many.last->due_ms <= t->due_ms);
    many.last = t;
    many.n_fired++;
}

static void the_heap_keeps_its_order_through_random_changes(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    uint32_t seed = 12345;
    for (size_t i = 0; i < MANY; i++)
        loop_timer_init(&many.timers[i], l, on_one_of_many, &many.timers[i]);
    for (size_t i = 0; i < MANY * 4; i++) {
        seed = seed * 1664525 + 1013904223;
        struct loop_timer *t = &many.timers[(seed >> 8) % MANY];
        if (seed % 3 == 0)
            loop_timer_stop(t);
        else
            loop_timer_start(t, 20 + (seed >> 16) % 40);
    }
    int n_armed = 0;
    for (size_t i = 0; i < MANY; i++)
        n_armed += loop_timer_is_armed(&many.timers[i]);
    assert_true(n_armed > 0);
    loop_run(l);
    assert_int_equal(many.n_fired, n_armed);
}

struct job {
    struct trace *trace;
    pthread_t ran_on;
    bool is_done;
};

static void work_on_thread(void *arg)
{
    struct job *j = arg;
    j->ran_on = pthread_self();
}

static void work_done(void *arg)
{
    struct job *j = arg;
    j->is_done = true;
}

static void work_runs_on_another_thread_and_ends_on_the_loop(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct job j = {0};
    loop_work(l, work_on_thread, work_done, &j);
    loop_run(l);
    assert_true(j.is_done);
    assert_false(pthread_equal(j.ran_on, pthread_self()));
}

static struct loop_waker *waker;

static void on_wake(void *arg)
{
    struct trace *t = arg;
    t->n++;
    loop_waker_free(waker);
}

static void *wake_from_thread(void *arg)
{
    for (int i = 0; i < 100; i++)
        loop_wake(arg);
    return NULL;
}

static void a_wake_from_another_thread_calls_on_the_loop(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    waker = loop_waker_new(l, on_wake, &t);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_from_thread, waker), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_run(l);
    assert_int_equal(t.n, 1);
}

static void on_hangup(void *arg)
{
    struct trace *t = arg;
    t->n++;
    loop_stop(t->loop);
}

static void a_signal_calls_and_does_not_keep_the_loop_alive(void **state)
{
    (void)state;
    AUTO(loop) struct loop *l = loop_new();
    struct trace t = {.loop = l};
    struct loop_signal *s = loop_signal_new(l, SIGHUP, on_hangup, &t);
    loop_run(l); /* returns at once */
    loop_timer_init(&t.give_up, l, end_loop, &t);
    loop_timer_start(&t.give_up, 5000);
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    loop_run(l);
    assert_int_equal(t.n, 1);
    loop_timer_stop(&t.give_up);
    loop_signal_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deferred_calls_run_in_order_and_may_defer),
        cmocka_unit_test(deferred_frees_run_before_the_loop_is_gone),
        cmocka_unit_test(timers_fire_by_time_and_then_by_order_of_arming),
        cmocka_unit_test(a_stopped_timer_never_fires_even_when_it_is_due),
        cmocka_unit_test(a_repeating_timer_repeats_until_stopped),
        cmocka_unit_test(a_timer_that_rearms_itself_does_not_starve_others),
        cmocka_unit_test(the_heap_keeps_its_order_through_random_changes),
        cmocka_unit_test(work_runs_on_another_thread_and_ends_on_the_loop),
        cmocka_unit_test(a_wake_from_another_thread_calls_on_the_loop),
        cmocka_unit_test(a_signal_calls_and_does_not_keep_the_loop_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
