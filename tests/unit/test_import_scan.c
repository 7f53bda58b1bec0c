/* The scanner of imports: the same items at the same places, however the bytes are cut. */
#include "chat/import_item.h"
#include "unit.h"

/* Everything that was found, as text: "line:column item|" and "!" with the fault, or "." for a file that is complete. */
static char *scan(struct span text, size_t piece)
{
    struct import_scan s;
    struct buf out = {0};
    struct err_text why = {0};
    enum err e = ERR_OK;
    import_scan_init(&s);
    for (size_t at = 0; !e && at < text.len; at += piece) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        AUTO(mem) char *copy = xmemdup(text.p + at, len);
        struct span rest = span_of(copy, len), item;
        while (import_scan_next(&s, &rest, &item, &e, &why))
            buf_addf(&out, "%lld:%lld %.*s|", (long long)s.from.line, (long long)s.from.column,
                     SPAN_ARG(item));
    }
    if (!e)
        e = import_scan_end(&s, &why);
    import_scan_release(&s);
    buf_addf(&out, "%s%s", e ? "!" : ".", e ? why.text : "");
    return buf_take_str(&out);
}

#define HEAD "{\"format\":\"hob\",\"version\":1,\"items\":["

static const struct {
    const char *text, *found;
} cases[] = {
    {HEAD "]}", "."},
    {HEAD "{}]}", "1:38 {}|."},
    {HEAD "{\"a\":[1,{}]},{\"b\":\"}\"}]}", "1:38 {\"a\":[1,{}]}|1:51 {\"b\":\"}\"}|."},
    /* quotes, backslashes and brackets inside of strings */
    {HEAD "{\"a\":\"\\\"]}\\\\\"},{\"\\\\\":\"{[\"}]}",
     "1:38 {\"a\":\"\\\"]}\\\\\"}|1:53 {\"\\\\\":\"{[\"}|."},
    /* lines of every kind, and columns of characters */
    {"\r\n{ \"format\" : \"hob\",\n\t\"version\":1 ,\n \"items\":\n[\n {\"ä\":\n\"é\"} , {\"€\":1}\n]\n}\n \t",
     "6:2 {\"ä\":\n\"é\"}|7:8 {\"€\":1}|."},
    {"\xef\xbb\xbf" HEAD "{}]}", "1:38 {}|."},
    /* keys that are not known, before and behind */
    {"{\"a\":{\"items\":[{}]},\"b\":\"]\",\"c\":-1.5e3,\"d\":null,\"items\":[{}],\"version\":1,\"e\":[],\"format\":\"hob\"}",
     "1:58 {}|."},
    {"{\"it\\u0065ms\":[{}],\"format\":\"hob\",\"version\":1}", "1:16 {}|."},
    /* faults */
    {"", "!Line 1, column 1: The file is empty."},
    {"[", "!Line 1, column 1: This is no export of hob's: it must begin with {."},
    {"{}", "!Line 1, column 3: This is no export of hob's: \"format\" is missing."},
    {"{,", "!Line 1, column 2: A key in quotes is missing here."},
    {"{\"a\" 1", "!Line 1, column 6: A colon is missing here."},
    {"{\"a\":,", "!Line 1, column 6: A value is missing here."},
    {"{\"a\":tru }", "!Line 1, column 6: The value is not valid JSON."},
    {"{\"a\":1 2", "!Line 1, column 8: A comma or } is missing here."},
    {"{\"a\":1,}", "!Line 1, column 8: A key in quotes is missing here."},
    {"{\"\\q\":1}", "!Line 1, column 2: A key is not valid."},
    {"{\"format\":1}", "!Line 1, column 11: This is no export of hob's: \"format\" must be \"hob\"."},
    {HEAD "{} {}]}", "1:38 {}|!Line 1, column 41: A comma or ] is missing here."},
    {HEAD "{},]}", "1:38 {}|!Line 1, column 41: An item must be an object."},
    {HEAD "\n1]}", "!Line 2, column 1: An item must be an object."},
    {HEAD "{}]}x", "1:38 {}|!Line 1, column 42: Something follows behind the end."},
    {HEAD "{\"a\":1", "!Line 1, column 44: The file ends in the middle."},
};

