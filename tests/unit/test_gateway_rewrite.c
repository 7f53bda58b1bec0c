/* Rewriting of bodies, and names that look alike. */
#include "gateway/gateway_form.h"
#include "gateway/gateway_names.h"
#include "gateway/gateway_rewrite.h"
#include "unit.h"

static char *rewrite(const char *rule, const char *body)
{
    struct gateway_scan s;
    struct gateway_rewrite r;
    struct err_text why;
    struct buf out = {0};
    gateway_scan_init(&s);
    if (body[0] == '-') {
        struct gateway_form f;
        assert_int_equal(gateway_form_init(&f, SPAN_LIT("multipart/form-data; boundary=b"), &s, &why),
                         ERR_OK);
        assert_int_equal(gateway_form_feed(&f, span_str(body), &why), ERR_OK);
        gateway_form_release(&f);
    } else {
        assert_int_equal(gateway_scan_feed(&s, span_str(body), &why), ERR_OK);
        assert_int_equal(gateway_scan_end(&s, &why), ERR_OK);
    }
    if (gateway_rewrite_plan(rule, &s, strlen(body), &r))
        gateway_rewrite_apply(&r, span_str(body), &out);
    else
        buf_add_str(&out, "(same)");
    gateway_rewrite_release(&r);
    gateway_scan_release(&s);
    return buf_take_str(&out);
}

static void test_rewrite(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *body, *want;
    } cases[] = {
        {NULL, "{\"a\":1}", "(same)"},
        {"{\"strip\":[\"b\"]}", "{\"a\":1}", "(same)"},
        {"{\"defaults\":{\"a\":2}}", "{\"a\":1}", "(same)"},
        {"{\"model\":\"up/stream\"}", " { \"x\": 1 , \"model\" : \"a\" , \"y\":[ 2 ] } \n",
         " { \"x\": 1 , \"model\" : \"up/stream\" , \"y\":[ 2 ] } \n"},
        {"{\"model\":\"u\"}", "{\"mod\\u0065l\":\"a\"}", "{\"mod\\u0065l\":\"u\"}"},
        {"{\"model\":\"u\"}", "{}", "{\"model\":\"u\"}"},
        {"{\"model\":\"u\",\"set\":{\"model\":\"s\"}}", "{\"model\":\"a\"}", "{\"model\":\"u\"}"},
        {"{\"set\":{\"a\":{\"deep\":[1]}}}", "{ \"b\": 0 }", "{ \"b\": 0,\"a\":{\"deep\":[1]} }"},
        {"{\"set\":{\"a\":null}}", "{\"a\": {\"x\":1}, \"b\":0}", "{\"a\": null, \"b\":0}"},
        {"{\"defaults\":{\"t\":0.5,\"u\":1}}", "{ }", "{\"t\":0.5,\"u\":1 }"},
        {"{\"defaults\":{\"t\":0.5}}", "{\"t\":null}", "(same)"},
        {"{\"strip\":[\"a\"]}", "{\"a\":1}", "{}"},
        {"{\"strip\":[\"a\"]}", "{ \"a\":1 , \"b\":2 }", "{ \"b\":2 }"},
        {"{\"strip\":[\"b\"]}", "{ \"a\":1 , \"b\":2 }", "{ \"a\":1 }"},
        {"{\"strip\":[\"a\",\"b\"]}", "{\"a\":1, \"b\":2, \"c\":3, \"a2\":4}", "{\"c\":3, \"a2\":4}"},
        {"{\"strip\":[\"b\",\"c\"]}", "{\"a\":1, \"b\":2, \"c\":3, \"d\":4}", "{\"a\":1, \"d\":4}"},
        {"{\"strip\":[\"a\",\"c\"]}", "{\"a\":1, \"b\":2, \"c\":3}", "{\"b\":2}"},
        {"{\"strip\":[\"a\",\"b\",\"c\"],\"set\":{\"d\":1}}", "{\"a\":1, \"b\":2, \"c\":3}", "{\"d\":1}"},
        {"{\"strip\":[\"a\"],\"defaults\":{\"a\":9}}", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":9}"},
        {"{\"strip\":[\"b\"],\"set\":{\"a\":7,\"c\":8},\"defaults\":{\"c\":0,\"d\":0},\"model\":\"m\"}",
         "{\"a\":1,\"b\":2,\"model\":\"x\"}", "{\"a\":7,\"model\":\"m\",\"c\":8,\"d\":0}"},
        {"{\"model\":\"longer\",\"set\":{\"x\":1}}",
         "--b\r\nContent-Disposition: form-data; name=model\r\n\r\na\r\n--b--\r\n",
         "--b\r\nContent-Disposition: form-data; name=model\r\n\r\nlonger\r\n--b--\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(mem) char *found = rewrite(cases[i].rule, cases[i].body);
        assert_string_equal(found, cases[i].want);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *wanted, *want;
    } cases[] = {{"qwen3-8b", "qwen3-8b,qwen3-14b,qwen3-8b-instruct"},
                 {"qwen3", "qwen3-8b,qwen3-14b,qwen3-8b-instruct"},
                 {"lama", "llama"},
                 {"Lalma", "llama"},
                 {"unsloth/llama-gguf", "llama"},
                 {"gpt-4o", ""},
                 {"", ""}};
    struct strv names = {0};
    strv_add(&names, "llama");
    strv_add(&names, "qwen3-14b");
    strv_add(&names, "qwen3-8b");
    strv_add(&names, "qwen3-8b-instruct");
    strv_add(&names, "x");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t found[3], n = gateway_names_nearest(&names, cases[i].wanted, found, 3);
        struct buf b = {0};
        for (size_t j = 0; j < n; j++)
            buf_addf(&b, "%s%s", j ? "," : "", names.v[found[j]]);
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_release(&b);
    }
    strv_release(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rewrite),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
