/* The store as its callers see it: each call, group commit, and what is left after a kill. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

/* ---- users, sessions, keys, servers ---- */

static void see_users(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s %s %s %s %s;", r->users[i].id, r->users[i].name, r->users[i].role, r->users[i].status,
                 r->users[i].password_hash);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void users_are_kept_with_unique_names(void **state)
{
    struct fixture *f = *state;
    struct user_row ann = a_user("ann", "Ann"), other = a_user("x", "aNN"), bob = a_user("bob", "Bob");
    struct answer a = ASK(f, NULL, store_user_add, &ann, true);
    assert_int_equal(a.err, ERR_OK);
    EXPECT(ERR_EXISTS, f, NULL, store_user_add, &bob, true);
    EXPECT(ERR_EXISTS, f, NULL, store_user_add, &other, false);
    OK(f, NULL, store_user_add, &bob, false);
    OK(f, NULL, store_user_set, "bob", "admin", NULL, "$y");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_user_set, "zoe", "admin", NULL, NULL);
    OK(f, see_users, store_users_list);
    assert_seen("ann Ann user active $x;bob Bob admin active $y;");
}

static void see_sessions(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s %s;", r->sessions[i].id_hash, r->sessions[i].user_id);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void sessions_expire_and_end(void **state)
{
    struct fixture *f = *state;
    int64_t now = clock_wall_ms();
    add_users(f);
    struct session_row rows[] = {{STR("h1"), STR("ann"), 1, now + 60000},
                                 {STR("h2"), STR("ann"), 2, now - 1},
                                 {STR("h3"), STR("bob"), 3, now + 60000},
                                 {STR("h4"), STR("bob"), 4, 5}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        OK(f, NULL, store_session_add, &rows[i]);
    struct session_row stranger = {STR("h5"), STR("nobody"), 1, now + 60000},
                       longer = {STR("h4"), STR("bob"), 4, now + 60000};
    EXPECT(ERR_NOT_FOUND, f, NULL, store_session_add, &stranger);
    OK(f, NULL, store_session_add, &longer); /* the same one lives longer */
    OK(f, see_sessions, store_sessions_list);
    assert_seen("h1 ann;h3 bob;h4 bob;");
    OK(f, NULL, store_session_remove, "h3");
    OK(f, NULL, store_session_remove, "h3");
    OK(f, see_sessions, store_sessions_list);
    assert_seen("h1 ann;h4 bob;");
    OK(f, NULL, store_sessions_remove_of, "bob");
    OK(f, see_sessions, store_sessions_list);
    assert_seen("h1 ann;");
}

static void see_keys(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s %s %s %s %s %lld;", r->keys[i].id, r->keys[i].user_id, r->keys[i].name,
                 r->keys[i].prefix, r->keys[i].key_hash, (long long)r->keys[i].last_used_at);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void keys_are_kept(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct key_row k1 = {.id = STR("k1"),
                         .user_id = STR("ann"),
                         .name = STR("laptop"),
                         .prefix = STR("hob_ab"),
                         .key_hash = STR("hash1")},
                   k2 = k1;
    k2.id = STR("k2");
    OK(f, NULL, store_key_add, &k1);
    EXPECT(ERR_EXISTS, f, NULL, store_key_add, &k2);
    OK(f, NULL, store_key_used, "k1", 77);
    OK(f, NULL, store_key_used, "k1", 50); /* late news */
    OK(f, see_keys, store_keys_list);
    assert_seen("k1 ann laptop hob_ab hash1 77;");
    OK(f, NULL, store_key_remove, "k1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_key_remove, "k1");
    OK(f, see_keys, store_keys_list);
    assert_seen("");
}

static void see_servers(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s %s %s %s %s %s '%s' %d%d %lld;", r->servers[i].id, r->servers[i].name,
                 r->servers[i].kind, r->servers[i].model_path ? r->servers[i].model_path : "-",
                 r->servers[i].command_json ? r->servers[i].command_json : "-", r->servers[i].args_json,
                 r->servers[i].system_prompt, r->servers[i].on_demand, r->servers[i].autostart,
                 (long long)r->servers[i].last_load_ms);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void servers_are_replaced_by_id(void **state)
{
    struct fixture *f = *state;
    struct server_row s = {.id = STR("s1"),
                           .name = STR("qwen"),
                           .kind = STR("llama-server"),
                           .model_path = STR("/m.gguf"),
                           .args_json = STR("[]"),
                           .system_prompt = STR(""),
                           .settings_json = STR("{\"slots\":2}"),
                           .on_demand = true};
    OK(f, NULL, store_server_put, &s);
    OK(f, NULL, store_server_loaded, "s1", (int64_t)12400);
    struct server_row other = s;
    other.id = STR("s2");
    other.name = STR("Qwen");
    EXPECT(ERR_EXISTS, f, NULL, store_server_put, &other);
    s.name = STR("qwen2");
    s.model_path = NULL;
    s.command_json = STR("[\"x\"]");
    s.autostart = true;
    struct answer a = ASK(f, NULL, store_server_put, &s);
    assert_false(a.created);
    OK(f, NULL, store_server_put, &other);
    OK(f, see_servers, store_servers_list);
    assert_seen("s1 qwen2 llama-server - [\"x\"] [] '' 11 12400;s2 Qwen llama-server /m.gguf - [] '' 10 0;");

    add_users(f);
    say(f, "m1", NULL, "\"hi\"");
    OK(f, NULL, store_server_remove, "s1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_server_remove, "s1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_server_loaded, "s1", (int64_t)1);
    OK(f, see_conversations, store_conversations_list, "ann");
    assert_seen("c1 \"hi\" -\n");
}

/* ---- messages ---- */

static void accepting_a_message_twice_makes_one_row(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    struct message_row m = a_message("m1", "c1", NULL, "\"Hello there\"", "queued");
    struct answer a = ASK(f, see_conversations, store_message_accept, "ann", &m);
    assert_int_equal(a.err, ERR_OK);
    assert_true(a.created);
    assert_seen("c1 \"Hello there\" s1\n");

    m.content_json = STR("[{\"type\":\"text\",\"text\":\"Hello again\"}]");
    m.state = STR("pending");
    a = ASK(f, see_messages, store_message_accept, "ann", &m);
    assert_false(a.created);
    assert_seen("m1<- user pending [{\"type\":\"text\",\"text\":\"Hello again\"}]\n");
    m.state = STR("queued"); /* what is sent does not go back into the queue */
    OK(f, see_messages, store_message_accept, "ann", &m);
    assert_seen("m1<- user pending [{\"type\":\"text\",\"text\":\"Hello again\"}]\n");

    generate(f, "g1", "m1", "a1", false);
    m.content_json = STR("\"too late\"");
    OK(f, see_messages, store_message_accept, "ann", &m);
    assert_seen("m1<- user answered [{\"type\":\"text\",\"text\":\"Hello again\"}]\n");
    OK(f, see_generation, store_message_accept, "ann", &m);
    assert_seen("g1 connecting ");
    OK(f, see_conversations, store_conversations_list, "ann");
    assert_seen("c1 \"Hello again\" s1 generating\n");
}

static void a_message_belongs_to_its_conversation_and_user(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"mine\"");
    struct message_row elsewhere = a_message("m1", "c2", NULL, "\"x\"", "pending"),
                       intruder = a_message("m2", "c1", NULL, "\"x\"", "pending"),
                       lost = a_message("m3", "c1", "m0", "\"x\"", "pending"),
                       foreign_parent = a_message("m4", "c9", "m1", "\"x\"", "pending"),
                       circle = a_message("m1", "c1", "m1", "\"x\"", "pending");
    EXPECT(ERR_EXISTS, f, NULL, store_message_accept, "ann", &elsewhere);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_accept, "bob", &intruder);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_accept, "ann", &lost);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_accept, "bob", &foreign_parent);
    EXPECT(ERR_INVALID, f, NULL, store_message_accept, "ann", &circle);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "bob", "c1");
    struct conversation_change theft = {.title = "stolen"};
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_set, "bob", "c1", &theft);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_remove, "bob", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_remove, "bob", "m1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_path, "bob", "m1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_read, "ann", "c9"); /* nothing is left of what failed */
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user pending \"mine\"\n");
    OK(f, see_conversations, store_conversations_list, "bob");
    assert_seen("");
}

