/*
 * One server connection: reading requests in order, handing each to the server's callback, deadlines, and the end.
 * Answers are written in http_exchange.c.
 */
#include "http/http_conn.h"

#include <sys/socket.h>
#include <unistd.h>

static void run(struct http_conn *c, const char *p, size_t n);

/* ---- llhttp's callbacks; they never call out of this room ---- */

static int on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED; /* the handler runs outside of the parser */
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
    struct http_message *m = parser->data;
    struct http_conn *c = CONTAINER_OF(m, struct http_conn, in);
    m->n_content += n;
    if (!c->x || c->is_too_big)
        return 0;
    if (n > c->x->body_max - c->x->body.len) {
        c->is_too_big = true;
        buf_release(&c->x->body);
        return 0;
    }
    buf_add(&c->x->body, p, n);
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct http_message *m = parser->data;
    m->is_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t *request_settings(void)
{
    static llhttp_settings_t settings;
    if (!settings.on_message_complete) {
        llhttp_settings_init(&settings);
        settings.on_headers_complete = on_headers_complete;
        settings.on_body = on_body;
        settings.on_message_complete = on_message_complete;
    }
    return &settings;
}

/* ---- the end ---- */

static void free_conn(struct http_conn *c)
{
    http_exchange_free(c->x);
    http_fields_release(&c->in.fields);
    http_out_release(&c->out);
    buf_release(&c->stash);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct http_conn *c = h->data;
    http_server_conn_closed(c->server, c);
    if (c->has_turn)
        c->is_gone = true;
    else
        free_conn(c);
}

void http_conn_close(struct http_conn *c)
{
    if (c->phase == HTTP_PHASE_CLOSED)
        return;
    c->phase = HTTP_PHASE_CLOSED;
    if (c->server->corked == c) {
        c->server->corked = NULL;
        c->server->is_held = false;
    }
    if (!c->must_reset || c->is_unix || uv_tcp_close_reset(&c->tcp, on_closed) != 0)
        uv_close(&c->handle, on_closed);
    if (c->x)
        http_exchange_finish(c->x, true);
}

static void set_reading(struct http_conn *c, bool on);

static void linger_or_close(struct http_conn *c)
{
    int fd;
    if (c->must_reset || !c->must_linger || c->has_eof || uv_fileno(&c->handle, &fd) != 0) {
        http_conn_close(c);
        return;
    }
    /* Closing with unread input would reset the connection and take the answer from the client (RFC 9112 9.6). */
    (void)shutdown(fd, SHUT_WR);
    c->phase = HTTP_PHASE_LINGER;
    c->since_ms = (int64_t)uv_now(loop_uv(c->server->loop));
    buf_release(&c->stash);
    set_reading(c, true);
}

void http_conn_finish(struct http_conn *c)
{
    if (c->phase == HTTP_PHASE_CLOSED)
        return;
    if (c->phase == HTTP_PHASE_BODY || c->phase == HTTP_PHASE_HEAD || c->stash.len)
        c->must_linger = true;
    c->phase = HTTP_PHASE_FLUSH;
    if (c->out.error)
        http_conn_schedule(c);
    else if (http_out_queued(&c->out) == 0)
        linger_or_close(c);
}

/* The request cannot be understood or is over a limit. */
void http_conn_refuse(struct http_conn *c, int status, const char *message)
{
    /* Without x in the body the request has been answered already. */
    bool can_answer = c->x ? !c->x->has_begun : c->phase == HTTP_PHASE_HEAD;
    if (c->x)
        http_exchange_finish(c->x, c->x->is_dispatched);
    if (c->phase == HTTP_PHASE_CLOSED)
        return;
    if (can_answer)
        http_exchange_refuse(c, status, message);
    c->must_linger = true;
    http_conn_finish(c);
}

/* ---- reading ---- */

bool http_conn_wants_input(const struct http_conn *c)
{
    switch (c->phase) {
    case HTTP_PHASE_HEAD: return http_out_queued(&c->out) == 0; /* one answer at a time leaves */
    case HTTP_PHASE_BODY:
        return !c->x || (c->x->body_fn && !c->is_too_big) || (c->x->piece_fn && !c->x->is_paused);
    case HTTP_PHASE_ANSWER:
    case HTTP_PHASE_FLUSH:
    case HTTP_PHASE_LINGER:
    case HTTP_PHASE_CLOSED: break;
    }
    return false;
}

static void begin_request(struct http_conn *c)
{
    c->phase = HTTP_PHASE_HEAD;
    c->keep = true;
    c->is_too_big = false;
    c->since_ms = (int64_t)uv_now(loop_uv(c->server->loop));
    /* +1: the request line. */
    http_message_begin(&c->in, HTTP_REQUEST, request_settings(), HTTP_MAX_HEADER_BYTES,
                       HTTP_MAX_HEADER_LINES + 1);
}

