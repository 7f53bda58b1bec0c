/* Bodies in memory and in files without a name. */
#include "http/http_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct http_spool {
    struct loop *loop;
    char *dir;
    uint64_t used_bytes, max_bytes;
};

struct http_body {
    struct http_spool *spool;
    struct buf memory;  /* the front */
    struct buf pending; /* the end, not written yet */
    int fd;             /* -1: none */
    uint64_t in_file;   /* bytes between the two */
    unsigned n_refs;    /* its owner, and each thread at work */
    /* while a thread writes `pending` */
    int error; /* errno */
    http_body_ready_fn on_ready;
    void *arg;
};

struct http_source {
    struct http_body *body;
    const struct http_body_part *parts;
    struct http_body_part whole;
    size_t n_parts, part;
    uint64_t at; /* bytes of the part that were given */
    char *buf;   /* what a thread reads, HTTP_BODY_READ_BYTES */
    uint64_t read_from;
    size_t read_len;
    int error;
    bool is_reading, has_read, is_closed;
    loop_fn fn;
    void *arg;
};

struct http_spool *http_spool_new(struct loop *l, const char *dir, uint64_t max_bytes)
{
    struct http_spool *s = xcalloc(1, sizeof *s);
    s->loop = l;
    s->dir = xstrdup(dir);
    s->max_bytes = max_bytes ? max_bytes : HTTP_SPOOL_MAX_BYTES;
    return s;
}

void http_spool_free(struct http_spool *s)
{
    if (!s)
        return;
    assert(s->used_bytes == 0);
    free(s->dir);
    free(s);
}

/* ---- writing ---- */

struct http_body *http_body_new(struct http_spool *s)
{
    struct http_body *b = xcalloc(1, sizeof *b);
    b->spool = s;
    b->fd = -1;
    b->n_refs = 1;
    return b;
}

static void unref(struct http_body *b)
{
    if (--b->n_refs > 0)
        return;
    if (b->fd >= 0)
        (void)close(b->fd);
    if (b->spool)
        b->spool->used_bytes -= b->in_file;
    buf_release(&b->memory);
    buf_release(&b->pending);
    free(b);
}

void http_body_free(struct http_body *b)
{
    if (!b)
        return;
    b->on_ready = NULL;
    unref(b);
}

uint64_t http_body_size(const struct http_body *b)
{
    return b->memory.len + b->in_file + b->pending.len;
}

bool http_body_in_memory(const struct http_body *b, struct span *out_bytes)
{
    if (http_body_size(b) > b->memory.len)
        return false;
    *out_bytes = buf_span(&b->memory);
    return true;
}

