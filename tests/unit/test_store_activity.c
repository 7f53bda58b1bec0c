/* What became of requests, as the store keeps it: pages, filters, bounds, and sums over time. */
#include "store_fixture.h"

static void add_many(struct fixture *f, const struct activity_row *rows, size_t n, int64_t max_rows,
                     int64_t oldest)
{
    for (size_t i = 0; i < n; i += 100)
        OK(f, NULL, store_activity_add, rows + i, n - i < 100 ? n - i : 100, max_rows, oldest);
}

static struct activity_row row_of(const char *id, int64_t at, const char *user, const char *server,
                                  int status)
{
    return (struct activity_row){.at = at,
                                 .request_id = id,
                                 .user_id = user,
                                 .user_name = user,
                                 .key_id = "key-1",
                                 .key_name = "laptop",
                                 .server_id = server ? "id" : NULL,
                                 .server_name = server,
                                 .model = server ? "Qwen/Qwen3" : "nonsense",
                                 .route = "/v1/chat/completions",
                                 .status = status,
                                 .code = status >= 400 ? "engine_died" : NULL,
                                 .held_ms = 5,
                                 .first_ms = -1,
                                 .total_ms = 20,
                                 .tokens_in = -1,
                                 .tokens_out = -1,
                                 .tokens_per_s = -1};
}

static void add_some(struct fixture *f)
{
    struct activity_row rows[] = {
        row_of("r1", 1000, "ann", "qwen", 200), row_of("r2", 2000, "bob", "qwen", 502),
        row_of("r3", 3000, "ann", NULL, 404),   row_of("r4", 4000, "bob", "tiny", 200),
        row_of("r5", 5000, NULL, NULL, 401),
    };
    rows[0].first_ms = 12;
    rows[0].tokens_in = 7;
    rows[0].tokens_out = 0;
    rows[0].tokens_per_s = 41.5;
    rows[3].client_gone = true;
    rows[3].status = 0;
    OK(f, NULL, store_activity_add, rows, COUNT_OF(rows), (int64_t)100, (int64_t)0);
}

static void see_ids(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s ", r->activity[i].request_id);
    if (r->next_page)
        buf_addf(b, "next %lld", (long long)r->next_page);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void see_row(const struct store_result *r)
{
    const struct activity_row *a = &r->activity[r->n - 1];
    snprintf(seen, sizeof(seen), "%lld %s %s %s %s %s %s %d %lld %lld %lld %lld %lld %.1f", (long long)a->at,
             a->user_id, a->key_name, a->server_name, a->model, a->route, a->code ? a->code : "-", a->status,
             (long long)a->held_ms, (long long)a->first_ms, (long long)a->total_ms, (long long)a->tokens_in,
             (long long)a->tokens_out, a->tokens_per_s);
}

static void rows_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    struct activity_filter all = {0};
    add_some(f);
    OK(f, see_row, store_activity_list, &all, 10);
    assert_seen("1000 ann laptop qwen Qwen/Qwen3 /v1/chat/completions - 200 5 12 20 7 0 41.5");
    all.after = 1;
    OK(f, see_row, store_activity_list, &all, 10);
    assert_seen("2000 bob laptop qwen Qwen/Qwen3 /v1/chat/completions engine_died 502 5 -1 20 -1 -1 -1.0");
}

static void pages_follow_each_other(void **state)
{
    struct fixture *f = *state;
    struct activity_filter all = {0};
    add_some(f);
    OK(f, see_ids, store_activity_list, &all, 2);
    assert_seen("r5 r4 next 4");
    all.before = 4;
    OK(f, see_ids, store_activity_list, &all, 2);
    assert_seen("r3 r2 next 2");
    all.before = 2;
    OK(f, see_ids, store_activity_list, &all, 2);
    assert_seen("r1 ");
}

static void filters_choose(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct activity_filter filter;
        const char *ids;
    } cases[] = {
        {{.user_id = "ann"}, "r3 r1 "},
        {{.user_id = "zoe"}, ""},
        {{.user = "bob"}, "r4 r2 "},
        {{.user_id = "ann", .user = "bob"}, ""},
        {{.key = "laptop"}, "r5 r4 r3 r2 r1 "},
        {{.key = "phone"}, ""},
        {{.server = "qwen"}, "r2 r1 "},
        {{.server = "id"}, "r4 r2 r1 "},
        {{.model = "nonsense"}, "r5 r3 "},
        {{.route = "/v1/embeddings"}, ""},
        {{.outcome = "ok"}, "r1 "},
        {{.outcome = "error"}, "r5 r3 r2 "},
        {{.outcome = "gone"}, "r4 "},
        {{.outcome = "4xx"}, "r5 r3 "},
        {{.outcome = "5xx"}, "r2 "},
        {{.text = "QWEN3"}, "r4 r2 r1 "},
        {{.text = "tiny"}, "r4 "},
        {{.text = "died"}, "r5 r3 r2 "},
        {{.text = "%"}, ""},
        {{.from = 2000, .to = 4000}, "r3 r2 "},
        {{.after = 3}, "r5 r4 "},
    };
    add_some(f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OK(f, see_ids, store_activity_list, &cases[i].filter, 10);
        assert_seen(cases[i].ids);
    }
}

