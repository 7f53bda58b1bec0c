/* Header fields as lines in one buffer, and the names of methods and statuses. */
#include <stdarg.h>
#include <stdio.h>

#include "http/http.h"

void http_headers_release(struct http_headers *h)
{
    buf_release(&h->bytes);
    h->n = 0;
}

static bool is_field_text(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
            return false;
    }
    return true;
}

void http_headers_add(struct http_headers *h, const char *name, struct span value)
{
    assert(*name && is_field_text(span_str(name)) && !strchr(name, ':') && is_field_text(value));
    size_t name_len = strlen(name);
    (void)buf_reserve(&h->bytes, name_len + value.len + 4);
    buf_add(&h->bytes, name, name_len);
    buf_add(&h->bytes, ": ", 2);
    buf_add_span(&h->bytes, span_trim(value));
    buf_add(&h->bytes, "\r\n", 2);
    h->n++;
}

void http_headers_addf(struct http_headers *h, const char *name, const char *fmt, ...)
{
    va_list args;
    char *value = NULL;
    va_start(args, fmt);
    int len = vasprintf(&value, fmt, args);
    va_end(args);
    if (len < 0)
        abort();
    http_headers_add(h, name, span_of(value, (size_t)len));
    free(value);
}

/* Its LF; only complete lines are ever added. */
static const char *end_of_line(const struct http_headers *h, size_t at)
{
    const char *end = memchr(h->bytes.p + at, '\n', h->bytes.len - at);
    assert(end);
    return end;
}

bool http_headers_next(const struct http_headers *h, size_t *at, struct span *out_name,
                       struct span *out_value)
{
    if (*at >= h->bytes.len)
        return false;
    const char *line = h->bytes.p + *at;
    const char *end = end_of_line(h, *at);
    const char *colon = memchr(line, ':', (size_t)(end - line));
    assert(colon);
    *out_name = span_of(line, (size_t)(colon - line));
    *out_value = span_of(colon + 2, (size_t)(end - 1 - (colon + 2)));
    *at += (size_t)(end + 1 - line);
    return true;
}

/* The next field of that name; false: none. Finds no other name's end, a request asks for a dozen of them. */
static bool find(const struct http_headers *h, const char *name, size_t len, size_t *at,
                 struct span *out_value)
{
    while (*at < h->bytes.len) {
        const char *line = h->bytes.p + *at, *end = end_of_line(h, *at);
        *at += (size_t)(end + 1 - line);
        if ((size_t)(end - line) <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
            continue;
        *out_value = span_of(line + len + 2, (size_t)(end - 1 - (line + len + 2)));
        return true;
    }
    return false;
}

struct span http_headers_get(const struct http_headers *h, const char *name)
{
    size_t at = 0;
    struct span value = {0};
    (void)find(h, name, strlen(name), &at, &value);
    return value;
}

size_t http_headers_count(const struct http_headers *h, const char *name)
{
    size_t at = 0, count = 0;
    struct span value;
    while (find(h, name, strlen(name), &at, &value))
        count++;
    return count;
}

const char *http_method_text(enum http_method m)
{
    static const char *const texts[] = {
        [HTTP_GET_] = "GET",     [HTTP_HEAD_] = "HEAD",     [HTTP_POST_] = "POST",       [HTTP_PUT_] = "PUT",
        [HTTP_PATCH_] = "PATCH", [HTTP_DELETE_] = "DELETE", [HTTP_OPTIONS_] = "OPTIONS", [HTTP_OTHER_] = "",
    };
    return texts[m];
}

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {100, "Continue"},
        {101, "Switching Protocols"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i].status == status)
            return texts[i].text;
    }
    return "";
}
