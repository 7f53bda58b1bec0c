/* Engines that fail, as real processes: what is told, and what they were given. */
#include "engine_fixture.h"

static void failures_say_why(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *script, *reason, *line, *hint; /* NULL: not looked at */
        int exit_code;
        const char *signal;
    } cases[] = {
        {"echo 'error: unknown argument: --foo' >&2; exit 1", "The engine exited with code 1 while starting",
         "error: unknown argument: --foo", "does not know one of its options", 1, NULL},
        {"echo last words; printf 'no end'; exit 0", "The engine exited with code 0 while starting", "no end",
         NULL, 0, NULL},
        {"kill -SEGV $$", "The engine was ended by SIGSEGV while starting", NULL, NULL, -1, "SIGSEGV"},
        {"kill -KILL $$", NULL, NULL, "Not enough memory", -1, "SIGKILL"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        make_shell(f, cases[i].script);
        engine_start(f->engine);
        run_until(f, is_failed, "failed");
        const struct engine_failure *failure = engine_failure(f->engine);
        assert_non_null(failure);
        if (cases[i].reason)
            assert_string_equal(failure->reason, cases[i].reason);
        assert_int_equal(failure->exit_code, cases[i].exit_code);
        if (cases[i].signal)
            assert_string_equal(failure->signal, cases[i].signal);
        else
            assert_null(failure->signal);
        if (cases[i].line) {
            assert_true(failure->log.n > 0);
            assert_string_equal(failure->log.v[failure->log.n - 1], cases[i].line);
        }
        if (cases[i].hint)
            assert_non_null(strstr(failure->hint, cases[i].hint));
        assert_int_equal(engine_restart_in_ms(f->engine), -1); /* it was never ready */
        assert_int_equal(engine_pid(f->engine), 0);
        f->is_closed = false;
        engine_close(f->engine, on_closed, f);
        run_until(f, is_closed, "closed");
    }
}

static void command_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"/nowhere/hob-no-such-engine", "${SOCKET}", NULL};
    make_engine(f, ENGINE_GENERIC, argv);
    engine_start(f->engine);
    run_until(f, is_failed, "failed");
    assert_string_equal(engine_failure(f->engine)->reason,
                        "The engine could not be started: /nowhere/hob-no-such-engine: command not found");
    assert_non_null(engine_failure(f->engine)->hint);
    assert_int_equal(engine_failure(f->engine)->exit_code, -1);
}

static void command_without_a_place_to_listen(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"true", NULL};
    make_engine(f, ENGINE_GENERIC, argv);
    engine_start(f->engine);
    run_until(f, is_failed, "failed");
    assert_non_null(strstr(engine_failure(f->engine)->reason, "neither ${SOCKET} nor ${PORT}"));
    assert_string_equal(buf_str(&f->states), "starting failed ");
    engine_stop(f->engine);
    assert_int_equal(engine_state(f->engine), ENGINE_STOPPED);
    assert_null(engine_failure(f->engine));
}

/* Silent and idle: killed first, and FAILED only when it is gone. */
static void load_without_progress_is_ended(void **state)
{
    struct fixture *f = *state;
    f->stall_ms = 1000;
    make_shell(f, "trap '' TERM; echo begun; while :; do sleep 1000; done");
    engine_start(f->engine);
    run_until(f, is_failed, "failed");
    assert_string_equal(buf_str(&f->states), "starting stopping failed ");
    assert_string_equal(engine_failure(f->engine)->reason,
                        "The engine made no progress for 1 s and was ended");
    assert_int_equal(engine_failure(f->engine)->log.n, 1);
    assert_int_equal(count_children(), 0);
}

static bool has_logged_for_long(struct fixture *f)
{
    AUTO(mem) char *path = xasprintf("%s/done", f->dir);
    return access(path, F_OK) == 0;
}

static void load_with_progress_is_left_alone(void **state)
{
    struct fixture *f = *state;
    f->stall_ms = 1000;
    AUTO(mem)
    char *script = xasprintf(
        "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.25; done; : > %s/done; sleep 1000", f->dir);
    make_shell(f, script);
    engine_start(f->engine);
    run_until(f, has_logged_for_long, "its tenth line");
    assert_true(engine_state_has_process(engine_state(f->engine)));
    assert_null(strstr(buf_str(&f->states), "stopping"));
}

/* Progress in the log alone makes it LOADING: vLLM refuses connections until it is ready. */
static void bars_in_the_log_are_progress(void **state)
{
    struct fixture *f = *state;
    make_shell(
        f,
        "printf '\\rLoading safetensors checkpoint shards:  50%% Completed | 10/20 [00:10<00:10, 1s/it]' >&2;"
        "sleep 1000");
    engine_start(f->engine);
    run_until(f, is_loading, "loading");
    struct engine_progress p;
    assert_true(engine_progress(f->engine, &p));
    assert_true(p.value > 0.42 && p.value < 0.43);
    assert_int_equal(p.left_s, 10);
    assert_int_equal(p.source, ENGINE_SOURCE_LOG);
}

