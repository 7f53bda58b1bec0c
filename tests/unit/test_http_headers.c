/* Header fields, and the pure parts of reading a message. */
#include "unit.h"

#include <ctype.h>

#include "http/http_parse.h"

static void fields_keep_order_and_are_found_by_name(void **state)
{
    (void)state;
    struct http_fields f = {0};
    assert_null(http_fields_get(&f, HTTP_FIELD_HOST).p);
    buf_add_str(&f.text,
                "CONTENT-type:  text/plain\t\r\nX-Empty:\r\ncookie: a\r\nRange:\t \r\nCookie: b:c\r\n\r\n");
    assert_true(http_fields_read(&f));
    static const struct {
        const char *name, *value;
        enum http_field field;
    } lines[] = {{"CONTENT-type", "text/plain", HTTP_FIELD_CONTENT_TYPE},
                 {"X-Empty", "", HTTP_FIELD_OTHER},
                 {"cookie", "a", HTTP_FIELD_COOKIE},
                 {"Range", "", HTTP_FIELD_RANGE},
                 {"Cookie", "b:c", HTTP_FIELD_COOKIE}};
    assert_int_equal(f.n, COUNT_OF(lines));
    for (size_t i = 0; i < f.n; i++) {
        assert_true(span_is(http_fields_name(&f, i), lines[i].name));
        assert_true(span_is(http_fields_value(&f, i), lines[i].value));
        assert_int_equal(f.lines[i].field, lines[i].field);
    }
    assert_true(span_is(http_fields_get(&f, HTTP_FIELD_COOKIE), "a"));
    assert_int_equal(http_fields_count(&f, HTTP_FIELD_COOKIE), 2);
    assert_non_null(http_fields_get(&f, HTTP_FIELD_RANGE).p);
    assert_null(http_fields_get(&f, HTTP_FIELD_HOST).p);
    http_fields_set(&f, 2, SPAN_LIT("another"));
    assert_true(span_is(http_fields_get(&f, HTTP_FIELD_COOKIE), "another"));
    http_fields_clear(&f);
    assert_int_equal(http_fields_count(&f, HTTP_FIELD_COOKIE), 0);
    http_fields_release(&f);
}

static void only_whole_headers_have_fields(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "a: b\r\n", "a: b", "\r", "ab\r\n\r\n", "a:b\r\n\r\nc", "\r\n\r\n", "a: b\r\n\n", "a: b\n\r\n"};
    struct http_fields f = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        http_fields_clear(&f);
        buf_add_str(&f.text, bad[i]);
        if (http_fields_read(&f))
            fail_msg("case %zu", i);
    }
    http_fields_clear(&f);
    buf_add_str(&f.text, "\r\n");
    assert_true(http_fields_read(&f));
    assert_int_equal(f.n, 0);
    http_fields_release(&f);
}

static void names_are_recognised_whatever_their_case(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HTTP_N_FIELDS; i++) {
        AUTO(mem) char *name = xstrdup(http_field_name((enum http_field)i));
        size_t len = strlen(name);
        assert_true(i == HTTP_FIELD_OTHER || len > 0);
        assert_int_equal(http_field_of(span_of(name, len)), i);
        for (size_t k = 0; k < len; k++)
            name[k] = (char)(k % 2 ? toupper(name[k]) : tolower(name[k]));
        assert_int_equal(http_field_of(span_of(name, len)), i);
        if (len == 0)
            continue;
        name[len - 1] = '!';
        assert_int_equal(http_field_of(span_of(name, len)), HTTP_FIELD_OTHER);
        assert_int_equal(http_field_of(span_of(name, len - 1)), HTTP_FIELD_OTHER);
    }
    assert_int_equal(http_field_of(SPAN_LIT("A-Name-That-Is-Longer-Than-Any")), HTTP_FIELD_OTHER);
}

static void what_is_sent_stands_in_lines(void **state)
{
    (void)state;
    struct http_headers h = {0}, more = {0};
    struct http_fields f = {0};
    buf_add_str(&f.text, "x-odd:y \r\nTransfer-encoding: chunked\r\n\r\n");
    assert_true(http_fields_read(&f));
    assert_false(http_lines_have(buf_span(&h.bytes), SPAN_LIT("a")));
    http_headers_add(&h, "Content-Type", SPAN_LIT(" text/plain\t"));
    http_headers_add(&h, "content-LENGTH", SPAN_LIT("7")); /* ours */
    http_headers_addf(&h, "X-Count", "%d:%s", 7, "x");
    http_headers_pass(&h, &f, 0);
    http_headers_pass(&h, &f, 1); /* ours */
    http_headers_add(&more, "X-Empty", SPAN_LIT(""));
    http_headers_add_all(&h, NULL);
    http_headers_add_all(&h, &more);
    assert_string_equal(buf_str(&h.bytes),
                        "Content-Type: text/plain\r\nX-Count: 7:x\r\nx-odd: y\r\nX-Empty: \r\n");
    assert_true(http_lines_have(buf_span(&h.bytes), SPAN_LIT("x-count")) &&
                http_lines_have(buf_span(&h.bytes), SPAN_LIT("X-Empty")));
    assert_false(http_lines_have(buf_span(&h.bytes), SPAN_LIT("X-Coun")) ||
                 http_lines_have(buf_span(&h.bytes), SPAN_LIT("7")));
    http_headers_release(&h);
    http_headers_release(&more);
    http_fields_release(&f);
}

