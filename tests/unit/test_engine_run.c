/* Engines as real processes: their lives, as wished and otherwise. */
#include "engine_fixture.h"

static void engine_starts_loads_and_stops(void **state)
{
    struct fixture *f = *state;
    make_fake(f, "slow", NULL);
    struct engine_progress p;
    assert_false(engine_progress(f->engine, &p));
    for (int i = 0; i < 100; i++)
        engine_start(f->engine); /* single-flight */
    assert_int_equal(engine_state(f->engine), ENGINE_STARTING);
    assert_true(engine_progress(f->engine, &p));
    run_until(f, is_loading, "loading");
    touch(f, "go");
    run_until(f, is_ready, "ready");
    int pid = engine_pid(f->engine);
    assert_true(is_alive(pid));
    assert_int_equal(engine_attempt(f->engine), 1);
    assert_true(engine_load_ms(f->engine) > 0);
    assert_true(engine_started_at_ms(f->engine) > 0);
    assert_non_null(engine_endpoint(f->engine)->unix_path);
    assert_null(engine_failure(f->engine));
    struct stat st;
    assert_int_equal(stat(f->run_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    engine_stop(f->engine);
    assert_int_equal(engine_state(f->engine), ENGINE_STOPPING);
    run_until(f, is_stopped, "stopped");
    assert_false(is_alive(pid));
    assert_string_equal(buf_str(&f->states), "starting loading ready stopping stopped ");
    AUTO(mem) char *socket_path = xasprintf("%s/%s.sock", f->run_dir, ENGINE_ID);
    assert_int_not_equal(access(socket_path, F_OK), 0);
    assert_int_equal(count_children(), 0);
}

static void restart_makes_a_new_process(void **state)
{
    struct fixture *f = *state;
    make_fake(f, NULL, NULL);
    engine_restart(f->engine); /* from STOPPED: a start */
    run_until(f, is_ready, "ready");
    int pid = engine_pid(f->engine);
    engine_restart(f->engine);
    engine_stop(f->engine);
    engine_start(f->engine); /* the last wish counts */
    run_until(f, is_ready, "ready again");
    assert_int_not_equal(engine_pid(f->engine), pid);
    assert_false(is_alive(pid));
    assert_int_equal(engine_attempt(f->engine), 2);
}

static void deaf_engine_is_killed_after_the_grace(void **state)
{
    struct fixture *f = *state;
    f->grace_ms = 400;
    make_fake(f, "deaf", NULL);
    engine_start(f->engine);
    run_until(f, is_ready, "ready");
    int pid = engine_pid(f->engine);
    int64_t from_ms = clock_ms();
    engine_stop(f->engine);
    run_until(f, is_stopped, "stopped");
    assert_true(clock_ms() - from_ms >= 400);
    assert_false(is_alive(pid));
    assert_null(engine_failure(f->engine));
}

static void kill_waits_for_no_grace(void **state)
{
    struct fixture *f = *state;
    f->grace_ms = 10 * DEADLINE_MS;
    make_fake(f, "deaf", NULL);
    engine_start(f->engine);
    run_until(f, is_ready, "ready");
    engine_stop(f->engine);
    engine_kill(f->engine);
    run_until(f, is_stopped, "stopped");
}

static void workers_end_with_their_engine(void **state)
{
    struct fixture *f = *state;
    make_fake(f, "workers", NULL);
    engine_start(f->engine);
    run_until(f, has_workers, "two workers");
    assert_int_equal(count_workers(f->dir, true), 2);
    engine_stop(f->engine);
    run_until(f, is_stopped, "stopped");
    assert_int_equal(count_workers(f->dir, true), 0);
}

/* The watcher itself is killed: the engine dies of its death signal, the rest by us. */
static void nothing_outlives_its_watcher(void **state)
{
    struct fixture *f = *state;
    make_fake(f, "workers", NULL);
    engine_start(f->engine);
    run_until(f, has_workers, "two workers");
    int pid = engine_pid(f->engine);
    char path[64];
    int watcher = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %*s %*c %d", &watcher), 1);
    (void)fclose(file);
    engine_stop(f->engine); /* so that no restart comes in between */
    assert_int_equal(kill(watcher, SIGKILL), 0);
    run_until(f, is_stopped, "stopped");
    int64_t until_ms = clock_ms() + DEADLINE_MS;
    while ((is_alive(pid) || count_workers(f->dir, true) > 0 || count_children() > 0) &&
           clock_ms() < until_ms)
        (void)uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
    assert_false(is_alive(pid));
    assert_int_equal(count_workers(f->dir, true), 0);
}

/* `hob` in this test: an engine with workers, until it is killed. */
static int hob_main(const char *dir)
{
    struct fixture *f = NULL;
    if (set_up((void **)&f) != 0)
        return 1;
    /* the test's folder instead of one of its own: nobody is left to remove that */
    (void)rmdir(f->dir);
    (void)snprintf(f->dir, sizeof f->dir, "%s", dir);
    free(f->run_dir);
    f->run_dir = xasprintf("%s/run", dir);
    free(f->log_dir);
    f->log_dir = xstrdup(dir);
    make_fake(f, "workers", "deaf");
    engine_start(f->engine);
    run_until(f, has_workers, "two workers");
    AUTO(mem) char *path = xasprintf("%s/pid-%d", f->dir, engine_pid(f->engine));
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    (void)close(fd);
    loop_run(f->loop);
    return 0;
}

static void nothing_outlives_hob(void **state)
{
    struct fixture *f = *state;
    pid_t hob = fork();
    if (hob == 0) {
        (void)execl("/proc/self/exe", "test", "hob", f->dir, NULL);
        _exit(1);
    }
    int64_t until_ms = clock_ms() + DEADLINE_MS;
    while (count_workers(f->dir, true) < 3 && clock_ms() < until_ms)
        (void)usleep(5000);
    assert_int_equal(count_workers(f->dir, true), 3);
    assert_int_equal(kill(hob, SIGKILL), 0);
    int64_t killed_ms = clock_ms();
    while (count_workers(f->dir, true) > 0 && clock_ms() < until_ms)
        (void)usleep(2000);
    assert_int_equal(count_workers(f->dir, true), 0);
    assert_true(clock_ms() - killed_ms < 1000);
    /* this test adopts what hob left: all of it has ended */
    while (count_children() > 0 && clock_ms() < until_ms)
        (void)waitpid(-1, NULL, WNOHANG);
}

static bool is_ready_again(struct fixture *f)
{
    return is_ready(f) && engine_attempt(f->engine) == 2;
}

static void crashed_engine_is_started_again(void **state)
{
    struct fixture *f = *state;
    make_fake(f, NULL, NULL);
    engine_start(f->engine);
    run_until(f, is_ready, "ready");
    touch(f, "crash");
    run_until(f, is_failed, "failed");
    const struct engine_failure *failure = engine_failure(f->engine);
    assert_non_null(failure);
    assert_string_equal(failure->reason, "The engine exited with code 7 while it was running");
    assert_int_equal(failure->exit_code, 7);
    assert_in_range(engine_restart_in_ms(f->engine), 0, 1000);
    run_until(f, is_ready_again, "ready again");
    assert_null(engine_failure(f->engine));
    assert_string_equal(buf_str(&f->states), "starting loading ready failed starting loading ready ");

    /* a stop while it waits for its restart ends the waiting */
    touch(f, "crash");
    run_until(f, is_failed, "failed");
    engine_stop(f->engine);
    assert_int_equal(engine_state(f->engine), ENGINE_STOPPED);
    assert_int_equal(engine_restart_in_ms(f->engine), -1);
    assert_null(engine_failure(f->engine));
}

/* Wishes from within the news of a change come after it. */
static enum engine_state stop_at_once(struct fixture *f, enum engine_state now)
{
    if (now == ENGINE_STARTING)
        engine_stop(f->engine);
    return now;
}

static enum engine_state close_at_once(struct fixture *f, enum engine_state now)
{
    if (now == ENGINE_LOADING)
        engine_close(f->engine, on_closed, f);
    return now;
}

static void wishes_may_come_from_within_news(void **state)
{
    struct fixture *f = *state;
    f->grace_ms = 10 * DEADLINE_MS; /* it is asked to end, not forgotten until then */
    make_fake(f, NULL, NULL);
    f->on_state = stop_at_once;
    engine_start(f->engine);
    run_until(f, is_stopped, "stopped");
    assert_string_equal(buf_str(&f->states), "starting stopping stopped ");
    f->on_state = close_at_once;
    engine_start(f->engine);
    run_until(f, is_closed, "closed");
    assert_string_equal(buf_str(&f->states), "starting stopping stopped starting loading ");
    assert_int_equal(count_children(), 0);
}

static void json_is_the_contract_s(void **state)
{
    struct fixture *f = *state;
    make_fake(f, "slow", NULL);
    struct buf text = {0};
    struct json_writer w;
    struct engine_usage usage = {2, 1, 33.5, 1};
    jw_init(&w, &text);
    engine_write_json(f->engine, &w, NULL, true);
    assert_non_null(strstr(buf_str(&text), "{\"state\":\"stopped\",\"since\":"));
    assert_non_null(strstr(buf_str(&text),
                           "\"pid\":null,\"attempt\":0,\"progress\":null,\"uptime_s\":null,\"active\":0,"
                           "\"waiting\":0,\"rss_bytes\":null,\"gpu_bytes\":null,\"cpu_percent\":null,"
                           "\"tokens_per_s\":null,\"trouble\":null,\"failure\":null}"));
    engine_start(f->engine);
    run_until(f, is_loading, "loading");
    buf_clear(&text);
    jw_init(&w, &text);
    engine_write_json(f->engine, &w, &usage, true);
    assert_non_null(strstr(
        buf_str(&text), "\"progress\":{\"value\":null,\"left_s\":null,\"text\":null,\"source\":\"time\"}"));
    assert_non_null(strstr(buf_str(&text), "\"active\":2,\"waiting\":1,"));
    assert_non_null(strstr(buf_str(&text), "\"tokens_per_s\":33.5"));
    assert_non_null(strstr(buf_str(&text), "left the last request without an answer"));
    buf_release(&text);
}

/* Security promise 18, in small: the long run is a matter of the loop's count. */
static void starts_and_crashes_leave_nothing_behind(void **state)
{
    struct fixture *f = *state;
    make_shell(f, "exit 1");
    int n_descriptors = 0;
    for (int i = 0; i < 40; i++) {
        engine_start(f->engine);
        run_until(f, is_failed, "failed");
        (void)uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
        if (i == 4)
            n_descriptors = count_descriptors();
    }
    assert_int_equal(engine_attempt(f->engine), 40);
    assert_in_range(count_descriptors(), n_descriptors - 4, n_descriptors + 1);
    assert_int_equal(count_children(), 0);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "engine-exec") == 0)
        return engine_exec_main(argc - 1, argv + 1);
    if (argc > 3 && strcmp(argv[1], "fake") == 0)
        return fake_main(argc, argv);
    if (argc == 3 && strcmp(argv[1], "hob") == 0)
        return hob_main(argv[2]);
    const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
        TEST(engine_starts_loads_and_stops),
        TEST(restart_makes_a_new_process),
        TEST(deaf_engine_is_killed_after_the_grace),
        TEST(kill_waits_for_no_grace),
        TEST(workers_end_with_their_engine),
        TEST(nothing_outlives_its_watcher),
        TEST(nothing_outlives_hob),
        TEST(crashed_engine_is_started_again),
        TEST(wishes_may_come_from_within_news),
        TEST(json_is_the_contract_s),
        TEST(starts_and_crashes_leave_nothing_behind),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
