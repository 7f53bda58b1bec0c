/* The tree of messages and the path that is shown of it; settings, folders and order of conversations. */
#include "store_fixture.h"

/* ---- the path that is shown ---- */

static void see_leaf(const struct store_result *r)
{
    const struct conversation_row *c = r->n_conversations ? &r->conversations[0] : NULL;
    snprintf(seen, sizeof(seen), "%s", c && c->leaf_id ? c->leaf_id : "-");
}

static void see_ids(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s ", r->messages[i].id);
    snprintf(seen, sizeof(seen), "%s", b->len ? buf_str(b) : "");
}

static void assert_leaf(struct fixture *f, const char *want)
{
    OK(f, see_leaf, store_conversation_read, "ann", "c1");
    assert_seen(want);
}

static void show(struct fixture *f, const char *leaf)
{
    struct conversation_change change = {.leaf_id = leaf};
    OK(f, NULL, store_conversation_set, "ann", "c1", &change);
}

static void answer(struct fixture *f, const char *id, const char *message, const char *answer_id)
{
    generate(f, id, message, answer_id, false);
    append(f, id, 1, 1, "text", "");
    OK(f, NULL, store_generation_finish, id, "done", NULL, NULL);
}

static void what_happened_last_is_shown(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    assert_leaf(f, "m1");
    answer(f, "g1", "m1", "a1");
    assert_leaf(f, "a1");
    say(f, "m2", "a1", "\"two\"");
    assert_leaf(f, "m2");
    say(f, "m1b", NULL, "\"one, edited\"");
    assert_leaf(f, "m1b");
    show(f, "m2");
    say(f, "m1b", NULL, "\"changed in place\"");
    assert_leaf(f, "m2");
    answer(f, "g2", "m1b", "a1b"); /* elsewhere in the tree */
    assert_leaf(f, "m2");
}

static void another_answer_is_shown_where_one_was(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    answer(f, "g1", "m1", "a1");
    answer(f, "g2", "m1", "a2");
    assert_leaf(f, "a2");
    say(f, "m2", "a2", "\"two\"");
    generate(f, "g3", "m1", "a3", false);
    append(f, "g3", 1, 1, "text", "");
    OK(f, NULL, store_generation_finish, "g3", "stopped", NULL, NULL);
    assert_leaf(f, "m2");
    show(f, "a1");
    generate(f, "g4", "m1", "a3", true); /* goes on with a3 */
    assert_leaf(f, "a3");
}

static void an_answer_without_a_word_gives_the_path_back(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    generate(f, "g1", "m1", "a1", false);
    OK(f, NULL, store_generation_finish, "g1", "failed", NULL, NULL);
    assert_leaf(f, "m1");
    answer(f, "g2", "m1", "a2");
    generate(f, "g3", "m1", "a3", false);
    assert_leaf(f, "a3");
    OK(f, NULL, store_generations_recover, "{}"); /* as after a crash */
    assert_leaf(f, "a2");
}

static void a_removed_leaf_leaves_it_to_its_parent(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    say(f, "m2", "m1", "\"two\"");
    say(f, "m3", "m2", "\"three\"");
    OK(f, NULL, store_message_remove, "ann", "m2");
    assert_leaf(f, "m3");
    OK(f, NULL, store_message_remove, "ann", "m3");
    assert_leaf(f, "m1");
    OK(f, NULL, store_message_remove, "ann", "m1");
    assert_leaf(f, "-");
}

/* ---- branches ---- */

