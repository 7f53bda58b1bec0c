/* API keys: each user's own; over the control socket the owner may be named. */
#include "api/api_account.h"

static void write_key(struct json_writer *w, const struct auth_key *k)
{
    jw_begin_obj(w);
    jwf_str(w, "id", k->id);
    jwf_str(w, "name", k->name);
    jwf_str(w, "prefix", k->prefix);
    jwf_int(w, "created_at", k->created_at);
    api_write_number(w, "last_used_at", k->last_used_at);
    api_write_number(w, "expires_at", k->expires_at);
    jwf_raw(w, "routes", k->routes_json);
    jwf_raw(w, "models", k->models_json);
    api_write_limits(w, &k->limits);
    jw_end_obj(w);
}

static void list_keys(struct api_req *r)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    struct auth_key key;
    size_t at = 0;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "keys");
    jw_begin_arr(&w);
    while (auth_key_next(r->api->o.auth, r->who.user_id, &at, &key))
        write_key(&w, &key);
    jw_end_arr(&w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

/* {"key"}, and the secret of a new one. */
static void on_key(struct api_req *r, const struct auth_result *result, int status)
{
    if (result->err) {
        api_reply_auth_failure(r, result);
        return;
    }
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "key");
    write_key(&w, &result->key);
    if (result->secret)
        jwf_str(&w, "secret", result->secret);
    jw_end_obj(&w);
    api_reply_json(r, status, buf_span(out));
}

static void on_key_added(void *arg, const struct auth_result *result)
{
    on_key(arg, result, 201);
}

static void on_key_changed(void *arg, const struct auth_result *result)
{
    on_key(arg, result, 200);
}

/* The id of the account called name; NULL when there is none. */
static const char *user_id_of(const struct auth *a, const char *name)
{
    struct auth_user user;
    size_t at = 0;
    while (auth_user_next(a, &at, &user)) {
        if (strcmp(user.name, name) == 0)
            return user.id;
    }
    return NULL;
}

/* Whose key is to be made. */
static enum err find_owner(const struct api_req *r, const char **out_user_id, struct err_text *why)
{
    const char *user = NULL, *user_id = r->who.user_id;
    enum err e = ERR_OK;
    if (r->who.kind == PRINCIPAL_LOCAL)
        e = json_get_str(r->json, "user", false, &user, why);
    if (e)
        return e;
    if (user)
        user_id = user_id_of(r->api->o.auth, user);
    if (!user_id)
        return err_set(why, ERR_NOT_FOUND, "There is no account called \"%s\".", user);
    if (!user_id[0])
        return err_set(why, ERR_FAILED, "Make the first account on the page before keys.");
    *out_user_id = user_id;
    return ERR_OK;
}

static void add_key(struct api_req *r)
{
    const char *name = NULL, *user_id = NULL;
    struct auth_key_patch patch = {0};
    struct err_text why = {0};
    enum err e = json_get_str(r->json, "name", true, &name, &why);
    if (!e && r->who.kind == PRINCIPAL_KEY)
        e = err_set(&why, ERR_DENIED, "API keys may not make keys. Sign in.");
    if (!e)
        e = find_owner(r, &user_id, &why);
    if (!e)
        e = auth_key_patch_parse(&patch, r->json, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)auth_key_add(r->api->o.auth, user_id, &patch, on_key_added, r);
    auth_key_patch_release(&patch);
}

/* NULL: any. */
static const char *owner_of_changed(const struct api_req *r)
{
    return r->who.kind == PRINCIPAL_LOCAL ? NULL : r->who.user_id;
}

static void change_key(struct api_req *r)
{
    struct auth_key_patch patch = {0};
    struct err_text why = {0};
    enum err e = ERR_OK;
    if (r->who.kind == PRINCIPAL_KEY)
        e = err_set(&why, ERR_DENIED, "API keys may not change keys. Sign in.");
    if (!e)
        e = auth_key_patch_parse(&patch, r->json, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)auth_key_change(r->api->o.auth, owner_of_changed(r), r->param, &patch, on_key_changed, r);
    auth_key_patch_release(&patch);
}

static void on_key_removed(void *arg, const struct auth_result *result)
{
    if (result->err)
        api_reply_auth_failure(arg, result);
    else
        api_reply_empty(arg, 204);
}

static void remove_key(struct api_req *r)
{
    (void)auth_key_remove(r->api->o.auth, owner_of_changed(r), r->param, on_key_removed, r);
}

static const struct api_route keys_table[] = {
    ROUTE(GET, "/api/keys", API_USER, API_NO_BODY, 0, list_keys),
    ROUTE(POST, "/api/keys", API_USER, API_JSON, API_SMALL_BODY_BYTES, add_key),
    ROUTE(PATCH, "/api/keys/{id}", API_USER, API_JSON, API_SMALL_BODY_BYTES, change_key),
    ROUTE(DELETE, "/api/keys/{id}", API_USER, API_NO_BODY, 0, remove_key),
};
API_ROUTES(api_keys_routes, keys_table);
