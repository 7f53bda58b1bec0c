/*
 * http: HTTP/1.1 server and client on libuv and llhttp 9 (RFC 9110, 9112). Knows no routes and no users.
 * Nothing here calls back before the function that started it has returned.
 */
#ifndef HOB_HTTP_H
#define HOB_HTTP_H

#include "http/http_body.h"
#include "http/http_fields.h"
#include "loop/loop.h"
#include "util/util.h"

/* ---- limits (security.md 8); each is what it says, in one place ---- */
#define HTTP_MAX_HEADER_BYTES      (32 * 1024) /* request line and header lines together: 431 */
#define HTTP_MAX_HEADER_LINES      100         /* 431 */
#define HTTP_MAX_BODY_BYTES        ((size_t)8 << 20)
#define HTTP_MAX_ATTACHMENT_BYTES  ((size_t)32 << 20)
#define HTTP_HEADER_TIMEOUT_MS     10000 /* from the first byte to the end of the header: 408 */
#define HTTP_IDLE_TIMEOUT_MS       75000 /* keep-alive without a request: closed */
#define HTTP_MIN_BODY_BYTES_PER_S  500   /* slower: 408 */
#define HTTP_STALLED_READER_MS     60000 /* reads nothing while we have bytes for it: dropped */
#define HTTP_MAX_CONNS_PER_ADDRESS 256   /* more are closed at accept; loopback and unix sockets are exempt */
#define HTTP_WRITE_HIGH_BYTES      (64 * 1024) /* http_exchange_is_full from here ... */
#define HTTP_WRITE_LOW_BYTES       (16 * 1024) /* ... until drained to here */

enum http_method {
    HTTP_GET_,
    HTTP_HEAD_,
    HTTP_POST_,
    HTTP_PUT_,
    HTTP_PATCH_,
    HTTP_DELETE_,
    HTTP_OPTIONS_,
    HTTP_OTHER_
};
const char *http_method_text(enum http_method m);
/* "OK", "Not Found" ...; "" if unknown. */
const char *http_status_text(int status);

/* ================= server ================= */
struct http_server;
struct http_exchange; /* one request and its response */

typedef void (*http_request_fn)(struct http_exchange *x, void *arg);
typedef void (*http_exchange_fn)(struct http_exchange *x, void *arg);
typedef void (*http_body_fn)(struct http_exchange *x, void *arg, enum err e, struct span body);
typedef void (*http_piece_fn)(struct http_exchange *x, void *arg, struct span piece);

/* on_request runs at the end of each request's header, before its body is read. */
struct http_server *http_server_new(struct loop *l, http_request_fn on_request, void *arg);
/* Listens on address ("127.0.0.1", "::1", "0.0.0.0"); port 0 takes a free one. *out_port may be NULL. */
MUST_CHECK enum err http_server_listen_tcp(struct http_server *s, const char *address, int port,
                                           int *out_port, struct err_text *why);
/* Replaces a stale socket file; mode e.g. 0600. */
MUST_CHECK enum err http_server_listen_unix(struct http_server *s, const char *path, int mode,
                                            struct err_text *why);
/* Stops accepting, closes idle connections; the others close after their response. */
void http_server_drain(struct http_server *s);
/* Connections that are open. */
size_t http_server_n_conns(const struct http_server *s);
/* Requests whose response has not ended. */
size_t http_server_n_active(const struct http_server *s);
/* Closes everything now (exchanges get on_gone); memory goes after the turn. */
void http_server_close(struct http_server *s);

/*
 * The request. An exchange lives until its response has ended (http_exchange_reply, _end, _abort) or on_gone has
 * run, whichever is first; do not touch it after. User data: http_exchange_set_data.
 */
enum http_method http_exchange_method(const struct http_exchange *x);
struct span http_exchange_method_text(const struct http_exchange *x);
/* Path as sent, without the query (still percent-encoded); query without '?'. */
struct span http_exchange_path(const struct http_exchange *x);
struct span http_exchange_query(const struct http_exchange *x);
/* Empty from http_exchange_begin on, at the latest: an open stream keeps its path and query only. */
const struct http_fields *http_exchange_fields(const struct http_exchange *x);
/* Whoever needs them no more gives their memory back: to the next request, while this one waits for its answer. */
void http_exchange_forget_fields(struct http_exchange *x);
/* Content-Length, or -1 when chunked; 0 when there is no body. */
int64_t http_exchange_content_length(const struct http_exchange *x);
/* "127.0.0.1", "::1", or "unix". */
const char *http_exchange_peer(const struct http_exchange *x);
bool http_exchange_is_unix(const struct http_exchange *x);
void http_exchange_set_data(struct http_exchange *x, void *data);
void *http_exchange_data(const struct http_exchange *x);

/*
 * Reads the whole body (at most max_bytes) and calls fn once; body is valid during the call only. On ERR_TOO_BIG the
 * handler still replies (413). A client that goes away meanwhile: only on_gone runs. Sends 100-continue if it was
 * asked for. A handler that replies without reading the body: the rest is drained within limits or the connection
 * closes.
 */
void http_exchange_read_body(struct http_exchange *x, size_t max_bytes, http_body_fn fn, void *arg);
/*
 * Instead of read_body, for bodies of any size: fn gets each piece as it comes (HTTP_PIECE_MAX_BYTES at most, valid during
 * the call only), then once an empty one: that was all. A body that breaks off, is badly encoded or stalls: only on_gone
 * runs. fn may reply, pause or abort.
 * Between pause and resume fn is not called, and soon nothing is read: TCP pushes back. Such time is ours, so it counts for
 * no limit.
 */
