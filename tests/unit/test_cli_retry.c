/* The send cycle of `hob chat`, over every state and event, and its waits. */
#include "cli/retry.h"
#include "unit.h"
#include "util/util.h"

#define NOW      ((int64_t)100000)
#define DUE      ((int64_t)100500)
#define DISARM   RETRY_DO_DISARM
#define ABANDON  RETRY_DO_ABANDON
#define REQUEST  RETRY_DO_REQUEST
#define ARM      RETRY_DO_ARM
#define ASK_STOP RETRY_DO_STOP

/* From the second attempt, without news; what is not named changes nothing. */
static const struct {
    enum retry_state from;
    enum retry_event ev;
    enum retry_state to;
    unsigned actions;
} changes[] = {
    {RETRY_SENDING, RETRY_EV_HEADERS, RETRY_OPEN, 0},
    {RETRY_SENDING, RETRY_EV_TOKEN, RETRY_STREAMING, 0},
    {RETRY_SENDING, RETRY_EV_AGAIN, RETRY_WAITING, ARM},
    {RETRY_SENDING, RETRY_EV_CAUSE, RETRY_ENGINE_FAILED, 0},
    {RETRY_SENDING, RETRY_EV_REFUSE, RETRY_REFUSED, 0},
    {RETRY_SENDING, RETRY_EV_STOP, RETRY_STOPPED, ABANDON},
    {RETRY_WAITING, RETRY_EV_DUE, RETRY_SENDING, REQUEST},
    {RETRY_WAITING, RETRY_EV_ENGINE_READY, RETRY_SENDING, DISARM | REQUEST},
    {RETRY_WAITING, RETRY_EV_ENGINE_FAILED, RETRY_ENGINE_FAILED, DISARM},
    {RETRY_WAITING, RETRY_EV_STOP, RETRY_STOPPED, DISARM},
    {RETRY_OPEN, RETRY_EV_TOKEN, RETRY_STREAMING, 0},
    {RETRY_OPEN, RETRY_EV_AGAIN, RETRY_WAITING, ARM},
    {RETRY_OPEN, RETRY_EV_CAUSE, RETRY_ENGINE_FAILED, 0},
    {RETRY_OPEN, RETRY_EV_REFUSE, RETRY_REFUSED, 0},
    {RETRY_OPEN, RETRY_EV_STOP, RETRY_STREAMING, ASK_STOP},
    {RETRY_STREAMING, RETRY_EV_STOP, RETRY_STREAMING, ASK_STOP},
};

static void every_event_in_every_state_does_what_is_written(void **state)
{
    (void)state;
    for (int from = 0; from < RETRY_N_STATES; from++) {
        for (int ev = 0; ev < RETRY_N_EVENTS; ev++) {
            enum retry_state to = (enum retry_state)from;
            unsigned actions = 0;
            for (size_t i = 0; i < COUNT_OF(changes); i++) {
                if ((int)changes[i].from == from && (int)changes[i].ev == ev) {
                    to = changes[i].to;
                    actions = changes[i].actions;
                }
            }
            struct retry r = {.state = (enum retry_state)from, .attempt = 1, .due_ms = DUE};
            struct retry_step step = retry_step(r, (enum retry_event)ev, DUE);
            if (step.next.state != to || step.actions != actions)
                print_error("%s, event %d -> %s\n", retry_state_name(r.state), ev,
                            retry_state_name(step.next.state));
            assert_int_equal(step.next.state, to);
            assert_int_equal(step.actions, actions);
            if (retry_has_failed(r.state))
                assert_memory_equal(&step.next, &r, sizeof r);
        }
    }
}

