/* config: what is taken, and what the user is told about a fault. */
#include <unistd.h>

#include "config/config.h"
#include "config/config_words.h"
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

static void faults_name_file_line_column_and_what_is_expected(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *what;
    } cases[] = {
        {"data: /x\nwibble: 5\n", ":2:1: ", "unknown key \"wibble\"; known keys: listen, data"},
        {"data: /x\nlsiten: 5\n", ":2:1: ", "did you mean \"listen\"?"},
        {"data: /x\nmodel_folders: 7\n", ":2:16: ", "model_folders: expected a list, found \"7\""},
        {"model_folders: [[a]]\n", ":1:17: ", "expected a list of texts, found a list"},
        {"data: {a: 1}\n", ":1:7: ", "data: expected a text, found a mapping"},
        {"data:\n", ":1:6: ", "data: expected a text, found nothing"},
        {"data: [\n", ":2:1: ", "did not find expected node content"},
        {"- a\n", ":1:1: ", "expected a mapping"},
        {"listen: nowhere:80\n", ":1:9: ", "listen: expected a numeric address"},
        {"listen: 127.0.0.1:99999\n", ":1:9: ", "ADDRESS:PORT"},
        {"log_level: loud\n", ":1:12: ", "debug, info, warn or error"},
        {"titles: maybe\n", ":1:9: ", "model or message"},
        {"activity_days: 0\n", ":1:16: ", "expected a number from 1 to 36500, found \"0\""},
        {"memory: {budget: lots}\n", ":1:18: ", "budget: expected a size such as 24G, found \"lots\""},
        {"memory: {bugdet: 1G}\n", ":1:10: ", "did you mean \"budget\"?"},
        {"memory: {groups: {a: x}}\n", ":1:22: ", "group a: expected exclusive, together or always"},
        {"memory: {turn_s: 0}\n", ":1:18: ", "turn_s: expected a number from 1"},
        {"data: /x\ndata: /y\n", ":2:1: ", "\"data\" is there twice, first in line 1"},
        {"data: /x\n---\ndata: /y\n", ":3:1: ", "a second document"},
        {"a: &a [*a]\nx-b: 1\n", ":1:1: ", "unknown key \"a\""},
        {"data: \"a\\0b\"\n", ":1:7: ", "expected a text"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config c;
        struct err_text why = {0};
        config_init(&c);
        assert_int_equal(load(&c, cases[i].text, &why), ERR_INVALID);
        if (!strstr(why.text, cases[i].place) || !strstr(why.text, cases[i].what))
            fail_msg("case %zu: %s", i, why.text);
        config_release(&c);
    }
}

