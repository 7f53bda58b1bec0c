/* Router: guards, finds the route, checks its policy, reads the body within its limit, calls the handler. */
#include "api/api.h"

#include "api/api_guard.h"
#include "api/api_limits.h"
#include "api/api_req.h"

/* The one that is asked for by the thousand comes first. */
static const struct api_routes *const tables[] = {
    &api_openai_routes,   &api_session_routes,     &api_users_routes,    &api_keys_routes,
    &api_servers_routes,  &api_config_routes,      &api_models_routes,   &api_conversations_routes,
    &api_messages_routes, &api_attachments_routes, &api_chat_routes,     &api_generations_routes,
    &api_events_routes,   &api_health_routes,      &api_search_routes,   &api_folders_routes,
    &api_export_routes,   &api_import_routes,      &api_activity_routes, &api_metrics_routes,
    &api_memory_routes,
};

static void on_revoked(void *arg, const char *user_id)
{
    struct api *a = arg;
    LIST_EACH(r, &a->handed_over, struct api_req, stream_node) {
        /* The gateway hears that its client has gone, and ends r. */
        if (strcmp(r->who.user_id, user_id) == 0 && !auth_is_valid(a->o.auth, &r->who))
            http_exchange_drop(r->handed_over);
    }
    LIST_EACH(r, &a->streams, struct api_req, stream_node) {
        if (strcmp(r->who.user_id, user_id) == 0 && !auth_is_valid(a->o.auth, &r->who)) {
            struct http_exchange *x = r->x;
            r->x = NULL;
            if (x) {
                http_exchange_on_gone(x, NULL, NULL);
                http_exchange_abort(x);
            }
            r->on_gone(r);
        }
    }
}

struct api *api_new(const struct api_options *o)
{
    struct api *a = xcalloc(1, sizeof *a);
    a->o = *o;
    a->started_at = clock_wall_ms();
    list_init(&a->streams);
    list_init(&a->handed_over);
    auth_on_revoked(o->auth, on_revoked, a);
    return a;
}

void api_close(struct api *a)
{
    a->is_closed = true;
    LIST_EACH(r, &a->streams, struct api_req, stream_node) {
        struct http_exchange *x = r->x;
        r->x = NULL;
        if (x) {
            http_exchange_on_gone(x, NULL, NULL);
            (r->is_download ? http_exchange_abort : http_exchange_end)(x);
        }
        r->on_gone(r);
    }
}

void api_free(struct api *a)
{
    free(a);
}

void api_set_server(struct api *a, const struct http_server *server)
{
    a->server = server;
}

void api_set_draining(struct api *a)
{
    a->draining = true;
}

bool api_query(const struct api_req *r, const char *name, struct buf *out)
{
    return r->x && query_get(http_exchange_query(r->x), name, out);
}

/* A parameter that is no {id} stands at path[at]. Takes one segment, or at the pattern's end all that is left. */
static bool take_segment(struct span path, const char *pattern_rest, size_t *io_at)
{
    size_t end = *io_at;
    while (end < path.len && !(*pattern_rest && path.p[end] == '/'))
        end++;
    bool is_taken = !*pattern_rest || end > *io_at;
    *io_at = end;
    return is_taken;
}

/* Does path fit pattern? Its parameters are given to *out_param (api_req.param). */
static bool path_fits(struct span path, const char *pattern, struct span *out_param)
{
    size_t at = 0;
    bool has_param = false;
    *out_param = span_of(NULL, 0);
    for (const char *want = pattern; *want; want++) {
        if (*want == '{' && strncmp(want, "{id}", 4) != 0) {
            if (!has_param)
                *out_param = span_of(path.p + at, path.len - at);
            has_param = true;
            want = strchr(want, '}');
            if (!take_segment(path, want + 1, &at))
                return false;
        } else if (*want == '{') {
            if (path.len - at < UUID_LEN || !uuid_is_valid(span_of(path.p + at, UUID_LEN)))
                return false;
            *out_param = span_of(path.p + at, UUID_LEN);
            at += UUID_LEN;
            want += sizeof "{id}" - 2; /* to its brace */
        } else if (at == path.len || path.p[at++] != *want) {
            return false;
        }
    }
    return at == path.len;
}

static bool method_fits(const struct api_route *route, enum http_method method)
{
    bool may_be_head = route->body == API_NO_BODY || route->body == API_ANY;
    return route->method == method || (method == HTTP_HEAD_ && route->method == HTTP_GET_ && may_be_head);
}

