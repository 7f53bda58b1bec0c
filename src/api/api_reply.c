/* Answers. Errors become HTTP here and nowhere else, in OpenAI's shape. */
#include "api/api_limits.h"
#include "api/api_req.h"

static const struct {
    int status;
    const char *message;
} kinds[ERR_N] = {
    [ERR_OK] = {500, "Something went wrong inside hob."},
    [ERR_INVALID] = {400, "The request is not valid."},
    [ERR_UNAUTHENTICATED] = {401, "Sign in first."},
    [ERR_DENIED] = {403, "You may not do this."},
    [ERR_NOT_FOUND] = {404, "There is no such thing here."},
    [ERR_EXISTS] = {409, "That is already there."},
    [ERR_TOO_BIG] = {413, "That is too big."},
    [ERR_LIMITED] = {429, "Too many tries. Wait a little."},
    [ERR_BUSY] = {503, "hob is busy. Try again in a moment."},
    [ERR_LOADING] = {503, "The model is still loading."},
    [ERR_FAILED] = {409, "The server is not running."},
    [ERR_REFUSED] = {502, "The engine refuses connections."},
    [ERR_CLOSED] = {502, "The engine closed the connection."},
    [ERR_PROTOCOL] = {502, "The engine's answer is not valid HTTP."},
    [ERR_TIMEOUT] = {504, "The engine did not answer in time."},
    [ERR_CANCELLED] = {503, "The request was cancelled."},
    [ERR_NO_SPACE] = {507, "The disk is full. Free some space; nothing that was stored is lost."},
    [ERR_IO] = {500, "hob could not read or write its data."},
    [ERR_CORRUPT] = {500, "Stored data is damaged."},
    [ERR_UNSUPPORTED] = {501, "hob cannot do this."},
};

int api_status_of(enum err err)
{
    return kinds[err].status;
}

void api_req_free(struct api_req *r)
{
    api_limits_end(r);
    if (r->x) {
        http_exchange_on_gone(r->x, NULL, NULL);
        r->x = NULL;
    }
    list_remove(&r->stream_node);
    yyjson_doc_free(r->doc);
    buf_release(&r->body);
    free(r->param);
    free(r);
}

/* The page asks all the time; only what works or changes something has a line at info. */
static bool is_worth_a_line(const struct api_req *r)
{
    enum http_method method = http_exchange_method(r->x);
    return span_starts(http_exchange_path(r->x), "/v1/") ||
           (method != HTTP_GET_ && method != HTTP_HEAD_ && method != HTTP_OPTIONS_);
}

static void log_access(const struct api_req *r, int status, size_t n_bytes, const char *code)
{
    if (r->is_noted)
        return;
    struct span path = http_exchange_path(r->x);
    const char *method = http_method_text(http_exchange_method(r->x));
    int64_t took_ms = clock_ms() - r->started_ms;
    if (!r->api->o.activity || !is_worth_a_line(r)) {
        log_debug("%s %.*s %d %lld ms %s", method, SPAN_ARG(path), status, (long long)took_ms, r->id);
        return;
    }
    const char *user, *key;
    auth_names(r->api->o.auth, r->who.user_id, r->who.kind == PRINCIPAL_KEY ? r->who.credential_id : "",
               &user, &key);
    const struct activity_line line = {.method = method,
                                       .path = path,
                                       .status = status,
                                       .bytes_out = (int64_t)n_bytes,
                                       .total_ms = took_ms,
                                       .user = user,
                                       .key = key,
                                       .code = code,
                                       .request_id = r->id,
                                       .tokens_in = -1,
                                       .tokens_out = -1};
    activity_log_line(r->api->o.activity, &line);
}

