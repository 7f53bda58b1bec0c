/*
 * Reading messages, common to both directions: the discipline of lines that llhttp does not hold by itself, the request
 * line, and the state of a message.  No sockets here: bytes in, facts out, any split.
 */
#ifndef HOB_HTTP_PARSE_H
#define HOB_HTTP_PARSE_H

#include <llhttp.h>

#include "http/http.h"

/* ---- lines of a header: CRLF only, no folding, bounded ---- */
struct http_scan {
    uint32_t max_bytes;
    uint32_t max_lines;
    uint32_t n_bytes;
    uint32_t n_lines; /* complete ones, the first line included */
    uint32_t n_empty; /* empty lines before the first one (RFC 9112 2.2) */
    uint32_t line_len;
    char prev; /* last byte seen of an unfinished line */
};

enum http_scan_result {
    HTTP_SCAN_MORE,       /* all n bytes are header */
    HTTP_SCAN_FIRST_LINE, /* the first line ends at *out_used */
    HTTP_SCAN_END,        /* the header ends at *out_used */
    HTTP_SCAN_BAD,        /* bare CR or LF, folding, too many empty lines */
    HTTP_SCAN_TOO_BIG,
};
/* *out_used counts up to and with the line end that is reported; bytes of empty lines at the start are skipped in it. */
enum http_scan_result http_scan(struct http_scan *s, const char *p, size_t n, size_t *out_used);

/* ---- the request line ---- */
struct http_request_line {
    struct span method;
    struct span target;    /* as sent */
    struct span authority; /* of the absolute form, else p NULL */
    struct span path;
    struct span query;
    int minor; /* 0 or 1; HTTP/1.2 and up are read as 1.1 (RFC 9110 2.5) */
};
/* line has no CRLF. Returns 0, or the status to refuse it with (400, 501, 505). */
MUST_CHECK int http_request_line_parse(struct span line, struct http_request_line *out_line);
enum http_method http_method_of(struct span text);
/* uri-host [ ":" port ] (RFC 9110 7.2); empty is valid. */
bool http_host_is_valid(struct span host);

/* ---- a message being read ---- */
struct http_message {
    llhttp_t parser;
    struct http_scan scan;
    struct http_fields fields; /* text: the lines so far */
    bool in_header;            /* what follows are trailers: dropped */
    bool is_complete;          /* the last byte of the body has been read */
    uint64_t n_raw;            /* bytes of the body as sent, with chunk sizes, extensions and trailers */
    uint64_t n_content;        /* bytes of the body */
};
/* Sets up for the next message; settings must stay. fields keep their memory. */
void http_message_begin(struct http_message *m, llhttp_type_t type, const llhttp_settings_t *settings,
                        uint32_t max_bytes, uint32_t max_lines);
/* True when framing has cost far more bytes than content: an endless extension or trailer. */
bool http_message_is_padded(const struct http_message *m);

/* ---- fields ---- */
/* Fields that this room writes itself, and those that belong to one connection only (RFC 9110 7.6.1). */
bool http_field_is_ours(enum http_field field);
/* Empties f; its memory becomes *spare, where that has none, and it is not much. */
void http_fields_give(struct http_fields *f, struct http_fields *spare);
/* value instead of the one of line i. */
void http_fields_set(struct http_fields *f, size_t i, struct span value);

#endif
