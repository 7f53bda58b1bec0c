/*
 * One request as its handler sees it, and the writing of its response: header, body by length, by chunks or until
 * close, cork, backpressure.  Reading and the connection's life are in http_conn.c.
 */
#include <stdio.h>

#include "http/http_conn.h"

struct http_exchange *http_exchange_new(struct http_conn *c)
{
    struct http_exchange *x = xcalloc(1, sizeof *x);
    x->conn = c;
    x->server = c->server;
    x->length_left = -1;
    return x;
}

void http_exchange_free(struct http_exchange *x)
{
    if (!x)
        return;
    http_exchange_forget_fields(x);
    buf_release(&x->line);
    buf_release(&x->body);
    free(x);
}

static void free_deferred(void *arg)
{
    http_exchange_free(arg);
}

void http_exchange_finish(struct http_exchange *x, bool tell_gone)
{
    struct http_conn *c = x->conn;
    assert(c->x == x);
    c->x = NULL;
    x->is_over = true;
    if (x->is_dispatched)
        x->server->n_active--;
    if (x->server->corked == c) {
        x->server->corked = NULL;
        x->server->is_held = false;
        buf_clear(&x->server->scratch);
    }
    if (tell_gone && x->is_dispatched && x->gone_fn)
        x->gone_fn(x, x->gone_arg);
    x->conn = NULL;
    loop_defer_free(x->server->loop, x, free_deferred);
}

/* ---- the request ---- */

enum http_method http_exchange_method(const struct http_exchange *x)
{
    return x->method;
}

struct span http_exchange_method_text(const struct http_exchange *x)
{
    return x->method_text;
}

struct span http_exchange_path(const struct http_exchange *x)
{
    return x->path;
}

struct span http_exchange_query(const struct http_exchange *x)
{
    return x->query;
}

const struct http_fields *http_exchange_fields(const struct http_exchange *x)
{
    return &x->fields;
}

void http_exchange_forget_fields(struct http_exchange *x)
{
    http_fields_give(&x->fields, &x->server->spare);
}

int64_t http_exchange_content_length(const struct http_exchange *x)
{
    return x->content_length;
}

const char *http_exchange_peer(const struct http_exchange *x)
{
    return x->conn ? x->conn->peer : "";
}

bool http_exchange_is_unix(const struct http_exchange *x)
{
    return x->conn && x->conn->is_unix;
}

void http_exchange_set_data(struct http_exchange *x, void *data)
{
    x->data = data;
}

void *http_exchange_data(const struct http_exchange *x)
{
    return x->data;
}

uint64_t http_exchange_bytes_sent(const struct http_exchange *x)
{
    return x->bytes_sent;
}

int http_exchange_status(const struct http_exchange *x)
{
    return x->status;
}

void http_exchange_on_gone(struct http_exchange *x, http_exchange_fn fn, void *arg)
{
    x->gone_fn = fn;
    x->gone_arg = arg;
}

void http_exchange_on_drain(struct http_exchange *x, http_exchange_fn fn, void *arg)
{
    x->drain_fn = fn;
    x->drain_arg = arg;
}

void http_exchange_on_shut(struct http_exchange *x, http_exchange_fn fn, void *arg)
{
    x->shut_fn = fn;
    x->shut_arg = arg;
}

bool http_exchange_has_shut(const struct http_exchange *x)
{
    return !x->is_over && x->conn->has_eof;
}

void http_exchange_probe(struct http_exchange *x)
{
    static char text[] = "HTTP/1.1 102 Processing\r\n\r\n";
    uv_buf_t b = uv_buf_init(text, sizeof text - 1);
    if (x->is_over || x->has_begun || x->is_http10)
        return;
    if (!http_out_send(&x->conn->out, &b, 1))
        http_conn_schedule(x->conn);
}

/* The body is wanted: a client that has asked whether to send it is told so. */
static void say_continue(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    if (!x->wants_continue)
        return;
    x->wants_continue = false;
    if (c->in.n_raw == 0 && c->stash.len == 0) {
        static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        uv_buf_t b = uv_buf_init(text, sizeof text - 1);
        (void)http_out_send(&c->out, &b, 1); /* a failure comes up when the body is waited for */
    }
}

