/*
 * The server's insides: what http_server.c (listen, accept, sweep), http_conn.c (one connection's reading) and
 * http_exchange.c (one request's answer) share.  Tests use it to shorten the limits.
 *
 *                   first byte        header's end          body's end       response ended
 *   accept -> HEAD ------------> HEAD -------------> BODY ------------> ANSWER ------------> HEAD (keep-alive)
 *                                 |                   |                    |
 *                                 +--- refused -------+--- last one -------+--> FLUSH -> LINGER or closed
 */
#ifndef HOB_HTTP_CONN_H
#define HOB_HTTP_CONN_H

#include <netinet/in.h>

#include "http/http.h"
#include "http/http_out.h"
#include "http/http_parse.h"

#define HTTP_STASH_MAX   (16 * 1024)  /* pipelined bytes kept while an answer runs; then reading stops */
#define HTTP_DRAIN_MAX   (256 * 1024) /* unread body that is read away to keep the connection */
#define HTTP_READ_BYTES  (64 * 1024)
#define HTTP_ACCEPT_MAX  64  /* connections a turn */
#define HTTP_PAUSE_MS    100 /* accepting rests so long when descriptors have run out */
#define HTTP_SCRATCH_MAX (256 * 1024)
#define HTTP_COPY_MAX    (16 * 1024) /* more than this is written from where it is */

/* Times that tests shorten. */
struct http_limits {
    int64_t header_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t body_window_ms; /* in each such window min_body_bytes_per_s must hold */
    int64_t min_body_bytes_per_s;
    int64_t stalled_reader_ms;
    int64_t linger_ms; /* reading on after the last answer, so that a client still sending can read it */
    int64_t tick_ms;   /* how often all connections are looked at */
    unsigned max_conns_per_address;
    bool counts_loopback; /* tests have no other addresses */
};
extern const struct http_limits http_default_limits;

enum http_phase {
    HTTP_PHASE_HEAD,   /* between requests, or in a header */
    HTTP_PHASE_BODY,   /* header read, body coming; x is NULL when the rest is only read away */
    HTTP_PHASE_ANSWER, /* request complete; x is not NULL */
    HTTP_PHASE_FLUSH,  /* last answer on its way out */
    HTTP_PHASE_LINGER, /* our side is shut; reading what comes until the client closes */
    HTTP_PHASE_CLOSED, /* uv_close called */
};

struct http_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct http_server *server;
    struct list node; /* server->conns */
    struct http_exchange *x;
    struct http_message in;
    struct http_out out;
    struct buf stash; /* read but not yet wanted */
    enum http_phase phase;
    bool is_unix;
    bool is_counted;   /* in server->per_address */
    bool keep;         /* another request may follow */
    bool is_reading;   /* uv_read_start is on */
    bool has_eof;      /* the client has shut its side */
    bool is_running;   /* http_conn_run is on the stack */
    bool has_turn;     /* a deferred call holds the memory */
    bool is_gone;      /* closed; freed by the pending turn */
    bool must_linger;  /* there may be input we never read */
    bool must_reset;   /* end by reset: the answer's end is the connection's */
    bool is_too_big;   /* the body went over body_max */
    int64_t since_ms;  /* HEAD: last answer or first byte; BODY: window's start; LINGER: start. uv_now() */
    uint64_t mark;     /* BODY: in.n_raw at the window's start */
    int64_t moved_ms;  /* when the queue was last seen shorter or empty */
    size_t was_queued; /* and how long it was */
    char peer[INET6_ADDRSTRLEN];
};

struct http_exchange {
    struct http_conn *conn;
    struct http_server *server; /* outlives conn's memory */
    struct buf line;            /* the request line; the spans below point into it */
    struct span method_text, path, query, authority;
    struct http_fields fields; /* given back when a streamed response begins */
    enum http_method method;
    bool is_over;       /* ended or gone: waits to be freed */
    bool is_dispatched; /* on_request has been called */
    bool is_http10;
    bool wants_continue; /* Expect: 100-continue, not answered yet */
    bool has_begun;
    bool has_no_body; /* HEAD, 204, 304 */
    bool is_chunked;
    bool was_full;
    int64_t content_length; /* of the request; -1: chunked */
    int64_t length_left;    /* of the response, when it has a length; else -1 */
    int status;
    uint64_t bytes_sent;

