/* Bodies that are read as they come: pieces, pauses, ends of every kind. */
#include "unit.h"

#include "http/http_conn.h"
#include "http_wire.h"

#define POST(fields) "POST /up HTTP/1.1\r\nHost: x\r\n" fields "\r\n"

static struct {
    struct loop *loop;
    struct http_server *server;
    int port;
    struct http_exchange *x;
    struct buf got;
    size_t n_pieces, n_ends, n_gone, longest;
    bool pauses;       /* after each piece */
    size_t replies_at; /* bytes; 0: at the end */
    bool is_late;      /* the handler asks for the body later */
} t;

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    (void)arg;
    t.n_gone++;
    t.x = NULL;
}

static void reply(struct http_exchange *x)
{
    t.x = NULL;
    http_exchange_reply(x, 200, NULL, SPAN_LIT("taken"));
}

static void on_piece(struct http_exchange *x, void *arg, struct span piece)
{
    assert_ptr_equal(arg, &t);
    assert_ptr_equal(x, t.x);
    if (piece.len == 0) {
        t.n_ends++;
        reply(x);
        return;
    }
    t.n_pieces++;
    t.longest = piece.len > t.longest ? piece.len : t.longest;
    buf_add_span(&t.got, piece);
    if (t.pauses)
        http_exchange_pause_body(x);
    if (t.replies_at && t.got.len >= t.replies_at)
        reply(x);
}

static void on_request(struct http_exchange *x, void *arg)
{
    (void)arg;
    t.x = x;
    http_exchange_on_gone(x, on_gone, NULL);
    if (!t.is_late)
        http_exchange_stream_body(x, on_piece, &t);
}

static void set_limits(int64_t window_ms)
{
    struct http_limits limits = http_default_limits;
    limits.linger_ms = 20;
    limits.tick_ms = 5;
    limits.body_window_ms = window_ms;
    http_server_set_limits(t.server, &limits);
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.loop = loop_new();
    t.server = http_server_new(t.loop, on_request, NULL);
    set_limits(10000);
    struct err_text why;
    assert_int_equal(http_server_listen_tcp(t.server, "127.0.0.1", 0, &t.port, &why), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_server_close(t.server);
    loop_free(t.loop);
    buf_release(&t.got);
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

static void assert_got(const char *text)
{
    assert_string_equal(buf_str(&t.got), text);
    buf_clear(&t.got);
}

static void pieces_come_as_they_are_sent(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, POST("Content-Length: 6\r\n") "ab");
    WIRE_UNTIL(&w, t.got.len == 2);
    assert_int_equal(t.n_ends, 0);
    send_text(&w, "cdef");
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_got("abcdef");
    /* the same connection: chunks, and the next request behind them in one piece */
    send_text(&w, POST("Transfer-Encoding: chunked\r\n") "3\r\nghi\r\n");
    WIRE_UNTIL(&w, t.got.len == 3);
    send_text(&w, "2;x=y\r\njk\r\n0\r\nTrailer: z\r\n\r\n" POST("Content-Length: 1\r\n") "l");
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_got("ghijkl");
    assert_int_equal(t.n_ends, 3);
    assert_int_equal(t.n_gone, 0);
    wire_close(&w);
}

static void no_body_is_an_end_at_once(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, POST("Content-Length: 0\r\n") POST("") POST("Transfer-Encoding: chunked\r\n") "0\r\n\r\n");
    for (int i = 0; i < 3; i++)
        WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_int_equal(t.n_ends, 3);
    assert_int_equal(t.n_pieces, 0);
    wire_close(&w);
}

static void who_waits_to_be_asked_is_asked(void **state)
{
    (void)state;
    struct wire w = dial();
    t.is_late = true;
    send_text(&w, POST("Content-Length: 2\r\nExpect: 100-continue\r\n"));
    WIRE_UNTIL(&w, t.x);
    assert_false(wire_has(&w, "100 Continue"));
    http_exchange_stream_body(t.x, on_piece, &t);
    WIRE_UNTIL(&w, wire_has(&w, "HTTP/1.1 100 Continue\r\n\r\n"));
    buf_clear(&w.got);
    send_text(&w, "ok");
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_got("ok");
    wire_close(&w);
}

static size_t send_what_goes(struct wire *w, size_t most)
{
    static char bytes[65536];
    size_t sent = 0;
    int64_t quiet_since_ms = clock_ms();
    while (sent < most && clock_ms() - quiet_since_ms < 200) {
        ssize_t n = send(w->fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            quiet_since_ms = clock_ms();
        }
        wire_turn(w);
    }
    return sent;
}

static void a_pause_stops_the_sender(void **state)
{
    (void)state;
    const size_t all = (size_t)64 << 20;
    struct wire w = dial();
    AUTO(mem) char *head = xasprintf(POST("Content-Length: %zu\r\n"), all);
    t.pauses = true;
    send_text(&w, head);
    size_t sent = send_what_goes(&w, all);
    assert_true(sent < all); /* what the kernel keeps */
    assert_int_equal(t.n_pieces, 1);
    assert_true(t.longest <= HTTP_PIECE_MAX_BYTES);
    size_t before = t.got.len;
    http_exchange_resume_body(t.x);
    WIRE_UNTIL(&w, t.got.len > before);
    assert_int_equal(t.n_pieces, 2);
    /* on to the end */
    t.pauses = false;
    http_exchange_resume_body(t.x);
    while (sent < all)
        sent += send_what_goes(&w, all - sent < 65536 ? all - sent : 65536);
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_int_equal(t.got.len, all);
    assert_true(t.longest <= HTTP_PIECE_MAX_BYTES);
    wire_close(&w);
}

