/* What a connection must do in time, looked at from time to time: its header, its body, its reading, its end. */
#include "http/http_conn.h"

static void check_body_rate(struct http_conn *c, int64_t now_ms)
{
    const struct http_limits *l = &c->server->limits;
    if (!http_conn_wants_input(c) || c->stash.len) {
        c->since_ms = now_ms; /* we are the slow ones */
        c->mark = c->in.n_raw;
        return;
    }
    int64_t took_ms = now_ms - c->since_ms;
    if (took_ms < l->body_window_ms)
        return;
    if ((int64_t)(c->in.n_raw - c->mark) * 1000 < l->min_body_bytes_per_s * took_ms) {
        http_conn_refuse(c, 408, "The body comes too slowly");
        return;
    }
    c->since_ms = now_ms;
    c->mark = c->in.n_raw;
}

static bool is_stalled(struct http_conn *c, int64_t now_ms)
{
    size_t queued = http_out_queued(&c->out);
    if (queued == 0 || queued < c->was_queued)
        c->moved_ms = now_ms;
    c->was_queued = queued;
    return now_ms - c->moved_ms >= c->server->limits.stalled_reader_ms;
}

void http_conn_check(struct http_conn *c, int64_t now_ms)
{
    const struct http_limits *l = &c->server->limits;
    if (is_stalled(c, now_ms)) {
        c->must_reset = true; /* else the kernel would go on offering what nobody reads */
        http_conn_close(c);
        return;
    }
    switch (c->phase) {
    case HTTP_PHASE_HEAD:
        if (c->x && now_ms - c->since_ms >= l->header_timeout_ms)
            http_conn_refuse(c, 408, "The header did not come in time");
        else if (!c->x && now_ms - c->since_ms >= l->idle_timeout_ms)
            http_conn_close(c);
        break;
    case HTTP_PHASE_BODY: check_body_rate(c, now_ms); break;
    case HTTP_PHASE_LINGER:
        if (now_ms - c->since_ms >= l->linger_ms)
            http_conn_close(c);
        break;
    case HTTP_PHASE_ANSWER:
    case HTTP_PHASE_FLUSH:
    case HTTP_PHASE_CLOSED: break;
    }
}
