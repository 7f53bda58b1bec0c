/* Search: what people type becomes an expression that is never wrong, and the index follows every change of a text. */
#include <sqlite3.h>

#include "store/store_fts.h"
#include "store/store_functions.h"
#include "store/store_search_query.h"
#include "store_fixture.h"

/* ---- what is typed ---- */

static void words_are_quoted(void **state)
{
    static const struct {
        const char *typed, *expression; /* NULL: no word */
    } cases[] = {
        {"", NULL},
        {"   \t\n", NULL},
        {"?! -- ...", NULL},
        {"\"", NULL},
        {"\"\"\"\" \"", NULL},
        {"cat", "\"cat\" *"},
        {"cat ", "\"cat\""},
        {" black  cat", "\"black\" \"cat\" *"},
        {"\"black cat\"", "\"black cat\""},
        {"\"black cat\" do", "\"black cat\" \"do\" *"},
        {"\"black ca", "\"black ca\" *"},
        {"\"black \"cat", "\"black\" \"cat\" *"},
        {"ab\"cd\"ef", "\"ab\" \"cd\" \"ef\" *"},
        {"\xe2\x80\x9c"
         "black cat\xe2\x80\x9d",
         "\"black cat\""},
        /* Nothing of it is syntax. */
        {"a OR b NOT c", "\"a\" \"OR\" \"b\" \"NOT\" \"c\" *"},
        {"NEAR(a b) text:x ^y z* -w", "\"NEAR(a\" \"b)\" \"text:x\" \"^y\" \"z*\" \"-w\" *"},
        {"scope : x", "\"scope\" \"x\" *"},
        {"c++", "\"c++\""},
        {"cat !!", "\"cat\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\" *"},
        {"a\x01"
         "b",
         "\"a\" \"b\" *"},
        {"\"a\x01"
         "b\"",
         "\"a b\""},
        {"a\xff", "\"a\xef\xbf\xbd\" *"},
        {"\xe6\x9d\xb1\xe4\xba\xac", "\"\xe6\x9d\xb1\xe4\xba\xac\""},      /* 東京 */
        {"\xe6\x9d\xb1\xe3\x80\x80tokyo", "\"\xe6\x9d\xb1\" \"tokyo\" *"}, /* an ideographic space */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *out = buf_new();
        bool any = search_query_write(span_str(cases[i].typed), out);
        assert_int_equal(any, cases[i].expression != NULL);
        assert_string_equal(buf_str(out), any ? cases[i].expression : "");
    }
}

static void only_so_many_words_count(void **state)
{
    AUTO(buf) struct buf *typed = buf_new();
    AUTO(buf) struct buf *out = buf_new();
    (void)state;
    for (int i = 0; i < 2 * SEARCH_MAX_WORDS; i++)
        buf_add_str(typed, "w ");
    assert_true(search_query_write(buf_span(typed), out));
    assert_int_equal(out->len, SEARCH_MAX_WORDS * strlen("\"w\" ") - 1);
}

/* ---- finding ---- */

/* One line a hit: conversation, message or "title", its piece with the words in brackets. */
static void see_hits(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++) {
        buf_addf(b, "%s %s%s: ", r->hits[i].conversation_id,
                 r->hits[i].message_id ? r->hits[i].message_id : "title",
                 r->hits[i].archived ? " (archived)" : "");
        for (const char *p = r->hits[i].piece; *p; p++)
            buf_add_char(b, *p == STORE_HIT_BEGIN ? '[' : *p == STORE_HIT_END ? ']' : *p);
        buf_add_char(b, '\n');
    }
    if (r->next.where != SEARCH_END)
        buf_addf(b, "more\n");
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

#define BEGINNING ((struct search_place){SEARCH_TITLES, 0})

static const char *find(struct fixture *f, const char *text)
{
    OK(f, see_hits, store_search, "ann", text, NULL, BEGINNING, 30);
    return seen;
}

static void say_in(struct fixture *f, const char *user, const char *conversation, const char *id,
                   const char *content_json)
{
    struct message_row m = a_message(id, conversation, NULL, content_json, "pending");
    OK(f, NULL, store_message_accept, user, &m);
}

static sqlite3 *open_beside(const struct fixture *f)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    struct err_text why = {0};
    sqlite3 *sql = NULL;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(fts_register(sql, &why), ERR_OK);
    assert_int_equal(functions_register(sql, &why), ERR_OK);
    sqlite3_busy_timeout(sql, 5000);
    return sql;
}

