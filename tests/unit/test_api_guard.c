/* Host and Origin checks: what passes and what does not. */
#include "api/api_guard.h"
#include "unit.h"

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool ok;
    } cases[] = {
        {"localhost", true},
        {"localhost:4620", true},
        {"127.0.0.1:1", true},
        {"[::1]:4620", true},
        {"LOCALHOST:80", true},
        {"app.localhost", true},
        {"192.168.7.7:4620", true},
        {"hob.home", true},
        {"HOB.home:443", true},
        {"", false},
        {"evil.example", false},
        {"localhost.evil.example", false},
        {"127.0.0.1.nip.io", false},
        {"xhob.home", false},
        {":4620", false},
    };
    struct strv allowed = {0};
    strv_add(&allowed, "hob.home");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (api_host_is_allowed(span_str(cases[i].host), "192.168.7.7", &allowed) != cases[i].ok)
            fail_msg("host \"%s\"", cases[i].host);
    }
    strv_release(&allowed);
}

static void origins(void **state)
{
    (void)state;
    static const struct {
        const char *site, *origin, *host;
        bool ok;
    } cases[] = {
        {"", "", "h:1", true},
        {"same-origin", "http://h:1", "h:1", true},
        {"none", "", "h:1", true},
        {"same-site", "http://h:2", "h:1", false},
        {"cross-site", "http://h:1", "h:1", false},
        {"", "http://h:1", "h:1", true},
        {"", "https://h:1", "h:1", true},
        {"", "http://h:2", "h:1", false},
        {"", "http://evil", "h:1", false},
        {"", "null", "h:1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (api_origin_is_allowed(span_str(cases[i].site), span_str(cases[i].origin),
                                  span_str(cases[i].host)) != cases[i].ok)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