void http_exchange_read_body(struct http_exchange *x, size_t max_bytes, http_body_fn fn, void *arg)
{
    struct http_conn *c = x->conn;
    if (x->is_over)
        return;
    assert(!x->body_fn && !x->piece_fn);
    x->body_fn = fn;
    x->body_arg = arg;
    x->body_max = max_bytes;
    if (x->content_length > 0 && (uint64_t)x->content_length > max_bytes)
        c->is_too_big = true;
    else
        say_continue(x);
    /* From on_request the connection goes on by itself; else, or when there is nothing to wait for, by a turn. */
    http_conn_schedule(c);
}

void http_exchange_stream_body(struct http_exchange *x, http_piece_fn fn, void *arg)
{
    if (x->is_over)
        return;
    assert(!x->body_fn && !x->piece_fn);
    x->piece_fn = fn;
    x->piece_arg = arg;
    x->body_max = SIZE_MAX;
    say_continue(x);
    http_conn_schedule(x->conn);
}

void http_exchange_pause_body(struct http_exchange *x)
{
    x->is_paused = true;
}

void http_exchange_resume_body(struct http_exchange *x)
{
    if (x->is_over || !x->is_paused)
        return;
    x->is_paused = false;
    http_conn_schedule(x->conn);
}

/* ---- writing ---- */

static void send_bufs(struct http_conn *c, const uv_buf_t *bufs, unsigned n_bufs)
{
    if (c->phase == HTTP_PHASE_CLOSED || c->out.error)
        return;
    if (!http_out_send(&c->out, bufs, n_bufs))
        http_conn_schedule(c); /* on_gone, but not from inside the handler's own call */
    if (c->x && http_out_queued(&c->out) >= HTTP_WRITE_HIGH_BYTES)
        c->x->was_full = true;
}

static uv_buf_t buf_of(const char *p, size_t len)
{
    return uv_buf_init((char *)(uintptr_t)p, (unsigned)len);
}

#define MAX_CHUNK_SIZE_BYTES (2 * sizeof(size_t) + 2) /* hex, CRLF */

