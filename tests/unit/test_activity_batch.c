/* Records on their way to the store: what they have in common is there once. */
#include "activity/activity_batch.h"
#include "unit.h"
#include "util/util.h"

static const struct gateway_client client = {"ann-id", "key-id", "0123456789abcdef"};

static struct gateway_record record_of(const char *model)
{
    return (struct gateway_record){.client = &client,
                                   .method = "POST",
                                   .route = "/v1/chat/completions",
                                   .server_id = "s1",
                                   .server_name = "qwen",
                                   .model = model,
                                   .status = 200,
                                   .started_at = 1000,
                                   .held_ms = 1,
                                   .first_ms = 2,
                                   .total_ms = 3,
                                   .tokens_in = 4,
                                   .tokens_out = 5,
                                   .tokens_per_s = 6.5,
                                   .bytes_in = 7,
                                   .bytes_out = 8};
}

static void a_row_has_what_the_record_says(void **state)
{
    (void)state;
    AUTO(batch) struct batch *b = batch_new();
    const struct gateway_record r = record_of("m");
    const struct activity_row *row = batch_add(b, &r, "Ann", "laptop");
    const struct activity_kind *k = row->kind;
    assert_int_equal(row->at, 1003);
    assert_string_equal(row->request_id, "0123456789abcdef");
    assert_int_equal(row->held_ms, 1);
    assert_int_equal(row->first_ms, 2);
    assert_int_equal(row->total_ms, 3);
    assert_int_equal(row->tokens_in, 4);
    assert_int_equal(row->tokens_out, 5);
    assert_true(row->tokens_per_s > 6.4 && row->tokens_per_s < 6.6);
    assert_int_equal(row->bytes_in, 7);
    assert_int_equal(row->bytes_out, 8);
    assert_string_equal(k->user_id, "ann-id");
    assert_string_equal(k->user_name, "Ann");
    assert_string_equal(k->key_id, "key-id");
    assert_string_equal(k->key_name, "laptop");
    assert_string_equal(k->server_id, "s1");
    assert_string_equal(k->server_name, "qwen");
    assert_string_equal(k->model, "m");
    assert_string_equal(k->route, "/v1/chat/completions");
    assert_int_equal(k->status, 200);
    assert_null(k->code);
    assert_false(k->is_stream);
    assert_false(k->client_gone);
}

static void what_is_not_there_is_null(void **state)
{
    (void)state;
    AUTO(batch) struct batch *b = batch_new();
    const struct gateway_client nobody = {0};
    const struct gateway_record r = {.client = &nobody, .route = "", .is_stream = true, .client_gone = true};
    const struct activity_kind *k = batch_add(b, &r, NULL, "")->kind;
    assert_null(k->user_id);
    assert_null(k->user_name);
    assert_null(k->key_id);
    assert_null(k->key_name);
    assert_null(k->server_id);
    assert_null(k->server_name);
    assert_null(k->model);
    assert_string_equal(k->route, "");
    assert_true(k->is_stream);
    assert_true(k->client_gone);
}

static void records_share_a_kind_only_when_all_of_it_is_the_same(void **state)
{
    (void)state;
    AUTO(batch) struct batch *b = batch_new();
    const struct gateway_record r = record_of("m");
    struct gateway_record others[11];
    struct gateway_client other_user = client, other_key = client, other_request = client;
    other_user.user_id[0] = 'A';
    other_key.key_id[0] = '\0';
    other_request.request_id[0] = 'f';
    for (size_t i = 0; i < COUNT_OF(others); i++)
        others[i] = r;
    others[0].client = &other_user;
    others[1].client = &other_key;
    others[2].server_id = "s2";
    others[3].server_name = NULL;
    others[4].model = "m2";
    others[5].route = "/v1/completions";
    others[6].status = 201;
    others[7].code = "engine_died";
    others[8].is_stream = true;
    others[9].client_gone = true;
    others[10].server_id = "s", others[10].server_name = "1qwen"; /* the same, one behind another */
    const struct activity_kind *k = batch_add(b, &r, "Ann", "laptop")->kind;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_ptr_not_equal(batch_add(b, &others[i], "Ann", "laptop")->kind, k);
    assert_ptr_not_equal(batch_add(b, &r, "Anna", "laptop")->kind, k);
    assert_ptr_not_equal(batch_add(b, &r, "Ann", NULL)->kind, k);
    assert_int_equal(b->n_kinds, COUNT_OF(others) + 3);
    struct gateway_record again = record_of("m");
    again.client = &other_request;
    again.total_ms = again.tokens_out = 1000;
    assert_ptr_equal(batch_add(b, &again, "Ann", "laptop")->kind, k);
    assert_int_equal(b->n_kinds, COUNT_OF(others) + 3);
}

static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    AUTO(batch) struct batch *b = batch_new();
    char model[600] = "x"; /* then two bytes a character */
    for (size_t i = 1; i + 2 < sizeof model; i += 2) {
        model[i] = '\xc3';
        model[i + 1] = '\xa9';
    }
    const struct gateway_record r = record_of(model);
    const struct activity_kind *k = batch_add(b, &r, "Ann", "laptop")->kind;
    assert_int_equal(strlen(k->model), ACTIVITY_MAX_TEXT_BYTES - 1);
    assert_string_equal(k->route, "/v1/chat/completions");
}

static void every_row_may_have_a_kind_of_its_own(void **state)
{
    (void)state;
    AUTO(batch) struct batch *b = batch_new();
    for (int i = 0; i < ACTIVITY_BATCH_ROWS; i++) {
        char model[16];
        snprintf(model, sizeof model, "m%d", i);
        const struct gateway_record r = record_of(model);
        assert_false(batch_is_full(b));
        (void)batch_add(b, &r, "Ann", "laptop");
    }
    assert_true(batch_is_full(b));
    assert_int_equal(b->n_kinds, ACTIVITY_BATCH_ROWS);
    assert_string_equal(b->rows[0].kind->model, "m0");
    assert_string_equal(b->rows[ACTIVITY_BATCH_ROWS - 1].kind->model, "m999");
}

static void lines_have_what_their_kind_says(void **state)
{
    (void)state;
    AUTO(batch) struct batch *b = batch_new();
    struct gateway_record r = record_of("m\"1");
    const struct batch_text *t = batch_text_of(b, batch_add(b, &r, "Ann", NULL));
    static const char want[] =
        " path=\"/v1/chat/completions\" status=200 server=\"qwen\" model=\"m\\\"1\" user=\"Ann\"";
    assert_string_equal(buf_str(&t->line), want);
    assert_int_equal(t->path_len, strstr(want, " server") - want);
    r.status = 0;
    t = batch_text_of(b, batch_add(b, &r, "Ann", NULL));
    assert_non_null(strstr(buf_str(&t->line), "\" status=gone server="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_what_the_record_says),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(records_share_a_kind_only_when_all_of_it_is_the_same),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(every_row_may_have_a_kind_of_its_own),
        cmocka_unit_test(lines_have_what_their_kind_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