/* Host once (RFC 9112 3.2); what frames the body (6.1, 6.3); expectations (RFC 9110 10.1.1). 0 or a status. */
static int check_header(struct http_conn *c, const char **out_message)
{
    struct http_exchange *x = c->x;
    const struct http_fields *f = &c->in.fields;
    size_t n_host = http_fields_count(f, HTTP_FIELD_HOST),
           n_te = http_fields_count(f, HTTP_FIELD_TRANSFER_ENCODING);
    size_t n_length = http_fields_count(f, HTTP_FIELD_CONTENT_LENGTH),
           n_expect = http_fields_count(f, HTTP_FIELD_EXPECT);
    *out_message = "Host must be given once and be valid";
    if (n_host > 1 || (n_host == 0 && !x->is_http10) ||
        !http_host_is_valid(http_fields_get(f, HTTP_FIELD_HOST)))
        return 400;
    x->content_length = 0;
    if (n_te) {
        struct span te = http_fields_get(f, HTTP_FIELD_TRANSFER_ENCODING);
        *out_message = "Transfer-Encoding must be chunked, alone";
        if (x->is_http10 || n_length || n_te > 1)
            return 400;
        if (!span_is_ci(te, "chunked")) {
            struct span last = te, rest = te;
            size_t n_chunked = 0;
            while (rest.p) {
                last = span_trim(span_cut(rest, ',', &rest));
                n_chunked += span_is_ci(last, "chunked");
            }
            return n_chunked == 1 && span_is_ci(last, "chunked") ? 501 : 400;
        }
        x->content_length = -1;
    } else if (n_length) {
        uint64_t length;
        *out_message = "Content-Length is not valid";
        if (n_length > 1 || !span_to_u64(http_fields_get(f, HTTP_FIELD_CONTENT_LENGTH), &length) ||
            length > INT64_MAX)
            return 400;
        x->content_length = (int64_t)length;
    }
    if (n_expect && !x->is_http10) { /* HTTP/1.0 knows no expectations: ignored */
        *out_message = "Only Expect: 100-continue is understood";
        if (n_expect > 1 || !span_is_ci(http_fields_get(f, HTTP_FIELD_EXPECT), "100-continue"))
            return 417;
        x->wants_continue = x->content_length != 0;
    }
    return 0;
}

/* The authority of an absolute-form target stands for Host (RFC 9112 3.2.2). */
static void replace_host(struct http_fields *f, struct span authority)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->lines[i].field == HTTP_FIELD_HOST)
            http_fields_set(f, i, authority);
    }
}

static void dispatch(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    const char *message;
    int status = check_header(c, &message);
    if (status) {
        http_conn_refuse(c, status, message);
        return;
    }
    if (x->authority.p)
        replace_host(&c->in.fields, x->authority);
    x->fields = c->in.fields;
    c->in.fields = (struct http_fields){0};
    c->in.in_header = false;
    c->keep = llhttp_should_keep_alive(&c->in.parser) && !c->server->is_draining;
    c->phase = x->content_length == 0 ? HTTP_PHASE_ANSWER : HTTP_PHASE_BODY;
    c->since_ms = (int64_t)uv_now(loop_uv(c->server->loop));
    c->mark = 0;
    x->is_dispatched = true;
    c->server->n_active++;
    /* An upgrade is an offer; it is declined by answering in HTTP/1.1 (RFC 9110 7.8). */
    c->in.parser.upgrade = 0;
    c->server->on_request(x, c->server->arg);
}

/* The request line is complete in x->line. llhttp is given one that it knows, so that only we judge this one. */
static void take_request_line(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    struct span text = buf_span(&x->line);
    while (text.len && (text.p[0] == '\r' || text.p[0] == '\n'))
        text = span_of(text.p + 1, text.len - 1); /* empty lines before it */
    text.len -= 2;
    struct http_request_line line;
    int status = http_request_line_parse(text, &line);
    if (status) {
        http_conn_refuse(c, status,
                         status == 505   ? "Only HTTP/1.0 and HTTP/1.1 are spoken here"
                         : status == 501 ? "This method is not implemented"
                                         : "The request line is not valid");
        return;
    }
    x->method_text = line.method;
    x->method = http_method_of(line.method);
    x->path = line.path;
    x->query = line.query;
    x->authority = line.authority;
    x->is_http10 = line.minor == 0;
    static const char http10[] = "POST / HTTP/1.0\r\n", http11[] = "POST / HTTP/1.1\r\n";
    enum llhttp_errno e = llhttp_execute(&c->in.parser, x->is_http10 ? http10 : http11, sizeof http11 - 1);
    assert(e == HPE_OK);
    (void)e;
}