static void collect(const struct engine_log_line *line, void *arg)
{
    buf_addf(arg, "%s: %.*s\n", line->stream, SPAN_ARG(line->text));
}

/* Nothing of hob's environment, privileges or descriptors reaches an engine; what it is given does. */
static void engine_gets_only_what_it_needs(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(setenv("HOB_TEST_SECRET", "canary", 1), 0);
    assert_int_equal(setenv("CUDA_VISIBLE_DEVICES", "3", 1), 0);
    assert_int_equal(setenv("LLAMA_ARG_HOST", "0.0.0.0", 1), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    int leak = open("/dev/null", O_RDONLY); /* not CLOEXEC */
    assert_true(leak > 3);
    struct engine_options options = {.run_dir = f->run_dir, .reaper = f->reaper};
    struct engine_spec spec = {.id = ENGINE_ID, .name = "test", .protocol = ENGINE_LLAMA, .slots = 3};
    spec.model_path = "/models/-x ${SOCKET}.gguf";
    strv_add(&spec.argv, "sh");
    strv_add(&spec.argv, "-c");
    strv_add(&spec.argv,
             "env; grep -E 'NoNewPrivs|SigIgn|SigBlk' /proc/self/status; ulimit -c; ls /proc/self/fd | xargs;"
             " cat /proc/self/oom_score_adj; echo \"$0\" \"$@\"; exit 5");
    strv_add(&spec.argv, "name");
    strv_add(&spec.env, "GIVEN=yes");
    strv_add(&spec.env, "LANG=xx");
    f->engine = engine_new(f->loop, f->client, &options, &spec, NULL, NULL);
    strv_release(&spec.argv);
    strv_release(&spec.env);
    engine_start(f->engine);
    run_until(f, is_failed, "failed");
    struct buf log = {0};
    (void)engine_log_read(f->engine, 0, collect, &log);
    const char *text = buf_str(&log);
    assert_null(strstr(text, "canary"));
    assert_null(strstr(text, "LLAMA_ARG_HOST"));
    assert_non_null(strstr(text, "CUDA_VISIBLE_DEVICES=3\n"));
    assert_non_null(strstr(text, "GIVEN=yes\n"));
    assert_non_null(strstr(text, "LANG=xx\n"));
    assert_non_null(strstr(text, "PATH="));
    assert_non_null(strstr(text, "LLAMA_SERVER_ROUTER_PORT=1\n"));
    assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
    assert_non_null(strstr(text, "SigIgn:\t0000000000000000\n"));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
    assert_non_null(strstr(text, "out: 0\nout: 0 1 2 3\nout: ")); /* no core; 3 is ls's own */
    AUTO(mem)
    char *args = xasprintf(
        "out: name --model /models/-x ${SOCKET}.gguf --alias test --parallel 3 --host %s/%s.sock\n",
        f->run_dir, ENGINE_ID);
    assert_non_null(strstr(text, args));
    buf_release(&log);
    (void)close(leak);
}

static bool has_file_of_log(struct fixture *f)
{
    AUTO(mem) char *path = xasprintf("%s/%s.log", f->dir, ENGINE_ID);
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > 0;
}

static void log_is_kept_over_starts_and_on_disk(void **state)
{
    struct fixture *f = *state;
    make_shell(f, "echo one; exit 1");
    engine_start(f->engine);
    run_until(f, is_failed, "failed");
    int64_t after = engine_log_read(f->engine, 0, collect, &f->states);
    buf_clear(&f->states);
    engine_start(f->engine);
    run_until(f, is_failed, "failed again");
    engine_log_add(f->engine, "a line of %s", "hob's");
    struct buf log = {0};
    int64_t newest = engine_log_read(f->engine, after, collect, &log);
    assert_true(newest > after);
    assert_non_null(strstr(buf_str(&log), "out: one\n"));
    assert_non_null(strstr(buf_str(&log), "hob: The engine exited with code 1 while starting\n"));
    assert_non_null(strstr(buf_str(&log), "hob: a line of hob's\n"));
    assert_int_equal(engine_failure(f->engine)->log.n, 1); /* of this start alone */
    buf_release(&log);
    run_until(f, has_file_of_log, "the log file");
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "engine-exec") == 0)
        return engine_exec_main(argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
        TEST(failures_say_why),
        TEST(command_that_is_not_there),
        TEST(command_without_a_place_to_listen),
        TEST(load_without_progress_is_ended),
        TEST(load_with_progress_is_left_alone),
        TEST(bars_in_the_log_are_progress),
        TEST(engine_gets_only_what_it_needs),
        TEST(log_is_kept_over_starts_and_on_disk),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
