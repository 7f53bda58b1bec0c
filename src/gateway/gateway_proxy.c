/*
 * The whole way of a /v1 request: hold until its turn, then the relay. Nothing was sent downstream before a
 * failure is handed back; after that, a failure is said in the answer, which then breaks off.
 */
#include "gateway/gateway_proxy.h"

#define PROXY_TRIES    3   /* calls for one request, when the engine dies before its header */
#define PROXY_RETRY_MS 300 /* before the next, unless the engine's end is noticed before */
#define PROXY_LOOK_MS  10  /* so often it is looked whether that is so */

static void hold(struct gateway_proxy *p);

/* ---- the end ---- */

static void free_proxy(struct gateway_proxy *p)
{
    loop_timer_stop(&p->retry);
    loop_timer_stop(&p->comment);
    relay_probe_forget(&p->probe);
    list_remove(&p->node);
    tally_drop(&p->tally);
    http_body_free(p->body);
    gateway_rewrite_release(&p->rewrite);
    http_headers_release(&p->headers);
    http_headers_release(&p->answer_headers);
    buf_release(&p->told);
    free(p);
}

/* Before the use of the server ends. code: static, or NULL. */
static void note(struct gateway_proxy *p, int status, const char *code, bool client_gone)
{
    struct gateway_record record = {.client = &p->client,
                                    .method = p->method,
                                    .route = p->route,
                                    .server_id = p->server_id,
                                    .model = p->model,
                                    .is_stream = p->is_stream,
                                    .status = status,
                                    .code = code,
                                    .client_gone = client_gone};
    tally_end(&p->tally, p->g, p->s ? p->s : gateway_server_by_id(p->g, p->server_id), &record);
}

/* The exchange is over. */
static void finish(struct gateway_proxy *p)
{
    p->fn(p->arg, NULL, NULL);
    free_proxy(p);
}

static void fail(struct gateway_proxy *p, const struct gateway_failure *failure)
{
    struct http_exchange *x = p->x;
    struct gateway_failure copy = *failure;
    const struct gateway_failure *f = &copy;
    /* Clients take 409 for "try again"; a failed engine will not come back by that. */
    if (copy.err == ERR_FAILED && !copy.status) {
        copy.status = 503;
        copy.is_permanent = true;
    }
    http_exchange_on_gone(x, NULL, NULL);
    http_exchange_on_drain(x, NULL, NULL);
    relay_probe_stop(&p->probe);
    note(p, p->status ? p->status : tally_status_of(p->g, f), f->message ? "engine_error" : f->code, false);
    if (!http_exchange_has_begun(x)) {
        p->fn(p->arg, x, f);
        free_proxy(p);
        return;
    }
    proxy_write_failure(p, f);
    http_exchange_abort(x);
    finish(p);
}

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    struct gateway_proxy *p = arg;
    gateway_hold_cancel(TAKE(p->hold));
    note(p, p->status, NULL, true);
    finish(p);
}

static const char *filler(void *arg)
{
    const struct gateway_proxy *p = arg;
    return p->is_stream ? ":\n" : " ";
}

/* Only while a hold or a wait for the next call is on; the relay has hooks of its own. */
static void watch_client(struct gateway_proxy *p)
{
    http_exchange_on_gone(p->x, on_gone, p);
    relay_probe_start(&p->probe, p->g->loop, p->x, filler, p);
}

/* ---- the call ---- */

static bool on_relay_headers(void *arg, int status, const struct http_fields *fields,
                             struct http_headers *add)
{
    (void)fields;
    struct gateway_proxy *p = arg;
    p->use.has_answered = true;
    if (p->s)
        server_note_answer(p->s);
    if (!p->status && (status < 400 || p->is_raw))
        p->status = status;
    /* It will not be sent again; a stream may stay open for hours. */
    http_body_free(TAKE(p->body));
    gateway_rewrite_release(&p->rewrite);
    http_headers_release(&p->headers);
    loop_timer_stop(&p->comment);
    if (p->is_stream && !p->is_raw)
        loop_timer_start(&p->comment, GATEWAY_HOLD_COMMENT_MS);
    proxy_add_headers(p, add);
    return true;
}

static void on_relay_body(void *arg, struct span data)
{
    struct gateway_proxy *p = arg;
    tally_body(&p->tally, data);
}