static void see_generations(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s ", r->generations[i].id);
    buf_addf(b, "leaf %s", r->conversations[0].leaf_id ? r->conversations[0].leaf_id : "-");
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

/* m1 -> a1 -> m2 -> a2 (being written)
 *    -> a3 -> m3 (in the outbox: a4) */
static void plant(struct fixture *f)
{
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    answer(f, "g1", "m1", "a1");
    say(f, "m2", "a1", "\"two\"");
    generate(f, "g2", "m2", "a2", false);
    answer(f, "g3", "m1", "a3");
    say(f, "m3", "a3", "\"three\"");
    generate(f, "g4", "m3", "a4", false);
}

static void a_branch_goes_with_all_below_it(void **state)
{
    static const struct {
        const char *leaf, *removed, *want, *left;
    } cases[] = {
        {"a4", "m2", "g2 leaf a4", "m1 a1 a3 m3 a4 "}, {"a2", "m2", "g2 leaf a1", "m1 a1 a3 m3 a4 "},
        {"a2", "a1", "g2 leaf m1", "m1 a3 m3 a4 "},    {"a2", "a2", "g2 leaf m2", "m1 a1 m2 a3 m3 a4 "},
        {"a1", "a3", "g4 leaf a1", "m1 a1 m2 a2 "},    {"a2", "m1", "g2 g4 leaf -", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture *f = *state;
        plant(f);
        show(f, cases[i].leaf);
        OK(f, see_generations, store_branch_remove, "ann", cases[i].removed);
        assert_seen(cases[i].want);
        OK(f, see_ids, store_conversation_read, "ann", "c1");
        assert_seen(cases[i].left);
        teardown(state);
        setup(state);
    }
}

static void what_ran_in_a_removed_branch_is_gone(void **state)
{
    struct fixture *f = *state;
    plant(f);
    OK(f, NULL, store_branch_remove, "ann", "m2");
    /* What the room that wrote it may still ask for. */
    struct events_in late = {.first_seq = 1, .last_seq = 1, .frames = SPAN_LIT("id: 1\n\n")};
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_append, "g2", &late);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_finish, "g2", "done", NULL, NULL);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, "ann", "g2");
    OK(f, NULL, store_generation_read, "ann", "g4");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_branch_remove, "bob", "m1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_branch_remove, "ann", "m2");
}

static void a_message_without_answers_waits_again(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    say(f, "m2", "m1", "\"two\""); /* sent while m1 had no answer */
    generate(f, "g0", "m1", "a0", false);
    OK(f, NULL, store_generation_finish, "g0", "failed", "{\"code\":\"x\"}", NULL);
    answer(f, "g1", "m1", "a1");
    answer(f, "g2", "m1", "a2");
    OK(f, NULL, store_branch_remove, "ann", "a1");
    OK(f, see_messages, store_message_path, "ann", "m1");
    assert_seen("m1<- user answered \"one\"\n");
    OK(f, NULL, store_branch_remove, "ann", "a2");
    OK(f, see_messages, store_message_path, "ann", "m2");
    assert_seen("m1<- user pending \"one\"\nm2<m1 user pending \"two\"\n");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, "ann", "g0"); /* its error is old */
    answer(f, "g3", "m1", "a3");
    OK(f, see_messages, store_message_path, "ann", "m1");
    assert_seen("m1<- user answered \"one\"\n");
}

static void an_edited_answer_stands_beside_the_other(void **state)
{
    struct fixture *f = *state;
    plant(f);
    show(f, "a2");
    struct answer a = ASK(f, see_messages, store_answer_edit, "ann", "a1", "e1", "\"better\"");
    assert_int_equal(a.err, ERR_OK);
    assert_true(a.created);
    assert_seen("e1<m1 assistant done \"better\"\n");
    assert_leaf(f, "e1");
    show(f, "a2");
    a = ASK(f, see_messages, store_answer_edit, "ann", "a1", "e1", "\"other\"");
    assert_int_equal(a.err, ERR_OK);
    assert_false(a.created);
    assert_seen("e1<m1 assistant done \"better\"\n");
    assert_leaf(f, "a2");
    OK(f, see_messages, store_answer_edit, "ann", "e1", "e2", "\"best\""); /* an edited one again */
    static const struct {
        enum err want;
        const char *user, *id, *new_id;
    } cases[] = {
        {ERR_FAILED, "ann", "m1", "n1"},    {ERR_FAILED, "ann", "a2", "n1"},
        {ERR_EXISTS, "ann", "a1", "m1"},    {ERR_EXISTS, "ann", "a1", "a2"},
        {ERR_EXISTS, "ann", "a1", "a1"},    {ERR_NOT_FOUND, "bob", "a1", "n1"},
        {ERR_NOT_FOUND, "ann", "zz", "n1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        EXPECT(cases[i].want, f, NULL, store_answer_edit, cases[i].user, cases[i].id, cases[i].new_id,
               "\"x\"");
    assert_leaf(f, "e2");
}

/* ---- any order of all of it ---- */

static int count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return n;
}