#define HTTP_PIECE_MAX_BYTES ((size_t)128 * 1024)
void http_exchange_stream_body(struct http_exchange *x, http_piece_fn fn, void *arg);
void http_exchange_pause_body(struct http_exchange *x);
void http_exchange_resume_body(struct http_exchange *x);

/* on_gone: the client went away (reset, half-closed before the request's end, stalled, timed out, server closed)
 * before the response ended. x is invalid when it returns. A client that half-closes after a complete request is
 * served to the end (RFC 9112 9.6). */
void http_exchange_on_gone(struct http_exchange *x, http_exchange_fn fn, void *arg);

/* Extra header lines may be NULL. Adds Content-Length, Date, Connection; HEAD sends no body. Ends the exchange. */
void http_exchange_reply(struct http_exchange *x, int status, const struct http_headers *headers,
                         struct span body);
/* As reply, but body memory must live for the whole program (embedded files): it is not copied. */
void http_exchange_reply_static(struct http_exchange *x, int status, const struct http_headers *headers,
                                struct span body);
/* Streaming: chunked (HTTP/1.0 clients: until close). content_length >= 0 sends that instead of chunks. */
void http_exchange_begin(struct http_exchange *x, int status, const struct http_headers *headers,
                         int64_t content_length);
bool http_exchange_has_begun(const struct http_exchange *x);
/*
 * on_shut: the client has shut its side after a complete request. Most that do have gone altogether, a few still read;
 * only writing tells them apart. http_exchange_probe writes "102 Processing" (RFC 9110 15.2) to one that waits for its
 * header: after two probes, some time apart, who is gone is known to be (on_gone).
 */
void http_exchange_on_shut(struct http_exchange *x, http_exchange_fn fn, void *arg);
bool http_exchange_has_shut(const struct http_exchange *x);
void http_exchange_probe(struct http_exchange *x);
/* What small writes, begin and uncork leave goes out by the end of the turn, in one piece where it can; large writes
 * go at once, and only what the socket does not take is copied. Nothing leaves between cork and uncork unless
 * another exchange writes. */
void http_exchange_write(struct http_exchange *x, struct span data);
void http_exchange_cork(struct http_exchange *x);
void http_exchange_uncork(struct http_exchange *x);
/* Backpressure: full from HTTP_WRITE_HIGH_BYTES queued; on_drain runs each time it falls back to the low mark. */
bool http_exchange_is_full(const struct http_exchange *x);
void http_exchange_on_drain(struct http_exchange *x, http_exchange_fn fn, void *arg);
void http_exchange_end(struct http_exchange *x);
/* Breaks the connection without a clean end, so that no client takes a part for the whole. */
void http_exchange_abort(struct http_exchange *x);
/* Breaks the connection at once, as if the client had: on_gone runs before this returns. */
void http_exchange_drop(struct http_exchange *x);
/* Body bytes sent so far, and the status (0: none yet), for the access line. */
uint64_t http_exchange_bytes_sent(const struct http_exchange *x);
int http_exchange_status(const struct http_exchange *x);

/* ================= client ================= */
/* Where to connect: a unix socket (path set) or TCP host (numeric address) and port. Copied by the callee. */
struct http_endpoint {
    const char *unix_path;
    const char *host;
    int port;
};

struct http_client; /* keeps idle connections per endpoint */
struct http_client *http_client_new(struct loop *l);
/* Cancels all calls and closes all connections. */
void http_client_close(struct http_client *c);
/* Drops idle connections to that endpoint (its engine ended). */
void http_client_forget(struct http_client *c, const struct http_endpoint *to);

struct http_call;
struct http_call_events {
    /* Final response header (1xx are skipped). fields valid during the call only. */
    void (*on_headers)(struct http_call *call, void *arg, int status, const struct http_fields *fields);
    /* Body bytes, de-chunked; valid during the call only. */
    void (*on_body)(struct http_call *call, void *arg, struct span data);
    /* One upstream read has been delivered (flush what was collected). May be NULL. */
    void (*on_flush)(struct http_call *call, void *arg);
    /* Exactly once, last, unless cancelled; the call is invalid after it.
     * ERR_OK: complete. ERR_REFUSED, ERR_TIMEOUT (connect, header or idle), ERR_CLOSED (ended in the middle or before
     * the header), ERR_PROTOCOL (no valid HTTP), ERR_IO. */
    void (*on_done)(struct http_call *call, void *arg, enum err e, const struct err_text *why);
};
struct http_call_options {
    const char *method;                 /* "GET", "POST" ... */
    const char *target;                 /* path and query */
    const struct http_headers *headers; /* may be NULL; Host, Content-Length, Connection are added here */
    struct span body;                   /* copied if it cannot be sent at once */
    struct http_source
        *source; /* the body instead, sent as the engine takes it; freed by the call. Or NULL */
    int64_t connect_timeout_ms; /* 0: 5,000 */
    int64_t header_timeout_ms;  /* from request sent to response header; 0: none */
    int64_t idle_timeout_ms;    /* between bytes of the body; 0: none */
    bool
        fresh; /* do not reuse an idle connection. A reused one that fails before any byte came back is retried once on
                 * a fresh one, for methods without side effects or when the request was not sent at all. */
};
/* NULL never. ev is copied. */
struct http_call *http_call_start(struct http_client *c, const struct http_endpoint *to,
                                  const struct http_call_options *options, const struct http_call_events *ev,
                                  void *arg);
/* Stops reading from upstream until resumed; TCP pushes back. */
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
/* No callback comes after this; the connection closes at once (that is how engines notice). */
void http_call_cancel(struct http_call *call);

#endif
