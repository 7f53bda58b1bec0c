/* Requests right and wrong, raw bytes: what each is answered, whole and byte by byte. */
#include "unit.h"

#include "http/http_conn.h"
#include "http_wire.h"

struct request {
    const char *name;
    const char *bytes;
    size_t len;
    const char *statuses; /* of all answers in order, "" when the connection closes without one */
};
#define R(text) text, sizeof(text) - 1

#define GET       "GET / HTTP/1.1\r\n"
#define POST      "POST / HTTP/1.1\r\n"
#define HOST      "Host: x\r\n"
#define END       "\r\n"
#define TE        "Transfer-Encoding: chunked\r\n"
#define CL(n)     "Content-Length: " #n "\r\n"
#define BODY      "{\"stream\":false}"
#define CHUNKED   "10\r\n" BODY "\r\n0\r\n\r\n"
#define CHUNKS(b) POST HOST TE END b

static const struct request requests[] = {
    /* ---- good ones ---- */
    {"plain GET", R(GET HOST END), "200"},
    {"POST with length", R(POST HOST CL(16) END BODY), "200"},
    {"POST without a body", R(POST HOST END), "200"},
    {"POST with length 0", R(POST HOST CL(0) END), "200"},
    {"chunked", R(CHUNKS(CHUNKED)), "200"},
    {"Chunked in capitals", R(POST HOST "TRANSFER-ENCODING: CHUNKED\r\n" END CHUNKED), "200"},
    {"chunk size with leading zeros", R(CHUNKS("00010\r\n" BODY "\r\n0\r\n\r\n")), "200"},
    {"chunk size in hex letters", R(CHUNKS("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n")), "200"},
    {"chunk extension", R(CHUNKS("10;a=b;c=\"d e\"\r\n" BODY "\r\n0\r\n\r\n")), "200"},
    {"trailers", R(CHUNKS("10\r\n" BODY "\r\n0\r\nX-Sum: 1\r\n\r\n")), "200"},
    {"trailer cannot set a length", R(CHUNKS("10\r\n" BODY "\r\n0\r\nX-Content: 1\r\n\r\n") GET HOST END),
     "200 200"},
    {"two in a row", R(POST HOST CL(16) END BODY POST HOST CL(16) END BODY), "200 200"},
    {"three, chunked in the middle", R(GET HOST END CHUNKS(CHUNKED) GET HOST END), "200 200 200"},
    {"empty line before", R("\r\n" GET HOST END), "200"},
    {"empty line between", R(GET HOST END "\r\n" GET HOST END), "200 200"},
    {"HTTP/1.0", R("GET / HTTP/1.0\r\n\r\n"), "200"},
    {"HTTP/1.0 closes", R("GET / HTTP/1.0\r\n\r\n" GET HOST END), "200"},
    {"HTTP/1.0 kept alive", R("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET HOST END), "200 200"},
    {"HTTP/1.0 with length", R("POST / HTTP/1.0\r\n" CL(16) END BODY), "200"},
    {"HTTP/1.9 is 1.1", R("POST / HTTP/1.9\r\n" HOST CL(16) END BODY), "200"},
    {"HTTP/1.2 keeps alive", R("GET / HTTP/1.2\r\n" HOST END GET HOST END), "200 200"},
    {"Connection: close ends it", R(GET HOST "Connection: close\r\n" END GET HOST END), "200"},
    {"Connection: CLOSE among others", R(GET HOST "Connection: x, CLOSE\r\n" END GET HOST END), "200"},
    {"absolute form", R("GET http://example.com/a?b HTTP/1.1\r\nHost: y\r\n\r\n"), "200"},
    {"absolute form, no path", R("GET http://example.com HTTP/1.1\r\nHost: y\r\n\r\n"), "200"},
    {"OPTIONS *", R("OPTIONS * HTTP/1.1\r\n" HOST END), "200"},
    {"unknown method goes to the router", R("BREW / HTTP/1.1\r\n" HOST END), "200"},
    {"TRACE goes to the router", R("TRACE / HTTP/1.1\r\n" HOST END), "200"},
    {"empty Host", R(GET "Host:\r\n" END), "200"},
    {"Host with port", R(GET "Host: example.com:8080\r\n" END), "200"},
    {"Host in brackets", R(GET "Host: [::1]:8080\r\n" END), "200"},
    {"upgrade is declined by a plain answer", R(GET HOST "Connection: upgrade\r\nUpgrade: websocket\r\n" END),
     "200"},
    {"upgrade to h2c with a body",
     R(POST HOST "Connection: upgrade\r\nUpgrade: h2c\r\n" CL(16) END BODY GET HOST END), "200 200"},
    {"blanks around a length", R(POST HOST "Content-Length:   16  \r\n" END BODY), "200"},
    {"no blank after the colon", R(POST HOST "Content-Length:16\r\n" END BODY), "200"},
    {"empty value", R(GET HOST "X-A:\r\nX-B: \r\n" END), "200"},
    {"bytes over 127 in a value", R(GET HOST "X-A: caf\xc3\xa9\r\n" END), "200"},
    {"tab in a value", R(GET HOST "X-A: a\tb\r\n" END), "200"},
    {"odd token as a name", R(GET HOST "!#$%&'*+-.^_`|~9: 1\r\n" END), "200"},
    {"100-continue", R(POST HOST "Expect: 100-continue\r\n" CL(16) END BODY), "100 200"},
    {"100-Continue in capitals", R(POST HOST "Expect: 100-CONTINUE\r\n" CL(16) END BODY), "100 200"},
    {"100-continue without a body", R(GET HOST "Expect: 100-continue\r\n" END), "200"},
    {"100-continue from HTTP/1.0 is ignored",
     R("POST / HTTP/1.0\r\nExpect: 100-continue\r\n" CL(16) END BODY), "200"},

    /* ---- request line ---- */
    {"HTTP/0.9", R("GET /\r\n"), "400"},
    {"no version, with headers", R("GET /\r\n" HOST END), "400"},
    {"HTTP/2.0", R("GET / HTTP/2.0\r\n" HOST END), "505"},
    {"HTTP/3.1", R("GET / HTTP/3.1\r\n" HOST END), "505"},
    {"HTTP/0.9 said out loud", R("GET / HTTP/0.9\r\n" HOST END), "505"},
    {"HTTP/2 preface", R("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505"},
    {"HTTP/1.10", R("GET / HTTP/1.10\r\n" HOST END), "400"},
    {"HTTP/1", R("GET / HTTP/1\r\n" HOST END), "400"},
    {"HTTP/1.", R("GET / HTTP/1.\r\n" HOST END), "400"},
    {"http/1.1", R("GET / http/1.1\r\n" HOST END), "400"},
    {"HTTP /1.1", R("GET / HTTP /1.1\r\n" HOST END), "400"},
    {"HTTP/ 1.1", R("GET / HTTP/ 1.1\r\n" HOST END), "400"},
    {"ICE/1.0", R("GET / ICE/1.0\r\n" HOST END), "400"},
    {"blank after the version", R("GET / HTTP/1.1 \r\n" HOST END), "400"},
    {"two blanks after the method", R("GET  / HTTP/1.1\r\n" HOST END), "400"},
    {"two blanks after the target", R("GET /  HTTP/1.1\r\n" HOST END), "400"},
    {"tab for a blank", R("GET\t/\tHTTP/1.1\r\n" HOST END), "400"},
    {"blank before the method", R(" GET / HTTP/1.1\r\n" HOST END), "400"},
    {"method with a colon", R("GE:T / HTTP/1.1\r\n" HOST END), "400"},
    {"method with NUL", R("GE\0T / HTTP/1.1\r\n" HOST END), "400"},
    {"method over 127", R("G\xc3\x89T / HTTP/1.1\r\n" HOST END), "400"},
    {"no method", R("/ HTTP/1.1\r\n" HOST END), "400"},
    {"target with NUL", R("GET /a\0b HTTP/1.1\r\n" HOST END), "400"},
    {"target with bare CR", R("GET /a\rb HTTP/1.1\r\n" HOST END), "400"},
    {"target over 127", R("GET /\xc3\xa9 HTTP/1.1\r\n" HOST END), "400"},
    {"target with DEL", R("GET /\x7f HTTP/1.1\r\n" HOST END), "400"},
    {"target with a fragment", R("GET /a#b HTTP/1.1\r\n" HOST END), "400"},
    {"target without slash", R("GET a HTTP/1.1\r\n" HOST END), "400"},
    {"target is a query", R("GET ?a HTTP/1.1\r\n" HOST END), "400"},
    {"GET *", R("GET * HTTP/1.1\r\n" HOST END), "400"},
    {"CONNECT", R("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"), "501"},
    {"GET with authority form", R("GET example.com:80 HTTP/1.1\r\n" HOST END), "400"},
    {"absolute form without authority", R("GET http:///a HTTP/1.1\r\n" HOST END), "400"},
    {"absolute form with user", R("GET http://u:p@x/ HTTP/1.1\r\n" HOST END), "400"},
    {"absolute form of another scheme", R("GET ftp://x/ HTTP/1.1\r\n" HOST END), "400"},
    {"absolute form with a bad port", R("GET http://x:a/ HTTP/1.1\r\n" HOST END), "400"},
    {"absolute form still needs Host", R("GET http://x/ HTTP/1.1\r\n\r\n"), "400"},
    {"six empty lines before", R("\r\n\r\n\r\n\r\n\r\n\r\n" GET HOST END), "400"},
    {"bare LF before", R("\n" GET HOST END), "400"},
    {"TLS hello", R("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), "400"},
    {"SSH", R("SSH-2.0-OpenSSH_9.2\r\n"), "400"},

    /* ---- lines ---- */
    {"bare LF everywhere", R("GET / HTTP/1.1\nHost: x\n\n"), "400"},
    {"bare LF after the request line", R("GET / HTTP/1.1\nHost: x\r\n\r\n"), "400"},
    {"bare LF after a field", R(GET HOST "X-A: 1\n" END), "400"},
    {"bare LF at the end", R(GET HOST "\n"), "400"},
    {"CR CR LF", R(GET HOST "X-A: 1\r\r\n" END), "400"},
    {"bare CR in a value", R(POST HOST "X-A: 1\rX-B: 2\r\n" CL(16) END BODY), "400"},
    {"bare CR for a line end", R(GET HOST "X-A: 1\r" END), "400"},
    {"CR at the header's end", R(GET HOST "\rX"), "400"},
    {"folded line", R(POST HOST "X-A: 1\r\n folded\r\n" CL(16) END BODY), "400"},
    {"folded by a tab", R(GET HOST "X-A: 1\r\n\tfolded\r\n" END), "400"},
    {"folded Transfer-Encoding", R(POST HOST "Transfer-Encoding:\r\n chunked\r\n" CL(16) END BODY), "400"},
    {"folded first line", R(GET " X: 1\r\n" HOST END), "400"},
    {"line of blanks", R(GET HOST "  \r\n" END), "400"},

    /* ---- fields ---- */
    {"blank in a name", R(GET HOST "X Y: 1\r\n" END), "400"},
    {"blank before the colon", R(GET HOST "X-A : 1\r\n" END), "400"},
    {"tab before the colon", R(GET HOST "X-A\t: 1\r\n" END), "400"},
    {"no colon", R(GET HOST "X-A\r\n" END), "400"},
    {"empty name", R(GET HOST ": 1\r\n" END), "400"},
    {"NUL in a name", R(GET HOST "X\0A: 1\r\n" END), "400"},
    {"NUL in a value", R(POST HOST "X-A: a\0b\r\n" CL(16) END BODY), "400"},
    {"escape in a value", R(GET HOST "X-A: \x1b[2J\r\n" END), "400"},
    {"DEL in a value", R(GET HOST "X-A: \x7f\r\n" END), "400"},
    {"bytes over 127 in a name", R(GET HOST "X-\xc3\xa9: 1\r\n" END), "400"},
    {"slash in a name", R(GET HOST "X/A: 1\r\n" END), "400"},
    {"parenthesis in a name", R(GET HOST "X(A): 1\r\n" END), "400"},
    {"quoted name", R(GET HOST "\"X\": 1\r\n" END), "400"},

    /* ---- Host ---- */
    {"no Host", R(POST CL(16) END BODY), "400"},
    {"two Hosts", R(POST HOST "Host: y\r\n" CL(16) END BODY), "400"},
    {"two same Hosts", R(GET HOST HOST END), "400"},
    {"two Hosts, HTTP/1.0", R("GET / HTTP/1.0\r\n" HOST HOST END), "400"},
    {"Host with a path", R(GET "Host: x/y\r\n" END), "400"},
    {"Host with user", R(GET "Host: a@b\r\n" END), "400"},
    {"Host list", R(GET "Host: a, b\r\n" END), "400"},
    {"Host with a bad port", R(GET "Host: x:8o\r\n" END), "400"},
    {"Host of a port alone", R(GET "Host: :80\r\n" END), "400"},
    {"Host with an open bracket", R(GET "Host: [::1\r\n" END), "400"},
    {"Host with a blank", R(GET "Host: x y\r\n" END), "400"},

    /* ---- length ---- */
    {"length and chunked", R(POST HOST CL(16) TE END CHUNKED), "400"},
    {"chunked and length", R(POST HOST TE CL(16) END CHUNKED), "400"},
    {"chunked and length 0", R(POST HOST TE CL(0) END CHUNKED), "400"},
    {"lengths that differ", R(POST HOST CL(16) CL(5) END BODY), "400"},
    {"lengths that agree", R(POST HOST CL(16) CL(16) END BODY), "400"},
    {"length list", R(POST HOST "Content-Length: 16, 16\r\n" END BODY), "400"},
    {"length list that differs", R(POST HOST "Content-Length: 16, 5\r\n" END BODY), "400"},
    {"length +16", R(POST HOST CL(+16) END BODY), "400"},
    {"length -1", R(POST HOST CL(-1) END BODY), "400"},
    {"length 0x10", R(POST HOST CL(0x10) END BODY), "400"},
    {"length 16.0", R(POST HOST CL(16.0) END BODY), "400"},
    {"length 1_6", R(POST HOST CL(1_6) END BODY), "400"},
    {"length '1 6'", R(POST HOST "Content-Length: 1 6\r\n" END BODY), "400"},
    {"length '16 x'", R(POST HOST "Content-Length: 16 x\r\n" END BODY), "400"},
    {"length of 2^64 + 16", R(POST HOST CL(18446744073709551632) END BODY), "400"},
    {"length of 2^63", R(POST HOST CL(9223372036854775808) END BODY), "400"},
    {"length with nothing", R(POST HOST "Content-Length:\r\n" END BODY), "400"},
    {"length in blanks", R(POST HOST "Content-Length: \t \r\n" END BODY), "400"},
    {"length with a vertical tab", R(POST HOST "Content-Length: \v16\r\n" END BODY), "400"},
    {"length with a tab (valid, but nobody sends it: llhttp refuses it)",
     R(POST HOST "Content-Length: 16\t\r\n" END BODY), "400"},
    {"length with a blank before the colon", R(POST HOST "Content-Length : 16\r\n" END BODY), "400"},
    {"40 MB announced", R(POST HOST CL(41943040) END BODY), "413"},
    {"40 MB announced with 100-continue", R(POST HOST "Expect: 100-continue\r\n" CL(41943040) END), "413"},

    /* ---- Transfer-Encoding ---- */
    {"TE xchunked", R(POST HOST "Transfer-Encoding: xchunked\r\n" END CHUNKED), "400"},
    {"TE chunkedx", R(POST HOST "Transfer-Encoding: chunkedx\r\n" END CHUNKED), "400"},
    {"TE chunked, identity", R(POST HOST "Transfer-Encoding: chunked, identity\r\n" END CHUNKED), "400"},
    {"TE chunked, chunked", R(POST HOST "Transfer-Encoding: chunked, chunked\r\n" END CHUNKED), "400"},
    {"TE twice", R(POST HOST TE TE END CHUNKED), "400"},
    {"TE gzip, chunked", R(POST HOST "Transfer-Encoding: gzip, chunked\r\n" END CHUNKED), "501"},
    {"TE gzip", R(POST HOST "Transfer-Encoding: gzip\r\n" END CHUNKED), "400"},
    {"TE identity and length", R(POST HOST "Transfer-Encoding: identity\r\n" CL(16) END BODY), "400"},
    {"TE empty", R(POST HOST "Transfer-Encoding:\r\n" END CHUNKED), "400"},
    {"TE with a blank before the colon", R(POST HOST "Transfer-Encoding : chunked\r\n" CL(16) END BODY),
     "400"},
    {"TE with a vertical tab", R(POST HOST "Transfer-Encoding: \vchunked\r\n" CL(16) END BODY), "400"},
    {"TE quoted", R(POST HOST "Transfer-Encoding: \"chunked\"\r\n" END CHUNKED), "400"},
    {"TE with a parameter", R(POST HOST "Transfer-Encoding: chunked;a=b\r\n" END CHUNKED), "400"},
    {"TE on HTTP/1.0", R("POST / HTTP/1.0\r\n" TE END CHUNKED), "400"},

    /* ---- chunks ---- */
    {"chunk size 0x10", R(CHUNKS("0x10\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk size -1", R(CHUNKS("-1\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk size +10", R(CHUNKS("+10\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk size with an underscore", R(CHUNKS("1_0\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk size overflows", R(CHUNKS("10000000000000010\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk size of nothing", R(CHUNKS("\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"blank before a chunk size", R(CHUNKS(" 10\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"blank after a chunk size", R(CHUNKS("10 \r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk with bare LF", R(CHUNKS("10\n" BODY "\n0\n\n")), "400"},
    {"bare LF after chunk data", R(CHUNKS("10\r\n" BODY "\n0\r\n\r\n")), "400"},
    {"bare CR after a chunk size", R(CHUNKS("10\r" BODY "\r\n0\r\n\r\n")), "400"},
    {"chunk data too long", R(CHUNKS("5\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"no CRLF after chunk data", R(CHUNKS("10\r\n" BODY "XX0\r\n\r\n")), "400"},
    {"LF in a chunk extension", R(CHUNKS("10;a\nb\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"NUL in a chunk extension", R(CHUNKS("10;a\0b\r\n" BODY "\r\n0\r\n\r\n")), "400"},
    {"folded trailer", R(CHUNKS("10\r\n" BODY "\r\n0\r\nX-A: 1\r\n b\r\n\r\n")), "400"},
    {"trailer with bare LF", R(CHUNKS("10\r\n" BODY "\r\n0\r\nX-A: 1\n\r\n")), "400"},
    {"trailer without colon", R(CHUNKS("10\r\n" BODY "\r\n0\r\nX-A\r\n\r\n")), "400"},
    {"trailer with a length", R(CHUNKS("10\r\n" BODY "\r\n0\r\nContent-Length: 5\r\n\r\n")), "400"},

    /* ---- expectations, ends ---- */
    {"Expect something else", R(POST HOST "Expect: 200-ok\r\n" CL(16) END BODY), "417"},
    {"Expect twice", R(POST HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n" CL(16) END BODY), "417"},
    {"nothing at all", R(""), ""},
    {"only an empty line", R("\r\n"), "400"},
    {"ends in the request line", R("GET / HT"), "400"},
    {"ends in the header", R(GET "Ho"), "400"},
    {"ends in the body", R(POST HOST CL(16) END "{"), "400"},
    {"ends in a chunk", R(CHUNKS("10\r\n{")), "400"},
    {"ends before the last chunk", R(CHUNKS("10\r\n" BODY "\r\n")), "400"},
    {"good, then garbage", R(GET HOST END "garbage\r\n\r\n"), "200 400"},
    {"bytes after a body", R(POST HOST CL(16) END BODY "x" GET HOST END), "200 200"},
    {"nothing is served after a refusal", R(GET HOST "X-A: 1\n" END GET HOST END), "400"},
};

/* Answers with what it understood, after reading all. */
static void on_whole_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    (void)arg;
    (void)body;
    http_exchange_reply(x, e == ERR_TOO_BIG ? 413 : 200, NULL, SPAN_LIT("ok"));
}

static void on_request(struct http_exchange *x, void *arg)
{
    (void)arg;
    http_exchange_read_body(x, 1 << 20, on_whole_body, NULL);
}

struct fixture {
    struct loop *loop;
    struct http_server *server;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.loop = loop_new();
    f.server = http_server_new(f.loop, on_request, NULL);
    struct http_limits limits = http_default_limits;
    limits.linger_ms = 20;
    limits.tick_ms = 5;
    http_server_set_limits(f.server, &limits);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_server_close(f->server);
    loop_free(f->loop);
    return 0;
}

static struct wire connect_pair(struct fixture *f)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_non_null(http_server_adopt(f->server, fds[1], true, "unix"));
    return wire_on(f->loop, fds[0]);
}

/* Sends in pieces of so many bytes, shuts down, and returns the statuses of all answers. */
static const char *statuses_of(struct fixture *f, struct span bytes, size_t piece)
{
    static char text[64];
    text[0] = '\0';
    struct wire w = connect_pair(f);
    for (size_t at = 0; at < bytes.len; at += piece) {
        size_t n = bytes.len - at < piece ? bytes.len - at : piece;
        if (!wire_send(&w, span_of(bytes.p + at, n)))
            break;
        if (piece < 100)
            wire_turn(&w);
    }
    (void)shutdown(w.fd, SHUT_WR);
    WIRE_UNTIL(&w, w.has_eof || w.was_reset);
    bool is_refused = wire_has(&w, "\"invalid_request_error\"");
    int status, last = 0;
    while ((status = wire_take_response(&w)) != 0) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", *text ? " " : "", status);
        last = status;
    }
    assert_int_equal(w.got.len, 0);                           /* nothing but whole answers */
    assert_int_equal(is_refused, last >= 400 && last != 413); /* 413 is the handler's own */
    wire_close(&w);
    return text;
}

static void every_request_is_answered_as_the_rfc_says(void **state)
{
    int n_wrong = 0;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        const struct request *r = &requests[i];
        const size_t pieces[] = {1 << 20, 1, 7};
        for (size_t k = 0; k < COUNT_OF(pieces); k++) {
            const char *got = statuses_of(*state, span_of(r->bytes, r->len), pieces[k]);
            if (strcmp(got, r->statuses) != 0) {
                print_message("%s (pieces of %zu): expected \"%s\", got \"%s\"\n", r->name, pieces[k],
                              r->statuses, got);
                n_wrong++;
            }
        }
    }
    assert_int_equal(n_wrong, 0);
}

static void sizes_have_limits_with_their_own_statuses(void **state)
{
    static const struct {
        const char *name, *before, *repeat, *after;
        size_t n;
        const char *statuses;
    } cases[] = {
        {"line of 30 KB", "GET /", "a", " HTTP/1.1\r\n" HOST END, 30000, "200"},
        {"line of 40 KB", "GET /", "a", " HTTP/1.1\r\n" HOST END, 40000, "414"},
        {"endless line", "GET /", "a", "", 200000, "414"},
        {"field of 30 KB", GET HOST "X-A: ", "a", "\r\n" END, 30000, "200"},
        {"field of 100 KB", GET HOST "X-A: ", "a", "\r\n" END, 100000, "431"},
        {"name of 100 KB", GET HOST, "a", ": 1\r\n" END, 100000, "431"},
        {"100 fields", GET HOST, "X: 1\r\n", END, 99, "200"},
        {"101 fields", GET HOST, "X: 1\r\n", END, 100, "431"},
        {"10,000 fields", GET HOST, "X: 1\r\n", END, 10000, "431"},
        {"1,000 chunks of a byte", POST HOST TE END, "1\r\nx\r\n", "0\r\n\r\n", 1000, "200"},
        {"endless chunk extension", POST HOST TE END "1;a=", "b", "\r\nx\r\n0\r\n\r\n", 100000, "400"},
        {"endless trailers", POST HOST TE END "0\r\n", "X: 1\r\n", END, 20000, "400"},
        {"body of 1 MB in chunks", POST HOST TE END, "400\r\n%1024\r\n", "0\r\n\r\n", 1024, "200"},
        {"body over 1 MB in chunks", POST HOST TE END, "400\r\n%1024\r\n", "0\r\n\r\n", 1025, "413"},
    };
    int n_wrong = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *b = buf_new();
        AUTO(buf) struct buf *unit = buf_new();
        const char *percent = strchr(cases[i].repeat, '%');
        if (percent) { /* "%1024": so many bytes of body */
            buf_add(unit, cases[i].repeat, (size_t)(percent - cases[i].repeat));
            for (int k = 0; k < 1024; k++)
                buf_add_char(unit, 'z');
            buf_add_str(unit, percent + 5);
        } else {
            buf_add_str(unit, cases[i].repeat);
        }
        buf_add_str(b, cases[i].before);
        for (size_t k = 0; k < cases[i].n; k++)
            buf_add_span(b, buf_span(unit));
        buf_add_str(b, cases[i].after);
        const char *got = statuses_of(*state, buf_span(b), 1500);
        if (strcmp(got, cases[i].statuses) != 0) {
            print_message("%s: expected \"%s\", got \"%s\"\n", cases[i].name, cases[i].statuses, got);
            n_wrong++;
        }
    }
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_is_answered_as_the_rfc_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_have_limits_with_their_own_statuses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
