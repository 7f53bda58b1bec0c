/* Tool calls: put together from the pieces of every kind of engine. */
#include "chat/chat_tools.h"
#include "unit.h"

#define CALL(id, name, arguments)                                             \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name \
    "\",\"arguments\":\"" arguments "\"}}"

/* should: what viewers are told. */
static void take_and_tell(struct tool_calls *t, const char *pieces, const char *should)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    AUTO(buf) struct buf *told = buf_new();
    struct err_text why;
    assert_int_equal(json_parse(span_str(pieces), &doc, &why), ERR_OK);
    tool_calls_take(t, yyjson_doc_get_root(doc), told);
    if (should)
        assert_string_equal(buf_str(told), should);
}

static void take(struct tool_calls *t, const char *pieces)
{
    take_and_tell(t, pieces, NULL);
}

static void assert_calls(const struct tool_calls *t, const char *should)
{
    AUTO(buf) struct buf *out = buf_new();
    tool_calls_write(t, out);
    assert_string_equal(buf_str(out), should);
}

static void pieces_become_calls(void **state)
{
    (void)state;
    static const struct {
        const char *pieces[5], *calls;
    } cases[] = {
        {{"[]"}, "[]"},
        /* OpenAI, llama-server: id and name first, then arguments by index */
        {{"[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]",
          "[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\"\"}}]",
          "[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]"},
         "[" CALL("a", "f", "{\\\"x\\\":1}") "]"},
        /* two calls whose pieces mix */
        {{"[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}},{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\"}}]",
          "[{\"index\":1,\"function\":{\"arguments\":\"1\"}},{\"index\":0,\"function\":{\"arguments\":\"0\"}}]"},
         "[" CALL("a", "f", "0") "," CALL("b", "g", "1") "]"},
        /* whole calls, all with index 0 */
        {{"[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]",
          "[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"2\"}}]",
          "[{\"index\":0,\"function\":{\"arguments\":\"3\"}}]"},
         "[" CALL("a", "f", "1") "," CALL("b", "f", "23") "]"},
        /* no index at all */
        {{"[{\"id\":\"a\",\"function\":{\"name\":\"f\"}},{\"id\":\"b\",\"function\":{\"name\":\"g\"}}]",
          "[{\"id\":\"a\",\"function\":{\"arguments\":\"1\"}}]", "[{\"function\":{\"arguments\":\"2\"}}]"},
         "[" CALL("a", "f", "1") "," CALL("b", "g", "2") "]"},
        /* the id in every piece; the name in two */
        {{"[{\"index\":3,\"id\":\"a\",\"function\":{\"name\":\"get_\"}}]",
          "[{\"index\":3,\"id\":\"a\",\"function\":{\"name\":\"it\",\"arguments\":\"{}\"}}]"},
         "[" CALL("a", "get_it", "{}") "]"},
        /* arguments as an object; what is no call at all */
        {{"[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]"},
         "[" CALL("", "f", "{\\\"x\\\":1}") "]"},
        {{"[{\"index\":0,\"id\":7,\"function\":\"f\"}]",
          "[{\"index\":0,\"function\":{\"name\":\"f\\u0000g\"}}]"},
         "[" CALL("", "fg", "") "]"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tool_calls t = {0};
        for (size_t j = 0; j < COUNT_OF(cases[i].pieces) && cases[i].pieces[j]; j++)
            take(&t, cases[i].pieces[j]);
        assert_calls(&t, cases[i].calls);
        tool_calls_release(&t);
    }
}

/* Whatever engines do, viewers may go by the index alone, and get nothing but known fields. */
static void viewers_are_told_the_place_in_the_answer(void **state)
{
    (void)state;
    static const struct {
        const char *before, *piece, *told;
    } cases[] = {
        {NULL, "[]", ""},
        {NULL,
         "[{\"index\":0,\"id\":\"a\",\"type\":\"x\",\"evil\":{},\"function\":{\"name\":\"f\",\"arguments\":\"\",\"x\":1}}]",
         "[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"},
        {"[{\"index\":7,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]",
         "[{\"index\":7,\"id\":\"a\",\"function\":{\"arguments\":\"\\u00002\"}}]",
         "[{\"index\":0,\"function\":{\"arguments\":\"2\"}}]"},
        {"[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}}]",
         "[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{\"x\":1}}}]",
         "[{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"x\\\":1}\"}}]"},
        {NULL, "[{\"function\":{\"name\":5,\"arguments\":[]}}]", "[{\"index\":0,\"function\":{}}]"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tool_calls t = {0};
        if (cases[i].before)
            take(&t, cases[i].before);
        take_and_tell(&t, cases[i].piece, cases[i].told);
        tool_calls_release(&t);
    }
}

static void their_number_is_bounded(void **state)
{
    (void)state;
    struct tool_calls t = {0};
    for (int i = 0; i < 2 * TOOL_CALLS_MAX; i++) {
        AUTO(mem) char *piece = xasprintf("[{\"index\":%d,\"function\":{\"name\":\"f\"}}]", i);
        take_and_tell(&t, piece, i < TOOL_CALLS_MAX ? piece : "");
    }
    assert_int_equal(t.n, TOOL_CALLS_MAX);
    tool_calls_release(&t);
}

static void what_was_there_stays_as_it_was(void **state)
{
    (void)state;
    struct tool_calls t = {0};
    tool_calls_load(&t, "[" CALL("", "f", "1") "," CALL("", "g", "2") "]");
    assert_calls(&t, "[" CALL("", "f", "1") "," CALL("", "g", "2") "]");
    take_and_tell(&t, "[{\"index\":0,\"function\":{\"name\":\"h\",\"arguments\":\"3\"}}]",
                  "[{\"index\":2,\"function\":{\"name\":\"h\",\"arguments\":\"3\"}}]");
    assert_calls(&t, "[" CALL("", "f", "1") "," CALL("", "g", "2") "," CALL("", "h", "3") "]");
    tool_calls_load(&t, NULL);
    assert_calls(&t, "[]");
}

static void prompts_tell_of_them_in_words(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    tool_calls_describe(NULL, out);
    tool_calls_describe("[]", out);
    assert_int_equal(out->len, 0);
    tool_calls_describe("[" CALL("a", "f", "{\\\"x\\\":1}") "," CALL("b", "g", "") "]", out);
    assert_string_equal(buf_str(out), "(Asked for the tool f with {\"x\":1}. It was not run.)\n"
                                      "(Asked for the tool g. It was not run.)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_become_calls),
        cmocka_unit_test(viewers_are_told_the_place_in_the_answer),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(what_was_there_stays_as_it_was),
        cmocka_unit_test(prompts_tell_of_them_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
