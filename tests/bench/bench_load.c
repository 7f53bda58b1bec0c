/*
 * bench_load run|hold|chat|poll NAME=VALUE...: the clients of the bench, in one thread.
 *   run    `conns` keep-alive connections send `total` requests; those for streams ask for `events` at `rate` a second;
 *          `body` makes each about so many bytes long
 *   hold   `conns` streams that get one event and then nothing, kept until a byte or the end of standard input
 *   chat   `conns` connections send new conversations to hob's `server` for `seconds`
 *   poll   bench_poll.c
 * Prints one line of JSON, times in microseconds.
 */
#include <errno.h>
#include <llhttp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define MAX_OPENING  100 /* connections without their first event, while they are being opened */
#define RUN_LIMIT_NS (120LL * 1000000000)
#define MAX_LINE     512

enum load_mode { LOAD_RUN, LOAD_HOLD, LOAD_CHAT };

struct options {
    enum load_mode mode;
    int port, conns, seconds, interval_us;
    long total, events, body;
    double rate;
    const char *key, *server; /* the API key; the server's id, for chat */
};

struct conn {
    int fd;
    llhttp_t parser;
    bool is_busy, has_event;
    size_t sent; /* of its request; a long one goes in pieces */
    int64_t sent_ns;
    struct buf line; /* a line of the body that is not complete */
};

static struct options o = {.conns = 1, .total = 1, .interval_us = 1000, .seconds = 1, .key = "none"};
static int epoll_fd;
static struct conn *conns;
static llhttp_settings_t settings;
static struct buf fixed_request;
static long n_started, n_done, n_errors, n_events, n_first;
static int64_t end_ns; /* chat: no new requests from here */
static struct bench_samples first_event, event_lag, whole;

/* ---- requests ---- */

static void add_request(struct buf *b, const char *path, const struct buf *body)
{
    buf_addf(b,
             "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nUser-Agent: bench\r\n"
             "Accept: */*\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             path, o.port, o.key, body->len);
    buf_add_span(b, buf_span(body));
}

static void make_fixed_request(void)
{
    AUTO(buf) struct buf *body = buf_new();
    buf_addf(body, "{\"model\":\"bench\",\"stream\":%s,\"events\":%ld,\"r\":%g,\"hold\":%d,",
             o.events > 0 ? "true" : "false", o.events, o.rate, o.mode == LOAD_HOLD);
    buf_add_str(body, "\"messages\":[{\"role\":\"user\",\"content\":\"Say something long please");
    while ((long)body->len + 4 < o.body)
        buf_add_char(body, 'x');
    buf_add_str(body, "\"}]}");
    add_request(&fixed_request, "/v1/chat/completions", body);
}

/* A message that starts a conversation; its ids only have to differ. */
static void add_chat_request(struct buf *b)
{
    static unsigned n;
    AUTO(buf) struct buf *body = buf_new();
    n++;
    buf_addf(
        body,
        "{\"conversation_id\":\"%08x-0000-4000-8000-%012x\",\"message\":{\"id\":\"%08x-0000-4000-9000-%012x\","
        "\"parent_id\":null,\"content\":\"Message %u: say something long please\"},\"server\":\"%s\"}",
        (unsigned)getpid(), n, (unsigned)getpid(), n, n, o.server);
    add_request(b, "/api/chat/completions", body);
}

/* Goes on with the fixed request. */
static void send_rest(struct conn *c)
{
    ssize_t n = send(c->fd, fixed_request.p + c->sent, fixed_request.len - c->sent, MSG_NOSIGNAL);
    if (n > 0)
        c->sent += (size_t)n;
    else if (errno != EAGAIN)
        c->sent = fixed_request.len; /* the answer, or its lack, tells */
    bool has_more = c->sent < fixed_request.len;
    bench_watch(epoll_fd, EPOLL_CTL_MOD, c->fd, has_more ? EPOLLIN | EPOLLOUT : EPOLLIN, c);
}

static void send_request(struct conn *c)
{
    static struct buf b;
    buf_clear(&b);
    if (o.mode == LOAD_CHAT)
        add_chat_request(&b);
    struct span bytes = o.mode == LOAD_CHAT ? buf_span(&b) : buf_span(&fixed_request);
    c->is_busy = true;
    c->has_event = false;
    c->sent_ns = clock_ns();
    n_started++;
    if (o.body > 0) {
        c->sent = 0;
        send_rest(c);
        return;
    }
    /* Small, and nothing else is on its way: it fits. */
    if (send(c->fd, bytes.p, bytes.len, MSG_NOSIGNAL) != (ssize_t)bytes.len)
        n_errors++;
}

static bool wants_more(void)
{
    if (o.mode == LOAD_CHAT)
        return clock_ns() < end_ns;
    return n_started < o.total;
}

/* ---- answers ---- */

static void on_line(struct conn *c, struct span line)
{
    if (!span_starts(line, "data: {"))
        return;
    int64_t now_ns = clock_ns();
    n_events++;
    if (!c->has_event) {
        c->has_event = true;
        n_first++;
        bench_samples_add(&first_event, now_ns - c->sent_ns);
    }
    ptrdiff_t at = o.mode == LOAD_RUN ? span_find(line, SPAN_LIT("\"created\":")) : -1;
    if (at >= 0)
        bench_samples_add(&event_lag, now_ns - strtoll(line.p + at + 10, NULL, 10));
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
    struct conn *c = CONTAINER_OF(parser, struct conn, parser);
    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t len = end ? (size_t)(end - p) : n;
        if (c->line.len + len <= MAX_LINE)
            buf_add(&c->line, p, len);
        if (!end)
            return 0;
        on_line(c, buf_span(&c->line));
        buf_clear(&c->line);
        p = end + 1;
        n -= len + 1;
    }
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct conn *c = CONTAINER_OF(parser, struct conn, parser);
    if (parser->status_code != 200)
        n_errors++;
    bench_samples_add(&whole, clock_ns() - c->sent_ns);
    buf_clear(&c->line);
    c->is_busy = false;
    n_done++;
    return 0;
}