/* A request to /v1 that never came to a server. */
static void note_refusal(const struct api_req *r, const struct api_error *e, int status)
{
    if (!r->x || r->is_noted || !r->api->o.activity || !span_starts(http_exchange_path(r->x), "/v1/"))
        return;
    struct gateway_client client = {0};
    AUTO(mem) char *route = r->route ? xstrdup(r->route->pattern) : span_dup(http_exchange_path(r->x));
    int64_t took_ms = clock_ms() - r->started_ms, length = http_exchange_content_length(r->x);
    (void)snprintf(client.user_id, sizeof client.user_id, "%s", r->who.user_id);
    if (r->who.kind == PRINCIPAL_KEY)
        (void)snprintf(client.key_id, sizeof client.key_id, "%s", r->who.credential_id);
    memcpy(client.request_id, r->id, sizeof client.request_id);
    const struct gateway_record record = {.client = &client,
                                          .route = route,
                                          .model = e->model,
                                          .status = status,
                                          .code = e->code,
                                          .started_at = clock_wall_ms() - took_ms,
                                          .first_ms = -1,
                                          .total_ms = took_ms,
                                          .tokens_in = -1,
                                          .tokens_out = -1,
                                          .tokens_per_s = -1,
                                          .bytes_in = length > 0 ? (uint64_t)length : 0};
    activity_note(r->api->o.activity, &record);
}

static void reply(struct api_req *r, int status, const struct http_headers *extra, struct span body,
                  const char *code)
{
    if (r->x) {
        struct http_headers h = {0};
        http_headers_add_all(&h, extra);
        http_headers_add(&h, "X-Request-Id", span_str(r->id));
        http_headers_add(&h, "X-Content-Type-Options", SPAN_LIT("nosniff"));
        if (!http_lines_have(buf_span(&h.bytes), SPAN_LIT("Cache-Control")))
            http_headers_add(&h, "Cache-Control", SPAN_LIT("no-store"));
        log_access(r, status, body.len, code);
        struct http_exchange *x = r->x;
        http_exchange_on_gone(x, NULL, NULL);
        r->x = NULL;
        http_exchange_reply(x, status, &h, body);
        http_headers_release(&h);
    }
    api_req_free(r);
}

void api_reply_bytes(struct api_req *r, int status, const struct http_headers *extra, struct span body)
{
    reply(r, status, extra, body, NULL);
}

void api_reply_json(struct api_req *r, int status, struct span json)
{
    struct http_headers h = {0};
    http_headers_add(&h, "Content-Type", SPAN_LIT("application/json"));
    api_reply_bytes(r, status, &h, json);
    http_headers_release(&h);
}

void api_write_list(struct json_writer *w, const char *name, size_t n, api_item_fn item, const void *from)
{
    jw_key(w, name);
    jw_begin_arr(w);
    for (size_t i = 0; i < n; i++)
        item(w, from, i);
    jw_end_arr(w);
}

void api_reply_list(struct api_req *r, const char *name, size_t n, api_item_fn item, const void *from)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    api_write_list(&w, name, n, item, from);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

void api_reply_empty(struct api_req *r, int status)
{
    api_reply_bytes(r, status, NULL, span_of(NULL, 0));
}

/* Messages about a field start with its name in quotes. */
static struct span field_of(const char *message)
{
    struct span rest, field = {NULL, 0};
    if (message[0] == '"') {
        field = span_cut(span_str(message + 1), '"', &rest);
        if (!rest.p)
            field = span_of(NULL, 0);
    }
    return field;
}

enum relay_shape api_shape(const struct api_req *r)
{
    struct span path = http_exchange_path(r->x);
    bool is_asked = span_starts(path, "/v1/models") &&
                    http_fields_count(http_exchange_fields(r->x), HTTP_FIELD_ANTHROPIC_VERSION) > 0;
    return is_asked || span_starts(path, "/v1/messages") ? RELAY_ANTHROPIC : RELAY_OPENAI;
}

static void write_anthropic_error(struct buf *out, const char *message, const char *code, int status,
                                  const char *request_id)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_str(&w, "type", "error");
    jw_key(&w, "error");
    jw_begin_obj(&w);
    jwf_str(&w, "type", relay_error_type(RELAY_ANTHROPIC, status));
    jwf_str(&w, "message", message);
    if (code)
        jwf_str(&w, "code", code);
    jw_end_obj(&w);
    jwf_str(&w, "request_id", request_id);
    jw_end_obj(&w);
}

static const char *message_of(const struct api_error *e)
{
    return e->message && e->message[0] ? e->message : kinds[e->err].message;
}