static void only_messages_without_an_answer_can_be_removed(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"one\"");
    say(f, "m2", "m1", "\"two\"");
    say(f, "m3", "m2", "\"three\"");
    OK(f, NULL, store_message_remove, "ann", "m2");
    OK(f, see_messages, store_message_path, "ann", "m3");
    assert_seen("m1<- user pending \"one\"\nm3<m1 user pending \"three\"\n");
    generate(f, "g1", "m1", "a1", false);
    EXPECT(ERR_EXISTS, f, NULL, store_message_remove, "ann", "m1");
    EXPECT(ERR_EXISTS, f, NULL, store_message_remove, "ann", "a1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_message_remove, "ann", "m2");
}

static void conversations_are_named_listed_and_removed(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"first\"");
    struct message_row second = a_message("n1", "c2", NULL, "\"second\"", "pending");
    OK(f, NULL, store_message_accept, "ann", &second);
    struct conversation_change change = {.title = "Renamed", .server_id = "s7"};
    OK(f, see_conversations, store_conversation_set, "ann", "c1", &change);
    assert_seen("c1 \"Renamed\" s7\n");
    second.content_json = STR("\"changed\"");
    OK(f, NULL, store_message_accept, "ann", &second);
    say(f, "m1", NULL, "\"the name stays\"");
    OK(f, see_conversations, store_conversations_list, "ann");
    assert_non_null(strstr(seen, "c2 \"changed\" s1\n"));
    assert_non_null(strstr(seen, "c1 \"Renamed\" s1\n"));
    generate(f, "g1", "m1", "a1", false);
    append(f, "g1", 1, 2, "text", "");
    OK(f, NULL, store_conversation_remove, "ann", "c1");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, NULL, "g1");
    OK(f, see_conversations, store_conversations_list, "ann");
    assert_seen("c2 \"changed\" s1\n");
}

