/* Crash restarts: delays grow to a cap, and end. */
#include "unit.h"

#include "engine/engine_policy.h"

#define MINUTE ((int64_t)60000)

static void delays_double_until_it_gives_up(void **state)
{
    (void)state;
    struct engine_policy p = {0};
    static const int64_t want[] = {1000, 2000, 4000, 8000, -1, -1};
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(engine_policy_crashed(&p, 5 + i * 10000), want[i]);
    engine_policy_reset(&p);
    assert_int_equal(engine_policy_crashed(&p, 70000), 1000);
}

/* One crash each 3 minutes is fewer than five in ten: it goes on, with the longest delay in the end. */
static void delay_has_a_cap(void **state)
{
    (void)state;
    struct engine_policy p = {0};
    static const int64_t want[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(engine_policy_crashed(&p, 1 + i * 3 * MINUTE), want[i]);
}

static void quiet_time_begins_anew(void **state)
{
    (void)state;
    struct engine_policy p = {0};
    for (unsigned i = 0; i < 4; i++)
        (void)engine_policy_crashed(&p, 1 + i * 1000);
    assert_int_equal(engine_policy_crashed(&p, 20 * MINUTE), 1000);
    assert_int_equal(engine_policy_crashed(&p, 21 * MINUTE), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_double_until_it_gives_up),
        cmocka_unit_test(delay_has_a_cap),
        cmocka_unit_test(quiet_time_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
