/*
 * Incremental parser of event streams (WHATWG HTML 9.2.6). Pure: bytes in, events out. Lines end in LF, CR or CRLF and
 * may be split anywhere; a BOM at the start is skipped; an event over the limit ends the parsing.
 */
#ifndef HOB_RELAY_SSE_H
#define HOB_RELAY_SSE_H

#include <stdbool.h>

#include "util/util.h"

/* One event; the spans are valid during the call only. */
struct sse_event {
    struct span event; /* empty: "message" */
    struct span data;  /* several data lines are joined by LF */
    struct span id;    /* the last id seen in the stream so far, not only in this event */
};

typedef void (*sse_event_fn)(void *arg, const struct sse_event *ev);
typedef void (*sse_comment_fn)(void *arg, struct span text);

struct sse_parser {
    sse_event_fn on_event;
    sse_comment_fn on_comment; /* may be NULL */
    void *arg;
    size_t max_bytes; /* of one line, and of one event's data */
    struct buf line;  /* a line that is not complete yet */
    struct buf data;  /* joined data lines of the event under way */
    struct buf event, id;
    struct span whole; /* the only data line, still in the caller's memory */
    size_t n_data;     /* data lines of the event under way */
    uint8_t bom_seen;  /* bytes of a BOM at the start seen so far; 3 and over: past the start */
    bool after_cr;     /* the last byte was CR: a LF that follows belongs to it */
    bool broken;       /* over the limit; everything more is refused */
    bool stopped;      /* sse_parser_stop was called */
};

void sse_parser_init(struct sse_parser *p, size_t max_bytes, sse_event_fn on_event, sse_comment_fn on_comment,
                     void *arg);
void sse_parser_release(struct sse_parser *p);
/* Calls on_event and on_comment for all that became complete. ERR_TOO_BIG: a line or event is over max_bytes. */
MUST_CHECK enum err sse_parser_feed(struct sse_parser *p, struct span bytes);
/* From inside a callback: nothing more is reported, the rest of the bytes is dropped. */
void sse_parser_stop(struct sse_parser *p);

#endif
