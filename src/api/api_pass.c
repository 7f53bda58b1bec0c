/* From a request to the server that its `model` names. */
#include "api/api_pass.h"

#include "api/api_limits.h"

#define NAMES_SHOWN   10
#define NEAREST_SHOWN 3

static void on_proxied(void *arg, struct http_exchange *x, const struct gateway_failure *f)
{
    struct api_req *r = arg;
    r->handed_over = NULL;
    list_remove(&r->stream_node);
    if (!f) {
        api_req_free(r);
        return;
    }
    r->x = x;
    api_reply_error(r, &(struct api_error){.err = f->err,
                                           .status = f->status,
                                           .code = f->code,
                                           .type = f->type,
                                           .param = f->param,
                                           .message = f->message ? f->message : f->why.text,
                                           .retry_after_s = f->retry_after_s,
                                           .server = f->server,
                                           .no_retry = f->is_permanent});
}

/* ---- names ---- */

static void list_allowed_names(const struct api_req *r, struct strv *out)
{
    const struct gateway *g = r->api->o.gateway;
    struct strv all = {0};
    gateway_list_names(g, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct server *s = gateway_server_find(g, all.v[i]);
        if (s && api_may_use_server(r, s))
            strv_add(out, all.v[i]);
    }
    strv_release(&all);
}

void api_refuse_unknown_model(struct api_req *r, const char *name)
{
    AUTO(buf) struct buf *text = buf_new();
    struct strv names = {0};
    size_t nearest[NEAREST_SHOWN];
    list_allowed_names(r, &names);
    size_t n = names.n ? gateway_names_nearest(&names, name, nearest, NEAREST_SHOWN) : 0;
    buf_add_str(text, "There is no model called \"");
    buf_add(text, name, utf8_floor(span_str(name), 200));
    buf_add_str(text, "\" here.");
    for (size_t i = 0; i < n; i++)
        buf_addf(text, "%s\"%s\"",
                 i == 0      ? " Did you mean "
                 : i + 1 < n ? ", "
                             : " or ",
                 names.v[nearest[i]]);
    if (n > 0)
        buf_add_char(text, '?');
    for (size_t i = 0; i < names.n && i < NAMES_SHOWN; i++)
        buf_addf(text, "%s%s", i ? ", " : " Models: ", names.v[i]);
    strv_release(&names);
    api_reply_error(r, &(struct api_error){.err = ERR_NOT_FOUND,
                                           .code = "model_not_found",
                                           .model = name,
                                           .param = "model",
                                           .message = buf_str(text),
                                           .no_retry = true});
}

/* ---- headers ---- */

/* What an engine may want to know; never credentials, cookies or what belongs to a connection. */
static bool is_passed(enum http_field field, bool is_raw)
{
    switch ((unsigned)field) {
    case HTTP_FIELD_ACCEPT:
    case HTTP_FIELD_ACCEPT_LANGUAGE:
    case HTTP_FIELD_ANTHROPIC_BETA:
    case HTTP_FIELD_ANTHROPIC_VERSION:
    case HTTP_FIELD_CONTENT_TYPE:
    case HTTP_FIELD_OPENAI_BETA:
    case HTTP_FIELD_TRACEPARENT:
    case HTTP_FIELD_TRACESTATE: return true;
    case HTTP_FIELD_CACHE_CONTROL:
    case HTTP_FIELD_CONTENT_ENCODING:
    case HTTP_FIELD_IF_MATCH:
    case HTTP_FIELD_IF_MODIFIED_SINCE:
    case HTTP_FIELD_IF_NONE_MATCH:
    case HTTP_FIELD_IF_RANGE:
    case HTTP_FIELD_RANGE:
    case HTTP_FIELD_X_REQUESTED_WITH: return is_raw; /* to /upstream */
    default: return false;
    }
}

static void choose_headers(const struct api_req *r, bool is_raw, struct http_headers *to)
{
    const struct http_fields *from = http_exchange_fields(r->x);
    for (size_t i = 0; i < from->n; i++) {
        enum http_field field = from->lines[i].field;
        if (is_passed(field, is_raw) && !(r->is_untyped && field == HTTP_FIELD_CONTENT_TYPE))
            http_headers_pass(to, from, i);
    }
    if (r->is_untyped)
        http_headers_add(to, "Content-Type", SPAN_LIT("application/json"));
}

/* ---- the way ---- */

void api_pass_on(struct api_req *r, const char *name, const struct gateway_proxy_request *way,
                 struct api_passed *passed)
{
    struct server *s = gateway_server_find(r->api->o.gateway, name);
    struct gateway_proxy_request q = *way;
    if (!s) {
        api_refuse_unknown_model(r, name);
        return;
    }
    if (api_refuse_server(r, s))
        return;
    choose_headers(r, q.is_raw, &q.headers);
    if (r->is_counted)
        api_limits_add_headers(r, &q.answer_headers);
    q.route = r->route->pattern;
    q.model = name;
    q.shape = api_shape(r);
    http_exchange_forget_fields(r->x);
    q.body = passed ? TAKE(passed->body) : NULL;
    q.scan = passed && !q.is_raw ? &passed->scan : NULL;
    str_put(q.client.user_id, sizeof q.client.user_id, r->who.user_id);
    if (r->who.kind == PRINCIPAL_KEY)
        str_put(q.client.key_id, sizeof q.client.key_id, r->who.credential_id);
    memcpy(q.client.request_id, r->id, sizeof q.client.request_id);
    struct http_exchange *x = r->x;
    r->x = NULL;
    r->handed_over = x;
    r->is_noted = true;
    list_push_back(&r->api->handed_over, &r->stream_node);
    gateway_proxy(r->api->o.gateway, s, x, &q, on_proxied, r);
}
