/* Messages that make the demo ask for tools, and those that only look like it. */
#include "demo/demo_tools.h"
#include "unit.h"

static void which_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *calls;
    } cases[] = {
        {"call f {}", "f({})"},
        {"  call get_weather  {\"city\": \"Oslo\"} \n", "get_weather({\"city\": \"Oslo\"})"},
        {"call f {}\n\ncall g {\"a\":[1]}", "f({})g({\"a\":[1]})"},
        {"call f {}\nthen tell me", ""},
        {"call me tomorrow", ""},
        {"call f", ""},
        {"call f [1]", ""},
        {"call f {\"a\":}", ""},
        {"call <b> {}", ""},
        {"calls f {}", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct demo_tools t;
        AUTO(buf) struct buf *out = buf_new();
        demo_tools_read(span_str(cases[i].text), &t);
        for (size_t j = 0; j < t.n; j++)
            buf_addf(out, "%s(%s)", t.v[j].name, t.v[j].arguments);
        assert_string_equal(buf_str(out), cases[i].calls);
        demo_tools_release(&t);
    }
}

static void pieces_have_llama_servers_form(void **state)
{
    (void)state;
    struct demo_tools t;
    struct json_writer w;
    AUTO(buf) struct buf *out = buf_new();
    demo_tools_read(SPAN_LIT("call f {\"a\":1}"), &t);
    jw_init(&w, out);
    jw_begin_arr(&w);
    demo_tool_write_piece(&w, &t.v[0], 0, true, SPAN_LIT(""));
    demo_tool_write_piece(&w, &t.v[0], 0, false, SPAN_LIT("{\"a"));
    demo_tool_write(&w, &t.v[0]);
    jw_end_arr(&w);
    assert_string_equal(
        buf_str(out),
        "[{\"index\":0,\"id\":\"call_demo_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}},"
        "{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\"}},"
        "{\"id\":\"call_demo_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]");
    demo_tools_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(which_messages),
                                       cmocka_unit_test(pieces_have_llama_servers_form)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
