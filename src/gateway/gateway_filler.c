/*
 * What a client hears before its engine answers: comments in an event stream, blanks before JSON, so that it does not give up;
 * and what went wrong, where a status cannot say it any more.
 */
#include "gateway/gateway_proxy.h"

void proxy_add_headers(struct gateway_proxy *p, struct http_headers *to)
{
    http_headers_add_all(to, &p->answer_headers);
    http_headers_release(&p->answer_headers);
    if (p->client.request_id[0])
        http_headers_add(to, "X-Request-Id", span_str(p->client.request_id));
    http_headers_add(to, "X-Content-Type-Options", SPAN_LIT("nosniff"));
    /* The pages of an engine are not hob's: they have no part in its origin. */
    if (p->is_raw)
        http_headers_add(to, "Content-Security-Policy", SPAN_LIT("sandbox allow-scripts allow-forms"));
}

static void begin(struct gateway_proxy *p)
{
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type",
                     p->is_stream ? SPAN_LIT("text/event-stream") : SPAN_LIT("application/json"));
    http_headers_add(&headers, "Cache-Control", SPAN_LIT("no-cache"));
    http_headers_add(&headers, "X-Accel-Buffering", SPAN_LIT("no"));
    proxy_add_headers(p, &headers);
    p->status = 200;
    http_exchange_begin(p->x, 200, &headers, -1);
    http_headers_release(&headers);
}

static void describe(const struct gateway_proxy *p, struct buf *out)
{
    if (p->hold)
        gateway_hold_describe(p->hold, out);
    else if (p->relay && p->s)
        server_use_describe(p->s, &p->use, out);
    else
        buf_add_str(out, "waiting for the engine");
}

/* What it waits for, when that has changed, and every few seconds. */
static void write_comment(struct gateway_proxy *p)
{
    AUTO(buf) struct buf *text = buf_new();
    describe(p, text);
    bool is_news = !span_eq(buf_span(text), buf_span(&p->told));
    if (!is_news && clock_ms() - p->commented_ms < GATEWAY_HOLD_COMMENT_MS)
        return;
    buf_clear(&p->told);
    buf_add_span(&p->told, buf_span(text));
    p->commented_ms = clock_ms();
    AUTO(buf) struct buf *line = buf_new();
    buf_addf(line, ": %s\n\n", buf_str(text));
    http_exchange_write(p->x, buf_span(line));
}

/* Some clients give up after half a minute without a byte. */
static void look_for_silence(struct gateway_proxy *p)
{
    if (p->tally.bytes_out == p->passed_bytes)
        relay_keep_alive(p->relay);
    p->passed_bytes = p->tally.bytes_out;
    loop_timer_start(&p->comment, GATEWAY_HOLD_COMMENT_MS);
}

void proxy_on_comment_due(void *arg)
{
    struct gateway_proxy *p = arg;
    if (p->relay && p->use.has_answered) {
        look_for_silence(p);
        return;
    }
    if (!http_exchange_has_begun(p->x))
        begin(p);
    if (p->is_stream)
        write_comment(p);
    else
        http_exchange_write(p->x, SPAN_LIT(" ")); /* which JSON allows before its value (RFC 8259 2) */
    loop_timer_start(&p->comment, p->is_stream ? 1000 : GATEWAY_BLANK_MS);
}

void proxy_write_failure(struct gateway_proxy *p, const struct gateway_failure *f)
{
    AUTO(buf) struct buf *b = buf_new();
    const char *message = f->message ? f->message : f->why.text;
    const char *type = f->type ? f->type : "server_error";
    if (p->is_stream)
        relay_add_error_event(b, p->shape, tally_status_of(p->g, f), message, type, f->code);
    else
        relay_add_error_body(b, p->shape, tally_status_of(p->g, f), message, type, f->code);
    http_exchange_write(p->x, buf_span(b));
}
