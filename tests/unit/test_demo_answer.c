/* What the demo answers, how it is cut into tokens, and how a chat request is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "demo/demo_answer.h"
#include "demo/demo_request.h"
#include "demo/demo_show.h"
#include "demo/demo_vectors.h"

static int set_up(void **state)
{
    *state = demo_guide_new();
    return 0;
}

static int tear_down(void **state)
{
    demo_guide_free(*state);
    return 0;
}

static char *answer_of(void **state, const char *question)
{
    char *texts[] = {(char *)question};
    struct buf out = {0};
    demo_guide_answer(*state, texts, 1, false, &out);
    return buf_take_str(&out);
}

static void assert_answer_has(void **state, const char *question, const char *part)
{
    AUTO(mem) char *answer = answer_of(state, question);
    if (!strstr(answer, part))
        fail_msg("\"%s\" was answered: %s", question, answer);
}

static void repeats_to_the_letter(void **state)
{
    static const struct {
        const char *question, *answer;
    } cases[] = {
        {"repeat after me: Hello, World!", "Hello, World!"},
        {"Repeat after me:\n```c\nint x;\n```", "```c\nint x;\n```"},
        {"echo  two  blanks ", " two  blanks"},
        {"echo: <b>bold</b> & \"quotes\"", "<b>bold</b> & \"quotes\""},
        {"please repeat: what is hob?", "what is hob?"},
        {"say: \xf0\x9f\x94\xa5 caf\xc3\xa9", "\xf0\x9f\x94\xa5 caf\xc3\xa9"},
        {"count to 5", "1 2 3 4 5"},
        {"Count to 3", "1 2 3"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(mem) char *answer = answer_of(state, cases[i].question);
        assert_string_equal(answer, cases[i].answer);
    }
    /* not every word that begins like that */
    assert_answer_has(state, "echoes in the mountains of Peru", "only a demo");
}

static void shows_what_is_asked_for(void **state)
{
    assert_answer_has(state, "show me a list", "\n- ");
    assert_answer_has(state, "give me a numbered list please", "\n1. ");
    assert_answer_has(state, "can I see a table?", "| --");
    assert_answer_has(state, "show me a task list", "- [x]");
    assert_answer_has(state, "write some code in C", "```c\n#include");
    assert_answer_has(state, "please write a program in Python", "```python\n");
    assert_answer_has(state, "show me some code in js", "```js\n");
    assert_answer_has(state, "code in rust", "```rust\n");
    assert_answer_has(state, "math demo", "$$");
    assert_answer_has(state, "markdown demo", "## A table");
    assert_answer_has(state, "show me a quote", "> ");
}

static void answers_about_hob_and_admits_the_rest(void **state)
{
    assert_answer_has(state, "How do I add a model?", "GGUF");
    assert_answer_has(state, "who are you", "not a language model");
    assert_answer_has(state, "What is the capital of France?", "I am only a demo");
    assert_answer_has(state, "", "I am only a demo");
    char *texts[] = {(char *)"what is hob", (char *)"notes.txt:\nbuy apples and pears, feed the tortoise"};
    AUTO(buf) struct buf *out = buf_new();
    demo_guide_answer(*state, texts, 2, true, out);
    assert_non_null(strstr(buf_str(out), "cannot see pictures"));
    assert_non_null(strstr(buf_str(out), "hob is one small program"));
}

static void long_answers_have_the_wished_length(void **state)
{
    static const size_t lengths[] = {1, 7, 100, 500, 5000, 20000};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        AUTO(mem) char *question = xasprintf("long %zu", lengths[i]);
        AUTO(mem) char *answer = answer_of(state, question);
        assert_int_equal(demo_count_tokens(span_str(answer)), lengths[i]);
    }
    AUTO(mem) char *most = answer_of(state, "long 99999999");
    assert_int_equal(demo_count_tokens(span_str(most)), DEMO_LONG_TOKENS_MAX);
    AUTO(mem) char *usual = answer_of(state, "long");
    assert_int_equal(demo_count_tokens(span_str(usual)), DEMO_LONG_TOKENS);
}