static void titles_are_first_lines(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *content, *title;
    } cases[] = {
        {"\"Hello\"", "Hello"},
        {"\"\\n  \\t Hello \\r\\nworld\"", "Hello"},
        {"\"a\\u0007b   c\"", "ab c"},
        {"\"\"", "New conversation"},
        {"[]", "New conversation"},
        {"[{\"type\":\"image_url\"},{\"type\":\"text\",\"text\":\"Look\"}]", "Look"},
        /* 60 characters stay whole; longer ones are cut between words, or where they must be */
        {"\"123456789 123456789 123456789 123456789 123456789 123456789 \"",
         "123456789 123456789 123456789 123456789 123456789 123456789"},
        {"\"123456789 123456789 123456789 123456789 123456789 123456789 and more\"",
         "123456789 123456789 123456789 123456789 123456789 123456789\u2026"},
        {"\"123456789 123456789 123456789 123456789 123456789 1234567890123456789\"",
         "123456789 123456789 123456789 123456789 123456789\u2026"},
        {"\"äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\"",
         "äääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\u2026"},
    };
    add_users(f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[16];
        snprintf(id, sizeof(id), "t%zu", i);
        struct message_row m = a_message(id, id, NULL, cases[i].content, "pending");
        AUTO(mem) char *want = xasprintf("%s \"%s\" s1\n", id, cases[i].title);
        OK(f, see_conversations, store_message_accept, "ann", &m);
        assert_seen(want);
    }
}

static void a_models_title_replaces_no_other(void **state)
{
    struct fixture *f = *state;
    const struct conversation_change mine = {.title = "Mine"};
    add_users(f);
    say(f, "m1", NULL, "\"first line\"");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_conversation_entitle, "bob", "c1", "Bob's");
    OK(f, see_conversations, store_conversation_entitle, "ann", "c1", "By a model");
    assert_seen("c1 \"By a model\" s1\n");
    EXPECT(ERR_EXISTS, f, NULL, store_conversation_entitle, "ann", "c1", "Again");
    OK(f, NULL, store_conversation_set, "ann", "c1", &mine);
    EXPECT(ERR_EXISTS, f, NULL, store_conversation_entitle, "ann", "c1", "Again");
    OK(f, see_conversations, store_conversations_list, "ann");
    assert_seen("c1 \"Mine\" s1\n");
}

/* ---- generations ---- */

static void see_tool_calls(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s=%s ", r->messages[i].id,
                 r->messages[i].tool_calls_json ? r->messages[i].tool_calls_json : "none");
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void tool_calls_are_the_last_ones_that_were_flushed(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    append_with_tools(f, "g1", 1, 2, "", "", "[1]");
    append_with_tools(f, "g1", 3, 3, "", "", "[1,2]");
    append(f, "g1", 4, 4, "", "");
    OK(f, see_tool_calls, store_conversation_read, "ann", "c1");
    assert_seen("m1=none a1=none ");
    /* not empty, so nothing is removed even when it failed */
    OK(f, see_generation, store_generation_finish, "g1", "failed", NULL, NULL);
    OK(f, see_tool_calls, store_conversation_read, "ann", "c1");
    assert_seen("m1=none a1=[1,2] ");
    generate(f, "g2", "m1", "a1", true);
    OK(f, see_generation, store_generation_finish, "g2", "done", NULL, NULL);
    OK(f, see_tool_calls, store_conversation_read, "ann", "c1");
    assert_seen("m1=none a1=[1,2] ");
    generate(f, "g3", "m1", "a3", false);
    append_with_tools(f, "g3", 1, 1, "", "", "[3]");
    OK(f, NULL, store_generations_recover, "{}");
    OK(f, see_tool_calls, store_conversation_read, "ann", "c1");
    assert_seen("m1=none a1=[1,2] a3=[3] ");
}