static void see_unfinished(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%s", r->is_unfinished ? "more" : "all");
}

static void what_is_too_much_or_too_old_goes_in_steps(void **state)
{
    struct fixture *f = *state;
    enum { N = 1200 };
    struct activity_row *rows = xcalloc(N, sizeof *rows);
    struct activity_filter all = {0};
    for (int i = 0; i < N; i++)
        rows[i] = row_of(i == N - 10 ? "edge" : "r", 1000 + i, "ann", "qwen", 200);
    add_many(f, rows, N, 1000000, 0);
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)0);
    assert_seen("more");
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)0);
    assert_seen("more");
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)0);
    assert_seen("all");
    OK(f, see_ids, store_activity_list, &all, 1000);
    assert_seen("r r r r r r r r r edge ");
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)(1000 + N - 2));
    OK(f, see_ids, store_activity_list, &all, 1000);
    assert_seen("r r ");
    /* Adding keeps the bound by itself. */
    add_many(f, rows, 100, 3, 0);
    OK(f, see_ids, store_activity_list, &all, 1000);
    assert_seen("r r r ");
    free(rows);
}

static void see_series(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++) {
        const struct activity_bucket *k = &r->buckets[i];
        buf_addf(b, "%lld: %lld %lld %lld %lld %lld %lld %lld %lld;", (long long)k->at,
                 (long long)k->requests, (long long)k->errors, (long long)k->tokens_in,
                 (long long)k->tokens_out, (long long)k->first_p50_ms, (long long)k->first_p95_ms,
                 (long long)k->held_p50_ms, (long long)k->held_p95_ms);
    }
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void series_add_up_and_rank(void **state)
{
    struct fixture *f = *state;
    struct activity_row rows[101];
    for (int i = 0; i < 100; i++) {
        rows[i] = row_of("r", 10000 + i, i < 50 ? "ann" : "bob", "qwen", i == 0 ? 500 : 200);
        rows[i].first_ms = 100 - i; /* 1 to 100, falling */
        rows[i].held_ms = i < 90 ? 0 : 1000;
        rows[i].tokens_in = 2;
        rows[i].tokens_out = i == 5 ? -1 : 3;
    }
    rows[100] = row_of("late", 13000, "ann", "qwen", 200);
    OK(f, NULL, store_activity_add, rows, COUNT_OF(rows), (int64_t)1000, (int64_t)0);
    struct activity_filter all = {.from = 10000};
    OK(f, see_series, store_activity_series, &all, (int64_t)1000, 3);
    assert_seen("10000: 100 1 200 297 50 95 0 1000;11000: 0 0 0 0 -1 -1 -1 -1;12000: 0 0 0 0 -1 -1 -1 -1;");
    all.user_id = "bob";
    OK(f, see_series, store_activity_series, &all, (int64_t)10000, 1);
    assert_seen("10000: 50 0 100 150 25 48 0 1000;");
}

static void see_requests(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%lld", (long long)r->buckets[0].requests);
}

/* Not every row has its time in the index: none may be left out for that. */
static void series_find_each_row_by_its_time(void **state)
{
    struct fixture *f = *state;
    struct activity_row rows[200];
    for (int i = 0; i < 200; i++)
        rows[i] = row_of("r", 1000 + 10 * i, "ann", "qwen", 200);
    add_many(f, rows, 200, 1000, 0);
    OK(f, see_unfinished, store_activity_prune, (int64_t)150, (int64_t)0); /* the first 50 are gone */
    for (int from = 0; from < 200; from += 7) {
        for (int to = from + 1; to <= 200; to += 31) {
            struct activity_filter some = {.from = 1000 + 10 * from};
            int n = (to > 50 ? to : 50) - (from > 50 ? from : 50);
            char wanted[16];
            snprintf(wanted, sizeof wanted, "%d", n);
            OK(f, see_requests, store_activity_series, &some, (int64_t)(10 * (to - from)), 1);
            assert_seen(wanted);
        }
    }
    struct activity_filter later = {.from = 100000};
    OK(f, see_requests, store_activity_series, &later, (int64_t)1000, 1);
    assert_seen("0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_follow_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_choose, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_much_or_too_old_goes_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(series_add_up_and_rank, setup, teardown),
        cmocka_unit_test_setup_teardown(series_find_each_row_by_its_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
