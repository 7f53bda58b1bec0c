/*
 * The whole way of a /v1 request: hold until its turn, then the relay. Nothing was sent downstream before a
 * failure is handed back; after that, a failure is an event and a broken end.
 */
#include "gateway/gateway_tally.h"

#define PROXY_TRIES      3   /* calls for one request, when the engine dies before its header */
#define PROXY_RETRY_MS   300 /* before the next: an engine's end is noticed meanwhile */
#define PROXY_CONNECT_MS GATEWAY_CONNECT_TIMEOUT_MS

struct gateway_proxy {
    struct gateway *g;
    struct server *s; /* valid while a hold or a use is there */
    char server_id[UUID_LEN + 1];
    struct http_exchange *x;
    char *path;
    char *method, *route, *model; /* for the record */
    struct gateway_client client;
    struct gateway_tally tally;
    struct buf body;
    bool is_stream;
    gateway_proxy_fn fn;
    void *arg;
    struct gateway_hold *hold;
    struct relay *relay;
    struct server_use use;
    int n_calls;
    struct loop_timer retry;   /* the next call */
    struct loop_timer comment; /* first the grace, then the comments */
    struct buf told;           /* the last comment */
    int64_t commented_ms;
    struct relay_probe probe; /* while no relay runs */
    struct list node;         /* in gateway.proxies */
};

static void hold(void *arg);

static void free_proxy(struct gateway_proxy *p)
{
    loop_timer_stop(&p->retry);
    loop_timer_stop(&p->comment);
    relay_probe_forget(&p->probe);
    list_remove(&p->node);
    buf_release(&p->body);
    buf_release(&p->told);
    free(p->path);
    free(p->method);
    free(p->route);
    free(p->model);
    tally_drop(&p->tally);
    free(p);
}

/* Before the use of the server ends. */
static void note(struct gateway_proxy *p, int status, const char *code, bool is_gone)
{
    struct gateway_record record = {.client = &p->client,
                                    .method = p->method,
                                    .route = p->route,
                                    .server_id = p->server_id,
                                    .model = p->model,
                                    .is_stream = p->is_stream,
                                    .status = status,
                                    .code = code,
                                    .client_gone = is_gone};
    tally_end(&p->tally, p->g, p->s ? p->s : gateway_server_by_id(p->g, p->server_id), &record);
}

/* The exchange is over. */
static void finish(struct gateway_proxy *p)
{
    p->fn(p->arg, NULL, NULL);
    free_proxy(p);
}

static void fail(struct gateway_proxy *p, const struct gateway_failure *f)
{
    struct http_exchange *x = p->x;
    http_exchange_on_gone(x, NULL, NULL);
    http_exchange_on_drain(x, NULL, NULL);
    relay_probe_stop(&p->probe);
    note(p, http_exchange_has_begun(x) ? 200 : tally_status_of(f), f->code, false);
    if (!http_exchange_has_begun(x)) {
        p->fn(p->arg, x, f);
        free_proxy(p);
        return;
    }
    AUTO(buf) struct buf *b = buf_new();
    relay_add_error_event(b, f->why.text, "server_error", f->code);
    http_exchange_write(x, buf_span(b));
    http_exchange_abort(x);
    finish(p);
}

static void on_gone(struct http_exchange *x, void *arg)
{
    struct gateway_proxy *p = arg;
    gateway_hold_cancel(TAKE(p->hold));
    note(p, http_exchange_has_begun(x) ? 200 : 0, NULL, true);
    finish(p);
}

static bool may_comment(void *arg)
{
    (void)arg;
    return true;
}

/* Only while a hold or a wait for the next call is on; the relay has hooks of its own. */
static void watch_client(struct gateway_proxy *p)
{
    http_exchange_on_gone(p->x, on_gone, p);
    relay_probe_start(&p->probe, p->g->loop, p->x, may_comment, p);
}

/* ---- comments ---- */

static void begin_stream(struct gateway_proxy *p)
{
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", SPAN_LIT("text/event-stream"));
    http_headers_add(&headers, "Cache-Control", SPAN_LIT("no-cache"));
    http_headers_add(&headers, "X-Accel-Buffering", SPAN_LIT("no"));
    http_headers_add(&headers, "X-Request-Id", span_str(p->client.request_id));
    http_exchange_begin(p->x, 200, &headers, -1);
    http_headers_release(&headers);
}

static void describe(const struct gateway_proxy *p, struct buf *out)
{
    if (p->hold)
        gateway_hold_describe(p->hold, out);
    else if (p->relay)
        server_use_describe(p->s, &p->use, out);
    else
        buf_add_str(out, "waiting for the engine");
}