static void finishing_joins_the_text(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    OK(f, see_generation, store_generation_state, "g1", "streaming");
    assert_seen("g1 streaming ");
    append(f, "g1", 1, 2, "Say \"hi\",\n", "why");
    append(f, "g1", 3, 3, "\xc3\xa4", " not");
    struct events_in again = {
        .first_seq = 3, .last_seq = 4, .frames = SPAN_LIT("x"), .content = SPAN_LIT("x")};
    EXPECT(ERR_EXISTS, f, NULL, store_generation_append, "g1", &again);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_append, "g0", &again);
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user answered \"q\"\na1<m1 assistant streaming \"\"\n");
    OK(f, see_generation, store_generation_finish, "g1", "stopped", NULL, "{\"t\":1}");
    assert_seen("g1 stopped {\"t\":1} ended");
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen(
        "m1<- user answered \"q\"\na1<m1 assistant stopped \"Say \\\"hi\\\",\\n\xc3\xa4\" think why not\n");
    EXPECT(ERR_EXISTS, f, NULL, store_generation_finish, "g1", "done", NULL, NULL);
    EXPECT(ERR_EXISTS, f, NULL, store_generation_state, "g1", "streaming");

    generate(f, "g2", "m1", "a1", true);
    append(f, "g2", 1, 1, " more", "");
    OK(f, see_messages, store_message_path, "ann", "a1");
    assert_seen(
        "m1<- user answered \"q\"\na1<m1 assistant connecting \"Say \\\"hi\\\",\\n\xc3\xa4\" think why not\n");
    OK(f, NULL, store_generation_finish, "g2", "done", NULL, NULL);
    OK(f, see_messages, store_message_path, "ann", "a1");
    assert_seen(
        "m1<- user answered \"q\"\na1<m1 assistant done \"Say \\\"hi\\\",\\n\xc3\xa4 more\" think why not\n");
}

static void one_message_has_one_running_answer(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    struct generation_row again = a_generation("g2", "m1", "a2"), lost = a_generation("g3", "m0", "a3"),
                          foreign = a_generation("g4", "m1", "a4");
    EXPECT(ERR_EXISTS, f, see_generation, store_generation_add, &again);
    assert_seen("g1 connecting ");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_add, &lost);
    foreign.user_id = STR("bob");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_add, &foreign);
    OK(f, NULL, store_generation_finish, "g1", "done", NULL, NULL);
    OK(f, NULL, store_generation_add, &again);
    again = a_generation("g5", "a1", "a5"); /* an answer is not answered */
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_add, &again);
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user answered \"q\"\na1<m1 assistant done \"\"\na2<m1 assistant connecting \"\"\n");
}

static void an_answer_that_never_began_leaves_the_message_pending(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    say(f, "m2", "a1", "\"next\"");
    OK(f, see_generation, store_generation_finish, "g1", "failed", "{\"message\":\"dead\"}", NULL);
    assert_seen("g1 failed {\"message\":\"dead\"} ended");
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user pending \"q\"\nm2<m1 user pending \"next\"\n");

    generate(f, "g2", "m1", "a2", false); /* with text it stays, failed or not */
    append(f, "g2", 1, 1, "half", "");
    OK(f, NULL, store_generation_finish, "g2", "failed", "{}", NULL);
    generate(f, "g3", "m1", "a3", false); /* and then m1 stays answered */
    OK(f, NULL, store_generation_finish, "g3", "failed", "{}", NULL);
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user answered \"q\"\nm2<m1 user pending \"next\"\na2<m1 assistant failed \"half\"\n");
}

static void see_events(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "[%lld-%lld]%s", (long long)r->events[i].first_seq, (long long)r->events[i].last_seq,
                 r->events[i].frames);
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static void see_long(const struct store_result *r)
{
    const struct events_row *row = r->n ? &r->events[0] : NULL;
    snprintf(seen, sizeof(seen), "%s: %s, %s, %s", row ? r->generation->id : "-", row ? row->content : "-",
             row ? row->reasoning : "-", row && row->tool_calls_json ? row->tool_calls_json : "-");
}

static void see_frames_of_long(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%s", r->events[0].frames);
}

