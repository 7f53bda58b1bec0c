/* What engines send, normalised; the frames that hob makes of it; and where frames begin and end. */
#include "chat/chat_frames.h"
#include "unit.h"

#define HEAD \
    "id: 3\ndata: {\"id\":\"chatcmpl-g\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\","

static const struct {
    const char *in;
    enum chunk_kind kind;
    const char *frame; /* after HEAD; NULL: not written */
} cases[] = {
    {"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\" x\"},\"finish_reason\":null}],\"model\":\"evil\",\"id\":\"1\"}",
     CHUNK_DELTA, "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" x\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}", CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[{\"delta\":{\"reasoning\":\"hm\",\"onclick\":\"x\"}}],\"html\":\"<b>\"}", CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"timings\":{\"predicted_per_second\":12.5,\"evil\":1}}",
     CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"timings\":{\"predicted_per_second\":12.5}}\n\n"},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"<script>\"}]}", CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3,\"x\":{}}}",
     CHUNK_DELTA,
     "\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n"},
    {"{\"choices\":[],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":\"2\"}}", CHUNK_DELTA,
     "\"choices\":[],\"usage\":{}}\n\n"},
    /* tool calls pass only as chat_tools makes them anew */
    {"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}],\"content\":\"a\"}}]}", CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[{\"delta\":{\"tool_calls\":[1,2]}}]}", CHUNK_NOTHING, NULL},
    {"{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"second\"}}]}", CHUNK_NOTHING, NULL},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\\u0000b\\n\\r\"}}]}", CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ab\\n\\r\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\xFF\"}}]}", CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\xEF\xBF\xBD\"},\"finish_reason\":null}]}\n\n"},
    {"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"whole\"},\"finish_reason\":\"length\"}]}",
     CHUNK_DELTA,
     "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"whole\"},"
     "\"finish_reason\":\"length\"}]}\n\n"},
    {" [DONE] ", CHUNK_DONE, NULL},
    {"", CHUNK_NOTHING, NULL},
    {"{}", CHUNK_NOTHING, NULL},
    {"{\"choices\":\"x\"}", CHUNK_NOTHING, NULL},
    {"{\"prompt_progress\":{\"total\":10}}", CHUNK_NOTHING, NULL},
    {"{\"choices\":[{\"delta\":{\"content\":5}}]}", CHUNK_NOTHING, NULL},
    {"[1]", CHUNK_BAD, NULL},
    {"{\"choices\":", CHUNK_BAD, NULL},
    {"{\"error\":{\"message\":\"context\",\"code\":400}}", CHUNK_ERROR, NULL},
    {"{\"error\":\"boom\"}", CHUNK_ERROR, NULL},
};

static void only_known_fields_pass(void **state)
{
    (void)state;
    struct frame_head head = {.generation_id = "g", .model = "m", .created_s = 5};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct chunk c;
        chunk_read(span_str(cases[i].in), &c);
        assert_int_equal(c.kind, cases[i].kind);
        if (cases[i].frame) {
            AUTO(buf) struct buf *out = buf_new();
            AUTO(mem) char *should = xasprintf("%s%s", HEAD, cases[i].frame);
            frame_add_chunk(out, 3, &head, &c);
            assert_string_equal(buf_str(out), should);
        }
        chunk_release(&c);
    }
}

static void an_error_says_its_status_and_text(void **state)
{
    (void)state;
    struct chunk c;
    chunk_read(
        SPAN_LIT(
            "{\"error\":{\"message\":\"too long\",\"type\":\"exceed_context_size_error\",\"code\":400}}"),
        &c);
    assert_int_equal(c.status, 400);
    assert_string_equal(c.error.message.text, "too long");
    assert_string_equal(c.error.type, "exceed_context_size_error");
    chunk_release(&c);
}

static void the_last_frames_are_numbered_and_known(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    frame_add_done(out, 4, "done", "{\"model\":\"m\"}");
    assert_string_equal(buf_str(out),
                        "id: 4\nevent: done\ndata: {\"meta\":{\"model\":\"m\"},\"state\":\"done\"}\n\n"
                        "id: 5\ndata: [DONE]\n\n");
    assert_true(frames_are_complete(buf_span(out)));
    buf_clear(out);
    frame_add_error(out, 1, "failed", "{\"message\":\"m\"}");
    assert_string_equal(buf_str(out),
                        "id: 1\nevent: error\ndata: {\"error\":{\"message\":\"m\"},\"state\":\"failed\"}\n\n"
                        "id: 2\ndata: [DONE]\n\n");
    assert_false(frames_are_complete(SPAN_LIT("id: 1\ndata: {}\n\n")));
}

static void replay_after_any_event_begins_with_the_next(void **state)
{
    (void)state;
    AUTO(buf) struct buf *log = buf_new();
    for (int i = 5; i <= 9; i++)
        buf_addf(log, "id: %d\ndata: {}\n\n", i);
    for (int64_t after = 0; after <= 12; after++) {
        size_t at = frame_offset_after(buf_span(log), 5, after);
        AUTO(mem) char *first = xasprintf("id: %lld\n", (long long)(after < 5 ? 5 : after + 1));
        if (after >= 9)
            assert_int_equal(at, log->len);
        else
            assert_true(span_starts(span_of(log->p + at, log->len - at), first));
    }
    assert_int_equal(frame_offset_after(span_of(NULL, 0), 1, 7), 0);
}

static void pieces_end_between_frames(void **state)
{
    (void)state;
    struct span two = SPAN_LIT("id: 1\ndata: {}\n\nid: 2\ndata: {\"a\":1}\n\n");
    assert_int_equal(frame_floor(two, two.len), two.len);
    for (size_t max = 16; max < two.len; max++)
        assert_int_equal(frame_floor(two, max), 16);
    /* A frame that is longer than a piece goes whole. */
    assert_int_equal(frame_floor(two, 3), 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_known_fields_pass),
        cmocka_unit_test(an_error_says_its_status_and_text),
        cmocka_unit_test(the_last_frames_are_numbered_and_known),
        cmocka_unit_test(replay_after_any_event_begins_with_the_next),
        cmocka_unit_test(pieces_end_between_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
