/* The server as its handlers and its clients see it: order, bodies, streams, backpressure, clients that go away. */
#include "unit.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "http/http_conn.h"
#include "http_wire.h"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct {
    struct loop *loop;
    struct http_server *server;
    int port;
    struct http_exchange *held[4]; /* of /hold, in order */
    int n_held;
    int n_gone;
    int n_drained;
    int n_copies;
    int n_bodies;
    size_t body_len;
    char seen[256]; /* what /show saw last */
} t;

static char big[4 << 20];

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)arg;
    (void)http_exchange_path(x); /* still valid here */
    t.n_gone++;
}

static void on_drain(struct http_exchange *x, void *arg)
{
    (void)x;
    (void)arg;
    t.n_drained++;
}

static void on_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    (void)arg;
    t.n_bodies++;
    t.body_len = body.len;
    http_exchange_reply(x, e == ERR_TOO_BIG ? 413 : 200, NULL, body);
}

static void show(struct http_exchange *x)
{
    struct span path = http_exchange_path(x), query = http_exchange_query(x);
    struct span method = http_exchange_method_text(x);
    struct span host = http_fields_get(http_exchange_fields(x), HTTP_FIELD_HOST);
    (void)snprintf(t.seen, sizeof t.seen, "%.*s %.*s ? %.*s @ %.*s # %u from %s", SPAN_ARG(method),
                   SPAN_ARG(path), SPAN_ARG(query), SPAN_ARG(host), http_exchange_fields(x)->n,
                   http_exchange_peer(x));
    http_exchange_reply(x, 200, NULL, span_str(t.seen));
}

static void on_request(struct http_exchange *x, void *arg)
{
    (void)arg;
    struct span path = http_exchange_path(x);
    http_exchange_on_gone(x, on_gone, NULL);
    http_exchange_on_drain(x, on_drain, NULL);
    if (span_starts(path, "/hold"))
        t.held[t.n_held++] = x;
    else if (span_is(path, "/echo"))
        http_exchange_read_body(x, 100000, on_body, NULL);
    else if (span_is(path, "/204"))
        http_exchange_reply(x, 204, NULL, (struct span){0});
    else if (span_is(path, "/304"))
        http_exchange_reply(x, 304, NULL, SPAN_LIT("ignored"));
    else if (span_is(path, "/big"))
        http_exchange_reply_static(x, 200, NULL, span_of(big, sizeof big));
    else if (span_is(path, "/copy") && ++t.n_copies)
        http_exchange_reply(x, 200, NULL, span_of(big, sizeof big));
    else
        show(x);
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.loop = loop_new();
    t.server = http_server_new(t.loop, on_request, NULL);
    struct http_limits limits = http_default_limits;
    limits.linger_ms = 20;
    limits.tick_ms = 5;
    http_server_set_limits(t.server, &limits);
    struct err_text why;
    assert_int_equal(http_server_listen_tcp(t.server, "127.0.0.1", 0, &t.port, &why), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_server_close(t.server);
    loop_free(t.loop);
    return 0;
}

static struct wire dial(void)
{
    return wire_connect(t.loop, t.port);
}

static void send_text(struct wire *w, const char *text)
{
    assert_true(wire_send(w, span_str(text)));
}

/* Closes so that the server sees a reset. */
static void reset(struct wire *w)
{
    struct linger l = {.l_onoff = 1};
    (void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    (void)close(w->fd);
    w->fd = -1;
}

/* Reads on while the connection is not at its end. */
static void read_to_end(struct wire *w)
{
    WIRE_UNTIL(w, w->has_eof || w->was_reset);
}

static void one_connection_carries_many_requests(void **state)
{
    (void)state;
    struct wire w = dial();
    for (int i = 0; i < 50; i++) {
        send_text(&w, "GET http://h:1/a%20b?c=d HTTP/1.1\r\nHost: other\r\nX-A:  b \r\n\r\n");
        WIRE_UNTIL(&w, wire_has(&w, "from 127.0.0.1"));
        assert_true(span_starts(buf_span(&w.got), "HTTP/1.1 200 OK\r\nDate: "));
        assert_true(wire_has(&w, "\r\nContent-Length: 41\r\n"));
        assert_false(wire_has(&w, "Connection"));
        assert_string_equal(t.seen, "GET /a%20b ? c=d @ h:1 # 2 from 127.0.0.1");
        buf_clear(&w.got);
    }
    assert_int_equal(http_server_n_conns(t.server), 1);
    assert_int_equal(http_server_n_active(t.server), 0);
    wire_close(&w);
    WIRE_UNTIL(&w, http_server_n_conns(t.server) == 0);
    assert_int_equal(t.n_gone, 0);
}

static void pipelined_requests_wait_for_their_turn(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, GET("/hold1") GET("/show") GET("/hold2") GET("/show"));
    WIRE_UNTIL(&w, t.n_held == 1);
    wire_turn(&w);
    assert_string_equal(t.seen, ""); /* the second has not been looked at */
    http_exchange_reply(t.held[0], 201, NULL, SPAN_LIT("one"));
    WIRE_UNTIL(&w, t.n_held == 2);
    http_exchange_reply(t.held[1], 202, NULL, SPAN_LIT("three"));
    WIRE_UNTIL(&w, wire_has(&w, " 202 ") && span_find(buf_span(&w.got), SPAN_LIT("GET /show")) >= 0);
    WIRE_UNTIL(&w, span_ends(buf_span(&w.got), "127.0.0.1"));
    static const int expected[] = {201, 200, 202, 200};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(wire_take_response(&w), expected[i]);
    wire_close(&w);
}

static void answers_without_a_body_have_none(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, HEAD("/show") GET("/204") GET("/304") GET("/hold"));
    WIRE_UNTIL(&w, t.n_held == 1);
    wire_turn(&w);
    assert_true(wire_has(&w, "\r\nContent-Length: "));
    assert_false(wire_has(&w, "from 127"));
    assert_false(wire_has(&w, "ignored"));
    assert_true(span_ends(buf_span(&w.got), "GMT\r\n\r\n"));
    ptrdiff_t at = span_find(buf_span(&w.got), SPAN_LIT("HTTP/1.1 204"));
    assert_true(at > 0);
    assert_int_equal(span_find(span_of(w.got.p + at, w.got.len - (size_t)at), SPAN_LIT("Content-Length")),
                     -1);
    http_exchange_reply(t.held[0], 200, NULL, (struct span){0});
    WIRE_UNTIL(&w, wire_has(&w, "Content-Length: 0\r\n\r\n"));
    wire_close(&w);
}