static void exec_beside(const struct fixture *f, const char *statement)
{
    sqlite3 *sql = open_beside(f);
    if (sqlite3_exec(sql, statement, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", statement, sqlite3_errmsg(sql));
    sqlite3_close(sql);
}

/* Both indices have exactly the texts that are there. */
static void check_indices(const struct fixture *f)
{
    exec_beside(f, "INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1);"
                   "INSERT INTO title_search (title_search, rank) VALUES ('integrity-check', 1)");
}

static void words_are_found_whatever_their_case_and_accents(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *typed;
        bool found;
    } cases[] = {
        {"creme", true},
        {"CRÈME brûl", true},
        {"cre\xcc\x80me", true}, /* the accent as a character of its own */
        {"\"creme brulee\"", true},
        {"\"brulee creme\"", false},
        {"brulee creme ", true},
        {"crem ", false},
        {"creme pie", false},
        {"c++ ", false},
        {"страсс", true},
        {"ПРИВЕТ", true},
        {"كتب", true}, /* written with vowel points */
        {"हिन्दी", true},
        {"हिन्", true},
        {"学", true},
        {"機械学習", true},
        {"械学", true},
        {"習機", false},
        {"東京", false},
        {"ที่", true},
        {"한국", true},
        {"국어", true},
        {"iphone手机", true},
        {"x_y", true},
        {"* OR \"", false},
        /* signs that are no letters, though no ASCII either: nothing, and nothing in the way of words */
        {"—", false},
        {"🎉", false},
        {"\xcc\x81", false},
        {"привет —", true},
        {"— привет 🎉 ", true},
        {"\"Страсса — привет\"", true},
        {"\xff\xfe привет", true}, /* nor are bytes that are no text */
    };
    add_users(f);
    say_in(f, "ann", "c1", "m1",
           "\"Une Crème brûlée. Страсса, привет. كَتَبَ हिन्दी 機械学習です 不是 ที่นี่ 한국어를 iPhone手机 x_y\"");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        find(f, cases[i].typed);
        if ((strstr(seen, "c1 m1: ") != NULL) != cases[i].found)
            fail_msg("%s: %s", cases[i].typed, seen);
    }
    check_indices(f);
}

static void only_texts_are_searched(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say_in(f, "ann", "c1", "m1",
           "[{\"type\":\"text\",\"text\":\"look at\"},"
           "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,abcdef\"}},"
           "{\"type\":\"text\",\"text\":\"this picture\"}]");
    find(f, "picture look");
    assert_non_null(strstr(seen, "c1 m1: [look] at this [picture]\n"));
    assert_string_equal(find(f, "abcdef"), "");
    assert_string_equal(find(f, "type"), "");
    generate(f, "g1", "m1", "a1", false);
    append(f, "g1", 1, 2, "a brown horse", "thinking of donkeys");
    assert_string_equal(find(f, "horse"), "");
    OK(f, NULL, store_generation_finish, "g1", "done", NULL, NULL);
    assert_string_equal(find(f, "horse"), "c1 a1: a brown [horse]\n");
    assert_string_equal(find(f, "donkeys"), "");
    check_indices(f);
}

static void the_index_follows_every_change(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say_in(f, "ann", "c1", "m1", "\"first words\"");
    assert_string_equal(find(f, "words"), "c1 title: first [words]\nc1 m1: first [words]\n");
    say_in(f, "ann", "c1", "m1", "\"other text\"");
    assert_string_equal(find(f, "words"), "");
    assert_string_equal(find(f, "text"), "c1 title: other [text]\nc1 m1: other [text]\n");
    OK(f, NULL, store_message_remove, "ann", "m1");
    assert_string_equal(find(f, "text"), "c1 title: other [text]\n");
    say_in(f, "ann", "c1", "m2", "\"more text\"");
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    assert_string_equal(find(f, "text"), "");
    check_indices(f);
    OK(f, NULL, store_sweep, "[]");
    check_indices(f);
    say_in(f, "ann", "c2", "m3", "\"words again\"");
    exec_beside(f, "PRAGMA foreign_keys = ON; DELETE FROM users WHERE id = 'ann'");
    check_indices(f);
    exec_beside(f, "VACUUM");
    check_indices(f);
}

