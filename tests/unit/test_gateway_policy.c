/* What becomes of a request, over every state of an engine and every kind of request. */
#include "gateway/gateway_policy.h"
#include "unit.h"
#include "util/util.h"

/* What is expected of a plain request to an on-demand server, and what changes it. */
static struct gateway_decision expected(const struct gateway_question *q)
{
    static const struct gateway_decision plain[ENGINE_N_STATES] = {
        [ENGINE_STOPPED] = {GATEWAY_START, "engine_starting", 2},
        [ENGINE_STARTING] = {GATEWAY_LATER, "engine_starting", 2},
        [ENGINE_LOADING] = {GATEWAY_LATER, "engine_loading", 2},
        [ENGINE_READY] = {GATEWAY_GO, NULL, 0},
        [ENGINE_STOPPING] = {GATEWAY_LATER, "engine_stopping", 1},
        [ENGINE_FAILED] = {GATEWAY_FAILED, "engine_failed", 0},
    };
    if (q->state == ENGINE_READY && q->yields)
        return (struct gateway_decision){GATEWAY_LATER, "waiting_for_memory", 2};
    if ((q->state == ENGINE_STOPPED || q->state == ENGINE_FAILED) && q->is_wanted)
        return (struct gateway_decision){GATEWAY_START, "engine_starting", 2};
    if (q->state == ENGINE_STOPPED && !q->on_demand)
        return (struct gateway_decision){GATEWAY_STOPPED, "engine_stopped", 0};
    if (q->state == ENGINE_FAILED && q->is_retry)
        return (struct gateway_decision){GATEWAY_START, "engine_starting", 2};
    if (q->state == ENGINE_FAILED && q->restarts)
        return (struct gateway_decision){GATEWAY_LATER, "engine_starting", 2};
    return plain[q->state];
}

static void every_request_in_every_state_has_its_answer(void **state)
{
    (void)state;
    for (int s = 0; s < ENGINE_N_STATES; s++) {
        for (int bits = 0; bits < 32; bits++) {
            struct gateway_question q = {.state = (enum engine_state)s,
                                         .on_demand = bits & 1,
                                         .is_retry = bits & 2,
                                         .restarts = bits & 4,
                                         .is_wanted = bits & 8,
                                         .yields = bits & 16};
            struct gateway_decision is = gateway_decide(&q), should = expected(&q);
            assert_int_equal(is.verdict, should.verdict);
            assert_int_equal(is.retry_after_s, should.retry_after_s);
            if (should.code)
                assert_string_equal(is.code, should.code);
            else
                assert_null(is.code);
        }
    }
}

static void only_a_ready_engine_is_called(void **state)
{
    (void)state;
    for (int s = 0; s < ENGINE_N_STATES; s++) {
        struct gateway_question q = {.state = (enum engine_state)s, .on_demand = true, .is_retry = true};
        assert_int_equal(gateway_decide(&q).verdict == GATEWAY_GO, s == ENGINE_READY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_in_every_state_has_its_answer),
        cmocka_unit_test(only_a_ready_engine_is_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