static struct http_exchange *hold(struct wire *w, const char *request)
{
    int n = t.n_held;
    send_text(w, request);
    WIRE_UNTIL(w, t.n_held > n);
    return t.held[n];
}

static void streams_leave_in_chunks_and_a_cork_makes_one(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    struct http_headers h = {0};
    http_headers_add(&h, "Content-Type", SPAN_LIT("text/event-stream"));
    http_headers_add(&h, "Transfer-Encoding", SPAN_LIT("gzip")); /* framing is ours: dropped */
    http_headers_add(&h, "Connection", SPAN_LIT("upgrade"));
    http_exchange_begin(x, 200, &h, -1);
    http_headers_release(&h);
    http_exchange_write(x, SPAN_LIT("data: 1\n\n"));
    WIRE_UNTIL(&w, wire_has(&w, "9\r\ndata: 1\n\n\r\n")); /* with the turn's end at the latest */
    http_exchange_write(x, (struct span){0});             /* an empty chunk would end the body */
    http_exchange_cork(x);
    http_exchange_write(x, SPAN_LIT("data: 2\n\n"));
    http_exchange_write(x, SPAN_LIT("data: 3\n\n"));
    http_exchange_uncork(x);
    wire_turn(&w);
    assert_int_equal(http_exchange_bytes_sent(x), 27);
    assert_int_equal(http_exchange_status(x), 200);
    http_exchange_cork(x);
    http_exchange_write(x, SPAN_LIT("last"));
    http_exchange_end(x);
    WIRE_UNTIL(&w, wire_has(&w, "last\r\n0\r\n\r\n"));
    ptrdiff_t head = span_find(buf_span(&w.got), SPAN_LIT("\r\n\r\n"));
    assert_false(wire_has(&w, "gzip"));
    assert_false(wire_has(&w, "upgrade"));
    assert_false(wire_has(&w, "Content-Length"));
    assert_string_equal(w.got.p + head + 4,
                        "9\r\ndata: 1\n\n\r\n12\r\ndata: 2\n\ndata: 3\n\n\r\n4\r\nlast\r\n0\r\n\r\n");
    buf_clear(&w.got);
    x = hold(&w, GET("/hold")); /* the connection goes on; a corked header leaves with its first bytes */
    http_exchange_cork(x);
    http_exchange_begin(x, 200, NULL, -1);
    wire_turn(&w);
    assert_int_equal(w.got.len, 0);
    http_exchange_write(x, SPAN_LIT("a"));
    http_exchange_uncork(x);
    http_exchange_end(x);
    WIRE_UNTIL(&w, wire_has(&w, "1\r\na\r\n0\r\n\r\n"));
    wire_close(&w);
}

