/* When the chat room looks for what is to be removed: at once, daily, and soon after a try that failed. */
#include "chat/chat_room.h"
#include "store_fixture.h"

#define MINUTE_MS ((int64_t)60 * 1000)

struct waiting {
    struct fixture *f;
    struct chat *c;
    struct loop_timer look;
};

static void look(void *arg)
{
    struct waiting *w = arg;
    if (!w->c->sweeping && loop_timer_is_armed(&w->c->sweep_next))
        loop_stop(w->f->loop);
    else
        loop_timer_start(&w->look, 1);
}

/* Until what it is about has ended; gives the time until it looks again. */
static int64_t wait_for_sweep(struct fixture *f, struct chat *c)
{
    struct waiting w = {.f = f, .c = c};
    loop_timer_init(&w.look, f->loop, look, &w);
    loop_timer_start(&w.look, 1);
    loop_timer_start(&f->deadline, 20000);
    loop_run(f->loop);
    loop_timer_stop(&f->deadline);
    return c->sweep_next.due_ms - clock_ms();
}

static void assert_conversations(struct fixture *f, int want)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM conversations", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), want);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void a_try_that_failed_is_made_again_soon(void **state)
{
    struct fixture *f = *state;
    struct chat c = {.loop = f->loop, .store = f->store};
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    run_sql(f, "CREATE TRIGGER jam BEFORE DELETE ON conversations BEGIN SELECT RAISE(ABORT, 'jam'); END");
    chat_open_imports(&c);
    chat_sweep(&c);
    chat_sweep(&c); /* more was removed meanwhile */
    int64_t wait_ms = wait_for_sweep(f, &c);
    assert_conversations(f, 1);
    assert_in_range(wait_ms, MINUTE_MS / 2, 2 * MINUTE_MS);

    run_sql(f, "DROP TRIGGER jam");
    loop_timer_start(&c.sweep_next, 0); /* the minute has passed */
    wait_ms = wait_for_sweep(f, &c);
    assert_conversations(f, 0);
    assert_in_range(wait_ms, 23 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS);
    chat_close_imports(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_try_that_failed_is_made_again_soon, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
