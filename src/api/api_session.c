/* Set-up, signing in and out, asking for an account. */
#include "api/api_req.h"

/* Both strings are required; the answer is sent on failure. */
static bool read_two(struct api_req *r, const char *name_a, const char **out_a, const char *name_b,
                     const char **out_b)
{
    struct err_text why = {0};
    enum err e = json_get_str(r->json, name_a, true, out_a, &why);
    if (!e)
        e = json_get_str(r->json, name_b, true, out_b, &why);
    if (e)
        api_reply_err(r, e, &why);
    return e == ERR_OK;
}

static void write_user(struct json_writer *w, const struct auth_user *u)
{
    jw_begin_obj(w);
    jwf_str(w, "id", u->id);
    jwf_str(w, "name", u->name);
    jwf_str(w, "role", u->role);
    jwf_str(w, "status", u->status);
    jwf_int(w, "created_at", u->created_at);
    jw_end_obj(w);
}

static void reply_failure(struct api_req *r, const struct auth_result *result)
{
    api_reply_error(r, &(struct api_error){.err = result->err,
                                           .message = result->why.text,
                                           .code = result->code,
                                           .retry_after_s = result->retry_after_s});
}

static void reply_user(struct api_req *r, const struct auth_result *result, int status)
{
    AUTO(buf) struct buf *out = buf_new(), *cookie = buf_new();
    struct http_headers h = {0};
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "user");
    write_user(&w, &result->user);
    jw_end_obj(&w);
    http_headers_add(&h, "Content-Type", SPAN_LIT("application/json"));
    if (result->secret) {
        auth_cookie_set(cookie, result->secret, false);
        http_headers_add(&h, "Set-Cookie", buf_span(cookie));
    }
    api_reply_bytes(r, status, &h, buf_span(out));
    http_headers_release(&h);
}

static void on_set_up(void *arg, const struct auth_result *result)
{
    if (result->err)
        reply_failure(arg, result);
    else
        reply_user(arg, result, 201);
}

static void set_up(struct api_req *r)
{
    const char *token, *name, *password;
    struct err_text why = {0};
    enum err e = json_get_str(r->json, "token", true, &token, &why);
    if (e) {
        api_reply_err(r, e, &why);
        return;
    }
    if (read_two(r, "name", &name, "password", &password))
        (void)auth_setup(r->api->o.auth, token, name, password, on_set_up, r);
}

static void on_user(void *arg, const struct auth_result *result)
{
    if (result->err)
        reply_failure(arg, result);
    else
        reply_user(arg, result, 200);
}

static void log_in(struct api_req *r)
{
    const char *name, *password;
    if (read_two(r, "name", &name, "password", &password))
        (void)auth_login(r->api->o.auth, name, password, http_exchange_peer(r->x), on_user, r);
}

static void on_logged_out(void *arg, const struct auth_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        reply_failure(r, result);
        return;
    }
    AUTO(buf) struct buf *cookie = buf_new();
    struct http_headers h = {0};
    auth_cookie_clear(cookie, false);
    http_headers_add(&h, "Set-Cookie", buf_span(cookie));
    api_reply_bytes(r, 204, &h, span_of(NULL, 0));
    http_headers_release(&h);
}

static void log_out(struct api_req *r)
{
    (void)auth_logout(r->api->o.auth, &r->who, on_logged_out, r);
}

static void on_signed_up(void *arg, const struct auth_result *result)
{
    if (result->err)
        reply_failure(arg, result);
    else
        api_reply_json(arg, 202, SPAN_LIT("{\"status\":\"pending\"}"));
}

static void sign_up(struct api_req *r)
{
    const char *name, *password;
    if (read_two(r, "name", &name, "password", &password))
        (void)auth_signup(r->api->o.auth, name, password, http_exchange_peer(r->x), on_signed_up, r);
}

static void show_session(struct api_req *r)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    struct auth_user user;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "user");
    if (r->who.kind != PRINCIPAL_NOBODY && auth_user_get(r->api->o.auth, r->who.user_id, &user))
        write_user(&w, &user);
    else
        jw_null(&w);
    jwf_bool(&w, "setup_needed", auth_setup_needed(r->api->o.auth));
    jwf_str(&w, "version", HOB_VERSION);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static const struct api_route session_table[] = {
    ROUTE(GET, "/api/session", API_PUBLIC, API_NO_BODY, 0, show_session),
    ROUTE(POST, "/api/setup", API_PUBLIC, API_JSON, API_SMALL_BODY_BYTES, set_up),
    ROUTE(POST, "/api/login", API_PUBLIC, API_JSON, API_SMALL_BODY_BYTES, log_in),
    ROUTE(POST, "/api/logout", API_PUBLIC, API_JSON, API_SMALL_BODY_BYTES, log_out),
    ROUTE(POST, "/api/signup", API_PUBLIC, API_JSON, API_SMALL_BODY_BYTES, sign_up),
};
API_ROUTES(api_session_routes, session_table);

/* ---- accounts ---- */

static void list_users(struct api_req *r)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    struct auth_user user;
    size_t at = 0;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "users");
    jw_begin_arr(&w);
    while (auth_user_next(r->api->o.auth, &at, &user))
        write_user(&w, &user);
    jw_end_arr(&w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void approve_user(struct api_req *r)
{
    (void)auth_user_approve(r->api->o.auth, r->param, on_user, r);
}

static void disable_user(struct api_req *r)
{
    (void)auth_user_disable(r->api->o.auth, r->param, on_user, r);
}

static const struct api_route users_table[] = {
    ROUTE(GET, "/api/users", API_ADMIN, API_NO_BODY, 0, list_users),
    ROUTE(POST, "/api/users/{id}/approve", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, approve_user),
    ROUTE(POST, "/api/users/{id}/disable", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, disable_user),
};
API_ROUTES(api_users_routes, users_table);

/* ---- API keys: each user's own; the control socket may name the owner ---- */

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
        reply_failure(r, result);
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
        reply_failure(arg, result);
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