static void servers_are_a_mapping_or_a_list(void **state)
{
    (void)state;
    static const char text[] =
        "x-common: &common\n"
        "  slots: 2\n"
        "  on_demand: false\n"
        "servers:\n"
        "  qwen3:\n"
        "    <<: *common\n"
        "    model_path: /m/q.gguf\n"
        "    args: --ctx-size 8192 --flag 'two words'\n"
        "    env: {CUDA_VISIBLE_DEVICES: 0, TOKEN: a=b}\n"
        "    aliases: [gpt-4o, 7]\n"
        "    on_demand: true\n"
        "    rewrite: {set: {temperature: 0.5, seed: 1, stop: [\"1\"]}, strip: [top_p]}\n"
        "  whisper:\n"
        "    command: [whisper-server, --port, \"${PORT}\", -t, 4]\n"
        "    group: audio\n"
        "    idle_stop_s: 600\n";
    struct config c;
    struct err_text why = {0};
    config_init(&c);
    if (load(&c, text, &why))
        fail_msg("%s", why.text);
    assert_int_equal(c.n_servers, 2);
    const struct server_patch *q = &c.servers[0], *w = &c.servers[1];
    assert_string_equal(q->name, "qwen3");
    assert_string_equal(q->kind, "llama-server");
    assert_string_equal(q->model_path, "/m/q.gguf");
    assert_int_equal(q->args.n, 4);
    assert_string_equal(q->args.v[3], "two words");
    assert_int_equal(q->on_demand, 1); /* its own wins over the merged one */
    static const char *const parts[] = {"\"slots\":2", "\"CUDA_VISIBLE_DEVICES\":\"0\"", "\"TOKEN\":\"a=b\"",
                                        "\"7\"", "\"temperature\":0.5,\"seed\":1,\"stop\":[\"1\"]"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_non_null(strstr(q->settings_json, parts[i]));
    assert_string_equal(w->kind, "command");
    assert_int_equal(w->command.n, 5);
    assert_string_equal(w->command.v[4], "4");
    config_release(&c);

    config_init(&c);
    assert_int_equal(load(&c, "servers:\n- name: a\n  kind: demo\n- {name: b, kind: demo}\n", &why), ERR_OK);
    assert_int_equal(c.n_servers, 2);
    assert_string_equal(c.servers[1].name, "b");
    config_release(&c);
    config_init(&c);
    assert_int_equal(load(&c, "servers:\n", &why), ERR_OK);
    assert_int_equal(c.n_servers, 0);
    config_release(&c);
}

static void faults_of_a_server_point_at_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *what;
    } cases[] = {
        {"servers: {a: {kind: demo, slotz: 1}}\n", ":1:27: ", "did you mean \"slots\"?"},
        {"servers:\n  a:\n    kind: demo\n    slots: two\n",
         ":4:12: ", "slots: expected a whole number, found \"two\""},
        {"servers:\n  a:\n    kind: demo\n    slots: 99999\n", ":4:5: ", "server a: \"slots\""},
        {"servers:\n  a:\n    kind: demo\n    on_demand: yes\n",
         ":4:16: ", "expected true or false, found \"yes\""},
        {"servers:\n  a:\n    args: x\n", ":2:3: ", "server a: \"model_path\" is missing"},
        {"servers:\n  a:\n    model_path: m.gguf\n", ":3:5: ", "absolute path"},
        {"servers:\n  a:\n    kind: magic\n", ":3:5: ", "\"kind\" must be"},
        {"servers:\n  a:\n    command: vllm serve x\n", ":3:5: ", "${SOCKET} or ${PORT}"},
        {"servers:\n  a:\n    command: vllm --port ${PORT} | tee x\n", ":3:14: ", "\"|\" needs a shell"},
        {"servers:\n  a:\n    command: \"x '\"\n", ":3:14: ", "a quote (') is not closed"},
        {"servers:\n  a:\n    kind: demo\n    rewrite: {set: 5}\n", ":4:5: ", "\"set\" must be"},
        {"servers:\n  a:\n    kind: demo\n    env: {1X: 5}\n", ":4:5: ", "none of a variable: 1X"},
        {"servers:\n  a:\n    kind: demo\n    env: [A=b]\n", ":4:10: ", "env: expected a mapping"},
        {"servers:\n  a:\n    name: b\n    kind: demo\n", ":3:5: ", "it has its name already"},
        {"servers:\n- kind: demo\n", ":2:3: ", "\"name\" is missing"},
        {"servers:\n  a: {kind: demo}\n  A: {kind: demo}\n", ":3:3: ", "\"name\" is taken"},
        {"servers:\n  a: {kind: demo}\n  b: {kind: demo, aliases: [A]}\n",
         ":3:3: ", "is a name of the server a"},
        {"servers: {a: 5}\n", ":1:14: ", "a: expected a mapping"},
        {"servers: 5\n", ":1:10: ", "servers: expected a mapping"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config c;
        struct err_text why = {0};
        config_init(&c);
        assert_int_equal(load(&c, cases[i].text, &why), ERR_INVALID);
        if (!strstr(why.text, cases[i].place) || !strstr(why.text, cases[i].what))
            fail_msg("case %zu: %s", i, why.text);
        config_release(&c);
    }
}

static void sizes_of_memory_have_units(void **state)
{
    (void)state;
    struct config c;
    struct err_text why;
    config_init(&c);
    assert_int_equal(
        load(&c, "memory: {budget: 1.5 GiB, gpu_budget: 512M, turn_s: 5, groups: {big: always}}\n", &why),
        ERR_OK);
    assert_string_equal(c.memory_json,
                        "{\"budget_bytes\":1610612736,\"gpu_budget_bytes\":536870912,\"turn_s\":5,"
                        "\"groups\":{\"big\":\"always\"}}");
    config_release(&c);
    config_init(&c);
    assert_int_equal(load(&c, "memory: {budget: 4096, gpu_budget: null}\n", &why), ERR_OK);
    assert_string_equal(c.memory_json, "{\"budget_bytes\":4096,\"gpu_budget_bytes\":null}");
    config_release(&c);
}