static void tokens_are_whole_characters(void **state)
{
    static const char *const texts[] = {
        "Hello, world! 12345 x\n\n    indented  text\n",
        "\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x8d\xb3 na\xc3\xafve   ",
        " \n \t\r\n",
        "extraordinarilylongwordswithoutblanks",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct span rest = span_str(texts[i]);
        while (rest.len) {
            size_t n = demo_token_len(rest);
            assert_in_range(n, 1, 9);
            assert_true(utf8_is_valid(span_of(rest.p, n)));
            rest = span_of(rest.p + n, rest.len - n);
        }
    }
    AUTO(mem) char *answer = answer_of(state, "unicode demo");
    assert_true(utf8_is_valid(span_str(answer)));
    assert_int_equal(demo_token_len(span_str("")), 0);
    assert_int_equal(demo_token_len(span_str("Hello world")), 5);
    assert_int_equal(demo_token_len(span_str(" world!")), 6);
    assert_int_equal(demo_token_len(span_str("\n\nx")), 2);
}

static void goes_on_where_a_text_stops(void **state)
{
    AUTO(mem) char *answer = answer_of(state, "what is hob");
    size_t len = strlen(answer);
    for (size_t have = 0; have <= len; have += 1 + have % 7) {
        struct buf rest = {0};
        demo_continue(span_str(answer), span_of(answer, have), &rest);
        assert_string_equal(buf_str(&rest), answer + have);
        buf_release(&rest);
    }
    AUTO(buf) struct buf *lost_blank = buf_new();
    demo_continue(span_str("one two"), span_str("one"), lost_blank);
    assert_string_equal(buf_str(lost_blank), " two");
    AUTO(buf) struct buf *other = buf_new();
    demo_continue(span_str("one two"), span_str("three"), other);
    assert_string_equal(buf_str(other), "\n\none two");
}

static void thinks_aloud(void **state)
{
    char *texts[] = {(char *)"what is hob"};
    AUTO(buf) struct buf *out = buf_new();
    demo_guide_think(*state, texts, 1, out);
    assert_non_null(strstr(buf_str(out), "\"hob\""));
}

/* ---- requests ---- */

static void reads_requests(void **state)
{
    (void)state;
    struct demo_request r;
    struct err_text why;
    const char *body =
        "{\"model\":\"m\",\"stream\":true,\"max_tokens\":7,\"stop\":[\"a\",\"b\"],"
        "\"stream_options\":{\"include_usage\":true},\"return_progress\":true,"
        "\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"old\"},"
        "{\"role\":\"assistant\",\"content\":null},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}},{\"type\":\"text\",\"text\":\"two\"}]},"
        "{\"role\":\"assistant\",\"content\":\"so far\"}]}";
    assert_int_equal(demo_request_parse(DEMO_CHAT, span_str(body), &r, &why), ERR_OK);
    assert_true(r.stream && r.include_usage && r.return_progress && r.has_image && !r.no_think);
    assert_int_equal(r.max_tokens, 7);
    assert_int_equal(r.stop.n, 2);
    assert_int_equal(r.texts.n, 2);
    assert_string_equal(r.texts.v[0], "one");
    assert_string_equal(r.texts.v[1], "two");
    assert_string_equal(buf_str(&r.have), "so far");
    assert_string_equal(r.model, "m");
    demo_request_release(&r);

    assert_int_equal(demo_request_parse(DEMO_CHAT,
                                        span_str("{\"messages\":[],\"max_tokens\":null,\"stop\":\"x\"}"), &r,
                                        &why),
                     ERR_OK);
    assert_int_equal(r.max_tokens, -1);
    assert_int_equal(r.stop.n, 1);
    demo_request_release(&r);
}

