/*
 * The whole way of a /v1 request: hold while the engine loads, then the relay. Nothing was sent downstream before a
 * failure is handed back; after that, a failure is an event and a broken end.
 */
#include "gateway/gateway_room.h"
#include "relay/relay.h"

#define PROXY_TRIES      3   /* calls for one request, when the engine dies before its header */
#define PROXY_RETRY_MS   300 /* before the next: an engine's end is noticed meanwhile */
#define PROXY_CONNECT_MS GATEWAY_CONNECT_TIMEOUT_MS

struct gateway_proxy {
    struct gateway *g;
    struct server *s; /* valid while a hold or a use is there */
    char server_id[UUID_LEN + 1];
    struct http_exchange *x;
    char *path;
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
    int last_percent;
    int64_t commented_ms;
    struct list node; /* in gateway.proxies */
};

static void hold(void *arg);

static void free_proxy(struct gateway_proxy *p)
{
    loop_timer_stop(&p->retry);
    loop_timer_stop(&p->comment);
    list_remove(&p->node);
    buf_release(&p->body);
    free(p->path);
    free(p);
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

/* Only while a hold or a wait for the next call is on; the relay has a hook of its own. */
static void on_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    struct gateway_proxy *p = arg;
    gateway_hold_cancel(TAKE(p->hold));
    finish(p);
}

/* ---- comments ---- */

static void begin_stream(struct gateway_proxy *p)
{
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", SPAN_LIT("text/event-stream"));
    http_headers_add(&headers, "Cache-Control", SPAN_LIT("no-cache"));
    http_headers_add(&headers, "X-Accel-Buffering", SPAN_LIT("no"));
    http_exchange_begin(p->x, 200, &headers, -1);
    http_headers_release(&headers);
}

static void write_comment(struct gateway_proxy *p, int percent)
{
    AUTO(buf) struct buf *b = buf_new();
    if (p->relay && server_use_n_ahead(p->s, &p->use) > 0)
        buf_addf(b, ": %zu ahead of you\n\n", server_use_n_ahead(p->s, &p->use));
    else if (p->relay || !p->hold)
        buf_add_str(b, ": waiting for the engine\n\n");
    else if (percent >= 0)
        buf_addf(b, ": loading %d %%\n\n", percent);
    else
        buf_addf(b, ": %s\n\n", engine_state_name(engine_state(p->s->engine)));
    http_exchange_write(p->x, buf_span(b));
    p->last_percent = percent;
    p->commented_ms = clock_ms();
}

static void on_comment_due(void *arg)
{
    struct gateway_proxy *p = arg;
    struct engine_progress progress = {.value = -1};
    if (p->hold)
        (void)engine_progress(p->s->engine, &progress);
    int percent = progress.value < 0 ? -1 : (int)(progress.value * 100);
    if (!http_exchange_has_begun(p->x))
        begin_stream(p);
    if (percent != p->last_percent || clock_ms() - p->commented_ms >= GATEWAY_HOLD_COMMENT_MS)
        write_comment(p, percent);
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

static void on_relay_done(void *arg, const struct relay_outcome *outcome)
{
    struct gateway_proxy *p = arg;
    p->relay = NULL;
    struct server *s = p->s;
    server_use_end(s, &p->use);
    p->s = NULL;
    if (outcome->err && !outcome->client_gone)
        log_warn("gateway: a request for %s failed: %s", p->server_id, outcome->why.text);
    if (outcome->answered) {
        finish(p);
        return;
    }
    bool died = outcome->err == ERR_CLOSED || outcome->err == ERR_REFUSED;
    http_exchange_on_gone(p->x, on_gone, p);
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
    static const struct relay_events events = {.on_headers = on_relay_headers, .on_done = on_relay_done};
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", SPAN_LIT("application/json"));
    struct http_call_options options = {.method = "POST",
                                        .target = p->path,
                                        .headers = &headers,
                                        .body = buf_span(&p->body),
                                        .connect_timeout_ms = PROXY_CONNECT_MS,
                                        .fresh = p->n_calls > 0};
    p->n_calls++;
    server_use_begin(p->s, &p->use);
    p->relay = relay_pump(p->g->loop, p->g->client, engine_endpoint(p->s->engine), &options, p->x, &events,
                          p);
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
    p->hold = gateway_wait_ready(p->g, p->s, false, on_held, p);
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
    buf_add_span(&p->body, request->body);
    p->is_stream = request->is_stream;
    p->fn = fn;
    p->arg = arg;
    p->last_percent = -2;
    list_init(&p->node);
    list_init(&p->use.node);
    list_push_back(&g->proxies, &p->node);
    loop_timer_init(&p->retry, g->loop, hold, p);
    loop_timer_init(&p->comment, g->loop, on_comment_due, p);
    if (engine_state(s->engine) == ENGINE_READY && !g->closing) {
        call_engine(p);
        return;
    }
    http_exchange_on_gone(x, on_gone, p);
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
