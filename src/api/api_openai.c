/* The OpenAI side: models and chat completions, carried to the engine that the body's `model` names. */
#include "api/api_limits.h"
#include "api/api_req.h"

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
    /* Clients take 409 for "try again"; a failed engine will not come back by that. */
    bool failed = f->err == ERR_FAILED;
    api_reply_error(r, &(struct api_error){.err = f->err,
                                           .status = failed ? 503 : f->status,
                                           .code = f->code,
                                           .message = f->why.text,
                                           .retry_after_s = f->retry_after_s,
                                           .server = f->server,
                                           .no_retry = failed});
}

static void reply_unknown_model(struct api_req *r, const char *model)
{
    const struct gateway *g = r->api->o.gateway;
    AUTO(buf) struct buf *text = buf_new();
    buf_addf(text, "There is no model called \"%.200s\" here.", model);
    for (size_t i = 0, n = 0; i < gateway_n_servers(g) && n < 10; i++) {
        const struct server *s = gateway_server_at(g, i);
        if (api_may_use_server(r, s))
            buf_addf(text, "%s%s", n++ ? ", " : " Models: ", server_config(s)->name);
    }
    api_reply_error(r, &(struct api_error){.err = ERR_NOT_FOUND,
                                           .code = "model_not_found",
                                           .model = model,
                                           .param = "model",
                                           .message = buf_str(text),
                                           .no_retry = true});
}

/* Finds the server and hands the exchange to the gateway; the body is what the client sent, byte for byte. */
static void pass_on(struct api_req *r, const char *name, struct span body)
{
    struct server *s = gateway_server_find(r->api->o.gateway, name);
    if (!s) {
        reply_unknown_model(r, name);
        return;
    }
    if (api_refuse_server(r, s))
        return;
    struct gateway_proxy_request q = {
        .path = "/v1/chat/completions",
        .body = body,
        .is_stream = yyjson_get_bool(yyjson_obj_get(r->json, "stream")),
        .route = r->route->pattern,
        .model = name,
    };
    (void)snprintf(q.client.user_id, sizeof q.client.user_id, "%s", r->who.user_id);
    if (r->who.kind == PRINCIPAL_KEY)
        (void)snprintf(q.client.key_id, sizeof q.client.key_id, "%s", r->who.credential_id);
    memcpy(q.client.request_id, r->id, sizeof q.client.request_id);
    struct http_exchange *x = r->x;
    r->x = NULL;
    r->handed_over = x;
    r->is_noted = true;
    list_push_back(&r->api->handed_over, &r->stream_node);
    gateway_proxy(r->api->o.gateway, s, x, &q, on_proxied, r);
    /* The gateway has its copy of the body. */
    yyjson_doc_free(r->doc);
    r->doc = NULL;
    r->json = NULL;
}

static void chat_completions(struct api_req *r)
{
    const char *model = NULL;
    struct err_text why = {0};
    enum err e = json_get_str(r->json, "model", true, &model, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        pass_on(r, model, r->given);
}

void api_openai_complete(struct api_req *r)
{
    const char *name = NULL;
    struct err_text why = {0};
    struct gateway_failure f = {0};
    enum err e = json_get_str(r->json, "server", false, &name, &why);
    if (!e && !name)
        e = json_get_str(r->json, "model", true, &name, &why);
    if (e) {
        api_reply_err(r, e, &why);
        return;
    }
    struct server *s = gateway_server_find(r->api->o.gateway, name);
    if (s && gateway_admit(r->api->o.gateway, s, false, &f)) {
        api_reply_error(r, &(struct api_error){.err = f.err,
                                               .code = f.code,
                                               .message = f.why.text,
                                               .retry_after_s = f.retry_after_s,
                                               .server = s});
        return;
    }
    AUTO(buf) struct buf *body = buf_new();
    struct json_writer w;
    jw_init(&w, body);
    jw_val(&w, r->json);
    pass_on(r, name, buf_span(body));
}

static void write_model(struct json_writer *w, const struct server *s)
{
    const struct server_row *row = server_config(s);
    jw_begin_obj(w);
    jwf_str(w, "id", row->name);
    jwf_str(w, "object", "model");
    jwf_int(w, "created", row->created_at / 1000);
    jwf_str(w, "owned_by", "hob");
    jw_end_obj(w);
}

static void list_models(struct api_req *r)
{
    const struct gateway *g = r->api->o.gateway;
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_str(&w, "object", "list");
    jw_key(&w, "data");
    jw_begin_arr(&w);
    for (size_t i = 0; i < gateway_n_servers(g); i++) {
        const struct server *s = gateway_server_at(g, i);
        if (api_may_use_server(r, s))
            write_model(&w, s);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static const struct api_route openai_table[] = {
    ROUTE(GET, "/v1/models", API_KEY, API_NO_BODY, 0, list_models),
    ROUTE(POST, "/v1/chat/completions", API_KEY, API_JSON, HTTP_MAX_BODY_BYTES, chat_completions),
};
API_ROUTES(api_openai_routes, openai_table);
