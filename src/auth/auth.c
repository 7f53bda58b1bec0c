/* What is in memory: reading it at start, accounts, sessions and keys; the life of a call. */
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_name.h"
#include "auth/auth_scope.h"
#include "auth/auth_state.h"

/* ---- calls ---- */

struct auth_call *call_new(struct auth *a, auth_fn done, void *arg)
{
    struct auth_call *c = xcalloc(1, sizeof(*c));
    c->auth = a;
    c->done = done;
    c->arg = arg;
    list_push_back(&a->calls, &c->node);
    return c;
}

static void wipe(char *s)
{
    if (s)
        sodium_memzero(s, strlen(s));
    free(s);
}

static void call_free(struct auth_call *c)
{
    if (c->auth && c->taken_name)
        map_remove(c->auth->taken_names, c->taken_name);
    list_remove(&c->node);
    wipe(c->password);
    sodium_memzero(c->secret, sizeof(c->secret));
    free(c->name);
    free(c->peer);
    free(c->taken_name);
    free(c->throttle_key);
    free(c->password_hash);
    free(c->key.id);
    free(c->key.name);
    free(c->key.prefix);
    free(c->key.routes_json);
    free(c->key.models_json);
    auth_key_patch_release(&c->patch);
    free(c);
}

static void deliver(void *arg)
{
    struct auth_call *c = arg;
    if (c->done)
        c->done(c->arg, &c->result);
    call_free(c);
}

static void set_result(struct auth_call *c, enum err e, const char *code, const char *text)
{
    assert(!c->is_over);
    c->is_over = true;
    c->result.err = e;
    c->result.code = code;
    if (e != ERR_OK)
        snprintf(c->result.why.text, sizeof(c->result.why.text), "%s", text ? text : err_name(e));
}

struct auth_call *call_end_later(struct auth_call *c, enum err e, const char *code, const char *text)
{
    set_result(c, e, code, text);
    loop_defer(c->auth->loop, deliver, c);
    return c;
}

void call_end(struct auth_call *c, enum err e, const char *code, const char *text)
{
    set_result(c, e, code, text);
    deliver(c);
}

void call_end_store(struct auth_call *c, const struct store_result *r)
{
    call_end(c, r->err, NULL, r->why.text);
}

void call_end_user(struct auth_call *c, const struct user *u)
{
    c->result.user = user_public(u);
    call_end(c, ERR_OK, NULL, NULL);
}

bool call_may_go_on(struct auth_call *c, enum err e, const struct err_text *why)
{
    if (!c->auth->is_ready)
        call_end_later(c, ERR_BUSY, NULL, "Accounts are still being read");
    else if (e != ERR_OK)
        call_end_later(c, e, NULL, why->text);
    return !c->is_over;
}

void auth_cancel(struct auth_call *c)
{
    if (c)
        c->done = NULL;
}

/* ---- users ---- */

static const char *status_literal(const char *status)
{
    return str_eq(status, "active") ? "active" : str_eq(status, "pending") ? "pending" : "disabled";
}

struct user *user_add(struct auth *a, const struct user_row *row)
{
    struct user *u = xcalloc(1, sizeof(*u));
    u->id = xstrdup(row->id);
    u->name = xstrdup(row->name);
    u->folded_name = name_fold(span_str(row->name));
    u->password_hash = xstrdup(row->password_hash);
    u->is_admin = str_eq(row->role, "admin");
    u->status = status_literal(row->status);
    u->created_at = row->created_at;
    limiter_set(&u->limiter, &row->limits);
    list_init(&u->sessions);
    if (a->n_users == a->users_cap) {
        a->users_cap = a->users_cap ? a->users_cap * 2 : 8;
        a->users = xrealloc(a->users, a->users_cap * sizeof(struct user *));
    }
    u->at = a->n_users;
    a->users[a->n_users++] = u;
    map_put(a->users_by_id, u->id, u);
    map_put(a->users_by_name, u->folded_name, u);
    return u;
}

