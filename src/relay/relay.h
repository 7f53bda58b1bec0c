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

struct relay_outcome {
    enum err err;        /* ERR_OK: the engine's answer is complete. Else as http_call_events.on_done says */
    struct err_text why; /* when err is set */
    int status;          /* the engine's status; 0: no header came */
    bool answered;       /* the exchange is over (ended, aborted or gone). false: it is the caller's again,
                          * untouched, to retry or to answer */
    bool client_gone;    /* the client went away first; err is ERR_CANCELLED */
    uint64_t bytes;      /* body bytes that the engine sent */
};

struct relay_events {
    /* The engine's header is there and nothing of it went downstream. false turns it down: the upstream call is
     * cancelled and on_done follows with answered false and this status. May be NULL: everything passes. */
    bool (*on_headers)(void *arg, int status, const struct http_headers *headers);
    /* Bytes of the engine's body, as they come; before they go downstream. May be NULL. */
    void (*on_body)(void *arg, struct span data);
    /* Exactly once, last, unless relay_cancel was called; never before relay_pump has returned. */
    void (*on_done)(void *arg, const struct relay_outcome *outcome);
};

/*
 * Starts the upstream call and passes its answer to x, with request_id (which must outlive it) as its X-Request-Id. While it runs, x's on_gone and on_drain belong to the relay.
 * Before the engine's header came, x may have begun (as an event stream, by the caller, who writes comments): then what is
 * no event stream, an error above all, becomes `data: {"error": ...}`. A client that shuts its side is asked by
 * comments (or an interim response) whether it is still there. An engine that dies in mid-stream ends in the same event and an abort, never in a clean end.
 */
struct relay *relay_pump(struct loop *l, struct http_client *client, const struct http_endpoint *to,
                         const struct http_call_options *options, struct http_exchange *x,
                         const char *request_id, const struct relay_events *events, void *arg);
/* Ends the upstream call at once; no callback comes after it. The exchange is the caller's, wherever it is. */
void relay_cancel(struct relay *r);

/* What an engine said in the body of an error, in any of the shapes that engines use; always has a message. */
struct relay_error {
    struct err_text message;
    char type[64];
    char code[64]; /* "": none */
};
void relay_read_error(int status, struct span body, struct relay_error *out_error);

/* Appends `data: {"error":{"message","type","param":null,"code"}}` and a blank line. */
void relay_add_error_event(struct buf *out, const char *message, const char *type, const char *code);
/* "engine_refused", "engine_died", "engine_timeout" or "bad_gateway", and a sentence, for how a call ended. */
const char *relay_failure_code(enum err e);
const char *relay_failure_text(enum err e);
/* True when the Content-Type is text/event-stream, whatever its parameters. */
bool relay_is_event_stream(const struct http_headers *headers);

#endif
