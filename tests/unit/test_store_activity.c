/* What became of requests, as the store keeps it: pages, filters, bounds, and sums over time. */
#include "store_fixture.h"

enum { MAX_ROWS = 1200 };

/* Rows that are to be added, each with a kind of its own: the store finds out which are the same. */
static struct activity_row rows[MAX_ROWS];
static struct activity_kind kinds[MAX_ROWS];

static void add_rows(struct fixture *f, size_t n, int64_t max_rows)
{
    for (size_t i = 0; i < n; i++)
        rows[i].kind = &kinds[i];
    for (size_t i = 0; i < n; i += 101) {
        size_t some = n - i < 101 ? n - i : 101;
        OK(f, NULL, store_activity_add, rows + i, some, kinds + i, some, max_rows);
    }
}

static void set_row(size_t i, const char *id, int64_t at, const char *user, const char *server, int status)
{
    kinds[i] = (struct activity_kind){.user_id = user,
                                      .user_name = user,
                                      .key_id = "key-1",
                                      .key_name = "laptop",
                                      .server_id = server ? "id" : NULL,
                                      .server_name = server,
                                      .model = server ? "Qwen/Qwen3" : "nonsense",
                                      .route = "/v1/chat/completions",
                                      .status = status,
                                      .code = status >= 400 ? "engine_died" : NULL};
    rows[i] = (struct activity_row){.at = at,
                                    .held_ms = 5,
                                    .first_ms = -1,
                                    .total_ms = 20,
                                    .tokens_in = -1,
                                    .tokens_out = -1,
                                    .tokens_per_s = -1};
    str_put(rows[i].request_id, sizeof rows[i].request_id, id);
}

static void add_some(struct fixture *f)
{
    set_row(0, "r1", 1000, "ann", "qwen", 200);
    set_row(1, "r2", 2000, "bob", "qwen", 502);
    set_row(2, "r3", 3000, "ann", NULL, 404);
    set_row(3, "r4", 4000, "bob", "tiny", 200);
    set_row(4, "r5", 5000, NULL, NULL, 401);
    rows[0].first_ms = 12;
    rows[0].tokens_in = 7;
    rows[0].tokens_out = 0;
    rows[0].tokens_per_s = 41.5;
    kinds[3].client_gone = true;
    kinds[3].status = 0;
    add_rows(f, 5, 100);
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

static int64_t count_kinds(const struct fixture *f)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *sql = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sql, "SELECT count(*) FROM activity_kinds", -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(sql);
    return n;
}

static void see_users(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = r->n; i-- > 0;)
        buf_addf(b, "%s=%s ", r->activity[i].request_id, r->activity[i].kind->user_id);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static const char *or_none(const char *s)
{
    return s ? s : "-";
}

static void see_rows(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++) {
        const struct activity_row *a = &r->activity[i];
        const struct activity_kind *k = a->kind;
        buf_addf(b, "%lld %lld %s, %s %s, %s %s, %s %s, %s %s, %d %s%s%s,", (long long)a->seq,
                 (long long)a->at, a->request_id, or_none(k->user_id), or_none(k->user_name),
                 or_none(k->key_id), or_none(k->key_name), or_none(k->server_id), or_none(k->server_name),
                 or_none(k->model), k->route, k->status, or_none(k->code), k->is_stream ? " stream" : "",
                 k->client_gone ? " gone" : "");
        buf_addf(b, " %lld %lld %lld %lld %lld %.1f %lld %lld\n", (long long)a->held_ms,
                 (long long)a->first_ms, (long long)a->total_ms, (long long)a->tokens_in,
                 (long long)a->tokens_out, a->tokens_per_s, (long long)a->bytes_in, (long long)a->bytes_out);
    }
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void rows_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    const struct activity_filter all = {0};
    set_row(0, "r1", 1000, "ann", "qwen", 200);
    rows[0].first_ms = 12;
    rows[0].tokens_in = 7;
    rows[0].tokens_out = 0;
    rows[0].tokens_per_s = 41.5;
    rows[0].bytes_in = 100;
    rows[0].bytes_out = INT64_MAX;
    set_row(1, "0123456789abcdef", 2000, "bob", "qwen", 502);
    kinds[1].is_stream = true;
    set_row(2, "", 3000, NULL, NULL, 0);
    kinds[2].key_id = kinds[2].key_name = kinds[2].model = NULL;
    kinds[2].client_gone = true;
    add_rows(f, 3, 100);
    OK(f, see_rows, store_activity_list, &all, 10);
    assert_seen("3 3000 , - -, - -, - -, - /v1/chat/completions, 0 - gone, 5 -1 20 -1 -1 -1.0 0 0\n"
                "2 2000 0123456789abcdef, bob bob, key-1 laptop, id qwen, Qwen/Qwen3 /v1/chat/completions, "
                "502 engine_died stream, 5 -1 20 -1 -1 -1.0 0 0\n"
                "1 1000 r1, ann ann, key-1 laptop, id qwen, Qwen/Qwen3 /v1/chat/completions, 200 -, "
                "5 12 20 7 0 41.5 100 9223372036854775807\n");
}

