/* Incremental parser of event streams. Allocates only for lines and events that arrive in pieces. */
#include "relay/relay_sse.h"

static const unsigned char bom[3] = {0xEF, 0xBB, 0xBF};

void sse_parser_init(struct sse_parser *p, size_t max_bytes, sse_event_fn on_event, sse_comment_fn on_comment,
                     void *arg)
{
    *p = (struct sse_parser){
        .on_event = on_event, .on_comment = on_comment, .arg = arg, .max_bytes = max_bytes};
}

void sse_parser_release(struct sse_parser *p)
{
    buf_release(&p->line);
    buf_release(&p->data);
    buf_release(&p->event);
    buf_release(&p->id);
}

void sse_parser_stop(struct sse_parser *p)
{
    p->stopped = true;
}

/* The one data line that was left in the caller's memory becomes ours, because that memory is about to go. */
static void keep_whole(struct sse_parser *p)
{
    if (p->whole.p) {
        buf_add_span(&p->data, p->whole);
        p->whole = span_of(NULL, 0);
    }
}

static void dispatch(struct sse_parser *p)
{
    if (p->n_data > 0) {
        struct sse_event ev = {.event = buf_span(&p->event),
                               .data = p->whole.p ? p->whole : buf_span(&p->data),
                               .id = buf_span(&p->id)};
        p->on_event(p->arg, &ev);
    }
    p->n_data = 0;
    p->whole = span_of(NULL, 0);
    buf_clear(&p->data);
    buf_clear(&p->event);
}

/* in_place: the value lies in the caller's bytes and stays there until the end of this feed. */
static bool take_data(struct sse_parser *p, struct span value, bool in_place)
{
    if (p->n_data++ == 0) {
        /* An empty line of data has no address of its own to remember. */
        if (in_place && value.len > 0)
            p->whole = value;
        else
            buf_add_span(&p->data, value);
        return true;
    }
    keep_whole(p);
    if (p->data.len + 1 + value.len > p->max_bytes)
        return false;
    buf_add_char(&p->data, '\n');
    buf_add_span(&p->data, value);
    return true;
}

/* One line without its end. False: the event is over the limit. */
static bool take_line(struct sse_parser *p, struct span line, bool in_place)
{
    if (line.len == 0) {
        dispatch(p);
        return true;
    }
    if (line.p[0] == ':') {
        if (p->on_comment)
            p->on_comment(p->arg, span_of(line.p + 1, line.len - 1));
        return true;
    }
    struct span name = line, value = span_of(NULL, 0);
    const char *colon = memchr(line.p, ':', line.len);
    if (colon) {
        name.len = (size_t)(colon - line.p);
        value = span_of(colon + 1, line.len - name.len - 1);
        if (value.len > 0 && value.p[0] == ' ')
            value = span_of(value.p + 1, value.len - 1);
    }
    if (span_is(name, "data"))
        return take_data(p, value, in_place);
    if (span_is(name, "event")) {
        buf_clear(&p->event);
        buf_add_span(&p->event, value);
    } else if (span_is(name, "id") && (value.len == 0 || !memchr(value.p, '\0', value.len))) {
        buf_clear(&p->id);
        buf_add_span(&p->id, value);
    }
    return true;
}

/* Takes the bytes of a BOM at the very start out of `bytes`, also when they come one by one. */
static struct span skip_bom(struct sse_parser *p, struct span bytes)
{
    while (p->bom_seen < 3 && bytes.len > 0) {
        if ((unsigned char)bytes.p[0] != bom[p->bom_seen]) {
            /* No BOM after all: what was held back are the first bytes of the first line. */
            buf_add(&p->line, bom, p->bom_seen);
            p->bom_seen = 3;
            break;
        }
        p->bom_seen++;
        bytes = span_of(bytes.p + 1, bytes.len - 1);
    }
    return bytes;
}

/* First line end at or after `at`: LF, or CR if one stands before it. */
static const char *find_line_end(const char *at, size_t len)
{
    const char *lf = memchr(at, '\n', len);
    const char *cr = memchr(at, '\r', lf ? (size_t)(lf - at) : len);
    return cr ? cr : lf;
}

enum err sse_parser_feed(struct sse_parser *p, struct span bytes)
{
    if (p->broken)
        return ERR_TOO_BIG;
    if (p->bom_seen < 3)
        bytes = skip_bom(p, bytes);
    const char *at = bytes.p;
    size_t left = bytes.len;
    while (left > 0 && !p->stopped) {
        if (p->after_cr) {
            p->after_cr = false;
            if (*at == '\n') {
                at++;
                left--;
                continue;
            }
        }
        const char *end = find_line_end(at, left);
        size_t n = end ? (size_t)(end - at) : left;
        if (p->line.len + n > p->max_bytes) {
            p->broken = true;
            return ERR_TOO_BIG;
        }
        if (!end) {
            buf_add(&p->line, at, n);
            break;
        }
        bool in_place = p->line.len == 0;
        if (!in_place)
            buf_add(&p->line, at, n);
        p->broken = !take_line(p, in_place ? span_of(at, n) : buf_span(&p->line), in_place);
        if (p->broken)
            return ERR_TOO_BIG;
        buf_clear(&p->line);
        p->after_cr = *end == '\r';
        at = end + 1;
        left -= n + 1;
    }
    keep_whole(p);
    return ERR_OK;
}