static void the_index_follows_the_tree_and_imports(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"a question\"");
    generate(f, "g1", "m1", "a1", false);
    append(f, "g1", 1, 1, "stale words", "");
    OK(f, NULL, store_generation_finish, "g1", "interrupted", NULL, NULL);
    generate(f, "g2", "m1", "a1", true);
    append(f, "g2", 1, 1, " and more", "");
    OK(f, NULL, store_generation_finish, "g2", "done", NULL, NULL);
    assert_string_equal(find(f, "\"words and\""), "c1 a1: stale [words and] more\n");
    OK(f, NULL, store_answer_edit, "ann", "a1", "a2", "\"fresh words\"");
    generate(f, "g3", "m1", "a3", false);
    OK(f, NULL, store_generation_finish, "g3", "failed", NULL, NULL);
    check_indices(f);
    OK(f, NULL, store_branch_remove, "ann", "a1");
    assert_string_equal(find(f, "words"), "c1 a2: fresh [words]\n");
    check_indices(f);

    struct store_import *im = store_import_new("ann");
    struct import_row rows[2] = {{.kind = IMPORT_CONVERSATION}, {.kind = IMPORT_MESSAGE}};
    rows[0].conversation = (struct conversation_row){.id = STR("c2"),
                                                     .title = STR("Foreign words"),
                                                     .titled_by = STR("user"),
                                                     .created_at = 1,
                                                     .updated_at = 2};
    rows[1].message = a_message("n1", "c2", NULL, "\"old words\"", "pending");
    OK(f, NULL, store_import_add, im, rows, COUNT_OF(rows));
    assert_string_equal(find(f, "words"), "c1 a2: fresh [words]\n");
    check_indices(f);
    OK(f, NULL, store_import_finish, im);
    assert_string_equal(find(f, "words"),
                        "c2 title: Foreign [words]\nc2 n1: old [words]\nc1 a2: fresh [words]\n");
    store_import_free(im);
    im = store_import_new("ann");
    rows[0].conversation.id = rows[1].message.conversation_id = STR("c3");
    rows[1].message.id = STR("n2");
    OK(f, NULL, store_import_add, im, rows, COUNT_OF(rows));
    OK(f, NULL, store_sweep, "[]"); /* it never ends */
    assert_null(strstr(find(f, "words"), "c3"));
    check_indices(f);
    store_import_free(im);
}

/* Calls of one transaction, of which some fail after they have written. */
static void the_index_forgets_what_is_rolled_back(void **state)
{
    struct fixture *f = *state;
    struct import_row rows[3] = {
        {.kind = IMPORT_CONVERSATION}, {.kind = IMPORT_MESSAGE}, {.kind = IMPORT_MESSAGE}};
    rows[0].conversation = (struct conversation_row){
        .id = STR("c9"), .title = STR("words"), .titled_by = STR("user"), .created_at = 1, .updated_at = 2};
    rows[1].message = a_message("n1", "c9", NULL, "\"words to be forgotten\"", "pending");
    rows[2].message = a_message("n2", "c9", "n0", "\"without its parent\"", "pending");
    add_users(f);
    struct store_import *im = store_import_new("ann");
    for (int i = 0; i < 5; i++) {
        AUTO(mem) char *id = xasprintf("m%d", i);
        struct message_row m = a_message(id, "c1", NULL, "\"words that stay\"", "pending");
        store_message_accept(f->store, "ann", &m, NULL, NULL);
        store_import_add(f->store, im, rows, COUNT_OF(rows), NULL, NULL);
    }
    OK(f, NULL, store_branch_remove, "ann", "m2");
    assert_string_equal(find(f, "words "), "c1 title: [words] that stay\nc1 m4: [words] that stay\n"
                                           "c1 m3: [words] that stay\nc1 m1: [words] that stay\n"
                                           "c1 m0: [words] that stay\n");
    check_indices(f);
    store_import_free(im);
}

static void nobody_finds_what_is_not_his(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say_in(f, "ann", "c1", "m1", "\"shared word, ann\"");
    say_in(f, "bob", "c2", "m2", "\"shared word, bob\"");
    OK(f, see_hits, store_search, "bob", "shared", NULL, BEGINNING, 30);
    assert_seen("c2 title: [shared] word, bob\nc2 m2: [shared] word, bob\n");
    OK(f, see_hits, store_search, "bob", "shared", "c1", BEGINNING, 30);
    assert_seen("");
    /* Ids are not text. */
    assert_string_equal(find(f, "ann c1"), "");
    assert_string_equal(find(f, "scope:bob"), "");
    exec_beside(f, "UPDATE conversations SET import_id = 'i1' WHERE id = 'c1'");
    assert_string_equal(find(f, "shared"), "");
    exec_beside(f, "UPDATE conversations SET import_id = NULL, archived = 1 WHERE id = 'c1'");
    assert_string_equal(find(f, "ann"), "c1 title (archived): shared word, [ann]\n"
                                        "c1 m1 (archived): shared word, [ann]\n");
}

