/* What the routes about accounts answer with. */
#include "api/api_account.h"

void api_write_number(struct json_writer *w, const char *name, int64_t n)
{
    jw_key(w, name);
    if (n)
        jw_int(w, n);
    else
        jw_null(w);
}

void api_write_limits(struct json_writer *w, const struct rate_limits *limits)
{
    jw_key(w, "limits");
    jw_begin_obj(w);
    api_write_number(w, "requests_per_minute", limits->requests_per_minute);
    api_write_number(w, "tokens_per_minute", limits->tokens_per_minute);
    api_write_number(w, "max_parallel", limits->max_parallel);
    jw_end_obj(w);
}

void api_write_user(struct json_writer *w, const struct auth_user *u)
{
    jw_begin_obj(w);
    jwf_str(w, "id", u->id);
    jwf_str(w, "name", u->name);
    jwf_str(w, "role", u->role);
    jwf_str(w, "status", u->status);
    jwf_int(w, "created_at", u->created_at);
    api_write_limits(w, &u->limits);
    jw_end_obj(w);
}

void api_reply_auth_failure(struct api_req *r, const struct auth_result *result)
{
    api_reply_error(r, &(struct api_error){.err = result->err,
                                           .message = result->why.text,
                                           .code = result->code,
                                           .retry_after_s = result->retry_after_s});
}

void api_reply_user(struct api_req *r, const struct auth_result *result, int status)
{
    AUTO(buf) struct buf *out = buf_new(), *cookie = buf_new();
    struct http_headers h = {0};
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "user");
    api_write_user(&w, &result->user);
    jw_end_obj(&w);
    http_headers_add(&h, "Content-Type", SPAN_LIT("application/json"));
    if (result->secret) {
        auth_cookie_set(cookie, result->secret, false);
        http_headers_add(&h, "Set-Cookie", buf_span(cookie));
    }
    api_reply_bytes(r, status, &h, buf_span(out));
    http_headers_release(&h);
}

void api_on_user(void *arg, const struct auth_result *result)
{
    if (result->err)
        api_reply_auth_failure(arg, result);
    else
        api_reply_user(arg, result, 200);
}
