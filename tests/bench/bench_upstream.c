/*
 * bench_upstream PORT...: an engine without a model, for the bench. It answers POST with one JSON answer or, if the body
 * says "stream":true, with "events" of them at "r" per second (0: as fast as they go; "hold":1: one event, then nothing), and
 * GET /stats with what it counted; everything else, /health above all, is fine.  Each event carries the clock at
 * its sending.  It trusts its clients: no limits, no HTTP beyond what the bench sends.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define DEFAULT_EVENTS     20 /* of a stream whose body does not say */
#define DEFAULT_RATE_PER_S 200
#define BURST_BYTES        16384 /* of unpaced events in one write */
#define MAX_LISTENERS      4

struct conn {
    int fd;
    struct buf in, out; /* out: what the socket did not take */
    bool is_streaming, is_blocked, is_held;
    int64_t n_events, sent_events;
    double rate_per_s;
    int64_t start_ns, due_ns;
    struct list node; /* in `due`, by due_ns, while an event waits for its time */
};

static int epoll_fd;
static int listeners[MAX_LISTENERS];
static struct list due;
static uint64_t n_requests, n_active, n_aborted;

/* ---- bytes ---- */

static void close_conn(struct conn *c)
{
    if (c->is_streaming) {
        n_active--;
        n_aborted++;
    }
    list_remove(&c->node);
    close(c->fd);
    buf_release(&c->in);
    buf_release(&c->out);
    free(c);
}

/* False: the client is gone. */
static bool send_bytes(struct conn *c, struct span bytes)
{
    ssize_t n = c->out.len > 0 ? 0 : send(c->fd, bytes.p, bytes.len, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN)
            return false;
        n = 0;
    }
    if ((size_t)n < bytes.len) {
        buf_add(&c->out, bytes.p + n, bytes.len - (size_t)n);
        c->is_blocked = true;
        bench_watch(epoll_fd, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLRDHUP | EPOLLOUT, c);
    }
    return true;
}

static bool send_rest(struct conn *c)
{
    ssize_t n = send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    buf_drop(&c->out, (size_t)n);
    if (c->out.len == 0) {
        c->is_blocked = false;
        bench_watch(epoll_fd, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLRDHUP, c);
    }
    return true;
}

/* ---- events ---- */

/* As one chunk of RFC 9112 7.1. */
static void add_event(struct buf *b, const struct conn *c)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "data: {\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\","
                     "\"created\":%lld,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                     "\" token%06lld\"},\"finish_reason\":null}]}\n\n",
                     (long long)clock_ns(), (long long)c->sent_events);
    buf_addf(b, "%x\r\n%s\r\n", (unsigned)n, text);
}

/* Kept in order from behind: streams of one rate only ever append. */
static void wait_until_due(struct conn *c)
{
    struct list *after = due.prev;
    while (after != &due && CONTAINER_OF(after, struct conn, node)->due_ns > c->due_ns)
        after = after->prev;
    list_remove(&c->node);
    list_push_front(after, &c->node);
}

/* Sends what is due now. False: the client is gone. */
static bool stream(struct conn *c, int64_t now_ns)
{
    static struct buf b;
    while (c->is_streaming && !c->is_blocked) {
        buf_clear(&b);
        if (c->sent_events == c->n_events) {
            c->is_streaming = false;
            n_active--;
            if (!send_bytes(c, SPAN_LIT("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")))
                return false;
            continue;
        }
        if (c->sent_events > 0 && c->is_held)
            return true;
        if (c->sent_events > 0 && c->due_ns > now_ns) {
            wait_until_due(c);
            return true;
        }
        /* The first goes alone, as from an engine. */
        do {
            add_event(&b, c);
            c->sent_events++;
        } while (c->rate_per_s <= 0 && c->sent_events > 1 && c->sent_events < c->n_events &&
                 b.len < BURST_BYTES);
        if (c->rate_per_s > 0) {
            /* Streams that begin together do not stay in step: their phases are spread by the golden ratio. */
            if (c->sent_events == 1) {
                static uint32_t phase;
                phase += UINT32_C(2654435769);
                c->start_ns = now_ns + (int64_t)((double)phase / 4294967296.0 * 1e9 / c->rate_per_s);
            }
            c->due_ns = c->start_ns + (int64_t)((double)(c->sent_events - 1) * 1e9 / c->rate_per_s);
        }
        if (!send_bytes(c, buf_span(&b)))
            return false;
    }
    return true;
}

/* ---- requests ---- */

/* The number after `"name":`, or otherwise. */
static double number_in(struct span body, const char *name, double otherwise)
{
    ptrdiff_t at = span_find(body, span_str(name));
    return at < 0 ? otherwise : strtod(body.p + at + strlen(name), NULL);
}

static bool reply(struct conn *c, const char *type, struct span body)
{
    AUTO(buf) struct buf *b = buf_new();
    buf_addf(b, "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type,
             body.len);
    buf_add_span(b, body);
    return send_bytes(c, buf_span(b));
}