static void methods_and_statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(http_method_text(HTTP_DELETE_), "DELETE");
    assert_int_equal(http_method_of(SPAN_LIT("PATCH")), HTTP_PATCH_);
    assert_int_equal(http_method_of(SPAN_LIT("patch")), HTTP_OTHER_);
    assert_string_equal(http_status_text(200), "OK");
    assert_string_equal(http_status_text(421), "Misdirected Request");
    assert_string_equal(http_status_text(599), "");
}

static void request_lines_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *path, *query, *authority;
        int minor;
    } cases[] = {
        {"GET / HTTP/1.1", 0, "/", NULL, NULL, 1},
        {"GET /a%20b?c=d?e HTTP/1.0", 0, "/a%20b", "c=d?e", NULL, 0},
        {"GET /? HTTP/1.7", 0, "/", "", NULL, 1},
        {"GET HTTP://h:1/p?q HTTP/1.1", 0, "/p", "q", "h:1", 1},
        {"GET https://h?q HTTP/1.1", 0, "/", "q", "h", 1},
        {"OPTIONS http://h HTTP/1.1", 0, "*", NULL, "h", 1},
        {"OPTIONS * HTTP/1.1", 0, "*", NULL, NULL, 1},
        {"GET //x/y HTTP/1.1", 0, "//x/y", NULL, NULL, 1},
        {"GET /a HTTP/2.1", 505, NULL, NULL, NULL, 0},
        {"CONNECT a:1 HTTP/1.1", 501, NULL, NULL, NULL, 0},
        {"GET /a", 400, NULL, NULL, NULL, 0},
        {"", 400, NULL, NULL, NULL, 0},
        {"GET", 400, NULL, NULL, NULL, 0},
        {"GET  HTTP/1.1", 400, NULL, NULL, NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_request_line line = {0};
        assert_int_equal(http_request_line_parse(span_str(cases[i].line), &line), cases[i].status);
        if (cases[i].status)
            continue;
        assert_true(span_is(line.path, cases[i].path));
        assert_int_equal(line.query.p != NULL, cases[i].query != NULL);
        assert_true(span_eq(line.query, span_str(cases[i].query)));
        assert_true(span_eq(line.authority, span_str(cases[i].authority)));
        assert_int_equal(line.minor, cases[i].minor);
    }
}

static void hosts_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool ok;
    } cases[] = {
        {"", true},
        {"localhost", true},
        {"a.b-c_d.example:8080", true},
        {"127.0.0.1:80", true},
        {"[::1]", true},
        {"[::1]:80", true},
        {"x:", true},
        {"a%41b", true},
        {":80", false},
        {"[]", false},
        {"[::1", false},
        {"[::1]x", false},
        {"[zz]", false},
        {"a b", false},
        {"a/b", false},
        {"a@b", false},
        {"a:b", false},
        {"a:80:90", false},
        {"a:123456", false},
        {"\xc3\xa9", false},
        {"a\\b", false},
        {"a,b", false},
        {"a?b", false},
        {"<a>", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (http_host_is_valid(span_str(cases[i].host)) != cases[i].ok)
            fail_msg("\"%s\"", cases[i].host);
    }
}

/* The scan must say the same however its bytes are cut. */
static void the_scan_finds_lines_under_any_split(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum http_scan_result end;
        size_t used; /* of the header, when it ends */
    } cases[] = {
        {"A\r\nB: 1\r\n\r\nbody", HTTP_SCAN_END, 11},
        {"\r\n\r\nA\r\n\r\nx", HTTP_SCAN_END, 9},
        {"A\r\nB: 1\r\n", HTTP_SCAN_MORE, 0},
        {"A\r\nB: 1\n\r\n", HTTP_SCAN_BAD, 0},
        {"A\r\nB: 1\r\r\n\r\n", HTTP_SCAN_BAD, 0},
        {"A\r\n B\r\n\r\n", HTTP_SCAN_BAD, 0},
        {"A\rB\r\n\r\n", HTTP_SCAN_BAD, 0},
        {"\nA\r\n\r\n", HTTP_SCAN_BAD, 0},
        {"A\r\n\r\r\n", HTTP_SCAN_BAD, 0},
        {"A\r\nB: 1234567890123456789012345678901234567890\r\n\r\n", HTTP_SCAN_TOO_BIG, 0},
        {"A\r\nB\r\nB\r\nB\r\n\r\n", HTTP_SCAN_TOO_BIG, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t len = strlen(cases[i].bytes);
        for (size_t piece = 1; piece <= len; piece++) {
            struct http_scan scan = {.max_bytes = 40, .max_lines = 3};
            enum http_scan_result r = HTTP_SCAN_MORE;
            size_t at = 0;
            while (at < len && (r == HTTP_SCAN_MORE || r == HTTP_SCAN_FIRST_LINE)) {
                size_t used = 0;
                r = http_scan(&scan, cases[i].bytes + at, len - at < piece ? len - at : piece, &used);
                at += used;
            }
            if (r != cases[i].end || (r == HTTP_SCAN_END && at != cases[i].used))
                fail_msg("case %zu in pieces of %zu: result %d at %zu", i, piece, (int)r, at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_keep_order_and_are_found_by_name),
        cmocka_unit_test(only_whole_headers_have_fields),
        cmocka_unit_test(names_are_recognised_whatever_their_case),
        cmocka_unit_test(what_is_sent_stands_in_lines),
        cmocka_unit_test(methods_and_statuses_have_names),
        cmocka_unit_test(request_lines_are_taken_apart),
        cmocka_unit_test(hosts_are_checked),
        cmocka_unit_test(the_scan_finds_lines_under_any_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
