/* One request to an engine: in its turn, counted, its failures named. */
#include "gateway/gateway_tally.h"

struct gateway_call {
    struct gateway *g;
    struct server *s;
    struct gateway_client client;
    struct gateway_tally tally;
    const char *route;
    bool is_stream, is_complete, is_promised;
    int status;                /* of the engine; 0: no header yet */
    struct gateway_hold *hold; /* it waits for its turn; after that, */
    struct server_use use;     /* it works */
    bool has_begun;
    char *path;
    struct buf body; /* until it is sent */
    int64_t header_timeout_ms, idle_timeout_ms;
    struct http_call *http;
    struct gateway_call_events ev;
    void *arg;
    struct loop_timer
        refused; /* the engine is not ready (any more), or not for this: told in the next turn */
    bool gave_way;
};

/* What the client is told: of an engine's answer that is none it hears what the chat makes of it (chat_call.c). */
static int status_told(const struct gateway_call *c, const struct gateway_failure *f)
{
    if (c->is_promised || c->status == 200)
        return 200;
    if (c->status)
        return c->status >= 400 ? c->status : 502;
    return f ? tally_status_of(c->g, f) : 0;
}

static const char *code_told(const struct gateway_call *c, const struct gateway_failure *f)
{
    if (f)
        return f->code;
    return c->status >= 400 ? "engine_error" : c->status && c->status != 200 ? "bad_gateway" : NULL;
}

/* f NULL: complete, or (is_gone) given up by who asked. */
static void note(struct gateway_call *c, const struct gateway_failure *f, bool is_gone)
{
    struct gateway_record record = {.client = &c->client,
                                    .route = c->route,
                                    .model = c->s->model_name,
                                    .is_stream = c->is_stream,
                                    .status = status_told(c, f),
                                    .code = code_told(c, f),
                                    .client_gone = is_gone};
    if (c->use.give_way)
        tally_drop(&c->tally);
    else
        tally_end(&c->tally, c->g, c->s, &record);
}

static void free_call(struct gateway_call *c)
{
    loop_timer_stop(&c->refused);
    gateway_hold_cancel(c->hold);
    if (c->has_begun)
        server_use_end(c->s, &c->use);
    buf_release(&c->body);
    free(c->path);
    free(c);
}

static void end_call(struct gateway_call *c, const struct gateway_failure *f)
{
    note(c, f, false);
    c->ev.on_done(c->arg, f);
    free_call(c);
}

static void on_headers(struct http_call *http, void *arg, int status, const struct http_fields *fields)
{
    (void)http;
    struct gateway_call *c = arg;
    c->use.has_answered = true;
    server_note_answer(c->s);
    c->status = status;
    c->ev.on_headers(c->arg, status, fields);
}

static void on_body(struct http_call *http, void *arg, struct span data)
{
    (void)http;
    struct gateway_call *c = arg;
    tally_body(&c->tally, data);
    c->ev.on_body(c->arg, data);
}

static void on_flush(struct http_call *http, void *arg)
{
    (void)http;
    struct gateway_call *c = arg;
    if (c->ev.on_flush)
        c->ev.on_flush(c->arg);
}

static void on_done(struct http_call *http, void *arg, enum err e, const struct err_text *why)
{
    (void)http;
    struct gateway_call *c = arg;
    c->http = NULL;
    if (!e) {
        end_call(c, NULL);
        return;
    }
    log_debug("engine %s: request failed: %s (%s)", c->s->row.name, err_name(e), why->text);
    if (e == ERR_TIMEOUT)
        server_note_silence(c->s);
    struct gateway_failure f;
    const char *text = e == ERR_CLOSED && !c->use.has_answered ? "The engine ended before it answered"
                                                               : relay_failure_text(e);
    gateway_failure_set(&f, e, relay_failure_code(e), c->s->removed ? NULL : c->s, "%s", text);
    end_call(c, &f);
}

