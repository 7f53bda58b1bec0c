/* A database of the first release, with all it can have in it: nothing of that is lost, and all that came later works on it. */
#include <signal.h>
#include <sys/wait.h>

#include "store/store_migrate.h"
#include "store_fixture.h"

#define HASH "abababababababababababababababababababababababababababababababab"

/* c1: m1 - a1 - m2 - a2 (was being written), beside a1 another answer a1b, and an image. c2: a queued message. Bob's c3. */
static const char old_rows[] =
    "PRAGMA user_version = 1; PRAGMA application_id = 0x686f6221;"
    "INSERT INTO users VALUES ('ann', 'Ann', 'admin', 'active', '$a', 1), ('bob', 'Bob', 'user', 'pending', '$b', 2);"
    "INSERT INTO sessions VALUES ('h1', 'ann', 1, 9000000000000);"
    "INSERT INTO api_keys VALUES ('k1', 'ann', 'laptop', 'hob_ab', 'kh', 3, 4);"
    "INSERT INTO servers VALUES ('s1', 'qwen', 'llama-server', '/m.gguf', NULL, '[]', 'Be kind', 1, 0, 5, 1200);"
    "INSERT INTO conversations VALUES ('c1', 'ann', 'An old title', 's1', 10, 30), ('c2', 'ann', 'Later', NULL, 11, 40),"
    "  ('c3', 'bob', 'Bob''s', 's1', 12, 20);"
    "INSERT INTO messages VALUES (1, 'm1', 'c1', NULL, 'user', 'answered', 's1', 10, NULL,"
    "    '[{\"type\":\"text\",\"text\":\"an old question\"},"
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:x1\"}}]'),"
    "  (2, 'a1', 'c1', 'm1', 'assistant', '', 's1', 11, 'thought', '\"an old answer\"'),"
    "  (3, 'a1b', 'c1', 'm1', 'assistant', '', 's1', 12, NULL, '\"another one\"'),"
    "  (4, 'm2', 'c1', 'a1', 'user', 'answered', 's1', 13, NULL, '\"and then?\"'),"
    "  (5, 'a2', 'c1', 'm2', 'assistant', '', 's1', 14, NULL, '\"\"'),"
    "  (6, 'q1', 'c2', NULL, 'user', 'queued', 's1', 15, NULL, '\"waits\"'),"
    "  (7, 'b1', 'c3', NULL, 'user', 'pending', 's1', 16, NULL, '\"an old secret\"');"
    "INSERT INTO generations VALUES"
    "  (1, 'g1', 'c1', 'm1', 'a1', 's1', 'ann', 'done', '{\"seed\":7}', NULL, '{\"model\":\"q\"}', 0, 11, 12),"
    "  (2, 'g2', 'c1', 'm1', 'a1b', 's1', 'ann', 'interrupted', NULL, '{\"message\":\"cut\"}', NULL, 0, 12, 13),"
    "  (3, 'g3', 'c1', 'm2', 'a2', 's1', 'ann', 'streaming', NULL, NULL, NULL, 0, 14, 0);"
    "INSERT INTO generation_events VALUES (1, 1, 2, 'an old answer', 'thought', 'id: 1\ndata: x\n\nid: 2\ndata: y\n\n'),"
    "  (3, 1, 1, 'half a se', '', 'id: 1\ndata: z\n\n');"
    "INSERT INTO attachments VALUES ('x1', 'ann', 'a.png', 'image/png', '" HASH "', 9, x'0102');";

static sqlite3 *open_old(const struct fixture *f)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *sql = NULL;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    return sql;
}

