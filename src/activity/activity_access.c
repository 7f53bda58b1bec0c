/* The access line: one a request, cheap, and nothing in it can look like another field or another line. */
#include "activity/activity_access.h"
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

void access_add_path(struct buf *b, struct span path, int status)
{
    add_quoted(b, " path=\"", path);
    if (status)
        add_number(b, " status=", status);
    else
        buf_add_str(b, " status=gone");
}

void access_add_names(struct buf *b, const char *server, const char *model, const char *user, const char *key)
{
    add_optional(b, " server=\"", server);
    add_optional(b, " model=\"", model);
    add_optional(b, " user=\"", user);
    add_optional(b, " key=\"", key);
}

static void add_sizes(struct buf *b, int64_t bytes_out, int64_t total_ms)
{
    add_number(b, " bytes=", bytes_out);
    add_number(b, " ms=", total_ms);
}

static void add_end(struct buf *b, int64_t tokens_in, int64_t tokens_out, const char *code,
                    const char *request_id)
{
    if (tokens_in >= 0)
        add_number(b, " in=", tokens_in);
    if (tokens_out >= 0)
        add_number(b, " out=", tokens_out);
    if (code) {
        buf_add_str(b, " code=");
        buf_add_str(b, code);
    }
    buf_add_str(b, " id=");
    buf_add_str(b, request_id);
}

static void flush(void *arg)
{
    (void)arg;
    log_flush();
}

static void write_line(struct activity *a)
{
    if (log_later(LOG_INFO, buf_span(&a->line)))
        loop_defer(a->loop, flush, NULL);
}

void activity_log_line(struct activity *a, const struct activity_line *l)
{
    struct buf *b = &a->line;
    if (!log_is_on(LOG_INFO))
        return;
    buf_clear(b);
    buf_add_str(b, l->method);
    access_add_path(b, l->path, l->status);
    add_sizes(b, l->bytes_out, l->total_ms);
    access_add_names(b, l->server, l->model, l->user, l->key);
    add_end(b, l->tokens_in, l->tokens_out, l->code, l->request_id);
    write_line(a);
}

void access_log_row(struct activity *a, const char *method, const struct batch *batch,
                    const struct activity_row *row)
{
    const struct activity_kind *kind = row->kind;
    const struct batch_text *text = batch_text_of(batch, row);
    struct buf *b = &a->line;
    if (!log_is_on(LOG_INFO))
        return;
    buf_clear(b);
    buf_add_str(b, method);
    buf_add(b, text->line.p, text->path_len);
    add_sizes(b, row->bytes_out, row->total_ms);
    buf_add(b, text->line.p + text->path_len, text->line.len - text->path_len);
    add_end(b, row->tokens_in, row->tokens_out, kind->client_gone && !kind->code ? "client_gone" : kind->code,
            row->request_id);
    write_line(a);
}
