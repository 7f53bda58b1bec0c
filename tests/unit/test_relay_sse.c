/* The event-stream parser: every case fed whole, byte by byte, and cut at every place. */
#include "relay/relay.h"
#include "unit.h"

struct seen {
    struct buf text; /* "[event|data|id]" for an event, "(text)" for a comment */
};

static void on_event(void *arg, const struct sse_event *ev)
{
    struct seen *s = arg;
    buf_addf(&s->text, "[%.*s|%.*s|%.*s]", SPAN_ARG(ev->event), SPAN_ARG(ev->data), SPAN_ARG(ev->id));
}

static void on_comment(void *arg, struct span text)
{
    struct seen *s = arg;
    buf_addf(&s->text, "(%.*s)", SPAN_ARG(text));
}

/* Each piece in memory of its own, so that a sanitizer sees a look at old bytes. */
static enum err feed_copy(struct sse_parser *p, struct span piece)
{
    AUTO(mem) char *copy = xmemdup(piece.len ? piece.p : "", piece.len + (piece.len == 0));
    return sse_parser_feed(p, span_of(copy, piece.len));
}

static enum err feed_cut(struct span input, size_t cut, size_t max, struct seen *out)
{
    struct sse_parser p;
    *out = (struct seen){0};
    sse_parser_init(&p, max, on_event, on_comment, out);
    enum err e = ERR_OK;
    if (cut == SIZE_MAX) {
        for (size_t i = 0; !e && i < input.len; i++)
            e = feed_copy(&p, span_of(input.p + i, 1));
    } else {
        e = feed_copy(&p, span_of(input.p, cut));
        if (!e)
            e = feed_copy(&p, span_of(input.p + cut, input.len - cut));
    }
    sse_parser_release(&p);
    return e;
}

static const struct {
    const char *in;
    size_t len;
    const char *out;
} cases[] = {
#define CASE(in, out)           \
    {                           \
        in, sizeof(in) - 1, out \
    }
    CASE("data: a\n\n", "[|a|]"),
    CASE("data: a\r\rdata: b\r\r", "[|a|][|b|]"),
    CASE("data: a\r\n\r\ndata: b\r\n\r\n", "[|a|][|b|]"),
    CASE("data: a\r\ndata: b\r\n\r\n", "[|a\nb|]"),
    CASE("data: a\rdata: b\ndata: c\r\r", "[|a\nb\nc|]"),
    CASE("data: a\n\r\ndata: b\r\n\n", "[|a|][|b|]"),
    CASE("\xEF\xBB\xBF"
         "data: a\n\n",
         "[|a|]"),
    CASE("\xEF\xBB"
         "data: a\n\n",
         ""),
    CASE("\xEF\xBB\xBF\xEF\xBB\xBF"
         "data: a\n\n",
         ""),
    CASE("data:a\ndata:b\ndata\ndata:\n\n", "[|a\nb\n\n|]"),
    CASE("data\n\n", "[||]"),
    CASE("data:  two\n\n", "[| two|]"),
    CASE("event: done\nid: 7\ndata: x\n\ndata: y\n\n", "[done|x|7][|y|7]"),
    CASE("id: 7\ndata: x\n\nid\ndata: y\n\n", "[|x|7][|y|]"),
    CASE("id: 1\0"
         "2\ndata: x\n\n",
         "[|x|]"),
    CASE("event: lost\n\ndata: x\n\n", "[|x|]"),
    CASE(": hello\n\n:\ndata: x\n\n", "( hello)()[|x|]"),
    CASE("retry: 10\nfoo: bar\nnonsense\ndata: x\n\n", "[|x|]"),
    CASE("data: unfinished\n", ""),
    CASE("data: unfinished", ""),
    CASE("\n\n\n", ""),
    CASE("data: [DONE]\n\n", "[|[DONE]|]"),
    CASE("", ""),
#undef CASE
};

static void events_are_the_same_however_the_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span input = span_of(cases[i].in, cases[i].len);
        for (size_t cut = 0; cut <= input.len + 1; cut++) {
            struct seen s;
            assert_int_equal(feed_cut(input, cut > input.len ? SIZE_MAX : cut, 1000, &s), ERR_OK);
            assert_string_equal(buf_str(&s.text), cases[i].out);
            buf_release(&s.text);
        }
    }
}

static void a_nul_in_data_is_kept(void **state)
{
    (void)state;
    struct seen s;
    assert_int_equal(feed_cut(SPAN_LIT("data: a\0b\n\n"), 8, 1000, &s), ERR_OK);
    /* printf's precision ends at it: what matters is that the event came. */
    assert_string_equal(buf_str(&s.text), "[|a|]");
    buf_release(&s.text);
}

static void endless_lines_and_events_are_refused(void **state)
{
    (void)state;
    static const char *const endless[] = {"data: 0123456789012345678901234567890",
                                          ": 0123456789012345678901234567890\n",
                                          "data: 012345678\ndata: 012345678\ndata: 01234567890\n\n"};
    for (size_t i = 0; i < COUNT_OF(endless); i++) {
        struct seen s;
        assert_int_equal(feed_cut(span_str(endless[i]), 20, 30, &s), ERR_TOO_BIG);
        assert_string_equal(buf_str(&s.text), "");
        buf_release(&s.text);
        assert_int_equal(feed_cut(span_str(endless[i]), SIZE_MAX, 30, &s), ERR_TOO_BIG);
        buf_release(&s.text);
    }
}

static void stop_after_first(void *arg, const struct sse_event *ev)
{
    struct sse_parser *p = arg;
    (void)ev;
    p->max_bytes++;
    sse_parser_stop(p);
}