static void old_logs_are_found_and_replaced_once(void **state)
{
    struct fixture *f = *state;
    int64_t later = clock_wall_ms() + 60000;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    append_with_tools(f, "g1", 1, 2, "one ", "hm", "[1]");
    append(f, "g1", 3, 3, "two", " so");
    OK(f, see_long, store_generation_long, later);
    assert_seen("-: -, -, -"); /* it has not ended */
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_compact, "g1", (int64_t)1, SPAN_LIT("x"));
    say(f, "m2", NULL, "\"q\"");
    generate(f, "g2", "m2", "a2", false);
    OK(f, NULL, store_generation_finish, "g2", "stopped", NULL, NULL); /* without a log: passed over */
    OK(f, NULL, store_generation_finish, "g1", "done", NULL, NULL);
    OK(f, see_long, store_generation_long, later - 120000);
    assert_seen("-: -, -, -"); /* not yet old */
    OK(f, see_long, store_generation_long, later);
    assert_seen("g1: one two, hm so, [1]");
    OK(f, see_frames_of_long, store_generation_long, later);
    assert_seen("id: 1\ndata: {\"n\":1}\n\nid: 2\ndata: {\"n\":2}\n\nid: 3\ndata: {\"n\":3}\n\n");
    OK(f, NULL, store_generation_compact, "g1", (int64_t)2, SPAN_LIT("id: 1\n\nid: 2\n\n"));
    OK(f, see_long, store_generation_long, later);
    assert_seen("-: -, -, -");
    OK(f, see_events, store_generation_events, "ann", "g1", (int64_t)0);
    assert_seen("[1-2]id: 1\n\nid: 2\n\n");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_compact, "g0", (int64_t)1, SPAN_LIT("x"));
}

static void events_replay_after_a_number(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    append(f, "g1", 1, 2, "ab", "");
    append(f, "g1", 3, 5, "cde", "");
    OK(f, see_events, store_generation_events, "ann", "g1", (int64_t)3);
    assert_seen("[4-5]id: 4\ndata: {\"n\":4}\n\nid: 5\ndata: {\"n\":5}\n\n");
    OK(f, see_events, store_generation_events, NULL, "g1", (int64_t)0);
    assert_memory_equal(seen, "[1-2]id: 1\n", 11);
    assert_non_null(strstr(seen, "[3-5]id: 3\n"));
    OK(f, see_events, store_generation_events, "ann", "g1", (int64_t)5);
    assert_seen("");
    OK(f, see_generation, store_generation_events, "ann", "g1", (int64_t)5);
    assert_seen("g1 connecting ");
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_events, "bob", "g1", (int64_t)0);
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, "bob", "g1");
    OK(f, see_generation, store_generation_read, "ann", "g1");
}

static void recovery_ends_what_ran_and_gives_the_outbox(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    static const struct {
        char message[4], answer[4], generation[4], state[12];
        bool outbox;
    } cases[] = {{"m1", "a1", "g1", "streaming", false},
                 {"m2", "a2", "g2", "streaming", false},
                 {"m3", "a3", "g3", "queued", true},
                 {"m4", "a4", "g4", "streaming", true},
                 {"m5", "a5", "g5", "connecting", true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        say(f, cases[i].message, NULL, "\"q\"");
        struct generation_row g = a_generation(cases[i].generation, cases[i].message, cases[i].answer);
        g.state = STR(cases[i].state);
        g.outbox = cases[i].outbox;
        OK(f, NULL, store_generation_add, &g);
    }
    append(f, "g1", 1, 1, "half", "");
    append(f, "g4", 1, 1, "", "half a thought");
    append(f, "g5", 1, 1, "", "");
    close_store(f);
    open_store(f);
    struct answer a = ASK(f, NULL, store_generations_recover, "{\"e\":1}");
    assert_int_equal(a.n, 2);
    OK(f, see_generation, store_generation_read, NULL, "g1");
    assert_seen("g1 interrupted {\"e\":1} ended");
    OK(f, see_generation, store_generation_read, NULL, "g2");
    assert_seen("g2 failed {\"e\":1} ended");
    OK(f, see_generation, store_generation_read, NULL, "g3");
    assert_seen("g3 queued ");
    OK(f, see_generation, store_generation_read, NULL, "g4");
    assert_seen("g4 interrupted {\"e\":1} ended");
    /* nothing was said yet: it is sent again, with a log of its own */
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_read, NULL, "g5");
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user answered \"q\"\na1<m1 assistant interrupted \"half\"\nm2<- user pending \"q\"\n"
                "m3<- user answered \"q\"\na3<m3 assistant queued \"\"\n"
                "m4<- user answered \"q\"\na4<m4 assistant interrupted \"\" think half a thought\n"
                "m5<- user answered \"q\"\na5<m5 assistant queued \"\"\n");
}

