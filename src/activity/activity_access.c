/* The access line: one a request, cheap, and nothing in it can look like another field or another line. */
#include "activity/activity_room.h"

#define MAX_FIELD_BYTES 200

/* ` name="` and the text, cut where it is too long; log_later takes care of control characters. */
static void add_quoted(struct buf *b, const char *name, struct span text)
{
    size_t n = utf8_floor(text, MAX_FIELD_BYTES);
    buf_add_str(b, name);
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\') {
            buf_add(b, text.p + from, i - from);
            buf_add_char(b, '\\');
            from = i;
        }
    }
    buf_add(b, text.p + from, n - from);
    buf_add_char(b, '"');
}

static void add_number(struct buf *b, const char *name, int64_t v)
{
    buf_add_str(b, name);
    buf_add_i64(b, v);
}

static void add_optional(struct buf *b, const char *name, const char *text)
{
    if (text && text[0])
        add_quoted(b, name, span_str(text));
}

static void flush(void *arg)
{
    (void)arg;
    log_flush();
}

void activity_log_line(struct activity *a, const struct activity_line *l)
{
    if (!log_is_on(LOG_INFO))
        return;
    struct buf *b = &a->line;
    buf_clear(b);
    buf_add_str(b, l->method);
    add_quoted(b, " path=\"", l->path);
    if (l->status)
        add_number(b, " status=", l->status);
    else
        buf_add_str(b, " status=gone");
    add_number(b, " bytes=", l->bytes_out);
    add_number(b, " ms=", l->total_ms);
    add_optional(b, " server=\"", l->server);
    add_optional(b, " model=\"", l->model);
    add_optional(b, " user=\"", l->user);
    add_optional(b, " key=\"", l->key);
    if (l->tokens_in >= 0)
        add_number(b, " in=", l->tokens_in);
    if (l->tokens_out >= 0)
        add_number(b, " out=", l->tokens_out);
    if (l->code) {
        buf_add_str(b, " code=");
        buf_add_str(b, l->code);
    }
    buf_add_str(b, " id=");
    buf_add_str(b, l->request_id);
    if (log_later(LOG_INFO, buf_span(b)))
        loop_defer(a->loop, flush, NULL);
}