static void items_and_places_do_not_depend_on_the_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span text = span_str(cases[i].text);
        for (size_t piece = 1; piece <= text.len + 1; piece++) {
            AUTO(mem) char *found = scan(text, piece);
            assert_string_equal(found, cases[i].found);
        }
    }
}

/* Every single place of one cut. */
static void a_cut_at_any_byte_changes_nothing(void **state)
{
    (void)state;
    struct span text = span_str(cases[4].text);
    for (size_t cut = 0; cut <= text.len; cut++) {
        struct import_scan s;
        enum err e = ERR_OK;
        struct err_text why;
        size_t n = 0;
        import_scan_init(&s);
        struct span parts[2] = {span_of(text.p, cut), span_of(text.p + cut, text.len - cut)}, item;
        for (size_t i = 0; i < 2; i++) {
            while (import_scan_next(&s, &parts[i], &item, &e, &why))
                n++;
            assert_int_equal(e, ERR_OK);
        }
        assert_int_equal(n, 2);
        assert_int_equal(import_scan_end(&s, &why), ERR_OK);
        import_scan_release(&s);
    }
}

static void too_much_is_refused_where_it_begins(void **state)
{
    (void)state;
    AUTO(buf) struct buf *deep = buf_new();
    buf_add_str(deep, HEAD "\n{\"a\":");
    for (int i = 0; i < 100; i++)
        buf_add_char(deep, '[');
    AUTO(mem) char *found = scan(buf_span(deep), deep->len);
    assert_string_equal(found, "!Line 2, column 1: This is nested deeper than 64 levels.");
    AUTO(buf) struct buf *wide = buf_new();
    buf_add_str(wide, "{\"x\":\"");
    memset(buf_reserve(wide, IMPORT_MAX_HEAD_BYTES), 'y', IMPORT_MAX_HEAD_BYTES);
    wide->len += IMPORT_MAX_HEAD_BYTES;
    AUTO(mem) char *long_value = scan(buf_span(wide), 1000);
    assert_string_equal(long_value, "!Line 1, column 6: A value has more than 64 KiB.");
}

static void an_item_may_have_64_mib_and_no_more(void **state)
{
    (void)state;
    struct import_scan s;
    enum err e = ERR_OK;
    struct err_text why = {0};
    AUTO(mem) char *part = xmalloc(1 << 20);
    memset(part, 'x', 1 << 20);
    import_scan_init(&s);
    struct span item, rest = SPAN_LIT(HEAD "{\"a\":\"");
    assert_false(import_scan_next(&s, &rest, &item, &e, &why));
    for (size_t i = 0; !e && i < 65; i++) {
        rest = span_of(part, 1 << 20);
        assert_false(import_scan_next(&s, &rest, &item, &e, &why));
        assert_true((e != ERR_OK) == (i == 63));
    }
    assert_string_equal(why.text, "Line 1, column 38: An item has more than 65536 KiB.");
    import_scan_release(&s);
}

/* Faults inside of an item are told where they are. */
static void broken_json_has_its_own_place(void **state)
{
    (void)state;
    struct import_batch b = {0};
    struct err_text why;
    struct import_place at = {3, 5};
    assert_int_equal(import_item_read(SPAN_LIT("{\"type\":\n  oops}"), at, &b, &why), ERR_INVALID);
    assert_true(span_starts(span_str(why.text), "Line 4, column 3: "));
    assert_int_equal(import_item_read(SPAN_LIT("{\"type\":\"folder\"}"), at, &b, &why), ERR_INVALID);
    assert_string_equal(why.text, "Line 3, column 5: \"id\" is missing");
    import_batch_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_and_places_do_not_depend_on_the_cuts),
        cmocka_unit_test(a_cut_at_any_byte_changes_nothing),
        cmocka_unit_test(too_much_is_refused_where_it_begins),
        cmocka_unit_test(an_item_may_have_64_mib_and_no_more),
        cmocka_unit_test(broken_json_has_its_own_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
