/* Attachments: one for each content and user; there as long as a message names it, and for a while without. */
#include "store_fixture.h"

static struct attachment_row a_file(const char *id, const char *user, const char *hash)
{
    return (struct attachment_row){.id = STR(id),
                                   .user_id = STR(user),
                                   .name = STR("a.txt"),
                                   .mime = STR("text/plain"),
                                   .sha256 = STR(hash),
                                   .bytes = SPAN_LIT("abc")};
}

static void add_file(struct fixture *f, const char *id)
{
    struct attachment_row row = a_file(id, "ann", id);
    OK(f, NULL, store_attachment_add, &row);
}

static void see_attachment(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%s %s %s %.*s", r->n ? r->attachments[0].id : "-",
             r->n ? r->attachments[0].name : "-", r->n ? r->attachments[0].mime : "-",
             SPAN_ARG(r->n ? r->attachments[0].bytes : span_of(NULL, 0)));
}

static void each_content_is_there_once_for_each_user(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct attachment_row row = a_file("f1", "ann", "h");
    struct answer a = ASK(f, NULL, store_attachment_add, &row);
    assert_int_equal(a.err, ERR_OK);
    assert_true(a.created);
    row.id = STR("f2");
    a = ASK(f, see_attachment, store_attachment_add, &row);
    assert_false(a.created);
    assert_seen("f1 a.txt text/plain ");
    row.user_id = STR("bob");
    a = ASK(f, see_attachment, store_attachment_add, &row);
    assert_true(a.created);
    OK(f, see_attachment, store_attachment_read, "ann", "f1");
    assert_seen("f1 a.txt text/plain abc");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_attachment_read, "ann", "f2");
}

/* ---- what nothing names goes ---- */

#define IMAGE(id) "{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:" id "\"}}"
#define PDF(id, origin) \
    "{\"type\":\"text\",\"text\":\"t\",\"file\":{\"id\":\"" id "\",\"original_id\":\"" origin "\"}}"

static bool is_unfinished;

static void see_unfinished(const struct store_result *r)
{
    is_unfinished = r->is_unfinished;
}

static void sweep(struct fixture *f)
{
    do
        OK(f, see_unfinished, store_sweep, "[]");
    while (is_unfinished);
}

/* Their time without a message is over. */
static void sweep_a_month_later(struct fixture *f)
{
    run_sql(f, "UPDATE attachment_holds SET until = until - 31 * 86400000");
    sweep(f);
}

/* Of f1, f2 ... those that Ann can read. */
static void assert_left(struct fixture *f, const char *want)
{
    AUTO(buf) struct buf *left = buf_new();
    for (int i = 1; i <= 4; i++) {
        AUTO(mem) char *id = xasprintf("f%d", i);
        struct answer a = ASK(f, NULL, store_attachment_read, "ann", id);
        if (a.err == ERR_OK)
            buf_addf(left, "%s ", id);
    }
    assert_string_equal(buf_str(left), want);
}

static void a_file_of_a_draft_waits_for_its_message(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    add_file(f, "f1");
    add_file(f, "f2");
    sweep(f);
    assert_left(f, "f1 f2 ");
    run_sql(f, "UPDATE attachment_holds SET until = until - 29 * 86400000");
    sweep(f);
    assert_left(f, "f1 f2 ");
    add_file(f, "f2"); /* it is in another draft, too: its time begins again */
    run_sql(f, "UPDATE attachment_holds SET until = until - 2 * 86400000");
    sweep(f);
    assert_left(f, "f2 ");
}

static void it_stays_while_a_message_names_it(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    add_file(f, "f1");
    add_file(f, "f2");
    add_file(f, "f3");
    add_file(f, "f4");
    say(f, "m1", NULL, "[{\"type\":\"text\",\"text\":\"see\"}," IMAGE("f1") "," IMAGE("f1") "]");
    say(f, "m2", NULL, "[" PDF("f2", "f3") "]");
    say(f, "m3", NULL, "[" IMAGE("f1") "]");
    sweep_a_month_later(f);
    assert_left(f, "f1 f2 f3 ");
    OK(f, NULL, store_branch_remove, "ann", "m1");
    OK(f, NULL, store_message_remove, "ann", "m2");
    sweep(f);
    assert_left(f, "f1 ");
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    sweep(f);
    assert_left(f, "");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_attachment_read, "ann", "f1");
}

static void an_edited_message_names_what_it_names_now(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    add_file(f, "f1");
    add_file(f, "f2");
    say(f, "m1", NULL, "[" IMAGE("f1") "]");
    say(f, "m2", NULL, "\"nothing yet\"");
    say(f, "m1", NULL, "\"no image after all\"");
    say(f, "m2", NULL, "[" IMAGE("f2") "]");
    sweep_a_month_later(f);
    assert_left(f, "f2 ");
}

/* The store's own connection: SQLite tells of each that is opened. */
static sqlite3 *connection;

static int on_open(sqlite3 *db, char **out_why, const struct sqlite3_api_routines *api)
{
    (void)out_why;
    (void)api;
    connection = db;
    return SQLITE_OK;
}

static void open_again(struct fixture *f)
{
    close_store(f);
    assert_int_equal(sqlite3_auto_extension((void (*)(void))on_open), SQLITE_OK);
    open_store(f);
    sqlite3_reset_auto_extension();
}

/* While the database thread has nothing to do. */
static int n_pages_read(void)
{
    int n = 0, most = 0;
    assert_int_equal(sqlite3_db_status(connection, SQLITE_DBSTATUS_CACHE_MISS, &n, &most, 0), SQLITE_OK);
    return n;
}

/* Others wait for the database thread: a sweep may read what names the files, not the pages where the files are. */
static void looking_for_them_does_not_read_all_files(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    run_sql(f,
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
            "INSERT INTO attachments (id, user_id, name, mime, sha256, created_at, bytes) "
            "SELECT printf('%036d', i), 'ann', 'a.txt', 'text/plain', printf('%064d', i), 1, zeroblob(3000) "
            "FROM n;"
            "INSERT INTO attachment_holds SELECT id, 253370764800000 FROM attachments");
    add_file(f, "f1");
    run_sql(f, "UPDATE attachment_holds SET until = 1 WHERE attachment_id = 'f1'");
    open_again(f);
    int before = n_pages_read();
    sweep(f);
    int n = n_pages_read() - before;
    assert_left(f, "");
    if (n > 500) /* the files are on more than 1500 */
        fail_msg("%d pages were read", n);
}

/* ---- imports ---- */

static void what_an_import_finds_is_kept_for_its_messages(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    add_file(f, "f1");
    run_sql(f, "UPDATE attachment_holds SET until = 1");
    struct import_row row = {.kind = IMPORT_ATTACHMENT, .attachment = a_file("f9", "ann", "f1")};
    struct store_import *im = store_import_new("ann");
    OK(f, NULL, store_import_add, im, &row, (size_t)1);
    sweep(f);
    assert_left(f, "f1 ");
    OK(f, NULL, store_import_finish, im);
    store_import_free(im);
    sweep_a_month_later(f);
    assert_left(f, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_content_is_there_once_for_each_user), TEST(a_file_of_a_draft_waits_for_its_message),
        TEST(it_stays_while_a_message_names_it),        TEST(an_edited_message_names_what_it_names_now),
        TEST(looking_for_them_does_not_read_all_files), TEST(what_an_import_finds_is_kept_for_its_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
