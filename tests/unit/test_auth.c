/* auth as its callers see it: who is asking, set-up, log-in and out, accounts and keys, over a real store. */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/auth_name.h"
#include "auth/auth_secret.h"
#include "auth/auth_state.h"
#include "unit.h"

/* ---- auth over a store in a folder of its own ---- */

struct fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    bool is_ready;
    char admin_cookie[64];
    char admin_id[UUID_LEN + 1];
    char revoked[UUID_LEN + 1];
    int n_revoked;
};

static void on_deadline(void *arg)
{
    (void)arg;
    fail_msg("no answer within 30 s");
}

static void on_ready(void *arg, enum err e, const struct err_text *why)
{
    struct fixture *f = arg;
    if (e != ERR_OK)
        fail_msg("auth: %s", why->text);
    f->is_ready = true;
    loop_stop(f->loop);
}

static void on_revoked(void *arg, const char *user_id)
{
    struct fixture *f = arg;
    snprintf(f->revoked, sizeof(f->revoked), "%s", user_id);
    f->n_revoked++;
    loop_stop(f->loop);
}

static void run_until(struct fixture *f, const bool *flag)
{
    struct loop_timer deadline;
    loop_timer_init(&deadline, f->loop, on_deadline, NULL);
    loop_timer_start(&deadline, 30000);
    while (!*flag)
        loop_run(f->loop);
    loop_timer_stop(&deadline);
}

static void open_auth(struct fixture *f)
{
    struct err_text why = {0};
    f->loop = loop_new();
    if (store_open(f->loop, f->dir, &f->store, &why) != ERR_OK)
        fail_msg("store_open: %s", why.text);
    f->is_ready = false;
    f->auth = auth_new(f->loop, f->store, on_ready, f);
    auth_on_revoked(f->auth, on_revoked, f);
    run_until(f, &f->is_ready);
}

static void close_auth(struct fixture *f)
{
    auth_close(f->auth);
    store_close(f->store);
    loop_free(f->loop);
    f->auth = NULL;
}

