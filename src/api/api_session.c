/* Set-up, signing in and out, asking for an account. */
#include "api/api_account.h"

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

static void on_set_up(void *arg, const struct auth_result *result)
{
    if (result->err)
        api_reply_auth_failure(arg, result);
    else
        api_reply_user(arg, result, 201);
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

static void log_in(struct api_req *r)
{
    const char *name, *password;
    if (read_two(r, "name", &name, "password", &password))
        (void)auth_login(r->api->o.auth, name, password, http_exchange_peer(r->x), api_on_user, r);
}

static void on_logged_out(void *arg, const struct auth_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        api_reply_auth_failure(r, result);
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
        api_reply_auth_failure(arg, result);
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
        api_write_user(&w, &user);
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
