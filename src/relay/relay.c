/* The pump: one upstream call into one exchange, with backpressure. Copies nothing itself on the way. */
#include "relay/relay.h"

#include <strings.h>

enum relay_mode {
    RELAY_WAITING, /* no header yet */
    RELAY_PASSING, /* bytes go downstream as they come */
    RELAY_COLLECTING /* downstream is an event stream already and this body is none: it is turned into an event */
};

struct relay {
    struct http_call *call;
    struct http_exchange *x;
    struct relay_events ev;
    void *arg;
    struct relay_options options;
    int retry_after_s;
    enum relay_mode mode;
    bool is_stream; /* what goes downstream is an event stream */
    bool corked;
    bool at_boundary; /* the last byte passed ends a line, so that an error event can follow */
    struct buf collected;
    struct relay_probe probe;
    struct relay_outcome outcome;
};

static void free_relay(struct relay *r)
{
    relay_probe_forget(&r->probe);
    buf_release(&r->collected);
    free(r);
}

static void unhook(struct relay *r)
{
    http_exchange_on_gone(r->x, NULL, NULL);
    http_exchange_on_drain(r->x, NULL, NULL);
    relay_probe_stop(&r->probe);
}

static void finish(struct relay *r)
{
    r->ev.on_done(r->arg, &r->outcome);
    free_relay(r);
}

static void on_client_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    struct relay *r = arg;
    struct err_text why;
    http_call_cancel(TAKE(r->call));
    r->x = NULL;
    r->outcome.err = err_set(&why, ERR_CANCELLED, "the client went away");
    r->outcome.why = &why;
    r->outcome.answered = r->outcome.client_gone = true;
    finish(r);
}

static void on_client_drained(struct http_exchange *x, void *arg)
{
    (void)x;
    struct relay *r = arg;
    if (r->call)
        http_call_resume(r->call);
}

static const char *filler(void *arg)
{
    const struct relay *r = arg;
    if (r->options.is_json)
        return r->mode == RELAY_WAITING ? " " : NULL;
    return r->at_boundary && (r->is_stream || r->mode == RELAY_WAITING) ? ":\n" : NULL;
}

/* ---- header ---- */

static bool is_listed(struct span list, struct span name)
{
    while (list.len > 0) {
        struct span rest, item = span_trim(span_cut(list, ',', &rest));
        if (item.len == name.len && item.len > 0 && strncasecmp(item.p, name.p, name.len) == 0)
            return true;
        list = rest;
    }
    return false;
}

/* Hop-by-hop fields (RFC 9110 7.6.1), those that we write ourselves, and those that would speak for our origin. */
static bool is_dropped(enum http_field field, struct span name)
{
    static const char cors[] = "Access-Control-";
    switch ((unsigned)field) {
    case HTTP_FIELD_OTHER:
        return name.len >= sizeof cors - 1 && strncasecmp(name.p, cors, sizeof cors - 1) == 0;
    case HTTP_FIELD_ALT_SVC:
    case HTTP_FIELD_CONNECTION:
    case HTTP_FIELD_CONTENT_LENGTH:
    case HTTP_FIELD_DATE:
    case HTTP_FIELD_KEEP_ALIVE:
    case HTTP_FIELD_PROXY_AUTHENTICATE:
    case HTTP_FIELD_PROXY_CONNECTION:
    case HTTP_FIELD_SERVER:
    case HTTP_FIELD_SET_COOKIE:
    case HTTP_FIELD_STRICT_TRANSPORT_SECURITY:
    case HTTP_FIELD_TE:
    case HTTP_FIELD_TRAILER:
    case HTTP_FIELD_TRANSFER_ENCODING:
    case HTTP_FIELD_UPGRADE:
    case HTTP_FIELD_X_ACCEL_BUFFERING:
    case HTTP_FIELD_X_REQUEST_ID: return true;
    default: return false;
    }
}

/* What `to` has already stands in the stead of the engine's. */
static void pass_fields(const struct http_fields *from, struct http_headers *to)
{
    struct span connection = http_fields_get(from, HTTP_FIELD_CONNECTION);
    size_t n_added = to->bytes.len;
    for (size_t i = 0; i < from->n; i++) {
        struct span name = http_fields_name(from, i);
        if (!is_dropped(from->lines[i].field, name) && !is_listed(connection, name) &&
            !http_lines_have(span_of(to->bytes.p, n_added), name))
            http_headers_pass(to, from, i);
    }
}

/* to: what is added. */
static void begin_downstream(struct relay *r, int status, const struct http_fields *from,
                             struct http_headers *to)
{
    pass_fields(from, to);
    uint64_t length;
    int64_t content_length = -1;
    if (r->is_stream)
        http_headers_add(to, "X-Accel-Buffering", SPAN_LIT("no"));
    else if (http_fields_count(from, HTTP_FIELD_TRANSFER_ENCODING) == 0 &&
             span_to_u64(http_fields_get(from, HTTP_FIELD_CONTENT_LENGTH), &length) && length < INT64_MAX)
        content_length = (int64_t)length;
    http_exchange_begin(r->x, status, to, content_length);
}

/* An engine's error is read to its end first: the caller gives it the client's form. */
static bool is_error(const struct relay *r, int status)
{
    return status >= 400 && !r->options.is_raw;
}

/* Seconds only (RFC 9110 10.2.3 also allows a date). */
static int retry_after_of(const struct http_fields *fields)
{
    uint64_t s;
    return span_to_u64(http_fields_get(fields, HTTP_FIELD_RETRY_AFTER), &s) && s < 86400 ? (int)s : 0;
}

