/* Header fields as they came: their lines found once, and the names that hob asks for. */
#include "http/http_parse.h"

#define SPARE_MAX_BYTES (8 * 1024)

/* In the order of enum http_field. */
static const char *const names[HTTP_N_FIELDS] = {
    [HTTP_FIELD_OTHER] = "",
    [HTTP_FIELD_TE] = "TE",
    [HTTP_FIELD_DATE] = "Date",
    [HTTP_FIELD_HOST] = "Host",
    [HTTP_FIELD_RANGE] = "Range",
    [HTTP_FIELD_ACCEPT] = "Accept",
    [HTTP_FIELD_COOKIE] = "Cookie",
    [HTTP_FIELD_EXPECT] = "Expect",
    [HTTP_FIELD_ORIGIN] = "Origin",
    [HTTP_FIELD_SERVER] = "Server",
    [HTTP_FIELD_ALT_SVC] = "Alt-Svc",
    [HTTP_FIELD_TRAILER] = "Trailer",
    [HTTP_FIELD_UPGRADE] = "Upgrade",
    [HTTP_FIELD_IF_MATCH] = "If-Match",
    [HTTP_FIELD_IF_RANGE] = "If-Range",
    [HTTP_FIELD_X_API_KEY] = "X-Api-Key",
    [HTTP_FIELD_CONNECTION] = "Connection",
    [HTTP_FIELD_KEEP_ALIVE] = "Keep-Alive",
    [HTTP_FIELD_SET_COOKIE] = "Set-Cookie",
    [HTTP_FIELD_TRACESTATE] = "Tracestate",
    [HTTP_FIELD_OPENAI_BETA] = "OpenAI-Beta",
    [HTTP_FIELD_RETRY_AFTER] = "Retry-After",
    [HTTP_FIELD_TRACEPARENT] = "Traceparent",
    [HTTP_FIELD_X_ANSWER_ID] = "X-Answer-Id",
    [HTTP_FIELD_CONTENT_TYPE] = "Content-Type",
    [HTTP_FIELD_X_REQUEST_ID] = "X-Request-Id",
    [HTTP_FIELD_AUTHORIZATION] = "Authorization",
    [HTTP_FIELD_CACHE_CONTROL] = "Cache-Control",
    [HTTP_FIELD_IF_NONE_MATCH] = "If-None-Match",
    [HTTP_FIELD_LAST_EVENT_ID] = "Last-Event-ID",
    [HTTP_FIELD_ANTHROPIC_BETA] = "Anthropic-Beta",
    [HTTP_FIELD_CONTENT_LENGTH] = "Content-Length",
    [HTTP_FIELD_SEC_FETCH_SITE] = "Sec-Fetch-Site",
    [HTTP_FIELD_ACCEPT_ENCODING] = "Accept-Encoding",
    [HTTP_FIELD_ACCEPT_LANGUAGE] = "Accept-Language",
    [HTTP_FIELD_X_GENERATION_ID] = "X-Generation-Id",
    [HTTP_FIELD_CONTENT_ENCODING] = "Content-Encoding",
    [HTTP_FIELD_PROXY_CONNECTION] = "Proxy-Connection",
    [HTTP_FIELD_X_REQUESTED_WITH] = "X-Requested-With",
    [HTTP_FIELD_ANTHROPIC_VERSION] = "Anthropic-Version",
    [HTTP_FIELD_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [HTTP_FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
    [HTTP_FIELD_X_ACCEL_BUFFERING] = "X-Accel-Buffering",
    [HTTP_FIELD_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
    [HTTP_FIELD_STRICT_TRANSPORT_SECURITY] = "Strict-Transport-Security",
};

/* Names stand in the order of their lengths: those of one length are a few neighbours. */
static const struct {
    uint8_t first, n;
} of_length[] = {
    [2] = {HTTP_FIELD_TE, 1},
    [4] = {HTTP_FIELD_DATE, 2},
    [5] = {HTTP_FIELD_RANGE, 1},
    [6] = {HTTP_FIELD_ACCEPT, 5},
    [7] = {HTTP_FIELD_ALT_SVC, 3},
    [8] = {HTTP_FIELD_IF_MATCH, 2},
    [9] = {HTTP_FIELD_X_API_KEY, 1},
    [10] = {HTTP_FIELD_CONNECTION, 4},
    [11] = {HTTP_FIELD_OPENAI_BETA, 4},
    [12] = {HTTP_FIELD_CONTENT_TYPE, 2},
    [13] = {HTTP_FIELD_AUTHORIZATION, 4},
    [14] = {HTTP_FIELD_ANTHROPIC_BETA, 3},
    [15] = {HTTP_FIELD_ACCEPT_ENCODING, 3},
    [16] = {HTTP_FIELD_CONTENT_ENCODING, 3},
    [17] = {HTTP_FIELD_ANTHROPIC_VERSION, 4},
    [18] = {HTTP_FIELD_PROXY_AUTHENTICATE, 1},
    [25] = {HTTP_FIELD_STRICT_TRANSPORT_SECURITY, 1},
};

enum http_field http_field_of(struct span name)
{
    if (name.len >= COUNT_OF(of_length))
        return HTTP_FIELD_OTHER;
    unsigned first = of_length[name.len].first, end = first + of_length[name.len].n;
    for (unsigned i = first; i < end; i++) {
        if ((names[i][0] | 0x20) == (name.p[0] | 0x20) && strncasecmp(names[i], name.p, name.len) == 0)
            return (enum http_field)i;
    }
    return HTTP_FIELD_OTHER;
}

const char *http_field_name(enum http_field field)
{
    return names[field];
}

bool http_field_is_ours(enum http_field field)
{
    switch ((unsigned)field) {
    case HTTP_FIELD_CONNECTION:
    case HTTP_FIELD_CONTENT_LENGTH:
    case HTTP_FIELD_DATE:
    case HTTP_FIELD_EXPECT:
    case HTTP_FIELD_HOST:
    case HTTP_FIELD_KEEP_ALIVE:
    case HTTP_FIELD_PROXY_CONNECTION:
    case HTTP_FIELD_TE:
    case HTTP_FIELD_TRAILER:
    case HTTP_FIELD_TRANSFER_ENCODING:
    case HTTP_FIELD_UPGRADE: return true;
    default: return false;
    }
}

void http_fields_release(struct http_fields *f)
{
    buf_release(&f->text);
    free(f->lines);
    *f = (struct http_fields){0};
}

void http_fields_clear(struct http_fields *f)
{
    buf_clear(&f->text);
    f->n = 0;
}

void http_fields_give(struct http_fields *f, struct http_fields *spare)
{
    if (spare->text.p || f->text.cap > SPARE_MAX_BYTES) {
        http_fields_release(f);
        return;
    }
    http_fields_clear(f);
    *spare = *f;
    *f = (struct http_fields){0};
}

/* The line [line, end), without its line end. */
static bool add_line(struct http_fields *f, const char *line, const char *end)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon)
        return false;
    struct span name = span_of(line, (size_t)(colon - line));
    struct span value = span_trim(span_of(colon + 1, (size_t)(end - colon - 1))); /* RFC 9112 5.1 */
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 16;
        f->lines = xrealloc(f->lines, f->cap * sizeof *f->lines);
    }
    f->lines[f->n++] = (struct http_line){.name_at = (uint32_t)(line - f->text.p),
                                          .name_len = (uint32_t)name.len,
                                          .value_at = (uint32_t)(value.p - f->text.p),
                                          .value_len = (uint32_t)value.len,
                                          .field = http_field_of(name)};
    return true;
}

bool http_fields_read(struct http_fields *f)
{
    size_t at = 0;
    f->n = 0;
    while (at < f->text.len) {
        const char *line = f->text.p + at, *lf = memchr(line, '\n', f->text.len - at);
        if (!lf)
            return false;
        at += (size_t)(lf + 1 - line);
        if (lf == line || lf[-1] != '\r')
            return false;
        if (lf == line + 1)
            return at == f->text.len; /* the empty line */
        if (!add_line(f, line, lf - 1))
            return false;
    }
    return false;
}

void http_fields_set(struct http_fields *f, size_t i, struct span value)
{
    f->lines[i].value_at = (uint32_t)f->text.len;
    f->lines[i].value_len = (uint32_t)value.len;
    buf_add_span(&f->text, value);
}

struct span http_fields_get(const struct http_fields *f, enum http_field field)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->lines[i].field == field)
            return http_fields_value(f, i);
    }
    return (struct span){0};
}

size_t http_fields_count(const struct http_fields *f, enum http_field field)
{
    size_t count = 0;
    for (size_t i = 0; i < f->n; i++)
        count += f->lines[i].field == field;
    return count;
}