static void user_free(struct user *u)
{
    free(u->id);
    free(u->name);
    free(u->folded_name);
    wipe(u->password_hash);
    limiter_release(&u->limiter);
    free(u);
}

struct auth_user user_public(const struct user *u)
{
    return (struct auth_user){.id = u->id,
                              .name = u->name,
                              .role = u->is_admin ? "admin" : "user",
                              .status = u->status,
                              .created_at = u->created_at,
                              .limits = u->limiter.limits};
}

void limits_merge(struct rate_limits *limits, const struct rate_limits *change)
{
    if (change->requests_per_minute >= 0)
        limits->requests_per_minute = change->requests_per_minute;
    if (change->tokens_per_minute >= 0)
        limits->tokens_per_minute = change->tokens_per_minute;
    if (change->max_parallel >= 0)
        limits->max_parallel = change->max_parallel;
}

bool user_is_active(const struct user *u)
{
    return str_eq(u->status, "active");
}

/* ---- sessions ---- */

struct session *session_insert(struct auth *a, const struct session *s)
{
    struct session *copy = xmemdup(s, sizeof(*s));
    list_init(&copy->of_user);
    list_push_back(&copy->user->sessions, &copy->of_user);
    copy->user->n_sessions++;
    map_put(a->sessions, copy->id_hash, copy);
    return copy;
}

void session_drop(struct auth *a, struct session *s)
{
    map_remove(a->sessions, s->id_hash);
    list_remove(&s->of_user);
    s->user->n_sessions--;
    free(s);
}

void sessions_drop_of(struct auth *a, struct user *u)
{
    while (!list_is_empty(&u->sessions))
        session_drop(a, LIST_FIRST(&u->sessions, struct session, of_user));
    u->epoch++;
}

/* ---- keys ---- */

bool key_is_expired(const struct key *k, int64_t now_wall_ms)
{
    return k->expires_at && now_wall_ms >= k->expires_at;
}

/* The wall clock may jump: looks again once a minute. */
static void watch_expiry(struct auth *a)
{
    int64_t now = clock_wall_ms(), soonest = 0;
    LIST_EACH(k, &a->keys, struct key, of_all) {
        if (k->expires_at && !k->is_end_told && (!soonest || k->expires_at < soonest))
            soonest = k->expires_at;
    }
    int64_t wait_ms = soonest > now ? soonest - now : 0;
    if (soonest)
        loop_timer_start(&a->expire, wait_ms < 60000 ? wait_ms : 60000);
}

static void on_expiry(void *arg)
{
    struct auth *a = arg;
    int64_t now = clock_wall_ms();
    LIST_EACH(k, &a->keys, struct key, of_all) {
        if (!k->is_end_told && key_is_expired(k, now)) {
            k->is_end_told = true;
            auth_tell_revoked(a, k->user);
        }
    }
    watch_expiry(a);
}

static void read_routes(struct key *k)
{
    k->routes = scope_routes_read(k->routes_json);
}

static void read_models(struct key *k)
{
    strv_release(&k->models);
    scope_models_read(k->models_json, &k->models);
}

/* Finds k a place. */
static void place_key(struct auth *a, struct key *k)
{
    size_t at = 0;
    if (map_count(a->keys_by_id) == a->n_keys_at) {
        a->keys_at = xrealloc(a->keys_at, (a->n_keys_at + 1) * sizeof(struct key *));
        a->keys_at[a->n_keys_at++] = NULL;
        at = a->n_keys_at - 1;
    }
    while (a->keys_at[at])
        at++;
    a->keys_at[at] = k;
    k->at = at;
    k->serial = ++a->last_serial;
}

struct key *key_of(const struct auth *a, const struct principal *p)
{
    if (p->kind != PRINCIPAL_KEY || p->key_at >= a->n_keys_at)
        return NULL;
    struct key *k = a->keys_at[p->key_at];
    return k && k->serial == p->key_serial ? k : NULL;
}