/* Aliases of aliases of aliases: what is written small must not become large. */
static void aliases_are_bounded(void **state)
{
    (void)state;
    AUTO(buf) struct buf *text = buf_new();
    struct config c;
    struct err_text why = {0};
    buf_add_str(text, "x-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for (int i = 1; i < 12; i++) {
        buf_addf(text, "x-%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_addf(text, "%s*a%d", k ? ", " : "", i - 1);
        buf_add_str(text, "]\n");
    }
    buf_add_str(text, "servers: {a: {kind: demo, rewrite: {set: {x: *a11}}}}\n");
    config_init(&c);
    assert_int_equal(load(&c, buf_str(text), &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "too much"));
    config_release(&c);
    config_init(&c);
    assert_int_equal(load(&c, "servers: {a: {kind: demo, rewrite: &r {set: {x: *r}}}}\n", &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "nested too deep"));
    config_release(&c);
}

static void all_faults_are_told_at_once(void **state)
{
    (void)state;
    char path[] = "/tmp/hob-test-config-XXXXXX";
    static const char text[] =
        "lisen: 1\ntitles: x\nservers: {a: {kind: demo, slots: x, args: 'a'}, b: {kind: y}}\n";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct config c;
    struct strv faults = {0};
    config_init(&c);
    assert_int_equal(config_check(&c, path, &faults), ERR_INVALID);
    assert_int_equal(faults.n, 4);
    for (size_t i = 0; i < faults.n; i++)
        assert_int_equal(strncmp(faults.v[i], path, strlen(path)), 0);
    unlink(path);
    strv_release(&faults);
    assert_int_equal(config_check(&c, path, &faults), ERR_INVALID);
    assert_non_null(strstr(faults.v[0], "cannot read it"));
    strv_release(&faults);
    config_release(&c);
}

static void commands_are_split_without_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words; /* joined with | */
    } cases[] = {
        {"a b  c", "a|b|c"},
        {"", ""},
        {"  a\n\tb\r\n c ", "a|b|c"},
        {"a \\\n  b\\\nc", "a|b|c"},
        {"# first\na # b\n  # c\nd", "a|#|b|d"},
        {"a 'b c' \"d e\" f\\ g", "a|b c|d e|f g"},
        {"a '' \"\"", "a||"},
        {"a'b'\"c\"d", "abcd"},
        {"'{\"x\": \"$y\"}'", "{\"x\": \"$y\"}"},
        {"\"a\\\"b\\n\"", "a\"b\\n"},
        {"--port ${PORT} 'a|b'", "--port|${PORT}|a|b"},
        {"a \\\n # c\n b", "a|b"},
    };
    static const char *const refused[] = {"a | b", "a && b", "a > b", "a; b",
                                          "a `b`", "a $(b)", "a 'b",  "a \"b"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *joined = buf_new();
        struct strv words = {0};
        struct err_text why;
        assert_int_equal(words_split(cases[i].text, false, &words, &why), ERR_OK);
        for (size_t k = 0; k < words.n; k++)
            buf_addf(joined, "%s%s", k ? "|" : "", words.v[k]);
        assert_string_equal(buf_str(joined), cases[i].words);
        strv_release(&words);
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct strv words = {0};
        struct err_text why = {0};
        assert_int_equal(words_split(refused[i], false, &words, &why), ERR_INVALID);
        strv_release(&words);
    }
}

static void near_names_are_found(void **state)
{
    (void)state;
    static const char *const names[] = {"listen", "data", "log_level", "slots"};
    assert_string_equal(str_nearest("lsiten", names, 4), "listen");
    assert_string_equal(str_nearest("Log-Level", names, 4), "log_level");
    assert_string_equal(str_nearest("slot", names, 4), "slots");
    assert_null(str_nearest("x", names, 4));
    assert_null(str_nearest("frequency", names, 4));
    assert_int_equal(str_distance(SPAN_LIT("abcd"), SPAN_LIT("acbd")), 1);
    assert_int_equal(str_distance(SPAN_LIT(""), SPAN_LIT("abc")), 3);
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
        cmocka_unit_test(faults_name_file_line_column_and_what_is_expected),
        cmocka_unit_test(servers_are_a_mapping_or_a_list),
        cmocka_unit_test(faults_of_a_server_point_at_its_field),
        cmocka_unit_test(sizes_of_memory_have_units),
        cmocka_unit_test(aliases_are_bounded),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(commands_are_split_without_a_shell),
        cmocka_unit_test(near_names_are_found),
        cmocka_unit_test(listen_takes_the_usual_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