static void assert_whole(sqlite3 *db, unsigned step)
{
    static const struct {
        const char *what, *broken;
    } laws[] = {
        {"the leaf is a message of the conversation",
         "SELECT count(*) FROM conversations c WHERE leaf_id IS NOT NULL AND NOT EXISTS "
         "(SELECT 1 FROM messages m WHERE m.id = c.leaf_id AND m.conversation_id = c.id)"},
        {"parents are there", "SELECT count(*) FROM messages m WHERE parent_id IS NOT NULL AND NOT EXISTS "
                              "(SELECT 1 FROM messages p WHERE p.id = m.parent_id)"},
        {"answered is what has an answer",
         "SELECT count(*) FROM messages m WHERE role = 'user' AND (state = 'answered') <> EXISTS "
         "(SELECT 1 FROM messages a WHERE a.parent_id = m.id AND a.role = 'assistant')"},
        {"generations answer a message that is there",
         "SELECT count(*) FROM generations g WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = g.message_id)"},
        {"what is under way has its answer",
         "SELECT count(*) FROM generations g WHERE finished_at = 0 AND NOT EXISTS "
         "(SELECT 1 FROM messages m WHERE m.id = g.answer_id)"},
    };
    for (size_t i = 0; i < COUNT_OF(laws); i++) {
        if (count(db, laws[i].broken))
            fail_msg("after step %u: not so: %s", step, laws[i].what);
    }
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* A random message that `condition` holds for; "" when there is none. */
static void pick(sqlite3 *db, unsigned *random, const char *condition, char out[24])
{
    AUTO(mem) char *sql = xasprintf("SELECT id FROM messages WHERE %s ORDER BY seq", condition);
    AUTO(mem) char *n_sql = xasprintf("SELECT count(*) FROM messages WHERE %s", condition);
    int n = count(db, n_sql);
    out[0] = '\0';
    if (n == 0)
        return;
    AUTO(mem) char *one = xasprintf("%s LIMIT 1 OFFSET %u", sql, next_random(random) % (unsigned)n);
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, one, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    snprintf(out, 24, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
}

/* One change, of whatever kind; refusals are fine. */
static void change_something(struct fixture *f, sqlite3 *db, unsigned *random, unsigned step)
{
    char any[24], user[24], made[24], other[24];
    pick(db, random, "true", any);
    pick(db, random, "role = 'user'", user);
    snprintf(made, sizeof(made), "x%u", step);
    snprintf(other, sizeof(other), "y%u", step);
    struct message_row m = a_message(made, "c1", any[0] ? any : NULL, "\"x\"", "pending");
    struct generation_row g = a_generation(made, user, other);
    struct conversation_change leaf = {.leaf_id = any};
    switch (next_random(random) % 9) {
    case 0:
    case 1: (void)ASK(f, NULL, store_message_accept, "ann", &m); break;
    case 2:
    case 3: (void)ASK(f, NULL, store_generation_add, &g); break;
    case 4: (void)ASK(f, NULL, store_generations_recover, "{}"); break;
    case 5: {
        AUTO(mem) char *last = xasprintf("x%u", step - 1); /* if that began an answer */
        if (ASK(f, NULL, store_generation_read, "ann", last).err == ERR_OK)
            (void)ASK(f, NULL, store_generation_finish, last, "stopped", NULL, NULL);
        break;
    }
    case 6: (void)ASK(f, NULL, store_branch_remove, "ann", any); break;
    case 7: (void)ASK(f, NULL, store_message_remove, "ann", user); break;
    default:
        (void)ASK(f, NULL, store_answer_edit, "ann", any, made, "\"e\"");
        (void)ASK(f, NULL, store_conversation_set, "ann", "c1", &leaf);
        break;
    }
}

static void any_order_of_changes_leaves_a_whole_tree(void **state)
{
    struct fixture *f = *state;
    unsigned random = 20261124;
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *db;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (unsigned step = 1; step <= 1500; step++) {
        change_something(f, db, &random, step);
        assert_whole(db, step);
    }
    sqlite3_close(db);
}

/* ---- changes ---- */

static void see_all(const struct store_result *r)
{
    const struct conversation_row *c = &r->conversations[0];
    snprintf(seen, sizeof(seen), "\"%s\" by %s on %s%s%s in %s leaf %s %s %s", c->title, c->titled_by,
             c->server_id, c->pinned ? " pinned" : "", c->archived ? " archived" : "",
             c->folder_id ? c->folder_id : "-", c->leaf_id, c->options_json ? c->options_json : "-",
             c->system_prompt ? c->system_prompt : "-");
}

static void each_field_changes_alone(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    say(f, "m2", "m1", "\"two\"");
    const struct {
        struct conversation_change change;
        const char *want;
    } cases[] = {
        {{0}, "\"one\" by message on s1 in - leaf m2 - -"},
        {{.title = "T"}, "\"T\" by user on s1 in - leaf m2 - -"},
        {{.server_id = "s2"}, "\"T\" by user on s2 in - leaf m2 - -"},
        {{.leaf_id = "m1"}, "\"T\" by user on s2 in - leaf m1 - -"},
        {{.has_pinned = true, .pinned = true}, "\"T\" by user on s2 pinned in - leaf m1 - -"},
        {{.has_archived = true, .archived = true}, "\"T\" by user on s2 pinned archived in - leaf m1 - -"},
        {{.options_json = "{\"seed\":1}"}, "\"T\" by user on s2 pinned archived in - leaf m1 {\"seed\":1} -"},
        {{.has_system_prompt = true, .system_prompt = "Be brief."},
         "\"T\" by user on s2 pinned archived in - leaf m1 {\"seed\":1} Be brief."},
        {{.has_pinned = true}, "\"T\" by user on s2 archived in - leaf m1 {\"seed\":1} Be brief."},
        {{.options_json = "{}"}, "\"T\" by user on s2 archived in - leaf m1 - Be brief."},
        {{.has_system_prompt = true}, "\"T\" by user on s2 archived in - leaf m1 - -"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OK(f, see_all, store_conversation_set, "ann", "c1", &cases[i].change);
        assert_seen(cases[i].want);
        OK(f, see_all, store_conversation_read, "ann", "c1");
        assert_seen(cases[i].want);
    }
}

static void what_is_not_there_cannot_be_shown(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    struct message_row other = a_message("n1", "c2", NULL, "\"x\"", "pending");
    OK(f, NULL, store_message_accept, "ann", &other);
    struct conversation_change elsewhere = {.title = "T", .leaf_id = "n1"},
                               no_folder = {.title = "T", .has_folder = true, .folder_id = "f1"};
    EXPECT(ERR_INVALID, f, NULL, store_conversation_set, "ann", "c1", &elsewhere);
    EXPECT(ERR_INVALID, f, NULL, store_conversation_set, "ann", "c1", &no_folder);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_set, "bob", "c1", &elsewhere);
    OK(f, see_all, store_conversation_read, "ann", "c1");
    assert_seen("\"one\" by message on s1 in - leaf m1 - -");
}

static void settings_come_with_the_first_message_only(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct message_row m = a_message("m1", "c1", NULL, "\"one\"", "pending");
    struct conversation_settings settings = {"{\"top_k\":3}", "Be brief."},
                                 others = {"{\"seed\":1}", "Be long."};
    OK(f, see_all, store_message_accept_with, "ann", &m, &settings);
    assert_seen("\"one\" by message on s1 in - leaf m1 {\"top_k\":3} Be brief.");
    OK(f, see_all, store_message_accept_with, "ann", &m, &others);
    m.id = STR("m2");
    OK(f, see_all, store_message_accept_with, "ann", &m, &others);
    assert_seen("\"one\" by message on s1 in - leaf m2 {\"top_k\":3} Be brief.");
}

static void a_new_message_takes_its_conversation_out_of_the_archive(void **state)
{
    struct fixture *f = *state;
    struct conversation_change archive = {.has_archived = true, .archived = true};
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    OK(f, NULL, store_conversation_set, "ann", "c1", &archive);
    say(f, "m1", NULL, "\"one again\"");
    OK(f, see_all, store_conversation_read, "ann", "c1");
    assert_non_null(strstr(seen, " archived"));
    say(f, "m2", "m1", "\"two\"");
    OK(f, see_all, store_conversation_read, "ann", "c1");
    assert_null(strstr(seen, " archived"));
}

/* ---- folders, and many at once ---- */

static void see_folders(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s %s;", r->folders[i].id, r->folders[i].name);
    snprintf(seen, sizeof(seen), "%s", b->len ? buf_str(b) : "");
}

static void see_order(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n_conversations; i++) {
        const struct conversation_row *c = &r->conversations[i];
        buf_addf(b, "%s%s%s%s%s;", c->id, c->pinned ? " pinned" : "", c->archived ? " archived" : "",
                 c->folder_id ? " in " : "", c->folder_id ? c->folder_id : "");
    }
    snprintf(seen, sizeof(seen), "%s", b->len ? buf_str(b) : "");
}

static struct folder_row a_folder(const char *id, const char *user, const char *name)
{
    return (struct folder_row){.id = STR(id), .user_id = STR(user), .name = STR(name)};
}

static void folders_have_unique_names_and_an_owner(void **state)
{
    struct fixture *f = *state;
    struct folder_row work = a_folder("f1", "ann", "work"), home = a_folder("f2", "ann", "Home"),
                      again = a_folder("f3", "ann", "WORK"), bobs = a_folder("f4", "bob", "work");
    add_users(f);
    OK(f, see_folders, store_folder_add, &work);
    assert_seen("f1 work;");
    OK(f, NULL, store_folder_add, &home);
    EXPECT(ERR_EXISTS, f, NULL, store_folder_add, &again);
    OK(f, NULL, store_folder_add, &bobs);
    OK(f, see_folders, store_folder_rename, "ann", "f1", "Work"); /* its own name */
    assert_seen("f1 Work;");
    EXPECT(ERR_EXISTS, f, NULL, store_folder_rename, "ann", "f1", "home");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_folder_rename, "bob", "f1", "mine");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_folder_remove, "bob", "f1");
    OK(f, see_folders, store_folders_list, "ann");
    assert_seen("f2 Home;f1 Work;");
    run_sql(f, "UPDATE folders SET import_id = 'i1' WHERE id = 'f1'");
    OK(f, see_folders, store_folders_list, "ann");
    assert_seen("f2 Home;");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_folder_remove, "ann", "f1");
}

