/* Bytes on their way out of a stream. */
#include "http/http_out.h"

struct http_out_flight {
    uv_write_t req;
    struct http_out *out;
    struct buf data; /* what is being written ... */
    uv_buf_t fixed;  /* ... and memory of others behind it */
};

void http_out_init(struct http_out *out, uv_stream_t *stream, void (*on_sent)(struct http_out *out))
{
    *out = (struct http_out){.stream = stream, .on_sent = on_sent};
}

static void on_written(uv_write_t *req, int status);

/* Takes data's bytes. */
static void take_off(struct http_out *out, struct buf *data, uv_buf_t fixed)
{
    struct http_out_flight *f = xcalloc(1, sizeof *f);
    f->out = out;
    f->data = *data;
    *data = (struct buf){0};
    f->fixed = fixed;
    out->flight = f;
    uv_buf_t bufs[2] = {{.base = f->data.p, .len = f->data.len}, fixed};
    unsigned n_bufs = fixed.len ? 2 : 1;
    int e = uv_write(&f->req, out->stream, f->data.len ? bufs : bufs + 1, f->data.len ? n_bufs : 1,
                     on_written);
    if (e != 0) {
        out->error = e;
        out->flight = NULL;
        buf_release(&f->data);
        free(f);
    }
}

static void on_written(uv_write_t *req, int status)
{
    struct http_out_flight *f = CONTAINER_OF(req, struct http_out_flight, req);
    struct http_out *out = f->out;
    out->flight = NULL;
    buf_release(&f->data);
    free(f);
    if (status < 0 && out->error == 0)
        out->error = status;
    if (uv_is_closing((uv_handle_t *)out->stream))
        return;
    if (out->error == 0 && out->next.len)
        take_off(out, &out->next, (uv_buf_t){0});
    out->on_sent(out);
}

/* Writes what the socket takes; *out_taken is how much that was. */
static bool try_now(struct http_out *out, const uv_buf_t *bufs, unsigned n_bufs, size_t *out_taken)
{
    int n = uv_try_write(out->stream, bufs, n_bufs);
    if (n < 0 && n != UV_EAGAIN) {
        out->error = n;
        return false;
    }
    *out_taken = n > 0 ? (size_t)n : 0;
    return true;
}

/* Copies all but the first `skip` bytes. */
static void copy_rest(struct buf *to, const uv_buf_t *bufs, unsigned n_bufs, size_t skip)
{
    for (unsigned i = 0; i < n_bufs; i++) {
        if (skip >= bufs[i].len) {
            skip -= bufs[i].len;
            continue;
        }
        buf_add(to, bufs[i].base + skip, bufs[i].len - skip);
        skip = 0;
    }
}

bool http_out_send(struct http_out *out, const uv_buf_t *bufs, unsigned n_bufs)
{
    if (out->error)
        return false;
    if (out->flight) {
        copy_rest(&out->next, bufs, n_bufs, 0);
        return true;
    }
    size_t taken;
    if (!try_now(out, bufs, n_bufs, &taken))
        return false;
    size_t total = 0;
    for (unsigned i = 0; i < n_bufs; i++)
        total += bufs[i].len;
    if (taken < total) {
        struct buf rest = {0};
        (void)buf_reserve(&rest, total - taken);
        copy_rest(&rest, bufs, n_bufs, taken);
        take_off(out, &rest, (uv_buf_t){0});
    }
    return out->error == 0;
}

bool http_out_send_static(struct http_out *out, const uv_buf_t *bufs, unsigned n_bufs)
{
    if (out->error)
        return false;
    assert(!out->flight && n_bufs > 0);
    size_t taken, own = 0;
    if (!try_now(out, bufs, n_bufs, &taken))
        return false;
    for (unsigned i = 0; i + 1 < n_bufs; i++)
        own += bufs[i].len;
    uv_buf_t fixed = bufs[n_bufs - 1];
    size_t fixed_taken = taken > own ? taken - own : 0;
    fixed.base += fixed_taken;
    fixed.len -= fixed_taken;
    struct buf rest = {0};
    copy_rest(&rest, bufs, n_bufs - 1, taken);
    if (rest.len || fixed.len)
        take_off(out, &rest, fixed);
    return out->error == 0;
}

size_t http_out_queued(const struct http_out *out)
{
    return out->flight ? uv_stream_get_write_queue_size(out->stream) + out->next.len : 0;
}

void http_out_release(struct http_out *out)
{
    assert(!out->flight);
    buf_release(&out->next);
}
