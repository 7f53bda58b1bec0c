/* What `hob chat` says, and that nothing in it moves a terminal. */
#include "cli/chat_words.h"
#include "cli/cli_text.h"
#include "unit.h"

static void control_characters_do_not_pass(void **state)
{
    (void)state;
    static const struct {
        const char *in, *plain, *line;
    } cases[] = {
        {"", "", ""},
        {"grün → 世界 🙂", "grün → 世界 🙂", "grün → 世界 🙂"},
        {"a\tb\nc\n", "a\tb\nc\n", "a b c "},
        {"\x1b[31mred\x1b[0m", "[31mred[0m", "[31mred[0m"},
        {"a\r\b\a\x7f"
         "b",
         "ab", "ab"},
        {"\xc2\x9b"
         "31m\xc2\x80\xc2\xa0.",
         "31m\xc2\xa0.", "31m\xc2\xa0."},
        {"\xc2", "\xc2", "\xc2"},
        {"\x1b", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *plain = buf_new(), *line = buf_new();
        text_add_plain(plain, span_str(cases[i].in));
        text_add_line(line, span_str(cases[i].in));
        assert_string_equal(buf_str(plain), cases[i].plain);
        assert_string_equal(buf_str(line), cases[i].line);
    }
    AUTO(buf) struct buf *nul = buf_new();
    text_add_plain(nul, SPAN_LIT("a\0b"));
    assert_string_equal(buf_str(nul), "ab");
}

static void lines_are_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(text_floor(SPAN_LIT("äöü"), 2), 4);
    assert_int_equal(text_floor(SPAN_LIT("äöü"), 3), 6);
    assert_int_equal(text_floor(SPAN_LIT("ab"), 9), 2);
    assert_int_equal(text_floor(SPAN_LIT("ab"), 0), 0);
}

static void the_line_says_what_is_known_of_the_load(void **state)
{
    (void)state;
    static const struct {
        const char *engine, *line;
    } cases[] = {
        {"{}", "Connecting to model... (attempt 2/3)"},
        {"{\"state\":\"ready\"}", "Connecting to model... (attempt 2/3)"},
        {"{\"state\":\"starting\",\"progress\":null}", "Connecting to model... (attempt 2/3) · starting"},
        {"{\"state\":\"loading\",\"progress\":{\"value\":0.42,\"left_s\":20}}",
         "Connecting to model... (attempt 2/3) · loading 42 %, about 20 s left"},
        {"{\"state\":\"loading\",\"progress\":{\"value\":null,\"left_s\":125}}",
         "Connecting to model... (attempt 2/3) · loading, about 2 min 5 s left"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_doc) yyjson_doc *doc = NULL;
        AUTO(buf) struct buf *line = buf_new();
        assert_int_equal(json_parse(span_str(cases[i].engine), &doc, NULL), ERR_OK);
        words_connecting(line, 2, yyjson_doc_get_root(doc));
        assert_string_equal(buf_str(line), cases[i].line);
    }
}

static void a_failed_engine_tells_its_cause_hint_and_last_lines(void **state)
{
    (void)state;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    AUTO(buf) struct buf *lines = buf_new();
    const struct chat_failure f = {.status = 409, .code = "engine_failed"};
    assert_int_equal(
        json_parse(SPAN_LIT("{\"failure\":{\"reason\":\"It \\u001b[1mexited\",\"hint\":\"Free a port\","
                            "\"log\":[\"1\",\"2\",\"3\",\"4\",\"5\\n\",\"6\"]}}"),
                   &doc, NULL),
        ERR_OK);
    words_unanswered(lines, RETRY_ENGINE_FAILED, &f, "qwen", yyjson_doc_get_root(doc));
    assert_string_equal(buf_str(lines), "hob: qwen failed: It [1mexited\n"
                                        "  Hint: Free a port\n"
                                        "  Its last lines:\n    2\n    3\n    4\n    5 \n    6\n"
                                        "  Start it again on the Servers page, then ask again.\n");
}

static void other_ends_say_what_was_seen_and_what_to_do(void **state)
{
    (void)state;
    struct chat_failure f = {.status = 503, .code = "engine_loading", .message = {"The model is loading"}};
    AUTO(buf) struct buf *lines = buf_new();
    words_unanswered(lines, RETRY_EXHAUSTED, &f, "qwen", NULL);
    words_unanswered(lines, RETRY_REFUSED, &f, "qwen", NULL);
    f = (struct chat_failure){.status = 200, .message = {"The engine died"}};
    words_interrupted(lines, &f);
    assert_string_equal(
        buf_str(lines),
        "hob: Failed to connect to model after 3 attempts\n"
        "  The model may still be loading. Check the Servers page for status, then ask again.\n"
        "  Error: The model is loading (503 engine_loading)\n"
        "hob: The model is loading (503 engine_loading)\n"
        "hob: the answer broke off: The engine died\n"
        "  What came is kept; Continue and Retry are on the chat page.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_do_not_pass),
        cmocka_unit_test(lines_are_cut_between_characters),
        cmocka_unit_test(the_line_says_what_is_known_of_the_load),
        cmocka_unit_test(a_failed_engine_tells_its_cause_hint_and_last_lines),
        cmocka_unit_test(other_ends_say_what_was_seen_and_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