static void write_error(struct buf *out, const struct api_error *e, int status)
{
    const char *message = message_of(e);
    struct span field = e->param ? span_str(e->param) : status == 400 ? field_of(message) : span_of(NULL, 0);
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "error");
    jw_begin_obj(&w);
    jwf_str(&w, "message", message);
    jwf_str(&w, "type", e->type ? e->type : relay_error_type(RELAY_OPENAI, status));
    jw_key(&w, "param");
    if (field.len)
        jw_span(&w, field);
    else
        jw_null(&w);
    jwf_str(&w, "code", e->code);
    if (e->server) {
        jw_key(&w, "engine");
        gateway_write_engine_json(e->server, &w);
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
}

void api_reply_error(struct api_req *r, const struct api_error *e)
{
    int status = e->status ? e->status : kinds[e->err].status;
    int retry_after_s = e->retry_after_s;
    if (!retry_after_s && !e->no_retry && (status == 429 || status == 503))
        retry_after_s = e->err == ERR_LOADING ? 2 : 1;
    AUTO(buf) struct buf *body = buf_new();
    struct http_headers h = {0};
    if (r->x && api_shape(r) == RELAY_ANTHROPIC)
        write_anthropic_error(body, message_of(e), e->code, status, r->id);
    else
        write_error(body, e, status);
    http_headers_add(&h, "Content-Type", SPAN_LIT("application/json"));
    if (retry_after_s)
        http_headers_addf(&h, "Retry-After", "%d", retry_after_s);
    if (e->no_retry || status == 501)
        http_headers_add(&h, "x-should-retry", SPAN_LIT("false"));
    http_headers_add_all(&h, e->headers);
    if (status == 401 && r->route && r->route->policy == API_KEY)
        http_headers_add(&h, "WWW-Authenticate", SPAN_LIT("Bearer"));
    note_refusal(r, e, status);
    reply(r, status, &h, buf_span(body), e->code);
    http_headers_release(&h);
}

void api_reply_err(struct api_req *r, enum err err, const struct err_text *why)
{
    api_reply_error(r, &(struct api_error){.err = err, .message = why ? why->text : NULL});
}

static void on_stream_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    struct api_req *r = arg;
    r->x = NULL;
    if (r->on_gone)
        r->on_gone(r);
}

/* type: or NULL, it is among extra; length: or -1. */
static void stream_begin_as(struct api_req *r, const char *type, const struct http_headers *extra,
                            int64_t length)
{
    struct http_headers h = {0};
    if (type)
        http_headers_add(&h, "Content-Type", span_str(type));
    if (!extra || !http_lines_have(buf_span(&extra->bytes), SPAN_LIT("Cache-Control")))
        http_headers_add(&h, "Cache-Control", SPAN_LIT("no-store"));
    http_headers_add(&h, "X-Accel-Buffering", SPAN_LIT("no"));
    http_headers_add(&h, "X-Content-Type-Options", SPAN_LIT("nosniff"));
    http_headers_add(&h, "X-Request-Id", span_str(r->id));
    http_headers_add_all(&h, extra);
    log_access(r, 200, 0, NULL);
    http_exchange_on_gone(r->x, on_stream_gone, r);
    http_exchange_begin(r->x, 200, &h, length);
    http_headers_release(&h);
    /* What the request brought is not needed while it streams. */
    yyjson_doc_free(r->doc);
    r->doc = NULL;
    r->json = NULL;
    buf_release(&r->body);
    list_push_back(&r->api->streams, &r->stream_node);
}

void api_stream_begin(struct api_req *r, const struct http_headers *extra)
{
    stream_begin_as(r, "text/event-stream", extra, -1);
}

void api_download_begin(struct api_req *r, const char *type, const struct http_headers *extra)
{
    r->is_download = true;
    stream_begin_as(r, type, extra, -1);
}

void api_file_begin(struct api_req *r, const struct http_headers *headers, size_t size_bytes)
{
    r->is_download = true;
    stream_begin_as(r, NULL, headers, (int64_t)size_bytes);
}

void api_download_break(struct api_req *r)
{
    struct http_exchange *x = r->x;
    http_exchange_on_gone(x, NULL, NULL);
    r->x = NULL;
    http_exchange_abort(x);
    api_req_free(r);
}

void api_stream_end(struct api_req *r)
{
    if (r->x) {
        struct http_exchange *x = r->x;
        http_exchange_on_gone(x, NULL, NULL);
        r->x = NULL;
        http_exchange_end(x);
    }
    api_req_free(r);
}