static void a_removed_folder_lets_go_of_its_conversations(void **state)
{
    struct fixture *f = *state;
    struct folder_row work = a_folder("f1", "ann", "work"), bobs = a_folder("f2", "bob", "work");
    struct conversation_change move = {.has_folder = true, .folder_id = "f1"},
                               steal = {.has_folder = true, .folder_id = "f2"}, out = {.has_folder = true};
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    OK(f, NULL, store_folder_add, &work);
    OK(f, NULL, store_folder_add, &bobs);
    EXPECT(ERR_INVALID, f, NULL, store_conversation_set, "ann", "c1", &steal);
    OK(f, see_order, store_conversation_set, "ann", "c1", &move);
    assert_seen("c1 in f1;");
    OK(f, see_order, store_conversation_set, "ann", "c1", &out);
    assert_seen("c1;");
    OK(f, NULL, store_conversation_set, "ann", "c1", &move);
    OK(f, NULL, store_folder_remove, "ann", "f1");
    OK(f, see_order, store_conversations_list, "ann");
    assert_seen("c1;");
}

static void many_change_or_go_in_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct folder_row work = a_folder("f1", "ann", "work");
    struct conversation_change file = {.title = "not for many",
                                       .has_pinned = true,
                                       .pinned = true,
                                       .has_folder = true,
                                       .folder_id = "f1"},
                               lost = {.has_archived = true,
                                       .archived = true,
                                       .has_folder = true,
                                       .folder_id = "f9"};
    uint64_t before, after, ops;
    add_users(f);
    OK(f, NULL, store_folder_add, &work);
    for (int i = 1; i <= 4; i++) {
        char c[8], m[8];
        snprintf(c, sizeof(c), "c%d", i);
        snprintf(m, sizeof(m), "m%d", i);
        struct message_row row = a_message(m, c, NULL, "\"x\"", "pending");
        OK(f, NULL, store_message_accept, i == 4 ? "bob" : "ann", &row);
    }
    store_stats(f->store, &before, &ops);
    OK(f, see_order, store_conversations_set, "ann", "[\"c1\",\"c2\",\"c4\",\"c9\",\"c1\"]", &file);
    store_stats(f->store, &after, &ops);
    assert_int_equal(after - before, 1);
    assert_seen("c1 pinned in f1;c2 pinned in f1;");
    EXPECT(ERR_INVALID, f, NULL, store_conversations_set, "ann", "[\"c1\"]", &lost);
    OK(f, see_conversations, store_conversation_read, "ann", "c1");
    assert_seen("c1 \"x\" s1\n");
    OK(f, see_order, store_conversations_remove, "ann", "[\"c2\",\"c3\",\"c4\",\"c3\"]");
    assert_seen("c2 pinned in f1;c3;");
    OK(f, see_order, store_conversations_list, "ann");
    assert_seen("c1 pinned in f1;");
    OK(f, see_order, store_conversations_list, "bob");
    assert_seen("c4;");
}

