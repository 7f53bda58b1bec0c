/* News of a folder, by inotify under libuv. */
#include "loop/loop_internal.h"

struct loop_watch {
    uv_fs_event_t event;
    loop_fn fn;
    void *arg;
};

static void on_event(uv_fs_event_t *h, const char *name, int events, int status)
{
    (void)name;
    (void)events;
    (void)status; /* what became of the folder is for fn to see */
    struct loop_watch *w = h->data;
    w->fn(w->arg);
}

static void free_watch(uv_handle_t *h)
{
    free(h->data);
}

struct loop_watch *loop_watch_new(struct loop *l, const char *folder, loop_fn fn, void *arg)
{
    struct loop_watch *w = xcalloc(1, sizeof *w);
    w->fn = fn;
    w->arg = arg;
    (void)uv_fs_event_init(&l->uv, &w->event);
    w->event.data = w;
    if (uv_fs_event_start(&w->event, on_event, folder, 0) != 0) {
        uv_close((uv_handle_t *)&w->event, free_watch);
        return NULL;
    }
    uv_unref((uv_handle_t *)&w->event);
    return w;
}

void loop_watch_free(struct loop_watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->event, free_watch);
}
