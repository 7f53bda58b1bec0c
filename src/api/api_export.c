/* Conversations as downloads that are written while they are read. */
#include <time.h>

#include "api/api_file_name.h"
#include "api/api_req.h"

#define MAX_TITLE_IN_NAME_BYTES 80

struct download {
    struct api_req *r;
    struct chat_export *export;
    enum chat_export_format format;
};

static void download_free(struct download *d)
{
    d->r->state = NULL;
    free(d);
}

/* Characters that some system does not take in a file name. */
static void add_name_part(struct buf *out, struct span title)
{
    struct buf cut = {0};
    buf_add(&cut, title.p, utf8_floor(title, MAX_TITLE_IN_NAME_BYTES));
    for (size_t i = 0; i < cut.len; i++) {
        if ((unsigned char)cut.p[i] < ' ' || strchr("\"*:<>?|/\\", cut.p[i]))
            cut.p[i] = '_';
    }
    file_name_clean(buf_span(&cut), out);
    buf_release(&cut);
}

/* hob-TITLE-2026-11-24.json; title may be NULL. */
static void write_file_name(struct buf *out, const char *title, enum chat_export_format format)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    char date[20] = "";
    if (gmtime_r(&now, &tm))
        (void)strftime(date, sizeof date, "%Y-%m-%d", &tm);
    buf_add_str(out, "hob-");
    if (title)
        add_name_part(out, span_str(title));
    else
        buf_add_str(out, "all");
    buf_addf(out, "-%s.%s", date, format == CHAT_EXPORT_JSON ? "json" : "md");
}

static void on_export_begin(void *arg, const char *title)
{
    struct download *d = arg;
    struct http_headers h = {0};
    AUTO(buf) struct buf *name = buf_new(), *value = buf_new();
    bool is_json = d->format == CHAT_EXPORT_JSON;
    write_file_name(name, title, d->format);
    file_name_add_disposition(buf_str(name), false, value);
    http_headers_add(&h, "Content-Disposition", buf_span(value));
    api_download_begin(d->r, is_json ? "application/json" : "text/markdown; charset=utf-8", &h);
    http_headers_release(&h);
}

static bool on_export_text(void *arg, struct span text)
{
    struct download *d = arg;
    http_exchange_write(d->r->x, text);
    return !http_exchange_is_full(d->r->x);
}

static void on_export_end(void *arg, enum err e, const struct err_text *why)
{
    struct download *d = arg;
    struct api_req *r = d->r;
    bool has_begun = http_exchange_has_begun(r->x);
    download_free(d);
    if (e == ERR_NOT_FOUND && !has_begun) {
        api_reply_error(r, &(struct api_error){.err = e,
                                               .code = "conversation_not_found",
                                               .message = "There is no such conversation."});
    } else if (!has_begun) {
        api_reply_err(r, e, why);
    } else if (e) {
        log_warn("an export broke off: %s", why->text);
        api_download_break(r);
    } else {
        api_stream_end(r);
    }
}

static void on_export_drain(struct http_exchange *x, void *arg)
{
    (void)x;
    struct download *d = arg;
    chat_export_resume(d->export);
}

/* The client, its right or hob itself has gone. */
static void on_export_gone(struct api_req *r)
{
    struct download *d = r->state;
    chat_export_cancel(d->export);
    download_free(d);
    api_req_free(r);
}

static void start_export(struct api_req *r, const char *conversation_id)
{
    static const struct chat_export_events events = {on_export_begin, on_export_text, on_export_end};
    AUTO(buf) struct buf *format = buf_new();
    (void)api_query(r, "format", format);
    bool is_markdown = span_is(buf_span(format), "markdown");
    if (format->len && !is_markdown && !span_is(buf_span(format), "json")) {
        api_reply_error(
            r, &(struct api_error){.err = ERR_INVALID, .message = "\"format\" must be json or markdown."});
        return;
    }
    struct download *d = xcalloc(1, sizeof *d);
    d->r = r;
    d->format = is_markdown ? CHAT_EXPORT_MARKDOWN : CHAT_EXPORT_JSON;
    r->state = d;
    r->on_gone = on_export_gone;
    http_exchange_on_drain(r->x, on_export_drain, d);
    d->export = chat_export_start(r->api->o.chat, r->who.user_id, conversation_id, d->format, &events, d);
}

static void export_one(struct api_req *r)
{
    start_export(r, r->param);
}

static void export_all(struct api_req *r)
{
    start_export(r, NULL);
}

static const struct api_route export_table[] = {
    ROUTE(GET, "/api/conversations/{id}/export", API_USER, API_STREAM, 0, export_one),
    ROUTE(GET, "/api/export", API_USER, API_STREAM, 0, export_all),
};
API_ROUTES(api_export_routes, export_table);
