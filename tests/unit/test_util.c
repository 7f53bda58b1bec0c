/* buf, span, str and map as their callers see them. */
#include "unit.h"
#include "util/util.h"

static void buf_keeps_bytes_and_terminates(void **state)
{
    (void)state;
    AUTO(buf) struct buf *b = buf_new();
    assert_string_equal(buf_str(b), "");
    for (int i = 0; i < 1000; i++)
        buf_addf(b, "%d,", i);
    assert_int_equal(b->len, 3890);
    assert_int_equal(b->p[b->len], 0);
    buf_drop(b, 2);
    assert_true(span_starts(buf_span(b), "1,2,3,"));
    /* written by somebody else, who adds to len and no more */
    buf_clear(b);
    memset(buf_reserve(b, 8), 'x', 8);
    b->len += 3;
    AUTO(mem) char *taken = buf_take_str(b);
    assert_string_equal(taken, "xxx");
    assert_null(b->p);
}

static void buf_adds_whole_numbers(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 7, -7, 10, 1234567890, INT64_MAX, INT64_MIN};
    AUTO(buf) struct buf *b = buf_new();
    AUTO(buf) struct buf *expected = buf_new();
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        buf_add_i64(b, numbers[i]);
        buf_add_char(b, ' ');
        buf_addf(expected, "%lld ", (long long)numbers[i]);
    }
    assert_string_equal(buf_str(b), buf_str(expected));
    assert_int_equal(b->len, expected->len);
}

static void span_cut_takes_fields(void **state)
{
    (void)state;
    struct span rest, first = span_cut(SPAN_LIT("a=1&b"), '=', &rest);
    assert_true(span_is(first, "a"));
    assert_true(span_is(rest, "1&b"));
    first = span_cut(rest, '#', &rest);
    assert_true(span_is(first, "1&b"));
    assert_null(rest.p);
}

static void u64_accepts_only_decimal_digits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"", false, 0},
        {"+1", false, 0},
        {"-1", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
        {"007", true, 7},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t value = 0;
        assert_int_equal(span_to_u64(span_str(cases[i].text), &value), cases[i].ok);
        assert_int_equal(value, cases[i].value);
    }
}

static void utf8_is_checked_and_cleaned(void **state)
{
    (void)state;
    static const struct {
        const char *in, *clean;
        bool valid;
    } cases[] = {
        {"plain", "plain", true},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd", false},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", false},
        {"a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd", false},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(utf8_is_valid(span_str(cases[i].in)), cases[i].valid);
        AUTO(buf) struct buf *out = buf_new();
        utf8_add_clean(out, span_str(cases[i].in));
        assert_string_equal(buf_str(out), cases[i].clean);
    }
    assert_int_equal(utf8_floor(SPAN_LIT("a\xe2\x82\xac"), 3), 1);
    assert_int_equal(utf8_count(SPAN_LIT("a\xe2\x82\xac")), 2);
}

static void map_finds_what_was_put_through_growth_and_removal(void **state)
{
    (void)state;
    AUTO(map) struct map *m = map_new();
    static int values[2000];
    char key[16];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_null(map_put(m, key, &values[i]));
    }
    for (int i = 0; i < 2000; i += 2) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_ptr_equal(map_remove(m, key), &values[i]);
    }
    assert_int_equal(map_count(m), 1000);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_ptr_equal(map_get_str(m, key), i % 2 ? &values[i] : NULL);
    }
    size_t at = 0, seen = 0;
    void *value;
    while (map_next(m, &at, NULL, &value))
        seen++;
    assert_int_equal(seen, 1000);
    assert_null(map_put_span(m, SPAN_LIT("a\0b"), &values[0]));
    assert_null(map_put_span(m, SPAN_LIT("a\0c"), &values[1]));
    assert_ptr_equal(map_put_span(m, SPAN_LIT("a\0b"), &values[2]), &values[0]);
    assert_ptr_equal(map_get(m, SPAN_LIT("a\0b")), &values[2]);
    assert_null(map_get_str(m, "a"));
}

static void json_writer_escapes_and_places_commas(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_str(&w, "a\"b", "x\n\x01\xff");
    jw_key(&w, "list");
    jw_begin_arr(&w);
    jw_int(&w, -5);
    jw_num(&w, 0.25);
    jw_bool(&w, true);
    jw_end_arr(&w);
    jwf_null(&w, "n");
    jw_end_obj(&w);
    assert_string_equal(buf_str(out),
                        "{\"a\\\"b\":\"x\\n\\u0001\xef\xbf\xbd\",\"list\":[-5,0.25,true],\"n\":null}");
}

static void json_fields_name_the_fault(void **state)
{
    (void)state;
    struct err_text why = {0};
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    assert_int_equal(
        json_parse_object(SPAN_LIT("{\"n\":1e30,\"s\":5,\"z\":\"a\\u0000b\"}"), &doc, &root, &why), 0);
    int64_t n = 7;
    const char *s = NULL;
    assert_int_equal(json_get_int(root, "n", true, 0, 10, &n, &why), ERR_INVALID);
    assert_string_equal(why.text, "\"n\" must be an integer");
    assert_int_equal(json_get_str(root, "s", true, &s, &why), ERR_INVALID);
    assert_int_equal(json_get_str(root, "z", true, &s, &why), ERR_INVALID);
    assert_int_equal(json_get_str(root, "absent", true, &s, &why), ERR_INVALID);
    assert_string_equal(why.text, "\"absent\" is missing");
    assert_int_equal(json_get_str(root, "absent", false, &s, &why), ERR_OK);
    assert_int_equal(n, 7);
}

static void json_nesting_is_bounded(void **state)
{
    (void)state;
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    yyjson_doc *doc = NULL;
    struct err_text why = {0};
    assert_int_equal(json_parse(span_of(deep, sizeof deep), &doc, &why), ERR_INVALID);
    assert_int_equal(json_parse(SPAN_LIT("{} x"), &doc, &why), ERR_INVALID);
}

static void query_values_are_decoded(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    assert_true(query_get(SPAN_LIT("a=1&name=x%20%c3%a9&b"), "name", out));
    assert_string_equal(buf_str(out), "x \xc3\xa9");
    assert_false(query_get(SPAN_LIT("a=%0"), "a", out));
    assert_false(query_get(SPAN_LIT("a=%00"), "a", out));
    assert_false(query_get(SPAN_LIT("a=1"), "b", out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_keeps_bytes_and_terminates),
        cmocka_unit_test(buf_adds_whole_numbers),
        cmocka_unit_test(span_cut_takes_fields),
        cmocka_unit_test(u64_accepts_only_decimal_digits),
        cmocka_unit_test(utf8_is_checked_and_cleaned),
        cmocka_unit_test(map_finds_what_was_put_through_growth_and_removal),
        cmocka_unit_test(json_writer_escapes_and_places_commas),
        cmocka_unit_test(json_fields_name_the_fault),
        cmocka_unit_test(json_nesting_is_bounded),
        cmocka_unit_test(query_values_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