static void tell_refused(void *arg)
{
    struct gateway_call *c = arg;
    struct gateway_failure f;
    if (c->gave_way)
        gateway_failure_set(&f, ERR_CANCELLED, "gave_way", NULL, "Somebody else needs the engine");
    else
        gateway_failure_set(&f, ERR_REFUSED, "engine_refused", c->s->removed ? NULL : c->s,
                            "The engine is not running");
    end_call(c, &f);
}

static void give_way(struct server_use *u)
{
    struct gateway_call *c = CONTAINER_OF(u, struct gateway_call, use);
    if (c->http)
        http_call_cancel(TAKE(c->http));
    c->gave_way = true;
    loop_timer_start(&c->refused, 0);
}

static void begin_use(struct gateway_call *c)
{
    c->has_begun = true;
    server_use_begin(c->s, &c->use);
}

static void call_engine(struct gateway_call *c, struct span body)
{
    static const struct http_call_events http_events = {
        .on_headers = on_headers, .on_body = on_body, .on_flush = on_flush, .on_done = on_done};
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", SPAN_LIT("application/json"));
    http_headers_add(&headers, "Accept", SPAN_LIT("text/event-stream, application/json"));
    /* A fresh connection: a kept one may be closed by the engine in the moment in which it is used, and a POST is not
     * sent twice. */
    struct http_call_options http_options = {.method = "POST",
                                             .target = c->path,
                                             .headers = &headers,
                                             .body = body,
                                             .connect_timeout_ms = GATEWAY_CONNECT_TIMEOUT_MS,
                                             .header_timeout_ms = c->header_timeout_ms,
                                             .idle_timeout_ms = c->idle_timeout_ms,
                                             .fresh = true};
    begin_use(c);
    tally_turn(&c->tally);
    c->http = http_call_start(c->s->g->client, engine_endpoint(c->s->engine), &http_options, &http_events, c);
    http_headers_release(&headers);
}

static void on_turn(void *arg, struct server *s, const struct gateway_failure *f)
{
    (void)s;
    struct gateway_call *c = arg;
    c->hold = NULL;
    if (f) {
        end_call(c, f);
        return;
    }
    call_engine(c, buf_span(&c->body));
    buf_release(&c->body);
}

struct gateway_call *gateway_call_start(struct gateway *g, struct server *s,
                                        const struct gateway_call_options *options,
                                        const struct gateway_call_events *events, void *arg)
{
    struct gateway_call *c = xcalloc(1, sizeof *c);
    c->g = g;
    c->s = s;
    c->ev = *events;
    c->arg = arg;
    c->client = options->client;
    c->route = options->route ? options->route : options->path;
    c->is_stream = options->is_stream;
    tally_begin(&c->tally, options->body.len);
    c->path = xstrdup(options->path);
    c->header_timeout_ms = options->header_timeout_ms;
    c->idle_timeout_ms = options->idle_timeout_ms;
    c->use.give_way = options->is_background ? give_way : NULL;
    loop_timer_init(&c->refused, g->loop, tell_refused, c);
    if (!s->engine || engine_state(s->engine) != ENGINE_READY) {
        begin_use(c);
        loop_timer_start(&c->refused, 0);
    } else if (options->is_background || server_is_free(s)) {
        call_engine(c, options->body);
    } else {
        buf_add_span(&c->body, options->body);
        c->hold = server_wait_turn(s, &c->client, false, on_turn, c);
    }
    return c;
}

void gateway_call_pause(struct gateway_call *c)
{
    if (c->http)
        http_call_pause(c->http);
}

void gateway_call_resume(struct gateway_call *c)
{
    if (c->http)
        http_call_resume(c->http);
}

void gateway_call_promise(struct gateway_call *c)
{
    c->is_promised = true;
}

void gateway_call_complete(struct gateway_call *c)
{
    c->is_complete = true;
}

void gateway_call_cancel(struct gateway_call *c)
{
    if (!c)
        return;
    if (c->http)
        http_call_cancel(TAKE(c->http));
    note(c, NULL, !c->is_complete);
    free_call(c);
}

void gateway_call_describe(const struct gateway_call *c, struct buf *out)
{
    if (c->hold)
        gateway_hold_describe(c->hold, out);
    else
        server_use_describe(c->s, &c->use, out);
}