static void a_continuation_begins_with_the_figures_so_far(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    append(f, "g1", 1, 1, "half", "");
    OK(f, NULL, store_generation_finish, "g1", "stopped", NULL, "{\"n\":1}");
    /* another try, which says nothing */
    generate(f, "g2", "m1", "a2", false);
    OK(f, NULL, store_generation_finish, "g2", "failed", NULL, "{\"n\":0}");
    generate(f, "g3", "m1", "a2", true);
    OK(f, see_generation, store_generation_read, NULL, "g3");
    assert_seen("g3 connecting {\"n\":1}");
    OK(f, NULL, store_generation_state, "g3", "streaming");
    close_store(f);
    open_store(f);
    OK(f, NULL, store_generations_recover, NULL);
    OK(f, see_generation, store_generation_read, NULL, "g3");
    assert_seen("g3 interrupted {\"n\":1} ended");
    generate(f, "g4", "m1", "a1", true);
    append(f, "g4", 1, 1, " and whole", "");
    OK(f, NULL, store_generation_finish, "g4", "done", NULL, "{\"n\":2}");
    OK(f, see_messages, store_conversation_read, "ann", "c1");
    assert_seen("m1<- user answered \"q\"\na1<m1 assistant done \"half and whole\"\n");
    /* a whole one is not written on, whatever failed since */
    struct generation_row g5 = a_generation("g5", "m1", "a9");
    g5.continues = true;
    EXPECT(ERR_NOT_FOUND, f, NULL, store_generation_add, &g5);
}

/* ---- the thread ---- */

static void count_done(void *arg, const struct store_result *r)
{
    assert_int_equal(r->err, ERR_OK);
    ++*(int *)arg;
}

static void calls_that_arrive_together_share_a_commit(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    uint64_t commits_before, ops_before, commits, ops;
    store_stats(f->store, &commits_before, &ops_before);
    int n_done = 0;
    char id[500][8];
    for (int i = 0; i < 500; i++) {
        snprintf(id[i], sizeof(id[i]), "u%d", i);
        struct user_row u = a_user(id[i], id[i]);
        store_user_add(f->store, &u, false, count_done, &n_done);
    }
    struct answer last = ASK(f, NULL, store_users_list); /* sees what was written before it */
    assert_int_equal(last.n, 502);
    assert_int_equal(n_done, 500);
    store_stats(f->store, &commits, &ops);
    assert_int_equal(ops - ops_before, 501);
    assert_in_range(commits - commits_before, 1, 100);
}

static void a_failed_call_spoils_no_other(void **state)
{
    struct fixture *f = *state;
    int n_done = 0;
    struct user_row ann = a_user("ann", "Ann"), bob = a_user("bob", "Bob");
    struct answer clash = {.f = f};
    store_user_add(f->store, &ann, false, count_done, &n_done);
    store_user_add(f->store, &ann, false, on_done, &clash);
    store_user_add(f->store, &bob, false, count_done, &n_done);
    OK(f, see_users, store_users_list);
    assert_seen("ann Ann user active $x;bob Bob user active $x;");
    assert_int_equal(clash.err, ERR_EXISTS);
    assert_int_equal(n_done, 2);
}

static void a_cancelled_call_does_its_work_in_silence(void **state)
{
    struct fixture *f = *state;
    struct answer never = {.f = f};
    struct user_row ann = a_user("ann", "Ann");
    store_cancel(store_user_add(f->store, &ann, false, on_done, &never));
    store_cancel(NULL);
    struct answer a = ASK(f, NULL, store_users_list);
    assert_int_equal(a.n, 1);
    assert_false(never.came);
}

struct chain {
    struct fixture *f;
    int n_done;
};

static void add_next_user(void *arg, const struct store_result *r)
{
    struct chain *c = arg;
    static char names[3][4] = {"u0", "u1", "u2"};
    if (r)
        assert_int_equal(r->err, ERR_OK);
    if (c->n_done == 3)
        return;
    char *name = names[c->n_done++];
    struct user_row u = a_user(name, name);
    store_user_add(c->f->store, &u, false, add_next_user, c);
}

static void closing_finishes_what_callbacks_still_ask_for(void **state)
{
    struct fixture *f = *state;
    struct chain c = {.f = f};
    add_next_user(&c, NULL);
    close_store(f);
    assert_int_equal(c.n_done, 3);
    open_store(f);
    struct answer a = ASK(f, NULL, store_users_list);
    assert_int_equal(a.n, 3);
}

