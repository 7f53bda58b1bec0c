/* Everything that has to do with passwords: set-up, log-in, log-out, asking for an account, a new password. */
#include <limits.h>
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_name.h"
#include "auth/auth_state.h"

#define BAD_CREDENTIALS "Name or password is wrong"

/* ---- hashing ---- */

static void refuse_hash(struct auth_call *c)
{
    c->result.retry_after_s = HASH_RETRY_AFTER_S;
    call_end_later(c, ERR_LIMITED, NULL, "Too many people sign in at once; try again in a moment");
}

bool call_hash(struct auth_call *c, const char *password, const char *stored, hash_fn fn)
{
    c->hash = hasher_submit(c->auth->hasher, password, stored, c->peer, fn, c);
    if (!c->hash)
        refuse_hash(c);
    return c->hash != NULL;
}

static enum err password_check(const char *password, struct err_text *why)
{
    size_t len = strlen(password);
    if (len < AUTH_MIN_PASSWORD_BYTES)
        return err_set(why, ERR_INVALID, "\"password\" is too short (at least %d characters)",
                       AUTH_MIN_PASSWORD_BYTES);
    if (len > AUTH_MAX_PASSWORD_BYTES)
        return err_set(why, ERR_INVALID, "\"password\" is too long (at most %d bytes)",
                       AUTH_MAX_PASSWORD_BYTES);
    return ERR_OK;
}

static enum err account_check(const char *name, const char *password, struct err_text *why)
{
    enum err e = name_check(span_str(name), AUTH_MAX_NAME_BYTES, why);
    return e == ERR_OK ? password_check(password, why) : e;
}

/* ---- guesses ---- */

static bool may_guess(struct auth_call *c, const char *what, const char *name, const char *peer)
{
    char hash[HASH_HEX_LEN + 1];
    int64_t wait_ms = 0;
    if (!hasher_has_room(c->auth->hasher, peer)) { /* costs nobody a guess */
        refuse_hash(c);
        return false;
    }
    AUTO(mem) char *folded = name_fold(span_str(name));
    AUTO(mem) char *key = xasprintf("%s\n%s\n%s", what, peer, folded);
    secret_hash(span_str(key), hash); /* one short key, however long the name */
    xreplace(&c->throttle_key, hash);
    if (throttle_take(c->auth->throttle, hash, clock_ms(), &wait_ms))
        return true;
    c->result.retry_after_s = (int)((wait_ms + 999) / 1000);
    call_end_later(c, ERR_LIMITED, NULL, "Too many attempts; try again in a few minutes");
    return false;
}

/* ---- a new session ---- */

static void on_session_stored(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    struct auth *a = c->auth;
    struct user *u = c->user;
    c->op = NULL;
    if (r->err != ERR_OK) {
        call_end_store(c, r);
        return;
    }
    if (c->epoch != u->epoch || !user_is_active(u)) { /* the right ended while the disk was busy */
        store_session_remove(a->store, c->session.id_hash, NULL, NULL);
        call_end(c, ERR_UNAUTHENTICATED, "bad_credentials", BAD_CREDENTIALS);
        return;
    }
    session_insert(a, &c->session);
    if (u->n_sessions > AUTH_MAX_SESSIONS_PER_USER) {
        struct session *oldest = LIST_FIRST(&u->sessions, struct session, of_user);
        store_session_remove(a->store, oldest->id_hash, NULL, NULL);
        session_drop(a, oldest);
        auth_tell_revoked(a, u);
    }
    c->result.secret = c->secret;
    call_end_user(c, u);
}

void call_sign_in(struct auth_call *c)
{
    int64_t now = clock_wall_ms();
    secret_make(c->secret);
    c->session = (struct session){
        .user = c->user, .created_at = now, .expires_at = now + AUTH_SESSION_LIFE_MS};
    secret_hash(span_str(c->secret), c->session.id_hash);
    c->op = store_session_add(c->auth->store,
                              &(struct session_row){.id_hash = c->session.id_hash,
                                                    .user_id = c->user->id,
                                                    .created_at = now,
                                                    .expires_at = c->session.expires_at},
                              on_session_stored, c);
}

/* ---- a new account ---- */

/* Holds the name until the call ends. */
static bool take_name(struct auth_call *c, const char *name)
{
    struct auth *a = c->auth;
    AUTO(mem) char *folded = name_fold(span_str(name));
    if (map_get_str(a->users_by_name, folded) || map_get_str(a->taken_names, folded)) {
        call_end_later(c, ERR_EXISTS, "name_taken", "\"name\" is taken");
        return false;
    }
    map_put(a->taken_names, folded, a);
    c->taken_name = TAKE(folded);
    c->name = xstrdup(name);
    return true;
}

