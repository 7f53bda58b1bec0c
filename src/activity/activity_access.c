/* The access line: one a request, cheap, and nothing in it can look like another field or another line. */
#include "activity/activity_room.h"

#define MAX_FIELD_BYTES 200

/* name="text" in quotes, cut where it is too long; log_later takes care of control characters. */
static void add_quoted(struct buf *b, const char *name, struct span text)
{
    size_t n = utf8_floor(text, MAX_FIELD_BYTES);
    buf_addf(b, " %s=\"", name);
    for (size_t i = 0; i < n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_add_char(b, '\\');
        buf_add_char(b, text.p[i]);
    }
    buf_add_char(b, '"');
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
    buf_addf(b, "%s", l->method);
    add_quoted(b, "path", l->path);
    if (l->status)
        buf_addf(b, " status=%d", l->status);
    else
        buf_add_str(b, " status=gone");
    buf_addf(b, " bytes=%lld ms=%lld", (long long)l->bytes_out, (long long)l->total_ms);
    add_optional(b, "server", l->server);
    add_optional(b, "model", l->model);
    add_optional(b, "user", l->user);
    add_optional(b, "key", l->key);
    if (l->tokens_in >= 0)
        buf_addf(b, " in=%lld", (long long)l->tokens_in);
    if (l->tokens_out >= 0)
        buf_addf(b, " out=%lld", (long long)l->tokens_out);
    if (l->code)
        buf_addf(b, " code=%s", l->code);
    buf_addf(b, " id=%s", l->request_id);
    if (log_later(LOG_INFO, buf_span(b)))
        loop_defer(a->loop, flush, NULL);
}
