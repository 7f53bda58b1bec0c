/*
 * What clients of OpenAI and Anthropic use: lists of models, and requests that are carried to the engine which the body's
 * `model` names. And /upstream, an engine's own interface.
 */
#include "api/api_limits.h"
#include "api/api_pass.h"

/* ---- requests with a model ---- */

static void pass_model(struct api_req *r, struct api_passed *passed)
{
    const struct gateway_scan *scan = &passed->scan;
    struct err_text why = {0};
    if (!scan->has_model) {
        api_reply_err(r, err_set(&why, ERR_INVALID, "\"model\" is required"), &why);
        return;
    }
    struct span query = http_exchange_query(r->x);
    const char *path = r->route->pattern;
    AUTO(mem) char *with_query = query.len ? xasprintf("%s?%.*s", path, SPAN_ARG(query)) : NULL;
    struct gateway_proxy_request q = {.target = with_query ? with_query : path,
                                      .is_stream = scan->stream == GATEWAY_STREAM_ON,
                                      .is_json = !span_starts(span_str(path), "/v1/audio/")};
    api_pass_on(r, buf_str(&scan->model), &q, passed);
}

static void take_json(struct api_req *r)
{
    api_body_read(r, API_BODY_JSON, pass_model);
}

static void take_form(struct api_req *r)
{
    api_body_read(r, API_BODY_PARTS, pass_model);
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
    struct api_passed passed = {.body = http_body_new(NULL)};
    gateway_scan_init(&passed.scan);
    e = gateway_scan_feed(&passed.scan, buf_span(body), &why);
    if (e) {
        api_reply_err(r, e, &why);
    } else {
        (void)!http_body_add(passed.body, buf_span(body), NULL, NULL); /* without a file it is done at once */
        struct gateway_proxy_request q = {.target = "/v1/chat/completions",
                                          .is_stream = passed.scan.stream == GATEWAY_STREAM_ON,
                                          .is_json = true};
        AUTO(mem) char *model = xstrdup(name);
        yyjson_doc *doc = TAKE(r->doc);
        r->json = NULL;
        api_pass_on(r, model, &q, &passed);
        yyjson_doc_free(doc);
    }
    http_body_free(passed.body);
    gateway_scan_release(&passed.scan);
}

/* ---- models ---- */

/* name: the server's, or an alias. */
static void write_model(struct json_writer *w, enum relay_shape shape, const struct server *s,
                        const char *name)
{
    const struct server_row *row = server_config(s);
    jw_begin_obj(w);
    jwf_str(w, "id", name);
    if (shape == RELAY_ANTHROPIC) {
        char date[32];
        time_t seconds = (time_t)(row->created_at / 1000);
        struct tm tm;
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
        jwf_str(w, "type", "model");
        jwf_str(w, "display_name", name);
        jwf_str(w, "created_at", date);
    } else {
        jwf_str(w, "object", "model");
        jwf_int(w, "created", row->created_at / 1000);
        jwf_str(w, "owned_by", "hob");
    }
    jw_end_obj(w);
}

/* Whose names the key may know, in the order in which they are found. */
static void write_models(struct json_writer *w, const struct api_req *r, const struct strv *names,
                         const char **out_first, const char **out_last)
{
    jw_key(w, "data");
    jw_begin_arr(w);
    for (size_t i = 0; i < names->n; i++) {
        const struct server *s = gateway_server_find(r->api->o.gateway, names->v[i]);
        if (!s || !api_may_use_server(r, s))
            continue;
        write_model(w, api_shape(r), s, names->v[i]);
        *out_first = *out_first ? *out_first : names->v[i];
        *out_last = names->v[i];
    }
    jw_end_arr(w);
}

static void list_models(struct api_req *r)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    struct strv names = {0};
    const char *first = NULL, *last = NULL;
    gateway_list_names(r->api->o.gateway, &names);
    jw_init(&w, out);
    jw_begin_obj(&w);
    if (api_shape(r) == RELAY_OPENAI)
        jwf_str(&w, "object", "list");
    write_models(&w, r, &names, &first, &last);
    if (api_shape(r) == RELAY_ANTHROPIC) {
        jwf_bool(&w, "has_more", false);
        jwf_str(&w, "first_id", first);
        jwf_str(&w, "last_id", last);
    }
    jw_end_obj(&w);
    strv_release(&names);
    api_reply_json(r, 200, buf_span(out));
}

