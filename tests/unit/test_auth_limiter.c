/* The limiter, with a clock of our own. */
#include "auth/auth_limiter.h"
#include "unit.h"

#define MINUTE 60000

static struct limiter with(int64_t requests, int64_t tokens, int64_t parallel)
{
    struct limiter l = {0};
    limiter_set(&l, &(struct rate_limits){requests, tokens, parallel});
    return l;
}

/* A request that begins and ends at once; false: refused. */
static bool request(struct limiter *l, int64_t now_ms, struct auth_limit_hit *hit)
{
    if (limiter_is_hit(l, 0, now_ms, hit))
        return false;
    limiter_begin(l, now_ms);
    limiter_end(l);
    return true;
}

static void requests_of_a_minute_are_counted(void **state)
{
    (void)state;
    struct limiter l = with(3, 0, 0);
    struct auth_limit_hit hit = {0};
    int64_t start = 7000500;
    for (int i = 0; i < 3; i++)
        assert_true(request(&l, start + i * 10000, &hit));
    assert_false(request(&l, start + 30000, &hit));
    assert_int_equal(hit.what, AUTH_LIMIT_REQUESTS);
    assert_int_equal(hit.limit, 3);
    /* Lifted when it says so, not before, and for one only: the window slides. What was refused did not count. */
    int64_t free_at = start + 30000 + hit.wait_ms;
    assert_in_range(free_at - start, MINUTE, MINUTE + 1000);
    assert_false(request(&l, free_at - 1, &hit));
    assert_int_equal(hit.wait_ms, 1);
    assert_true(request(&l, free_at, &hit));
    assert_false(request(&l, free_at, &hit));
    assert_in_range(hit.wait_ms, 9000, 10000);
    limiter_release(&l);
}

static void never_more_than_the_limit_in_any_minute(void **state)
{
    (void)state;
    struct limiter l = with(10, 0, 0);
    struct auth_limit_hit hit;
    int64_t taken[2000];
    size_t n = 0;
    for (int64_t now = 1; now < 60 * MINUTE; now += 777) {
        if (request(&l, now, &hit))
            taken[n++] = now;
    }
    assert_in_range(n, 580, 600); /* and a patient one gets nearly all that is allowed */
    for (size_t i = 10; i < n; i++)
        assert_true(taken[i] - taken[i - 10] >= MINUTE);
    limiter_release(&l);
}

static void tokens_count_when_they_are_known(void **state)
{
    (void)state;
    struct limiter l = with(0, 1000, 0);
    struct auth_limit_hit hit = {0};
    assert_true(request(&l, 5000, &hit));
    limiter_note_tokens(&l, 400, 5000);
    assert_true(request(&l, 6000, &hit)); /* 600 are left: it may begin, whatever it will use */
    limiter_note_tokens(&l, 5000, 20000);
    assert_false(request(&l, 21000, &hit));
    assert_int_equal(hit.what, AUTH_LIMIT_TOKENS);
    assert_int_equal(hit.limit, 1000);
    assert_in_range(21000 + hit.wait_ms, 80000, 81000); /* when the 5000 are a minute old */
    assert_true(request(&l, 21000 + hit.wait_ms, &hit));
    limiter_release(&l);
}

static void requests_at_once_are_given_back(void **state)
{
    (void)state;
    struct limiter l = with(0, 0, 2);
    struct auth_limit_hit hit = {.wait_ms = 77};
    limiter_begin(&l, 1);
    assert_false(limiter_is_hit(&l, 0, 1, &hit));
    assert_true(limiter_is_hit(&l, 1, 1, &hit)); /* one more elsewhere */
    limiter_begin(&l, 1);
    assert_true(limiter_is_hit(&l, 0, 1, &hit));
    assert_int_equal(hit.what, AUTH_LIMIT_PARALLEL);
    assert_int_equal(hit.limit, 2);
    assert_int_equal(hit.wait_ms, 0);
    limiter_end(&l);
    assert_false(limiter_is_hit(&l, 0, 1, &hit));
    limiter_end(&l);
}

static void the_longest_wait_is_told(void **state)
{
    (void)state;
    struct limiter l = with(1, 10, 1);
    struct auth_limit_hit hit = {0};
    limiter_begin(&l, 1000);
    limiter_note_tokens(&l, 10, 31000);
    assert_true(limiter_is_hit(&l, 0, 31000, &hit));
    assert_int_equal(hit.what, AUTH_LIMIT_TOKENS);
    assert_true(limiter_is_hit(&l, 0, 92000, &hit)); /* both minutes are over */
    assert_int_equal(hit.what, AUTH_LIMIT_PARALLEL);
    limiter_end(&l);
    limiter_release(&l);
}

static void limits_change_without_forgetting(void **state)
{
    (void)state;
    struct limiter l = with(1, 0, 0);
    struct auth_limit_hit hit = {0};
    assert_true(request(&l, 1000, &hit));
    assert_false(request(&l, 1000, &hit));
    limiter_set(&l, &(struct rate_limits){.requests_per_minute = 2});
    assert_true(request(&l, 1000, &hit));
    assert_false(request(&l, 1000, &hit));
    limiter_set(&l, &(struct rate_limits){0});
    for (int i = 0; i < 100; i++)
        assert_true(request(&l, 1000, &hit));
    limiter_note_tokens(&l, 100, 1000); /* not counted */
    assert_null(l.requests);
    assert_null(l.tokens);
}

static void what_is_left_is_known(void **state)
{
    (void)state;
    struct limiter l = with(5, 100, 0);
    struct auth_limit_hit hit;
    assert_int_equal(limiter_requests_left(&l, 1000).reset_ms, 0);
    assert_true(request(&l, 1000, &hit));
    assert_true(request(&l, 21000, &hit));
    limiter_note_tokens(&l, 130, 21000);
    struct auth_limit_left requests = limiter_requests_left(&l, 31000),
                           tokens = limiter_tokens_left(&l, 31000);
    assert_int_equal(requests.limit, 5);
    assert_int_equal(requests.remaining, 3);
    assert_in_range(requests.reset_ms, 50000, 51000);
    assert_int_equal(tokens.limit, 100);
    assert_int_equal(tokens.remaining, 0);
    assert_int_equal(limiter_requests_left(&l, 200000).remaining, 5);
    limiter_release(&l);
    assert_int_equal(limiter_requests_left(&(struct limiter){0}, 1).limit, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_a_minute_are_counted),
        cmocka_unit_test(never_more_than_the_limit_in_any_minute),
        cmocka_unit_test(tokens_count_when_they_are_known),
        cmocka_unit_test(requests_at_once_are_given_back),
        cmocka_unit_test(the_longest_wait_is_told),
        cmocka_unit_test(limits_change_without_forgetting),
        cmocka_unit_test(what_is_left_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