/* A limit on the size of files stands in for the full disk. */
static void limit_files(rlim_t max_bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = max_bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void see_attachment_size(const struct store_result *r)
{
    snprintf(seen, sizeof(seen), "%zu", r->attachments[0].bytes.len);
}

static void a_full_disk_fails_writes_and_recovers(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    AUTO(mem) char *big = xmalloc((size_t)1 << 20);
    memset(big, 'x', (size_t)1 << 20);
    struct attachment_row row = {.id = STR("f1"),
                                 .user_id = STR("ann"),
                                 .name = STR("a"),
                                 .mime = STR("b"),
                                 .sha256 = STR("h"),
                                 .bytes = span_of(big, (size_t)1 << 20)};
    struct user_row zoe = a_user("zoe", "Zoe");
    signal(SIGXFSZ, SIG_IGN);
    limit_files((rlim_t)512 * 1024);
    struct answer lost[2] = {{.f = f}, {.f = f}};
    store_attachment_add(f->store, &row, on_done, &lost[0]);
    store_user_add(f->store, &zoe, false, on_done, &lost[1]);
    OK(f, see_messages, store_conversation_read, "ann", "c1"); /* reading goes on */
    limit_files(RLIM_INFINITY);
    assert_seen("m1<- user pending \"q\"\n");
    /* SQLite has a code for ENOSPC; what this limit gives is an I/O error to it. */
    assert_true(lost[0].err == ERR_IO || lost[0].err == ERR_NO_SPACE);
    if (lost[1].err == ERR_OK) /* in the same transaction it is lost too, in the next one it may fit */
        OK(f, NULL, store_user_set, "zoe", NULL, NULL, NULL);
    else
        EXPECT(ERR_NOT_FOUND, f, NULL, store_user_set, "zoe", NULL, NULL, NULL);
    OK(f, NULL, store_attachment_add, &row);
    OK(f, see_attachment_size, store_attachment_read, "ann", "f1");
    assert_seen("1048576");
}

static void a_lock_held_by_another_is_busy_within_five_seconds(void **state)
{
    struct fixture *f = *state;
    add_users(f);
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t before = clock_ms();
    struct answer write = {.f = f}, later = {.f = f};
    struct user_row zoe = a_user("zoe", "Zoe"), yan = a_user("yan", "Yan");
    uint64_t n_commits, n_ops_before, n_ops;
    store_stats(f->store, &n_commits, &n_ops_before);
    store_user_add(f->store, &zoe, false, on_done, &write);
    do { /* until the thread has taken it: the others come into a batch of their own */
        sqlite3_sleep(1);
        store_stats(f->store, &n_commits, &n_ops);
    } while (n_ops == n_ops_before && clock_ms() - before < 3000);
    store_user_add(f->store, &yan, false, on_done, &later);
    struct answer read = ASK(f, NULL, store_users_list);
    assert_int_equal(read.n, 2); /* reading goes on, without what was not written */
    wait_for(&write);
    wait_for(&later);
    assert_int_equal(write.err, ERR_BUSY);
    assert_int_equal(later.err, ERR_BUSY); /* and has not waited twice */
    assert_in_range(clock_ms() - before, 3000, 5000);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    OK(f, NULL, store_user_add, &zoe, false);
}

/* ---- the file ---- */

static void the_file_is_private(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"hob.db", "hob.db-wal", "hob.db-shm"};
    add_users(f);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct stat st;
        AUTO(mem) char *path = xasprintf("%s/%s", f->dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void exec_on_file(const struct fixture *f, const char *sql)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static enum err try_open(struct fixture *f, struct err_text *why)
{
    f->loop = loop_new();
    enum err e = store_open(f->loop, f->dir, &f->store, why);
    if (e == ERR_OK)
        store_close(f->store);
    f->store = NULL;
    loop_free(f->loop);
    return e;
}

static void strange_files_are_refused_with_a_hint(void **state)
{
    struct fixture *f = *state;
    struct err_text why = {0};
    assert_int_equal(try_open(f, &why), ERR_OK);
    exec_on_file(f, "PRAGMA user_version = 99");
    assert_int_equal(try_open(f, &why), ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "newer hob"));
    exec_on_file(f, "PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert_int_equal(try_open(f, &why), ERR_CORRUPT);
    assert_non_null(strstr(why.text, "another program"));
}

static void damaged_files_are_refused_with_a_hint(void **state)
{
    struct fixture *f = *state;
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    char junk[4096];
    memset(junk, 0x5a, sizeof(junk));
    static const off_t places[] = {8 * 4096, 2 * 4096, 0};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct err_text why = {0};
        unlink(path);
        assert_int_equal(try_open(f, &why), ERR_OK);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, junk, sizeof(junk), places[i]), sizeof(junk));
        close(fd);
        assert_int_equal(try_open(f, &why), ERR_CORRUPT);
        assert_non_null(strstr(why.text, ".recover"));
    }
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct fixture f = {.dir = "/proc/hob-cannot-be"};
    struct err_text why = {0};
    assert_int_not_equal(try_open(&f, &why), ERR_OK);
    assert_non_null(strstr(why.text, "/proc/hob-cannot-be"));
}

