/*
 * HTTP both ways: however the bytes are cut, the same requests are answered, or the same response is told.
 * The first byte says which way (bit 7) and how long the pieces are; the rest are the bytes of the peer.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http_call.h"
#include "http/http_conn.h"

#define MAX_BODY 512

static struct {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    int listener;
    char path[64];
    uint64_t hash;   /* of what was understood */
    bool is_refused; /* with whatever status: a cut may change which rule is broken first */
    bool is_done;
    uint64_t streamed;            /* of the body that comes in pieces: counts only when its end comes */
    struct http_exchange *paused; /* is to go on in the next turn */
} t;

static uint64_t mixed(uint64_t hash, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * 1099511628211u;
    return hash;
}

static void mix(struct span s)
{
    t.hash = mixed(t.hash, s);
}

static void mix_fields(const struct http_fields *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct span name = http_fields_name(f, i), value = http_fields_value(f, i);
        assert(name.len > 0 && f->lines[i].field == http_field_of(name));
        assert(!memchr(value.p, '\r', value.len) && !memchr(value.p, '\n', value.len));
        mix(name);
        mix(value);
    }
    assert(f->n <= HTTP_CLIENT_HEADER_LINES);
}

static void turn(void)
{
    (void)uv_run(loop_uv(t.loop), UV_RUN_NOWAIT);
    if (t.paused)
        http_exchange_resume_body(TAKE(t.paused));
}

/* ---- the server ---- */

static void on_whole_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    (void)arg;
    assert(body.len <= MAX_BODY);
    if (!e)
        mix(body);
    t.hash += (uint64_t)e + 1;
    http_exchange_reply(x, e ? 413 : 200, NULL, SPAN_LIT("ok"));
}

static void on_piece(struct http_exchange *x, void *arg, struct span piece)
{
    bool pauses = arg != NULL;
    assert(!t.paused && piece.len <= HTTP_PIECE_MAX_BYTES);
    t.streamed = mixed(t.streamed, piece);
    if (piece.len == 0) {
        t.hash = t.hash * 31 + t.streamed;
        http_exchange_reply(x, 200, NULL, SPAN_LIT("ok"));
    } else if (pauses) {
        http_exchange_pause_body(x);
        t.paused = x;
    }
}

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)arg;
    if (t.paused == x)
        t.paused = NULL;
}

static void on_request(struct http_exchange *x, void *arg)
{
    (void)arg;
    t.streamed = 0;
    http_exchange_on_gone(x, on_gone, NULL);
    mix(http_exchange_method_text(x));
    mix(http_exchange_path(x));
    mix(http_exchange_query(x));
    const struct http_fields *f = http_exchange_fields(x);
    assert(f->n <= HTTP_MAX_HEADER_LINES && http_fields_count(f, HTTP_FIELD_HOST) <= 1);
    mix_fields(f);
    struct span path = http_exchange_path(x);
    if (path.len > 1 && path.p[1] == 'n')
        http_exchange_reply(x, 200, NULL, SPAN_LIT("not read"));
    else if (path.len > 1 && (path.p[1] == 's' || path.p[1] == 'p'))
        http_exchange_stream_body(x, on_piece, path.p[1] == 'p' ? &t : NULL);
    else
        http_exchange_read_body(x, MAX_BODY, on_whole_body, NULL);
}

static void check_answers(int fd)
{
    static char out[1 << 20];
    ssize_t n;
    while ((n = read(fd, out, sizeof out)) > 0) {
        assert(n >= 9 && memcmp(out, "HTTP/1.1 ", 9) == 0);
        t.is_refused |= span_find(span_of(out, (size_t)n), SPAN_LIT("\"invalid_request_error\"")) >= 0;
    }
}

static void serve(const char *p, size_t n, size_t piece)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        abort();
    struct http_conn *c = http_server_adopt(t.server, fds[1], true, "unix");
    for (size_t at = 0; at < n && http_server_n_conns(t.server) > 0; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        AUTO(mem) char *copy = xmemdup(p + at, len);
        if (c->phase < HTTP_PHASE_FLUSH)
            http_conn_feed(c, copy, len);
        turn();
    }
    (void)shutdown(fds[0], SHUT_WR);
    for (int i = 0; i < 1000 && http_server_n_conns(t.server) > 0; i++)
        turn();
    assert(http_server_n_conns(t.server) == 0 && http_server_n_active(t.server) == 0);
    check_answers(fds[0]);
    (void)close(fds[0]);
}

/* ---- the client ---- */

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)call;
    (void)arg;
    assert(status >= 200 && status <= 599);
    t.hash = t.hash * 31 + (uint64_t)status;
    mix_fields(fields);
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    (void)arg;
    mix(data);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    (void)arg;
    assert(!e || why->text[0]);
    assert(!t.is_done);
    t.is_done = true;
    t.is_refused = e != ERR_OK;
}

static void call(const char *p, size_t n, size_t piece, bool is_head)
{
    struct http_endpoint to = {.unix_path = t.path};
    struct http_call_options options = {.method = is_head ? "HEAD" : "POST", .target = "/", .fresh = true};
    struct http_call_events events = {on_headers, on_body, NULL, on_done};
    struct http_call *c = http_call_start(t.client, &to, &options, &events, NULL);
    int fd = accept4(t.listener, NULL, NULL, SOCK_CLOEXEC);
    for (int i = 0; i < 1000 && c->state != HTTP_CALL_HEADER; i++)
        turn();
    struct http_upstream *up = c->up;
    assert(up && fd >= 0);
    for (size_t at = 0; at < n && !t.is_done; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        AUTO(mem) char *copy = xmemdup(p + at, len);
        http_upstream_feed(up, copy, len);
    }
    if (!t.is_done)
        http_upstream_feed(up, NULL, 0);
    assert(t.is_done);
    http_client_forget(t.client, &to);
    turn();
    (void)close(fd);
}

static void set_up(void)
{
    t.loop = loop_new();
    t.server = http_server_new(t.loop, on_request, NULL);
    t.client = http_client_new(t.loop);
    (void)snprintf(t.path, sizeof t.path, "/tmp/hob-fuzz-http-%d", (int)getpid());
    (void)unlink(t.path);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", t.path);
    t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(t.listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(t.listener, 8) != 0)
        abort();
}

static void remove_socket(void)
{
    (void)unlink(t.path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!t.loop) {
        set_up();
        (void)atexit(remove_socket);
    }
    if (size < 2)
        return 0;
    const char *p = (const char *)data + 1;
    size_t n = size - 1;
    const size_t pieces[] = {n, 1, 2u + data[0] % 31};
    uint64_t hash = 0;
    bool is_refused = false;
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        t.hash = 1469598103934665603u;
        t.is_refused = t.is_done = false;
        if (data[0] & 0x80)
            call(p, n, pieces[i], data[0] & 0x40);
        else
            serve(p, n, pieces[i]);
        assert(i == 0 || (t.hash == hash && t.is_refused == is_refused));
        hash = t.hash;
        is_refused = t.is_refused;
    }
    return 0;
}
