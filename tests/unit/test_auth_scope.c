/* Routes and models of a key: texts in and out, and what a pattern fits. */
#include "auth/auth_scope.h"
#include "unit.h"

static void patterns_fit(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool fits;
    } cases[] = {
        {"qwen3", "qwen3", true},
        {"qwen3", "QWEN3", true},
        {"qwen3", "qwen3-8b", false},
        {"qwen3*", "qwen3-8b", true},
        {"qwen3*", "qwen3", true},
        {"*", "anything/at all", true},
        {"*", "", true},
        {"", "", true},
        {"", "x", false},
        {"*-8b", "qwen3-8b", true},
        {"*-8b", "qwen3-8b-q4", false},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-b-b-d", false},
        {"org/*", "org/model", true},
        {"org/*", "orgs/model", false},
        {"a?", "ab", false},
        {"[ab]", "a", false},
        {"**a**", "bab", true},
        {"a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"a", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (scope_name_fits(cases[i].name, cases[i].pattern) != cases[i].fits)
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].name);
    }
}

static void routes_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum err err;
        uint32_t routes;
    } cases[] = {
        {"[\"chat\"]", ERR_OK, 1u << AUTH_ROUTE_CHAT},
        {"[\"api\",\"chat\",\"chat\"]", ERR_OK, 1u << AUTH_ROUTE_CHAT | 1u << AUTH_ROUTE_API},
        {"[]", ERR_INVALID, 0},
        {"[\"chat\",\"Chat\"]", ERR_INVALID, 0},
        {"[1]", ERR_INVALID, 0},
        {"[null]", ERR_INVALID, 0},
        {"[[\"chat\"]]", ERR_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_doc) yyjson_doc *doc = NULL;
        struct err_text why = {0};
        uint32_t routes = 0;
        assert_int_equal(json_parse(span_str(cases[i].json), &doc, &why), ERR_OK);
        assert_int_equal(scope_routes_parse(yyjson_doc_get_root(doc), &routes, &why), cases[i].err);
        assert_int_equal(routes, cases[i].routes);
        assert_true(!cases[i].err || strncmp(why.text, "\"routes\"", 8) == 0);
    }
    AUTO(mem) char *text = scope_routes_text(1u << AUTH_ROUTE_CHAT | 1u << AUTH_ROUTE_API);
    assert_string_equal(text, "[\"chat\",\"api\"]");
    assert_int_equal(scope_routes_read(text), 1u << AUTH_ROUTE_CHAT | 1u << AUTH_ROUTE_API);
    assert_null(scope_routes_text(0));
    assert_int_equal(scope_routes_read(NULL), 0);
    for (int i = 0; i < AUTH_N_ROUTES; i++)
        assert_non_null(auth_route_name((enum auth_route)i));
}

static void models_are_read_and_written(void **state)
{
    (void)state;
    AUTO(mem) char *long_name = xmalloc(AUTH_MAX_KEY_MODEL_BYTES + 2);
    memset(long_name, 'a', AUTH_MAX_KEY_MODEL_BYTES + 1);
    long_name[AUTH_MAX_KEY_MODEL_BYTES + 1] = '\0';
    AUTO(mem) char *long_json = xasprintf("[\"%s\"]", long_name);
    AUTO(buf) struct buf *many = buf_new();
    buf_add_str(many, "[\"a\"");
    for (int i = 0; i < AUTH_MAX_KEY_MODELS; i++)
        buf_add_str(many, ",\"b\"");
    buf_add_str(many, "]");
    const char *const bad[] = {"[]",      "[\"\"]",     "[1]", "[\"a\\nb\"]", "[\"a\\u0000\"]",
                               long_json, buf_str(many)};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO(json_doc) yyjson_doc *doc = NULL;
        struct err_text why = {0};
        struct strv models = {0};
        assert_int_equal(json_parse(span_str(bad[i]), &doc, &why), ERR_OK);
        assert_int_equal(scope_models_parse(yyjson_doc_get_root(doc), &models, &why), ERR_INVALID);
        assert_memory_equal(why.text, "\"models\"", 8);
        assert_int_equal(models.n, 0);
    }
    struct strv models = {0};
    scope_models_read("[\"qwen3*\",\"a/b\"]", &models);
    assert_int_equal(models.n, 2);
    AUTO(mem) char *text = scope_models_text(&models);
    assert_string_equal(text, "[\"qwen3*\",\"a/b\"]");
    strv_release(&models);
    assert_null(scope_models_text(&models));
}

/* Of a database that a newer hob wrote, or that somebody edited. */
static void what_cannot_be_read_allows_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"[\"telepathy\"]", "[]", "{}", "nonsense", ""};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint32_t routes = scope_routes_read(texts[i]);
        assert_int_not_equal(routes, 0);
        for (int k = 0; k < AUTH_N_ROUTES; k++)
            assert_false(routes & 1u << k);
    }
    static const char *const lists[] = {"[]", "{}", "nonsense", "[1]"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct strv models = {0};
        scope_models_read(lists[i], &models);
        assert_int_equal(models.n, 1);
        assert_false(scope_name_fits("demo", models.v[0]));
        strv_release(&models);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fit),
        cmocka_unit_test(routes_are_read_and_written),
        cmocka_unit_test(models_are_read_and_written),
        cmocka_unit_test(what_cannot_be_read_allows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
