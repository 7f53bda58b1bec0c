/* The client against an engine made of raw bytes: answers right and wrong, reuse, deadlines, pausing, leaving. */
#include "unit.h"

#include <sys/un.h>

#include "http/http.h"
#include "http_wire.h"

static struct {
    struct loop *loop;
    struct http_client *client;
    int listener;
    struct http_endpoint to;
} t;

enum { NEVER, ON_HEADERS, ON_BODY, ON_FLUSH };

/* What a call has told. */
struct told {
    struct http_call *call; /* NULL after on_done */
    int n_headers;
    int status;
    int n_flushes;
    int n_done;
    enum err e;
    struct err_text why;
    char type[64]; /* Content-Type */
    struct buf body;
    int cancel_at, pause_at;
};

static void act(struct told *told, struct http_call *call, int now)
{
    if (told->pause_at == now)
        http_call_pause(call);
    if (told->cancel_at == now) {
        http_call_cancel(call);
        told->call = NULL;
    }
}

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    struct told *told = arg;
    assert_ptr_equal(call, told->call);
    told->n_headers++;
    told->status = status;
    (void)snprintf(told->type, sizeof told->type, "%.*s",
                   SPAN_ARG(http_fields_get(fields, HTTP_FIELD_CONTENT_TYPE)));
    act(told, call, ON_HEADERS);
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    struct told *told = arg;
    assert_int_equal(told->n_headers, 1);
    assert_non_null(told->call);
    buf_add_span(&told->body, data);
    act(told, call, ON_BODY);
}

static void on_flush(struct http_call *call, void *arg)
{
    struct told *told = arg;
    assert_non_null(told->call);
    told->n_flushes++;
    act(told, call, ON_FLUSH);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    struct told *told = arg;
    assert_ptr_equal(call, told->call);
    told->call = NULL;
    told->n_done++;
    told->e = e;
    if (why)
        told->why = *why;
}

static const struct http_call_events events = {on_headers, on_body, on_flush, on_done};

static void start_to(struct told *told, const struct http_endpoint *to, struct http_call_options o)
{
    if (!o.method)
        o.method = "GET";
    if (!o.target)
        o.target = "/v1/x?y";
    told->call = http_call_start(t.client, to, &o, &events, told);
    assert_int_equal(told->n_done + told->n_headers, 0); /* never before it returns */
}

static void start(struct told *told, struct http_call_options o)
{
    start_to(told, &t.to, o);
}

