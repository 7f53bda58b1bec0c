/* One connection to an engine: connecting, reading one response after another. */
#include "http/http_call.h"

#include <sys/un.h>

/* From on_headers_complete: no body follows, whatever the fields say (RFC 9112 6.3). */
#define SKIP_BODY 1

/* ---- llhttp's callbacks ---- */

static struct http_upstream *of(const llhttp_t *parser)
{
    struct http_message *m = parser->data;
    return CONTAINER_OF(m, struct http_upstream, in);
}

/* What frames the body must be unambiguous (RFC 9112 6.3): a response read in two ways is two responses. */
static bool is_well_framed(const struct http_upstream *up)
{
    const llhttp_t *p = &up->in.parser;
    const struct http_fields *f = &up->in.fields;
    size_t n_te = http_fields_count(f, HTTP_FIELD_TRANSFER_ENCODING);
    size_t n_length = http_fields_count(f, HTTP_FIELD_CONTENT_LENGTH);
    if (p->http_major != 1 || n_length > 1 || n_te > 1 || (n_te && n_length))
        return false;
    if (n_te &&
        (p->http_minor == 0 || !span_is_ci(http_fields_get(f, HTTP_FIELD_TRANSFER_ENCODING), "chunked")))
        return false;
    uint64_t length;
    return n_length == 0 || span_to_u64(http_fields_get(f, HTTP_FIELD_CONTENT_LENGTH), &length);
}

static int on_headers_complete(llhttp_t *parser)
{
    struct http_upstream *up = of(parser);
    int status = parser->status_code;
    struct http_call *call = up->call;
    if (!call || !http_fields_read(&up->in.fields) || !is_well_framed(up) || status < 100 || status == 101 ||
        status > 599)
        return -1;
    parser->upgrade = 0;
    if (status < 200)
        return ++up->n_interim > HTTP_CLIENT_INTERIM_MAX ? -1 : SKIP_BODY;
    up->in.in_header = false;
    up->has_headers = true;
    bool is_head = call->is_head;
    up->keep = llhttp_should_keep_alive(parser);
    if (is_head && !(parser->flags & F_CONNECTION_CLOSE) && parser->http_minor > 0)
        up->keep = true; /* llhttp takes a HEAD response without length for one that ends by close */
    http_call_headers(call, status, &up->in.fields);
    if (up->call != call)
        return -1; /* cancelled meanwhile */
    return is_head || status == 204 || status == 304 ? SKIP_BODY : 0;
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
    struct http_upstream *up = of(parser);
    up->in.n_content += n;
    if (up->call)
        http_call_body(up->call, span_of(p, n));
    return up->call ? 0 : -1; /* cancelled meanwhile */
}

