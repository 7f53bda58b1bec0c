/* Short logs: every text in order, contiguous numbers, the end that was. */
#include "chat/chat_compact.h"
#include "unit.h"

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

#define HEAD                                                                                     \
    "{\"id\":\"chatcmpl-g\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\"," \
    "\"choices\":[{\"index\":0,\"delta\":"

static void all_that_was_said(void **state)
{
    (void)state;
    struct generation_row row = {.id = text("g"),
                                 .state = text("done"),
                                 .meta_json = text("{\"model\":\"m\",\"finish_reason\":\"tool_calls\"}"),
                                 .created_at = 7500};
    struct events_row texts = {
        .content = text("Yes \"you\""),
        .reasoning = text("hm"),
        .tool_calls_json = text(
            "[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]")};
    AUTO(buf) struct buf *out = buf_new();
    assert_int_equal(compact_write(&row, &texts, out), 7);
    assert_string_equal(
        buf_str(out),
        "id: 1\ndata: " HEAD "{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"
        "id: 2\ndata: " HEAD "{\"reasoning_content\":\"hm\"},\"finish_reason\":null}]}\n\n"
        "id: 3\ndata: " HEAD "{\"content\":\"Yes \\\"you\\\"\"},\"finish_reason\":null}]}\n\n"
        "id: 4\ndata: " HEAD "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}\n\n"
        "id: 5\ndata: " HEAD "{},\"finish_reason\":\"tool_calls\"}]}\n\n"
        "id: 6\nevent: done\ndata: {\"meta\":{\"model\":\"m\",\"finish_reason\":\"tool_calls\"},\"state\":\"done\"}\n\n"
        "id: 7\ndata: [DONE]\n\n");
}

static void an_error_stays_one(void **state)
{
    (void)state;
    struct generation_row row = {
        .id = text("g"), .state = text("interrupted"), .error_json = text("{\"message\":\"x\"}")};
    struct events_row texts = {.content = text(""), .reasoning = text("")};
    AUTO(buf) struct buf *out = buf_new();
    assert_int_equal(compact_write(&row, &texts, out), 3);
    assert_non_null(strstr(buf_str(out), "id: 2\nevent: error\ndata: {\"error\":{\"message\":\"x\"},"
                                         "\"state\":\"interrupted\"}\n\nid: 3\ndata: [DONE]\n\n"));
}

/* Pieces end between characters. */
static void a_long_text_comes_in_pieces(void **state)
{
    (void)state;
    AUTO(buf) struct buf *content = buf_new();
    AUTO(buf) struct buf *out = buf_new();
    for (size_t i = 0; i < COMPACT_CHUNK_BYTES; i++)
        buf_add_str(content, i ? "\xe2\x86\x92" : "x");
    struct generation_row row = {.id = text("g"), .state = text("stopped")};
    struct events_row texts = {.content = content->p, .reasoning = text("")};
    assert_int_equal(compact_write(&row, &texts, out), 1 + 3 + 2);
    assert_true(utf8_is_valid(buf_span(out)));
    assert_null(strstr(buf_str(out), "\xef\xbf\xbd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_said),
        cmocka_unit_test(an_error_stays_one),
        cmocka_unit_test(a_long_text_comes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