static bool reply_stats(struct conn *c)
{
    AUTO(buf) struct buf *b = buf_new();
    buf_addf(b, "{\"requests\":%llu,\"active\":%llu,\"aborted\":%llu}", (unsigned long long)n_requests,
             (unsigned long long)n_active, (unsigned long long)n_aborted);
    return reply(c, "application/json", buf_span(b));
}

static bool answer(struct conn *c, struct span head, struct span body)
{
    n_requests++;
    if (span_starts(head, "GET /stats "))
        return reply_stats(c);
    if (!span_starts(head, "POST "))
        return reply(c, "application/json", SPAN_LIT("{\"status\":\"ok\"}"));
    if (span_find(body, SPAN_LIT("\"stream\":true")) < 0)
        return reply(
            c, "application/json",
            SPAN_LIT("{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion\",\"created\":"
                     "1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                     "\"assistant\",\"content\":\"Hello there, how can I help you today?\"},"
                     "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":12,"
                     "\"completion_tokens\":9,\"total_tokens\":21}}"));
    c->is_streaming = true;
    n_active++;
    c->sent_events = 0;
    c->n_events = (int64_t)number_in(body, "\"events\":", DEFAULT_EVENTS);
    c->rate_per_s = number_in(body, "\"r\":", DEFAULT_RATE_PER_S);
    c->is_held = span_find(body, SPAN_LIT("\"hold\":1")) >= 0;
    return send_bytes(c, SPAN_LIT("HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/event-stream\r\n"
                                  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n")) &&
           stream(c, clock_ns());
}

/* Length of the body that the header announces. */
static size_t body_len(struct span head)
{
    while (head.len > 0) {
        struct span rest, value, line = span_trim(span_cut(head, '\n', &rest));
        if (span_is_ci(span_cut(line, ':', &value), "Content-Length"))
            return (size_t)strtoul(value.p, NULL, 10);
        head = rest;
    }
    return 0;
}

/* Answers what is complete in c->in, one after the other. False: the client is gone. */
static bool answer_all(struct conn *c)
{
    while (!c->is_streaming) {
        ptrdiff_t end = span_find(buf_span(&c->in), SPAN_LIT("\r\n\r\n"));
        if (end < 0)
            return true;
        struct span head = span_of(c->in.p, (size_t)end + 4);
        size_t n = body_len(head);
        if (c->in.len < head.len + n)
            return true;
        if (!answer(c, head, span_of(head.p + head.len, n)))
            return false;
        buf_drop(&c->in, head.len + n);
    }
    return true;
}

/* ---- the loop ---- */

static bool is_listener(const void *ptr)
{
    for (size_t i = 0; i < COUNT_OF(listeners); i++) {
        if (ptr == &listeners[i])
            return true;
    }
    return false;
}

static void accept_all(int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = xcalloc(1, sizeof *c);
        c->fd = fd;
        list_init(&c->node);
        bench_watch(epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP, c);
    }
}

static bool read_all(struct conn *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, buf_reserve(&c->in, 4096), 4096, 0);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        c->in.len += (size_t)n;
        if (n < 4096)
            return true;
    }
}

static void on_ready(struct conn *c, uint32_t events)
{
    bool is_open = (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) == 0;
    if (is_open && (events & EPOLLOUT) && c->is_blocked)
        is_open = send_rest(c) && stream(c, clock_ns());
    if (is_open && (events & EPOLLIN))
        is_open = read_all(c);
    if (!is_open || !answer_all(c))
        close_conn(c);
}

static void send_due(void)
{
    int64_t now_ns = clock_ns();
    for (;;) {
        struct conn *c = LIST_FIRST(&due, struct conn, node);
        if (!c || c->due_ns > now_ns)
            return;
        list_remove(&c->node);
        if (!stream(c, now_ns))
            close_conn(c);
    }
}

static int wait_for_events(struct epoll_event *events, int max)
{
    struct timespec wait;
    const struct conn *first = LIST_FIRST(&due, struct conn, node);
    if (first) {
        int64_t ns = first->due_ns - clock_ns();
        ns = ns < 0 ? 0 : ns;
        wait = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    }
    return epoll_pwait2(epoll_fd, events, max, first ? &wait : NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > MAX_LISTENERS + 1) {
        fprintf(stderr, "usage: bench_upstream PORT...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    bench_raise_file_limit();
    list_init(&due);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < argc - 1; i++) {
        listeners[i] = bench_listen(atoi(argv[i + 1]));
        bench_watch(epoll_fd, EPOLL_CTL_ADD, listeners[i], EPOLLIN, &listeners[i]);
    }
    for (;;) {
        struct epoll_event events[512];
        int n = wait_for_events(events, (int)COUNT_OF(events));
        for (int i = 0; i < n; i++) {
            void *ptr = events[i].data.ptr;
            if (is_listener(ptr))
                accept_all(*(int *)ptr);
            else
                on_ready(ptr, events[i].events);
        }
        send_due();
    }
}