/* The name may have slashes in it, escaped or not. */
static void get_model(struct api_req *r)
{
    AUTO(buf) struct buf *name = buf_new();
    AUTO(buf) struct buf *out = buf_new();
    struct err_text why = {0};
    struct json_writer w;
    if (!percent_decode(span_str(r->param), name)) {
        api_reply_err(r, err_set(&why, ERR_INVALID, "The model's name is badly escaped."), &why);
        return;
    }
    struct server *s = gateway_server_find(r->api->o.gateway, buf_str(name));
    if (!s) {
        api_refuse_unknown_model(r, buf_str(name));
        return;
    }
    if (api_refuse_server(r, s))
        return;
    jw_init(&w, out);
    write_model(&w, api_shape(r), s, buf_str(name));
    api_reply_json(r, 200, buf_span(out));
}

/* ---- an engine's own interface ---- */

static void pass_upstream(struct api_req *r, struct api_passed *passed)
{
    AUTO(buf) struct buf *name = buf_new();
    struct err_text why = {0};
    struct span path, query = http_exchange_query(r->x);
    enum http_method method = http_exchange_method(r->x);
    if (!percent_decode(span_cut(span_str(r->param), '/', &path), name)) {
        api_reply_err(r, err_set(&why, ERR_INVALID, "The server's name is badly escaped."), &why);
        return;
    }
    AUTO(mem) char *target = xasprintf("/%.*s%s%.*s", SPAN_ARG(path), query.len ? "?" : "", SPAN_ARG(query));
    struct gateway_proxy_request q = {
        .target = target, .is_raw = true, .is_aside = method == HTTP_GET_ || method == HTTP_HEAD_};
    api_pass_on(r, buf_str(name), &q, passed);
}

/* Links of an engine's page are relative to what stands behind its name. */
static void redirect_upstream(struct api_req *r)
{
    struct http_headers h = {0};
    struct err_text why = {0};
    struct span query = http_exchange_query(r->x);
    if (!r->param[0] || strchr(r->param, '/')) {
        api_reply_err(r, err_set(&why, ERR_NOT_FOUND, "A server's name is expected behind /upstream/."),
                      &why);
        return;
    }
    http_headers_addf(&h, "Location", "/upstream/%s/%s%.*s", r->param, query.len ? "?" : "", SPAN_ARG(query));
    api_reply_bytes(r, 308, &h, span_of(NULL, 0));
    http_headers_release(&h);
}

static void upstream(struct api_req *r)
{
    if (http_exchange_content_length(r->x) == 0)
        pass_upstream(r, NULL);
    else
        api_body_read(r, API_BODY_ANY, pass_upstream);
}

static const struct api_route openai_table[] = {
    ROUTE(GET, "/v1/models", API_KEY, API_NO_BODY, 0, list_models),
    ROUTE(GET, "/v1/models/{model}", API_KEY, API_NO_BODY, 0, get_model),
    ROUTE(POST, "/v1/chat/completions", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/completions", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/responses", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/embeddings", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/rerank", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/audio/transcriptions", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_form),
    ROUTE(POST, "/v1/audio/speech", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/images/generations", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/messages", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(POST, "/v1/messages/count_tokens", API_KEY, API_PASSED, API_MAX_PASSED_BYTES, take_json),
    ROUTE(GET, "/upstream/{server}/{path}", API_KEY, API_ANY, API_MAX_PASSED_BYTES, upstream),
    ROUTE(POST, "/upstream/{server}/{path}", API_KEY, API_ANY, API_MAX_PASSED_BYTES, upstream),
    ROUTE(PUT, "/upstream/{server}/{path}", API_KEY, API_ANY, API_MAX_PASSED_BYTES, upstream),
    ROUTE(PATCH, "/upstream/{server}/{path}", API_KEY, API_ANY, API_MAX_PASSED_BYTES, upstream),
    ROUTE(DELETE, "/upstream/{server}/{path}", API_KEY, API_ANY, API_MAX_PASSED_BYTES, upstream),
    ROUTE(GET, "/upstream/{server}", API_KEY, API_NO_BODY, 0, redirect_upstream),
};
API_ROUTES(api_openai_routes, openai_table);