struct key *key_insert(struct auth *a, const struct key *k)
{
    struct key *copy = xmemdup(k, sizeof(*k));
    copy->id = xstrdup(k->id);
    copy->name = xstrdup(k->name);
    copy->prefix = xstrdup(k->prefix);
    copy->routes_json = xstrdup(k->routes_json);
    copy->models_json = xstrdup(k->models_json);
    read_routes(copy);
    read_models(copy);
    copy->limiter = (struct limiter){0};
    limiter_set(&copy->limiter, &k->limiter.limits);
    list_init(&copy->of_all);
    list_push_back(&a->keys, &copy->of_all);
    copy->user->n_keys++;
    place_key(a, copy);
    map_put(a->keys_by_hash, copy->hash, copy);
    map_put(a->keys_by_id, copy->id, copy);
    if (copy->expires_at)
        watch_expiry(a);
    return copy;
}

/* "": all. */
static void replace_list(char **list, const char *json)
{
    free(*list);
    *list = json[0] ? xstrdup(json) : NULL;
}

void key_change(struct auth *a, struct key *k, const struct auth_key_patch *p)
{
    struct rate_limits limits = k->limiter.limits;
    if (p->name)
        xreplace(&k->name, p->name);
    if (p->routes_json)
        replace_list(&k->routes_json, p->routes_json);
    if (p->models_json)
        replace_list(&k->models_json, p->models_json);
    read_routes(k);
    read_models(k);
    if (p->expires_at >= 0) {
        k->expires_at = p->expires_at;
        k->is_end_told = false;
        watch_expiry(a);
    }
    limits_merge(&limits, &p->limits);
    limiter_set(&k->limiter, &limits);
}

void key_drop(struct auth *a, struct key *k)
{
    map_remove(a->keys_by_hash, k->hash);
    map_remove(a->keys_by_id, k->id);
    known_forget(&a->known, k);
    a->keys_at[k->at] = NULL;
    list_remove(&k->of_all);
    k->user->n_keys--;
    free(k->id);
    free(k->name);
    free(k->prefix);
    free(k->routes_json);
    free(k->models_json);
    strv_release(&k->models);
    limiter_release(&k->limiter);
    free(k);
}

struct auth_key key_public(const struct key *k)
{
    return (struct auth_key){.id = k->id,
                             .user_id = k->user->id,
                             .name = k->name,
                             .prefix = k->prefix,
                             .routes_json = k->routes_json,
                             .models_json = k->models_json,
                             .created_at = k->created_at,
                             .last_used_at = k->last_used_at,
                             .expires_at = k->expires_at,
                             .limits = k->limiter.limits};
}

/* ---- news of lost rights ---- */

static void tell_revoked(void *arg)
{
    struct auth *a = arg;
    struct strv ids = a->revoked;
    a->revoked = (struct strv){0};
    for (size_t i = 0; i < ids.n; i++)
        for (size_t k = 0; k < a->n_subscribers; k++)
            a->subscribers[k].fn(a->subscribers[k].arg, ids.v[i]);
    strv_release(&ids);
}

void auth_tell_revoked(struct auth *a, const struct user *u)
{
    strv_add(&a->revoked, u->id);
    loop_timer_start(&a->tell, 0);
}

void auth_on_revoked(struct auth *a, auth_revoked_fn fn, void *arg)
{
    a->subscribers = xrealloc(a->subscribers, (a->n_subscribers + 1) * sizeof(struct subscriber));
    a->subscribers[a->n_subscribers++] = (struct subscriber){.fn = fn, .arg = arg};
}

/* ---- reading at start ---- */

static void loaded(struct auth *a, enum err e, const struct err_text *why)
{
    a->is_ready = e == ERR_OK;
    if (a->is_ready && auth_setup_needed(a))
        secret_make(a->setup_token);
    a->on_ready(a->ready_arg, e, why);
}