/* Some are inserted together, the rest one by one: all are there, in their order, with the kinds that are theirs. */
static void however_many_they_are(void **state)
{
    struct fixture *f = *state;
    const struct activity_filter all = {0};
    char ids[20][4];
    for (size_t n = 1; n < 20; n++) {
        char want[256] = "";
        for (size_t i = 0; i < n; i++) {
            snprintf(ids[i], sizeof ids[i], "%zu", i);
            set_row(i, ids[i], 1000, ids[i], "qwen", 200);
            snprintf(want + strlen(want), sizeof want - strlen(want), "%s=%s ", ids[i], ids[i]);
        }
        add_rows(f, n, (int64_t)n);
        OK(f, see_users, store_activity_list, &all, 100);
        assert_seen(want);
    }
}

/* A database of a hob that wrote all of a record into its row. */
static void what_was_there_before_is_kept(void **state)
{
    struct fixture *f = *state;
    const struct activity_filter all = {0}, anns = {.user_id = "ann"};
    make_old_database(
        f, "0011_activity_kinds",
        "INSERT INTO activity VALUES "
        "(64, 1000, 'r1', 'ann', 'Ann', 'k', 'laptop', 's', 'qwen', 'm', '/v1/a', 200, NULL, 1, 0,"
        " 1, 2, 3, 4, 5, 6.5, 7, 8),"
        "(65, 1001, 'r2', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '/v1/a', 0, NULL, 0, 1,"
        " 1, NULL, 3, NULL, NULL, NULL, 7, 8),"
        "(67, 1002, 'r3', 'ann', 'Ann', 'k', 'laptop', 's', 'qwen', 'm', '/v1/a', 200, NULL, 1, 0,"
        " 9, 2, 3, 4, 5, 6.5, 7, 8)");
    open_store(f);
    OK(f, see_rows, store_activity_list, &all, 10);
    assert_seen("67 1002 r3, ann Ann, k laptop, s qwen, m /v1/a, 200 - stream, 9 2 3 4 5 6.5 7 8\n"
                "65 1001 r2, - -, - -, - -, - /v1/a, 0 - gone, 1 -1 3 -1 -1 -1.0 7 8\n"
                "64 1000 r1, ann Ann, k laptop, s qwen, m /v1/a, 200 - stream, 1 2 3 4 5 6.5 7 8\n");
    assert_int_equal(count_kinds(f), 2);
    /* What comes now goes behind, and is of the old kind. */
    set_row(0, "r4", 2000, "ann", "qwen", 200);
    kinds[0] = (struct activity_kind){"ann", "Ann",   "k", "laptop", "s",  "qwen",
                                      "m",   "/v1/a", 200, NULL,     true, false};
    add_rows(f, 1, 3);
    OK(f, see_ids, store_activity_list, &anns, 10);
    assert_seen("r4 r3 ");
    assert_int_equal(count_kinds(f), 1); /* the other one went with its row */
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
        {{.text = "R4"}, "r4 "},
        {{.text = "r4", .outcome = "ok"}, ""},
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
    struct activity_filter all = {0};
    for (size_t i = 0; i < MAX_ROWS; i++)
        set_row(i, i == MAX_ROWS - 10 ? "edge" : "r", 1000 + (int64_t)i, "ann", "qwen", 200);
    add_rows(f, MAX_ROWS, 1000000);
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)0);
    assert_seen("more");
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)0);
    assert_seen("more");
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)0);
    assert_seen("all");
    OK(f, see_ids, store_activity_list, &all, 1000);
    assert_seen("r r r r r r r r r edge ");
    OK(f, see_unfinished, store_activity_prune, (int64_t)10, (int64_t)(1000 + MAX_ROWS - 2));
    OK(f, see_ids, store_activity_list, &all, 1000);
    assert_seen("r r ");
    /* Adding keeps the bound by itself. */
    add_rows(f, 100, 3);
    OK(f, see_ids, store_activity_list, &all, 1000);
    assert_seen("r r r ");
}

