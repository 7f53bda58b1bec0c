/* The server: listening, accepting, the limit per address, the sweep over deadlines, drain and close. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "http/http_conn.h"

#define BACKLOG 1024

const struct http_limits http_default_limits = {
    .header_timeout_ms = HTTP_HEADER_TIMEOUT_MS,
    .idle_timeout_ms = HTTP_IDLE_TIMEOUT_MS,
    .body_window_ms = 10000,
    .min_body_bytes_per_s = HTTP_MIN_BODY_BYTES_PER_S,
    .stalled_reader_ms = HTTP_STALLED_READER_MS,
    .linger_ms = 2000,
    .tick_ms = 1000,
    .max_conns_per_address = HTTP_MAX_CONNS_PER_ADDRESS,
};

/* ---- the sweep ---- */

static void on_sweep(void *arg)
{
    struct http_server *s = arg;
    int64_t now_ms = (int64_t)uv_now(loop_uv(s->loop));
    LIST_EACH(c, &s->conns, struct http_conn, node)
        http_conn_check(c, now_ms);
}

const char *http_server_date(struct http_server *s)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != s->date_s) {
        struct tm t;
        (void)gmtime_r(&now.tv_sec, &t);
        (void)snprintf(s->date, sizeof s->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                       days + 3 * t.tm_wday, (unsigned)t.tm_mday % 100, months + 3 * t.tm_mon,
                       (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 100,
                       (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
        s->date_s = now.tv_sec;
    }
    return s->date;
}

/* ---- connections ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* False when the address has as many connections as it may. */
static bool count_in(struct http_server *s, const char *peer)
{
    uintptr_t n = (uintptr_t)map_get_str(s->per_address, peer);
    if (n >= s->limits.max_conns_per_address)
        return false;
    (void)map_put(s->per_address, peer, (void *)(n + 1));
    return true;
}

static void count_out(struct http_server *s, const char *peer)
{
    uintptr_t n = (uintptr_t)map_get_str(s->per_address, peer);
    if (n > 1)
        (void)map_put(s->per_address, peer, (void *)(n - 1));
    else
        (void)map_remove(s->per_address, peer);
}

static void free_server(void *arg)
{
    struct http_server *s = arg;
    map_free(s->per_address);
    free(s->read_buf);
    http_fields_release(&s->spare);
    buf_release(&s->scratch);
    free(s);
}

static void free_if_over(struct http_server *s)
{
    /* Deferred: ended exchanges that still wait to be freed give memory back to it. */
    if (s->is_closed && s->n_conns == 0 && s->n_closing == 0)
        loop_defer_free(s->loop, s, free_server);
}

void http_server_conn_closed(struct http_server *s, struct http_conn *c)
{
    list_remove(&c->node);
    if (c->is_counted)
        count_out(s, c->peer);
    if (--s->n_conns == 0)
        loop_timer_stop(&s->sweep_timer);
    free_if_over(s);
}

struct http_conn *http_server_adopt(struct http_server *s, int fd, bool is_unix, const char *peer)
{
    bool is_counted = !is_unix && (s->limits.counts_loopback || !is_loopback(peer));
    if (is_counted && !count_in(s, peer)) {
        (void)close(fd);
        return NULL;
    }
    struct http_conn *c = xcalloc(1, sizeof *c);
    int e = is_unix ? uv_pipe_init(loop_uv(s->loop), &c->pipe, 0) : uv_tcp_init(loop_uv(s->loop), &c->tcp);
    assert(e == 0);
    c->handle.data = c;
    c->server = s;
    c->is_unix = is_unix;
    c->is_counted = is_counted;
    (void)snprintf(c->peer, sizeof c->peer, "%s", peer);
    list_push_back(&s->conns, &c->node);
    if (s->n_conns++ == 0)
        loop_timer_repeat(&s->sweep_timer, s->limits.tick_ms);
    e = is_unix ? uv_pipe_open(&c->pipe, fd) : uv_tcp_open(&c->tcp, fd);
    http_conn_start(c);
    if (e != 0) {
        (void)close(fd);
        http_conn_close(c);
        return NULL;
    }
    if (!is_unix)
        (void)uv_tcp_nodelay(&c->tcp, 1);
    return c;
}

/* ---- listening ---- */

static void set_accepting(struct http_server *s, bool on);

static void on_pause_over(void *arg)
{
    struct http_server *s = arg;
    s->is_paused = false;
    set_accepting(s, true);
}

static void peer_text(const struct sockaddr_storage *a, char out_text[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
    out_text[0] = '\0';
    if (a->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &a4->sin_addr, out_text, INET6_ADDRSTRLEN);
    else if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr))
        (void)inet_ntop(AF_INET, &a6->sin6_addr.s6_addr[12], out_text, INET6_ADDRSTRLEN);
    else if (a->ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &a6->sin6_addr, out_text, INET6_ADDRSTRLEN);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct http_listener *listener = poll->data;
    struct http_server *s = listener->server;
    (void)status;
    (void)events;
    for (int i = 0; i < HTTP_ACCEPT_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                /* The connection stays in the queue and would wake us at once, again and again. */
                log_warn("http: no descriptor for a connection (%s), retrying in %d ms", strerror(errno),
                         HTTP_PAUSE_MS);
                s->is_paused = true;
                set_accepting(s, false);
                loop_timer_start(&s->pause_timer, HTTP_PAUSE_MS);
            } else if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            return; /* EAGAIN: all taken */
        }
        char peer[INET6_ADDRSTRLEN] = "unix";
        if (!listener->is_unix)
            peer_text(&address, peer);
        (void)http_server_adopt(s, fd, listener->is_unix, peer);
    }
}

