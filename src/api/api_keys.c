/* API keys: each user's own; over the control socket the owner may be named. */
#include "api/api_account.h"

static void write_key(struct json_writer *w, const struct auth_key *k)
{
    jw_begin_obj(w);
    jwf_str(w, "id", k->id);
    jwf_str(w, "name", k->name);
    jwf_str(w, "prefix", k->prefix);
    jwf_int(w, "created_at", k->created_at);
    jw_key(w, "last_used_at");
    if (k->last_used_at)
        jw_int(w, k->last_used_at);
    else
        jw_null(w);
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

static void on_key_added(void *arg, const struct auth_result *result)
{
    struct api_req *r = arg;
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
    jwf_str(&w, "secret", result->secret);
    jw_end_obj(&w);
    api_reply_json(r, 201, buf_span(out));
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

static void add_key(struct api_req *r)
{
    const char *name = NULL, *user = NULL, *user_id = r->who.user_id;
    struct err_text why = {0};
    enum err e = json_get_str(r->json, "name", true, &name, &why);
    if (!e && r->who.kind == PRINCIPAL_KEY)
        e = err_set(&why, ERR_DENIED, "API keys may not make keys. Sign in.");
    if (!e && r->who.kind == PRINCIPAL_LOCAL)
        e = json_get_str(r->json, "user", false, &user, &why);
    if (!e && user) {
        user_id = user_id_of(r->api->o.auth, user);
        if (!user_id)
            e = err_set(&why, ERR_NOT_FOUND, "There is no account called \"%s\".", user);
    }
    if (!e && !user_id[0])
        e = err_set(&why, ERR_FAILED, "Make the first account on the page before keys.");
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)auth_key_add(r->api->o.auth, user_id, name, on_key_added, r);
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
    (void)auth_key_remove(r->api->o.auth, r->who.kind == PRINCIPAL_LOCAL ? NULL : r->who.user_id, r->param,
                          on_key_removed, r);
}

static const struct api_route keys_table[] = {
    ROUTE(GET, "/api/keys", API_USER, API_NO_BODY, 0, list_keys),
    ROUTE(POST, "/api/keys", API_USER, API_JSON, API_SMALL_BODY_BYTES, add_key),
    ROUTE(DELETE, "/api/keys/{id}", API_USER, API_NO_BODY, 0, remove_key),
};
API_ROUTES(api_keys_routes, keys_table);