/* ---- the loop ---- */

static void open_conn(struct conn *c)
{
    c->fd = bench_connect(o.port);
    llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
    bench_watch(epoll_fd, EPOLL_CTL_ADD, c->fd, EPOLLIN, c);
    send_request(c);
}

static void reopen(struct conn *c)
{
    if (c->is_busy) {
        n_errors++;
        n_done++;
        c->is_busy = false;
    }
    close(c->fd);
    c->fd = -1;
    if (wants_more())
        open_conn(c);
}

static void on_readable(struct conn *c)
{
    static char bytes[256 * 1024];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        reopen(c);
        return;
    }
    enum llhttp_errno e = llhttp_execute(&c->parser, bytes, (size_t)n);
    if (e != HPE_OK)
        reopen(c);
    else if (!c->is_busy && wants_more())
        send_request(c);
}

static bool is_over(int n_open)
{
    if (n_open < o.conns)
        return false;
    if (o.mode == LOAD_HOLD)
        return n_first + n_errors >= o.conns;
    return n_done >= n_started && !wants_more();
}

/* Few at a time, so that the queue of a listener never is what is measured. */
static int open_some(int n_open)
{
    long n_waiting = o.events > 0 ? n_open - n_first - n_errors : 0;
    for (int i = 0; i < 20 && n_open < o.conns && n_waiting < MAX_OPENING; i++, n_waiting++)
        open_conn(&conns[n_open++]);
    return n_open;
}

static void run(void)
{
    int n_open = 0;
    int64_t begun_ns = clock_ns();
    end_ns = begun_ns + (int64_t)o.seconds * 1000000000;
    while (!is_over(n_open)) {
        n_open = open_some(n_open);
        struct epoll_event events[512];
        int n = epoll_wait(epoll_fd, events, (int)COUNT_OF(events), n_open < o.conns ? 1 : 100);
        for (int i = 0; i < n; i++) {
            if (events[i].events & EPOLLOUT)
                send_rest(events[i].data.ptr);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                on_readable(events[i].data.ptr);
        }
        if (clock_ns() - begun_ns > RUN_LIMIT_NS) {
            errno = ETIMEDOUT;
            bench_die("run");
        }
    }
    printf("{\"seconds\":%.3f,\"done\":%ld,\"errors\":%ld,\"events\":%ld,",
           (double)(clock_ns() - begun_ns) / 1e9, n_done, n_errors, n_events);
    bench_samples_print(&first_event, "first");
    printf(",");
    bench_samples_print(&event_lag, "lag");
    printf(",");
    bench_samples_print(&whole, "whole");
    printf("}\n");
    fflush(stdout);
}

/* ---- the command line ---- */

static bool take_option(char *arg)
{
    char *value = strchr(arg, '=');
    if (!value)
        return false;
    *value++ = '\0';
    if (str_eq(arg, "port"))
        o.port = atoi(value);
    else if (str_eq(arg, "conns"))
        o.conns = atoi(value);
    else if (str_eq(arg, "seconds"))
        o.seconds = atoi(value);
    else if (str_eq(arg, "interval_us"))
        o.interval_us = atoi(value);
    else if (str_eq(arg, "total"))
        o.total = atol(value);
    else if (str_eq(arg, "events"))
        o.events = atol(value);
    else if (str_eq(arg, "body"))
        o.body = atol(value);
    else if (str_eq(arg, "rate"))
        o.rate = atof(value);
    else if (str_eq(arg, "key"))
        o.key = value;
    else if (str_eq(arg, "server"))
        o.server = value;
    else
        return false;
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_load run|hold|chat|poll NAME=VALUE... (bench_load.c says which)\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {[LOAD_RUN] = "run", [LOAD_HOLD] = "hold", [LOAD_CHAT] = "chat"};
    for (int i = 2; i < argc; i++) {
        if (!take_option(argv[i]))
            return usage();
    }
    if (argc > 1 && str_eq(argv[1], "poll")) {
        bench_poll(o.port, o.interval_us, o.seconds);
        return 0;
    }
    size_t mode = 0;
    while (mode < COUNT_OF(modes) && (argc < 2 || !str_eq(argv[1], modes[mode])))
        mode++;
    if (mode == COUNT_OF(modes) || o.conns < 1 || (mode == LOAD_CHAT && !o.server))
        return usage();
    o.mode = (enum load_mode)mode;
    bench_raise_file_limit();
    make_fixed_request();
    llhttp_settings_init(&settings);
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    conns = xcalloc((size_t)o.conns, sizeof *conns);
    run();
    if (o.mode == LOAD_HOLD) {
        char byte;
        return read(STDIN_FILENO, &byte, 1) < 0;
    }
    return 0;
}
