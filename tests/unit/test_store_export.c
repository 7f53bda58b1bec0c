/* The pages that an export reads: what is in them, where they end, and what nobody may see. */
#include "store_fixture.h"

static int64_t next_page;

static void see_export(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++) {
        const struct message_row *m = &r->messages[i];
        buf_addf(b, "%s %s %s %s %s\n", m->id, m->state, m->content_json, m->reasoning ? m->reasoning : "-",
                 m->tool_calls_json ? m->tool_calls_json : "-");
    }
    next_page = r->next_page;
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void see_tree(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    if (r->n_conversations)
        buf_addf(b, "%s:", r->conversations[0].id);
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, " %lld<%lld%s", (long long)r->tree[i].seq, (long long)r->tree[i].parent_seq,
                 r->tree[i].is_leaf ? "*" : "");
    next_page = r->next_page;
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void see_attachments(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s ", r->attachments[i].id);
    next_page = r->next_page;
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void see_folders(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s ", r->folders[i].id);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

/* What a running answer has written is in its log only. */
static void text_so_far(void **state)
{
    struct fixture *f = *state;
    const int64_t seqs[] = {1, 2};
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    generate(f, "g1", "m1", "a1", false);
    OK(f, see_export, store_export_messages, "c1", seqs, 2);
    assert_seen("m1 answered \"one\" - -\na1 connecting \"\" - -\n");
    append(f, "g1", 1, 2, "", "hm, ");
    append(f, "g1", 3, 4, "say \"", "well");
    append_with_tools(f, "g1", 5, 5, "\xc3\xbc\"\n", "", "[{\"id\":\"t1\"}]");
    append_with_tools(f, "g1", 6, 6, "", "", "[{\"id\":\"t2\"}]");
    append(f, "g1", 7, 7, ".", "");
    OK(f, see_export, store_export_messages, "c1", seqs + 1, 1);
    assert_seen("a1 connecting \"say \\\"\xc3\xbc\\\"\\n.\" hm, well [{\"id\":\"t2\"}]\n");
    OK(f, NULL, store_generation_finish, "g1", "stopped", NULL, NULL);
    OK(f, see_export, store_export_messages, "c1", seqs + 1, 1);
    assert_seen("a1 stopped \"say \\\"\xc3\xbc\\\"\\n.\" hm, well [{\"id\":\"t2\"}]\n");
    generate(f, "g2", "m1", "a1", true);
    append(f, "g2", 1, 1, "and on", "");
    OK(f, see_export, store_export_messages, "c1", seqs + 1, 1);
    assert_seen("a1 connecting \"say \\\"\xc3\xbc\\\"\\n.and on\" hm, well [{\"id\":\"t2\"}]\n");
}

static void pages_end(void **state)
{
    struct fixture *f = *state;
    int64_t seqs[STORE_EXPORT_PAGE_ROWS + 5];
    AUTO(buf) struct buf *large = buf_new();
    buf_add_char(large, '"');
    while (large->len < STORE_EXPORT_PAGE_BYTES * 2 / 3)
        buf_add_str(large, "0123456789");
    buf_add_char(large, '"');
    add_users(f);
    for (size_t i = 0; i < COUNT_OF(seqs); i++) {
        AUTO(mem) char *id = xasprintf("m%zu", i);
        say(f, id, NULL, i < 3 ? buf_str(large) : "\"x\"");
        seqs[i] = (int64_t)i + 1;
    }
    OK(f, see_export, store_export_messages, "c1", seqs, COUNT_OF(seqs));
    assert_int_equal(next_page, 2);
    OK(f, see_export, store_export_messages, "c1", seqs + 3, COUNT_OF(seqs) - 3);
    assert_int_equal(next_page, STORE_EXPORT_PAGE_ROWS);
    const int64_t gone[] = {4, 9999, 6};
    OK(f, see_export, store_export_messages, "c1", gone, 3);
    assert_seen("m3 pending \"x\" - -\nm5 pending \"x\" - -\n");
    assert_int_equal(next_page, 3);
}

/* A removed message's seq may be somebody else's by the time its page is read. */
static void only_what_is_of_the_conversation(void **state)
{
    struct fixture *f = *state;
    const int64_t seqs[] = {1, 2};
    struct attachment_row file = {.id = STR("x9"),
                                  .user_id = STR("bob"),
                                  .name = STR("n"),
                                  .mime = STR("text/plain"),
                                  .sha256 = STR("h"),
                                  .bytes = SPAN_LIT("bytes")};
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    say(f, "m2", "m1", "\"two\"");
    OK(f, NULL, store_branch_remove, "ann", "m2");
    OK(f, NULL, store_attachment_add, &file);
    struct message_row other = a_message("m3", "c2", NULL, "[{\"type\":\"file\",\"file\":{\"id\":\"x9\"}}]",
                                         "pending");
    OK(f, NULL, store_message_accept, "bob", &other);
    OK(f, see_export, store_export_messages, "c2", seqs, 2);
    assert_non_null(strstr(seen, "m3 pending"));
    OK(f, see_export, store_export_messages, "c1", seqs, 2);
    assert_seen("m1 pending \"one\" - -\n");
    assert_int_equal(next_page, 2);
    OK(f, see_attachments, store_export_files, "c2", seqs, 2);
    assert_seen("x9 ");
    OK(f, see_attachments, store_export_files, "c1", seqs, 2);
    assert_seen("");
}

static void conversations_one_by_one(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    generate(f, "g1", "m1", "a1", false);
    say(f, "m2", NULL, "\"two\"");
    struct message_row other = a_message("m3", "c2", NULL, "\"three\"", "pending");
    OK(f, NULL, store_message_accept, "ann", &other);
    OK(f, see_tree, store_export_conversation, "ann", NULL, 0);
    assert_seen("c1: 1<0 2<1 3<0*");
    OK(f, see_tree, store_export_conversation, "ann", NULL, next_page);
    assert_seen("c2: 4<0*");
    OK(f, see_tree, store_export_conversation, "ann", NULL, next_page);
    assert_seen("");
    OK(f, see_tree, store_export_conversation, "ann", "c2", 0);
    assert_seen("c2: 4<0*");
    OK(f, see_tree, store_export_conversation, "bob", "c2", 0);
    assert_seen("");
    OK(f, see_tree, store_export_conversation, "bob", NULL, 0);
    assert_seen("");
}

static void add_attachment(struct fixture *f, const char *id)
{
    struct attachment_row row = {.id = STR(id),
                                 .user_id = STR("ann"),
                                 .name = STR("n"),
                                 .mime = STR("text/plain"),
                                 .sha256 = STR(id),
                                 .bytes = SPAN_LIT("bytes")};
    OK(f, NULL, store_attachment_add, &row);
}

/* Rows of an import that has not ended are in no export. */
static void imports_are_hidden(void **state)
{
    struct fixture *f = *state;
    struct folder_row folder = {.id = STR("f1"), .user_id = STR("ann"), .name = STR("F")};
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    OK(f, NULL, store_folder_add, &folder);
    add_attachment(f, "x1");
    add_attachment(f, "x2");
    add_attachment(f, "x3");
    run_sql(f, "INSERT INTO attachment_imports VALUES ('x2', 'i')");
    OK(f, see_attachments, store_export_names, "ann");
    assert_seen("x1 x3 ");
    OK(f, see_attachments, store_export_attachment, "ann", 0);
    assert_seen("x1 ");
    OK(f, see_attachments, store_export_attachment, "ann", next_page);
    assert_seen("x3 ");
    OK(f, see_attachments, store_export_attachment, "ann", next_page);
    assert_seen("");
    OK(f, see_attachments, store_export_attachment, "bob", 0);
    assert_seen("");
    OK(f, see_folders, store_export_folders, "ann", NULL);
    assert_seen("f1 ");
    run_sql(f, "UPDATE folders SET import_id = 'i'; UPDATE conversations SET import_id = 'i'");
    OK(f, see_folders, store_export_folders, "ann", NULL);
    assert_seen("");
    OK(f, see_tree, store_export_conversation, "ann", NULL, 0);
    assert_seen("");
    OK(f, see_tree, store_export_conversation, "ann", "c1", 0);
    assert_seen("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_so_far, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_end, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_is_of_the_conversation, setup, teardown),
        cmocka_unit_test_setup_teardown(conversations_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(imports_are_hidden, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