/* *out_any: some route has the path, whatever its method. */
static const struct api_route *find_route(struct span path, enum http_method method, struct span *out_param,
                                          bool *out_any)
{
    *out_any = false;
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct api_route *route = &tables[t]->v[i];
            if (!path_fits(path, route->pattern, out_param))
                continue;
            *out_any = true;
            if (method_fits(route, method))
                return route;
        }
    }
    return NULL;
}

static bool is_unsafe(enum http_method m)
{
    return m != HTTP_GET_ && m != HTTP_HEAD_ && m != HTTP_OPTIONS_;
}

/* Who may come at all: known Host, and for changes the same origin. True: answered. */
static bool is_refused(struct api_req *r)
{
    const struct http_fields *f = http_exchange_fields(r->x);
    struct span host = http_fields_get(f, HTTP_FIELD_HOST);
    if (http_exchange_is_unix(r->x))
        return false;
    if (!api_host_is_allowed(host, r->api->o.listen_address, r->api->o.allowed_hosts)) {
        api_reply_error(
            r, &(struct api_error){.err = ERR_INVALID,
                                   .status = 421,
                                   .code = "unknown_host",
                                   .message = "hob does not know this host name. Add it to allowed_hosts "
                                              "in the config file."});
        return true;
    }
    if (is_unsafe(http_exchange_method(r->x)) &&
        !api_origin_is_allowed(http_fields_get(f, HTTP_FIELD_SEC_FETCH_SITE),
                               http_fields_get(f, HTTP_FIELD_ORIGIN), host)) {
        api_reply_error(r, &(struct api_error){.err = ERR_DENIED,
                                               .code = "cross_origin",
                                               .message = "Requests from other sites are refused."});
        return true;
    }
    return false;
}

/* ERR_OK, or why the principal may not use the route. */
static enum err check_policy(const struct api_req *r, struct err_text *why)
{
    enum principal_kind kind = r->who.kind;
    switch (r->route->policy) {
    case API_PUBLIC: return ERR_OK;
    case API_USER:
        return kind == PRINCIPAL_NOBODY ? err_set(why, ERR_UNAUTHENTICATED, "Sign in first.") : ERR_OK;
    case API_ADMIN:
        if (kind == PRINCIPAL_NOBODY)
            return err_set(why, ERR_UNAUTHENTICATED, "Sign in first.");
        if (kind == PRINCIPAL_KEY)
            return err_set(why, ERR_DENIED, "API keys may not do this. Sign in as an admin.");
        return r->who.is_admin ? ERR_OK : err_set(why, ERR_DENIED, "Only an admin may do this.");
    case API_ADMIN_OR_KEY:
        if (kind == PRINCIPAL_NOBODY)
            return err_set(why, ERR_UNAUTHENTICATED, "Sign in as an admin, or send an admin's API key.");
        return r->who.is_admin ? ERR_OK : err_set(why, ERR_DENIED, "Only an admin may do this.");
    case API_KEY:
        if (kind == PRINCIPAL_KEY || kind == PRINCIPAL_LOCAL)
            return ERR_OK;
        return err_set(
            why, ERR_UNAUTHENTICATED,
            "An API key is needed: send \"Authorization: Bearer hob_...\". Make one with `hob key add NAME`.");
    }
    return ERR_DENIED;
}

static bool is_json_type(struct span type)
{
    struct span rest;
    return span_is_ci(span_trim(span_cut(type, ';', &rest)), "application/json");
}

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    struct api_req *r = arg;
    r->x = NULL;
    if (r->on_gone)
        r->on_gone(r);
}

bool api_still_may(struct api_req *r)
{
    if (r->route->policy == API_PUBLIC || auth_is_valid(r->api->o.auth, &r->who))
        return true;
    api_reply_error(r, &(struct api_error){.err = ERR_UNAUTHENTICATED, .code = "not_signed_in"});
    return false;
}

/* While the body is read nothing else holds the request. */
static void on_gone_early(struct http_exchange *x, void *arg)
{
    (void)x;
    struct api_req *r = arg;
    r->x = NULL;
    api_req_free(r);
}

static void on_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    struct api_req *r = arg;
    struct err_text why = {0};
    if (e) {
        api_reply_error(
            r, &(struct api_error){.err = e, .message = e == ERR_TOO_BIG ? "The body is too big." : NULL});
        return;
    }
    /* A body may take its time. */
    if (!api_still_may(r))
        return;
    if (r->route->body == API_JSON) {
        e = json_parse_object(body, &r->doc, &r->json, &why);
        if (e) {
            api_reply_err(r, e, &why);
            return;
        }
    }
    if (r->route->body == API_RAW)
        buf_add_span(&r->body, body);
    http_exchange_on_gone(x, on_gone, r);
    r->given = body;
    r->route->handler(r); /* may end r */
}