static void two_corked_streams_do_not_mix(void **state)
{
    (void)state;
    struct wire a = dial(), b = dial();
    struct http_exchange *xa = hold(&a, GET("/hold")), *xb = hold(&b, GET("/hold"));
    http_exchange_begin(xa, 200, NULL, -1);
    http_exchange_begin(xb, 200, NULL, -1);
    http_exchange_cork(xa);
    http_exchange_write(xa, SPAN_LIT("aaa"));
    http_exchange_cork(xb);
    http_exchange_write(xb, SPAN_LIT("bbb"));
    http_exchange_write(xa, SPAN_LIT("AAA"));
    http_exchange_uncork(xa);
    http_exchange_uncork(xb);
    http_exchange_end(xa);
    http_exchange_end(xb);
    WIRE_UNTIL(&a, wire_has(&a, "0\r\n\r\n"));
    WIRE_UNTIL(&b, wire_has(&b, "0\r\n\r\n"));
    assert_true(wire_has(&a, "3\r\naaa\r\n3\r\nAAA\r\n0"));
    assert_true(wire_has(&b, "3\r\nbbb\r\n0"));
    wire_close(&a);
    wire_close(&b);
}

static void a_stream_of_known_length_keeps_to_it(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    http_exchange_begin(x, 200, NULL, 5);
    http_exchange_write(x, SPAN_LIT("123"));
    http_exchange_write(x, SPAN_LIT("45 and more"));
    http_exchange_end(x);
    x = hold(&w, GET("/hold"));
    assert_true(wire_has(&w, "Content-Length: 5\r\n\r\n12345"));
    buf_clear(&w.got);
    http_exchange_begin(x, 200, NULL, 5);
    http_exchange_write(x, SPAN_LIT("123"));
    http_exchange_end(x); /* too little: the client must not take it for all */
    read_to_end(&w);
    assert_true(span_ends(buf_span(&w.got), "\r\n\r\n123"));
    wire_close(&w);
}

static void http10_streams_end_by_close_and_breaks_by_reset(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    http_exchange_begin(x, 200, NULL, -1);
    http_exchange_write(x, SPAN_LIT("all of it"));
    http_exchange_end(x);
    read_to_end(&w);
    assert_false(w.was_reset);
    assert_true(span_ends(buf_span(&w.got), "Connection: close\r\n\r\nall of it"));
    wire_close(&w);
    w = dial();
    x = hold(&w, "GET /hold HTTP/1.0\r\n\r\n");
    http_exchange_begin(x, 200, NULL, -1);
    http_exchange_write(x, SPAN_LIT("part"));
    WIRE_UNTIL(&w, wire_has(&w, "part"));
    http_exchange_abort(x);
    read_to_end(&w);
    assert_true(w.was_reset);
    wire_close(&w);
}

static void an_aborted_stream_has_no_clean_end(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    http_exchange_begin(x, 200, NULL, -1);
    http_exchange_write(x, SPAN_LIT("part"));
    http_exchange_abort(x);
    read_to_end(&w);
    assert_true(span_ends(buf_span(&w.got), "4\r\npart\r\n"));
    assert_int_equal(t.n_gone, 0); /* the handler knows */
    wire_close(&w);
}