/* The line before a chunk; returns how long it is. Each event of a stream has one: printf was a sixth of what an event cost. */
static size_t write_chunk_size(size_t size, char out[MAX_CHUNK_SIZE_BYTES])
{
    size_t n = 0;
    int shift = (int)sizeof size * 8 - 4;
    while (shift > 0 && size >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        out[n++] = "0123456789abcdef"[size >> shift & 15];
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

/* Frames that stand around the body bytes of one chunk; returns how many bufs are used (at most 4). */
static unsigned frame_body(const struct http_exchange *x, struct span body, bool is_last,
                           char size_text[MAX_CHUNK_SIZE_BYTES], uv_buf_t *bufs)
{
    unsigned n = 0;
    if (!x->is_chunked) {
        if (body.len)
            bufs[n++] = buf_of(body.p, body.len);
        return n;
    }
    if (body.len) {
        bufs[n++] = buf_of(size_text, write_chunk_size(body.len, size_text));
        bufs[n++] = buf_of(body.p, body.len);
    }
    static const char last[] = "\r\n0\r\n\r\n"; /* its first CRLF ends a chunk before it */
    if (body.len && !is_last)
        bufs[n++] = buf_of(last, 2);
    else if (is_last)
        bufs[n++] = body.len ? buf_of(last, 7) : buf_of(last + 2, 5);
    return n;
}

static void flush_corked(struct http_server *s)
{
    struct http_conn *c = s->corked;
    if (!c)
        return;
    http_exchange_flush(c, false);
    s->corked = NULL;
    s->is_held = false;
}

/*
 * Scratch memory is one per server: an exchange that needs it sends away what another has left there. So what one
 * engine read makes (header, events, the end) leaves in one system call, and a stream owns no write buffer.
 */
static struct buf *claim_scratch(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (s->corked == c)
        return &s->scratch;
    flush_corked(s);
    if (s->scratch.cap > HTTP_SCRATCH_MAX)
        buf_release(&s->scratch);
    buf_clear(&s->scratch);
    s->scratch_raw = 0;
    return &s->scratch;
}

static void on_flush_turn(void *arg)
{
    struct http_server *s = arg;
    s->has_flush_turn = false;
    if (!s->is_held)
        flush_corked(s);
}

/* What is in scratch leaves when another exchange needs it, or after the turn. */
static void flush_soon(struct http_server *s)
{
    s->is_held = false;
    if (s->has_flush_turn)
        return;
    s->has_flush_turn = true;
    loop_defer(s->loop, on_flush_turn, s);
}

void http_exchange_flush(struct http_conn *c, bool is_last)
{
    struct http_server *s = c->server;
    assert(s->corked == c && c->x);
    uv_buf_t bufs[5];
    unsigned n = 0;
    char size_text[MAX_CHUNK_SIZE_BYTES];
    if (s->scratch_raw)
        bufs[n++] = buf_of(s->scratch.p, s->scratch_raw);
    struct span body = span_of(s->scratch.p + s->scratch_raw, s->scratch.len - s->scratch_raw);
    n += frame_body(c->x, body, is_last, size_text, bufs + n);
    if (n)
        send_bufs(c, bufs, n);
    buf_clear(&s->scratch);
    s->scratch_raw = 0;
}

void http_exchange_cork(struct http_exchange *x)
{
    if (x->is_over)
        return;
    (void)claim_scratch(x->conn);
    x->server->corked = x->conn;
    x->server->is_held = true;
}

void http_exchange_uncork(struct http_exchange *x)
{
    struct http_server *s = x->server;
    if (x->is_over || s->corked != x->conn || !s->is_held)
        return;
    if (s->scratch.len > HTTP_COPY_MAX)
        flush_corked(s); /* so much is worth a call of its own, and http_exchange_is_full must know of it */
    else
        flush_soon(s);
}

/* length < 0: chunks, or until close for HTTP/1.0. */
static void add_head(struct buf *b, struct http_exchange *x, int status, const struct http_headers *headers,
                     int64_t length)
{
    struct http_conn *c = x->conn;
    x->has_begun = true;
    x->status = status;
    x->has_no_body = x->method == HTTP_HEAD_ || status == 204 || status == 304;
    x->is_chunked = length < 0 && !x->has_no_body && !x->is_http10;
    x->length_left = length;
    if (x->server->is_draining || !http_conn_can_drain(c) || (length < 0 && !x->has_no_body && x->is_http10))
        c->keep = false;

    buf_add_str(b, "HTTP/1.1 ");
    buf_add_i64(b, status);
    buf_add_char(b, ' ');
    buf_add_str(b, http_status_text(status));
    buf_add_str(b, "\r\nDate: ");
    buf_add_str(b, http_server_date(x->server));
    buf_add(b, "\r\n", 2);
    if (x->is_chunked) {
        buf_add_str(b, "Transfer-Encoding: chunked\r\n");
    } else if (length >= 0 && status != 204 && status != 304) {
        buf_add_str(b, "Content-Length: ");
        buf_add_i64(b, length);
        buf_add(b, "\r\n", 2);
    }
    if (!c->keep)
        buf_add_str(b, "Connection: close\r\n");
    else if (x->is_http10)
        buf_add_str(b, "Connection: keep-alive\r\n");
    if (headers)
        buf_add_span(b, buf_span(&headers->bytes));
    buf_add(b, "\r\n", 2);
}

static void reply(struct http_exchange *x, int status, const struct http_headers *headers, struct span body,
                  bool is_static)
{
    struct http_conn *c = x->conn;
    if (x->is_over)
        return;
    assert(!x->has_begun);
    struct buf *scratch = claim_scratch(c);
    add_head(scratch, x, status, headers, (int64_t)body.len);
    uv_buf_t bufs[2] = {buf_of(scratch->p, scratch->len), buf_of(body.p, body.len)};
    unsigned n = x->has_no_body || body.len == 0 ? 1 : 2;
    if (n == 2)
        x->bytes_sent = body.len;
    if (is_static && n == 2 && c->phase != HTTP_PHASE_CLOSED && !c->out.flight)
        (void)http_out_send_static(&c->out, bufs, n);
    else
        (void)http_out_send(&c->out, bufs, n);
    /* A failed write needs no word: x has ended, http_conn_answered sees the error. */
    http_exchange_finish(x, false);
    http_conn_answered(c);
}

void http_exchange_reply(struct http_exchange *x, int status, const struct http_headers *headers,
                         struct span body)
{
    reply(x, status, headers, body, false);
}

void http_exchange_reply_static(struct http_exchange *x, int status, const struct http_headers *headers,
                                struct span body)
{
    reply(x, status, headers, body, true);
}

void http_exchange_refuse(struct http_conn *c, int status, const char *message)
{
    char body[256], head[320];
    int body_len = snprintf(body, sizeof body,
                            "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\","
                            "\"param\":null,\"code\":null}}",
                            message);
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: application/json\r\n"
                            "Content-Length: %d\r\nConnection: close\r\n\r\n",
                            status, http_status_text(status), http_server_date(c->server), body_len);
    uv_buf_t bufs[2] = {buf_of(head, (size_t)head_len), buf_of(body, (size_t)body_len)};
    c->keep = false;
    (void)http_out_send(&c->out, bufs, 2);
}

void http_exchange_begin(struct http_exchange *x, int status, const struct http_headers *headers,
                         int64_t content_length)
{
    struct http_conn *c = x->conn;
    if (x->is_over)
        return;
    assert(!x->has_begun);
    struct buf *scratch = claim_scratch(c);
    add_head(scratch, x, status, headers, content_length);
    /* A stream may stay open for hours: it does not keep its request's headers. */
    http_exchange_forget_fields(x);
    x->server->scratch_raw = scratch->len;
    if (x->server->corked == c && x->server->is_held)
        return;
    x->server->corked = c;
    flush_soon(x->server);
}

bool http_exchange_has_begun(const struct http_exchange *x)
{
    return x->has_begun;
}

void http_exchange_write(struct http_exchange *x, struct span data)
{
    struct http_conn *c = x->conn;
    if (x->is_over || data.len == 0)
        return;
    assert(x->has_begun);
    if (x->has_no_body)
        return;
    if (x->length_left >= 0) {
        if ((uint64_t)x->length_left < data.len)
            data.len = (size_t)
                           x->length_left; /* what goes beyond the length would be read as another response */
        x->length_left -= (int64_t)data.len;
        if (data.len == 0)
            return;
    }
    x->bytes_sent += data.len;
    struct http_server *s = x->server;
    if (s->corked == c && (s->is_held || data.len <= HTTP_COPY_MAX)) {
        buf_add_span(&s->scratch, data);
        if (!s->is_held && s->scratch.len > HTTP_COPY_MAX)
            flush_corked(s);
        return;
    }
    if (s->corked == c)
        flush_corked(s);
    uv_buf_t bufs[4];
    char size_text[MAX_CHUNK_SIZE_BYTES];
    unsigned n = frame_body(x, data, false, size_text, bufs);
    send_bufs(c, bufs, n);
}

bool http_exchange_is_full(const struct http_exchange *x)
{
    return x->was_full;
}

void http_exchange_check_drain(struct http_exchange *x)
{
    if (!x->was_full || http_out_queued(&x->conn->out) > HTTP_WRITE_LOW_BYTES)
        return;
    x->was_full = false;
    if (x->drain_fn)
        x->drain_fn(x, x->drain_arg);
}

void http_exchange_end(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    if (x->is_over)
        return;
    assert(x->has_begun);
    if (x->length_left > 0 && !x->has_no_body) {
        http_exchange_abort(x); /* less than promised */
        return;
    }
    if (x->server->corked == c) {
        http_exchange_flush(c, true);
        x->server->corked = NULL;
        x->server->is_held = false;
    } else if (x->is_chunked) {
        uv_buf_t b = buf_of("0\r\n\r\n", 5);
        send_bufs(c, &b, 1);
    }
    http_exchange_finish(x, false);
    http_conn_answered(c);
}

void http_exchange_abort(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    if (x->is_over)
        return;
    if (x->server->corked == c)
        flush_corked(x->server);
    c->keep = false;
    bool ends_by_close = x->has_begun && !x->is_chunked && x->length_left < 0;
    bool has_begun = x->has_begun;
    http_exchange_finish(x, false);
    if (!has_begun || ends_by_close) {
        /* Only a reset tells such a client that this is not all. */
        c->must_reset = true;
        http_conn_close(c);
    } else {
        http_conn_finish(c);
    }
}

void http_exchange_drop(struct http_exchange *x)
{
    if (x->is_over)
        return;
    if (x->server->corked == x->conn)
        flush_corked(x->server);
    x->conn->must_reset = true;
    http_conn_close(x->conn);
}