static int setup_dir(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/hob-auth-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    *state = f;
    open_auth(f);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"hob.db", "hob.db-wal", "hob.db-shm"};
    if (f->auth)
        close_auth(f);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO(mem) char *path = xasprintf("%s/%s", f->dir, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

/* A key for everything. */
#define named(text) ((struct auth_key_patch){.name = (char *)(uintptr_t)(text)})

/* ---- waiting for answers ---- */

struct answer {
    struct fixture *f;
    bool came;
    enum err err;
    char why[512], code[32], secret[64], user_id[UUID_LEN + 1], key_id[UUID_LEN + 1], status[16];
    int retry_after_s;
    int n_long; /* sessions that live for long yet */
};

static void on_answer(void *arg, const struct auth_result *r)
{
    struct answer *a = arg;
    assert_false(a->came);
    a->came = true;
    a->err = r->err;
    a->retry_after_s = r->retry_after_s;
    snprintf(a->why, sizeof(a->why), "%s", r->why.text);
    snprintf(a->code, sizeof(a->code), "%s", r->code ? r->code : "");
    snprintf(a->secret, sizeof(a->secret), "%s", r->secret ? r->secret : "");
    snprintf(a->user_id, sizeof(a->user_id), "%s", r->user.id ? r->user.id : "");
    snprintf(a->status, sizeof(a->status), "%s", r->user.id ? r->user.status : "");
    snprintf(a->key_id, sizeof(a->key_id), "%s", r->key.id ? r->key.id : "");
    loop_stop(a->f->loop);
}

#define ASK(f, call, ...)                                  \
    __extension__({                                        \
        struct answer ask_a = {.f = (f)};                  \
        call((f)->auth, ##__VA_ARGS__, on_answer, &ask_a); \
        assert_false(ask_a.came);                          \
        run_until((f), &ask_a.came);                       \
        ask_a;                                             \
    })
#define EXPECT(want_err, want_code, got)                                                           \
    do {                                                                                           \
        struct answer expect_a = (got);                                                            \
        if (expect_a.err != (want_err))                                                            \
            fail_msg("%s (%s), not %s", err_name(expect_a.err), expect_a.why, err_name(want_err)); \
        assert_string_equal(expect_a.code, want_code);                                             \
    } while (0)

#define PASSWORD "correct horse"

static int setup(void **state)
{
    setup_dir(state);
    struct fixture *f = *state;
    struct answer a = ASK(f, auth_setup, auth_setup_token(f->auth), "Ada", PASSWORD);
    assert_int_equal(a.err, ERR_OK);
    snprintf(f->admin_cookie, sizeof(f->admin_cookie), "%s", a.secret);
    snprintf(f->admin_id, sizeof(f->admin_id), "%s", a.user_id);
    return 0;
}

/* ---- requests ---- */

struct header {
    const char *name, *value;
};

static enum err identify(struct fixture *f, const struct header *h, size_t n, struct principal *out)
{
    struct http_fields fields = {0};
    struct err_text why = {0};
    for (size_t i = 0; i < n && h[i].name; i++)
        buf_addf(&fields.text, "%s: %s\r\n", h[i].name, h[i].value);
    buf_add_str(&fields.text, "\r\n");
    assert_true(http_fields_read(&fields));
    enum err e = auth_identify(f->auth, &fields, false, out, &why);
    assert_true(e == ERR_OK || (out->kind == PRINCIPAL_NOBODY && why.text[0]));
    http_fields_release(&fields);
    return e;
}

static struct principal who_has_cookie(struct fixture *f, const char *secret)
{
    struct principal p;
    AUTO(mem) char *value = xasprintf("theme=dark; hob_session=%s; x=y", secret);
    assert_int_equal(identify(f, &(struct header){"Cookie", value}, 1, &p), ERR_OK);
    return p;
}

static enum err try_key(struct fixture *f, const char *secret, struct principal *out)
{
    AUTO(mem) char *value = xasprintf("Bearer %s", secret);
    return identify(f, &(struct header){"Authorization", value}, 1, out);
}

/* ---- set-up ---- */

static void setup_needs_the_token_and_good_names(void **state)
{
    struct fixture *f = *state;
    assert_true(auth_setup_needed(f->auth));
    assert_int_equal(strlen(auth_setup_token(f->auth)), 43);
    AUTO(mem) char *token = xstrdup(auth_setup_token(f->auth));
    AUTO(mem) char *long_name = xmalloc(66), *long_password = xmalloc(1026);
    memset(long_name, 'n', 65);
    memset(long_password, 'p', 1025);
    long_name[65] = long_password[1025] = 0;
    EXPECT(ERR_DENIED, "bad_setup_token", ASK(f, auth_setup, "", "Ada", PASSWORD));
    EXPECT(ERR_DENIED, "bad_setup_token", ASK(f, auth_setup, "0000", "Ada", PASSWORD));
    static const char *const bad_names[] = {"",      " Ada",  "Ada\u3000", "A\nda",
                                            "A\x7f", "A\xff", "A\u202e",   "A\u200b"};
    for (size_t i = 0; i < COUNT_OF(bad_names); i++) {
        struct answer a = ASK(f, auth_setup, token, bad_names[i], PASSWORD);
        EXPECT(ERR_INVALID, "", a);
        assert_memory_equal(a.why, "\"name\"", 6);
    }
    EXPECT(ERR_INVALID, "", ASK(f, auth_setup, token, long_name, PASSWORD));
    EXPECT(ERR_INVALID, "", ASK(f, auth_setup, token, "Ada", "1234567"));
    EXPECT(ERR_INVALID, "", ASK(f, auth_setup, token, "Ada", long_password));
    EXPECT(ERR_DENIED, "", ASK(f, auth_signup, "bob", PASSWORD, "::1")); /* not before there is an admin */
    struct answer a = ASK(f, auth_setup, token, long_name + 1, long_password + 1); /* the longest */
    EXPECT(ERR_OK, "", a);
    assert_false(auth_setup_needed(f->auth));
    assert_null(auth_setup_token(f->auth));
    struct principal p = who_has_cookie(f, a.secret);
    assert_int_equal(p.kind, PRINCIPAL_SESSION);
    assert_true(p.is_admin);
    assert_string_equal(p.name, long_name + 1);
    EXPECT(ERR_EXISTS, "already_set_up", ASK(f, auth_setup, token, "Eve", PASSWORD));
}

struct race {
    struct fixture *f;
    int n_came, n_won;
    bool all_came;
};

static void on_race(void *arg, const struct auth_result *r)
{
    struct race *race = arg;
    race->n_won += r->err == ERR_OK;
    if (r->err != ERR_OK) {
        assert_int_equal(r->err, ERR_EXISTS);
        assert_string_equal(r->code, "already_set_up");
    }
    race->all_came = ++race->n_came == 200;
    loop_stop(race->f->loop);
}

static void of_200_parallel_setups_one_makes_an_admin(void **state)
{
    struct fixture *f = *state;
    struct race race = {.f = f};
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof(name), "admin%d", i);
        auth_setup(f->auth, auth_setup_token(f->auth), name, PASSWORD, on_race, &race);
    }
    run_until(f, &race.all_came);
    assert_int_equal(race.n_won, 1);
    struct auth_user u;
    size_t at = 0, n = 0;
    while (auth_user_next(f->auth, &at, &u))
        n++;
    assert_int_equal(n, 1);
}

/* ---- log-in ---- */

static void sessions_begin_and_end(void **state)
{
    struct fixture *f = *state;
    EXPECT(ERR_UNAUTHENTICATED, "bad_credentials", ASK(f, auth_login, "Ada", "wrong horse", "::1"));
    EXPECT(ERR_UNAUTHENTICATED, "bad_credentials", ASK(f, auth_login, "nobody", PASSWORD, "::1"));
    struct answer a = ASK(f, auth_login, "aDA", PASSWORD, "::1"),
                  b = ASK(f, auth_login, "Ada", PASSWORD, "::1");
    EXPECT(ERR_OK, "", a);
    assert_string_not_equal(a.secret, b.secret);
    struct principal p = who_has_cookie(f, a.secret);
    assert_int_equal(p.kind, PRINCIPAL_SESSION);
    assert_string_equal(p.user_id, f->admin_id);
    assert_true(auth_is_valid(f->auth, &p));
    EXPECT(ERR_OK, "", ASK(f, auth_logout, &p));
    assert_false(auth_is_valid(f->auth, &p));
    assert_int_equal(who_has_cookie(f, a.secret).kind, PRINCIPAL_NOBODY);
    assert_int_equal(who_has_cookie(f, b.secret).kind, PRINCIPAL_SESSION);
    EXPECT(ERR_OK, "", ASK(f, auth_logout, &p)); /* once more does no harm */

    close_auth(f); /* and a restart changes nothing */
    open_auth(f);
    assert_false(auth_setup_needed(f->auth));
    assert_int_equal(who_has_cookie(f, a.secret).kind, PRINCIPAL_NOBODY);
    assert_int_equal(who_has_cookie(f, b.secret).kind, PRINCIPAL_SESSION);
    assert_int_equal(who_has_cookie(f, f->admin_cookie).kind, PRINCIPAL_SESSION);
}