static void on_keys(void *arg, const struct store_result *r)
{
    struct auth *a = arg;
    a->loading = NULL;
    for (size_t i = 0; r->err == ERR_OK && i < r->n; i++) {
        const struct key_row *row = &r->keys[i];
        struct key k = {.user = map_get_str(a->users_by_id, row->user_id),
                        .id = row->id,
                        .name = row->name,
                        .prefix = row->prefix,
                        .routes_json = row->routes_json,
                        .models_json = row->models_json,
                        .created_at = row->created_at,
                        .last_used_at = row->last_used_at,
                        .expires_at = row->expires_at,
                        .limiter = {.limits = row->limits}};
        snprintf(k.hash, sizeof(k.hash), "%s", row->key_hash);
        if (k.user)
            key_insert(a, &k);
    }
    loaded(a, r->err, &r->why);
}

static void on_sessions(void *arg, const struct store_result *r)
{
    struct auth *a = arg;
    a->loading = NULL;
    for (size_t i = 0; r->err == ERR_OK && i < r->n; i++) {
        const struct session_row *row = &r->sessions[i];
        struct session s = {.user = map_get_str(a->users_by_id, row->user_id),
                            .created_at = row->created_at,
                            .expires_at = row->expires_at};
        snprintf(s.id_hash, sizeof(s.id_hash), "%s", row->id_hash);
        if (s.user)
            session_insert(a, &s);
    }
    if (r->err == ERR_OK)
        a->loading = store_keys_list(a->store, on_keys, a);
    else
        loaded(a, r->err, &r->why);
}

static void on_users(void *arg, const struct store_result *r)
{
    struct auth *a = arg;
    a->loading = NULL;
    for (size_t i = 0; r->err == ERR_OK && i < r->n; i++)
        user_add(a, &r->users[i]);
    if (r->err == ERR_OK)
        a->loading = store_sessions_list(a->store, on_sessions, a);
    else
        loaded(a, r->err, &r->why);
}

struct auth *auth_new(struct loop *l, struct store *s, auth_ready_fn on_ready, void *arg)
{
    struct auth *a = xcalloc(1, sizeof(*a));
    a->loop = l;
    a->store = s;
    a->on_ready = on_ready;
    a->ready_arg = arg;
    a->users_by_id = map_new();
    a->users_by_name = map_new();
    a->taken_names = map_new();
    a->sessions = map_new();
    a->keys_by_hash = map_new();
    a->keys_by_id = map_new();
    known_init(&a->known);
    list_init(&a->keys);
    list_init(&a->calls);
    a->throttle = throttle_new();
    a->hasher = hasher_new(l);
    loop_timer_init(&a->tell, l, tell_revoked, a);
    loop_timer_init(&a->expire, l, on_expiry, a);
    a->loading = store_users_list(s, on_users, a);
    return a;
}

/* Calls that wait end here in silence; those whose answer is on its way end in deliver. */
static void drop_calls(struct auth *a)
{
    LIST_EACH(c, &a->calls, struct auth_call, node) {
        c->done = NULL;
        if (c->is_over) {
            free(TAKE(c->taken_name));
            c->auth = NULL;
            list_remove(&c->node);
        } else {
            store_cancel(c->op);
            hasher_cancel(c->hash);
            call_free(c);
        }
    }
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    store_cancel(a->loading);
    drop_calls(a);
    hasher_close(a->hasher);
    throttle_free(a->throttle);
    loop_timer_stop(&a->tell);
    loop_timer_stop(&a->expire);
    strv_release(&a->revoked);
    while (!list_is_empty(&a->keys))
        key_drop(a, LIST_FIRST(&a->keys, struct key, of_all));
    for (size_t i = 0; i < a->n_users; i++) {
        sessions_drop_of(a, a->users[i]);
        user_free(a->users[i]);
    }
    free(a->users);
    map_free(a->users_by_id);
    map_free(a->users_by_name);
    map_free(a->taken_names);
    map_free(a->sessions);
    map_free(a->keys_by_hash);
    map_free(a->keys_by_id);
    free(a->keys_at);
    free(a->subscribers);
    sodium_memzero(a->setup_token, sizeof(a->setup_token));
    free(a);
}