static void run_old(sqlite3 *sql, const char *statements)
{
    if (sqlite3_exec(sql, statements, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %.200s", sqlite3_errmsg(sql), statements);
}

static void make_old(const struct fixture *f, const char *more)
{
    sqlite3 *sql = open_old(f);
    assert_string_equal(store_migrations[0].name, "0001_first");
    run_old(sql, store_migrations[0].sql);
    run_old(sql, old_rows);
    run_old(sql, more);
    sqlite3_close(sql);
}

static void see_kept(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n_conversations; i++) {
        const struct conversation_row *c = &r->conversations[i];
        buf_addf(b, "%s \"%s\" by %s, %s %lld-%lld%s%s%s%s%s%s\n", c->id, c->title, c->titled_by,
                 c->server_id ? c->server_id : "-", (long long)c->created_at, (long long)c->updated_at,
                 c->folder_id ? " folder" : "", c->leaf_id ? " leaf" : "", c->options_json ? " options" : "",
                 c->system_prompt ? " prompt" : "", c->pinned ? " pinned" : "",
                 c->archived ? " archived" : "");
    }
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void see_counts(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%zu", r->n);
}

static void see_file(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%s %s %lld", r->attachments[0].name, r->attachments[0].mime,
             (long long)r->attachments[0].size_bytes);
}

static void see_found(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s ", r->hits[i].message_id ? r->hits[i].message_id : r->hits[i].conversation_id);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void assert_found(struct fixture *f, const char *typed, const char *want)
{
    const struct search_place from = {SEARCH_TITLES, 0};
    OK(f, see_found, store_search, "ann", typed, NULL, from, 30);
    assert_seen(want);
}

static void assert_all_is_there(struct fixture *f)
{
    OK(f, see_counts, store_users_list);
    assert_seen("2");
    OK(f, see_counts, store_sessions_list);
    assert_seen("1");
    OK(f, see_counts, store_keys_list);
    assert_seen("1");
    OK(f, see_counts, store_servers_list);
    assert_seen("1");
    OK(f, see_kept, store_conversations_list, "ann");
    assert_seen("c2 \"Later\" by user, - 11-40\nc1 \"An old title\" by user, s1 10-30\n");
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user answered [{\"type\":\"text\",\"text\":\"an old question\"},"
                "{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:x1\"}}]\n"
                "a1<m1 assistant done \"an old answer\" think thought\n"
                "a1b<m1 assistant interrupted \"another one\"\n"
                "m2<a1 user answered \"and then?\"\n"
                "a2<m2 assistant streaming \"\"\n");
    OK(f, see_file, store_attachment_read, "ann", "x1");
    assert_seen("a.png image/png 2");
}

static void all_of_it_is_kept_and_can_be_worked_on(void **state)
{
    struct fixture *f = *state;
    make_old(f, "");
    open_store(f);
    assert_all_is_there(f);
    OK(f, see_counts, store_generations_recover, "{}");
    assert_seen("0");
    OK(f, see_messages, store_message_path, "ann", "a2");
    assert_non_null(strstr(seen, "a2<m2 assistant interrupted \"half a se\"\n"));
    assert_found(f, "old", "c1 a1 m1 ");
    assert_found(f, "half", "a2 ");

    /* No leaf: the newest path is shown, until something says another. */
    generate(f, "g4", "m2", "a3", false);
    OK(f, see_kept, store_conversations_list, "ann");
    assert_null(strstr(seen, "leaf"));
    const struct conversation_change change = {
        .leaf_id = "a1b", .has_pinned = true, .pinned = true, .options_json = "{\"top_k\":1}"};
    OK(f, see_kept, store_conversation_set, "ann", "c1", &change);
    assert_non_null(strstr(seen, " leaf options pinned"));
    OK(f, NULL, store_generation_finish, "g4", "done", NULL, NULL);
    OK(f, NULL, store_answer_edit, "ann", "a1", "a9", "\"a better answer\"");
    assert_found(f, "better", "a9 ");
    OK(f, NULL, store_branch_remove, "ann", "a1");
    assert_found(f, "old", "c1 m1 ");
    run_sql(f, "UPDATE attachment_holds SET until = 1");
    OK(f, NULL, store_sweep, "[]");
    OK(f, see_file, store_attachment_read, "ann", "x1"); /* m1 names it */
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    OK(f, NULL, store_sweep, "[]");
    assert_found(f, "old", "");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_attachment_read, "ann", "x1");
}

/* An import was cut off: what it brought stays hidden, and goes. */
static void what_an_import_left_is_still_known(void **state)
{
    struct fixture *f = *state;
    make_old(f, "");
    sqlite3 *sql = open_old(f);
    assert_string_equal(store_migrations[1].name, "0002_keeping");
    run_old(sql, store_migrations[1].sql);
    run_old(sql, "PRAGMA user_version = 2; INSERT INTO attachments VALUES "
                 "('x2', 'bob', 'b.png', 'image/png', '" HASH "', 9, x'030405', 'cut-off')");
    sqlite3_close(sql);
    open_store(f);
    assert_all_is_there(f);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_attachment_read, "bob", "x2");
    OK(f, NULL, store_sweep, "[]");
    OK(f, NULL, store_sweep, "[]");
    sql = open_old(f);
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_prepare_v2(sql, "SELECT group_concat(id) FROM attachments", -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(st, 0), "x1");
    sqlite3_finalize(st);
    sqlite3_close(sql);
}

/* ---- killed on the way ---- */

static void migrate_and_end(struct fixture *f)
{
    open_store(f);
    _exit(0);
}

/* True: it was through before the signal came. */
static bool kill_after(struct fixture *f, unsigned ms)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        migrate_and_end(f);
    usleep(ms * 1000);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void killed_on_the_way_it_begins_again(void **state)
{
    struct fixture *f = *state;
    int n_killed = 0;
    make_old(f, "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) "
                "INSERT INTO messages SELECT i, 'n' || i, 'c3', NULL, 'user', 'pending', NULL, i, NULL, "
                "'\"words to be found, number ' || i || '\"' FROM n");
    for (unsigned ms = 4; ms < 4000 && !kill_after(f, ms); ms *= 2)
        n_killed++;
    assert_true(n_killed > 0);
    open_store(f);
    assert_all_is_there(f);
    const struct search_place from = {SEARCH_TITLES, 0};
    OK(f, see_found, store_search, "bob", "number 7777", NULL, from, 30);
    assert_seen("n7777 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_of_it_is_kept_and_can_be_worked_on, make_dir, teardown),
        cmocka_unit_test_setup_teardown(what_an_import_left_is_still_known, make_dir, teardown),
        cmocka_unit_test_setup_teardown(killed_on_the_way_it_begins_again, make_dir, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
