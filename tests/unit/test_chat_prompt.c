/* Prompts: which messages, attachments in, options; and the rules for what people send. */
#include "chat/chat.h"
#include "chat/chat_prompt.h"
#include "unit.h"

#define FILE_ID  "00000000-0000-4000-8000-000000000001"
#define IMAGE_ID "00000000-0000-4000-8000-000000000002"
#define TAIL     ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"

static struct message_row row(const char *role, const char *state, const char *content_json)
{
    return (struct message_row){.role = (char *)(uintptr_t)role,
                                .state = (char *)(uintptr_t)state,
                                .content_json = (char *)(uintptr_t)content_json};
}

static void never_answered_messages_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char
            *path; /* one letter a message: A answered user, P pending user, a answer, e empty answer */
        const char *kept; /* a digit each */
    } cases[] = {
        {"P", "0"},      {"AaP", "012"},   {"PP", "1"},  {"PAaP", "123"}, {"AaPP", "013"}, {"AeP", "2"},
        {"AAaP", "123"}, {"AaAeP", "014"}, {"Aa", "01"}, {"Ae", "0"},     {"AaPA", "013"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message_row rows[8];
        size_t n = strlen(cases[i].path), kept[8];
        for (size_t j = 0; j < n; j++) {
            char c = cases[i].path[j];
            rows[j] = row(c == 'A' || c == 'P' ? "user" : "assistant",
                          c == 'A'   ? "answered"
                          : c == 'P' ? "pending"
                                     : "done",
                          c == 'e' ? "\"\"" : "\"x\"");
        }
        size_t n_kept = prompt_select(rows, n, kept);
        char is[9] = "";
        for (size_t j = 0; j < n_kept; j++)
            is[j] = (char)('0' + kept[j]);
        assert_string_equal(is, cases[i].kept);
    }
}

static void check_prompt(const struct prompt *p, const char *should)
{
    AUTO(buf) struct buf *out = buf_new();
    struct err_text why = {0};
    assert_int_equal(prompt_write(p, out, &why), ERR_OK);
    assert_string_equal(buf_str(out), should);
}

static void a_plain_conversation_becomes_a_request(void **state)
{
    (void)state;
    struct message_row rows[] = {row("user", "answered", "\"Hi\""),
                                 row("assistant", "interrupted", "\"Hello th\""),
                                 row("user", "pending", "\"a \\\"b\\\"\"")};
    struct prompt p = {.model = "m",
                       .system = "Be kind",
                       .rows = rows,
                       .n_rows = 3,
                       .options_json = "{\"temperature\":0.5}"};
    check_prompt(&p,
                 "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind\"},"
                 "{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello th\"},"
                 "{\"role\":\"user\",\"content\":\"a \\\"b\\\"\"}]" TAIL ",\"temperature\":0.5}");
    p.own_system = "and brief";
    p.options_json = NULL;
    p.n_rows = 1;
    check_prompt(
        &p, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind\\n\\nand brief\"},"
            "{\"role\":\"user\",\"content\":\"Hi\"}]" TAIL "}");
    p.system = "";
    check_prompt(&p, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"and brief\"},"
                     "{\"role\":\"user\",\"content\":\"Hi\"}]" TAIL "}");
    p.own_system = NULL;
    p.n_rows = 2;
    check_prompt(&p, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                     "{\"role\":\"assistant\",\"content\":\"Hello th\"}]" TAIL "}");
}

static void an_answer_of_tool_calls_is_told_in_words(void **state)
{
    (void)state;
    char calls[] = "[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]";
    struct message_row rows[] = {row("user", "answered", "\"Hi\""), row("assistant", "done", "\"\""),
                                 row("user", "pending", "\"And?\"")};
    rows[1].tool_calls_json = calls;
    struct prompt p = {.model = "m", .rows = rows, .n_rows = 3};
    check_prompt(&p,
                 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                 "{\"role\":\"assistant\",\"content\":\"(Asked for the tool f with {}. It was not run.)\"},"
                 "{\"role\":\"user\",\"content\":\"And?\"}]" TAIL "}");
    /* one that said something too */
    rows[1].content_json = (char *)(uintptr_t) "\"I will look\"";
    check_prompt(&p, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                     "{\"role\":\"assistant\",\"content\":\"I will look\"},"
                     "{\"role\":\"user\",\"content\":\"And?\"}]" TAIL "}");
}

