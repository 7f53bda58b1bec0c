/* Work on libuv's threads, wakes from other threads, and signals. */
#include "loop/loop_internal.h"

struct work {
    uv_work_t req;
    loop_fn work;
    loop_fn done;
    void *arg;
};

static void on_thread(uv_work_t *req)
{
    struct work *w = req->data;
    w->work(w->arg);
}

static void on_worked(uv_work_t *req, int status)
{
    (void)status; /* never cancelled: there is no handle to cancel it by */
    struct work *w = req->data;
    loop_fn done = w->done;
    void *arg = w->arg;
    free(w);
    if (done)
        done(arg);
}

void loop_work(struct loop *l, loop_fn work, loop_fn done, void *arg)
{
    struct work *w = xcalloc(1, sizeof *w);
    w->req.data = w;
    w->work = work;
    w->done = done;
    w->arg = arg;
    int e = uv_queue_work(&l->uv, &w->req, on_thread, on_worked);
    assert(e == 0);
    (void)e;
}

struct loop_waker {
    uv_async_t async;
    loop_fn fn;
    void *arg;
    bool is_freed;
};

static void on_wake(uv_async_t *async)
{
    struct loop_waker *w = async->data;
    if (!w->is_freed)
        w->fn(w->arg);
}

struct loop_waker *loop_waker_new(struct loop *l, loop_fn fn, void *arg)
{
    struct loop_waker *w = xcalloc(1, sizeof *w);
    w->fn = fn;
    w->arg = arg;
    int e = uv_async_init(&l->uv, &w->async, on_wake);
    assert(e == 0);
    (void)e;
    w->async.data = w;
    return w;
}

static void free_waker(uv_handle_t *h)
{
    free(h->data);
}

void loop_waker_free(struct loop_waker *w)
{
    if (!w)
        return;
    w->is_freed = true;
    uv_close((uv_handle_t *)&w->async, free_waker);
}

void loop_wake(struct loop_waker *w)
{
    (void)uv_async_send(&w->async);
}

struct loop_signal {
    uv_signal_t signal;
    loop_fn fn;
    void *arg;
};

static void on_signal(uv_signal_t *h, int signum)
{
    (void)signum;
    struct loop_signal *s = h->data;
    s->fn(s->arg);
}

struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_fn fn, void *arg)
{
    struct loop_signal *s = xcalloc(1, sizeof *s);
    s->fn = fn;
    s->arg = arg;
    (void)uv_signal_init(&l->uv, &s->signal);
    s->signal.data = s;
    int e = uv_signal_start(&s->signal, on_signal, signum);
    assert(e == 0);
    (void)e;
    /* Listening for signals is no reason to stay alive. */
    uv_unref((uv_handle_t *)&s->signal);
    return s;
}

static void free_signal(uv_handle_t *h)
{
    free(h->data);
}

void loop_signal_free(struct loop_signal *s)
{
    if (s)
        uv_close((uv_handle_t *)&s->signal, free_signal);
}
