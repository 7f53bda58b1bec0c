/* config: what is taken, and what the user is told about a fault. */
#include <unistd.h>

#include "app/config.h"
#include "unit.h"

/* Writes text into a file, loads it into c. */
static enum err load(struct config *c, const char *text, struct err_text *why)
{
    char path[] = "/tmp/hob-test-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum err e = config_load(c, path, why);
    unlink(path);
    return e;
}

static void settings_are_taken(void **state)
{
    (void)state;
    struct config c;
    struct err_text why = {0};
    config_init(&c);
    assert_int_equal(
        load(
            &c,
            "listen: '[::1]:99'\ndata: /x\nlog_level: warn\nmodel_folders: [/a, /b]\nallowed_hosts: [Hob.Home]\n"
            "titles: message\n",
            &why),
        ERR_OK);
    assert_string_equal(c.address, "::1");
    assert_int_equal(c.port, 99);
    assert_true(config_is_loopback(&c));
    assert_string_equal(c.data_dir, "/x");
    assert_int_equal(c.log_level, LOG_WARN);
    assert_int_equal(c.model_folders.n, 2);
    assert_string_equal(c.model_folders.v[1], "/b");
    assert_string_equal(c.allowed_hosts.v[0], "hob.home");
    assert_false(c.model_titles);
    assert_int_equal(load(&c, "", &why), ERR_OK);
    config_release(&c);
}

static void faults_name_file_line_and_what_is_expected(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part1, *part2;
    } cases[] = {
        {"data: /x\nlisten_on: 5\n", ":2:", "known keys: listen, data"},
        {"data: /x\nmodel_folders: 7\n", ":2:", "model_folders"},
        {"data: {a: 1}\n", ":1:", "data"},
        {"data: [\n", ":1:", "data"},
        {"- a\n", ":1:", "Expecting MAPPING"},
        {"listen: nowhere:80\n", "listen", "numeric address"},
        {"listen: 127.0.0.1:99999\n", "listen", "ADDRESS:PORT"},
        {"log_level: loud\n", "log_level", "debug, info, warn or error"},
        {"titles: maybe\n", "titles", "model or message"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config c;
        struct err_text why = {0};
        config_init(&c);
        assert_int_equal(load(&c, cases[i].text, &why), ERR_INVALID);
        assert_non_null(strstr(why.text, cases[i].part1));
        assert_non_null(strstr(why.text, cases[i].part2));
        config_release(&c);
    }
}

static void listen_takes_the_usual_forms(void **state)
{
    (void)state;
    struct config c;
    struct err_text why;
    config_init(&c);
    assert_int_equal(config_set_listen(&c, "8080", &why), ERR_OK);
    assert_string_equal(c.address, "127.0.0.1");
    assert_int_equal(c.port, 8080);
    assert_int_equal(config_set_listen(&c, "localhost:1", &why), ERR_OK);
    assert_string_equal(c.address, "127.0.0.1");
    assert_int_equal(config_set_listen(&c, "0.0.0.0:2", &why), ERR_OK);
    assert_false(config_is_loopback(&c));
    config_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_taken),
        cmocka_unit_test(faults_name_file_line_and_what_is_expected),
        cmocka_unit_test(listen_takes_the_usual_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