static void an_answer_is_gone_on_with_from_what_is_there(void **state)
{
    (void)state;
    char calls[] = "[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]", thoughts[] = "Hm, ";
    static const char user[] = "{\"role\":\"user\",\"content\":\"Hi\"}";
    const struct {
        const char *content;
        bool has_thoughts, has_calls;
        const char *told;
    } cases[] = {
        {"\"He\"", false, false, ",{\"role\":\"assistant\",\"content\":\"He\"}"},
        {"\"He\"", true, true, ",{\"role\":\"assistant\",\"content\":\"He\",\"reasoning_content\":\"Hm, \"}"},
        {"\"\"", true, false, ",{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"Hm, \"}"},
        {"\"\"", false, true, ""}, /* no engine takes half a call */
        {"\"\"", false, false, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message_row rows[] = {row("user", "answered", "\"Hi\""),
                                     row("assistant", "interrupted", cases[i].content)};
        rows[1].reasoning = cases[i].has_thoughts ? thoughts : NULL;
        rows[1].tool_calls_json = cases[i].has_calls ? calls : NULL;
        struct prompt p = {.model = "m", .rows = rows, .n_rows = 2};
        AUTO(mem)
        char *should = xasprintf("{\"model\":\"m\",\"messages\":[%s%s]" TAIL "}", user, cases[i].told);
        check_prompt(&p, should);
    }
}

static struct prompt_file file(const char *id, const char *name, const char *mime, const char *bytes)
{
    struct prompt_file f = {.id = xstrdup(id), .name = xstrdup(name), .mime = xstrdup(mime)};
    buf_add_str(&f.bytes, bytes);
    return f;
}

static void attachments_are_put_in(void **state)
{
    (void)state;
    struct prompt_file files[] = {file(FILE_ID, "a.md", "text/markdown", "x ``` y"),
                                  file(IMAGE_ID, "p.png", "image/png", "PNG")};
    struct message_row rows[] = {
        row("user", "pending",
            "[{\"type\":\"text\",\"text\":\"Look\"},{\"type\":\"file\",\"file\":{\"id\":\"" FILE_ID
            "\",\"name\":\"b\\n.md\"}}]")};
    struct prompt p = {.model = "m", .rows = rows, .n_rows = 1, .files = files, .n_files = 2};
    check_prompt(&p, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
                     "\"Look\\n\\nFile: b .md\\n````\\nx ``` y\\n````\"}]" TAIL "}");
    rows[0] = row("user", "pending",
                  "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:" IMAGE_ID
                  "\"}},{\"type\":\"text\",\"text\":\"What?\"}]");
    check_prompt(&p, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
                     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,UE5H\"}},"
                     "{\"type\":\"text\",\"text\":\"What?\"}]}]" TAIL "}");
    struct strv ids = {0};
    struct err_text why;
    assert_int_equal(prompt_list_files(rows, 1, &ids, &why), ERR_OK);
    assert_int_equal(ids.n, 1);
    assert_string_equal(ids.v[0], IMAGE_ID);
    strv_release(&ids);

    AUTO(buf) struct buf *out = buf_new();
    p.n_files = 0;
    assert_int_equal(prompt_write(&p, out, &why), ERR_NOT_FOUND);
    p.n_files = 2;
    xreplace(&files[1].mime, "application/pdf");
    buf_clear(out);
    assert_int_equal(prompt_write(&p, out, &why), ERR_INVALID);
    for (size_t i = 0; i < 2; i++)
        prompt_file_release(&files[i]);
}

static enum err check_json(const char *json, bool as_options, char **out_options)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    struct err_text why = {0};
    assert_int_equal(json_parse(span_str(json), &doc, &why), ERR_OK);
    enum err e = as_options ? chat_options_check(yyjson_doc_get_root(doc), out_options, &why)
                            : chat_check_content(yyjson_doc_get_root(doc), &why);
    assert_int_equal(e == ERR_OK, why.text[0] == '\0');
    return e;
}

