/* The client: endpoints and the pool of idle connections to each. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "http/http_call.h"

/* ---- endpoints ---- */

/* There is one for each engine that is called: a handful, and comparing is cheaper than making a key. NULL: none. */
static struct http_target *find_target(const struct http_client *c, const struct http_endpoint *to)
{
    LIST_EACH(t, &c->targets, struct http_target, node) {
        bool is_same = to->unix_path ? str_eq(t->unix_path, to->unix_path)
                                     : t->port == to->port && str_eq(t->host, to->host);
        if (is_same)
            return t;
    }
    return NULL;
}

struct http_target *http_target_use(struct http_client *c, const struct http_endpoint *to)
{
    struct http_target *t = find_target(c, to);
    if (!t) {
        t = xcalloc(1, sizeof *t);
        t->client = c;
        t->unix_path = xstrdup(to->unix_path);
        t->host = to->unix_path ? NULL : xstrdup(to->host);
        t->port = to->unix_path ? 0 : to->port;
        if (to->unix_path)
            t->authority = xstrdup("localhost");
        else
            t->authority = xasprintf(strchr(to->host, ':') ? "[%s]:%d" : "%s:%d", to->host, to->port);
        list_init(&t->idle);
        list_push_back(&c->targets, &t->node);
    }
    t->n_users++;
    return t;
}

void http_target_unuse(struct http_target *t)
{
    if (--t->n_users > 0)
        return;
    list_remove(&t->node);
    free(t->unix_path);
    free(t->host);
    free(t->authority);
    free(t);
}

/* ---- idle connections ---- */

/* The engine may have closed it in this very turn: one system call is cheaper than a failed request. */
static bool still_stands(const struct http_upstream *up)
{
    int fd;
    char byte;
    if (uv_fileno(&up->handle, &fd) != 0)
        return false;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

struct http_upstream *http_target_take_idle(struct http_target *t)
{
    struct http_upstream *up;
    while ((up = LIST_FIRST(&t->idle, struct http_upstream, idle_node)) != NULL) {
        if (still_stands(up)) {
            list_remove(&up->idle_node);
            t->n_idle--;
            return up;
        }
        http_upstream_close(up);
    }
    return NULL;
}

void http_target_give_idle(struct http_upstream *up)
{
    struct http_target *t = up->target;
    struct http_client *c = up->client;
    up->idle_since_ms = (int64_t)uv_now(loop_uv(c->loop));
    list_push_front(&t->idle, &up->idle_node);
    http_upstream_set_reading(up, true); /* so that its end is seen */
    if (++t->n_idle > HTTP_POOL_MAX)
        http_upstream_close(CONTAINER_OF(t->idle.prev, struct http_upstream, idle_node));
    if (!loop_timer_is_armed(&c->pool_timer))
        loop_timer_repeat(&c->pool_timer, HTTP_POOL_TICK_MS);
}

/* Closes those that have been idle since before then; t must be in use. */
static void close_idle(struct http_target *t, int64_t before_ms)
{
    LIST_EACH(up, &t->idle, struct http_upstream, idle_node) {
        if (up->idle_since_ms <= before_ms)
            http_upstream_close(up);
    }
}

static void on_pool_tick(void *arg)
{
    struct http_client *c = arg;
    int64_t before_ms = (int64_t)uv_now(loop_uv(c->loop)) - HTTP_POOL_IDLE_MS;
    bool has_idle = false;
    LIST_EACH(t, &c->targets, struct http_target, node) {
        t->n_users++; /* else its last connection would take it along */
        close_idle(t, before_ms);
        has_idle |= t->n_idle > 0;
        http_target_unuse(t);
    }
    if (!has_idle)
        loop_timer_stop(&c->pool_timer);
}

void http_client_forget(struct http_client *c, const struct http_endpoint *to)
{
    struct http_target *t = find_target(c, to);
    if (!t)
        return;
    t->n_users++; /* else its last connection would take it along */
    close_idle(t, INT64_MAX);
    http_target_unuse(t);
}

/* ---- life ---- */

struct http_client *http_client_new(struct loop *l)
{
    struct http_client *c = xcalloc(1, sizeof *c);
    c->loop = l;
    c->read_buf = xmalloc(HTTP_CLIENT_READ_BYTES);
    list_init(&c->targets);
    list_init(&c->calls);
    list_init(&c->upstreams);
    loop_timer_init(&c->pool_timer, l, on_pool_tick, c);
    return c;
}

static void free_client(void *arg)
{
    struct http_client *c = arg;
    free(c->read_buf);
    buf_release(&c->scratch);
    http_fields_release(&c->spare);
    free(c);
}

static void free_if_over(struct http_client *c)
{
    if (c->is_closed && c->n_upstreams == 0)
        loop_defer_free(c->loop, c, free_client);
}

void http_client_upstream_gone(struct http_client *c, struct http_upstream *up)
{
    list_remove(&up->node);
    c->n_upstreams--;
    free_if_over(c);
}

void http_client_close(struct http_client *c)
{
    if (!c || c->is_closed)
        return;
    LIST_EACH(call, &c->calls, struct http_call, node)
        http_call_cancel(call);
    LIST_EACH(up, &c->upstreams, struct http_upstream, node)
        http_upstream_close(up);
    loop_timer_stop(&c->pool_timer);
    c->is_closed = true;
    free_if_over(c);
}
