/* Imports in the store: hidden until they end, removed in steps when they do not, whatever others do meanwhile. */
#include <signal.h>
#include <sys/resource.h>

#include "store_fixture.h"

static int64_t n_seen;

static void count_conversations(const struct store_result *r)
{
    n_seen = (int64_t)r->n_conversations;
}

static bool is_unfinished;

static void see_unfinished(const struct store_result *r)
{
    is_unfinished = r->is_unfinished;
}

static char seen_id[64];

static void see_attachment(const struct store_result *r)
{
    snprintf(seen_id, sizeof seen_id, "%s", r->attachments[0].id);
}

static struct import_row a_conversation(const char *id)
{
    struct import_row row = {.kind = IMPORT_CONVERSATION, .line = 7, .column = 3};
    row.conversation = (struct conversation_row){
        .id = STR(id), .title = STR("Old"), .titled_by = STR("user"), .created_at = 1, .updated_at = 2};
    return row;
}

static struct import_row an_old_message(const char *id, const char *parent_id)
{
    struct import_row row = {.kind = IMPORT_MESSAGE, .line = 8, .column = 5};
    row.message = a_message(id, "c1", parent_id, "\"old words\"", "pending");
    return row;
}

static struct attachment_row a_file(const char *id, const char *user_id)
{
    return (struct attachment_row){.id = STR(id),
                                   .user_id = STR(user_id),
                                   .name = STR("a.txt"),
                                   .mime = STR("text/plain"),
                                   .sha256 = STR("hash"),
                                   .bytes = SPAN_LIT("words"),
                                   .created_at = 1};
}

static int64_t count_of(struct fixture *f, const char *user_id)
{
    OK(f, count_conversations, store_conversations_list, user_id);
    return n_seen;
}

/* Removes all that is left; how many steps that took. */
static int clean(struct fixture *f, const char *active_json)
{
    int n = 0;
    do {
        OK(f, see_unfinished, store_sweep, active_json);
        n++;
    } while (is_unfinished);
    return n;
}

static void add_large(struct fixture *f, struct store_import *im)
{
    enum { N = 500 };
    struct import_row rows[N + 2] = {a_conversation("c1")};
    char ids[N][16];
    for (int i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "m%d", i);
        rows[i + 1] = an_old_message(ids[i], i ? ids[i - 1] : NULL);
    }
    rows[N + 1] = (struct import_row){.kind = IMPORT_ATTACHMENT, .attachment = a_file("f1", NULL)};
    OK(f, NULL, store_import_add, im, rows, (size_t)N + 2);
}

static void nothing_is_seen_before_the_end_and_all_after_it(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct store_import *im = store_import_new("ann");
    add_large(f, im);
    assert_int_equal(count_of(f, "ann"), 0);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "ann", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_path, "ann", "m3");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_attachment_read, "ann", "f1");
    OK(f, NULL, store_import_finish, im);
    assert_int_equal(store_import_counts(im)->messages, 500);
    assert_int_equal(count_of(f, "ann"), 1);
    assert_int_equal(count_of(f, "bob"), 0);
    OK(f, NULL, store_attachment_read, "ann", "f1");
    assert_int_equal(clean(f, "[]"), 1);
    assert_int_equal(count_of(f, "ann"), 1);
    store_import_free(im);
}

static void what_is_left_goes_in_steps_and_what_is_under_way_stays(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct store_import *left = store_import_new("ann"), *under_way = store_import_new("bob");
    add_large(f, left);
    struct import_row row = a_conversation("c2");
    OK(f, NULL, store_import_add, under_way, &row, (size_t)1);
    AUTO(mem) char *active = xasprintf("[\"%s\"]", store_import_id(under_way));
    assert_true(clean(f, active) > 5);
    OK(f, NULL, store_import_finish, under_way);
    assert_int_equal(count_of(f, "bob"), 1);
    store_import_free(left);
    /* the same again: nothing of it is in the way */
    left = store_import_new("ann");
    add_large(f, left);
    OK(f, NULL, store_import_finish, left);
    assert_int_equal(store_import_counts(left)->skipped, 0);
    assert_int_equal(store_import_counts(left)->attachments, 1);
    store_import_free(left);
    store_import_free(under_way);
}

