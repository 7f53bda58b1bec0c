/*
 * One request to an engine: finding a connection, sending, deadlines, one retry where that is safe, the end.
 *
 *   START -> CONNECT <-> BACKLOG
 *     |         |
 *     +---------+--> HEADER -> BODY -> OVER         every state -> OVER by failure or cancel
 */
#include "http/http_call.h"

#include <stdio.h>

static int64_t loop_ms(const struct http_call *call)
{
    return (int64_t)uv_now(loop_uv(call->client->loop));
}

/* ---- deadlines: one timer, armed for the state's; bytes only move last_byte_ms ---- */

static void on_deadline(void *arg);

static void arm(struct http_call *call, int64_t delay_ms)
{
    if (delay_ms > 0)
        loop_timer_start(&call->timer, delay_ms);
    else
        loop_timer_stop(&call->timer);
}

static void enter(struct http_call *call, enum http_call_state state)
{
    call->state = state;
    switch (state) {
    case HTTP_CALL_HEADER: arm(call, call->header_timeout_ms); break;
    case HTTP_CALL_BODY: arm(call, call->idle_timeout_ms); break;
    case HTTP_CALL_OVER: loop_timer_stop(&call->timer); break;
    case HTTP_CALL_CONNECT:
        call->connect_since_ms = clock_ms();
        arm(call, call->connect_timeout_ms);
        break;
    case HTTP_CALL_START:
    case HTTP_CALL_BACKLOG: break;
    }
}

/* ---- the end ---- */

static void free_call(void *arg)
{
    struct http_call *call = arg;
    buf_release(&call->request);
    http_source_free(call->source);
    free(call);
}

static void over(struct http_call *call)
{
    struct http_client *c = call->client;
    enter(call, HTTP_CALL_OVER);
    list_remove(&call->node);
    if (call->up) {
        struct http_upstream *up = call->up;
        call->up = NULL;
        http_upstream_close(up);
    }
    http_target_unuse(call->target);
    loop_defer_free(c->loop, call, free_call);
}

static void done(struct http_call *call, enum err e, const struct err_text *why)
{
    over(call);
    if (call->ev.on_done)
        call->ev.on_done(call, call->arg, e, why);
}

static void fail(struct http_call *call, enum err e, const char *text)
{
    struct err_text why;
    (void)err_set(&why, e, "%s", text);
    done(call, e, &why);
}

void http_call_cancel(struct http_call *call)
{
    if (call->state != HTTP_CALL_OVER)
        over(call);
}

/* ---- connecting and sending ---- */

static void on_piece_ready(void *arg)
{
    http_call_sent(arg);
}

void http_call_sent(struct http_call *call)
{
    struct http_upstream *up = call->up;
    struct span piece;
    while (call->source && up && !up->out.error && http_out_queued(&up->out) == 0) {
        switch (http_source_next(call->source, &piece, on_piece_ready, call)) {
        case HTTP_SOURCE_PIECE: {
            uv_buf_t b = uv_buf_init((char *)(uintptr_t)piece.p, (unsigned)piece.len);
            (void)http_out_send(&up->out, &b, 1); /* a failure shows on reading */
            break;
        }
        case HTTP_SOURCE_WAIT: return;
        case HTTP_SOURCE_END:
            http_source_free(TAKE(call->source));
            if (call->state == HTTP_CALL_HEADER)
                arm(call, call->header_timeout_ms); /* it counts from here */
            break;
        case HTTP_SOURCE_FAILED: fail(call, ERR_IO, "the body could not be read back"); return;
        }
    }
}

static void send_request(struct http_call *call)
{
    struct http_upstream *up = call->up;
    http_upstream_expect(up, call);
    call->last_byte_ms = loop_ms(call);
    enter(call, HTTP_CALL_HEADER);
    uv_buf_t b = uv_buf_init(call->request.p, (unsigned)call->request.len);
    (void)http_out_send(&up->out, &b, 1); /* a failure shows on reading, perhaps behind an early answer */
    if (!call->is_safe || !up->was_used)
        buf_release(&call->request); /* never sent again */
    http_call_sent(call);
}