static void bodies_come_whole_or_as_too_big(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    WIRE_UNTIL(&w, wire_has(&w, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(t.n_bodies, 0);
    send_text(&w, "hello");
    WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\nhello"));
    buf_clear(&w.got);
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
    wire_turn(&w);
    send_text(&w, "2\r\nlo\r\n0\r\n\r\n");
    WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\nhello"));
    buf_clear(&w.got);
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n");
    WIRE_UNTIL(&w, wire_has(&w, " 413 ") && w.has_eof);
    assert_false(wire_has(&w, "100 Continue"));
    assert_true(wire_has(&w, "Connection: close\r\n"));
    assert_int_equal(t.n_bodies, 3);
    wire_close(&w);
}

static void a_body_is_taken_when_the_handler_asks_and_not_before(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    for (int i = 0; i < 9; i++)
        assert_true(wire_send(&w, span_of(big, 10000)));
    send_text(&w, GET("/show"));
    for (int i = 0; i < 5; i++)
        wire_turn(&w);
    http_exchange_read_body(x, 100000, on_body, NULL);
    assert_int_equal(t.n_bodies, 0); /* never before it returns */
    WIRE_UNTIL(&w, t.n_bodies == 1 && wire_has(&w, "from 127"));
    assert_int_equal(t.body_len, 90000);
    wire_close(&w);
}

static void set_limits(void (*change)(struct http_limits *limits))
{
    struct http_limits limits = http_default_limits;
    limits.linger_ms = 20;
    limits.tick_ms = 5;
    change(&limits);
    http_server_set_limits(t.server, &limits);
}

static void long_linger(struct http_limits *limits)
{
    limits->linger_ms = WIRE_DEADLINE_MS;
}

static void an_unread_body_is_drained_if_it_is_small(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, "POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    WIRE_UNTIL(&w, wire_has(&w, "from 127"));
    buf_clear(&w.got);
    send_text(&w, "0123456789" GET("/show"));
    WIRE_UNTIL(&w, wire_has(&w, "from 127"));
    buf_clear(&w.got);
    /* Too much to read away: answered, and closed so that the answer arrives although the client still sends. */
    set_limits(long_linger);
    send_text(&w, "POST /show HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n");
    WIRE_UNTIL(&w, w.has_eof);
    assert_true(wire_has(&w, "Connection: close\r\n"));
    assert_true(wire_has(&w, "from 127"));
    assert_true(wire_send(&w, span_of(big, 400000)));
    wire_turn(&w);
    assert_true(send(w.fd, "x", 1, MSG_NOSIGNAL) == 1); /* no reset */
    wire_close(&w);
    /* Whether a body follows cannot be known when it was not asked for. */
    w = dial();
    send_text(&w, "POST /show HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    read_to_end(&w);
    assert_true(wire_has(&w, " 200 ") && !wire_has(&w, " 100 ") && wire_has(&w, "Connection: close\r\n"));
    wire_close(&w);
}

static void big_answers_arrive_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 1000);
    struct wire w = dial();
    send_text(&w, GET("/big") GET("/copy") GET("/big") GET("/hold"));
    WIRE_UNTIL(&w, t.n_held == 1 && w.got.len > 3 * sizeof big);
    for (int i = 0; i < 3; i++) {
        ptrdiff_t head = span_find(buf_span(&w.got), SPAN_LIT("\r\n\r\n"));
        assert_memory_equal(w.got.p + head + 4, big, sizeof big);
        buf_drop(&w.got, (size_t)head + 4 + sizeof big);
    }
    wire_close(&w);
}

static void the_next_request_waits_until_the_answer_has_left(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, GET("/copy") GET("/copy") GET("/copy"));
    int64_t until_ms = clock_ms() + 30;
    while (clock_ms() < until_ms) { /* reads nothing: answers of 4 MB each must not pile up */
        (void)uv_run(loop_uv(t.loop), UV_RUN_NOWAIT);
        wire_rest(t.loop, -1);
    }
    assert_int_equal(t.n_copies, 1);
    WIRE_UNTIL(&w, w.got.len > 3 * sizeof big);
    assert_int_equal(t.n_copies, 3);
    wire_close(&w);
}

static void a_full_stream_tells_when_it_has_drained(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    http_exchange_begin(x, 200, NULL, -1);
    size_t sent = 0;
    while (!http_exchange_is_full(x)) {
        http_exchange_write(x, span_of(big, 10000));
        sent += 10000;
        assert_true(sent < 64 << 20);
    }
    assert_int_equal(t.n_drained, 0);
    WIRE_UNTIL(&w, t.n_drained == 1);
    assert_false(http_exchange_is_full(x));
    http_exchange_end(x);
    WIRE_UNTIL(&w, span_ends(buf_span(&w.got), "\r\n0\r\n\r\n"));
    assert_true(w.got.len > sent);
    wire_close(&w);
}

