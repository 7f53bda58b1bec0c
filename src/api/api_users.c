/* Accounts: list, limit, approve, disable. */
#include "api/api_account.h"

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
        api_write_user(&w, &user);
    jw_end_arr(&w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void approve_user(struct api_req *r)
{
    (void)auth_user_approve(r->api->o.auth, r->param, api_on_user, r);
}

static void change_user(struct api_req *r)
{
    struct rate_limits limits;
    struct err_text why = {0};
    enum err e = auth_limits_parse(r->json, &limits, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)auth_user_limit(r->api->o.auth, r->param, &limits, api_on_user, r);
}

static void disable_user(struct api_req *r)
{
    (void)auth_user_disable(r->api->o.auth, r->param, api_on_user, r);
}

static const struct api_route users_table[] = {
    ROUTE(GET, "/api/users", API_ADMIN, API_NO_BODY, 0, list_users),
    ROUTE(PATCH, "/api/users/{id}", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, change_user),
    ROUTE(POST, "/api/users/{id}/approve", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, approve_user),
    ROUTE(POST, "/api/users/{id}/disable", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, disable_user),
};
API_ROUTES(api_users_routes, users_table);