static void on_listed(void *arg, const struct store_result *r)
{
    struct answer *a = arg;
    for (size_t i = 0; i < r->n; i++)
        if (r->sessions[i].expires_at > clock_wall_ms() + AUTH_SESSION_LIFE_MS / 2)
            a->n_long++;
    a->came = true;
    loop_stop(a->f->loop);
}

static void sessions_slide_for_30_days(void **state)
{
    struct fixture *f = *state;
    char secrets[3][SECRET_LEN + 1], hash[HASH_HEX_LEN + 1];
    int64_t now = clock_wall_ms(), left_ms[] = {1000000, 60000, 1};
    for (int i = 0; i < 3; i++) {
        secret_make(secrets[i]);
        secret_hash(span_str(secrets[i]), hash);
        struct session_row row = {
            .id_hash = hash, .user_id = f->admin_id, .created_at = now, .expires_at = now + left_ms[i]};
        store_session_add(f->store, &row, NULL, NULL);
    }
    close_auth(f);
    open_auth(f);
    struct principal used = who_has_cookie(f, secrets[0]);
    assert_int_equal(used.kind, PRINCIPAL_SESSION);
    assert_true(auth_is_valid(f->auth, &used));
    assert_int_equal(who_has_cookie(f, secrets[2]).kind, PRINCIPAL_NOBODY);
    struct answer renewed = {.f = f};
    store_sessions_list(f->store, on_listed, &renewed);
    run_until(f, &renewed.came);
    assert_int_equal(renewed.n_long, 2); /* the one that was used, and the set-up's */
}

static void eleven_guesses_are_too_many(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++)
        EXPECT(ERR_UNAUTHENTICATED, "bad_credentials", ASK(f, auth_login, "Ada", "wrong horse", "10.0.0.1"));
    struct answer a = ASK(f, auth_login, "ADA", PASSWORD, "10.0.0.1");
    EXPECT(ERR_LIMITED, "", a);
    assert_in_range(a.retry_after_s, 200, 300);
    EXPECT(ERR_OK, "", ASK(f, auth_login, "Ada", PASSWORD, "10.0.0.2"));
}

static void parallel_guesses_do_not_slip_through(void **state)
{
    struct fixture *f = *state;
    struct answer a[20];
    int n_limited = 0;
    for (size_t i = 0; i < COUNT_OF(a); i++) {
        a[i] = (struct answer){.f = f};
        auth_login(f->auth, "Ada", "wrong horse", "10.0.0.1", on_answer, &a[i]);
    }
    for (size_t i = 0; i < COUNT_OF(a); i++) {
        run_until(f, &a[i].came);
        n_limited += a[i].err == ERR_LIMITED;
    }
    assert_int_equal(n_limited, 10);
}

static void one_address_cannot_keep_the_others_out(void **state)
{
    struct fixture *f = *state;
    struct answer flood[60];
    int n_limited = 0;
    for (size_t i = 0; i < COUNT_OF(flood); i++) {
        char name[16];
        snprintf(name, sizeof(name), "guess%zu", i);
        flood[i] = (struct answer){.f = f};
        auth_login(f->auth, name, PASSWORD, "10.6.6.6", on_answer, &flood[i]);
    }
    EXPECT(ERR_OK, "", ASK(f, auth_login, "Ada", PASSWORD, "10.0.0.2"));
    for (size_t i = 0; i < COUNT_OF(flood); i++) {
        run_until(f, &flood[i].came);
        n_limited += flood[i].err == ERR_LIMITED && flood[i].retry_after_s > 0;
    }
    assert_in_range(n_limited, 30, 58); /* two ran, sixteen waited */
}

