/* Header fields to be sent, as lines in one buffer, and the names of methods and statuses. */
#include <stdarg.h>
#include <stdio.h>

#include "http/http_parse.h"

#define FIRST_BYTES 511 /* room for most headers, instead of growing line by line */

void http_headers_release(struct http_headers *h)
{
    buf_release(&h->bytes);
}

static bool is_field_text(struct span s)
{
    return !memchr(s.p, '\r', s.len) && !memchr(s.p, '\n', s.len) && !memchr(s.p, '\0', s.len);
}

static char *put(char *at, struct span s)
{
    if (s.len)
        memcpy(at, s.p, s.len);
    return at + s.len;
}

static char *room_for(struct http_headers *h, size_t len)
{
    return buf_reserve(&h->bytes, h->bytes.p || len > FIRST_BYTES ? len : FIRST_BYTES);
}

static void add(struct http_headers *h, struct span name, struct span value)
{
    size_t len = name.len + value.len + 4;
    char *line = room_for(h, len);
    char *end = put(put(put(line, name), SPAN_LIT(": ")), value);
    assert(is_field_text(span_of(line, (size_t)(end - line))));
    memcpy(end, "\r\n", sizeof "\r\n");
    h->bytes.len += len;
}

void http_headers_add(struct http_headers *h, const char *name, struct span value)
{
    struct span text = span_str(name);
    assert(text.len && !strchr(name, ':'));
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
    if (!from || from->bytes.len == 0)
        return;
    (void)room_for(h, from->bytes.len);
    buf_add_span(&h->bytes, buf_span(&from->bytes));
}

bool http_lines_have(struct span lines, struct span name)
{
    struct span line, rest = lines;
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
