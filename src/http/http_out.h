/*
 * Bytes on their way out of a stream: what the socket takes goes at once and is never copied, the rest waits here.
 * At most one uv_write is under way; what follows it is collected in one buffer.
 */
#ifndef HOB_HTTP_OUT_H
#define HOB_HTTP_OUT_H

#include "http/http.h"

struct http_out_flight;

struct http_out {
    uv_stream_t *stream;
    void (*on_sent)(
        struct http_out *out); /* some of what was queued has left, or *error is set; never during a send */
    struct http_out_flight *flight; /* NULL: nothing is queued */
    struct buf next;                /* queued behind the flight */
    int error;                      /* first failure, a libuv code; everything after it is dropped */
};

void http_out_init(struct http_out *out, uv_stream_t *stream, void (*on_sent)(struct http_out *out));
/* Copies what does not leave at once. Returns false when the stream is broken; on_sent is not called for that. */
bool http_out_send(struct http_out *out, const uv_buf_t *bufs, unsigned n_bufs);
/* As send, but the last buffer's memory lives forever and is never copied. Nothing may be queued. */
bool http_out_send_static(struct http_out *out, const uv_buf_t *bufs, unsigned n_bufs);
size_t http_out_queued(const struct http_out *out);
/* In the stream's close callback: by then libuv has given the flight back. */
void http_out_release(struct http_out *out);

#endif
