/* The demo engine over a socket, run in a child process: its load, its streams, its faults, its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo/demo.h"
#include "http/http.h"

#define DEADLINE_MS 20000

struct fixture {
    struct loop *loop;
    struct http_client *client;
    char dir[32], socket[64];
    pid_t pid;                /* of the engine, 0: none */
    int to_child, from_child; /* its stdin and stdout when it has a router, else -1 */
};

struct call {
    struct fixture *fx;
    struct http_call *call;
    int status; /* 0: no header yet */
    struct buf body;
    bool is_done;
    enum err e;
    size_t stop_at; /* leaves the loop once so many body bytes are there; 0: at the end */
};

static int set_up(void **state)
{
    struct fixture *fx = xcalloc(1, sizeof *fx);
    snprintf(fx->dir, sizeof fx->dir, "/tmp/hob-demo-XXXXXX");
    assert_non_null(mkdtemp(fx->dir));
    snprintf(fx->socket, sizeof fx->socket, "%s/s", fx->dir);
    fx->loop = loop_new();
    fx->client = http_client_new(fx->loop);
    fx->to_child = fx->from_child = -1;
    *state = fx;
    return 0;
}

static void close_pipes(struct fixture *fx)
{
    if (fx->to_child >= 0)
        close(fx->to_child);
    if (fx->from_child >= 0)
        close(fx->from_child);
    fx->to_child = fx->from_child = -1;
}

static int tear_down(void **state)
{
    struct fixture *fx = *state;
    if (fx->pid) {
        kill(fx->pid, SIGKILL);
        waitpid(fx->pid, NULL, 0);
    }
    close_pipes(fx);
    http_client_close(fx->client);
    loop_free(fx->loop);
    unlink(fx->socket);
    rmdir(fx->dir);
    free(fx);
    return 0;
}

static _Noreturn void run_engine(const struct fixture *fx, struct demo_options *o, const int in[2],
                                 const int out[2])
{
    if (in) {
        setenv("LLAMA_SERVER_ROUTER_PORT", "1", 1);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        close(out[0]);
    }
    if (!freopen("/dev/null", "w", stderr))
        _exit(3);
    o->socket_path = fx->socket;
    _exit(demo_run(o));
}

static void start(struct fixture *fx, struct demo_options *o)
{
    fx->pid = fork();
    assert_true(fx->pid >= 0);
    if (fx->pid == 0)
        run_engine(fx, o, NULL, NULL);
}

static void start_with_router(struct fixture *fx, struct demo_options *o)
{
    int in[2], out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    fx->pid = fork();
    assert_true(fx->pid >= 0);
    if (fx->pid == 0)
        run_engine(fx, o, in, out);
    close(in[0]);
    close(out[1]);
    fx->to_child = in[1];
    fx->from_child = out[0];
}

/* The engine's wait status once it has ended by itself. */
static int wait_end(struct fixture *fx)
{
    int64_t deadline = clock_ms() + DEADLINE_MS;
    int status;
    while (waitpid(fx->pid, &status, WNOHANG) == 0) {
        if (clock_ms() > deadline)
            fail_msg("the engine did not end");
        usleep(2000);
    }
    fx->pid = 0;
    return status;
}

/* ---- calls ---- */

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)call;
    (void)fields;
    ((struct call *)arg)->status = status;
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct call *c = arg;
    buf_add_span(&c->body, data);
    if (c->stop_at && c->body.len >= c->stop_at)
        loop_stop(c->fx->loop);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    (void)why;
    struct call *c = arg;
    c->is_done = true;
    c->e = e;
    loop_stop(c->fx->loop);
}

static void on_deadline(void *arg)
{
    (void)arg;
    fail_msg("no answer in time");
}

/* Lets the loop run until c is done, or has as many bytes as it wants. */
static void run(struct call *c)
{
    struct loop_timer deadline = {0};
    loop_timer_init(&deadline, c->fx->loop, on_deadline, NULL);
    loop_timer_start(&deadline, DEADLINE_MS);
    while (!c->is_done && !(c->stop_at && c->body.len >= c->stop_at))
        loop_run(c->fx->loop);
    loop_timer_stop(&deadline);
}