/* True: a body of JSON is wanted and this one says that it is another; answered. */
static bool is_refused_type(struct api_req *r)
{
    enum api_body body = r->route->body;
    if ((body != API_JSON && body != API_JSON_STREAM) ||
        is_json_type(http_fields_get(http_exchange_fields(r->x), HTTP_FIELD_CONTENT_TYPE)))
        return false;
    api_reply_error(r, &(struct api_error){.err = ERR_INVALID,
                                           .status = 415,
                                           .message = "Content-Type must be application/json."});
    return true;
}

static void read_body_or_run(struct api_req *r)
{
    if (is_refused_type(r))
        return;
    switch (r->route->body) {
    case API_NO_BODY:
    case API_STREAM:
    case API_JSON_STREAM:
    case API_PASSED:
    case API_ANY:
        http_exchange_on_gone(r->x, on_gone, r);
        r->route->handler(r);
        return;
    case API_JSON:
    case API_RAW: break;
    }
    if (http_exchange_content_length(r->x) > (int64_t)r->route->max_body_bytes) {
        api_reply_error(r, &(struct api_error){.err = ERR_TOO_BIG, .message = "The body is too big."});
        return;
    }
    http_exchange_on_gone(r->x, on_gone_early, r);
    http_exchange_read_body(r->x, r->route->max_body_bytes, on_body, r);
}

static bool has_too_many_streams(const struct api_req *r)
{
    const char *peer = http_exchange_peer(r->x);
    size_t n = 0;
    if (http_exchange_is_unix(r->x) || strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0)
        return false;
    LIST_EACH(other, &r->api->streams, struct api_req, stream_node)
        n += other->x && strcmp(http_exchange_peer(other->x), peer) == 0;
    return n >= API_MAX_STREAMS_PER_ADDRESS;
}

bool api_refuse_stream(struct api_req *r)
{
    if (!has_too_many_streams(r))
        return false;
    api_reply_error(r, &(struct api_error){.err = ERR_LIMITED,
                                           .code = "too_many_streams",
                                           .message = "Too many open streams from this address.",
                                           .retry_after_s = 10});
    return true;
}

static void run_route(struct api_req *r)
{
    struct err_text why = {0};
    enum err e = auth_identify(r->api->o.auth, http_exchange_fields(r->x), http_exchange_is_unix(r->x),
                               &r->who, &why);
    if (!e || r->route->policy == API_PUBLIC)
        e = check_policy(r, &why);
    if (e) {
        const char *code = e != ERR_UNAUTHENTICATED      ? NULL
                           : r->route->policy == API_KEY ? "invalid_api_key"
                                                         : "not_signed_in";
        api_reply_error(r, &(struct api_error){.err = e, .message = why.text, .code = code});
        return;
    }
    if (api_limits_refuse(r) || (r->route->body == API_STREAM && api_refuse_stream(r)))
        return;
    read_body_or_run(r);
}

static bool is_interface_path(struct span path)
{
    return span_starts(path, "/api/") || span_starts(path, "/v1/") || span_starts(path, "/upstream/") ||
           span_is(path, "/upstream") || span_is(path, "/health") || span_is(path, "/ready") ||
           span_is(path, "/metrics");
}

/* A random id in hex. */
static void write_id(char out_id[17])
{
    uint64_t value = rand_u64();
    for (int i = 0; i < 16; i++, value >>= 4)
        out_id[i] = "0123456789abcdef"[value & 15];
    out_id[16] = '\0';
}

static struct api_req *req_new(struct api *a, struct http_exchange *x)
{
    struct api_req *r = xcalloc(1, sizeof *r);
    r->api = a;
    r->x = x;
    r->started_ms = clock_ms();
    list_init(&r->stream_node);
    write_id(r->id);
    http_exchange_on_gone(x, on_gone, r);
    return r;
}

void api_on_request(struct http_exchange *x, void *arg)
{
    struct api *a = arg;
    struct span path = http_exchange_path(x), param = {NULL, 0};
    struct api_req *r = req_new(a, x);
    if (is_refused(r))
        return;
    if (!is_interface_path(path)) {
        r->x = NULL;
        http_exchange_on_gone(x, NULL, NULL);
        api_req_free(r);
        a->o.serve_page(x);
        return;
    }
    bool any = false;
    r->route = find_route(path, http_exchange_method(x), &param, &any);
    if (!r->route) {
        api_reply_error(r, &(struct api_error){.err = ERR_NOT_FOUND,
                                               .status = any ? 405 : 404,
                                               .message = any ? "This address does not take this method."
                                                              : "There is no such address."});
        return;
    }
    if (param.p)
        r->param = span_dup(param);
    run_route(r);
}
