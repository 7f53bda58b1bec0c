/* Header fields to be sent, as lines in one buffer, and the names of methods and statuses. */
#include <stdarg.h>
#include <stdio.h>

#include "http/http_parse.h"

void http_headers_release(struct http_headers *h)
{
    buf_release(&h->bytes);
}

static bool is_field_text(struct span s)
{
    bool is_good = true;
    for (size_t i = 0; i < s.len; i++)
        is_good &= s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0';
    return is_good;
}

static void add(struct http_headers *h, struct span name, struct span value)
{
    char *at = buf_reserve(&h->bytes, name.len + value.len + 4);
    memcpy(at, name.p, name.len);
    at += name.len;
    *at++ = ':';
    *at++ = ' ';
    if (value.len)
        memcpy(at, value.p, value.len);
    at += value.len;
    memcpy(at, "\r\n", 3);
    h->bytes.len += name.len + value.len + 4;
}

void http_headers_add(struct http_headers *h, const char *name, struct span value)
{
    struct span text = span_str(name);
    assert(text.len && is_field_text(text) && !memchr(name, ':', text.len) && is_field_text(value));
    if (!http_field_is_ours(http_field_of(text)))
        add(h, text, span_trim(value));
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

void http_headers_pass(struct http_headers *h, const struct http_fields *from, size_t i)
{
    if (!http_field_is_ours(from->lines[i].field))
        add(h, http_fields_name(from, i), http_fields_value(from, i));
}

void http_headers_add_all(struct http_headers *h, const struct http_headers *from)
{
    if (from)
        buf_add_span(&h->bytes, buf_span(&from->bytes));
}

bool http_headers_has(const struct http_headers *h, struct span name)
{
    struct span line, rest = buf_span(&h->bytes);
    while (rest.len) {
        line = span_cut(rest, '\n', &rest);
        if (line.len > name.len && line.p[name.len] == ':' && strncasecmp(line.p, name.p, name.len) == 0)
            return true;
    }
    return false;
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