static void set_accepting(struct http_server *s, bool on)
{
    LIST_EACH(listener, &s->listeners, struct http_listener, node) {
        if (on)
            (void)uv_poll_start(&listener->poll, UV_READABLE, on_connection);
        else
            (void)uv_poll_stop(&listener->poll);
    }
}

static MUST_CHECK enum err add_listener(struct http_server *s, int fd, const char *path, struct err_text *why)
{
    struct http_listener *listener = xcalloc(1, sizeof *listener);
    int e = uv_poll_init(loop_uv(s->loop), &listener->poll, fd);
    if (e != 0) {
        free(listener);
        return err_set(why, ERR_IO, "cannot poll the listening socket: %s", uv_strerror(e));
    }
    listener->poll.data = listener;
    listener->server = s;
    listener->fd = fd;
    listener->is_unix = path != NULL;
    listener->path = xstrdup(path);
    list_push_back(&s->listeners, &listener->node);
    if (!s->is_paused)
        (void)uv_poll_start(&listener->poll, UV_READABLE, on_connection);
    return ERR_OK;
}

static void on_listener_closed(uv_handle_t *h)
{
    struct http_listener *listener = h->data;
    struct http_server *s = listener->server;
    free(listener->path);
    free(listener);
    s->n_closing--;
    free_if_over(s);
}

static void stop_listening(struct http_server *s)
{
    loop_timer_stop(&s->pause_timer);
    LIST_EACH(listener, &s->listeners, struct http_listener, node) {
        list_remove(&listener->node);
        if (listener->path)
            (void)unlink(listener->path);
        (void)uv_poll_stop(&listener->poll);
        (void)close(listener->fd);
        s->n_closing++;
        uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
    }
}

