/* What keys and accounts may do, as the store keeps it. */
#include "store_fixture.h"

static void see_limits(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++) {
        const struct rate_limits *l = &r->users[i].limits;
        buf_addf(b, "%s %lld %lld %lld;", r->users[i].id, (long long)l->requests_per_minute,
                 (long long)l->tokens_per_minute, (long long)l->max_parallel);
    }
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void limits_of_users_are_set_one_by_one(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct rate_limits all = {10, 2000, 3}, one = {-1, 50, -1}, none = {0, -1, 0};
    OK(f, NULL, store_user_limit, "ann", &all);
    OK(f, NULL, store_user_limit, "ann", &one);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_user_limit, "zoe", &all);
    OK(f, see_limits, store_users_list);
    assert_seen("ann 10 50 3;bob 0 0 0;");
    OK(f, NULL, store_user_limit, "ann", &none);
    OK(f, see_limits, store_users_list);
    assert_seen("ann 0 50 0;bob 0 0 0;");
}

static void see_rights(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++) {
        const struct key_row *k = &r->keys[i];
        buf_addf(b, "%s %s %s %s %lld %lld %lld %lld;", k->id, k->name, k->routes_json ? k->routes_json : "-",
                 k->models_json ? k->models_json : "-", (long long)k->expires_at,
                 (long long)k->limits.requests_per_minute, (long long)k->limits.tokens_per_minute,
                 (long long)k->limits.max_parallel);
    }
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void rights_of_keys_change_one_by_one(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct key_row row = {.id = STR("k1"),
                          .user_id = STR("ann"),
                          .name = STR("laptop"),
                          .prefix = STR("hob_ab"),
                          .key_hash = STR("hash1"),
                          .routes_json = STR("[\"chat\"]"),
                          .expires_at = 77,
                          .limits = {1, 2, 3}};
    struct key_change models = {.models_json = "[\"a\"]", .expires_at = -1, .limits = {-1, -1, 9}},
                      all = {.name = "desk", .routes_json = "", .models_json = "", .limits = {0, 0, 0}};
    OK(f, NULL, store_key_add, &row);
    OK(f, NULL, store_key_change, "k1", &models);
    OK(f, see_rights, store_keys_list);
    assert_seen("k1 laptop [\"chat\"] [\"a\"] 77 1 2 9;");
    OK(f, NULL, store_key_change, "k1", &all);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_key_change, "k2", &all);
    OK(f, see_rights, store_keys_list);
    assert_seen("k1 desk - - 0 0 0 0;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(limits_of_users_are_set_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(rights_of_keys_change_one_by_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