/* A database of a hob that knew no search yet. */
static void what_was_there_before_is_indexed(void **state)
{
    struct fixture *f = *state;
    make_old_database(
        f, "0003_search",
        "INSERT INTO users VALUES ('ann', 'Ann', 'user', 'active', '$x', 1);"
        "INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES "
        "('c1', 'ann', 'An old title', 1, 1), ('c2', 'ann', 'Another', 2, 2);"
        "INSERT INTO messages (seq, id, conversation_id, role, state, created_at, content_json) VALUES "
        "(1, 'm1', 'c1', 'user', 'answered', 1, '\"an old question\"'),"
        "(2, 'a1', 'c1', 'assistant', '', 1, '\"\"'),"
        "(3, 'm2', 'c2', 'user', 'pending', 2, 'no JSON, old');");
    open_store(f);
    assert_string_equal(find(f, "old"), "c1 title: An [old] title\nc1 m1: an [old] question\n");
    check_indices(f);
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    OK(f, NULL, store_conversation_remove, "ann", "c2");
    assert_string_equal(find(f, "old"), "");
    OK(f, NULL, store_sweep, "[]");
    check_indices(f);
}

/* ---- pages ---- */

static struct search_place next_place;

static void see_ids(const struct store_result *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t len = strlen(seen);
        snprintf(seen + len, sizeof(seen) - len, "%s%s ", r->hits[i].message_id ? "" : "t",
                 r->hits[i].message_id ? r->hits[i].message_id : r->hits[i].conversation_id);
    }
    next_place = r->next;
}

static void pages_join_without_gap_or_double(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say_in(f, "ann", "c1", "m1", "\"a cat\"");
    say_in(f, "ann", "c2", "m2", "\"two cats\"");
    say_in(f, "ann", "c2", "m3", "\"dog\"");
    say_in(f, "ann", "c2", "m4", "\"three cats\"");
    for (int limit = 1; limit <= 6; limit++) {
        seen[0] = '\0';
        struct search_place at = BEGINNING;
        int n_pages = 0;
        do {
            OK(f, see_ids, store_search, "ann", "cat", NULL, at, limit);
            at = next_place;
            n_pages++;
        } while (at.where != SEARCH_END);
        assert_seen("tc2 tc1 m4 m2 m1 ");
        assert_int_equal(n_pages, (5 + limit - 1) / limit);
    }
    seen[0] = '\0';
    OK(f, see_ids, store_search, "ann", "cat", "c2", BEGINNING, 30);
    assert_seen("m4 m2 ");
}

/* ---- pieces ---- */

static void pieces_are_short_and_whole(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) struct buf *text = buf_new();
    add_users(f);
    say_in(f, "ann", "c1", "m0", "\"x\"");
    buf_add_char(text, '"');
    for (int i = 0; i < 200; i++)
        buf_addf(text, i == 150 ? "needle\\n\\u0002" : "w%d ", i);
    buf_add_char(text, '"');
    say_in(f, "ann", "c1", "m1", buf_str(text));
    find(f, "needle");
    assert_non_null(strstr(seen, "\u2026w142 w143 w144 w145 w146 w147 w148 w149 [needle] w151"));
    assert_true(str_eq(seen + strlen(seen) - 9, " w173\u2026\n"));

    /* Long words, long signs, and characters of many bytes are cut between characters. */
    buf_clear(text);
    buf_add_char(text, '"');
    for (int i = 0; i < 500; i++)
        buf_add_str(text, "\u00e9\u2014");
    buf_add_str(text, " needle2 ");
    for (int i = 0; i < 900; i++)
        buf_add_str(text, "\u20ac");
    buf_add_str(text, " end\"");
    say_in(f, "ann", "c1", "m2", buf_str(text));
    find(f, "needle2");
    assert_non_null(strstr(seen, "[needle2]"));
    assert_true(utf8_is_valid(span_str(seen)));
    assert_true(strlen(seen) < FTS_MAX_PIECE_BYTES + 50);

    /* The place with most of the words, not the first one. */
    buf_clear(text);
    buf_add_str(text, "\"red ");
    for (int i = 0; i < 100; i++)
        buf_addf(text, "w%d ", i);
    buf_add_str(text, "the red and the blue\"");
    say_in(f, "ann", "c1", "m3", buf_str(text));
    find(f, "red blue ");
    assert_non_null(strstr(seen, "the [red] and the [blue]\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_quoted),
        cmocka_unit_test(only_so_many_words_count),
        cmocka_unit_test_setup_teardown(words_are_found_whatever_their_case_and_accents, setup, teardown),
        cmocka_unit_test_setup_teardown(only_texts_are_searched, setup, teardown),
        cmocka_unit_test_setup_teardown(the_index_follows_every_change, setup, teardown),
        cmocka_unit_test_setup_teardown(the_index_follows_the_tree_and_imports, setup, teardown),
        cmocka_unit_test_setup_teardown(the_index_forgets_what_is_rolled_back, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_finds_what_is_not_his, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_there_before_is_indexed, make_dir, teardown),
        cmocka_unit_test_setup_teardown(pages_join_without_gap_or_double, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_are_short_and_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