static void content_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum err err;
    } cases[] = {
        {"\"x\"", ERR_OK},
        {"\"\"", ERR_INVALID},
        {"\"a\\u0000\"", ERR_INVALID},
        {"[]", ERR_INVALID},
        {"5", ERR_INVALID},
        {"null", ERR_INVALID},
        {"{}", ERR_INVALID},
        {"[{\"type\":\"text\",\"text\":\"a\"}]", ERR_OK},
        {"[{\"type\":\"text\"}]", ERR_INVALID},
        {"[{\"type\":\"text\",\"text\":\"a\\u0000\"}]", ERR_INVALID},
        {"[{\"type\":\"text\",\"text\":\"a\",\"more\":[{\"\\u0000\":1}]}]", ERR_INVALID},
        {"[{\"type\":\"video\"}]", ERR_INVALID},
        {"[5]", ERR_INVALID},
        {"[{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:" IMAGE_ID "\"}}]", ERR_OK},
        {"[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]", ERR_OK},
        {"[{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://127.0.0.1/x\"}}]", ERR_INVALID},
        {"[{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:../x\"}}]", ERR_INVALID},
        {"[{\"type\":\"file\",\"file\":{\"id\":\"" FILE_ID "\",\"name\":\"a\"}}]", ERR_OK},
        {"[{\"type\":\"file\",\"file\":{\"id\":\"x\"}}]", ERR_INVALID},
        {"[{\"type\":\"file\",\"file\":{\"id\":\"" FILE_ID "\",\"original_id\":\"" IMAGE_ID "\"}}]", ERR_OK},
        {"[{\"type\":\"file\",\"file\":{\"id\":\"" FILE_ID "\",\"original_id\":\"x\"}}]", ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(check_json(cases[i].json, false, NULL), cases[i].err);
}

static void options_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *out; /* NULL: refused */
    } cases[] = {
        {"{}", "{}"},
        {"{\"temperature\":0.7,\"max_tokens\":64,\"stop\":[\"a\"],\"seed\":null}",
         "{\"temperature\":0.7,\"max_tokens\":64,\"stop\":[\"a\"]}"},
        {"{\"stop\":\"END\"}", "{\"stop\":\"END\"}"},
        {"{\"temperature\":9}", NULL},
        {"{\"temperature\":\"1\"}", NULL},
        {"{\"max_tokens\":1.5}", NULL},
        {"{\"max_tokens\":0}", NULL},
        {"{\"n\":2}", NULL},
        {"{\"n_discard\":1}", NULL},
        {"{\"stream\":false}", NULL},
        {"{\"messages\":[]}", NULL},
        {"{\"stop\":[\"\"]}", NULL},
        {"{\"stop\":[1]}", NULL},
        {"{\"stop\":\"\\u0000\"}", NULL},
        {"{\"seed\":1,\"seed\":1}", NULL},
        {"{\"stop\":\"a\",\"top_k\":1,\"stop\":\"b\"}", NULL},
        {"{\"seed\":null,\"seed\":null,\"seed\":7}", "{\"seed\":7}"},
        {"{\"stop\":{}}", NULL},
        {"[]", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(mem) char *out = NULL;
        assert_int_equal(check_json(cases[i].json, true, &out), cases[i].out ? ERR_OK : ERR_INVALID);
        if (cases[i].out)
            assert_string_equal(out, cases[i].out);
    }
}

static void the_field_of_the_request_wins(void **state)
{
    (void)state;
    static const struct {
        const char *base, *over, *merged;
    } cases[] = {
        {NULL, NULL, NULL},
        {"{}", "{}", NULL},
        {"{\"seed\":1}", NULL, "{\"seed\":1}"},
        {NULL, "{\"seed\":1}", "{\"seed\":1}"},
        {"{\"temperature\":0.5,\"seed\":1}", "{\"seed\":2}", "{\"temperature\":0.5,\"seed\":2}"},
        {"{\"stop\":[\"a\",\"b\"]}", "{\"stop\":\"c\",\"top_k\":4}", "{\"stop\":\"c\",\"top_k\":4}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(mem) char *merged = chat_options_merge(cases[i].base, cases[i].over);
        assert_int_equal(merged == NULL, cases[i].merged == NULL);
        if (merged)
            assert_string_equal(merged, cases[i].merged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_answered_messages_are_left_out),
        cmocka_unit_test(a_plain_conversation_becomes_a_request),
        cmocka_unit_test(an_answer_of_tool_calls_is_told_in_words),
        cmocka_unit_test(an_answer_is_gone_on_with_from_what_is_there),
        cmocka_unit_test(attachments_are_put_in),
        cmocka_unit_test(content_is_checked),
        cmocka_unit_test(options_are_bounded),
        cmocka_unit_test(the_field_of_the_request_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