enum err http_server_listen_tcp(struct http_server *s, const char *address, int port, int *out_port,
                                struct err_text *why)
{
    struct sockaddr_storage a = {0};
    if (port < 0 || port > 65535)
        return err_set(why, ERR_INVALID, "port %d is out of range", port);
    bool is_v4 = uv_ip4_addr(address, port, (struct sockaddr_in *)&a) == 0;
    if (!is_v4 && uv_ip6_addr(address, port, (struct sockaddr_in6 *)&a) != 0)
        return err_set(why, ERR_INVALID, "\"%s\" is not an IP address", address);
    socklen_t len = is_v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "cannot make a socket: %s", strerror(errno));
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        int errnum = errno;
        (void)close(fd);
        return err_set(why, errnum == EADDRINUSE ? ERR_EXISTS : err_from_errno(errnum),
                       "cannot listen on %s port %d: %s", address, port, strerror(errnum));
    }
    enum err e = add_listener(s, fd, NULL, why);
    if (e != ERR_OK) {
        (void)close(fd);
        return e;
    }
    if (out_port)
        *out_port = ntohs(is_v4 ? ((struct sockaddr_in *)&a)->sin_port
                                : ((struct sockaddr_in6 *)&a)->sin6_port);
    return ERR_OK;
}

/* Removes a socket file on which nobody listens any more. */
static MUST_CHECK enum err remove_stale(const struct sockaddr_un *a, struct err_text *why)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return ERR_OK;
    if (!S_ISSOCK(st.st_mode))
        return err_set(why, ERR_EXISTS, "%s is there and is not a socket", a->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "cannot make a socket: %s", strerror(errno));
    int e = connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 ? 0 : errno;
    (void)close(fd);
    if (e == 0 || e == EAGAIN)
        return err_set(why, ERR_EXISTS, "another program listens on %s", a->sun_path);
    if (unlink(a->sun_path) != 0)
        return err_set(why, err_from_errno(errno), "cannot remove the stale %s: %s", a->sun_path,
                       strerror(errno));
    return ERR_OK;
}

enum err http_server_listen_unix(struct http_server *s, const char *path, int mode, struct err_text *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return err_set(why, ERR_INVALID, "the socket path %s is longer than %zu bytes", path,
                       sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path) + 1);
    enum err e = remove_stale(&a, why);
    if (e != ERR_OK)
        return e;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "cannot make a socket: %s", strerror(errno));
    /* The file is born with the socket's own mode, less the umask: never wider than asked, not even for a moment. */
    if (fchmod(fd, (mode_t)mode) != 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        chmod(path, (mode_t)mode) != 0 || listen(fd, BACKLOG) != 0) {
        int errnum = errno;
        (void)close(fd);
        return err_set(why, err_from_errno(errnum), "cannot listen on %s: %s", path, strerror(errnum));
    }
    e = add_listener(s, fd, path, why);
    if (e != ERR_OK)
        (void)close(fd);
    return e;
}

/* ---- life ---- */

struct http_server *http_server_new(struct loop *l, http_request_fn on_request, void *arg)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    s->loop = l;
    s->on_request = on_request;
    s->arg = arg;
    s->limits = http_default_limits;
    list_init(&s->listeners);
    list_init(&s->conns);
    s->per_address = map_new();
    s->read_buf = xmalloc(HTTP_READ_BYTES);
    loop_timer_init(&s->sweep_timer, l, on_sweep, s);
    loop_timer_init(&s->pause_timer, l, on_pause_over, s);
    return s;
}

void http_server_set_limits(struct http_server *s, const struct http_limits *limits)
{
    s->limits = *limits;
    if (loop_timer_is_armed(&s->sweep_timer))
        loop_timer_repeat(&s->sweep_timer, limits->tick_ms);
}

size_t http_server_n_conns(const struct http_server *s)
{
    return s->n_conns;
}

size_t http_server_n_active(const struct http_server *s)
{
    return s->n_active;
}

void http_server_drain(struct http_server *s)
{
    if (s->is_draining)
        return;
    s->is_draining = true;
    stop_listening(s);
    LIST_EACH(c, &s->conns, struct http_conn, node) {
        if (c->phase == HTTP_PHASE_HEAD && !c->x)
            http_conn_finish(c);
    }
}

void http_server_close(struct http_server *s)
{
    if (!s || s->is_closed)
        return;
    s->is_draining = true;
    stop_listening(s);
    LIST_EACH(c, &s->conns, struct http_conn, node)
        http_conn_close(c);
    s->is_closed = true;
    free_if_over(s);
}
