/*
 * What tests of the store share: a store in a folder of its own, a way to wait for an answer, rows, and what results
 * look like as text.
 */
#ifndef HOB_TESTS_STORE_FIXTURE_H
#define HOB_TESTS_STORE_FIXTURE_H

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop/loop.h"
#include "store/store.h"
#include "store/store_db.h"
#include "store/store_migrate.h"
#include "unit.h"
#include "util/util.h"

/* ---- a store in a folder of its own, and a way to wait for an answer ---- */

struct fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct loop_timer deadline;
};

static inline void on_deadline(void *arg)
{
    (void)arg;
    fail_msg("no answer within 20 s");
}

static inline void open_store(struct fixture *f)
{
    struct err_text why = {0};
    f->loop = loop_new();
    loop_timer_init(&f->deadline, f->loop, on_deadline, NULL);
    if (store_open(f->loop, f->dir, &f->store, &why) != ERR_OK)
        fail_msg("store_open: %s", why.text);
}

static inline void close_store(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    loop_timer_stop(&f->deadline);
    loop_free(f->loop);
    f->loop = NULL;
}

static inline int make_dir(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/hob-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    *state = f;
    return 0;
}

static inline int setup(void **state)
{
    make_dir(state);
    open_store(*state);
    return 0;
}

static inline void remove_file(const char *dir, const char *name)
{
    AUTO(mem) char *path = xasprintf("%s/%s", dir, name);
    unlink(path);
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->store)
        close_store(f);
    remove_file(f->dir, "hob.db");
    remove_file(f->dir, "hob.db-wal");
    remove_file(f->dir, "hob.db-shm");
    rmdir(f->dir);
    free(f);
    return 0;
}

/* What a call answered: the scalars of its result and, by `on_result`, whatever a test looks at. */
struct answer {
    struct fixture *f;
    bool came;
    enum err err;
    char why[512];
    size_t n;
    bool created;
    void (*on_result)(const struct store_result *r);
};

static inline void on_done(void *arg, const struct store_result *r)
{
    struct answer *a = arg;
    a->came = true;
    a->err = r->err;
    a->n = r->n;
    a->created = r->created;
    snprintf(a->why, sizeof(a->why), "%s", r->why.text);
    if (a->on_result)
        a->on_result(r);
    loop_stop(a->f->loop);
}

static inline void wait_for(struct answer *a)
{
    loop_timer_start(&a->f->deadline, 20000);
    while (!a->came)
        loop_run(a->f->loop);
    loop_timer_stop(&a->f->deadline);
}