static void begin(struct fixture *fx, struct call *c, const char *method, const char *target,
                  const char *body, int64_t idle_timeout_ms)
{
    struct http_call_events ev = {.on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct http_endpoint to = {.unix_path = fx->socket};
    struct http_call_options options = {.method = method,
                                        .target = target,
                                        .body = span_str(body),
                                        .header_timeout_ms = idle_timeout_ms,
                                        .idle_timeout_ms = idle_timeout_ms};
    *c = (struct call){.fx = fx};
    c->call = http_call_start(fx->client, &to, &options, &ev, c);
}

static void ask(struct fixture *fx, struct call *c, const char *method, const char *target, const char *body)
{
    begin(fx, c, method, target, body, 0);
    run(c);
}

static void wait_ready(struct fixture *fx)
{
    for (int64_t deadline = clock_ms() + DEADLINE_MS; clock_ms() < deadline;) {
        struct call c;
        ask(fx, &c, "GET", "/health", NULL);
        buf_release(&c.body);
        if (c.status == 200)
            return;
        usleep(5000);
    }
    fail_msg("the engine was never ready");
}

static const char chat[] = "/v1/chat/completions";

/* The concatenated texts of a stream's deltas under that key. */
static char *deltas(const struct buf *stream, const char *key)
{
    AUTO(buf) struct buf *text = buf_new();
    struct span rest = buf_span(stream);
    while (rest.p) {
        struct span line = span_cut(rest, '\n', &rest);
        AUTO(json_doc) yyjson_doc *doc = NULL;
        yyjson_val *root;
        if (!span_starts(line, "data: {") ||
            json_parse_object(span_of(line.p + 6, line.len - 6), &doc, &root, NULL) != ERR_OK)
            continue;
        yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(root, "choices"));
        buf_add_str(text, json_str_or(yyjson_obj_get(choice, "delta"), key, ""));
    }
    return buf_take_str(text);
}

static char *content_of(const struct buf *reply)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    assert_int_equal(json_parse_object(buf_span(reply), &doc, &root, NULL), ERR_OK);
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(root, "choices"));
    return xstrdup(json_str_or(yyjson_obj_get(choice, "message"), "content", NULL));
}

