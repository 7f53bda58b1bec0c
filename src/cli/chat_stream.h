/*
 * Reads one generation's events to their end. Whoever sent the message hands over the bytes of the response; when those end
 * too early, the stream is opened again after the last event seen, so that nothing is missing and nothing comes twice.
 */
#ifndef HOB_CLI_CHAT_STREAM_H
#define HOB_CLI_CHAT_STREAM_H

#include "cli/chat_words.h"
#include "cli/cli_control.h"
#include "relay/relay.h"

enum chat_stream_end {
    CHAT_STREAM_OPEN, /* not yet */
    CHAT_STREAM_DONE,
    CHAT_STREAM_STOPPED,
    CHAT_STREAM_FAILED, /* an `error` event, or hob cannot be reached any more; the failure says why */
};

struct chat_stream_events {
    void (*on_text)(void *arg, struct span content, struct span reasoning);
    /* A piece of a tool call; one with a name begins the call. */
    void (*on_tool)(void *arg, struct span name, struct span arguments);
    void (*on_comment)(void *arg, struct span text);
    /* Once, last; never before chat_stream_begin has returned. retryable: hob says that it may be sent again. */
    void (*on_end)(void *arg, enum chat_stream_end end, const struct chat_failure *failure, bool retryable);
};

struct chat_stream {
    struct control *control;
    const struct chat_stream_events *events;
    void *arg;
    struct http_call *call; /* our own, after a break */
    struct sse_parser parser;
    struct buf body; /* of an answer that is no stream */
    struct loop_timer again;
    char *generation_id;
    uint64_t last_id;
    int n_breaks; /* in a row, without an event between them */
    enum chat_stream_end end;
    struct chat_failure failure;
    bool is_retryable;
};

/* s may be {0}; copies generation_id. Close it in the end, also without a begin. */
void chat_stream_begin(struct chat_stream *s, struct control *c, struct span generation_id,
                       const struct chat_stream_events *events, void *arg);
/* Bytes of the response to the message. After on_end there must be none. */
void chat_stream_take(struct chat_stream *s, struct span bytes);
/* That response has ended before on_end came. */
void chat_stream_broke(struct chat_stream *s);
/* No callback comes after this. */
void chat_stream_close(struct chat_stream *s);

#endif