/* An engine's own error, for the client. */
static void fail_with_status(struct gateway_proxy *p, const struct relay_outcome *outcome)
{
    struct relay_error error;
    struct gateway_failure f = {.status = outcome->status, .retry_after_s = outcome->retry_after_s};
    AUTO(buf) struct buf *text = buf_new();
    struct span rest, path = span_cut(span_str(p->target), '?', &rest);
    relay_read_error(outcome->status, outcome->error_body, &error, text);
    f.err = outcome->status >= 500 ? ERR_PROTOCOL : ERR_INVALID;
    f.code = error.code[0] ? error.code : NULL;
    f.type = error.type;
    f.param = error.param[0] ? error.param : NULL;
    f.is_permanent = outcome->status == 501;
    if (relay_is_missing_route(outcome->status, path, &error)) {
        const struct server *s = gateway_server_by_id(p->g, p->server_id);
        AUTO(mem) char *said = buf_take_str(text);
        buf_addf(text, "The engine of %s does not serve %.*s. It said: %s", s ? s->row.name : p->model,
                 SPAN_ARG(path), said);
        f.code = "route_not_supported";
        f.is_permanent = true;
    }
    f.message = buf_str(text);
    (void)err_set(&f.why, f.err, "%s", f.message);
    fail(p, &f);
}

/*
 * The connection's end is known before the process's. Who asked again at once would be sent to the engine that has gone;
 * who waits longer than that finds others in its place when the engine is back.
 */
static void again(void *arg)
{
    struct gateway_proxy *p = arg;
    const struct server *s = gateway_server_by_id(p->g, p->server_id);
    if (s && engine_state(s->engine) == ENGINE_READY && clock_ms() < p->retry_at_ms)
        loop_timer_start(&p->retry, PROXY_LOOK_MS);
    else
        hold(p);
}

static void fail_or_retry(struct gateway_proxy *p, const struct relay_outcome *outcome)
{
    bool died = outcome->err == ERR_CLOSED || outcome->err == ERR_REFUSED;
    watch_client(p);
    if (died && p->n_calls < PROXY_TRIES) {
        p->retry_at_ms = clock_ms() + PROXY_RETRY_MS;
        again(p);
        return;
    }
    struct gateway_failure f;
    gateway_failure_set(&f, outcome->err, relay_failure_code(outcome->err),
                        gateway_server_by_id(p->g, p->server_id), "%s",
                        outcome->err == ERR_CLOSED ? "The engine ended before it answered"
                                                   : relay_failure_text(outcome->err));
    fail(p, &f);
}

static void on_relay_done(void *arg, const struct relay_outcome *outcome)
{
    struct gateway_proxy *p = arg;
    struct server *s = p->s;
    bool has_failed = outcome->err && !outcome->client_gone;
    p->relay = NULL;
    if (has_failed)
        log_warn("gateway: request %s for %s failed: %s", p->client.request_id, p->server_id,
                 outcome->why->text);
    if (outcome->answered)
        note(p, p->status, has_failed ? relay_failure_code(outcome->err) : NULL, outcome->client_gone);
    if (s && has_failed && outcome->err == ERR_TIMEOUT)
        server_note_silence(s);
    if (s)
        server_use_end(s, &p->use);
    p->s = NULL;
    if (outcome->answered)
        finish(p);
    else if (outcome->err)
        fail_or_retry(p, outcome);
    else
        fail_with_status(p, outcome);
}

static int64_t or_default(int seconds, int64_t default_ms)
{
    return seconds ? seconds * INT64_C(1000) : default_ms;
}

static void call_engine(struct gateway_proxy *p)
{
    static const struct relay_events events = {
        .on_headers = on_relay_headers, .on_body = on_relay_body, .on_done = on_relay_done};
    struct http_call_options options = {
        .method = p->method,
        .target = p->target,
        .headers = &p->headers,
        .connect_timeout_ms = GATEWAY_CONNECT_TIMEOUT_MS,
        .header_timeout_ms = or_default(p->s->settings.answer_s, GATEWAY_HEADER_TIMEOUT_MS),
        .idle_timeout_ms = or_default(p->s->settings.silence_s, GATEWAY_IDLE_TIMEOUT_MS),
        .fresh = p->n_calls > 0};
    struct relay_options relay = {.shape = p->shape, .is_raw = p->is_raw, .is_json = p->is_json};
    size_t n_parts = gateway_rewrite_n_parts(&p->rewrite);
    if (p->body && (n_parts || !http_body_in_memory(p->body, &options.body)))
        options.source = http_source_new(p->body, n_parts ? gateway_rewrite_parts(&p->rewrite) : NULL,
                                         n_parts);
    p->n_calls++;
    relay_probe_stop(&p->probe);
    tally_turn(&p->tally);
    struct server *s = p->s;
    if (p->is_aside)
        p->s = NULL;
    else
        server_use_begin(s, &p->use);
    p->relay = relay_pump(p->g->loop, p->g->client, engine_endpoint(s->engine), &options, &relay, p->x,
                          &events, p);
    if (p->is_stream && !http_exchange_has_begun(p->x))
        loop_timer_start(&p->comment, GATEWAY_BUSY_GRACE_MS);
}

