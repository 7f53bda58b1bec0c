/*
 * A raw peer for tests of http: bytes in, bytes out, on one end of a socket, while the loop under test runs in the same
 * thread. Everything waits for a condition with a deadline.
 */
#ifndef HOB_TESTS_HTTP_WIRE_H
#define HOB_TESTS_HTTP_WIRE_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

#define WIRE_DEADLINE_MS 8000

struct wire {
    struct loop *loop;
    int fd;
    struct buf got;
    bool has_eof;
    bool was_reset;
};

static inline struct wire wire_on(struct loop *l, int fd)
{
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return (struct wire){.loop = l, .fd = fd};
}

static inline struct wire wire_connect(struct loop *l, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return wire_on(l, fd);
}

static inline void wire_close(struct wire *w)
{
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = -1;
    buf_release(&w->got);
}

/* One look at both sides. */
static inline void wire_turn(struct wire *w)
{
    (void)uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
    while (w->fd >= 0 && !w->has_eof && !w->was_reset) {
        char *at = buf_reserve(&w->got, 65536);
        ssize_t n = read(w->fd, at, 65536);
        if (n > 0) {
            w->got.len += (size_t)n;
            w->got.p[w->got.len] = '\0';
            continue;
        }
        w->has_eof = n == 0;
        w->was_reset = n < 0 && errno != EAGAIN;
        break;
    }
}

/* Sleeps until the loop or the wire has something, 5 ms at most. */
static inline void wire_rest(struct loop *l, int fd)
{
    struct pollfd fds[2] = {{.fd = uv_backend_fd(loop_uv(l)), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    (void)poll(fds, fd >= 0 ? 2 : 1, 5);
}

#define WIRE_UNTIL(w, condition)                                 \
    do {                                                         \
        int64_t wire_end_ms = clock_ms() + WIRE_DEADLINE_MS;     \
        for (wire_turn(w); !(condition); wire_turn(w)) {         \
            if (clock_ms() > wire_end_ms)                        \
                fail_msg("waited too long for: %s", #condition); \
            wire_rest((w)->loop, (w)->has_eof ? -1 : (w)->fd);   \
        }                                                        \
    } while (0)

/* Sends all; false when the other side is gone. */
static inline bool wire_send(struct wire *w, struct span s)
{
    int64_t end_ms = clock_ms() + WIRE_DEADLINE_MS;
    while (s.len) {
        ssize_t n = send(w->fd, s.p, s.len, MSG_NOSIGNAL);
        if (n > 0) {
            s = span_of(s.p + n, s.len - (size_t)n);
        } else if (errno != EAGAIN) {
            return false;
        } else {
            wire_turn(w);
            wire_rest(w->loop, -1);
        }
        if (clock_ms() > end_ms)
            fail_msg("the server does not read");
    }
    return true;
}

static inline bool wire_has(const struct wire *w, const char *text)
{
    return span_find(buf_span(&w->got), span_str(text)) >= 0;
}

/* Takes the first complete response (with Content-Length or without a body) off; its status, 0 if there is none. */
static inline int wire_take_response(struct wire *w)
{
    ptrdiff_t end = span_find(buf_span(&w->got), SPAN_LIT("\r\n\r\n"));
    if (end < 0)
        return 0;
    struct span head = span_of(w->got.p, (size_t)end);
    int status = 0;
    assert_int_equal(sscanf(w->got.p, "HTTP/1.1 %3d ", &status), 1);
    ptrdiff_t length_at = span_find(head, SPAN_LIT("Content-Length: "));
    size_t total = (size_t)end + 4;
    if (length_at >= 0)
        total += strtoul(w->got.p + length_at + 16, NULL, 10);
    if (w->got.len < total)
        return 0;
    buf_drop(&w->got, total);
    return status;
}

#endif
