/* Accounts as an admin sees them. */
#include "auth/auth_state.h"

bool auth_user_next(const struct auth *a, size_t *at, struct auth_user *out_user)
{
    if (*at >= a->n_users)
        return false;
    *out_user = user_public(a->users[(*at)++]);
    return true;
}

bool auth_user_get(const struct auth *a, const char *id, struct auth_user *out_user)
{
    const struct user *u = map_get_str(a->users_by_id, id);
    if (u)
        *out_user = user_public(u);
    return u != NULL;
}

static void on_approved(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    if (r->err != ERR_OK) {
        call_end_store(c, r);
        return;
    }
    if (c->epoch == c->user->epoch) /* else it was disabled meanwhile, which is the newer wish */
        c->user->status = "active";
    call_end_user(c, c->user);
}

struct auth_call *auth_user_approve(struct auth *a, const char *id, auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    if (!call_may_go_on(c, ERR_OK, NULL))
        return c;
    c->user = map_get_str(a->users_by_id, id);
    if (!c->user)
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such user");
    c->epoch = c->user->epoch;
    c->op = store_user_set(a->store, c->user->id, NULL, "active", NULL, on_approved, c);
    return c;
}

static void on_limited(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    if (r->err != ERR_OK) {
        call_end_store(c, r);
        return;
    }
    struct rate_limits limits = c->user->limiter.limits;
    limits_merge(&limits, &c->limits);
    limiter_set(&c->user->limiter, &limits);
    call_end_user(c, c->user);
}

struct auth_call *auth_user_limit(struct auth *a, const char *id, const struct rate_limits *limits,
                                  auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    if (!call_may_go_on(c, ERR_OK, NULL))
        return c;
    c->user = map_get_str(a->users_by_id, id);
    if (!c->user)
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such user");
    c->limits = *limits;
    c->op = store_user_limit(a->store, id, limits, on_limited, c);
    return c;
}

static bool is_last_admin(const struct auth *a, const struct user *u)
{
    if (!u->is_admin || !user_is_active(u))
        return false;
    for (size_t i = 0; i < a->n_users; i++)
        if (a->users[i] != u && a->users[i]->is_admin && user_is_active(a->users[i]))
            return false;
    return true;
}

static void on_disabled(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    if (r->err != ERR_OK)
        call_end_store(c, r);
    else
        call_end_user(c, c->user);
}

struct auth_call *auth_user_disable(struct auth *a, const char *id, auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    if (!call_may_go_on(c, ERR_OK, NULL))
        return c;
    struct user *u = c->user = map_get_str(a->users_by_id, id);
    if (!u)
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such user");
    if (is_last_admin(a, u))
        return call_end_later(c, ERR_EXISTS, NULL, "This is the last admin: nobody could undo it");
    /* Memory first: the right ends now, whatever the disk says. */
    u->status = "disabled";
    sessions_drop_of(a, u);
    store_sessions_remove_of(a->store, u->id, NULL, NULL);
    LIST_EACH(k, &a->keys, struct key, of_all) {
        if (k->user == u) {
            store_key_remove(a->store, k->id, NULL, NULL);
            key_drop(a, k);
        }
    }
    auth_tell_revoked(a, u);
    c->op = store_user_set(a->store, u->id, NULL, "disabled", NULL, on_disabled, c);
    return c;
}