static void take_headers(struct relay *r, int status, const struct http_fields *fields,
                         struct http_headers *add)
{
    bool is_stream = relay_is_event_stream(fields);
    bool has_begun = http_exchange_has_begun(r->x);
    r->outcome.answered = !is_error(r, status);
    r->mode = RELAY_PASSING;
    if (is_error(r, status)) {
        r->retry_after_s = retry_after_of(fields);
        r->is_stream = has_begun && !r->options.is_json;
        r->mode = RELAY_COLLECTING;
    } else if (has_begun && r->options.is_json) {
        r->is_stream = false;
    } else if (has_begun) {
        r->is_stream = true;
        r->mode = is_stream ? RELAY_PASSING : RELAY_COLLECTING;
    } else {
        r->is_stream = is_stream;
        begin_downstream(r, status, fields, add);
    }
}

static void on_upstream_headers(struct http_call *call, void *arg, int status,
                                const struct http_fields *fields)
{
    struct relay *r = arg;
    struct http_headers add = {0};
    r->outcome.status = status;
    bool is_wanted = !r->ev.on_headers || r->ev.on_headers(r->arg, status, fields, &add);
    if (is_wanted) {
        take_headers(r, status, fields, &add);
    } else {
        http_call_cancel(call);
        r->call = NULL;
        unhook(r);
        finish(r);
    }
    http_headers_release(&add);
}

/* ---- body ---- */

static void on_upstream_body(struct http_call *call, void *arg, struct span data)
{
    struct relay *r = arg;
    if (data.len == 0)
        return;
    if (r->ev.on_body)
        r->ev.on_body(r->arg, data);
    if (r->mode == RELAY_COLLECTING) {
        if (r->collected.len + data.len <= RELAY_MAX_COLLECTED_BYTES)
            buf_add_span(&r->collected, data);
        return;
    }
    if (!r->corked) {
        r->corked = true;
        http_exchange_cork(r->x);
    }
    http_exchange_write(r->x, data);
    r->at_boundary = data.p[data.len - 1] == '\n';
    if (http_exchange_is_full(r->x))
        http_call_pause(call);
}

static void uncork(struct relay *r)
{
    if (r->corked) {
        r->corked = false;
        http_exchange_uncork(r->x);
    }
}

static void on_upstream_flush(struct http_call *call, void *arg)
{
    (void)call;
    uncork(arg);
}

/* ---- end ---- */

static void write_downstream(struct relay *r, const struct buf *b)
{
    http_exchange_write(r->x, buf_span(b));
}

static void fail_downstream(struct relay *r, const char *message, const char *type, const char *code)
{
    if (r->is_stream) {
        AUTO(buf) struct buf *b = buf_new();
        if (r->mode == RELAY_PASSING)
            buf_add_str(b, r->at_boundary ? "\n" : "\n\n");
        relay_add_error_event(b, r->options.shape, 502, message, type, code);
        write_downstream(r, b);
    }
    http_exchange_abort(r->x);
}

/* A whole body that is no event stream, for a client that was promised one. */
static void deliver_collected(struct relay *r)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (json_parse(buf_span(&r->collected), &doc, NULL) != ERR_OK) {
        fail_downstream(r, relay_failure_text(ERR_PROTOCOL), "server_error",
                        relay_failure_code(ERR_PROTOCOL));
        return;
    }
    /* Written anew, because line ends inside would end the event. */
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer w;
    buf_add_str(b, "data: ");
    jw_init(&w, b);
    jw_val(&w, yyjson_doc_get_root(doc));
    buf_add_str(b, "\n\ndata: [DONE]\n\n");
    write_downstream(r, b);
    http_exchange_end(r->x);
}

static void on_upstream_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    struct relay *r = arg;
    r->call = NULL;
    r->outcome.err = e;
    r->outcome.why = why;
    unhook(r);
    if (r->mode != RELAY_WAITING)
        uncork(r);
    if (r->mode == RELAY_WAITING) {
        r->outcome.answered = false;
    } else if (!r->outcome.answered) {
        /* An error of which a part is missing is one all the same. */
        r->outcome.err = ERR_OK;
        r->outcome.error_body = buf_span(&r->collected);
        r->outcome.retry_after_s = r->retry_after_s;
    } else if (e) {
        fail_downstream(r, relay_failure_text(e), "server_error", relay_failure_code(e));
    } else if (r->mode == RELAY_COLLECTING) {
        deliver_collected(r);
    } else {
        http_exchange_end(r->x);
    }
    r->x = NULL;
    finish(r);
}

struct relay *relay_pump(struct loop *l, struct http_client *client, const struct http_endpoint *to,
                         const struct http_call_options *options, const struct relay_options *relay_options,
                         struct http_exchange *x, const struct relay_events *events, void *arg)
{
    static const struct http_call_events call_events = {.on_headers = on_upstream_headers,
                                                        .on_body = on_upstream_body,
                                                        .on_flush = on_upstream_flush,
                                                        .on_done = on_upstream_done};
    struct relay *r = xcalloc(1, sizeof *r);
    r->x = x;
    r->ev = *events;
    r->options = *relay_options;
    r->arg = arg;
    r->at_boundary = true;
    http_exchange_on_gone(x, on_client_gone, r);
    http_exchange_on_drain(x, on_client_drained, r);
    relay_probe_start(&r->probe, l, x, filler, r);
    r->call = http_call_start(client, to, options, &call_events, r);
    return r;
}

void relay_keep_alive(struct relay *r)
{
    if (r->x && r->is_stream && r->mode == RELAY_PASSING && r->at_boundary && !http_exchange_is_full(r->x))
        http_exchange_write(r->x, SPAN_LIT(":\n"));
}

void relay_cancel(struct relay *r)
{
    if (r->call)
        http_call_cancel(TAKE(r->call));
    if (r->corked)
        uncork(r);
    unhook(r);
    free_relay(r);
}