/* Returns how many bytes were used. Our scan and llhttp must find the header's end at the same byte. */
static size_t take_header(struct http_conn *c, const char *p, size_t n)
{
    struct http_server *s = c->server;
    if (!c->x) {
        c->x = http_exchange_new(c);
        c->since_ms = (int64_t)uv_now(loop_uv(s->loop)); /* the header's clock runs from its first byte */
        if (!c->in.fields.text.p) {
            c->in.fields = s->spare;
            s->spare = (struct http_fields){0};
        }
    }
    bool is_line = c->in.scan.n_lines == 0;
    size_t used = 0;
    enum http_scan_result r = http_scan(&c->in.scan, p, n, &used);
    if (r == HTTP_SCAN_BAD) {
        http_conn_refuse(c, 400, "The header has a bare CR or LF, or a folded line");
        return n;
    }
    if (r == HTTP_SCAN_TOO_BIG) {
        http_conn_refuse(c, is_line ? 414 : 431,
                         is_line ? "The request line is too long" : "The header is too big");
        return n;
    }
    if (is_line) {
        buf_add(&c->x->line, p, used);
        if (r == HTTP_SCAN_FIRST_LINE)
            take_request_line(c);
        return used;
    }
    buf_add(&c->in.fields.text, p, used);
    enum llhttp_errno e = llhttp_execute(&c->in.parser, p, used);
    if (r == HTTP_SCAN_MORE && e == HPE_OK)
        return used;
    if (r == HTTP_SCAN_END && e == HPE_PAUSED && llhttp_get_error_pos(&c->in.parser) == p + used &&
        http_fields_read(&c->in.fields)) {
        llhttp_resume(&c->in.parser);
        dispatch(c);
        return used;
    }
    http_conn_refuse(c, 400, "A header line is not valid");
    return n;
}

static size_t take_body(struct http_conn *c, const char *p, size_t n)
{
    enum llhttp_errno e = llhttp_execute(&c->in.parser, p, n);
    size_t used = n;
    if (e == HPE_PAUSED)
        used = (size_t)(llhttp_get_error_pos(&c->in.parser) - p);
    c->in.n_raw += used;
    if ((e != HPE_OK && e != HPE_PAUSED) || http_message_is_padded(&c->in)) {
        http_conn_refuse(c, 400, "The body is not validly encoded");
        return n;
    }
    if (c->in.is_complete) {
        if (c->x) {
            c->phase = HTTP_PHASE_ANSWER;
        } else {
            begin_request(c);
        }
    } else if (!c->x && c->in.n_raw > HTTP_DRAIN_MAX) {
        c->must_linger = true;
        http_conn_finish(c); /* too much to read away; the answer has been given */
    }
    return used;
}

/* The whole body is there, or more than was allowed; or a piece of a streamed one, or its end. */
static bool is_body_due(const struct http_conn *c)
{
    const struct http_exchange *x = c->x;
    if (x && x->piece_fn)
        return !x->is_paused && (x->body.len > 0 || c->phase == HTTP_PHASE_ANSWER);
    return x && x->body_fn && (c->phase == HTTP_PHASE_ANSWER || c->is_too_big);
}

static void deliver_piece(struct http_exchange *x)
{
    http_piece_fn fn = x->piece_fn;
    struct buf piece = x->body;
    x->body = (struct buf){0};
    bool is_end = piece.len == 0;
    if (is_end)
        x->piece_fn = NULL;
    fn(x, x->piece_arg, buf_span(&piece));
    if (is_end || x->is_over) { /* its memory stays until the turn has ended */
        buf_release(&piece);
        return;
    }
    x->body = piece;
    buf_clear(&x->body);
}

static void deliver_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    if (x->piece_fn) {
        deliver_piece(x);
        return;
    }
    http_body_fn fn = x->body_fn;
    x->body_fn = NULL;
    struct buf body = x->body;
    x->body = (struct buf){0};
    fn(x, x->body_arg, c->is_too_big ? ERR_TOO_BIG : ERR_OK, buf_span(&body));
    buf_release(&body);
}

/* The client has shut its side, and everything before that has been taken. */
static void end_of_input(struct http_conn *c)
{
    if (c->phase == HTTP_PHASE_HEAD && !c->x)
        http_conn_close(c);
    else
        http_conn_refuse(c, 400, "The request is incomplete");
}