/* What the user says last, however the route writes it. */
static void reads_every_route(void **state)
{
    static const struct {
        enum demo_route route;
        const char *body;
    } cases[] = {
        {DEMO_COMPLETION, "{\"prompt\":\"now\"}"},
        {DEMO_COMPLETION, "{\"prompt\":[\"now\"]}"},
        {DEMO_RESPONSES, "{\"input\":\"now\"}"},
        {DEMO_RESPONSES,
         "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"now\"}]},"
         "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"5\"}]}"},
        {DEMO_MESSAGES,
         "{\"max_tokens\":5,\"system\":[{\"type\":\"text\",\"text\":\"s\"}],\"messages\":["
         "{\"role\":\"user\",\"content\":\"old\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\"}]},"
         "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"},{\"type\":\"text\",\"text\":\"now\"}]}]}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct demo_request r;
        struct err_text why = {0};
        if (demo_request_parse(cases[i].route, span_str(cases[i].body), &r, &why))
            fail_msg("%s: %s", cases[i].body, why.text);
        assert_int_equal(r.texts.n, 1);
        assert_string_equal(r.texts.v[0], "now");
        demo_request_release(&r);
    }
}

static void ranks_what_has_the_words_first(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    struct err_text why = {0};
    assert_int_equal(
        demo_rerank(
            span_str("{\"query\":\"a cat\",\"documents\":[\"dogs run\",\"cats sit\",\"\"],\"top_n\":1}"), out,
            &why),
        ERR_OK);
    assert_non_null(strstr(buf_str(out), "\"results\":[{\"index\":1,"));
    assert_null(strstr(buf_str(out), "{\"index\":0,"));
    assert_int_equal(demo_rerank(span_str("{\"query\":\"x\",\"documents\":[5]}"), out, &why), ERR_INVALID);
    assert_int_equal(demo_rerank(span_str("{\"documents\":[]}"), out, &why), ERR_INVALID);
    assert_int_equal(demo_embeddings(span_str("{\"input\":{}}"), out, &why), ERR_INVALID);
}

static void refuses_bad_requests(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"messages\":{}}",
        "{\"messages\":[1]}",
        "{\"messages\":[{\"content\":\"x\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":5}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"video\"}]}]}",
        "{\"messages\":[],\"stream\":\"yes\"}",
        "{\"messages\":[],\"max_tokens\":\"many\"}",
        "{\"messages\":[],\"stop\":5}",
        "{\"messages\":[],\"stop\":[5]}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct demo_request r;
        struct err_text why = {0};
        if (demo_request_parse(DEMO_CHAT, span_str(bodies[i]), &r, &why) != ERR_INVALID)
            fail_msg("taken: %s", bodies[i]);
        assert_true(why.text[0]);
    }
}

static void titles_are_the_first_words(void **state)
{
    static const struct {
        const char *first, *title;
    } cases[] = {
        {"how do I add a model?", "How do I add a model"},
        {"how do I use hob from Python and C", "How do I use hob from"},
        {"What does it mean, and why?", "What does it mean"},
        {"echo  two   blanks\nand a line", "Two blanks"},
        {"?!", ""},
    };
    char ask[] = "Write a title of at most six words for this", other[] = "What is a title?";
    char *texts[] = {ask, other};
    (void)state;
    assert_true(demo_wants_title(texts, 1));
    assert_false(demo_wants_title(texts + 1, 1));
    assert_false(demo_wants_title(texts, 2));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *out = buf_new();
        demo_title(span_str(cases[i].first), out);
        assert_string_equal(buf_str(out), cases[i].title);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_are_the_first_words),
        cmocka_unit_test(repeats_to_the_letter),
        cmocka_unit_test(shows_what_is_asked_for),
        cmocka_unit_test(answers_about_hob_and_admits_the_rest),
        cmocka_unit_test(long_answers_have_the_wished_length),
        cmocka_unit_test(tokens_are_whole_characters),
        cmocka_unit_test(goes_on_where_a_text_stops),
        cmocka_unit_test(thinks_aloud),
        cmocka_unit_test(reads_requests),
        cmocka_unit_test(reads_every_route),
        cmocka_unit_test(ranks_what_has_the_words_first),
        cmocka_unit_test(refuses_bad_requests),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