static void connect_failed(struct http_call *call, int code)
{
    char text[300];
    const struct http_target *t = call->target;
    enum err e = ERR_IO;
    if (code == UV_ECONNREFUSED || code == UV_ENOENT)
        e = ERR_REFUSED;
    else if (code == UV_ETIMEDOUT)
        e = ERR_TIMEOUT;
    else if (code == UV_EINVAL || code == UV_ENAMETOOLONG)
        e = ERR_INVALID;
    (void)snprintf(text, sizeof text, "cannot connect to %s: %s", t->unix_path ? t->unix_path : t->authority,
                   uv_strerror(code));
    fail(call, e, text);
}

static void connect_fresh(struct http_call *call)
{
    int e = 0;
    call->state = HTTP_CALL_CONNECT;
    call->up = http_upstream_new(call->target, call, &e);
    if (call->up)
        return;
    /* Perhaps this is http_call_start, which must return before anything is heard. */
    call->state = HTTP_CALL_START;
    call->connect_error = e;
    loop_timer_start(&call->timer, 0);
}

void http_call_connected(struct http_call *call, int status)
{
    if (status == 0) {
        send_request(call);
        return;
    }
    call->up = NULL;
    /* A unix socket whose queue is full refuses at once, where TCP would wait. */
    int64_t left_ms = call->connect_timeout_ms - (clock_ms() - call->connect_since_ms);
    if (status == UV_EAGAIN && left_ms > 0) {
        call->state = HTTP_CALL_BACKLOG;
        arm(call, left_ms < HTTP_BACKLOG_RETRY_MS ? left_ms : HTTP_BACKLOG_RETRY_MS);
        return;
    }
    connect_failed(call, status == UV_EAGAIN ? UV_ETIMEDOUT : status);
}

static void on_deadline(void *arg)
{
    struct http_call *call = arg;
    int64_t left_ms;
    switch (call->state) {
    case HTTP_CALL_BACKLOG:
        left_ms = call->connect_timeout_ms - (clock_ms() - call->connect_since_ms);
        arm(call, left_ms > 0 ? left_ms : 1);
        connect_fresh(call);
        break;
    case HTTP_CALL_CONNECT: fail(call, ERR_TIMEOUT, "the connection was not accepted in time"); break;
    case HTTP_CALL_HEADER: fail(call, ERR_TIMEOUT, "no answer came in time"); break;
    case HTTP_CALL_BODY:
        left_ms = call->is_paused ? call->idle_timeout_ms
                                  : call->idle_timeout_ms - (loop_ms(call) - call->last_byte_ms);
        if (left_ms > 0)
            arm(call, left_ms);
        else
            fail(call, ERR_TIMEOUT, "the answer stopped in the middle");
        break;
    case HTTP_CALL_START: connect_failed(call, call->connect_error); break;
    case HTTP_CALL_OVER: break;
    }
}

/* ---- news from the connection ---- */

void http_call_headers(struct http_call *call, int status, const struct http_fields *fields)
{
    enter(call, HTTP_CALL_BODY);
    buf_release(&call->request);
    if (call->ev.on_headers)
        call->ev.on_headers(call, call->arg, status, fields);
}

void http_call_body(struct http_call *call, struct span data)
{
    if (call->ev.on_body)
        call->ev.on_body(call, call->arg, data);
}

void http_call_complete(struct http_call *call)
{
    call->up = NULL;
    done(call, ERR_OK, NULL);
}

void http_call_broken(struct http_call *call, bool saw_bytes, bool was_used, enum err e, const char *why)
{
    call->up = NULL;
    /* An idle connection may have been closed by the engine just as it was chosen. */
    if (was_used && !saw_bytes && !call->has_retried && call->is_safe && e == ERR_CLOSED) {
        call->has_retried = true;
        enter(call, HTTP_CALL_CONNECT);
        connect_fresh(call);
        return;
    }
    fail(call, e, why);
}