static void run(struct http_conn *c, const char *p, size_t n)
{
    assert(!c->is_running);
    c->is_running = true;
    for (;;) {
        if (is_body_due(c)) {
            deliver_body(c);
        } else if (n > 0 && http_conn_wants_input(c)) {
            size_t used = c->phase == HTTP_PHASE_HEAD ? take_header(c, p, n) : take_body(c, p, n);
            p += used;
            n -= used;
        } else {
            break;
        }
    }
    c->is_running = false;
    if (c->phase == HTTP_PHASE_FLUSH || c->phase == HTTP_PHASE_LINGER || c->phase == HTTP_PHASE_CLOSED)
        return; /* whatever else comes is of no interest */
    if (n > 0)
        buf_add(&c->stash, p, n);
    else if (c->has_eof && http_conn_wants_input(c))
        end_of_input(c);
    set_reading(c, c->stash.len < HTTP_STASH_MAX);
}

void http_conn_feed(struct http_conn *c, const char *p, size_t n)
{
    if (c->stash.len == 0) {
        run(c, p, n);
        return;
    }
    buf_add(&c->stash, p, n);
    if (!http_conn_wants_input(c) && !is_body_due(c)) {
        set_reading(c, c->stash.len < HTTP_STASH_MAX);
        return;
    }
    struct buf all = c->stash;
    c->stash = (struct buf){0};
    run(c, all.p, all.len);
    buf_release(&all);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct http_conn *c = stream->data;
    if (n == 0 || c->phase == HTTP_PHASE_CLOSED)
        return;
    if (n == UV_EOF) {
        c->has_eof = true;
        c->is_reading = false; /* libuv stops by itself */
        if (c->phase == HTTP_PHASE_LINGER)
            http_conn_close(c);
        else
            http_conn_feed(c, NULL, 0);
        if (c->phase == HTTP_PHASE_ANSWER && c->x && c->x->shut_fn)
            c->x->shut_fn(c->x, c->x->shut_arg);
    } else if (n < 0) {
        http_conn_close(c); /* reset */
    } else if (c->phase < HTTP_PHASE_FLUSH) {
        http_conn_feed(c, b->base, (size_t)n);
    }
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *out_buf)
{
    (void)size;
    struct http_conn *c = h->data;
    *out_buf = uv_buf_init(c->server->read_buf, HTTP_READ_BYTES);
}

static void set_reading(struct http_conn *c, bool on)
{
    if (c->is_reading == on || c->has_eof || c->phase == HTTP_PHASE_CLOSED)
        return;
    c->is_reading = on;
    if (on)
        (void)uv_read_start(&c->stream, on_alloc, on_read);
    else
        (void)uv_read_stop(&c->stream);
}

/* ---- going on ---- */

static void on_turn(void *arg)
{
    struct http_conn *c = arg;
    c->has_turn = false;
    if (c->is_gone) {
        free_conn(c);
    } else if (c->phase != HTTP_PHASE_CLOSED) {
        if (c->out.error)
            http_conn_close(c);
        else
            http_conn_feed(c, NULL, 0);
    }
}

void http_conn_schedule(struct http_conn *c)
{
    if (c->has_turn)
        return;
    c->has_turn = true;
    loop_defer(c->server->loop, on_turn, c);
}

static void on_sent(struct http_out *out)
{
    struct http_conn *c = CONTAINER_OF(out, struct http_conn, out);
    if (c->phase == HTTP_PHASE_CLOSED)
        return;
    if (out->error) {
        http_conn_close(c);
        return;
    }
    c->moved_ms = (int64_t)uv_now(loop_uv(c->server->loop));
    if (c->x)
        http_exchange_check_drain(c->x);
    if (c->phase == HTTP_PHASE_FLUSH && http_out_queued(out) == 0)
        linger_or_close(c);
    else if (c->phase == HTTP_PHASE_HEAD && http_out_queued(out) == 0 && (c->stash.len || c->has_eof))
        http_conn_schedule(c);
}

bool http_conn_can_drain(const struct http_conn *c)
{
    if (c->phase != HTTP_PHASE_BODY)
        return true;
    const struct http_exchange *x = c->x;
    /* A client that waits for "100 Continue" may or may not send its body now: nobody can tell what comes next. */
    if (x->wants_continue || c->is_too_big)
        return false;
    if (x->content_length < 0)
        return !x->piece_fn; /* given up in the middle: who knows how much a chunk still promises */
    return x->content_length - (int64_t)c->in.n_raw <= HTTP_DRAIN_MAX;
}

void http_conn_answered(struct http_conn *c)
{
    if (c->phase == HTTP_PHASE_CLOSED)
        return;
    if (c->out.error || !c->keep || c->server->is_draining) {
        http_conn_finish(c);
        return;
    }
    if (c->phase == HTTP_PHASE_ANSWER)
        begin_request(c);
    if (!c->is_running && (c->stash.len || c->has_eof))
        http_conn_schedule(c);
}

void http_conn_start(struct http_conn *c)
{
    http_out_init(&c->out, &c->stream, on_sent);
    c->moved_ms = (int64_t)uv_now(loop_uv(c->server->loop));
    begin_request(c);
    set_reading(c, true);
}