static void cookies_have_the_right_flags(void **state)
{
    (void)state;
    AUTO(buf) struct buf *b = buf_new();
    auth_cookie_set(b, "S", false);
    assert_string_equal(buf_str(b), "hob_session=S; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax");
    buf_clear(b);
    auth_cookie_set(b, "S", true);
    assert_string_equal(buf_str(b),
                        "__Host-hob_session=S; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure");
    buf_clear(b);
    auth_cookie_clear(b, false);
    assert_string_equal(buf_str(b), "hob_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
}

/* ---- accounts ---- */

static void accounts_are_asked_for_approved_and_disabled(void **state)
{
    struct fixture *f = *state;
    struct answer bob = ASK(f, auth_signup, "Bob", PASSWORD, "::1");
    EXPECT(ERR_OK, "", bob);
    assert_string_equal(bob.status, "pending");
    assert_string_equal(bob.secret, "");
    EXPECT(ERR_EXISTS, "name_taken", ASK(f, auth_signup, "BOB", PASSWORD, "::1"));
    EXPECT(ERR_EXISTS, "name_taken", ASK(f, auth_signup, "ada", PASSWORD, "::1"));
    EXPECT(ERR_UNAUTHENTICATED, "bad_credentials", ASK(f, auth_login, "Bob", "wrong horse", "::1"));
    EXPECT(ERR_DENIED, "account_pending", ASK(f, auth_login, "Bob", PASSWORD, "::1"));
    EXPECT(ERR_NOT_FOUND, "", ASK(f, auth_key_add, bob.user_id, &named("laptop")));
    EXPECT(ERR_NOT_FOUND, "", ASK(f, auth_user_approve, "00000000-0000-4000-8000-000000000000"));
    EXPECT(ERR_OK, "", ASK(f, auth_user_approve, bob.user_id));

    struct answer session = ASK(f, auth_login, "Bob", PASSWORD, "::1"),
                  key = ASK(f, auth_key_add, bob.user_id, &named("k"));
    struct principal by_session = who_has_cookie(f, session.secret), by_key;
    assert_false(by_session.is_admin);
    assert_int_equal(try_key(f, key.secret, &by_key), ERR_OK);
    assert_int_equal(by_key.kind, PRINCIPAL_KEY);
    f->n_revoked = 0;
    struct answer gone = ASK(f, auth_user_disable, bob.user_id);
    assert_string_equal(gone.status, "disabled");
    assert_int_equal(f->n_revoked, 1);
    assert_string_equal(f->revoked, bob.user_id);
    for (int round = 0; round < 2; round++) { /* now, and after a restart */
        assert_false(auth_is_valid(f->auth, &by_session));
        assert_false(auth_is_valid(f->auth, &by_key));
        assert_int_equal(who_has_cookie(f, session.secret).kind, PRINCIPAL_NOBODY);
        assert_int_equal(try_key(f, key.secret, &by_key), ERR_UNAUTHENTICATED);
        EXPECT(ERR_DENIED, "account_disabled", ASK(f, auth_login, "Bob", PASSWORD, "::1"));
        snprintf(by_key.credential_id, sizeof(by_key.credential_id), "%s", key.key_id);
        by_key.kind = PRINCIPAL_KEY;
        close_auth(f);
        open_auth(f);
    }
    EXPECT(ERR_OK, "", ASK(f, auth_user_approve, bob.user_id)); /* back again, with nothing left of before */
    assert_int_equal(who_has_cookie(f, session.secret).kind, PRINCIPAL_NOBODY);
    assert_int_equal(try_key(f, key.secret, &by_key), ERR_UNAUTHENTICATED);
    EXPECT(ERR_OK, "", ASK(f, auth_login, "Bob", PASSWORD, "::1"));
    EXPECT(ERR_EXISTS, "", ASK(f, auth_user_disable, f->admin_id)); /* the last admin */
}

static void a_log_in_that_is_under_way_dies_with_the_account(void **state)
{
    struct fixture *f = *state;
    struct answer bob = ASK(f, auth_signup, "Bob", PASSWORD, "::1");
    EXPECT(ERR_OK, "", ASK(f, auth_user_approve, bob.user_id));
    struct answer late = {.f = f}, disabled = {.f = f};
    auth_login(f->auth, "Bob", PASSWORD, "::1", on_answer, &late);
    auth_user_disable(f->auth, bob.user_id, on_answer, &disabled);
    run_until(f, &late.came);
    assert_int_equal(late.err, ERR_DENIED);
    run_until(f, &disabled.came);
}

/* Looks until the store has taken one more call from its queue. */
struct watch {
    struct fixture *f;
    uint64_t n_before;
    bool is_taken;
};

static void look_again(void *arg)
{
    struct watch *w = arg;
    uint64_t n_commits, n_ops;
    store_stats(w->f->store, &n_commits, &n_ops);
    w->is_taken = n_ops > w->n_before;
    if (w->is_taken)
        loop_stop(w->f->loop);
}

static void a_session_that_is_being_stored_dies_with_the_account(void **state)
{
    struct fixture *f = *state;
    struct answer bob = ASK(f, auth_signup, "Bob", PASSWORD, "::1"), late = {.f = f}, disabled = {.f = f};
    EXPECT(ERR_OK, "", ASK(f, auth_user_approve, bob.user_id));
    AUTO(mem) char *path = xasprintf("%s/hob.db", f->dir);
    sqlite3 *other = NULL; /* holds the disk up */
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct watch watch = {.f = f};
    uint64_t n_commits;
    store_stats(f->store, &n_commits, &watch.n_before);
    auth_login(f->auth, "Bob", PASSWORD, "::1", on_answer, &late);
    struct loop_timer timer;
    loop_timer_init(&timer, f->loop, look_again, &watch);
    loop_timer_repeat(&timer, 5);
    run_until(f, &watch.is_taken);
    loop_timer_stop(&timer);
    assert_false(late.came);
    auth_user_disable(f->auth, bob.user_id, on_answer, &disabled);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    run_until(f, &late.came);
    run_until(f, &disabled.came);
    assert_int_equal(late.err, ERR_UNAUTHENTICATED);
    assert_string_equal(late.secret, "");
    assert_int_equal(disabled.err, ERR_OK);
}

static void a_new_password_ends_all_sessions(void **state)
{
    struct fixture *f = *state;
    struct principal before = who_has_cookie(f, f->admin_cookie);
    EXPECT(ERR_UNAUTHENTICATED, "bad_credentials",
           ASK(f, auth_set_password, f->admin_id, "wrong horse", "another horse", "::1"));
    EXPECT(ERR_INVALID, "", ASK(f, auth_set_password, f->admin_id, PASSWORD, "short", "::1"));
    assert_true(auth_is_valid(f->auth, &before));
    struct answer a = ASK(f, auth_set_password, f->admin_id, PASSWORD, "another horse", "::1");
    EXPECT(ERR_OK, "", a);
    assert_false(auth_is_valid(f->auth, &before));
    assert_int_equal(who_has_cookie(f, a.secret).kind, PRINCIPAL_SESSION);
    EXPECT(ERR_UNAUTHENTICATED, "bad_credentials", ASK(f, auth_login, "Ada", PASSWORD, "::1"));
    EXPECT(ERR_OK, "", ASK(f, auth_login, "Ada", "another horse", "::1"));
    struct answer reset = ASK(f, auth_set_password, f->admin_id, NULL, "third horse",
                              "::1"); /* an admin's reset */
    EXPECT(ERR_OK, "", reset);
    assert_string_equal(reset.secret, "");
    assert_int_equal(who_has_cookie(f, a.secret).kind, PRINCIPAL_NOBODY);
    close_auth(f);
    open_auth(f);
    assert_int_equal(who_has_cookie(f, a.secret).kind, PRINCIPAL_NOBODY);
    EXPECT(ERR_OK, "", ASK(f, auth_login, "Ada", "third horse", "::1"));
}

/* ---- keys ---- */

static void keys_are_made_listed_and_removed(void **state)
{
    struct fixture *f = *state;
    EXPECT(ERR_INVALID, "", ASK(f, auth_key_add, f->admin_id, &named("")));
    struct answer a = ASK(f, auth_key_add, f->admin_id, &named("laptop"));
    EXPECT(ERR_OK, "", a);
    assert_int_equal(strlen(a.secret), 53);
    assert_memory_equal(a.secret, "hob_", 4);
    struct auth_key k;
    size_t at = 0;
    assert_true(auth_key_next(f->auth, f->admin_id, &at, &k));
    assert_string_equal(k.name, "laptop");
    assert_int_equal(strlen(k.prefix), 8);
    assert_memory_equal(k.prefix, a.secret, 8);
    assert_int_equal(k.last_used_at, 0);
    assert_false(auth_key_next(f->auth, f->admin_id, &at, &k));
    at = 0;
    assert_false(auth_key_next(f->auth, "somebody else", &at, &k));

    struct principal p;
    assert_int_equal(try_key(f, a.secret, &p), ERR_OK);
    assert_string_equal(p.user_id, f->admin_id);
    at = 0;
    assert_true(auth_key_next(f->auth, NULL, &at, &k));
    assert_true(k.last_used_at > 0);
    close_auth(f);
    open_auth(f);
    assert_int_equal(try_key(f, a.secret, &p), ERR_OK);
    at = 0;
    assert_true(auth_key_next(f->auth, NULL, &at, &k));
    assert_true(k.last_used_at > 0);
    EXPECT(ERR_NOT_FOUND, "", ASK(f, auth_key_remove, "somebody else", a.key_id));
    EXPECT(ERR_OK, "", ASK(f, auth_key_remove, f->admin_id, a.key_id));
    assert_false(auth_is_valid(f->auth, &p));
    assert_int_equal(try_key(f, a.secret, &p), ERR_UNAUTHENTICATED);
    EXPECT(ERR_NOT_FOUND, "", ASK(f, auth_key_remove, NULL, a.key_id));
    for (int i = 0; i < AUTH_MAX_KEYS_PER_USER; i++)
        EXPECT(ERR_OK, "", ASK(f, auth_key_add, f->admin_id, &named("many")));
    EXPECT(ERR_TOO_BIG, "", ASK(f, auth_key_add, f->admin_id, &named("one more")));
}

static struct auth_key first_key(struct fixture *f)
{
    struct auth_key k = {0};
    size_t at = 0;
    assert_true(auth_key_next(f->auth, f->admin_id, &at, &k));
    return k;
}

static bool may_use_model(struct fixture *f, const struct principal *p, const char *name)
{
    return auth_may_use_model(f->auth, p, &name, 1);
}

static void keys_are_for_some_routes_and_models(void **state)
{
    struct fixture *f = *state;
    struct auth_key_patch some = {.name = (char *)(uintptr_t) "some",
                                  .routes_json = (char *)(uintptr_t) "[\"embeddings\",\"api\"]",
                                  .models_json = (char *)(uintptr_t) "[\"qwen*\"]",
                                  .expires_at = -1},
                          wider = {.routes_json = (char *)(uintptr_t) "",
                                   .models_json = (char *)(uintptr_t) "",
                                   .expires_at = -1,
                                   .limits = {-1, -1, -1}};
    struct answer a = ASK(f, auth_key_add, f->admin_id, &some);
    EXPECT(ERR_OK, "", a);
    close_auth(f);
    open_auth(f);
    struct principal p, session = who_has_cookie(f, f->admin_cookie);
    assert_int_equal(try_key(f, a.secret, &p), ERR_OK);
    assert_true(auth_may_use_route(f->auth, &p, AUTH_ROUTE_EMBEDDINGS));
    assert_false(auth_may_use_route(f->auth, &p, AUTH_ROUTE_CHAT));
    assert_false(auth_may_use_route(f->auth, &p, AUTH_N_ROUTES));
    assert_false(auth_may_use_route(f->auth, &p, AUTH_ROUTE_API)); /* there it could name any server */
    assert_true(may_use_model(f, &p, "Qwen3"));
    assert_false(may_use_model(f, &p, "llama"));
    assert_true(auth_may_use_route(f->auth, &session, AUTH_ROUTE_CHAT));
    assert_true(may_use_model(f, &session, "llama"));

    EXPECT(ERR_NOT_FOUND, "", ASK(f, auth_key_change, "somebody else", a.key_id, &wider));
    EXPECT(ERR_OK, "", ASK(f, auth_key_change, f->admin_id, a.key_id, &wider));
    assert_true(auth_may_use_route(f->auth, &p, AUTH_ROUTE_CHAT));
    assert_true(may_use_model(f, &p, "llama"));
    assert_string_equal(first_key(f).name, "some");
    EXPECT(ERR_OK, "", ASK(f, auth_key_remove, f->admin_id, a.key_id));
    assert_false(auth_may_use_route(f->auth, &p, AUTH_ROUTE_CHAT)); /* what it has begun may go no further */
    assert_false(may_use_model(f, &p, "llama"));
}

static void keys_expire_and_say_so(void **state)
{
    struct fixture *f = *state;
    struct auth_key_patch soon = named("soon"), later = {.expires_at = clock_wall_ms() + 3600000};
    soon.expires_at = clock_wall_ms() + 3600000;
    struct answer a = ASK(f, auth_key_add, f->admin_id, &soon);
    struct principal p;
    assert_int_equal(try_key(f, a.secret, &p), ERR_OK);
    close_auth(f);
    open_auth(f);
    assert_int_equal(try_key(f, a.secret, &p), ERR_OK);
    soon = (struct auth_key_patch){.expires_at = clock_wall_ms() + 50, .limits = {-1, -1, -1}};
    f->n_revoked = 0;
    EXPECT(ERR_OK, "", ASK(f, auth_key_change, NULL, a.key_id, &soon));
    /* Whoever holds a stream by it hears of the end. */
    while (f->n_revoked == 0)
        loop_run(f->loop);
    assert_string_equal(f->revoked, f->admin_id);
    assert_false(auth_is_valid(f->auth, &p));
    assert_int_equal(try_key(f, a.secret, &p), ERR_UNAUTHENTICATED);
    EXPECT(ERR_OK, "", ASK(f, auth_key_change, NULL, a.key_id, &later));
    assert_int_equal(try_key(f, a.secret, &p), ERR_OK);
    assert_int_equal(f->n_revoked, 1);
}

/* Each key is shown twice first: the second time it is recognised without a hash. */
static void what_was_recognised_is_held_to_what_holds_now(void **state)
{
    struct fixture *f = *state;
    struct auth_key_patch only = {.routes_json = (char *)(uintptr_t) "[\"embeddings\"]",
                                  .expires_at = -1,
                                  .limits = {-1, -1, -1}},
                          over = {.expires_at = 1, .limits = {-1, -1, -1}};
    struct answer bob = ASK(f, auth_signup, "Bob", PASSWORD, "::1");
    EXPECT(ERR_OK, "", ASK(f, auth_user_approve, bob.user_id));
    struct answer keys[4];
    struct principal p, first, of_removed;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        keys[i] = ASK(f, auth_key_add, i == 3 ? bob.user_id : f->admin_id, &named("k"));
        assert_int_equal(try_key(f, keys[i].secret, &first), ERR_OK);
        assert_int_equal(try_key(f, keys[i].secret, &p), ERR_OK);
        assert_string_equal(p.credential_id, keys[i].key_id);
        assert_string_equal(p.user_id, first.user_id);
    }
    EXPECT(ERR_OK, "", ASK(f, auth_key_change, NULL, keys[0].key_id, &only));
    assert_int_equal(try_key(f, keys[0].secret, &p), ERR_OK);
    assert_false(auth_may_use_route(f->auth, &p, AUTH_ROUTE_CHAT));
    EXPECT(ERR_OK, "", ASK(f, auth_key_change, NULL, keys[1].key_id, &over));
    assert_int_equal(try_key(f, keys[1].secret, &p), ERR_UNAUTHENTICATED);
    EXPECT(ERR_OK, "", ASK(f, auth_user_disable, bob.user_id));
    assert_int_equal(try_key(f, keys[3].secret, &p), ERR_UNAUTHENTICATED);

    assert_int_equal(try_key(f, keys[2].secret, &of_removed), ERR_OK);
    struct answer removal = {.f = f};
    auth_key_remove(f->auth, f->admin_id, keys[2].key_id, on_answer, &removal);
    assert_int_equal(try_key(f, keys[2].secret, &p), ERR_UNAUTHENTICATED); /* at once */
    run_until(f, &removal.came);
    /* A key that comes to the place of one that is gone is not taken for it. */
    EXPECT(ERR_OK, "", ASK(f, auth_key_add, f->admin_id, &named("new")));
    EXPECT(ERR_OK, "", ASK(f, auth_key_add, f->admin_id, &named("newer")));
    assert_false(auth_is_valid(f->auth, &of_removed));
    assert_false(auth_may_use_route(f->auth, &of_removed, AUTH_ROUTE_CHAT));
    assert_int_equal(try_key(f, keys[2].secret, &p), ERR_UNAUTHENTICATED);
}