/* ASK(f, look, store_x, args...): calls store_x, waits, looks at the result; gives the answer. */
#define ASK(f, look, call, ...)                                       \
    __extension__({                                                   \
        struct answer ask_a = {.f = (f), .on_result = (look)};        \
        call((f)->store, ##__VA_ARGS__, on_done, &ask_a);             \
        assert_false(ask_a.came); /* never before the call returns */ \
        wait_for(&ask_a);                                             \
        ask_a;                                                        \
    })
#define EXPECT(want, f, look, call, ...)                                                               \
    do {                                                                                               \
        struct answer expect_a = ASK(f, look, call, ##__VA_ARGS__);                                    \
        if (expect_a.err != (want))                                                                    \
            fail_msg(#call ": %s (%s), not %s", err_name(expect_a.err), expect_a.why, err_name(want)); \
    } while (0)
#define OK(f, look, call, ...) EXPECT(ERR_OK, f, look, call, ##__VA_ARGS__)

/* What no call of the store does. */
/* A database as a hob left it that had not the migration called `next` yet, with what sql puts in. */
static inline void make_old_database(const struct fixture *f, const char *next, const char *sql)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    AUTO(mem) struct db *db = xcalloc(1, sizeof(*db));
    struct err_text why;
    int version = 0;
    assert_int_equal(db_open(db, path, &why), ERR_OK);
    for (; strcmp(store_migrations[version].name, next) != 0; version++)
        assert_int_equal(sqlite3_exec(db->sql, store_migrations[version].sql, NULL, NULL, NULL), SQLITE_OK);
    AUTO(mem)
    char *marks = xasprintf("PRAGMA user_version = %d; PRAGMA application_id = 0x686f6221", version);
    assert_int_equal(sqlite3_exec(db->sql, marks, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db->sql, sql, NULL, NULL, NULL), SQLITE_OK);
    db_close(db);
}

static inline void run_sql(struct fixture *f, const char *sql)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* ---- rows ---- */

/* Rows have char * because results own theirs; the store only reads what it is given. */
#define STR(text) ((char *)(text))

static inline struct user_row a_user(const char *id, const char *name)
{
    return (struct user_row){.id = STR(id),
                             .name = STR(name),
                             .role = STR("user"),
                             .status = STR("active"),
                             .password_hash = STR("$x"),
                             .created_at = 1};
}

static inline struct message_row a_message(const char *id, const char *conversation, const char *parent,
                                           const char *content, const char *state)
{
    return (struct message_row){.id = STR(id),
                                .conversation_id = STR(conversation),
                                .parent_id = STR(parent),
                                .role = STR("user"),
                                .content_json = STR(content),
                                .state = STR(state),
                                .server_id = STR("s1")};
}

static inline struct generation_row a_generation(const char *id, const char *message, const char *answer)
{
    return (struct generation_row){.id = STR(id),
                                   .conversation_id = STR("c1"),
                                   .message_id = STR(message),
                                   .answer_id = STR(answer),
                                   .server_id = STR("s1"),
                                   .user_id = STR("ann"),
                                   .state = STR("connecting")};
}

static inline void add_users(struct fixture *f)
{
    struct user_row ann = a_user("ann", "Ann"), bob = a_user("bob", "Bob");
    OK(f, NULL, store_user_add, &ann, false);
    OK(f, NULL, store_user_add, &bob, false);
}

static inline void say(struct fixture *f, const char *id, const char *parent, const char *content)
{
    struct message_row m = a_message(id, "c1", parent, content, "pending");
    OK(f, NULL, store_message_accept, "ann", &m);
}

static inline void generate(struct fixture *f, const char *id, const char *message, const char *answer,
                            bool continues)
{
    struct generation_row g = a_generation(id, message, answer);
    g.continues = continues;
    OK(f, NULL, store_generation_add, &g);
}

static inline void append_with_tools(struct fixture *f, const char *id, int64_t first, int64_t last,
                                     const char *content, const char *reasoning, const char *tool_calls_json)
{
    AUTO(buf) struct buf *frames = buf_new();
    for (int64_t i = first; i <= last; i++)
        buf_addf(frames, "id: %lld\ndata: {\"n\":%lld}\n\n", (long long)i, (long long)i);
    struct events_in in = {.first_seq = first,
                           .last_seq = last,
                           .frames = buf_span(frames),
                           .content = span_str(content),
                           .reasoning = span_str(reasoning),
                           .tool_calls_json = tool_calls_json};
    OK(f, NULL, store_generation_append, id, &in);
}

static inline void append(struct fixture *f, const char *id, int64_t first, int64_t last, const char *content,
                          const char *reasoning)
{
    append_with_tools(f, id, first, last, content, reasoning, NULL);
}

/* What `look` functions leave behind. */
static char seen[4096];

static inline void see_messages(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n; i++)
        buf_addf(b, "%s<%s %s %s %s%s%s\n", r->messages[i].id,
                 r->messages[i].parent_id ? r->messages[i].parent_id : "-", r->messages[i].role,
                 r->messages[i].state, r->messages[i].content_json, r->messages[i].reasoning ? " think " : "",
                 r->messages[i].reasoning ? r->messages[i].reasoning : "");
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static inline void see_conversations(const struct store_result *r)
{
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < r->n_conversations; i++)
        buf_addf(b, "%s \"%s\" %s%s\n", r->conversations[i].id, r->conversations[i].title,
                 r->conversations[i].server_id ? r->conversations[i].server_id : "-",
                 r->conversations[i].generating ? " generating" : "");
    snprintf(seen, sizeof(seen), "%s", buf_str(b));
}

static inline void see_generation(const struct store_result *r)
{
    const struct generation_row *g = r->generation;
    snprintf(seen, sizeof(seen), "%s %s %s%s%s", g ? g->id : "-", g ? g->state : "-",
             g && g->error_json ? g->error_json : "", g && g->meta_json ? g->meta_json : "",
             g && g->finished_at ? " ended" : "");
}

#define assert_seen(text) assert_string_equal(seen, text)

#endif