static void a_pause_on_the_last_piece_holds_the_end_back(void **state)
{
    (void)state;
    struct wire w = dial();
    t.pauses = true;
    send_text(&w, POST("Content-Length: 2\r\n") "ab");
    WIRE_UNTIL(&w, t.n_pieces == 1);
    for (int i = 0; i < 20; i++)
        wire_turn(&w);
    assert_int_equal(t.n_ends, 0);
    http_exchange_resume_body(t.x);
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_int_equal(t.n_ends, 1);
    wire_close(&w);
}

static void a_client_that_leaves_is_gone_and_no_end(void **state)
{
    (void)state;
    for (int resets = 0; resets < 2; resets++) {
        struct wire w = dial();
        t.n_gone = t.got.len = 0;
        send_text(&w, POST("Transfer-Encoding: chunked\r\n") "2\r\nab\r\n");
        WIRE_UNTIL(&w, t.got.len == 2);
        struct linger hard = {.l_onoff = 1};
        if (resets)
            (void)setsockopt(w.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        (void)close(w.fd);
        w.fd = -1;
        WIRE_UNTIL(&w, t.n_gone == 1);
        assert_int_equal(t.n_ends, 0);
        wire_close(&w);
    }
}

static void a_bad_chunk_is_refused(void **state)
{
    (void)state;
    struct wire w = dial();
    send_text(&w, POST("Transfer-Encoding: chunked\r\n") "2\r\nab\r\nzz\r\n");
    WIRE_UNTIL(&w, wire_take_response(&w) == 400);
    assert_int_equal(t.n_gone, 1);
    assert_int_equal(t.n_ends, 0);
    wire_close(&w);
}

static void an_answer_before_the_end_is_the_end(void **state)
{
    (void)state;
    struct wire w = dial();
    t.replies_at = 2;
    send_text(&w, POST("Content-Length: 5\r\n") "abc");
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    /* the small rest is read away, and the connection goes on */
    send_text(&w, "de" POST("Content-Length: 2\r\n") "fg");
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_got("abcfg");
    /* a large one is not */
    send_text(&w, POST("Content-Length: 99999999\r\n") "hi");
    WIRE_UNTIL(&w, wire_has(&w, "Connection: close"));
    WIRE_UNTIL(&w, w.has_eof || w.was_reset);
    assert_int_equal(t.n_ends + t.n_gone, 0);
    wire_close(&w);
}

static void a_stalled_body_is_cut_and_a_slow_or_paused_one_is_not(void **state)
{
    (void)state;
    set_limits(50);
    struct wire w = dial();
    send_text(&w, POST("Content-Length: 9000\r\n") "a");
    WIRE_UNTIL(&w, wire_take_response(&w) == 408);
    assert_int_equal(t.n_gone, 1);
    wire_close(&w);
    /* paused: the time is ours.  A window from here on that a busy machine does not miss by itself. */
    set_limits(500);
    w = dial();
    t.pauses = true;
    t.got.len = 0;
    send_text(&w, POST("Content-Length: 3\r\n") "a");
    WIRE_UNTIL(&w, t.got.len == 1);
    for (int64_t until_ms = clock_ms() + 1200; clock_ms() < until_ms; wire_rest(t.loop, -1))
        wire_turn(&w);
    assert_int_equal(t.n_gone, 1);
    t.pauses = false;
    http_exchange_resume_body(t.x);
    send_text(&w, "bc");
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    wire_close(&w);
    /* slow, over many windows, but above the least */
    w = dial();
    t.got.len = 0;
    send_text(&w, POST("Content-Length: 3000\r\n"));
    static char some[150];
    memset(some, 'x', sizeof some);
    for (int i = 0; i < 20; i++) {
        assert_true(wire_send(&w, span_of(some, sizeof some)));
        for (int64_t until_ms = clock_ms() + 60; clock_ms() < until_ms; wire_rest(t.loop, -1))
            wire_turn(&w);
    }
    WIRE_UNTIL(&w, wire_take_response(&w) == 200);
    assert_int_equal(t.n_gone, 1);
    wire_close(&w);
}

static void a_server_that_closes_tells_who_reads(void **state)
{
    (void)state;
    struct wire w = dial();
    t.pauses = true;
    send_text(&w, POST("Content-Length: 5\r\n") "abc");
    WIRE_UNTIL(&w, t.n_pieces == 1);
    http_exchange_drop(t.x);
    assert_int_equal(t.n_gone, 1);
    WIRE_UNTIL(&w, w.was_reset || w.has_eof);
    wire_close(&w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pieces_come_as_they_are_sent),
        TEST(no_body_is_an_end_at_once),
        TEST(who_waits_to_be_asked_is_asked),
        TEST(a_pause_stops_the_sender),
        TEST(a_pause_on_the_last_piece_holds_the_end_back),
        TEST(a_client_that_leaves_is_gone_and_no_end),
        TEST(a_bad_chunk_is_refused),
        TEST(an_answer_before_the_end_is_the_end),
        TEST(a_stalled_body_is_cut_and_a_slow_or_paused_one_is_not),
        TEST(a_server_that_closes_tells_who_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