/* A file that is gone with its descriptor, also after kill -9. */
static int open_unnamed(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    /* Some file systems cannot do that. */
    AUTO(mem) char *path = xasprintf("%s/body-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static void write_pending(void *arg)
{
    struct http_body *b = arg;
    if (b->fd < 0)
        b->fd = open_unnamed(b->spool->dir);
    b->error = b->fd < 0 ? errno : 0;
    uint64_t begin = b->in_file - b->pending.len; /* counted already */
    for (size_t done = 0; !b->error && done < b->pending.len;) {
        ssize_t n = pwrite(b->fd, b->pending.p + done, b->pending.len - done, (off_t)(begin + done));
        if (n < 0 && errno != EINTR)
            b->error = errno;
        done += n > 0 ? (size_t)n : 0;
    }
}

static void on_written(void *arg)
{
    struct http_body *b = arg;
    buf_release(&b->pending);
    http_body_ready_fn fn = b->on_ready;
    b->on_ready = NULL;
    if (fn && b->error) {
        struct err_text why;
        enum err e = err_from_errno(b->error);
        (void)err_set(&why, e, "%s",
                      e == ERR_NO_SPACE ? "The disk is full, the body cannot be kept" : strerror(b->error));
        fn(b->arg, e, &why);
    } else if (fn) {
        fn(b->arg, ERR_OK, NULL);
    }
    unref(b);
}

static void refuse(void *arg)
{
    struct http_body *b = arg;
    http_body_ready_fn fn = b->on_ready;
    struct err_text why;
    b->on_ready = NULL;
    if (fn)
        fn(b->arg, err_set(&why, ERR_BUSY, "Too many large bodies are on their way"), &why);
    unref(b);
}

bool http_body_add(struct http_body *b, struct span piece, http_body_ready_fn on_ready, void *arg)
{
    assert(!b->on_ready);
    bool is_small = b->in_file + b->pending.len == 0 &&
                    (!b->spool || b->memory.len + piece.len <= HTTP_BODY_MEMORY_BYTES);
    if (is_small) {
        buf_add_span(&b->memory, piece);
        return true;
    }
    buf_add_span(&b->pending, piece);
    if (b->pending.len < HTTP_BODY_WRITE_BYTES)
        return true;
    b->on_ready = on_ready;
    b->arg = arg;
    b->n_refs++;
    if (b->spool->used_bytes + b->pending.len > b->spool->max_bytes) {
        loop_defer(b->spool->loop, refuse, b);
        return false;
    }
    b->spool->used_bytes += b->pending.len;
    b->in_file += b->pending.len;
    loop_work(b->spool->loop, write_pending, on_written, b);
    return false;
}

/* ---- reading ---- */

struct http_source *http_source_new(struct http_body *b, const struct http_body_part *parts, size_t n_parts)
{
    struct http_source *s = xcalloc(1, sizeof *s);
    s->body = b;
    b->n_refs++;
    s->whole = (struct http_body_part){.len = http_body_size(b)};
    s->parts = parts ? parts : &s->whole;
    s->n_parts = parts ? n_parts : 1;
    return s;
}

static void free_source(struct http_source *s)
{
    unref(s->body);
    free(s->buf);
    free(s);
}

void http_source_free(struct http_source *s)
{
    if (!s)
        return;
    s->is_closed = true;
    if (!s->is_reading)
        free_source(s);
}

static uint64_t part_size(const struct http_body_part *p)
{
    return p->text.p ? p->text.len : p->len;
}

uint64_t http_source_size(const struct http_source *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_parts; i++)
        n += part_size(&s->parts[i]);
    return n;
}

static void read_file(void *arg)
{
    struct http_source *s = arg;
    size_t done = 0;
    s->error = 0;
    while (!s->error && done < s->read_len) {
        ssize_t n = pread(s->body->fd, s->buf + done, s->read_len - done, (off_t)(s->read_from + done));
        if (n < 0 && errno != EINTR)
            s->error = errno;
        if (n == 0)
            s->error = EIO; /* shorter than what was written */
        done += n > 0 ? (size_t)n : 0;
    }
}

static void on_read(void *arg)
{
    struct http_source *s = arg;
    s->is_reading = false;
    s->has_read = true;
    if (s->is_closed)
        free_source(s);
    else
        s->fn(s->arg);
}

/* The body from offset `from` on, at most len bytes: what can be had at once. len 0 in *out: it must be read first. */
static struct span in_memory(const struct http_body *b, uint64_t from, uint64_t len)
{
    const struct buf *in = &b->memory;
    uint64_t begin = 0;
    if (from >= b->memory.len + b->in_file) {
        in = &b->pending;
        begin = b->memory.len + b->in_file;
    } else if (from >= b->memory.len) {
        return span_of(NULL, 0);
    }
    size_t at = (size_t)(from - begin);
    return span_of(in->p + at, len < in->len - at ? (size_t)len : in->len - at);
}

static void start_reading(struct http_source *s, uint64_t from, uint64_t len, loop_fn fn, void *arg)
{
    const struct http_body *b = s->body;
    uint64_t left = b->memory.len + b->in_file - from;
    len = len < left ? len : left;
    if (!s->buf)
        s->buf = xmalloc(HTTP_BODY_READ_BYTES);
    s->read_from = from - b->memory.len;
    s->read_len = len < HTTP_BODY_READ_BYTES ? (size_t)len : HTTP_BODY_READ_BYTES;
    s->fn = fn;
    s->arg = arg;
    s->is_reading = true;
    loop_work(b->spool->loop, read_file, on_read, s);
}

enum http_source_result http_source_next(struct http_source *s, struct span *out_piece, loop_fn fn, void *arg)
{
    if (s->is_reading)
        return HTTP_SOURCE_WAIT;
    if (s->has_read && s->error)
        return HTTP_SOURCE_FAILED;
    while (s->part < s->n_parts && s->at == part_size(&s->parts[s->part])) {
        s->part++;
        s->at = 0;
    }
    if (s->part == s->n_parts)
        return HTTP_SOURCE_END;
    const struct http_body_part *p = &s->parts[s->part];
    if (p->text.p) {
        *out_piece = p->text;
    } else if (s->has_read) {
        *out_piece = span_of(s->buf, s->read_len);
        s->has_read = false;
    } else {
        *out_piece = in_memory(s->body, p->from + s->at, p->len - s->at);
        if (out_piece->len == 0) {
            start_reading(s, p->from + s->at, p->len - s->at, fn, arg);
            return HTTP_SOURCE_WAIT;
        }
    }
    s->at += out_piece->len;
    return HTTP_SOURCE_PIECE;
}
