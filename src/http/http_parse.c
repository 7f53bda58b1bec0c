/* Reading messages: lines, request line, header fields. */
#include "http/http_parse.h"

#define MAX_EMPTY_LINES 4 /* before a request line; some clients send one after a body */

/* A CR may stand only before the LF; as the last byte it is judged with the next. */
static bool has_stray_cr(const char *p, size_t len)
{
    const char *cr = memchr(p, '\r', len);
    if (!cr)
        return false;
    size_t at = (size_t)(cr - p);
    return at + 1 < len && p[at + 1] != '\n';
}

enum http_scan_result http_scan(struct http_scan *s, const char *p, size_t n, size_t *out_used)
{
    size_t at = 0;
    while (at < n) {
        const char *line = p + at;
        const char *lf = memchr(line, '\n', n - at);
        size_t len = lf ? (size_t)(lf - line) + 1 : n - at;
        if (s->n_bytes + len > s->max_bytes || s->n_lines > s->max_lines)
            return HTTP_SCAN_TOO_BIG;
        if (s->line_len == 0 && (line[0] == ' ' || line[0] == '\t'))
            return HTTP_SCAN_BAD; /* obs-fold, or a blank before the first line (RFC 9112 5.2, 2.2) */
        if ((s->prev == '\r' && line[0] != '\n') || has_stray_cr(line, len))
            return HTTP_SCAN_BAD;
        if (lf && (len > 1 ? lf[-1] : s->prev) != '\r')
            return HTTP_SCAN_BAD;
        at += len;
        s->n_bytes += (uint32_t)len;
        s->line_len += (uint32_t)len;
        s->prev = lf ? '\0' : line[len - 1];
        if (!lf)
            break;
        bool is_empty = s->line_len == 2;
        s->line_len = 0;
        if (is_empty && s->n_lines == 0) {
            if (++s->n_empty > MAX_EMPTY_LINES)
                return HTTP_SCAN_BAD;
            continue;
        }
        *out_used = at;
        if (is_empty)
            return HTTP_SCAN_END;
        if (++s->n_lines == 1)
            return HTTP_SCAN_FIRST_LINE;
    }
    *out_used = n;
    return HTTP_SCAN_MORE;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0;
}

/* Printable ASCII without blanks and '#'.  Stricter than no client needs: the odd `|` or `{` is let through. */
static bool is_target(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return false;
    }
    return s.len > 0;
}

bool http_host_is_valid(struct span host)
{
    struct span name = host, port = {0};
    if (host.len && host.p[0] == '[') {
        ptrdiff_t close = span_find(host, SPAN_LIT("]"));
        if (close < 2)
            return false;
        name = span_of(host.p + 1, (size_t)close - 1);
        port = span_of(host.p + close + 1, host.len - (size_t)close - 1);
        for (size_t i = 0; i < name.len; i++) {
            if (!strchr("0123456789abcdefABCDEF:.", name.p[i]) || name.p[i] == '\0')
                return false;
        }
    } else {
        const char *colon = host.len ? memchr(host.p, ':', host.len) : NULL;
        if (colon) {
            name = span_of(host.p, (size_t)(colon - host.p));
            port = span_of(colon, host.len - name.len);
            if (name.len == 0)
                return false;
        }
        for (size_t i = 0; i < name.len; i++) {
            unsigned char c = (unsigned char)name.p[i];
            bool alnum = char_is_digit((char)c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
            if (!alnum && (c == '\0' || !strchr("-._~%!$&'()*+;=", c)))
                return false;
        }
    }
    if (port.len == 0)
        return true;
    for (size_t i = 1; i < port.len; i++) {
        if (!char_is_digit(port.p[i]))
            return false;
    }
    return port.p[0] == ':' && port.len <= 6;
}

static void split_query(struct span s, struct http_request_line *line)
{
    line->path = span_cut(s, '?', &line->query);
}

/* origin-form, absolute-form, or asterisk-form (RFC 9112 3.2); authority-form goes with CONNECT only. */
static int parse_target(struct http_request_line *line)
{
    struct span t = line->target;
    if (!is_target(t))
        return 400;
    if (t.p[0] == '/') {
        split_query(t, line);
        return 0;
    }
    if (span_is(t, "*")) {
        line->path = t;
        return span_is(line->method, "OPTIONS") ? 0 : 400;
    }
    size_t skip = 0;
    if (t.len > 7 && span_is_ci(span_of(t.p, 7), "http://"))
        skip = 7;
    else if (t.len > 8 && span_is_ci(span_of(t.p, 8), "https://"))
        skip = 8;
    if (!skip)
        return 400;
    struct span rest = span_of(t.p + skip, t.len - skip);
    size_t end = 0;
    while (end < rest.len && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    line->authority = span_of(rest.p, end);
    if (end == 0 || !http_host_is_valid(line->authority))
        return 400;
    split_query(span_of(rest.p + end, rest.len - end), line);
    if (line->path.len == 0)
        line->path = span_is(line->method, "OPTIONS") && !line->query.p ? SPAN_LIT("*") : SPAN_LIT("/");
    return 0;
}

int http_request_line_parse(struct span text, struct http_request_line *out_line)
{
    struct http_request_line line = {0};
    struct span rest, version;
    line.method = span_cut(text, ' ', &rest);
    line.target = span_cut(rest, ' ', &version);
    if (!is_token(line.method) || line.target.len == 0)
        return 400;
    /* HTTP/d.d exactly (RFC 9112 2.3): "HTTP/1.10" and "http/1.1" are no versions. */
    if (version.len != 8 || !span_starts(version, "HTTP/") || !char_is_digit(version.p[5]) ||
        version.p[6] != '.' || !char_is_digit(version.p[7]))
        return 400;
    if (version.p[5] != '1')
        return 505;
    line.minor = version.p[7] != '0';
    if (span_is(line.method, "CONNECT"))
        return 501; /* no tunnels here */
    int status = parse_target(&line);
    if (status)
        return status;
    *out_line = line;
    return 0;
}

enum http_method http_method_of(struct span text)
{
    for (int m = HTTP_GET_; m < HTTP_OTHER_; m++) {
        if (span_is(text, http_method_text((enum http_method)m)))
            return (enum http_method)m;
    }
    return HTTP_OTHER_;
}

void http_message_begin(struct http_message *m, llhttp_type_t type, const llhttp_settings_t *settings,
                        uint32_t max_bytes, uint32_t max_lines)
{
    llhttp_init(&m->parser, type, settings);
    m->parser.data = m;
    m->scan = (struct http_scan){.max_bytes = max_bytes, .max_lines = max_lines};
    http_fields_clear(&m->fields);
    m->in_header = true;
    m->is_complete = false;
    m->n_raw = m->n_content = 0;
}

bool http_message_is_padded(const struct http_message *m)
{
    /* A chunk of one byte is six bytes on the wire; trailers and extensions get a share once. */
    return m->n_raw > m->n_content * 8 + 16 * 1024;
}