/* ---- an import under way ---- */

static void what_an_import_brings_is_not_there_yet(void **state)
{
    struct fixture *f = *state;
    struct conversation_change change = {.title = "T"};
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    answer(f, "g1", "m1", "a1");
    run_sql(f, "UPDATE conversations SET import_id = 'i1'");
    OK(f, see_conversations, store_conversations_list, "ann");
    assert_seen("");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "ann", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_set, "ann", "c1", &change);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_remove, "ann", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_path, "ann", "m1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_remove, "ann", "m1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, "ann", "g1");
    struct generation_row again = a_generation("g2", "m1", "a2");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_add, &again);
    struct message_row m = a_message("m1", "c1", NULL, "\"mine\"", "pending");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_accept, "ann", &m);
    m.id = STR("m9");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_accept, "ann", &m);
    run_sql(f, "UPDATE conversations SET import_id = NULL");
    OK(f, NULL, store_conversation_read, "ann", "c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_happened_last_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(another_answer_is_shown_where_one_was, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_without_a_word_gives_the_path_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_leaf_leaves_it_to_its_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_branch_goes_with_all_below_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_ran_in_a_removed_branch_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_without_answers_waits_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_edited_answer_stands_beside_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(any_order_of_changes_leaves_a_whole_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(each_field_changes_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_cannot_be_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_come_with_the_first_message_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_message_takes_its_conversation_out_of_the_archive, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(folders_have_unique_names_and_an_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_folder_lets_go_of_its_conversations, setup, teardown),
        cmocka_unit_test_setup_teardown(many_change_or_go_in_one_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_import_brings_is_not_there_yet, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