/* What it waits for, when that has changed, and every few seconds. */
static void on_comment_due(void *arg)
{
    struct gateway_proxy *p = arg;
    AUTO(buf) struct buf *text = buf_new();
    describe(p, text);
    if (!http_exchange_has_begun(p->x))
        begin_stream(p);
    bool is_news = !span_eq(buf_span(text), buf_span(&p->told));
    if (is_news || clock_ms() - p->commented_ms >= GATEWAY_HOLD_COMMENT_MS) {
        buf_clear(&p->told);
        buf_add_span(&p->told, buf_span(text));
        p->commented_ms = clock_ms();
        AUTO(buf) struct buf *line = buf_new();
        buf_addf(line, ": %s\n\n", buf_str(text));
        http_exchange_write(p->x, buf_span(line));
    }
    loop_timer_start(&p->comment, 1000);
}

/* ---- the call ---- */

static bool on_relay_headers(void *arg, int status, const struct http_headers *headers)
{
    (void)status;
    (void)headers;
    struct gateway_proxy *p = arg;
    p->use.has_answered = true;
    buf_release(&p->body); /* it will not be sent again; a stream may stay open for hours */
    loop_timer_stop(&p->comment);
    return true;
}

static void on_relay_body(void *arg, struct span data)
{
    struct gateway_proxy *p = arg;
    tally_body(&p->tally, data);
}

static void on_relay_done(void *arg, const struct relay_outcome *outcome)
{
    struct gateway_proxy *p = arg;
    p->relay = NULL;
    struct server *s = p->s;
    bool has_failed = outcome->err && !outcome->client_gone;
    if (outcome->answered)
        note(p, outcome->status, has_failed ? relay_failure_code(outcome->err) : NULL, outcome->client_gone);
    server_use_end(s, &p->use);
    p->s = NULL;
    if (has_failed)
        log_warn("gateway: a request for %s failed: %s", p->server_id, outcome->why.text);
    if (outcome->answered) {
        finish(p);
        return;
    }
    bool died = outcome->err == ERR_CLOSED || outcome->err == ERR_REFUSED;
    watch_client(p);
    if (died && p->n_calls < PROXY_TRIES) {
        loop_timer_start(&p->retry, PROXY_RETRY_MS);
        return;
    }
    struct gateway_failure f;
    gateway_failure_set(&f, outcome->err, relay_failure_code(outcome->err),
                        gateway_server_by_id(p->g, p->server_id), "%s",
                        outcome->err == ERR_CLOSED ? "The engine ended before it answered"
                                                   : relay_failure_text(outcome->err));
    fail(p, &f);
}

static void call_engine(struct gateway_proxy *p)
{
    static const struct relay_events events = {
        .on_headers = on_relay_headers, .on_body = on_relay_body, .on_done = on_relay_done};
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", SPAN_LIT("application/json"));
    struct http_call_options options = {.method = "POST",
                                        .target = p->path,
                                        .headers = &headers,
                                        .body = buf_span(&p->body),
                                        .connect_timeout_ms = PROXY_CONNECT_MS,
                                        .fresh = p->n_calls > 0};
    p->n_calls++;
    relay_probe_stop(&p->probe);
    tally_turn(&p->tally);
    server_use_begin(p->s, &p->use);
    p->relay = relay_pump(p->g->loop, p->g->client, engine_endpoint(p->s->engine), &options, p->x,
                          p->client.request_id, &events, p);
    http_headers_release(&headers);
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

static void hold(void *arg)
{
    struct gateway_proxy *p = arg;
    p->s = gateway_server_by_id(p->g, p->server_id);
    if (!p->s) {
        struct gateway_failure f;
        gateway_failure_set(&f, ERR_NOT_FOUND, "server_not_found", NULL, "The server was removed");
        fail(p, &f);
        return;
    }
    p->hold = server_wait_turn(p->s, &p->client, p->n_calls > 0, on_held, p);
    if (p->is_stream && !loop_timer_is_armed(&p->comment))
        loop_timer_start(&p->comment, GATEWAY_HOLD_GRACE_MS);
}

void gateway_proxy(struct gateway *g, struct server *s, struct http_exchange *x,
                   const struct gateway_proxy_request *request, gateway_proxy_fn fn, void *arg)
{
    struct gateway_proxy *p = xcalloc(1, sizeof *p);
    p->g = g;
    p->s = s;
    memcpy(p->server_id, s->row.id, sizeof p->server_id);
    p->x = x;
    p->path = xstrdup(request->path);
    p->method = xstrdup(request->method ? request->method : "POST");
    p->route = xstrdup(request->route ? request->route : request->path);
    xreplace(&p->model, request->model);
    p->client = request->client;
    tally_begin(&p->tally, request->body.len);
    buf_add_span(&p->body, request->body);
    p->is_stream = request->is_stream;
    p->fn = fn;
    p->arg = arg;
    list_init(&p->node);
    list_init(&p->use.node);
    list_push_back(&g->proxies, &p->node);
    loop_timer_init(&p->retry, g->loop, hold, p);
    loop_timer_init(&p->comment, g->loop, on_comment_due, p);
    if (server_is_free(s)) {
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
            server_use_end(p->s, &p->use);
        }
        free_proxy(p);
    }
}