static struct user_row row_of_call(struct auth_call *c, bool is_admin)
{
    static char admin[] = "admin", user[] = "user", active[] = "active", pending[] = "pending";
    if (!c->user_id[0])
        rand_uuid(c->user_id);
    if (!c->session.created_at)
        c->session.created_at = clock_wall_ms();
    return (struct user_row){.id = c->user_id,
                             .name = c->name,
                             .role = is_admin ? admin : user,
                             .status = is_admin ? active : pending,
                             .password_hash = c->password_hash,
                             .created_at = c->session.created_at};
}

static void end_of_hash(struct auth_call *c, const char *hash)
{
    c->hash = NULL;
    c->password_hash = xstrdup(hash);
}

/* ---- set-up ---- */

bool auth_setup_needed(const struct auth *a)
{
    for (size_t i = 0; i < a->n_users; i++)
        if (a->users[i]->is_admin)
            return false;
    return a->is_ready;
}

const char *auth_setup_token(const struct auth *a)
{
    return a->setup_token[0] ? a->setup_token : NULL;
}

static void on_admin_stored(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    struct auth *a = c->auth;
    c->op = NULL;
    a->is_setting_up = false;
    if (r->err == ERR_EXISTS) {
        call_end(c, ERR_EXISTS, "already_set_up", "There is an account already");
    } else if (r->err != ERR_OK) {
        call_end_store(c, r);
    } else {
        sodium_memzero(a->setup_token, sizeof(a->setup_token));
        struct user_row row = row_of_call(c, true);
        c->user = user_add(a, &row);
        c->epoch = c->user->epoch;
        call_sign_in(c);
    }
}

static void on_admin_hashed(void *arg, bool is_right, const char *hash)
{
    struct auth_call *c = arg;
    (void)is_right;
    end_of_hash(c, hash);
    if (!hash) {
        c->auth->is_setting_up = false;
        call_end(c, ERR_BUSY, NULL, "No memory to hash the password");
        return;
    }
    struct user_row row = row_of_call(c, true);
    c->op = store_user_add(c->auth->store, &row, true, on_admin_stored, c);
}

struct auth_call *auth_setup(struct auth *a, const char *token, const char *name, const char *password,
                             auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    struct err_text why = {0};
    if (!call_may_go_on(c, ERR_OK, NULL))
        return c;
    if (!auth_setup_needed(a))
        return call_end_later(c, ERR_EXISTS, "already_set_up", "hob is set up already");
    if (!secret_is_equal(span_str(token), span_str(a->setup_token)))
        return call_end_later(c, ERR_DENIED, "bad_setup_token",
                              "This is not the set-up token that hob printed on its console");
    enum err e = account_check(name, password, &why);
    if (!call_may_go_on(c, e, &why))
        return c;
    if (a->is_setting_up)
        return call_end_later(c, ERR_EXISTS, "already_set_up", "hob is being set up by another request");
    c->peer = xstrdup("set-up");
    if (take_name(c, name) && call_hash(c, password, NULL, on_admin_hashed))
        a->is_setting_up = true;
    return c;
}

/* ---- log-in ---- */

static void on_verified(void *arg, bool is_right, const char *hash)
{
    struct auth_call *c = arg;
    struct user *u = c->user;
    (void)hash;
    c->hash = NULL;
    if (!u || !is_right || !str_eq(c->password_hash, u->password_hash)) {
        call_end(c, ERR_UNAUTHENTICATED, "bad_credentials", BAD_CREDENTIALS);
        return;
    }
    throttle_forget(c->auth->throttle, c->throttle_key);
    c->epoch = u->epoch;
    if (str_eq(u->status, "pending"))
        call_end(c, ERR_DENIED, "account_pending", "An admin has not approved this account yet");
    else if (!user_is_active(u))
        call_end(c, ERR_DENIED, "account_disabled", "This account has been disabled");
    else
        call_sign_in(c);
}

struct auth_call *auth_login(struct auth *a, const char *name, const char *password, const char *peer,
                             auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    if (!call_may_go_on(c, ERR_OK, NULL) || !may_guess(c, "login", name, peer))
        return c;
    AUTO(mem) char *folded = name_fold(span_str(name));
    c->user = map_get_str(a->users_by_name, folded);
    c->peer = xstrdup(peer);
    c->password_hash = xstrdup(c->user ? c->user->password_hash : hasher_dummy);
    /* No password is longer; and the time that it takes must not tell whether there is such a user. */
    bool is_possible = strlen(password) <= AUTH_MAX_PASSWORD_BYTES;
    (void)call_hash(c, is_possible ? password : "", c->password_hash, on_verified);
    return c;
}

static void on_logged_out(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    call_end_store(c, r);
}