static void nothing_comes_after_a_stop(void **state)
{
    (void)state;
    struct sse_parser p;
    sse_parser_init(&p, 100, stop_after_first, NULL, &p);
    assert_int_equal(sse_parser_feed(&p, SPAN_LIT("data: a\n\ndata: b\n\n")), ERR_OK);
    assert_int_equal(sse_parser_feed(&p, SPAN_LIT("data: c\n\n")), ERR_OK);
    assert_int_equal(p.max_bytes, 101);
    sse_parser_release(&p);
}

static void engines_errors_are_read_in_every_shape(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *message, *type, *code;
    } errors[] = {
        {503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\",\"code\":503}}",
         "Loading model", "unavailable_error", ""},
        {500, "{\"error\":{\"message\":\"x\",\"code\":17}}", "x", "server_error", "17"},
        {400, "{\"error\":\"no such model\"}", "no such model", "invalid_request_error", ""},
        {404, "{\"object\":\"error\",\"message\":\"gone\",\"code\":\"x\"}", "gone", "not_found_error", "x"},
        {422, "{\"detail\":[{\"msg\":\"field required\"}]}", "field required", "invalid_request_error", ""},
        {422, "{\"detail\":\"bad\"}", "bad", "invalid_request_error", ""},
        {500, "it broke\n", "it broke", "server_error", ""},
        {502, "<html><h1>Bad  gateway</h1>\n<hr>nginx</html>", "Bad gateway nginx", "server_error", ""},
        {502, "<html></html>", "The engine answered with status 502", "server_error", ""},
        {429, "{\"detail\":{\"message\":\"slow\"}}", "slow", "rate_limit_exceeded", ""},
        {503, "{\"status\":\"loading model\"}", "loading model", "service_unavailable_error", ""},
        {400, "{\"reason\":\"x\"}", "{\"reason\":\"x\"}", "invalid_request_error", ""},
        {400, "{\"type\":\"error\",\"error\":{\"type\":\"a\",\"message\":\"b\"}}", "b", "a", ""},
        {500, "{}", "The engine answered with status 500", "server_error", ""},
        {500, "{\"error\":{}}", "The engine answered with status 500", "server_error", ""},
        {500, "{\"error\":{\"message\":\"a\\nb\\u0007\"}}", "a b ", "server_error", ""},
        {500, "", "The engine answered with status 500", "server_error", ""},
    };
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct relay_error e;
        AUTO(buf) struct buf *text = buf_new();
        relay_read_error(errors[i].status, span_str(errors[i].body), &e, text);
        assert_string_equal(buf_str(text), errors[i].message);
        assert_string_equal(e.message.text, errors[i].message);
        assert_string_equal(e.type, errors[i].type);
        assert_string_equal(e.code, errors[i].code);
    }
}

static void a_long_message_is_kept_whole(void **state)
{
    (void)state;
    struct relay_error e;
    AUTO(buf) struct buf *text = buf_new();
    AUTO(mem) char *body = xasprintf("{\"error\":\"%03000d\"}", 7);
    relay_read_error(400, span_str(body), &e, text);
    assert_int_equal(text->len, 3000);
    assert_int_equal(strlen(e.message.text), sizeof e.message.text - 1);
}

static void a_route_that_is_not_there_is_known(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        bool want;
    } errors[] = {
        {404, "{\"error\":{\"code\":404,\"message\":\"File Not Found\",\"type\":\"not_found_error\"}}", true},
        {404, "{\"detail\":\"Not Found\"}", true},
        {405, "{\"detail\":\"Method Not Allowed\"}", true},
        {404, "404 page not found", true},
        {404, "File Not Found (/v1/rerank)", true},
        {404, "<html><head><title>404 Not Found</title></head><body>nginx</body></html>", true},
        {404, "", true},
        {404, "{\"error\":{\"message\":\"The model `x` does not exist.\",\"code\":404}}", false},
        {400, "{\"detail\":\"Not Found\"}", false},
        {501, "", false},
    };
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct relay_error e;
        relay_read_error(errors[i].status, span_str(errors[i].body), &e, NULL);
        assert_int_equal(relay_is_missing_route(errors[i].status, SPAN_LIT("/v1/rerank"), &e),
                         errors[i].want);
    }
}

static void errors_have_the_clients_form(void **state)
{
    (void)state;
    AUTO(buf) struct buf *b = buf_new();
    relay_add_error_event(b, RELAY_OPENAI, 502, "it \"died\"", "server_error", "engine_died");
    relay_add_error_event(b, RELAY_ANTHROPIC, 503, "later", NULL, NULL);
    relay_add_error_body(b, RELAY_OPENAI, 404, "no", NULL, NULL);
    assert_string_equal(
        buf_str(b),
        "data: {\"error\":{\"message\":\"it \\\"died\\\"\",\"type\":\"server_error\",\"param\":null,"
        "\"code\":\"engine_died\"}}\n\n"
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
        "\"message\":\"later\"}}\n\n"
        "{\"error\":{\"message\":\"no\",\"type\":\"not_found_error\",\"param\":null,\"code\":null}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_the_bytes_are_cut),
        cmocka_unit_test(a_nul_in_data_is_kept),
        cmocka_unit_test(endless_lines_and_events_are_refused),
        cmocka_unit_test(nothing_comes_after_a_stop),
        cmocka_unit_test(engines_errors_are_read_in_every_shape),
        cmocka_unit_test(a_long_message_is_kept_whole),
        cmocka_unit_test(a_route_that_is_not_there_is_known),
        cmocka_unit_test(errors_have_the_clients_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