static void a_file_uploaded_meanwhile_outlives_the_import(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct store_import *im = store_import_new("ann");
    add_large(f, im);
    struct attachment_row again = a_file("f2", "ann");
    OK(f, see_attachment, store_attachment_add, &again);
    assert_string_equal(seen_id, "f1"); /* one row for one content */
    clean(f, "[]");
    OK(f, NULL, store_attachment_read, "ann", "f1");
    store_import_free(im);
}

static void see_count(const struct store_result *r)
{
    n_seen = (int64_t)r->n;
}

static void many_files_that_are_left_go_in_steps_too(void **state)
{
    struct fixture *f = *state;
    enum { N = 230 };
    struct import_row rows[N];
    char ids[N][16];
    add_users(f);
    for (int i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "f%d", i);
        rows[i] = (struct import_row){.kind = IMPORT_ATTACHMENT, .attachment = a_file(ids[i], NULL)};
        rows[i].attachment.sha256 = ids[i];
    }
    struct attachment_row own = a_file("mine", "ann");
    OK(f, NULL, store_attachment_add, &own);
    struct store_import *im = store_import_new("ann");
    OK(f, NULL, store_import_add, im, rows, (size_t)N);
    OK(f, see_count, store_export_names, "ann");
    assert_int_equal(n_seen, 1);
    assert_true(clean(f, "[]") >= 3);
    OK(f, NULL, store_import_finish, im); /* nothing is there to be shown */
    OK(f, see_count, store_export_names, "ann");
    assert_int_equal(n_seen, 1);
    store_import_free(im);
}

static void a_fault_names_its_place_and_adds_nothing_of_its_batch(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct store_import *im = store_import_new("ann");
    struct import_row rows[2] = {a_conversation("c1"), an_old_message("m1", "m0")};
    struct answer a = ASK(f, NULL, store_import_add, im, rows, (size_t)2);
    assert_int_equal(a.err, ERR_INVALID);
    assert_string_equal(
        a.why, "Line 8, column 5: \"parent_id\" names no message that stands before it in its conversation.");
    OK(f, NULL, store_import_finish, im);
    assert_int_equal(count_of(f, "ann"), 0);
    store_import_free(im);
}

/* A limit on the size of files stands in for the full disk. */
static void limit_files(rlim_t max_bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = max_bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_ends_it_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct store_import *im = store_import_new("ann");
    add_large(f, im);
    AUTO(mem) char *big = xcalloc(1, (size_t)4 << 20);
    struct import_row row = {.kind = IMPORT_ATTACHMENT, .attachment = a_file("f2", NULL)};
    row.attachment.sha256 = STR("other");
    row.attachment.bytes = span_of(big, (size_t)4 << 20);
    signal(SIGXFSZ, SIG_IGN);
    limit_files((rlim_t)2 << 20);
    struct answer lost = ASK(f, NULL, store_import_add, im, &row, (size_t)1);
    limit_files(RLIM_INFINITY);
    assert_true(lost.err == ERR_IO || lost.err == ERR_NO_SPACE);
    clean(f, "[]");
    OK(f, NULL, store_import_finish, im); /* nothing is there to be shown */
    assert_int_equal(count_of(f, "ann"), 0);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_attachment_read, "ann", "f1");
    store_import_free(im);
}

static void somebody_elses_ids_become_others_and_always_the_same(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    for (int i = 0; i < 3; i++) { /* Ann, Bob, and Bob again */
        struct store_import *im = store_import_new(i == 0 ? "ann" : "bob");
        add_large(f, im);
        OK(f, NULL, store_import_finish, im);
        assert_int_equal(store_import_counts(im)->skipped, i == 2);
        assert_int_equal(store_import_counts(im)->messages, i == 2 ? 0 : 500);
        store_import_free(im);
    }
    assert_int_equal(count_of(f, "bob"), 1);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "bob", "c1");
}

