/* The throttle, with a clock of our own. */
#include "auth/auth_throttle.h"
#include "unit.h"

#define MINUTE ((int64_t)60 * 1000)

static void ten_guesses_in_five_minutes(void **state)
{
    (void)state;
    AUTO(throttle) struct throttle *t = throttle_new();
    int64_t wait_ms = 0, start = 1000;
    for (int i = 0; i < 10; i++)
        assert_true(throttle_take(t, "ann@1", start + i * 1000, &wait_ms));
    assert_false(throttle_take(t, "ann@1", start + 10000, &wait_ms));
    assert_int_equal(wait_ms, 5 * MINUTE - 10000);
    assert_true(throttle_take(t, "ann@2", start + 10000, &wait_ms)); /* another key is not touched */
    assert_false(throttle_take(t, "ann@1", start + 5 * MINUTE - 1, &wait_ms));
    assert_int_equal(wait_ms, 1);
    /* One by one they become old: the window slides. What was refused did not count. */
    assert_true(throttle_take(t, "ann@1", start + 5 * MINUTE, &wait_ms));
    assert_false(throttle_take(t, "ann@1", start + 5 * MINUTE, &wait_ms));
    assert_int_equal(wait_ms, 1000);
    assert_true(throttle_take(t, "ann@1", start + 5 * MINUTE + 1000, &wait_ms));
}

static void never_more_than_ten_in_any_window(void **state)
{
    (void)state;
    AUTO(throttle) struct throttle *t = throttle_new();
    int64_t taken[2000], wait_ms = 0;
    size_t n = 0;
    for (int64_t now = 1; now < 60 * MINUTE; now += 1777)
        if (throttle_take(t, "k", now, &wait_ms))
            taken[n++] = now;
    assert_in_range(n, 110, 130); /* and patient ones get all that is allowed */
    for (size_t i = THROTTLE_MAX_GUESSES; i < n; i++)
        assert_true(taken[i] - taken[i - THROTTLE_MAX_GUESSES] >= THROTTLE_WINDOW_MS);
}

static void a_right_guess_starts_afresh(void **state)
{
    (void)state;
    AUTO(throttle) struct throttle *t = throttle_new();
    int64_t wait_ms = 0;
    for (int i = 0; i < 10; i++)
        assert_true(throttle_take(t, "k", 1, &wait_ms));
    throttle_forget(t, "k");
    throttle_forget(t, "unknown");
    assert_int_equal(throttle_n_keys(t), 0);
    for (int i = 0; i < 10; i++)
        assert_true(throttle_take(t, "k", 1, &wait_ms));
    assert_false(throttle_take(t, "k", 1, &wait_ms));
}

static void memory_is_bounded(void **state)
{
    (void)state;
    AUTO(throttle) struct throttle *t = throttle_new();
    int64_t wait_ms = 0;
    char key[32];
    for (int i = 0; i < 9; i++)
        assert_true(throttle_take(t, "recent", 1, &wait_ms));
    for (int i = 0; i < THROTTLE_MAX_KEYS + 500; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_true(throttle_take(t, key, 2, &wait_ms));
        if (i == THROTTLE_MAX_KEYS - 100)
            assert_true(throttle_take(t, "recent", 2, &wait_ms));
    }
    assert_int_equal(throttle_n_keys(t), THROTTLE_MAX_KEYS);
    assert_false(throttle_take(t, "recent", 3, &wait_ms)); /* what is used stays */
    /* Old ones go when a new one comes. */
    assert_true(throttle_take(t, "late", 2 + THROTTLE_WINDOW_MS, &wait_ms));
    assert_int_equal(throttle_n_keys(t), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_guesses_in_five_minutes),
        cmocka_unit_test(never_more_than_ten_in_any_window),
        cmocka_unit_test(a_right_guess_starts_afresh),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