static int count_text(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* ---- tests ---- */

static void refuses_then_loads_then_answers(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.refuse_s = 0.2;
    o.load_s = 0.4;
    start(fx, &o);
    bool was_refused = false, was_loading = false, is_ready = false;
    for (int64_t deadline = clock_ms() + DEADLINE_MS; !is_ready && clock_ms() < deadline;) {
        struct call c;
        ask(fx, &c, "GET", was_loading ? "/health" : chat, NULL);
        if (!c.status) {
            assert_false(was_loading);
            was_refused = true;
        } else if (c.status == 503) {
            assert_string_equal(buf_str(&c.body), "{\"error\":{\"message\":\"Loading model\",\"type\":"
                                                  "\"unavailable_error\",\"code\":503}}");
            was_loading = true;
        } else {
            assert_int_equal(c.status, 200);
            assert_string_equal(buf_str(&c.body), "{\"status\":\"ok\"}");
            is_ready = true;
        }
        buf_release(&c.body);
        usleep(5000);
    }
    assert_true(was_refused && was_loading && is_ready);
}

static void streams_like_llama_server(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.tokens_per_s = 0;
    o.think = true;
    start(fx, &o);
    wait_ready(fx);
    struct call whole, c;
    ask(fx, &whole, "POST", chat, "{\"messages\":[{\"role\":\"user\",\"content\":\"long 700\"}]}");
    ask(fx, &c, "POST", chat,
        "{\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"messages\":[{\"role\":\"user\",\"content\":\"long 700\"}]}");
    assert_int_equal(c.status, 200);
    assert_int_equal(c.e, ERR_OK);
    const char *s = buf_str(&c.body);
    AUTO(mem) char *text = content_of(&whole.body);
    AUTO(mem) char *streamed = deltas(&c.body, "content");
    AUTO(mem) char *thoughts = deltas(&c.body, "reasoning_content");
    assert_string_equal(streamed, text);
    assert_non_null(strstr(thoughts, "demo"));
    assert_true(strstr(s, "{\"role\":\"assistant\",\"content\":null}") < strstr(s, "reasoning_content"));
    assert_int_equal(count_text(s, "\"content\":\""), 700);
    assert_int_equal(count_text(s, "\"finish_reason\":\"stop\""), 1);
    const char *end = strstr(s, "\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}");
    assert_non_null(end);
    assert_true(strstr(end, "\"timings\":{") < strstr(end, "\"choices\":[]"));
    assert_non_null(strstr(strstr(end, "\"choices\":[]"), "\"usage\":{"));
    assert_string_equal(s + c.body.len - 14, "data: [DONE]\n\n");
    buf_release(&whole.body);
    buf_release(&c.body);
}

static void goes_on_and_ends_where_told(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.tokens_per_s = 0;
    start(fx, &o);
    wait_ready(fx);
    static const struct {
        const char *body, *content, *reason;
    } cases[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"count to 9\"}]}", "1 2 3 4 5 6 7 8 9", "stop"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"count to 9\"},"
         "{\"role\":\"assistant\",\"content\":\"1 2 3 4\"}]}",
         " 5 6 7 8 9", "stop"},
        {"{\"max_tokens\":3,\"messages\":[{\"role\":\"user\",\"content\":\"count to 9\"}]}", "1 2 3",
         "length"},
        {"{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"count to 9\"}]}",
         "1 2 3 4 5 6 7 8 9", "stop"},
        {"{\"stop\":[\" 7\",\" 5\"],\"messages\":[{\"role\":\"user\",\"content\":\"count to 9\"}]}",
         "1 2 3 4", "stop"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"echo x\"}]}]}", "x",
         "stop"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct call c;
        ask(fx, &c, "POST", chat, cases[i].body);
        assert_int_equal(c.status, 200);
        AUTO(mem) char *content = content_of(&c.body);
        AUTO(mem) char *reason = xasprintf("\"finish_reason\":\"%s\"", cases[i].reason);
        assert_string_equal(content, cases[i].content);
        assert_non_null(strstr(buf_str(&c.body), reason));
        buf_release(&c.body);
    }
}

static void says_what_is_wrong(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    start(fx, &o);
    wait_ready(fx);
    static const struct {
        const char *method, *target, *body;
        int status;
    } cases[] = {
        {"POST", chat, "{\"messages\":", 400}, {"POST", chat, "{}", 400},        {"GET", chat, NULL, 404},
        {"GET", "/nowhere", NULL, 404},        {"GET", "/v1/models", NULL, 200}, {"GET", "/props", NULL, 200},
        {"GET", "/slots", NULL, 200},          {"GET", "/v1/health", NULL, 200},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct call c;
        AUTO(mem) char *code = xasprintf("\"code\":%d}}", cases[i].status);
        ask(fx, &c, cases[i].method, cases[i].target, cases[i].body);
        assert_int_equal(c.status, cases[i].status);
        if (c.status >= 400)
            assert_non_null(strstr(buf_str(&c.body), code));
        buf_release(&c.body);
    }
}

static void answers_every_chat_with_the_wished_status(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.status = 429;
    start(fx, &o);
    wait_ready(fx);
    struct call c;
    ask(fx, &c, "POST", chat, "{\"messages\":[]}");
    assert_int_equal(c.status, 429);
    assert_non_null(strstr(buf_str(&c.body), "\"type\":\"rate_limit_error\",\"code\":429}}"));
    buf_release(&c.body);
}

static void a_busy_engine_says_nothing(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.slots = 1;
    o.tokens_per_s = 200;
    start(fx, &o);
    wait_ready(fx);
    const char *body = "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"count to 9999\"}]}";
    struct call first, second, health;
    begin(fx, &first, "POST", chat, body, 0);
    first.stop_at = 1;
    run(&first);
    begin(fx, &second, "POST", chat, "{\"messages\":[{\"role\":\"user\",\"content\":\"echo now\"}]}", 0);
    first.stop_at = first.body.len + 5000;
    run(&first);
    assert_int_equal(second.status, 0);
    ask(fx, &health, "GET", "/health", NULL);
    assert_int_equal(health.status, 200);
    /* whoever leaves frees the slot at once */
    http_call_cancel(first.call);
    run(&second);
    assert_int_equal(second.status, 200);
    buf_release(&first.body);
    buf_release(&second.body);
    buf_release(&health.body);
}

static void dies_in_mid_stream(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.die_after_tokens = 5;
    o.tokens_per_s = 500;
    start(fx, &o);
    wait_ready(fx);
    struct call c;
    ask(fx, &c, "POST", chat,
        "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"count to 99\"}]}");
    assert_int_equal(c.status, 200);
    assert_int_equal(c.e, ERR_CLOSED);
    AUTO(mem) char *said = deltas(&c.body, "content");
    assert_string_equal(said, "1 2 3 4 5");
    buf_release(&c.body);
    int status = wait_end(fx);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void dies_before_its_first_byte(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.die_after_tokens = 0;
    start(fx, &o);
    wait_ready(fx);
    struct call c;
    ask(fx, &c, "POST", chat, "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_int_equal(c.status, 0);
    assert_int_not_equal(c.e, ERR_OK);
    buf_release(&c.body);
    assert_true(WIFSIGNALED(wait_end(fx)));
}

static void falls_silent(void **state)
{
    struct fixture *fx = *state;
    static const struct {
        int64_t after;
        int status;
        const char *said;
    } cases[] = {{3, 200, "1 2 3"}, {0, 0, ""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct demo_options o;
        demo_options_init(&o);
        o.hang_after_tokens = cases[i].after;
        o.tokens_per_s = 500;
        start(fx, &o);
        wait_ready(fx);
        struct call c, health;
        begin(fx, &c, "POST", chat,
              "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"count to 99\"}]}", 400);
        run(&c);
        assert_int_equal(c.e, ERR_TIMEOUT);
        assert_int_equal(c.status, cases[i].status);
        AUTO(mem) char *said = deltas(&c.body, "content");
        assert_string_equal(said, cases[i].said);
        ask(fx, &health, "GET", "/health", NULL);
        assert_int_equal(health.status, 200);
        buf_release(&c.body);
        buf_release(&health.body);
        kill(fx->pid, SIGTERM);
        int status = wait_end(fx);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        /* the next engine has the same address */
        struct http_endpoint to = {.unix_path = fx->socket};
        http_client_forget(fx->client, &to);
    }
}

static void dies_while_loading(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.load_s = 0.3;
    o.die_while_loading = true;
    start(fx, &o);
    int status = wait_end(fx);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void ends_on_sigterm_in_mid_stream(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    start(fx, &o);
    wait_ready(fx);
    struct call c;
    begin(fx, &c, "POST", chat,
          "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"count to 9999\"}]}", 0);
    c.stop_at = 1000;
    run(&c);
    kill(fx->pid, SIGTERM);
    c.stop_at = 0;
    run(&c);
    assert_int_equal(c.e, ERR_CLOSED);
    assert_null(strstr(buf_str(&c.body), "[DONE]"));
    buf_release(&c.body);
    int status = wait_end(fx);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Reads the engine's stdout until it says that it is ready; all of it is returned. */
static char *read_until_ready(struct fixture *fx)
{
    AUTO(buf) struct buf *out = buf_new();
    while (!strstr(buf_str(out), "{\"state\":\"ready\"}\n")) {
        ssize_t n = read(fx->from_child, buf_reserve(out, 512), 512);
        if (n <= 0)
            fail_msg("stdout ended: %s", buf_str(out));
        out->len += (size_t)n;
        out->p[out->len] = '\0';
    }
    return buf_take_str(out);
}

static void tells_its_router(void **state)
{
    struct fixture *fx = *state;
    struct demo_options o;
    demo_options_init(&o);
    o.load_s = 0.5;
    start_with_router(fx, &o);
    AUTO(mem) char *out = read_until_ready(fx);
    assert_true(count_text(out, "cmd_child_to_router:state:{\"state\":\"loading\",\"payload\":{\"stages\":"
                                "[\"text_model\"],\"current\":\"text_model\",\"value\":0.") >= 3);
    /* a closed stdin: the parent is gone */
    close(fx->to_child);
    fx->to_child = -1;
    int status = wait_end(fx);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close_pipes(fx);

    /* told to end while its stdin is closed early: not before it is ready */
    o.load_s = 0.2;
    start_with_router(fx, &o);
    close(fx->to_child);
    fx->to_child = -1;
    free(read_until_ready(fx));
    status = wait_end(fx);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close_pipes(fx);

    start_with_router(fx, &o);
    static const char line[] = "cmd_router_to_child:exit\n";
    assert_int_equal(write(fx->to_child, line, sizeof line - 1), sizeof line - 1);
    status = wait_end(fx);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_then_loads_then_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_like_llama_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_and_ends_where_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_every_chat_with_the_wished_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_engine_says_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dies_in_mid_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dies_before_its_first_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(falls_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dies_while_loading, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_on_sigterm_in_mid_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_its_router, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
