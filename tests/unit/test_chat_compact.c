/* Short logs: every text in order, contiguous numbers, the end that was. */
#include "chat/chat_compact.h"
#include "chat/chat_frames.h"
#include "chat/chat_tools.h"
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
        .frames = text("id: 2\ndata: " HEAD
                       "{\"content\":\"Yes\",\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]}}]}\n\n"),
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

#define CALL(name) \
    "{\"id\":\"" name "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"{}\"}}"

/* A log as it is written of an answer that had the calls of `before` and gets those of `pieces`. */
static void write_log(const char *before, const char *pieces, struct buf *out_frames, struct buf *out_calls)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    AUTO(buf) struct buf *made = buf_new();
    struct frame_head head = {.generation_id = "g", .model = "m"};
    struct chunk said = {.has_content = true, .content = SPAN_LIT("\"tool_calls\":[{\"index\":0,")};
    struct tool_calls calls = {0};
    assert_int_equal(json_parse(span_str(pieces), &doc, NULL), ERR_OK);
    tool_calls_load(&calls, before);
    tool_calls_take(&calls, yyjson_doc_get_root(doc), made);
    frame_add_chunk(out_frames, 1, &head, &said);
    if (made->len)
        frame_add_chunk(out_frames, 2, &head, &(struct chunk){.tool_pieces = buf_span(made)});
    tool_calls_write(&calls, out_calls);
    tool_calls_release(&calls);
}

/* What an answer had before it was gone on with is in the log of that part: a reader of both would see it twice. */
static void calls_of_earlier_parts_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *before, *pieces;
        int first; /* of the answer's three calls the first one in the short log; 3: none is */
    } logs[] = {
        {NULL, "[" CALL("a") "," CALL("b") "," CALL("c") "]", 0},
        {"[" CALL("a") "]", "[" CALL("b") "," CALL("c") "]", 1},
        {"[" CALL("a") "," CALL("b") "]", "[" CALL("c") "]", 2},
        {"[" CALL("a") "," CALL("b") "," CALL("c") "]", "[]", 3},
    };
    struct generation_row row = {.id = text("g"), .state = text("stopped")};
    for (size_t i = 0; i < COUNT_OF(logs); i++) {
        AUTO(buf) struct buf *frames = buf_new();
        AUTO(buf) struct buf *calls = buf_new();
        AUTO(buf) struct buf *out = buf_new();
        write_log(logs[i].before, logs[i].pieces, frames, calls);
        struct events_row texts = {
            .content = text(""), .reasoning = text(""), .frames = frames->p, .tool_calls_json = calls->p};
        (void)compact_write(&row, &texts, out);
        for (int call = 0; call < 3; call++) {
            AUTO(mem) char *piece = xasprintf("{\"index\":%d,\"id\":\"%c\",", call, 'a' + call);
            assert_int_equal(strstr(buf_str(out), piece) != NULL, call >= logs[i].first);
        }
    }
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
        cmocka_unit_test(calls_of_earlier_parts_are_left_out),
        cmocka_unit_test(an_error_stays_one),
        cmocka_unit_test(a_long_text_comes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