    http_body_fn body_fn;
    void *body_arg;
    size_t body_max;
    struct buf body;        /* collected so far; of a streamed one what fn has not seen */
    http_piece_fn piece_fn; /* the body is streamed; NULL again behind its end */
    void *piece_arg;
    bool is_paused;

    http_exchange_fn gone_fn;
    void *gone_arg;
    http_exchange_fn drain_fn;
    void *drain_arg;
    http_exchange_fn shut_fn;
    void *shut_arg;
    void *data;
};

struct http_listener {
    uv_poll_t poll;
    struct http_server *server;
    struct list node;
    int fd;
    bool is_unix;
    char *path; /* of a unix socket: removed at the end */
};

struct http_server {
    struct loop *loop;
    http_request_fn on_request;
    void *arg;
    struct http_limits limits;
    struct list listeners;
    struct list conns;
    size_t n_conns;
    size_t n_active;
    size_t n_closing; /* handles whose close callback has not run */
    bool is_draining;
    bool is_closed;
    bool is_paused;                /* no descriptors: accepting rests */
    struct loop_timer sweep_timer; /* armed while there are connections */
    struct loop_timer pause_timer;
    struct map *per_address; /* text -> count, as a pointer */

    char *read_buf;           /* one for all connections: bytes are used up or stashed before the next read */
    struct http_fields spare; /* memory of the last request's fields, for the next */

    struct buf scratch;       /* what one exchange has written and not yet sent */
    size_t scratch_raw;       /* so many bytes at its front are not body: the response's header */
    struct http_conn *corked; /* whose; NULL: nobody's */
    bool is_held;             /* by http_exchange_cork; else it leaves at the turn's end at the latest */
    bool has_flush_turn;

    char date[32]; /* RFC 9110 5.6.7, of ... */
    int64_t date_s;
};

/* http_server.c */
void http_server_set_limits(struct http_server *s, const struct http_limits *limits);
/* Takes a connected stream socket, as if it had been accepted. Owns fd. */
struct http_conn *http_server_adopt(struct http_server *s, int fd, bool is_unix, const char *peer);
void http_server_conn_closed(struct http_server *s, struct http_conn *c);
/* The text of the Date field, made once a second. */
const char *http_server_date(struct http_server *s);

/* http_conn.c */
void http_conn_start(struct http_conn *c);
/* Bytes from the client; what is not wanted yet is stashed. Fuzzing enters here. */
void http_conn_feed(struct http_conn *c, const char *p, size_t n);
/* Goes on with what is stashed or due, after the current turn. */
void http_conn_schedule(struct http_conn *c);
/* The exchange has ended well: next request, or the end. */
void http_conn_answered(struct http_conn *c);
/* Now, without a word. An exchange that runs hears on_gone. */
void http_conn_close(struct http_conn *c);
/* After everything queued has left; lingers if there may be unread input. */
void http_conn_finish(struct http_conn *c);
/* An error of the request's framing or time: answered if it can be, then the end. */
void http_conn_refuse(struct http_conn *c, int status, const char *message);
/* Whether bytes of the client are taken now: for a header, or for a body that somebody reads. */
bool http_conn_wants_input(const struct http_conn *c);
/* Whether the rest of the request's body can be read away, should the answer come before its end. */
bool http_conn_can_drain(const struct http_conn *c);

/* http_deadlines.c */
void http_conn_check(struct http_conn *c, int64_t now_ms);

/* http_exchange.c */
struct http_exchange *http_exchange_new(struct http_conn *c);
void http_exchange_free(struct http_exchange *x);
/* Unhooks x from its connection; memory goes after the turn. on_gone first, if told. */
void http_exchange_finish(struct http_exchange *x, bool tell_gone);
/* Writes a complete error answer with Connection: close. */
void http_exchange_refuse(struct http_conn *c, int status, const char *message);
/* Queue has become shorter. */
void http_exchange_check_drain(struct http_exchange *x);
/* What is collected under cork leaves now. */
void http_exchange_flush(struct http_conn *c, bool is_last);

#endif