static enum err import_folders(struct fixture *f, int from, int n)
{
    AUTO(mem) struct import_row *rows = xcalloc((size_t)n, sizeof *rows);
    AUTO(mem) char(*ids)[16] = xcalloc((size_t)n, sizeof *ids);
    struct store_import *im = store_import_new("ann");
    for (int i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "f%d", from + i);
        rows[i] = (struct import_row){.kind = IMPORT_FOLDER,
                                      .folder = {.id = ids[i], .name = ids[i], .created_at = 1}};
    }
    struct answer a = ASK(f, NULL, store_import_add, im, rows, (size_t)n);
    if (!a.err)
        OK(f, NULL, store_import_finish, im);
    store_import_free(im);
    return a.err;
}

static void folders_that_are_there_already_count_once(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    assert_int_equal(import_folders(f, 0, STORE_MAX_FOLDERS - 1), ERR_OK);
    assert_int_equal(import_folders(f, 0, STORE_MAX_FOLDERS - 1), ERR_OK);   /* the same file again */
    assert_int_equal(import_folders(f, 10, STORE_MAX_FOLDERS - 10), ERR_OK); /* and one more */
    assert_int_equal(ASK(f, NULL, store_folders_list, "ann").n, STORE_MAX_FOLDERS);
    assert_int_equal(import_folders(f, STORE_MAX_FOLDERS - 1, 2), ERR_INVALID);
}

static void an_answer_in_parts_keeps_them_when_it_is_continued(void **state)
{
    struct fixture *f = *state;
    struct import_row rows[4] = {a_conversation("c1"),
                                 an_old_message("m1", NULL),
                                 an_old_message("a1", "m1"),
                                 {.kind = IMPORT_GENERATION, .generation = a_generation("g1", "m1", "a1")}};
    rows[2].message.role = STR("assistant");
    rows[2].message.content_json = STR(
        "[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"text\",\"text\":\"two\"}]");
    rows[3].generation.state = STR("interrupted");
    rows[3].generation.finished_at = 1;
    add_users(f);
    struct store_import *im = store_import_new("ann");
    OK(f, NULL, store_import_add, im, rows, COUNT_OF(rows));
    OK(f, NULL, store_import_finish, im);
    store_import_free(im);
    generate(f, "g2", "m1", "a1", true);
    append(f, "g2", 1, 1, " three", "");
    OK(f, NULL, store_generation_finish, "g2", "done", NULL, NULL);
    OK(f, see_messages, store_message_path, "ann", "a1");
    assert_non_null(strstr(seen, "a1<m1 assistant done \"one\\ntwo three\"\n"));
}

/* Whoever may have that id by now: nobody's messages are written but one's own. */
static void an_answer_of_somebody_else_is_not_continued(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct import_row theirs[3] = {a_conversation("c1"),
                                   an_old_message("m1", NULL),
                                   {.kind = IMPORT_GENERATION, .generation = a_generation("g1", "m1", "x1")}};
    theirs[2].generation.state = STR("interrupted");
    theirs[2].generation.finished_at = 1;
    struct store_import *im = store_import_new("ann");
    OK(f, NULL, store_import_add, im, theirs, COUNT_OF(theirs));
    OK(f, NULL, store_import_finish, im);
    store_import_free(im);
    struct message_row x = a_message("x1", "c2", NULL, "\"mine\"", "pending");
    OK(f, NULL, store_message_accept, "bob", &x);
    struct generation_row g = a_generation("g2", "m1", "x1");
    g.continues = true;
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_add, &g);
    OK(f, see_messages, store_message_path, "bob", "x1");
    assert_seen("x1<- user pending \"mine\"\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_seen_before_the_end_and_all_after_it),
        TEST(what_is_left_goes_in_steps_and_what_is_under_way_stays),
        TEST(a_file_uploaded_meanwhile_outlives_the_import),
        TEST(many_files_that_are_left_go_in_steps_too),
        TEST(a_fault_names_its_place_and_adds_nothing_of_its_batch),
        TEST(a_full_disk_ends_it_and_leaves_nothing),
        TEST(an_answer_in_parts_keeps_them_when_it_is_continued),
        TEST(an_answer_of_somebody_else_is_not_continued),
        TEST(folders_that_are_there_already_count_once),
        TEST(somebody_elses_ids_become_others_and_always_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