static void set_kinds(size_t n, const char *model)
{
    for (size_t i = 0; i < n; i++) {
        set_row(i, "r", 1000, "ann", "qwen", 200);
        kinds[i].model = model;
    }
}

static void what_tells_kinds_apart(void **state)
{
    struct fixture *f = *state;
    set_kinds(20, "m");
    kinds[1].user_id = "x";
    kinds[2].user_name = "x";
    kinds[3].key_id = "x";
    kinds[4].key_name = "x";
    kinds[5].server_id = "x";
    kinds[6].server_name = "x";
    kinds[7].model = "M";
    kinds[8].route = "x";
    kinds[9].status = 201;
    kinds[10].code = "x";
    kinds[11].is_stream = true;
    kinds[12].client_gone = true;
    kinds[13].key_id = kinds[13].key_name = NULL;
    kinds[14].key_id = kinds[14].key_name = NULL;
    add_rows(f, 20, 1000);
    assert_int_equal(count_kinds(f), 14);
}

/* Who names a new model each time must not fill the disk. */
static void kinds_go_with_the_last_of_their_rows(void **state)
{
    struct fixture *f = *state;
    char models[50][8];
    set_kinds(50, "");
    for (size_t i = 0; i < 50; i++) {
        snprintf(models[i], sizeof models[i], "m%zu", i);
        kinds[i].model = models[i];
    }
    add_rows(f, 50, 20);
    assert_int_equal(count_kinds(f), 50); /* one transaction: it is not told which row has which */
    kinds[0].model = models[49];
    add_rows(f, 1, 20);
    assert_int_equal(count_kinds(f), 50);
    set_kinds(20, "m49");
    add_rows(f, 20, 20);
    assert_int_equal(count_kinds(f), 1);
    set_kinds(1, "last");
    add_rows(f, 1, 20);
    assert_int_equal(count_kinds(f), 2);
    OK(f, see_unfinished, store_activity_prune, (int64_t)20, INT64_MAX); /* all are too old */
    assert_seen("all");
    assert_int_equal(count_kinds(f), 0);
}

static void many_unused_kinds_go_in_steps(void **state)
{
    struct fixture *f = *state;
    static char models[MAX_ROWS][8];
    set_kinds(MAX_ROWS, "");
    for (size_t i = 0; i < MAX_ROWS; i++) {
        snprintf(models[i], sizeof models[i], "m%zu", i);
        kinds[i].model = models[i];
    }
    add_rows(f, MAX_ROWS, MAX_ROWS);
    int64_t before = count_kinds(f);
    OK(f, see_unfinished, store_activity_prune, (int64_t)MAX_ROWS, INT64_MAX);
    assert_seen("more");
    assert_in_range(before - count_kinds(f), 1, STORE_ACTIVITY_PRUNE_STEP);
    do
        OK(f, see_unfinished, store_activity_prune, (int64_t)MAX_ROWS, INT64_MAX);
    while (strcmp(seen, "more") == 0);
    assert_int_equal(count_kinds(f), 0);
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
    for (size_t i = 0; i < 100; i++) {
        set_row(i, "r", 10000 + (int64_t)i, i < 50 ? "ann" : "bob", "qwen", i == 0 ? 500 : 200);
        rows[i].first_ms = 100 - (int64_t)i; /* 1 to 100, falling */
        rows[i].held_ms = i < 90 ? 0 : 1000;
        rows[i].tokens_in = 2;
        rows[i].tokens_out = i == 5 ? -1 : 3;
    }
    set_row(100, "late", 13000, "ann", "qwen", 200);
    add_rows(f, 101, 1000);
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
    for (size_t i = 0; i < 200; i++)
        set_row(i, "r", 1000 + 10 * (int64_t)i, "ann", "qwen", 200);
    add_rows(f, 200, 1000);
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
        cmocka_unit_test_setup_teardown(however_many_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_there_before_is_kept, make_dir, teardown),
        cmocka_unit_test_setup_teardown(pages_follow_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_choose, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_much_or_too_old_goes_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(what_tells_kinds_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_go_with_the_last_of_their_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(many_unused_kinds_go_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(series_add_up_and_rank, setup, teardown),
        cmocka_unit_test_setup_teardown(series_find_each_row_by_its_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