/* Bytes that differ in one bit, or in their length, are another token; what is forgotten is not found. */
static void a_known_key_is_found_by_all_of_its_bytes(void **state)
{
    (void)state;
    AUTO(mem) struct known_keys *known = xmalloc(sizeof *known);
    struct key keys[2];
    char token[KEY_LEN + 1];
    known_init(known);
    secret_make_key(token);
    struct span whole = span_of(token, KEY_LEN);
    assert_null(known_find(known, whole));
    known_add(known, whole, &keys[0]);
    assert_ptr_equal(known_find(known, whole), &keys[0]);
    for (size_t n = 0; n < KEY_LEN; n++) {
        token[n] ^= 1;
        assert_null(known_find(known, whole));
        token[n] ^= 1;
        assert_null(known_find(known, span_of(token, n)));
    }
    assert_null(known_find(known, span_of(NULL, 0)));
    known_forget(known, &keys[1]);
    assert_ptr_equal(known_find(known, whole), &keys[0]);
    known_forget(known, &keys[0]);
    assert_null(known_find(known, whole));
}

static void the_tighter_limit_of_key_and_user_holds(void **state)
{
    struct fixture *f = *state;
    struct auth_key_patch two = named("two"), none = {.expires_at = -1, .limits = {0, -1, -1}};
    two.limits = (struct rate_limits){.requests_per_minute = 2, .tokens_per_minute = 100};
    struct answer a = ASK(f, auth_key_add, f->admin_id, &two);
    struct principal key, session = who_has_cookie(f, f->admin_cookie);
    struct auth_limit_hit hit = {0};
    struct auth_limit_left requests, tokens;
    assert_int_equal(try_key(f, a.secret, &key), ERR_OK);
    EXPECT(ERR_OK, "", ASK(f, auth_user_limit, f->admin_id, &(struct rate_limits){.max_parallel = 3}));
    EXPECT(ERR_NOT_FOUND, "", ASK(f, auth_user_limit, "nobody", &two.limits));
    close_auth(f);
    open_auth(f);
    assert_true(auth_limit_begin(f->auth, &key, 0, 0, &hit));
    assert_true(auth_limit_begin(f->auth, &key, 0, 0, &hit));
    assert_false(auth_limit_begin(f->auth, &key, 0, 0, &hit)); /* the key's two are used up */
    assert_int_equal(hit.what, AUTH_LIMIT_REQUESTS);
    assert_false(hit.is_users);
    auth_limits_left(f->auth, &key, &requests, &tokens);
    assert_int_equal(requests.remaining, 0);
    assert_int_equal(tokens.remaining, 100);
    assert_true(auth_limit_begin(f->auth, &session, 0, 0, &hit));
    assert_false(
        auth_limit_begin(f->auth, &session, 0, 0, &hit)); /* three at once, whoever of the user asked */
    assert_int_equal(hit.what, AUTH_LIMIT_PARALLEL);
    assert_true(hit.is_users);
    auth_limit_end(f->auth, &session);

    EXPECT(ERR_OK, "", ASK(f, auth_key_change, NULL, a.key_id, &none));
    auth_note_tokens(f->auth, f->admin_id, a.key_id, INT64_MAX);
    auth_note_tokens(f->auth, f->admin_id, "", 5);
    auth_note_tokens(f->auth, "nobody", "no key", 5);
    assert_false(auth_limit_begin(f->auth, &key, 0, 0, &hit));
    assert_int_equal(hit.what, AUTH_LIMIT_TOKENS);
    assert_true(auth_limit_begin(f->auth, &session, 0, 0, &hit)); /* the user has no limit of tokens */
    auth_limit_end(f->auth, &session);

    EXPECT(ERR_OK, "", ASK(f, auth_key_remove, NULL, a.key_id));
    auth_limit_end(f->auth, &key); /* of a key that is gone */
    auth_limit_end(f->auth, &key);
    assert_true(auth_limit_begin(f->auth, &session, 2, 0, &hit));
    assert_false(auth_limit_begin(f->auth, &session, 2, 0, &hit));
    auth_limit_end(f->auth, &session);
}

