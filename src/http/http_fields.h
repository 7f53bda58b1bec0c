/*
 * Header fields. Of a message that has come the lines are found once, with what their names mean: whoever asks for one or
 * goes over all of them compares numbers. What is to be sent is only text.
 */
#ifndef HOB_HTTP_FIELDS_H
#define HOB_HTTP_FIELDS_H

#include "util/util.h"

/* ---- as they came ---- */
/* The names that somebody asks for, in the order of their lengths (http_fields.c). */
enum http_field {
    HTTP_FIELD_OTHER,
    HTTP_FIELD_TE,
    HTTP_FIELD_DATE,
    HTTP_FIELD_HOST,
    HTTP_FIELD_RANGE,
    HTTP_FIELD_ACCEPT,
    HTTP_FIELD_COOKIE,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_ORIGIN,
    HTTP_FIELD_SERVER,
    HTTP_FIELD_ALT_SVC,
    HTTP_FIELD_TRAILER,
    HTTP_FIELD_UPGRADE,
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_X_API_KEY,
    HTTP_FIELD_CONNECTION,
    HTTP_FIELD_KEEP_ALIVE,
    HTTP_FIELD_SET_COOKIE,
    HTTP_FIELD_TRACESTATE,
    HTTP_FIELD_OPENAI_BETA,
    HTTP_FIELD_RETRY_AFTER,
    HTTP_FIELD_TRACEPARENT,
    HTTP_FIELD_X_ANSWER_ID,
    HTTP_FIELD_CONTENT_TYPE,
    HTTP_FIELD_X_REQUEST_ID,
    HTTP_FIELD_AUTHORIZATION,
    HTTP_FIELD_CACHE_CONTROL,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_LAST_EVENT_ID,
    HTTP_FIELD_ANTHROPIC_BETA,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_SEC_FETCH_SITE,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_ACCEPT_LANGUAGE,
    HTTP_FIELD_X_GENERATION_ID,
    HTTP_FIELD_CONTENT_ENCODING,
    HTTP_FIELD_PROXY_CONNECTION,
    HTTP_FIELD_X_REQUESTED_WITH,
    HTTP_FIELD_ANTHROPIC_VERSION,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_X_ACCEL_BUFFERING,
    HTTP_FIELD_PROXY_AUTHENTICATE,
    HTTP_FIELD_STRICT_TRANSPORT_SECURITY,
    HTTP_N_FIELDS
};
/* Case is ignored. */
enum http_field http_field_of(struct span name);
/* As hob writes it; "" for HTTP_FIELD_OTHER. */
const char *http_field_name(enum http_field field);

struct http_line {
    uint32_t name_at, name_len, value_at, value_len; /* in text; the value without blanks around it */
    enum http_field field;
};
struct http_fields {
    struct buf text;         /* the lines and the empty one behind them, as they were sent */
    struct http_line *lines; /* in order */
    uint32_t n, cap;
};
void http_fields_release(struct http_fields *f);
/* Empty, memory kept. */
void http_fields_clear(struct http_fields *f);
/* Finds the lines of f->text. False when it is no whole header: a line without a colon or CRLF, no empty line at the end, or one
 * before it. */
MUST_CHECK bool http_fields_read(struct http_fields *f);
static inline struct span http_fields_name(const struct http_fields *f, size_t i)
{
    return span_of(f->text.p + f->lines[i].name_at, f->lines[i].name_len);
}
static inline struct span http_fields_value(const struct http_fields *f, size_t i)
{
    return span_of(f->text.p + f->lines[i].value_at, f->lines[i].value_len);
}
/* The first of that name; p NULL when there is none. */
struct span http_fields_get(const struct http_fields *f, enum http_field field);
size_t http_fields_count(const struct http_fields *f, enum http_field field);

/* ---- to be sent: "Name: value\r\n" lines; {0} is empty ---- */
/* What frames a message or belongs to one connection (Content-Length, Connection, Date, Host ...) is written by this room and
 * not taken here. */
struct http_headers {
    struct buf bytes;
};
void http_headers_release(struct http_headers *h);
/* name and value must be valid field text (no CR, LF, NUL); asserted. */
void http_headers_add(struct http_headers *h, const char *name, struct span value);
void http_headers_addf(struct http_headers *h, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Field i of what came. */
void http_headers_pass(struct http_headers *h, const struct http_fields *from, size_t i);
/* All of them; NULL: none. */
void http_headers_add_all(struct http_headers *h, const struct http_headers *from);
/* Whether a field of that name is among them. lines: bytes of a struct http_headers, or its first ones. Case is ignored. */
bool http_lines_have(struct span lines, struct span name);

#endif