static void on_held(void *arg, struct server *s, const struct gateway_failure *f)
{
    (void)s;
    struct gateway_proxy *p = arg;
    p->hold = NULL;
    if (f)
        fail(p, f);
    else
        call_engine(p);
}

static void hold(struct gateway_proxy *p)
{
    p->s = gateway_server_by_id(p->g, p->server_id);
    if (!p->s) {
        struct gateway_failure f;
        gateway_failure_set(&f, ERR_NOT_FOUND, "server_not_found", NULL, "The server was removed");
        fail(p, &f);
        return;
    }
    p->hold = p->is_aside ? gateway_wait_ready(p->g, p->s, false, on_held, p)
                          : server_wait_turn(p->s, &p->client, p->n_calls > 0, on_held, p);
    if (p->is_stream && !loop_timer_is_armed(&p->comment))
        loop_timer_start(&p->comment, GATEWAY_HOLD_GRACE_MS);
}

/* ---- the begin ---- */

/* What the server's rule changes of the body. One in memory is written anew at once. */
static void rewrite(struct gateway_proxy *p, const struct gateway_scan *scan)
{
    struct span bytes;
    const char *rule = p->s->settings.rewrite_json;
    if (!rule || !scan || !gateway_rewrite_plan(rule, scan, http_body_size(p->body), &p->rewrite))
        return;
    if (!http_body_in_memory(p->body, &bytes))
        return;
    AUTO(buf) struct buf *text = buf_new();
    gateway_rewrite_apply(&p->rewrite, bytes, text);
    gateway_rewrite_release(&p->rewrite);
    http_body_free(p->body);
    p->body = http_body_new(NULL);
    (void)!http_body_add(p->body, buf_span(text), NULL, NULL); /* without a file it is done at once */
}

static void take_headers(struct gateway_proxy *p, const struct gateway_proxy_request *request)
{
    p->headers = request->headers;
    p->answer_headers = request->answer_headers;
    if (p->client.request_id[0])
        http_headers_add(&p->headers, "X-Request-Id", span_str(p->client.request_id));
}

/* With its texts behind it. */
static struct gateway_proxy *proxy_new(const char *target, const char *model)
{
    size_t target_size = strlen(target) + 1, model_size = strlen(model) + 1;
    struct gateway_proxy *p = xcalloc(1, sizeof *p + target_size + model_size);
    p->target = memcpy(p + 1, target, target_size);
    p->model = memcpy(p->target + target_size, model, model_size);
    return p;
}

void gateway_proxy(struct gateway *g, struct server *s, struct http_exchange *x,
                   const struct gateway_proxy_request *request, gateway_proxy_fn fn, void *arg)
{
    struct gateway_proxy *p = proxy_new(request->target, request->model);
    p->g = g;
    p->s = s;
    memcpy(p->server_id, s->row.id, sizeof p->server_id);
    p->x = x;
    p->method = http_method_text(http_exchange_method(x));
    p->route = request->route;
    p->body = request->body;
    p->is_stream = request->is_stream;
    p->is_json = request->is_json && !request->is_stream;
    p->is_raw = request->is_raw;
    p->is_aside = request->is_aside;
    p->shape = request->shape;
    p->fn = fn;
    p->arg = arg;
    p->client = request->client;
    tally_begin(&p->tally, p->body ? http_body_size(p->body) : 0);
    take_headers(p, request);
    if (p->body)
        rewrite(p, request->scan);
    list_init(&p->node);
    list_init(&p->use.node);
    list_push_back(&g->proxies, &p->node);
    loop_timer_init(&p->retry, g->loop, again, p);
    loop_timer_init(&p->comment, g->loop, proxy_on_comment_due, p);
    if (p->is_json)
        loop_timer_start(&p->comment, or_default(s->settings.early_header_s, GATEWAY_BLANK_AFTER_MS));
    if (p->is_aside ? engine_state(s->engine) == ENGINE_READY : server_is_free(s)) {
        call_engine(p);
        return;
    }
    watch_client(p);
    hold(p);
}

void gateway_cancel_proxies(struct gateway *g)
{
    LIST_EACH(p, &g->proxies, struct gateway_proxy, node) {
        gateway_hold_cancel(p->hold);
        if (p->relay) {
            relay_cancel(p->relay);
            if (p->s)
                server_use_end(p->s, &p->use);
        }
        free_proxy(p);
    }
}