static void four_requests_with_waits_of_2_4_and_6_s_and_no_more(void **state)
{
    (void)state;
    static const struct {
        int shown;
        int64_t wait_ms;
    } rounds[] = {{0, 2000}, {1, 4000}, {2, 6000}};
    int64_t now_ms = NOW;
    struct retry_step step = retry_begin();
    for (size_t i = 0; i < COUNT_OF(rounds); i++) {
        assert_int_equal(step.actions, REQUEST);
        assert_int_equal(retry_shown_attempt(step.next), rounds[i].shown);
        now_ms += 130; /* the request takes its time: the wait counts from its failure */
        step = retry_step(step.next, RETRY_EV_AGAIN, now_ms);
        assert_int_equal(step.actions, ARM);
        assert_int_equal(step.next.due_ms, now_ms + rounds[i].wait_ms);
        assert_int_equal(retry_shown_attempt(step.next), rounds[i].shown + 1);
        now_ms = step.next.due_ms;
        step = retry_step(step.next, RETRY_EV_DUE, now_ms);
    }
    assert_int_equal(step.actions, REQUEST);
    assert_int_equal(retry_shown_attempt(step.next), 3);
    step = retry_step(step.next, RETRY_EV_AGAIN, now_ms);
    assert_int_equal(step.next.state, RETRY_EXHAUSTED);
    assert_int_equal(step.actions, 0);
    assert_int_equal(retry_shown_attempt(step.next), 0);
}

static void a_timer_that_runs_early_is_armed_again(void **state)
{
    (void)state;
    struct retry r = {.state = RETRY_WAITING, .attempt = 2, .due_ms = DUE};
    struct retry_step step = retry_step(r, RETRY_EV_DUE, DUE - 1);
    assert_int_equal(step.actions, ARM);
    assert_memory_equal(&step.next, &r, sizeof r);
}

/* sending, or open: the news come while the request is out, and the stream may fail after its header. */
static void news_decide_what_follows_a_failure(void **state)
{
    (void)state;
    for (int open = 0; open <= 1; open++) {
        for (int attempt = 0; attempt <= RETRY_MAX_ATTEMPTS; attempt++) {
            struct retry r = {.state = RETRY_SENDING, .attempt = attempt};
            struct retry ready = retry_step(r, RETRY_EV_ENGINE_READY, NOW).next;
            struct retry failed = retry_step(r, RETRY_EV_ENGINE_FAILED, NOW).next;
            assert_int_equal(ready.state, RETRY_SENDING);
            assert_int_equal(failed.state, RETRY_SENDING);
            if (open) {
                ready = retry_step(ready, RETRY_EV_HEADERS, NOW).next;
                failed = retry_step(failed, RETRY_EV_HEADERS, NOW).next;
            }
            struct retry_step step = retry_step(ready, RETRY_EV_AGAIN, NOW);
            if (attempt == RETRY_MAX_ATTEMPTS) {
                assert_int_equal(step.next.state, RETRY_EXHAUSTED);
            } else {
                assert_int_equal(step.next.state, RETRY_SENDING);
                assert_int_equal(step.next.attempt, attempt + 1);
                assert_int_equal(step.actions, REQUEST);
                /* Once only: the next failure waits. */
                step = retry_step(step.next, RETRY_EV_AGAIN, NOW);
                assert_int_equal(step.next.state,
                                 attempt + 1 < RETRY_MAX_ATTEMPTS ? RETRY_WAITING : RETRY_EXHAUSTED);
            }
            step = retry_step(failed, RETRY_EV_AGAIN, NOW);
            assert_int_equal(step.next.state, RETRY_ENGINE_FAILED);
            assert_int_equal(step.actions, 0);
        }
    }
}

static void only_what_may_pass_by_itself_is_tried_again(void **state)
{
    (void)state;
    static const int again[] = {0, 502, 503, 504};
    static const int refused[] = {400, 401, 403, 404, 409, 413, 422, 429, 500, 501, 505, 507};
    for (size_t i = 0; i < COUNT_OF(again); i++)
        assert_int_equal(retry_judge(again[i], "x"), RETRY_EV_AGAIN);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_int_equal(retry_judge(refused[i], NULL), RETRY_EV_REFUSE);
    assert_int_equal(retry_judge(409, "engine_failed"), RETRY_EV_CAUSE);
    assert_int_equal(retry_judge(409, "engine_stopped"), RETRY_EV_REFUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_does_what_is_written),
        cmocka_unit_test(four_requests_with_waits_of_2_4_and_6_s_and_no_more),
        cmocka_unit_test(a_timer_that_runs_early_is_armed_again),
        cmocka_unit_test(news_decide_what_follows_a_failure),
        cmocka_unit_test(only_what_may_pass_by_itself_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