/* ---- kill -9 ---- */

struct writer {
    struct fixture *f;
    int fd;
    int64_t seq;
};

/* In the child: one flush after the other; its number goes down the pipe when it is acknowledged. */
static void write_on(void *arg, const struct store_result *r)
{
    struct writer *w = arg;
    if (r && (r->err != ERR_OK || write(w->fd, &w->seq, sizeof(w->seq)) != sizeof(w->seq)))
        _exit(2);
    w->seq++;
    struct events_in in = {.first_seq = w->seq,
                           .last_seq = w->seq,
                           .frames = SPAN_LIT("id: n\ndata: some text to write\n\n"),
                           .content = SPAN_LIT("word ")};
    store_generation_append(w->f->store, "g1", &in, write_on, w);
}

static void write_until_killed(struct fixture *f, int fd, int64_t from_seq)
{
    struct writer w = {.f = f, .fd = fd, .seq = from_seq};
    open_store(f);
    write_on(&w, NULL);
    loop_run(f->loop);
    _exit(3);
}

/* Kills the child after n acknowledgements; gives the last number that it acknowledged. */
static int64_t kill_writer_after(struct fixture *f, int n, int64_t from_seq)
{
    int fds[2], status;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        write_until_killed(f, fds[1], from_seq);
    }
    close(fds[1]);
    int64_t seq = from_seq, got;
    for (int i = 0; read(fds[0], &got, sizeof(got)) == sizeof(got); i++) {
        seq = got;
        if (i == n)
            kill(pid, SIGKILL);
    }
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return seq;
}

static void killed_in_mid_write_all_that_was_acknowledged_is_there(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    add_users(f);
    say(f, "m1", NULL, "\"q\"");
    generate(f, "g1", "m1", "a1", false);
    close_store(f);
    int64_t on_disk = 0;
    for (int round = 0; round < 10; round++) {
        int64_t acknowledged = kill_writer_after(f, 3 * round, on_disk);
        open_store(f);
        struct answer a = ASK(f, NULL, store_generation_events, NULL, "g1", (int64_t)0);
        assert_int_equal(a.err, ERR_OK);
        /* The one that was under way may be there too, unacknowledged. */
        assert_in_range(a.n, acknowledged, acknowledged + 1);
        on_disk = (int64_t)a.n;
        close_store(f);
    }
    assert_true(on_disk > 100);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define IN_DIR(test)   cmocka_unit_test_setup_teardown(test, make_dir, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(killed_in_mid_write_all_that_was_acknowledged_is_there),
        IN_STORE(users_are_kept_with_unique_names),
        IN_STORE(sessions_expire_and_end),
        IN_STORE(keys_are_kept),
        IN_STORE(servers_are_replaced_by_id),
        IN_STORE(accepting_a_message_twice_makes_one_row),
        IN_STORE(a_message_belongs_to_its_conversation_and_user),
        IN_STORE(only_messages_without_an_answer_can_be_removed),
        IN_STORE(conversations_are_named_listed_and_removed),
        IN_STORE(titles_are_first_lines),
        IN_STORE(a_models_title_replaces_no_other),
        IN_STORE(tool_calls_are_the_last_ones_that_were_flushed),
        IN_STORE(old_logs_are_found_and_replaced_once),
        IN_STORE(finishing_joins_the_text),
        IN_STORE(one_message_has_one_running_answer),
        IN_STORE(an_answer_that_never_began_leaves_the_message_pending),
        IN_STORE(events_replay_after_a_number),
        IN_STORE(recovery_ends_what_ran_and_gives_the_outbox),
        IN_STORE(a_continuation_begins_with_the_figures_so_far),
        IN_STORE(calls_that_arrive_together_share_a_commit),
        IN_STORE(a_failed_call_spoils_no_other),
        IN_STORE(a_cancelled_call_does_its_work_in_silence),
        IN_STORE(closing_finishes_what_callbacks_still_ask_for),
        IN_STORE(a_full_disk_fails_writes_and_recovers),
        IN_STORE(a_lock_held_by_another_is_busy_within_five_seconds),
        IN_STORE(the_file_is_private),
        IN_DIR(strange_files_are_refused_with_a_hint),
        IN_DIR(damaged_files_are_refused_with_a_hint),
        IN_DIR(a_folder_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