static int set_up(void **state)
{
    (void)state;
    t.loop = loop_new();
    t.client = http_client_new(t.loop);
    t.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof a;
    assert_int_equal(bind(t.listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(t.listener, 16), 0);
    assert_int_equal(getsockname(t.listener, (struct sockaddr *)&a, &len), 0);
    t.to = (struct http_endpoint){.host = "127.0.0.1", .port = ntohs(a.sin_port)};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(t.listener);
    http_client_close(t.client);
    loop_free(t.loop);
    return 0;
}

/* The engine's side of the next connection. */
static struct wire take_connection(void)
{
    struct wire w = {.loop = t.loop, .fd = -1};
    int fd = -1;
    WIRE_UNTIL(&w, (fd = accept4(t.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
    return wire_on(t.loop, fd);
}

static void answer(struct wire *w, const char *bytes)
{
    assert_true(wire_send(w, span_str(bytes)));
}

static void release(struct told *told, struct wire *w)
{
    buf_release(&told->body);
    wire_close(w);
}

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi"

static void a_request_is_written_as_it_should_be(void **state)
{
    (void)state;
    struct http_headers h = {0};
    http_headers_add(&h, "X-A", SPAN_LIT("b"));
    http_headers_add(&h, "Host", SPAN_LIT("evil"));
    http_headers_add(&h, "Transfer-Encoding", SPAN_LIT("chunked"));
    http_headers_add(&h, "Content-Length", SPAN_LIT("99"));
    struct told told = {0};
    start(&told, (struct http_call_options){.method = "POST", .headers = &h, .body = SPAN_LIT("{}")});
    http_headers_release(&h);
    struct wire w = take_connection();
    char expected[200];
    (void)snprintf(expected, sizeof expected,
                   "POST /v1/x?y HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}",
                   t.to.port);
    WIRE_UNTIL(&w, w.got.len >= strlen(expected));
    assert_string_equal(w.got.p, expected);
    answer(&w, OK_2);
    WIRE_UNTIL(&w, told.n_done == 1);
    assert_int_equal(told.e, ERR_OK);
    assert_int_equal(told.status, 200);
    assert_string_equal(told.type, "a/b");
    assert_string_equal(buf_str(&told.body), "hi");
    assert_true(told.n_flushes >= 1);
    release(&told, &w);
}

struct response {
    const char *name;
    const char *method; /* NULL: GET */
    const char *bytes;  /* then the engine closes, unless the call is done before */
    enum err e;
    int status; /* 0: no header was told */
    const char *body;
};

#define H       "HTTP/1.1 200 OK\r\n"
#define CHUNKED H "Transfer-Encoding: chunked\r\n\r\n"

static const struct response responses[] = {
    {"length", NULL, H "Content-Length: 2\r\n\r\nhi", ERR_OK, 200, "hi"},
    {"length 0", NULL, H "Content-Length: 0\r\n\r\n", ERR_OK, 200, ""},
    {"chunks", NULL, CHUNKED "1\r\nh\r\n1;x\r\ni\r\n0\r\nX: 1\r\n\r\n", ERR_OK, 200, "hi"},
    {"until close", NULL, H "\r\nhi", ERR_OK, 200, "hi"},
    {"until close, empty", NULL, H "\r\n", ERR_OK, 200, ""},
    {"HTTP/1.0", NULL, "HTTP/1.0 200 OK\r\n\r\nhi", ERR_OK, 200, "hi"},
    {"no reason", NULL, "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", ERR_OK, 200, "hi"},
    {"204", NULL, "HTTP/1.1 204 No Content\r\n\r\n", ERR_OK, 204, ""},
    {"304 with a length", NULL, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ERR_OK, 304, ""},
    {"503", NULL, "HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", ERR_OK, 503, "no"},
    {"100 first", NULL, "HTTP/1.1 100 Continue\r\n\r\n" OK_2, ERR_OK, 200, "hi"},
    {"103 twice", NULL, "HTTP/1.1 103 E\r\nLink: a\r\n\r\nHTTP/1.1 103 E\r\n\r\n" OK_2, ERR_OK, 200, "hi"},
    {"204 with a length", NULL, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ERR_OK, 204, ""},
    {"304 with chunks", NULL, "HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", ERR_OK, 304, ""},
    {"100 with chunks and a length", NULL,
     "HTTP/1.1 100 C\r\nContent-Length: 0\r\n\r\nHTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\n" OK_2,
     ERR_OK, 200, "hi"},
    {"HEAD with a length", "HEAD", H "Content-Length: 50\r\n\r\n", ERR_OK, 200, ""},
    {"HEAD without", "HEAD", H "\r\n", ERR_OK, 200, ""},
    {"HEAD with chunks", "HEAD", CHUNKED, ERR_OK, 200, ""},
    {"an offer to upgrade is no upgrade", NULL,
     H "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi", ERR_OK, 200, "hi"},

    {"nothing", NULL, "", ERR_CLOSED, 0, ""},
    {"half a status line", NULL, "HTTP/1.1 20", ERR_CLOSED, 0, ""},
    {"half a header", NULL, H "Content-", ERR_CLOSED, 0, ""},
    {"100 and no more", NULL, "HTTP/1.1 100 Continue\r\n\r\n", ERR_CLOSED, 0, ""},
    {"too short", NULL, H "Content-Length: 3\r\n\r\nhi", ERR_CLOSED, 200, "hi"},
    {"chunk cut off", NULL, CHUNKED "5\r\nhi", ERR_CLOSED, 200, "hi"},
    {"no last chunk", NULL, CHUNKED "2\r\nhi\r\n", ERR_CLOSED, 200, "hi"},
    {"last chunk cut off", NULL, CHUNKED "2\r\nhi\r\n0\r\n", ERR_CLOSED, 200, "hi"},

    {"garbage", NULL, "garbage\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"SSH", NULL, "SSH-2.0-OpenSSH_9.2\r\n", ERR_PROTOCOL, 0, ""},
    {"a request", NULL, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"HTTP/2", NULL, "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"HTTP/0.9", NULL, "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"status of two digits", NULL, "HTTP/1.1 20 OK\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"status of four digits", NULL, "HTTP/1.1 2000 OK\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"status 999", NULL, "HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"status 42", NULL, "HTTP/1.1 042 OK\r\nContent-Length: 0\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"101", NULL, "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx", ERR_PROTOCOL, 0,
     ""},
    {"bare LF", NULL, "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", ERR_PROTOCOL, 0, ""},
    {"bare CR", NULL, H "X: a\rb\r\nContent-Length: 2\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"folded line", NULL, H "X: a\r\n b\r\nContent-Length: 2\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"empty line first", NULL, "\r\n" OK_2, ERR_PROTOCOL, 0, ""},
    {"no colon", NULL, H "X\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"blank in a name", NULL, H "X Y: 1\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"blank before the colon", NULL, H "Content-Length : 2\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"lengths that differ", NULL, H "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"lengths that agree", NULL, H "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"length list", NULL, H "Content-Length: 2, 2\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"length -2", NULL, H "Content-Length: -2\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"length too big", NULL, H "Content-Length: 18446744073709551618\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"length and chunks", NULL,
     H "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ERR_PROTOCOL, 0, ""},
    {"TE gzip, chunked", NULL, H "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ERR_PROTOCOL,
     0, ""},
    {"TE gzip", NULL, H "Transfer-Encoding: gzip\r\n\r\nhi", ERR_PROTOCOL, 0, ""},
    {"TE on HTTP/1.0", NULL, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
     ERR_PROTOCOL, 0, ""},
    {"bad chunk size", NULL, CHUNKED "2\r\nhi\r\nx\r\n", ERR_PROTOCOL, 200, "hi"},
    {"chunk too long", NULL, CHUNKED "1\r\nhi\r\n0\r\n\r\n", ERR_PROTOCOL, 200, "h"},
    {"bare LF in a chunk", NULL, CHUNKED "2\nhi\n0\n\n", ERR_PROTOCOL, 200, ""},
};

static void every_answer_is_taken_or_refused(void **state)
{
    (void)state;
    int n_wrong = 0;
    for (size_t i = 0; i < COUNT_OF(responses) * 2; i++) {
        const struct response *r = &responses[i / 2];
        bool by_bytes = i % 2;
        struct told told = {0};
        start(&told, (struct http_call_options){.method = r->method, .fresh = true});
        struct wire w = take_connection();
        WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n"));
        struct span bytes = span_str(r->bytes);
        size_t piece = by_bytes ? 1 : 1000;
        for (size_t at = 0; at < bytes.len && told.n_done == 0; at += piece) {
            if (!wire_send(&w, span_of(bytes.p + at, bytes.len - at < piece ? bytes.len - at : piece)))
                break;
            wire_turn(&w);
        }
        (void)shutdown(w.fd, SHUT_WR);
        WIRE_UNTIL(&w, told.n_done == 1);
        if (told.e != r->e || told.status != r->status || strcmp(buf_str(&told.body), r->body) != 0) {
            print_message("%s%s: %s, %d, \"%s\" (%s)\n", r->name, by_bytes ? " by bytes" : "",
                          err_name(told.e), told.status, buf_str(&told.body), told.why.text);
            n_wrong++;
        }
        release(&told, &w);
    }
    assert_int_equal(n_wrong, 0);
}

static void endless_headers_are_refused(void **state)
{
    (void)state;
    static const char *const starts[] = {"HTTP/1.1 200 ", H "X: ", H};
    static const char *const units[] = {"a", "b", "X: 1\r\n"};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct told told = {0};
        start(&told, (struct http_call_options){0});
        struct wire w = take_connection();
        answer(&w, starts[i]);
        AUTO(buf) struct buf *b = buf_new();
        while (b->len < 100000)
            buf_add_str(b, units[i]);
        (void)wire_send(&w, buf_span(b));
        WIRE_UNTIL(&w, told.n_done == 1);
        assert_int_equal(told.e, ERR_PROTOCOL);
        assert_int_equal(told.n_headers, 0);
        release(&told, &w);
    }
}

static void a_connection_is_used_again(void **state)
{
    (void)state;
    struct told told[3] = {{0}, {0}, {0}};
    start(&told[0], (struct http_call_options){0});
    struct wire w = take_connection();
    answer(&w, OK_2);
    WIRE_UNTIL(&w, told[0].n_done == 1);
    for (int i = 0; i < 5; i++) {
        buf_clear(&w.got);
        struct told again = {0};
        start(&again, (struct http_call_options){.method = "POST", .body = SPAN_LIT("{}")});
        WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n{}"));
        answer(&w, CHUNKED "2\r\nhi\r\n0\r\n\r\n");
        WIRE_UNTIL(&w, again.n_done == 1);
        assert_int_equal(again.e, ERR_OK);
        buf_release(&again.body);
    }
    start(&told[1], (struct http_call_options){.fresh = true});
    struct wire second = take_connection();
    answer(&second, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    WIRE_UNTIL(&second, told[1].n_done == 1 && second.has_eof);
    http_client_forget(t.client, &t.to);
    WIRE_UNTIL(&w, w.has_eof);
    for (int i = 0; i < 3; i++)
        buf_release(&told[i].body);
    wire_close(&w);
    wire_close(&second);
}

static void two_calls_use_two_connections(void **state)
{
    (void)state;
    struct told a = {0}, b = {0};
    start(&a, (struct http_call_options){0});
    start(&b, (struct http_call_options){0});
    struct wire wa = take_connection(), wb = take_connection();
    answer(&wb, OK_2);
    WIRE_UNTIL(&wb, b.n_done == 1);
    assert_int_equal(a.n_done, 0);
    answer(&wa, OK_2 "and more that nobody asked for");
    WIRE_UNTIL(&wa, a.n_done == 1 && wa.has_eof); /* not used again */
    assert_int_equal(a.e, ERR_OK);
    release(&a, &wa);
    release(&b, &wb);
}

/* An idle connection that the engine has closed; told's call is over. */
static struct wire make_idle(struct told *told)
{
    start(told, (struct http_call_options){0});
    struct wire w = take_connection();
    WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n"));
    answer(&w, OK_2);
    WIRE_UNTIL(&w, told->n_done == 1);
    buf_clear(&w.got);
    return w;
}

static void a_closed_idle_connection_is_never_used(void **state)
{
    (void)state;
    struct told first = {0}, second = {0};
    struct wire w = make_idle(&first);
    wire_close(&w); /* and the loop has not yet heard of it */
    start(&second, (struct http_call_options){.method = "POST", .body = SPAN_LIT("{}")});
    w = take_connection();
    answer(&w, OK_2);
    WIRE_UNTIL(&w, second.n_done == 1);
    assert_int_equal(second.e, ERR_OK);
    buf_release(&first.body);
    release(&second, &w);
}

static void only_safe_requests_are_sent_twice(void **state)
{
    (void)state;
    struct told first = {0}, second = {0}, third = {0}, fourth = {0};
    struct wire w = make_idle(&first);
    start(&second, (struct http_call_options){0});
    WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n"));
    wire_close(&w);
    w = take_connection(); /* once more */
    WIRE_UNTIL(&w, wire_has(&w, "GET /v1/x?y HTTP/1.1\r\n"));
    answer(&w, OK_2);
    WIRE_UNTIL(&w, second.n_done == 1);
    assert_int_equal(second.e, ERR_OK);
    assert_string_equal(buf_str(&second.body), "hi");
    buf_clear(&w.got);
    start(&third, (struct http_call_options){.method = "POST", .body = SPAN_LIT("{}")});
    WIRE_UNTIL(&w, wire_has(&w, "{}"));
    wire_close(&w);
    WIRE_UNTIL(&w, third.n_done == 1);
    assert_int_equal(third.e, ERR_CLOSED);
    start(&fourth, (struct http_call_options){0}); /* a fresh one that closes is the engine's answer */
    w = take_connection();
    WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n"));
    wire_close(&w);
    WIRE_UNTIL(&w, fourth.n_done == 1);
    assert_int_equal(fourth.e, ERR_CLOSED);
    buf_release(&first.body);
    release(&second, &w);
}

static void where_nobody_listens_is_refused(void **state)
{
    (void)state;
    (void)close(t.listener);
    t.listener = -1;
    const struct {
        struct http_endpoint to;
        enum err e;
    } cases[] = {
        {t.to, ERR_REFUSED},
        {{.unix_path = "/tmp/hob-test-no-such-socket"}, ERR_REFUSED},
        {{.host = "no address", .port = 1}, ERR_INVALID},
        {{.unix_path =
              "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
         ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct told told = {0};
        struct wire none = {.loop = t.loop, .fd = -1};
        start_to(&told, &cases[i].to, (struct http_call_options){0});
        WIRE_UNTIL(&none, told.n_done == 1);
        assert_int_equal(told.e, cases[i].e);
        assert_non_null(strstr(told.why.text, "cannot connect to "));
    }
}

static void a_full_unix_socket_is_asked_again(void **state)
{
    (void)state;
    char dir[] = "/tmp/hob-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/s", dir);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    (void)close(t.listener);
    t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(t.listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(t.listener, 0), 0);
    struct http_endpoint to = {.unix_path = path};
    struct told told[4] = {{0}, {0}, {0}, {0}}, late = {0};
    for (int i = 0; i < 4; i++)
        start_to(&told[i], &to, (struct http_call_options){0});
    start_to(&late, &to, (struct http_call_options){.connect_timeout_ms = 30});
    struct wire none = {.loop = t.loop, .fd = -1};
    WIRE_UNTIL(&none, late.n_done == 1);
    assert_int_equal(late.e, ERR_TIMEOUT);
    for (int i = 0; i < 4; i++) {
        struct wire w = take_connection();
        WIRE_UNTIL(&w, wire_has(&w, "Host: localhost\r\n"));
        answer(&w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        WIRE_UNTIL(&w, w.has_eof);
        wire_close(&w);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(told[i].n_done, 1);
        assert_int_equal(told[i].e, ERR_OK);
    }
    (void)unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

static void silence_has_its_deadlines(void **state)
{
    (void)state;
    struct told header = {0}, idle = {0}, none = {0};
    start(&header, (struct http_call_options){.header_timeout_ms = 30});
    struct wire w = take_connection();
    WIRE_UNTIL(&w, header.n_done == 1 && w.has_eof);
    assert_int_equal(header.e, ERR_TIMEOUT);
    assert_int_equal(header.n_headers, 0);
    wire_close(&w);
    start(&idle, (struct http_call_options){.header_timeout_ms = 5000, .idle_timeout_ms = 250});
    w = take_connection();
    answer(&w, CHUNKED);
    for (int i = 0; i < 6; i++) { /* longer than the deadline in all, never silent for so long */
        int64_t until_ms = clock_ms() + 60;
        answer(&w, "1\r\nx\r\n");
        WIRE_UNTIL(&w, clock_ms() >= until_ms);
    }
    assert_int_equal(idle.n_done, 0);
    WIRE_UNTIL(&w, idle.n_done == 1 && w.has_eof);
    assert_int_equal(idle.e, ERR_TIMEOUT);
    assert_string_equal(buf_str(&idle.body), "xxxxxx");
    release(&idle, &w);
    start(&none, (struct http_call_options){0});
    w = take_connection();
    int64_t until_ms = clock_ms() + 100;
    WIRE_UNTIL(&w, clock_ms() >= until_ms);
    assert_int_equal(none.n_done, 0);
    http_call_cancel(none.call);
    release(&none, &w);
}

static void a_paused_call_holds_the_engine_back(void **state)
{
    (void)state;
    struct told told = {.pause_at = ON_HEADERS};
    start(&told, (struct http_call_options){.idle_timeout_ms = 150});
    struct wire w = take_connection();
    answer(&w, H "Content-Length: 20000000\r\n\r\n");
    WIRE_UNTIL(&w, told.n_headers == 1);
    AUTO(buf) struct buf *b = buf_new();
    (void)buf_reserve(b, 1 << 20);
    memset(b->p, 'z', 1 << 20);
    size_t sent = 0;
    for (int idle = 0; idle < 20 && sent < 20000000;) {
        size_t n_left = 20000000 - sent;
        ssize_t n = send(w.fd, b->p, n_left < 1 << 20 ? n_left : 1 << 20, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        wire_turn(&w);
        wire_rest(t.loop, -1);
    }
    assert_true(sent < 20000000);
    int64_t until_ms = clock_ms() + 350;
    WIRE_UNTIL(&w, clock_ms() >= until_ms);
    assert_true(told.body.len <= 64 * 1024); /* one read at most was under way */
    assert_int_equal(told.n_done, 0);        /* the silence is ours: no deadline */
    told.pause_at = NEVER;
    http_call_resume(told.call);
    while (sent < 20000000) {
        size_t n = 20000000 - sent < 1 << 20 ? 20000000 - sent : 1 << 20;
        assert_true(wire_send(&w, span_of(b->p, n)));
        sent += n;
    }
    WIRE_UNTIL(&w, told.n_done == 1);
    assert_int_equal(told.e, ERR_OK);
    assert_int_equal(told.body.len, 20000000);
    release(&told, &w);
}

static void cancelling_closes_and_silences(void **state)
{
    (void)state;
    for (int at = NEVER; at <= ON_FLUSH; at++) {
        struct told told = {0};
        told.cancel_at = at;
        start(&told, (struct http_call_options){0});
        struct wire w = take_connection();
        WIRE_UNTIL(&w, wire_has(&w, "\r\n\r\n"));
        if (at == NEVER)
            http_call_cancel(told.call);
        else
            answer(&w, CHUNKED "2\r\nhi\r\n2\r\nho\r\n0\r\n\r\n");
        WIRE_UNTIL(&w, w.has_eof || w.was_reset);
        assert_int_equal(told.n_done, 0);
        assert_int_equal(told.n_headers, at == NEVER ? 0 : 1);
        assert_string_equal(buf_str(&told.body), at == ON_BODY ? "hi" : at == ON_FLUSH ? "hiho" : "");
        release(&told, &w);
    }
    struct told early = {0}; /* before it has connected */
    start(&early, (struct http_call_options){0});
    http_call_cancel(early.call);
    struct told bad = {0}; /* before its failure is told */
    start_to(&bad, &(struct http_endpoint){.host = "bad", .port = 1}, (struct http_call_options){0});
    http_call_cancel(bad.call);
    struct wire none = {.loop = t.loop, .fd = -1};
    for (int i = 0; i < 5; i++)
        wire_turn(&none);
    assert_int_equal(early.n_done + bad.n_done, 0);
}

static void closing_the_client_cancels_everything(void **state)
{
    (void)state;
    struct told idle = {0}, busy = {0}, connecting = {0};
    struct wire a = make_idle(&idle);
    start(&busy, (struct http_call_options){.fresh = true});
    struct wire b = take_connection();
    answer(&b, CHUNKED "2\r\nhi\r\n");
    WIRE_UNTIL(&b, busy.body.len == 2);
    start(&connecting, (struct http_call_options){.fresh = true});
    http_client_close(t.client);
    t.client = NULL;
    WIRE_UNTIL(&a, a.has_eof);
    WIRE_UNTIL(&b, b.has_eof || b.was_reset);
    assert_int_equal(busy.n_done + connecting.n_done, 0);
    release(&idle, &a);
    release(&busy, &b);
}

static void a_big_body_is_sent_as_the_engine_reads(void **state)
{
    (void)state;
    static char body[6 << 20];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i % 23);
    for (int reused = 0; reused < 2; reused++) {
        struct told first = {0}, told = {0};
        struct wire w = {0};
        if (reused)
            w = make_idle(&first);
        start(&told, (struct http_call_options){.method = "POST", .body = span_of(body, sizeof body)});
        if (!reused)
            w = take_connection();
        WIRE_UNTIL(&w, w.got.len > sizeof body);
        ptrdiff_t head = span_find(buf_span(&w.got), SPAN_LIT("\r\n\r\n"));
        assert_int_equal(w.got.len, (size_t)head + 4 + sizeof body);
        assert_memory_equal(w.got.p + head + 4, body, sizeof body);
        answer(&w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        WIRE_UNTIL(&w, told.n_done == 1);
        assert_int_equal(told.e, ERR_OK);
        buf_release(&first.body);
        release(&told, &w);
    }
    /* An answer that does not wait for the body: told, and the connection is not used again. */
    struct told early = {0};
    start(&early, (struct http_call_options){.method = "POST", .body = span_of(body, sizeof body)});
    struct wire w = take_connection();
    assert_true(send(w.fd, "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n", 37, MSG_NOSIGNAL) == 37);
    struct wire none = {.loop = t.loop, .fd = -1};
    WIRE_UNTIL(&none, early.n_done == 1);
    assert_int_equal(early.status, 413);
    WIRE_UNTIL(&w, w.has_eof || w.was_reset);
    release(&early, &w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_written_as_it_should_be),  TEST(every_answer_is_taken_or_refused),
        TEST(endless_headers_are_refused),           TEST(a_connection_is_used_again),
        TEST(two_calls_use_two_connections),         TEST(a_closed_idle_connection_is_never_used),
        TEST(only_safe_requests_are_sent_twice),     TEST(where_nobody_listens_is_refused),
        TEST(a_full_unix_socket_is_asked_again),     TEST(silence_has_its_deadlines),
        TEST(a_paused_call_holds_the_engine_back),   TEST(cancelling_closes_and_silences),
        TEST(closing_the_client_cancels_everything), TEST(a_big_body_is_sent_as_the_engine_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
