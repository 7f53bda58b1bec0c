/* events: order, replay and its limits. */
#include "events/events.h"
#include "unit.h"

struct seen {
    uint64_t seqs[4000];
    size_t n;
    struct events_sub *leave_after_first;
};

static void collect(void *arg, const struct event *ev)
{
    struct seen *s = arg;
    s->seqs[s->n++] = ev->seq;
    if (s->leave_after_first) {
        events_unsubscribe(s->leave_after_first);
        s->leave_after_first = NULL;
    }
}

static void subscribers_hear_every_event_in_order(void **state)
{
    (void)state;
    AUTO(events) struct events *e = events_new();
    struct seen a = {0}, b = {0};
    struct events_sub *sub_a = events_subscribe(e, collect, &a);
    b.leave_after_first = events_subscribe(e, collect, &b);
    for (int i = 0; i < 3; i++)
        events_publish(e, "u1", "server", SPAN_LIT("{}"));
    assert_int_equal(a.n, 3);
    assert_int_equal(a.seqs[2], 3);
    assert_int_equal(b.n, 1);
    events_unsubscribe(sub_a);
}

static void replay_gives_what_was_missed_or_says_that_it_cannot(void **state)
{
    (void)state;
    AUTO(events) struct events *e = events_new();
    struct seen s = {0};
    assert_true(events_replay(e, 0, collect, &s));
    for (int i = 0; i < EVENTS_KEPT + 10; i++)
        events_publish(e, NULL, "server", SPAN_LIT("{\"a\":1}"));
    assert_false(events_replay(e, 5, collect, &s));
    assert_false(events_replay(e, EVENTS_KEPT + 11, collect, &s));
    assert_int_equal(s.n, 0);
    assert_true(events_replay(e, EVENTS_KEPT + 7, collect, &s));
    assert_int_equal(s.n, 3);
    assert_int_equal(s.seqs[0], EVENTS_KEPT + 8);
}

static void kept_bytes_are_bounded(void **state)
{
    (void)state;
    AUTO(events) struct events *e = events_new();
    struct seen s = {0};
    char *big = xcalloc(1, EVENTS_KEPT_BYTES / 2 + 1);
    for (int i = 0; i < 3; i++)
        events_publish(e, NULL, "server", span_of(big, EVENTS_KEPT_BYTES / 2 + 1));
    free(big);
    assert_false(events_replay(e, 1, collect, &s));
    assert_true(events_replay(e, 2, collect, &s));
    assert_int_equal(s.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribers_hear_every_event_in_order),
        cmocka_unit_test(replay_gives_what_was_missed_or_says_that_it_cannot),
        cmocka_unit_test(kept_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