static void assert_names(struct fixture *f, const char *user_id, const char *key_id, const char *user,
                         const char *key)
{
    const char *named_user, *named_key;
    auth_names(f->auth, user_id, key_id, &named_user, &named_key);
    assert_true(str_eq(named_user, user));
    assert_true(str_eq(named_key, key));
}

static void names_are_those_of_now(void **state)
{
    struct fixture *f = *state;
    struct auth_user admin;
    struct auth_key_patch other = named("other");
    struct answer a = ASK(f, auth_key_add, f->admin_id, &named("laptop"));
    assert_true(auth_user_get(f->auth, f->admin_id, &admin));
    assert_names(f, f->admin_id, a.key_id, admin.name, "laptop");
    assert_names(f, f->admin_id, "", admin.name, NULL);
    assert_names(f, "", "", NULL, NULL);
    EXPECT(ERR_OK, "", ASK(f, auth_key_change, NULL, a.key_id, &other));
    assert_names(f, f->admin_id, a.key_id, admin.name, "other");
    EXPECT(ERR_OK, "", ASK(f, auth_key_remove, NULL, a.key_id));
    assert_names(f, f->admin_id, a.key_id, admin.name, NULL);
}

/* ---- who is asking ---- */

static void credentials_are_exactly_one_or_refused(void **state)
{
    struct fixture *f = *state;
    struct answer k1 = ASK(f, auth_key_add, f->admin_id, &named("1")),
                  k2 = ASK(f, auth_key_add, f->admin_id, &named("2"));
    char unknown_key[KEY_LEN + 1], unknown_secret[SECRET_LEN + 1], typo[64];
    secret_make_key(unknown_key);
    secret_make(unknown_secret);
    snprintf(typo, sizeof(typo), "%s", k1.secret);
    typo[20] = typo[20] == 'x' ? 'y' : 'x';
    AUTO(mem)
    char *bearer = xasprintf("Bearer %s", k1.secret), *lower = xasprintf("bearer  %s", k1.secret),
         *bare = xstrdup(k1.secret), *other = xasprintf("Bearer %s", k2.secret);
    AUTO(mem)
    char *unknown = xasprintf("Bearer %s", unknown_key), *mistyped = xasprintf("Bearer %s", typo),
         *longer = xasprintf("Bearer %s0", k1.secret), *basic = xasprintf("Basic %s", k1.secret),
         *two = xasprintf("Bearer %s, Bearer %s", k1.secret, k1.secret);
    AUTO(mem)
    char *cookie = xasprintf("hob_session=%s", f->admin_cookie),
         *host = xasprintf("a=b; __Host-hob_session=%s", f->admin_cookie),
         *old = xasprintf("hob_session=%s", unknown_secret),
         *old_and_host = xasprintf("hob_session=%s;__Host-hob_session=%s", unknown_secret, f->admin_cookie),
         *twice = xasprintf("hob_session=%s; hob_session=%s", f->admin_cookie, f->admin_cookie),
         *cut = xasprintf("hob_session=%.40s", f->admin_cookie);
    const struct {
        struct header h[2];
        enum err err;
        enum principal_kind kind;
    } cases[] = {
        {{{NULL, NULL}}, ERR_OK, PRINCIPAL_NOBODY},
        {{{"Cookie", "theme=dark; xhob_session=1"}}, ERR_OK, PRINCIPAL_NOBODY},
        {{{"Cookie", cookie}}, ERR_OK, PRINCIPAL_SESSION},
        {{{"cookie", host}}, ERR_OK, PRINCIPAL_SESSION},
        {{{"Cookie", old}}, ERR_OK, PRINCIPAL_NOBODY},
        {{{"Cookie", old_and_host}}, ERR_OK, PRINCIPAL_SESSION},
        {{{"Cookie", twice}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Cookie", cookie}, {"Cookie", cookie}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Cookie", cut}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Cookie", "hob_session="}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Cookie", "hob_session"}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", bearer}}, ERR_OK, PRINCIPAL_KEY},
        {{{"authorization", lower}}, ERR_OK, PRINCIPAL_KEY},
        {{{"X-Api-Key", bare}}, ERR_OK, PRINCIPAL_KEY},
        {{{"x-api-key", bare}, {"Authorization", bearer}}, ERR_OK, PRINCIPAL_KEY},
        {{{"x-api-key", bare}, {"Authorization", other}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", bearer}, {"Cookie", cookie}}, ERR_OK, PRINCIPAL_KEY},
        {{{"Authorization", unknown}, {"Cookie", cookie}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", bearer}, {"Cookie", cut}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", bearer}, {"Authorization", bearer}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"x-api-key", bare}, {"x-api-key", bare}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", unknown}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", mistyped}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", longer}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", basic}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", two}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", bare}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", "Bearer"}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"Authorization", ""}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"x-api-key", ""}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
        {{{"x-api-key", "sk-ant-1234"}}, ERR_UNAUTHENTICATED, PRINCIPAL_NOBODY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct principal p;
        enum err e = identify(f, cases[i].h, COUNT_OF(cases[i].h), &p);
        if (e != cases[i].err || p.kind != cases[i].kind)
            fail_msg("case %zu: %s, kind %d", i, err_name(e), (int)p.kind);
    }
}