/* ---- starting ---- */

/* RFC 9110 9.2.1 */
static bool is_safe_method(const char *method)
{
    return str_eq(method, "GET") || str_eq(method, "HEAD") || str_eq(method, "OPTIONS");
}

static void write_head(struct buf *b, const struct http_target *t, const struct http_call_options *o)
{
    buf_add_str(b, o->method);
    buf_add_char(b, ' ');
    buf_add_str(b, o->target);
    buf_add_str(b, " HTTP/1.1\r\nHost: ");
    buf_add_str(b, t->authority);
    buf_add_str(b, "\r\n");
    if (o->headers)
        buf_add_span(b, buf_span(&o->headers->bytes));
    uint64_t length = o->source ? http_source_size(o->source) : o->body.len;
    if (length || (!is_safe_method(o->method) && !str_eq(o->method, "DELETE"))) {
        buf_add_str(b, "Content-Length: ");
        buf_add_i64(b, (int64_t)length);
        buf_add(b, "\r\n", 2);
    }
    buf_add(b, "\r\n", 2);
}

/* Uses an idle connection; false when there is none that takes the request. Body is sent from the caller's memory. */
static bool send_on_idle(struct http_call *call, const struct buf *head, struct span body)
{
    struct http_upstream *up;
    while ((up = http_target_take_idle(call->target)) != NULL) {
        up->call = call;
        uv_buf_t bufs[2] = {uv_buf_init(head->p, (unsigned)head->len),
                            uv_buf_init((char *)(uintptr_t)body.p, (unsigned)body.len)};
        if (!http_out_send(&up->out, bufs, body.len ? 2 : 1)) {
            http_upstream_close(up); /* not a byte was taken: the next one is as good */
            continue;
        }
        if (call->is_safe) {
            buf_add(&call->request, head->p, head->len);
            buf_add_span(&call->request, body);
        }
        call->up = up;
        http_upstream_expect(up, call);
        call->last_byte_ms = loop_ms(call);
        enter(call, HTTP_CALL_HEADER);
        http_call_sent(call); /* what fails of it is heard later */
        return true;
    }
    return false;
}

struct http_call *http_call_start(struct http_client *c, const struct http_endpoint *to,
                                  const struct http_call_options *options, const struct http_call_events *ev,
                                  void *arg)
{
    assert(!c->is_closed);
    struct http_call *call = xcalloc(1, sizeof *call);
    call->client = c;
    call->target = http_target_use(c, to);
    call->ev = *ev;
    call->arg = arg;
    call->is_head = str_eq(options->method, "HEAD");
    call->is_safe = is_safe_method(options->method) && !options->source;
    call->source = options->source;
    call->connect_timeout_ms = options->connect_timeout_ms > 0 ? options->connect_timeout_ms
                                                               : HTTP_CONNECT_TIMEOUT_MS;
    call->header_timeout_ms = options->header_timeout_ms;
    call->idle_timeout_ms = options->idle_timeout_ms;
    loop_timer_init(&call->timer, c->loop, on_deadline, call);
    list_push_back(&c->calls, &call->node);

    buf_clear(&c->scratch);
    write_head(&c->scratch, call->target, options);
    if (!options->fresh && send_on_idle(call, &c->scratch, options->body))
        return call;
    (void)buf_reserve(&call->request, c->scratch.len + options->body.len);
    buf_add(&call->request, c->scratch.p, c->scratch.len);
    buf_add_span(&call->request, options->body);
    enter(call, HTTP_CALL_CONNECT);
    connect_fresh(call);
    return call;
}

void http_call_pause(struct http_call *call)
{
    call->is_paused = true;
    if (call->up && call->state >= HTTP_CALL_HEADER)
        http_upstream_set_reading(call->up, false);
}

void http_call_resume(struct http_call *call)
{
    call->is_paused = false;
    call->last_byte_ms = loop_ms(call); /* the time it was paused is not the engine's */
    if (call->up && call->state >= HTTP_CALL_HEADER)
        http_upstream_set_reading(call->up, true);
}
