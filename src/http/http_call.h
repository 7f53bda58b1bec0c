/*
 * The client's insides: http_client.c (endpoints, pool), http_upstream.c (one connection to an engine), http_call.c (one
 * request: connecting, sending, deadlines, retry, the end).
 */
#ifndef HOB_HTTP_CALL_H
#define HOB_HTTP_CALL_H

#include "http/http.h"
#include "http/http_out.h"
#include "http/http_parse.h"

#define HTTP_CLIENT_HEADER_BYTES (64 * 1024)
#define HTTP_CLIENT_HEADER_LINES 256
#define HTTP_CLIENT_INTERIM_MAX  16 /* 1xx responses before a final one */
#define HTTP_CLIENT_READ_BYTES   (64 * 1024)
#define HTTP_POOL_MAX            64 /* idle connections an endpoint */
#define HTTP_POOL_IDLE_MS        60000
#define HTTP_POOL_TICK_MS        5000
#define HTTP_CONNECT_TIMEOUT_MS  5000
#define HTTP_BACKLOG_RETRY_MS \
    10 /* a unix socket whose queue is full says so at once: asked again after this */

/* One endpoint with what is open to it; goes when nothing is. */
struct http_target {
    struct http_client *client;
    struct list node; /* client->targets */
    char *unix_path;  /* NULL: TCP */
    char *host;
    int port;
    char *authority;  /* Host field */
    struct list idle; /* struct http_upstream, most recently used first */
    unsigned n_idle;
    unsigned n_users; /* upstreams that are not closed, and calls */
};

struct http_client {
    struct loop *loop;
    struct list targets;
    struct list calls;
    struct list upstreams;
    size_t n_upstreams; /* not yet freed */
    struct loop_timer pool_timer;
    char *read_buf;
    struct buf scratch;       /* for requests' headers */
    struct http_fields spare; /* memory of the last response's fields */
    bool is_closed;
};

struct http_upstream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct http_client *client;
    struct http_target *target;
    struct http_call *call; /* NULL: idle or closed */
    struct list node;       /* client->upstreams */
    struct list idle_node;  /* target->idle */
    struct http_message in;
    struct http_out out;
    uv_connect_t *connecting;
    int64_t idle_since_ms;
    unsigned n_interim;
    bool is_reading;
    bool is_closed;
    bool keep;        /* the response allows another request */
    bool has_headers; /* the final response header has been delivered */
    bool saw_bytes;   /* since the request was sent */
    bool was_used;    /* has carried a request before this one */
};

enum http_call_state {
    HTTP_CALL_START,   /* could not even begin to connect: fails at the next turn */
    HTTP_CALL_CONNECT, /* upstream is connecting */
    HTTP_CALL_BACKLOG, /* waits to ask a full unix socket again */
    HTTP_CALL_HEADER,  /* sent (or on its way); no response header yet */
    HTTP_CALL_BODY,    /* response header delivered */
    HTTP_CALL_OVER,
};

struct http_call {
    struct http_client *client;
    struct http_target *target;
    struct http_upstream *up;
    struct list node; /* client->calls */
    struct http_call_events ev;
    void *arg;
    enum http_call_state state;
    struct buf request;         /* header and body as long as they may have to be sent (again) */
    struct http_source *source; /* of what follows behind it, until that was sent; or NULL */
    bool is_head;
    bool is_safe; /* may be sent again (RFC 9110 9.2.2) */
    bool is_paused;
    bool has_retried;
    int connect_error; /* START: libuv code to fail with at the next turn */

    int64_t connect_timeout_ms, header_timeout_ms, idle_timeout_ms;
    struct loop_timer timer;
    int64_t connect_since_ms; /* with all tries in BACKLOG */
    int64_t last_byte_ms;     /* loop time */
};

/* http_client.c */
/* The endpoint's record, made when new; one use more. */
struct http_target *http_target_use(struct http_client *c, const struct http_endpoint *to);
/* An idle connection that still stands, or NULL. */
struct http_upstream *http_target_take_idle(struct http_target *t);
void http_target_give_idle(struct http_upstream *up);
void http_target_unuse(struct http_target *t);
void http_client_upstream_gone(struct http_client *c, struct http_upstream *up);

/* http_upstream.c */
/* Begins to connect; http_call_connected or _failed follow, never from inside. *out_error: a libuv code. */
struct http_upstream *http_upstream_new(struct http_target *t, struct http_call *call, int *out_error);
void http_upstream_close(struct http_upstream *up);
/* Ready for call's response. Reading starts. */
void http_upstream_expect(struct http_upstream *up, struct http_call *call);
void http_upstream_set_reading(struct http_upstream *up, bool on);
/* Bytes from the engine; NULL and 0: its end. Fuzzing enters here. */
void http_upstream_feed(struct http_upstream *up, const char *p, size_t n);

/* http_call.c */
/* Some of what was sent has left: more of the body may follow. */
void http_call_sent(struct http_call *call);
void http_call_connected(struct http_call *call, int status);
void http_call_headers(struct http_call *call, int status, const struct http_fields *fields);
void http_call_body(struct http_call *call, struct span data);
/* The response is complete; up has let go of the call. */
void http_call_complete(struct http_call *call);
/* The connection broke or spoke nonsense; up is closed and has let go. */
void http_call_broken(struct http_call *call, bool saw_bytes, bool was_used, enum err e, const char *why);

#endif