struct auth_call *auth_logout(struct auth *a, const struct principal *p, auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    struct session *s = p->kind == PRINCIPAL_SESSION ? map_get_str(a->sessions, p->credential_id) : NULL;
    if (!call_may_go_on(c, ERR_OK, NULL))
        return c;
    if (!s)
        return call_end_later(c, ERR_OK, NULL, NULL);
    c->op = store_session_remove(a->store, s->id_hash, on_logged_out, c);
    auth_tell_revoked(a, s->user);
    session_drop(a, s);
    return c;
}

/* ---- asking for an account ---- */

static void on_signup_stored(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    if (r->err == ERR_EXISTS) {
        call_end(c, ERR_EXISTS, "name_taken", "\"name\" is taken");
    } else if (r->err != ERR_OK) {
        call_end_store(c, r);
    } else {
        struct user_row row = row_of_call(c, false);
        call_end_user(c, user_add(c->auth, &row));
    }
}

static void on_signup_hashed(void *arg, bool is_right, const char *hash)
{
    struct auth_call *c = arg;
    (void)is_right;
    end_of_hash(c, hash);
    if (!hash) {
        call_end(c, ERR_BUSY, NULL, "No memory to hash the password");
        return;
    }
    struct user_row row = row_of_call(c, false);
    c->op = store_user_add(c->auth->store, &row, false, on_signup_stored, c);
}

static size_t n_pending(const struct auth *a)
{
    size_t n = map_count(a->taken_names);
    for (size_t i = 0; i < a->n_users; i++)
        n += str_eq(a->users[i]->status, "pending");
    return n;
}

struct auth_call *auth_signup(struct auth *a, const char *name, const char *password, const char *peer,
                              auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    struct err_text why = {0};
    enum err e = account_check(name, password, &why);
    if (!call_may_go_on(c, e, &why))
        return c;
    if (auth_setup_needed(a))
        return call_end_later(c, ERR_DENIED, NULL, "hob has no admin yet: finish the set-up first");
    if (!may_guess(c, "signup", "", peer))
        return c;
    if (n_pending(a) >= AUTH_MAX_PENDING_USERS) {
        c->result.retry_after_s = 3600;
        return call_end_later(c, ERR_LIMITED, NULL, "Too many accounts wait for an admin's approval");
    }
    c->peer = xstrdup(peer);
    if (take_name(c, name))
        (void)call_hash(c, password, NULL, on_signup_hashed);
    return c;
}

/* ---- a new password ---- */

static void on_password_stored(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    struct user *u = c->user;
    c->op = NULL;
    if (r->err != ERR_OK) {
        call_end_store(c, r);
        return;
    }
    xreplace(&u->password_hash, c->password_hash);
    /* Ends log-ins with the old password that are still under way, too. */
    sessions_drop_of(c->auth, u);
    store_sessions_remove_of(c->auth->store, u->id, NULL, NULL);
    auth_tell_revoked(c->auth, u);
    c->epoch = u->epoch;
    if (c->name && user_is_active(u)) /* the owner's change */
        call_sign_in(c);
    else
        call_end_user(c, u);
}

static void on_password_hashed(void *arg, bool is_right, const char *hash)
{
    struct auth_call *c = arg;
    (void)is_right;
    c->hash = NULL;
    if (!hash) {
        call_end(c, ERR_BUSY, NULL, "No memory to hash the password");
        return;
    }
    xreplace(&c->password_hash, hash);
    c->op = store_user_set(c->auth->store, c->user->id, NULL, NULL, hash, on_password_stored, c);
}

static void on_old_verified(void *arg, bool is_right, const char *hash)
{
    struct auth_call *c = arg;
    (void)hash;
    c->hash = NULL;
    if (!is_right || !str_eq(c->password_hash, c->user->password_hash)) {
        call_end(c, ERR_UNAUTHENTICATED, "bad_credentials", "The old password is wrong");
        return;
    }
    throttle_forget(c->auth->throttle, c->throttle_key);
    (void)call_hash(c, c->password, NULL, on_password_hashed);
}

struct auth_call *auth_set_password(struct auth *a, const char *id, const char *old_password,
                                    const char *new_password, const char *peer, auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    struct err_text why = {0};
    enum err e = password_check(new_password, &why);
    if (!call_may_go_on(c, e, &why))
        return c;
    c->user = map_get_str(a->users_by_id, id);
    if (!c->user)
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such user");
    c->peer = xstrdup(peer);
    if (!old_password) {
        (void)call_hash(c, new_password, NULL, on_password_hashed);
        return c;
    }
    if (!may_guess(c, "login", c->user->name, peer))
        return c;
    c->name = xstrdup(c->user->name);
    c->password = xstrdup(new_password);
    c->password_hash = xstrdup(c->user->password_hash);
    bool is_possible = strlen(old_password) <= AUTH_MAX_PASSWORD_BYTES;
    (void)call_hash(c, is_possible ? old_password : "", c->password_hash, on_old_verified);
    return c;
}
