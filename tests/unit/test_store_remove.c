/* Removed conversations: there for nobody at once, also after a crash, and their rows go in steps between other calls. */
#include "store_fixture.h"

static bool is_unfinished;

static void see_unfinished(const struct store_result *r)
{
    is_unfinished = r->is_unfinished;
}

/* How many steps it took. */
static int sweep(struct fixture *f)
{
    int n = 0;
    do {
        OK(f, see_unfinished, store_sweep, "[]");
        n++;
    } while (is_unfinished);
    return n;
}

static void say_in(struct fixture *f, const char *conversation, const char *id, const char *content_json)
{
    struct message_row m = a_message(id, conversation, NULL, content_json, "pending");
    OK(f, NULL, store_message_accept, "ann", &m);
}

/* Rows of a table, by a connection of its own. */
static int n_rows(struct fixture *f, const char *table)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    AUTO(mem) char *select = xasprintf("SELECT count(*) FROM %s", table);
    sqlite3 *sql;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sql, select, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(sql);
    return n;
}

static void assert_nothing_is_left(struct fixture *f)
{
    static const char *const tables[] = {"conversations", "messages", "generations", "generation_events",
                                         "title_rows"};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (n_rows(f, tables[i]))
            fail_msg("%s has rows", tables[i]);
    }
}

/* ---- hidden ---- */

static void fill(struct fixture *f)
{
    add_users(f);
    say(f, "m1", NULL, "\"some words\"");
    generate(f, "g1", "m1", "a1", false);
    append(f, "g1", 1, 2, "more words", "");
    OK(f, NULL, store_generation_finish, "g1", "done", NULL, NULL);
    say(f, "m2", "a1", "\"and on\"");
    struct generation_row waiting = a_generation("g2", "m2", "a2");
    waiting.state = STR("queued");
    waiting.outbox = true;
    OK(f, NULL, store_generation_add, &waiting);
}

static void assert_hidden(struct fixture *f)
{
    const struct conversation_change change = {.title = "Back"};
    const struct search_place from = {SEARCH_TITLES, 0};
    struct message_row more = a_message("m3", "c1", NULL, "\"hello\"", "pending");
    struct answer a = ASK(f, see_conversations, store_conversations_list, "ann");
    assert_int_equal(a.err, ERR_OK);
    assert_seen("");
    a = ASK(f, NULL, store_search, "ann", "words", NULL, from, 30);
    assert_int_equal(a.n, 0);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "ann", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_set, "ann", "c1", &change);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_remove, "ann", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_path, "ann", "m2");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_accept, "ann", &more);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_branch_remove, "ann", "m1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, "ann", "g1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, NULL, "g2");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_finish, "g2", "done", NULL, NULL);
}

static void nobody_sees_it_from_then_on_and_no_start_takes_it_up(void **state)
{
    struct fixture *f = *state;
    fill(f);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_remove, "bob", "c1");
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    assert_hidden(f);
    close_store(f); /* hob ended before anything was swept away */
    open_store(f);
    struct answer a = ASK(f, NULL, store_generations_recover, "{}");
    assert_int_equal(a.err, ERR_OK);
    assert_int_equal(a.n, 0);
    assert_hidden(f);
    sweep(f);
    assert_nothing_is_left(f);
    say(f, "m1", NULL, "\"the ids are free again\"");
}

/* ---- in steps ---- */

static void many_rows_and_long_ones_go_in_steps(void **state)
{
    struct fixture *f = *state;
    enum { N_SHORT = 250, N_LONG = 6, LONG_BYTES = 100000 };
    AUTO(buf) struct buf *text = buf_new();
    add_users(f);
    for (int i = 0; i < N_SHORT; i++) {
        AUTO(mem) char *id = xasprintf("m%d", i);
        say(f, id, NULL, "\"words\"");
    }
    OK(f, NULL, store_conversations_remove, "ann", "[\"c1\", \"c1\", \"c0\"]");
    assert_true(sweep(f) >= 3);
    assert_nothing_is_left(f);

    buf_add_char(text, '"');
    while (text->len < LONG_BYTES)
        buf_add_str(text, "long words ");
    buf_add_char(text, '"');
    for (int i = 0; i < N_LONG; i++) {
        AUTO(mem) char *id = xasprintf("m%d", i);
        say(f, id, NULL, buf_str(text));
    }
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    assert_true(sweep(f) >= 3);
    assert_nothing_is_left(f);
}

/* Sweeps on and on, as whoever removes conversations does. */
static struct fixture *swept;
static bool is_swept;

static void on_step(void *arg, const struct store_result *r)
{
    (void)arg;
    is_swept = !r->is_unfinished;
    if (!is_swept)
        store_sweep(swept->store, "[]", on_step, NULL);
}

static void others_get_their_turn(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    for (int i = 0; i < 400; i++) {
        AUTO(mem) char *id = xasprintf("m%d", i);
        say(f, id, NULL, "\"words\"");
    }
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    swept = f;
    is_swept = false;
    store_sweep(f->store, "[]", on_step, NULL);
    say_in(f, "c2", "n1", "\"not behind all of that\"");
    assert_false(is_swept);
    while (!is_swept)
        say_in(f, "c2", "n1", "\"still here\"");
    assert_int_equal(n_rows(f, "messages"), 1);
}

/* ---- in the way of an import ---- */

static void import(struct fixture *f, int64_t want_skipped)
{
    struct import_row row = {.kind = IMPORT_CONVERSATION};
    struct store_import *im = store_import_new("ann");
    row.conversation = (struct conversation_row){
        .id = STR("c1"), .title = STR("Old"), .titled_by = STR("user"), .created_at = 1, .updated_at = 2};
    OK(f, NULL, store_import_add, im, &row, (size_t)1);
    OK(f, NULL, store_import_finish, im);
    assert_int_equal(store_import_counts(im)->skipped, want_skipped);
    store_import_free(im);
}

static void an_import_can_bring_it_again(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"words\"");
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    import(f, 0); /* its rows are still there: under another id */
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "ann", "c1");
    sweep(f);
    struct answer a = ASK(f, see_conversations, store_conversations_list, "ann");
    assert_int_equal(a.err, ERR_OK);
    assert_non_null(strstr(seen, "\"Old\""));
    import(f, 0);
    OK(f, NULL, store_conversation_read, "ann", "c1");
    import(f, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nobody_sees_it_from_then_on_and_no_start_takes_it_up),
        TEST(many_rows_and_long_ones_go_in_steps),
        TEST(others_get_their_turn),
        TEST(an_import_can_bring_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