static void pipelined_bytes_are_bounded_while_an_answer_runs(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    /* More than sockets hold: what the server does not read stays with the client. */
    AUTO(buf) struct buf *flood = buf_new();
    while (flood->len < 12 << 20)
        buf_add_str(flood, GET("/204"));
    size_t at = 0;
    for (int idle = 0; idle < 20 && at < flood->len;) {
        ssize_t n = send(w.fd, flood->p + at, flood->len - at, MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        wire_turn(&w);
    }
    assert_true(at < flood->len);
    http_exchange_reply(x, 200, NULL, (struct span){0});
    size_t n_whole = at / strlen(GET("/204"));
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n"));
    size_t answer_len = (size_t)span_find(buf_span(&w.got), SPAN_LIT("\r\n\r\n")) + 4;
    WIRE_UNTIL(&w, w.got.len >= n_whole * answer_len);
    assert_int_equal(w.got.len, n_whole * answer_len);
    wire_close(&w);
}

static void a_client_that_resets_is_noticed_once(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    http_exchange_begin(x, 200, NULL, -1);
    reset(&w);
    WIRE_UNTIL(&w, t.n_gone == 1 && http_server_n_conns(t.server) == 0);
    assert_int_equal(http_server_n_active(t.server), 0);
    wire_close(&w);
    w = dial(); /* in the middle of its body */
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
    WIRE_UNTIL(&w, http_server_n_active(t.server) == 1);
    reset(&w);
    WIRE_UNTIL(&w, t.n_gone == 2);
    assert_int_equal(t.n_bodies, 0);
    wire_close(&w);
}

static void a_half_closed_client_is_served_to_the_end(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    (void)shutdown(w.fd, SHUT_WR);
    for (int i = 0; i < 5; i++)
        wire_turn(&w);
    http_exchange_begin(x, 200, NULL, -1);
    http_exchange_write(x, SPAN_LIT("x"));
    for (int i = 0; i < 5; i++)
        wire_turn(&w);
    http_exchange_end(x);
    read_to_end(&w);
    assert_true(span_ends(buf_span(&w.got), "1\r\nx\r\n0\r\n\r\n"));
    assert_int_equal(t.n_gone, 0);
    wire_close(&w);
}

static void a_client_that_closed_is_noticed_by_writing(void **state)
{
    (void)state;
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    http_exchange_begin(x, 200, NULL, -1);
    wire_turn(&w);
    (void)close(w.fd);
    w.fd = -1;
    int64_t end_ms = clock_ms() + WIRE_DEADLINE_MS;
    while (t.n_gone == 0 && clock_ms() < end_ms) {
        http_exchange_write(x, SPAN_LIT(": ping\n\n"));
        assert_int_equal(http_exchange_status(x),
                         200); /* x lives until on_gone has run, never inside write */
        wire_turn(&w);
    }
    assert_int_equal(t.n_gone, 1);
    wire_close(&w);
}

static void a_client_that_leaves_before_its_body_is_gone(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
    (void)shutdown(w.fd, SHUT_WR);
    WIRE_UNTIL(&w, t.n_gone == 1);
    read_to_end(&w);
    assert_int_equal(wire_take_response(&w), 400);
    assert_int_equal(t.n_bodies, 0);
    wire_close(&w);
}

static void short_times(struct http_limits *limits)
{
    limits->header_timeout_ms = 40;
    limits->idle_timeout_ms = 150;
    limits->body_window_ms = 40;
    limits->min_body_bytes_per_s = 500; /* 20 bytes a window */
    limits->stalled_reader_ms = 60;
}

static void slow_clients_are_sent_away(void **state)
{
    (void)state;
    set_limits(short_times);
    struct wire w = dial();
    send_text(&w, "GET / HTTP/1.1\r\nHo");
    read_to_end(&w);
    assert_int_equal(wire_take_response(&w), 408);
    wire_close(&w);
    w = dial();
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nhe");
    read_to_end(&w);
    assert_int_equal(wire_take_response(&w), 408);
    assert_int_equal(t.n_gone, 1);
    wire_close(&w);
    w = dial(); /* no request at all: closed without a word */
    int64_t start_ms = clock_ms();
    read_to_end(&w);
    assert_int_equal(w.got.len, 0);
    assert_true(clock_ms() - start_ms >= 140);
    wire_close(&w);
    w = dial(); /* an answer that takes its time is not the client's fault */
    struct http_exchange *x = hold(&w, GET("/hold"));
    start_ms = clock_ms();
    WIRE_UNTIL(&w, clock_ms() - start_ms > 200);
    http_exchange_reply(x, 200, NULL, (struct span){0});
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    wire_close(&w);
}

static void a_longer_window(struct http_limits *limits)
{
    limits->body_window_ms = 150;
}

static void a_steady_body_may_take_longer_than_any_window(void **state)
{
    (void)state;
    set_limits(a_longer_window);
    struct wire w = dial();
    send_text(&w, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n");
    int64_t start_ms = clock_ms(), sent_ms = 0;
    size_t sent = 0;
    WIRE_UNTIL(&w, ({
        int64_t now_ms = clock_ms();
        if (now_ms - sent_ms >= 10 && sent < 3000) {
            assert_true(wire_send(&w, span_of(big, 100)));
            sent += 100;
            sent_ms = now_ms;
        }
        wire_has(&w, " 200 ");
    }));
    assert_true(clock_ms() - start_ms > 250);
    wire_close(&w);
}

static void a_reader_that_stalls_is_dropped(void **state)
{
    (void)state;
    set_limits(short_times);
    struct wire w = dial();
    struct http_exchange *x = hold(&w, GET("/hold"));
    http_exchange_begin(x, 200, NULL, -1);
    for (int i = 0; !http_exchange_is_full(x) && i < 10000; i++)
        http_exchange_write(x, span_of(big, 10000));
    int64_t end_ms = clock_ms() + WIRE_DEADLINE_MS;
    while (t.n_gone == 0 && clock_ms() < end_ms) {
        (void)uv_run(loop_uv(t.loop), UV_RUN_NOWAIT);
        wire_rest(t.loop, -1);
    }
    assert_int_equal(t.n_gone, 1);
    assert_int_equal(http_server_n_active(t.server), 0);
    wire_close(&w);
}

static void two_an_address(struct http_limits *limits)
{
    limits->max_conns_per_address = 2;
    limits->counts_loopback = true;
}

static void an_address_has_a_limit_of_connections(void **state)
{
    (void)state;
    set_limits(two_an_address);
    struct wire a = dial(), b = dial(), c = dial();
    send_text(&a, GET("/204"));
    send_text(&b, GET("/204"));
    WIRE_UNTIL(&a, wire_take_response(&a) == 204);
    WIRE_UNTIL(&b, wire_take_response(&b) == 204);
    read_to_end(&c);
    wire_close(&c);
    wire_close(&a);
    WIRE_UNTIL(&b, http_server_n_conns(t.server) == 1);
    c = dial();
    send_text(&c, GET("/204"));
    WIRE_UNTIL(&c, wire_take_response(&c) == 204);
    wire_close(&b);
    wire_close(&c);
}

static void draining_ends_what_runs_and_refuses_the_rest(void **state)
{
    (void)state;
    struct wire idle = dial(), busy = dial();
    send_text(&idle, GET("/204"));
    WIRE_UNTIL(&idle, wire_take_response(&idle) == 204);
    struct http_exchange *x = hold(&busy, GET("/hold"));
    http_server_drain(t.server);
    read_to_end(&idle);
    assert_int_equal(http_server_n_active(t.server), 1);
    http_exchange_reply(x, 200, NULL, SPAN_LIT("done"));
    read_to_end(&busy);
    assert_true(wire_has(&busy, "Connection: close\r\n") && wire_has(&busy, "done"));
    WIRE_UNTIL(&busy, http_server_n_conns(t.server) == 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
    assert_int_equal(errno, ECONNREFUSED);
    (void)close(fd);
    wire_close(&idle);
    wire_close(&busy);
}

static void closing_tells_every_handler(void **state)
{
    (void)state;
    struct wire a = dial(), b = dial();
    (void)hold(&a, GET("/hold"));
    http_exchange_begin(hold(&b, GET("/hold")), 200, NULL, -1);
    http_server_close(t.server);
    assert_int_equal(t.n_gone, 2);
    read_to_end(&a);
    read_to_end(&b);
    wire_close(&a);
    wire_close(&b);
    t.server = NULL;
}

static void running_out_of_descriptors_pauses_and_recovers(void **state)
{
    (void)state;
    struct wire first = dial();
    send_text(&first, GET("/204"));
    WIRE_UNTIL(&first, wire_take_response(&first) == 204);
    struct wire w = dial(); /* in the queue, not accepted */
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)w.fd + 1; /* nothing above what is open */
    send_text(&w, GET("/204"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    log_set_level(LOG_ERROR);
    int n_turns = 0;
    int64_t end_ms = clock_ms() + 150;
    while (clock_ms() < end_ms) {
        (void)uv_run(loop_uv(t.loop), UV_RUN_ONCE);
        n_turns++;
    }
    assert_int_equal(wire_take_response(&w), 0);
    assert_true(n_turns < 100); /* no spin: only the sweep's ticks */
    send_text(&first, GET("/204"));
    WIRE_UNTIL(&first, wire_take_response(&first) == 204); /* others do not suffer */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    WIRE_UNTIL(&w, wire_take_response(&w) == 204);
    log_set_level(LOG_INFO);
    wire_close(&w);
    wire_close(&first);
}

static void unix_sockets_replace_only_what_is_stale(void **state)
{
    (void)state;
    char dir[] = "/tmp/hob-test-XXXXXX", path[64], other[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/s", dir);
    (void)snprintf(other, sizeof other, "%s/file", dir);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&a, sizeof a), 0);
    (void)close(stale);
    struct err_text why;
    assert_int_equal(http_server_listen_unix(t.server, path, 0600, &why), ERR_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(http_server_listen_unix(t.server, path, 0600, &why), ERR_EXISTS);
    FILE *f = fopen(other, "w");
    assert_non_null(f);
    (void)fclose(f);
    assert_int_equal(http_server_listen_unix(t.server, other, 0600, &why), ERR_EXISTS);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    struct wire w = wire_on(t.loop, fd);
    send_text(&w, GET("/show"));
    WIRE_UNTIL(&w, wire_has(&w, "from unix"));
    wire_close(&w);
    http_server_close(t.server);
    t.server = NULL;
    assert_int_equal(stat(path, &st), -1); /* removed */
    (void)unlink(other);
    assert_int_equal(rmdir(dir), 0);
}

static void listening_says_why_it_cannot(void **state)
{
    (void)state;
    struct err_text why = {""};
    assert_int_equal(http_server_listen_tcp(t.server, "127.0.0.1", t.port, NULL, &why), ERR_EXISTS);
    assert_non_null(strstr(why.text, "cannot listen on 127.0.0.1 port"));
    assert_int_equal(http_server_listen_tcp(t.server, "localhost", 0, NULL, &why), ERR_INVALID);
    assert_int_equal(http_server_listen_tcp(t.server, "127.0.0.1", 65536, NULL, &why), ERR_INVALID);
}

static void an_idle_stream_is_small(void **state)
{
    (void)state;
    /* What one open stream holds here; engine side and handler come on top of it (4 KiB in all). */
    assert_true(sizeof(struct http_conn) + sizeof(struct http_exchange) + 192 <= 1536);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_connection_carries_many_requests),
        TEST(pipelined_requests_wait_for_their_turn),
        TEST(answers_without_a_body_have_none),
        TEST(streams_leave_in_chunks_and_a_cork_makes_one),
        TEST(two_corked_streams_do_not_mix),
        TEST(a_stream_of_known_length_keeps_to_it),
        TEST(http10_streams_end_by_close_and_breaks_by_reset),
        TEST(an_aborted_stream_has_no_clean_end),
        TEST(bodies_come_whole_or_as_too_big),
        TEST(a_body_is_taken_when_the_handler_asks_and_not_before),
        TEST(an_unread_body_is_drained_if_it_is_small),
        TEST(big_answers_arrive_whole),
        TEST(the_next_request_waits_until_the_answer_has_left),
        TEST(a_full_stream_tells_when_it_has_drained),
        TEST(pipelined_bytes_are_bounded_while_an_answer_runs),
        TEST(a_client_that_resets_is_noticed_once),
        TEST(a_half_closed_client_is_served_to_the_end),
        TEST(a_client_that_closed_is_noticed_by_writing),
        TEST(a_client_that_leaves_before_its_body_is_gone),
        TEST(slow_clients_are_sent_away),
        TEST(a_steady_body_may_take_longer_than_any_window),
        TEST(a_reader_that_stalls_is_dropped),
        TEST(an_address_has_a_limit_of_connections),
        TEST(draining_ends_what_runs_and_refuses_the_rest),
        TEST(closing_tells_every_handler),
        TEST(running_out_of_descriptors_pauses_and_recovers),
        TEST(unix_sockets_replace_only_what_is_stale),
        TEST(listening_says_why_it_cannot),
        cmocka_unit_test(an_idle_stream_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