static int on_message_complete(llhttp_t *parser)
{
    struct http_upstream *up = of(parser);
    if (!up->has_headers) { /* 1xx: the next one follows, with a header of its own */
        http_fields_clear(&up->in.fields);
        up->in.scan = (struct http_scan){.max_bytes = HTTP_CLIENT_HEADER_BYTES,
                                         .max_lines = HTTP_CLIENT_HEADER_LINES};
        return 0;
    }
    up->in.is_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t *response_settings(void)
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

static void begin_response(struct http_upstream *up)
{
    struct http_client *c = up->client;
    http_message_begin(&up->in, HTTP_RESPONSE, response_settings(), HTTP_CLIENT_HEADER_BYTES,
                       HTTP_CLIENT_HEADER_LINES);
    up->n_interim = 0;
    up->keep = up->has_headers = up->saw_bytes = false;
    if (!up->in.fields.text.p) {
        up->in.fields = c->spare;
        c->spare = (struct http_fields){0};
    }
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *h)
{
    struct http_upstream *up = h->data;
    http_fields_release(&up->in.fields);
    http_out_release(&up->out);
    http_client_upstream_gone(up->client, up);
    free(up);
}

void http_upstream_close(struct http_upstream *up)
{
    if (up->is_closed)
        return;
    up->is_closed = true;
    up->call = NULL;
    if (!list_is_empty(&up->idle_node)) {
        list_remove(&up->idle_node);
        up->target->n_idle--;
    }
    uv_close(&up->handle, on_closed);
    struct http_target *t = up->target;
    up->target = NULL;
    http_target_unuse(t);
}

/* Closes and tells the call, which may send itself again. */
static void fail(struct http_upstream *up, enum err e, const char *why)
{
    struct http_call *call = up->call;
    bool saw_bytes = up->saw_bytes, was_used = up->was_used;
    http_upstream_close(up);
    if (call)
        http_call_broken(call, saw_bytes, was_used, e, why);
}

static void complete(struct http_upstream *up, bool has_more)
{
    struct http_call *call = up->call;
    /* A response that overtook its request leaves half a request in the pipe. */
    bool keep = up->keep && !has_more && http_out_queued(&up->out) == 0 && up->out.error == 0 &&
                !call->source;
    up->call = NULL;
    up->was_used = true;
    if (keep)
        http_target_give_idle(up);
    else
        http_upstream_close(up);
    http_call_complete(call);
}

/* ---- reading ---- */

/*
 * Line discipline first, then llhttp; both must find the header's end at the same byte. False when it is no HTTP.
 * A response without a body is complete with its header.
 */
static bool take_header(struct http_upstream *up, const char *p, size_t n, size_t *out_used)
{
    unsigned n_interim = up->n_interim;
    bool is_status_line = up->in.scan.n_lines == 0;
    enum http_scan_result r = http_scan(&up->in.scan, p, n, out_used);
    if (r == HTTP_SCAN_BAD || r == HTTP_SCAN_TOO_BIG || up->in.scan.n_empty)
        return false;
    if (!is_status_line)
        buf_add(&up->in.fields.text, p, *out_used);
    enum llhttp_errno e = llhttp_execute(&up->in.parser, p, *out_used);
    if (e != HPE_OK && !up->in.is_complete)
        return false;
    bool has_ended = !up->in.in_header || up->n_interim != n_interim;
    return (r == HTTP_SCAN_END) == has_ended;
}

static bool take_body(struct http_upstream *up, const char *p, size_t n, size_t *out_used)
{
    enum llhttp_errno e = llhttp_execute(&up->in.parser, p, n);
    *out_used = e == HPE_PAUSED ? (size_t)(llhttp_get_error_pos(&up->in.parser) - p) : n;
    up->in.n_raw += *out_used;
    return (e == HPE_OK || up->in.is_complete) && !http_message_is_padded(&up->in);
}

static void feed(struct http_upstream *up, const char *p, size_t n)
{
    struct http_call *call = up->call;
    bool is_good = true;
    while (n > 0 && is_good && !up->in.is_complete) {
        size_t used = 0;
        is_good = up->in.in_header ? take_header(up, p, n, &used) : take_body(up, p, n, &used);
        if (up->has_headers && up->in.fields.text.p)
            http_fields_give(&up->in.fields, &up->client->spare); /* an open stream holds no header memory */
        if (up->call != call)
            return; /* cancelled by a callback */
        p += used;
        n -= used;
    }
    if (up->has_headers && call->ev.on_flush) {
        call->ev.on_flush(call, call->arg);
        if (up->call != call)
            return;
    }
    if (!is_good)
        fail(up, ERR_PROTOCOL, "the answer is not valid HTTP");
    else if (up->in.is_complete)
        complete(up, n > 0);
}

static void end_of_input(struct http_upstream *up)
{
    /* A body without length or chunks ends here, any other is cut off (RFC 9112 8). */
    if (up->has_headers)
        (void)llhttp_finish(&up->in.parser); /* on_message_complete if the body may end so */
    bool is_whole = up->has_headers && up->in.is_complete;
    up->keep = false;
    if (!up->call)
        http_upstream_close(up);
    else if (is_whole)
        complete(up, false);
    else
        fail(up, ERR_CLOSED,
             up->has_headers ? "the connection closed in the middle of the answer"
             : up->saw_bytes ? "the connection closed in the middle of the answer's header"
                             : "the connection closed before an answer came");
}

void http_upstream_feed(struct http_upstream *up, const char *p, size_t n)
{
    if (up->is_closed)
        return;
    if (!p) {
        end_of_input(up);
    } else if (!up->call) {
        http_upstream_close(up); /* nobody asked */
    } else {
        up->saw_bytes = true;
        up->call->last_byte_ms = (int64_t)uv_now(loop_uv(up->client->loop));
        feed(up, p, n);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct http_upstream *up = stream->data;
    if (n == 0 || up->is_closed)
        return;
    if (n > 0) {
        http_upstream_feed(up, b->base, (size_t)n);
    } else if (n == UV_EOF) {
        up->is_reading = false;
        http_upstream_feed(up, NULL, 0);
    } else {
        bool is_gone = n == UV_ECONNRESET || n == UV_EPIPE;
        fail(up, is_gone ? ERR_CLOSED : ERR_IO, is_gone ? "the connection was reset" : uv_strerror((int)n));
    }
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *out_buf)
{
    (void)size;
    struct http_upstream *up = h->data;
    *out_buf = uv_buf_init(up->client->read_buf, HTTP_CLIENT_READ_BYTES);
}

void http_upstream_set_reading(struct http_upstream *up, bool on)
{
    if (up->is_reading == on || up->is_closed)
        return;
    up->is_reading = on;
    if (on)
        (void)uv_read_start(&up->stream, on_alloc, on_read);
    else
        (void)uv_read_stop(&up->stream);
}

void http_upstream_expect(struct http_upstream *up, struct http_call *call)
{
    up->call = call;
    begin_response(up);
    http_upstream_set_reading(up, !call->is_paused);
}

/* ---- connecting ---- */

static void on_sent(struct http_out *out)
{
    /* A failed write is no news yet: the engine may have answered before it closed. Reading tells. */
    struct http_upstream *up = CONTAINER_OF(out, struct http_upstream, out);
    if (up->call)
        http_call_sent(up->call);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct http_upstream *up = req->data;
    free(req);
    if (up->is_closed) /* on_closed, which frees up, comes after this */
        return;
    up->connecting = NULL;
    struct http_call *call = up->call;
    if (status < 0)
        http_upstream_close(up);
    else if (!up->target->unix_path)
        (void)uv_tcp_nodelay(&up->tcp, 1);
    http_call_connected(call, status);
}

static int begin_connect(struct http_upstream *up)
{
    const struct http_target *t = up->target;
    uv_connect_t *req = up->connecting;
    if (t->unix_path) {
        /* libuv cuts longer ones off in silence. */
        if (strlen(t->unix_path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
            return UV_ENAMETOOLONG;
        uv_pipe_connect(req, &up->pipe, t->unix_path, on_connect);
        return 0;
    }
    struct sockaddr_storage a = {0};
    if (uv_ip4_addr(t->host, t->port, (struct sockaddr_in *)&a) != 0 &&
        uv_ip6_addr(t->host, t->port, (struct sockaddr_in6 *)&a) != 0)
        return UV_EINVAL;
    return uv_tcp_connect(req, &up->tcp, (const struct sockaddr *)&a, on_connect);
}

struct http_upstream *http_upstream_new(struct http_target *t, struct http_call *call, int *out_error)
{
    struct http_client *c = t->client;
    struct http_upstream *up = xcalloc(1, sizeof *up);
    int e = t->unix_path ? uv_pipe_init(loop_uv(c->loop), &up->pipe, 0)
                         : uv_tcp_init(loop_uv(c->loop), &up->tcp);
    assert(e == 0);
    up->handle.data = up;
    up->client = c;
    up->target = t;
    up->call = call;
    t->n_users++;
    list_init(&up->idle_node);
    list_push_back(&c->upstreams, &up->node);
    c->n_upstreams++;
    http_out_init(&up->out, &up->stream, on_sent);
    up->connecting = xcalloc(1, sizeof *up->connecting);
    up->connecting->data = up;
    e = begin_connect(up);
    if (e != 0) {
        free(up->connecting);
        up->connecting = NULL;
        http_upstream_close(up);
        *out_error = e;
        return NULL;
    }
    return up;
}