static void the_control_socket_acts_for_the_admin(void **state)
{
    struct fixture *f = *state;
    struct http_fields fields = {0};
    struct principal p;
    assert_int_equal(auth_identify(f->auth, &fields, true, &p, NULL), ERR_OK);
    assert_int_equal(p.kind, PRINCIPAL_LOCAL);
    assert_true(p.is_admin);
    assert_string_equal(p.user_id, f->admin_id);
    assert_true(auth_is_valid(f->auth, &p));
    buf_add_str(&fields.text, "Authorization: Bearer x\r\n\r\n");
    assert_true(http_fields_read(&fields));
    assert_int_equal(auth_identify(f->auth, &fields, true, &p, NULL), ERR_UNAUTHENTICATED);
    http_fields_release(&fields);
}

static void names_that_look_the_same_are_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *name, *folded;
    } cases[] = {{"Ada", "ada"},     {"ÄRGER", "ärger"}, {"ΑΣ", "ας"},
                 {"x\xff", "x\xff"}, {"日本", "日本"},   {"😀A", "😀a"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(mem) char *folded = name_fold(span_str(cases[i].name));
        AUTO(mem) char *again = name_fold(span_str(folded));
        assert_string_equal(folded, again);
        if (i != 2) /* sigma has two small forms; both fold to one */
            assert_string_equal(folded, cases[i].folded);
    }
    AUTO(mem) char *a = name_fold(SPAN_LIT("ας")), *b = name_fold(SPAN_LIT("ασ"));
    assert_string_equal(a, b);
}

