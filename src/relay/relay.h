/*
 * relay: from an engine to a client. relay_pump carries one upstream answer into one exchange, byte for byte, with
 * backpressure in both directions; the event-stream scanner (relay_sse.h) reads what engines send. Knows no models
 * and no users, and never makes an answer of its own before the first byte: that is the caller's.
 */
#ifndef HOB_RELAY_H
#define HOB_RELAY_H

#include "http/http.h"
#include "relay/relay_probe.h"
#include "relay/relay_sse.h"
#include "relay/relay_usage.h"
#include "util/util.h"

/* An engine's body that must be collected before it can be passed on (an error after our own 200): at most this. */
#define RELAY_MAX_COLLECTED_BYTES (256 * 1024)

struct relay;

/* The forms in which clients expect errors. */
enum relay_shape { RELAY_OPENAI, RELAY_ANTHROPIC };

struct relay_outcome {
    enum err err; /* ERR_OK: the engine's answer is complete. Else as http_call_events.on_done says */
    const struct err_text *why; /* when err is set; valid during on_done */
    int status;                 /* the engine's status; 0: no header came */
    bool answered;    /* the exchange is over (ended, aborted or gone). false: it is the caller's again,
                          * untouched, to retry or to answer */
    bool client_gone; /* the client went away first; err is ERR_CANCELLED */
    /* The engine answered with an error (status >= 400) that was not passed on (relay_options.is_raw): answered is false. What
     * it said, valid during on_done, and its Retry-After (0: none). */
    struct span error_body;
    int retry_after_s;
};

struct relay_events {
    /* The engine's header is there and nothing of it went downstream. false turns it down: the upstream call is
     * cancelled and on_done follows with answered false and this status. Fields may be added to *add, which go downstream in
     * the stead of the engine's of that name. May be NULL: everything passes. */
    bool (*on_headers)(void *arg, int status, const struct http_fields *fields, struct http_headers *add);
    /* Bytes of the engine's body, for who counts. May be NULL. */
    void (*on_body)(void *arg, struct span data);
    /* Exactly once, last, unless relay_cancel was called; never before relay_pump has returned. */
    void (*on_done)(void *arg, const struct relay_outcome *outcome);
};

struct relay_options {
    enum relay_shape shape; /* of an error in mid-stream */
    bool is_raw;            /* the engine's errors pass as they are */
    bool is_json;           /* if x has begun, it is JSON with blanks before it, not an event stream */
};

/*
 * Starts the upstream call and passes its answer to x. While it runs, x's on_gone and on_drain belong to the relay.
 * Before the engine's header came, x may have begun (by the caller, as an event stream with comments, or as JSON with
 * blanks): then a whole JSON body becomes an event of the stream. A client that shuts its side is asked by
 * comments (or an interim response) whether it is still there. An engine that dies in mid-stream ends in the same event and an abort, never in a clean end.
 */
struct relay *relay_pump(struct loop *l, struct http_client *client, const struct http_endpoint *to,
                         const struct http_call_options *options, const struct relay_options *relay_options,
                         struct http_exchange *x, const struct relay_events *events, void *arg);
/* A comment, where an event stream passes and may have one now: its client hears that it is alive while the engine is silent. */
void relay_keep_alive(struct relay *r);
/* Ends the upstream call at once; no callback comes after it. The exchange is the caller's, wherever it is. */
void relay_cancel(struct relay *r);

#define RELAY_MAX_ERROR_BYTES ((size_t)8 * 1024) /* of an engine's message that are kept */

/* What an engine said in the body of an error, in any of the shapes that engines use; always has a message. */
struct relay_error {
    struct err_text message; /* its beginning */
    char type[64];
    char code[64];  /* "": none, or only the status again */
    char param[64]; /* "": none */
};
/* text: gets the whole message; or NULL. */
void relay_read_error(int status, struct span body, struct relay_error *out_error, struct buf *text);
/* Whether an engine's error says that it does not know the path (without query) at all. */
bool relay_is_missing_route(int status, struct span path, const struct relay_error *error);

/* What an error is called by its status: "invalid_request_error". */
const char *relay_error_type(enum relay_shape shape, int status);
/* Appends the error as an event: `data: {"error":{"message","type","param":null,"code"}}`, or Anthropic's. type: OpenAI's, or
 * NULL: by the status. */
void relay_add_error_event(struct buf *out, enum relay_shape shape, int status, const char *message,
                           const char *type, const char *code);
/* The same object as a whole body. */
void relay_add_error_body(struct buf *out, enum relay_shape shape, int status, const char *message,
                          const char *type, const char *code);
/* "engine_refused", "engine_died", "engine_timeout" or "bad_gateway", and a sentence, for how a call ended. */
const char *relay_failure_code(enum err e);
const char *relay_failure_text(enum err e);
/* True when the Content-Type is text/event-stream, whatever its parameters. */
bool relay_is_event_stream(const struct http_fields *fields);

#endif
