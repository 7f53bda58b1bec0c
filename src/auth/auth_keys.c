/* API keys. */
#include <stdio.h>

#include "auth/auth_name.h"
#include "auth/auth_state.h"

bool auth_key_next(const struct auth *a, const char *user_id, size_t *at, struct auth_key *out_key)
{
    size_t i = 0;
    LIST_EACH(k, &a->keys, struct key, of_all) {
        if (i++ < *at || (user_id && !str_eq(k->user->id, user_id)))
            continue;
        *at = i;
        *out_key = key_public(k);
        return true;
    }
    return false;
}

void auth_names(const struct auth *a, const char *user_id, const char *key_id, const char **out_user,
                const char **out_key)
{
    const struct key *k = key_id[0] ? map_get_str(a->keys_by_id, key_id) : NULL;
    const struct user *u = k ? k->user : map_get_str(a->users_by_id, user_id);
    *out_key = k ? k->name : NULL;
    *out_user = u ? u->name : NULL;
}

static void on_key_stored(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    struct auth *a = c->auth;
    c->op = NULL;
    if (r->err != ERR_OK) {
        call_end_store(c, r);
        return;
    }
    if (c->epoch != c->user->epoch) { /* disabled, or another password, while the disk was busy */
        store_key_remove(a->store, c->key.id, NULL, NULL);
        call_end(c, ERR_BUSY, NULL, "The account changed meanwhile; try again");
        return;
    }
    c->result.key = key_public(key_insert(a, &c->key));
    c->result.secret = c->secret;
    call_end_user(c, c->user);
}

/* NULL and "" are all. */
static char *list_or_null(const char *json)
{
    return json && json[0] ? xstrdup(json) : NULL;
}

static struct key make_key(struct auth_call *c, const struct auth_key_patch *p)
{
    char id[UUID_LEN + 1];
    rand_uuid(id);
    secret_make_key(c->secret);
    struct key k = {.user = c->user,
                    .id = xstrdup(id),
                    .name = xstrdup(p->name),
                    .prefix = xstrndup(c->secret, KEY_PREFIX_LEN),
                    .routes_json = list_or_null(p->routes_json),
                    .models_json = list_or_null(p->models_json),
                    .created_at = clock_wall_ms(),
                    .expires_at = p->expires_at > 0 ? p->expires_at : 0};
    limits_merge(&k.limiter.limits, &p->limits);
    secret_hash(span_str(c->secret), k.hash);
    return k;
}

struct auth_call *auth_key_add(struct auth *a, const char *user_id, const struct auth_key_patch *p,
                               auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    struct err_text why = {0};
    enum err e = name_check(span_str(p->name), AUTH_MAX_KEY_NAME_BYTES, &why);
    if (!call_may_go_on(c, e, &why))
        return c;
    c->user = map_get_str(a->users_by_id, user_id);
    if (!c->user || !user_is_active(c->user))
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such user");
    if (c->user->n_keys >= AUTH_MAX_KEYS_PER_USER)
        return call_end_later(c, ERR_TOO_BIG, NULL, "Too many keys: remove one first");
    c->epoch = c->user->epoch;
    c->key = make_key(c, p);
    c->op = store_key_add(a->store,
                          &(struct key_row){.id = c->key.id,
                                            .user_id = c->user->id,
                                            .name = c->key.name,
                                            .prefix = c->key.prefix,
                                            .key_hash = c->key.hash,
                                            .routes_json = c->key.routes_json,
                                            .models_json = c->key.models_json,
                                            .created_at = c->key.created_at,
                                            .expires_at = c->key.expires_at,
                                            .limits = c->key.limiter.limits},
                          on_key_stored, c);
    return c;
}

static struct key *find_key(const struct auth *a, const char *user_id, const char *key_id)
{
    struct key *k = map_get_str(a->keys_by_id, key_id);
    return k && (!user_id || str_eq(k->user->id, user_id)) ? k : NULL;
}

static void on_key_changed(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    struct key *k = map_get_str(c->auth->keys_by_id, c->key.id);
    if (r->err != ERR_OK) {
        call_end_store(c, r);
    } else if (!k) {
        call_end(c, ERR_NOT_FOUND, NULL, "No such key"); /* removed meanwhile */
    } else {
        key_change(c->auth, k, &c->patch);
        c->result.key = key_public(k);
        call_end_user(c, k->user);
    }
}

struct auth_call *auth_key_change(struct auth *a, const char *user_id, const char *key_id,
                                  const struct auth_key_patch *p, auth_fn done, void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    struct err_text why = {0};
    enum err e = p->name ? name_check(span_str(p->name), AUTH_MAX_KEY_NAME_BYTES, &why) : ERR_OK;
    if (!call_may_go_on(c, e, &why))
        return c;
    if (!find_key(a, user_id, key_id))
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such key");
    c->key.id = xstrdup(key_id);
    c->patch = (struct auth_key_patch){.name = xstrdup(p->name),
                                       .routes_json = xstrdup(p->routes_json),
                                       .models_json = xstrdup(p->models_json),
                                       .expires_at = p->expires_at,
                                       .limits = p->limits};
    c->op = store_key_change(a->store, key_id,
                             &(struct key_change){.name = p->name,
                                                  .routes_json = p->routes_json,
                                                  .models_json = p->models_json,
                                                  .expires_at = p->expires_at,
                                                  .limits = p->limits},
                             on_key_changed, c);
    return c;
}

static void on_key_removed(void *arg, const struct store_result *r)
{
    struct auth_call *c = arg;
    c->op = NULL;
    call_end_store(c, r);
}

struct auth_call *auth_key_remove(struct auth *a, const char *user_id, const char *key_id, auth_fn done,
                                  void *arg)
{
    struct auth_call *c = call_new(a, done, arg);
    if (!call_may_go_on(c, ERR_OK, NULL))
        return c;
    struct key *k = find_key(a, user_id, key_id);
    if (!k)
        return call_end_later(c, ERR_NOT_FOUND, NULL, "No such key");
    c->op = store_key_remove(a->store, k->id, on_key_removed, c);
    auth_tell_revoked(a, k->user);
    key_drop(a, k);
    return c;
}