static void closing_in_the_middle_is_quiet(void **state)
{
    struct fixture *f = *state;
    struct answer never[4] = {{.f = f}, {.f = f}, {.f = f}, {.f = f}};
    auth_login(f->auth, "Ada", PASSWORD, "::1", on_answer, &never[0]);
    auth_key_add(f->auth, f->admin_id, &named("k"), on_answer, &never[1]);
    auth_key_add(f->auth, f->admin_id, &named(""), on_answer, &never[2]);
    auth_cancel(auth_signup(f->auth, "Bob", PASSWORD, "::1", on_answer, &never[3]));
    close_auth(f);
    for (size_t i = 0; i < COUNT_OF(never); i++)
        assert_false(never[i].came);
}

#define AFTER_SETUP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define FRESH(test)       cmocka_unit_test_setup_teardown(test, setup_dir, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(setup_needs_the_token_and_good_names),
        FRESH(of_200_parallel_setups_one_makes_an_admin),
        AFTER_SETUP(sessions_begin_and_end),
        AFTER_SETUP(sessions_slide_for_30_days),
        AFTER_SETUP(eleven_guesses_are_too_many),
        AFTER_SETUP(parallel_guesses_do_not_slip_through),
        AFTER_SETUP(one_address_cannot_keep_the_others_out),
        cmocka_unit_test(cookies_have_the_right_flags),
        AFTER_SETUP(accounts_are_asked_for_approved_and_disabled),
        AFTER_SETUP(a_log_in_that_is_under_way_dies_with_the_account),
        AFTER_SETUP(a_session_that_is_being_stored_dies_with_the_account),
        AFTER_SETUP(a_new_password_ends_all_sessions),
        AFTER_SETUP(keys_are_made_listed_and_removed),
        AFTER_SETUP(keys_are_for_some_routes_and_models),
        AFTER_SETUP(keys_expire_and_say_so),
        AFTER_SETUP(what_was_recognised_is_held_to_what_holds_now),
        cmocka_unit_test(a_known_key_is_found_by_all_of_its_bytes),
        AFTER_SETUP(the_tighter_limit_of_key_and_user_holds),
        AFTER_SETUP(names_are_those_of_now),
        AFTER_SETUP(credentials_are_exactly_one_or_refused),
        AFTER_SETUP(the_control_socket_acts_for_the_admin),
        cmocka_unit_test(names_that_look_the_same_are_the_same),
        AFTER_SETUP(closing_in_the_middle_is_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
