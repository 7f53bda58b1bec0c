/* The life of an answer, over every state and event, written a second time as rules. */
#include "chat/generation_state.h"
#include "unit.h"
#include "util/util.h"

#define DONE   (GENERATION_DO_CANCEL | GENERATION_DO_ACCEPT | GENERATION_DO_DONE | GENERATION_DO_FINISH)
#define BROKEN (GENERATION_DO_CANCEL | GENERATION_DO_ERROR | GENERATION_DO_FINISH)

static const struct {
    enum generation_state from;
    enum generation_event ev;
    enum generation_state to;
    unsigned actions;
} changes[] = {
    {GENERATION_QUEUED, GENERATION_EV_READY, GENERATION_CONNECTING, GENERATION_DO_CALL},
    {GENERATION_QUEUED, GENERATION_EV_BREAK, GENERATION_FAILED, BROKEN},
    {GENERATION_QUEUED, GENERATION_EV_STOP, GENERATION_STOPPED, DONE},
    {GENERATION_CONNECTING, GENERATION_EV_BUSY, GENERATION_PROMISED, GENERATION_DO_ACCEPT},
    {GENERATION_CONNECTING, GENERATION_EV_HEADER, GENERATION_ANSWERING,
     GENERATION_DO_ACCEPT | GENERATION_DO_ANSWERS},
    {GENERATION_CONNECTING, GENERATION_EV_BREAK, GENERATION_FAILED, BROKEN},
    {GENERATION_CONNECTING, GENERATION_EV_STOP, GENERATION_STOPPED, DONE},
    {GENERATION_CONNECTING, GENERATION_EV_SHUTDOWN, GENERATION_FAILED, BROKEN},
    {GENERATION_PROMISED, GENERATION_EV_HEADER, GENERATION_ANSWERING, GENERATION_DO_ANSWERS},
    {GENERATION_PROMISED, GENERATION_EV_BREAK, GENERATION_FAILED, BROKEN},
    {GENERATION_PROMISED, GENERATION_EV_STOP, GENERATION_STOPPED, DONE},
    {GENERATION_PROMISED, GENERATION_EV_SHUTDOWN, GENERATION_FAILED, BROKEN},
    {GENERATION_ANSWERING, GENERATION_EV_TOKEN, GENERATION_STREAMING, 0},
    {GENERATION_ANSWERING, GENERATION_EV_COMPLETE, GENERATION_DONE, DONE},
    {GENERATION_ANSWERING, GENERATION_EV_BREAK, GENERATION_FAILED, BROKEN},
    {GENERATION_ANSWERING, GENERATION_EV_STOP, GENERATION_STOPPED, DONE},
    {GENERATION_ANSWERING, GENERATION_EV_SHUTDOWN, GENERATION_FAILED, BROKEN},
    {GENERATION_STREAMING, GENERATION_EV_COMPLETE, GENERATION_DONE, DONE},
    {GENERATION_STREAMING, GENERATION_EV_BREAK, GENERATION_INTERRUPTED, BROKEN},
    {GENERATION_STREAMING, GENERATION_EV_STOP, GENERATION_STOPPED, DONE},
    {GENERATION_STREAMING, GENERATION_EV_SHUTDOWN, GENERATION_INTERRUPTED, BROKEN},
};

static void every_event_in_every_state_does_what_is_written(void **state)
{
    (void)state;
    for (int from = 0; from < GENERATION_N_STATES; from++) {
        for (int ev = 0; ev < GENERATION_N_EVENTS; ev++) {
            struct generation_step should = {(enum generation_state)from, 0};
            for (size_t i = 0; i < COUNT_OF(changes); i++) {
                if ((int)changes[i].from == from && (int)changes[i].ev == ev)
                    should = (struct generation_step){changes[i].to, changes[i].actions};
            }
            struct generation_step is = generation_step((enum generation_state)from,
                                                        (enum generation_event)ev);
            assert_int_equal(is.next, should.next);
            assert_int_equal(is.actions, should.actions);
        }
    }
}

static void what_is_over_stays_over_and_what_runs_can_be_stopped(void **state)
{
    (void)state;
    for (int from = 0; from < GENERATION_N_STATES; from++) {
        enum generation_state s = (enum generation_state)from;
        assert_int_equal(generation_step(s, GENERATION_EV_STOP).next == GENERATION_STOPPED,
                         !generation_state_is_over(s) || s == GENERATION_STOPPED);
        for (int ev = 0; ev < GENERATION_N_EVENTS; ev++) {
            struct generation_step step = generation_step(s, (enum generation_event)ev);
            if (generation_state_is_over(s))
                assert_true(step.next == s && step.actions == 0);
            /* An end is always stored, with its last event, and only an end is. */
            bool ends = generation_state_is_over(step.next) && !generation_state_is_over(s);
            assert_int_equal(ends, (step.actions & GENERATION_DO_FINISH) != 0);
            assert_int_equal(ends, (step.actions & (GENERATION_DO_DONE | GENERATION_DO_ERROR)) != 0);
        }
    }
}

static void text_that_came_is_never_a_failure(void **state)
{
    (void)state;
    for (int ev = 0; ev < GENERATION_N_EVENTS; ev++) {
        enum generation_state next = generation_step(GENERATION_STREAMING, (enum generation_event)ev).next;
        assert_false(generation_state_is_retryable(next));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_does_what_is_written),
        cmocka_unit_test(what_is_over_stays_over_and_what_runs_can_be_stopped),
        cmocka_unit_test(text_that_came_is_never_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
