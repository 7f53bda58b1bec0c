/* Attachments: images, PDFs and texts, uploaded once, kept by content. */
#include <sodium.h>

#include "api/api_file_name.h"
#include "api/api_req.h"

/* A file that is larger goes out as its reader takes it, and is in memory until then: all of them together have a limit, and
 * each takes its share before it is read. */
#define SMALL_FILE_BYTES   ((int64_t)256 << 10)
#define MAX_OUTGOING_BYTES ((size_t)256 << 20)
#define SLICE_BYTES        ((size_t)48 << 10) /* given at once, so that a slow reader can say stop */

struct upload {
    struct api_req *r;
    char *name, *mime;
    struct buf bytes;
    unsigned char hash[crypto_hash_sha256_BYTES];
};

static void upload_free(struct upload *u)
{
    if (!u)
        return;
    free(u->name);
    free(u->mime);
    buf_release(&u->bytes);
    free(u);
}

static void write_attachment(struct buf *out, const struct attachment_row *a)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "attachment");
    jw_begin_obj(&w);
    jwf_str(&w, "id", a->id);
    jwf_str(&w, "name", a->name);
    jwf_str(&w, "mime", a->mime);
    jwf_int(&w, "size_bytes", a->size_bytes);
    jw_end_obj(&w);
    jw_end_obj(&w);
}

static void on_stored(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        api_reply_err(r, result->err, &result->why);
        return;
    }
    AUTO(buf) struct buf *out = buf_new();
    write_attachment(out, &result->attachments[0]);
    api_reply_json(r, 201, buf_span(out));
}

/* On a thread: hashing tens of megabytes would stall the loop. */
static void hash_bytes(void *arg)
{
    struct upload *u = arg;
    (void)crypto_hash_sha256(u->hash, (const unsigned char *)buf_str(&u->bytes), u->bytes.len);
}

static void on_hashed(void *arg)
{
    struct upload *u = arg;
    if (u->r->api->is_closed) {
        api_req_free(u->r);
        upload_free(u);
        return;
    }
    struct buf hex = {0};
    char id[UUID_LEN + 1];
    rand_uuid(id);
    hex_add(&hex, u->hash, sizeof u->hash);
    struct attachment_row row = {.id = id,
                                 .user_id = u->r->who.user_id,
                                 .name = u->name,
                                 .mime = u->mime,
                                 .sha256 = hex.p,
                                 .bytes = buf_span(&u->bytes),
                                 .created_at = clock_wall_ms()};
    (void)store_attachment_add(u->r->api->o.store, &row, on_stored, u->r);
    buf_release(&hex);
    upload_free(u);
}

static enum err check_upload(const struct upload *u, struct err_text *why)
{
    struct span mime = span_str(u->mime), bytes = buf_span(&u->bytes), name = span_str(u->name);
    if (name.len == 0 || name.len > FILE_NAME_MAX_BYTES || !utf8_is_valid(name))
        return err_set(why, ERR_INVALID, "\"name\" must have 1 to %d bytes", FILE_NAME_MAX_BYTES);
    return chat_check_file(mime, bytes, why);
}

static void add_attachment(struct api_req *r)
{
    struct upload *u = xcalloc(1, sizeof *u);
    struct err_text why = {0};
    struct buf name = {0};
    struct span rest;
    /* A client that has gone already has nobody to answer. */
    if (!api_is_open(r)) {
        upload_free(u);
        api_req_free(r);
        return;
    }
    (void)api_query(r, "name", &name);
    u->r = r;
    u->name = buf_take_str(&name);
    u->mime = span_dup(span_trim(
        span_cut(http_fields_get(http_exchange_fields(r->x), HTTP_FIELD_CONTENT_TYPE), ';', &rest)));
    u->bytes = r->body;
    r->body = (struct buf){0};
    enum err e = check_upload(u, &why);
    if (!e) {
        file_name_clean(span_str(u->name), &name);
        free(u->name);
        u->name = buf_take_str(&name);
    }
    if (e) {
        api_reply_error(
            r, &(struct api_error){.err = e, .status = e == ERR_UNSUPPORTED ? 415 : 0, .message = why.text});
        upload_free(u);
        return;
    }
    loop_work(r->api->o.loop, hash_bytes, on_hashed, u);
}

/* ---- reading ---- */

/* A large file on its way, from the moment that it has its share of MAX_OUTGOING_BYTES. */
struct outgoing {
    struct api_req *r;
    size_t size_bytes; /* its share */
    struct buf bytes;  /* empty until it is read */
    size_t at;         /* bytes that were written */
};

static struct outgoing *outgoing_new(struct api_req *r, size_t size_bytes)
{
    struct outgoing *o = xcalloc(1, sizeof *o);
    o->r = r;
    o->size_bytes = size_bytes;
    r->api->outgoing_bytes += size_bytes;
    return o;
}

static void outgoing_free(struct outgoing *o)
{
    o->r->api->outgoing_bytes -= o->size_bytes;
    o->r->state = NULL;
    buf_release(&o->bytes);
    free(o);
}

static void on_reader_gone(struct api_req *r)
{
    outgoing_free(r->state);
    api_req_free(r);
}

static void send_more(struct http_exchange *x, void *arg)
{
    struct outgoing *o = arg;
    struct api_req *r = o->r;
    while (o->at < o->bytes.len && !http_exchange_is_full(x)) {
        size_t left = o->bytes.len - o->at, n = left < SLICE_BYTES ? left : SLICE_BYTES;
        http_exchange_write(x, span_of(o->bytes.p + o->at, n));
        o->at += n;
    }
    if (o->at < o->bytes.len)
        return;
    outgoing_free(o);
    api_stream_end(r);
}

static void add_headers(const struct attachment_row *a, struct http_headers *h)
{
    struct span mime = span_str(a->mime);
    enum chat_file_kind kind = chat_file_kind_of(mime);
    AUTO(buf) struct buf *disposition = buf_new();
    http_headers_add(h, "Content-Type",
                     kind == CHAT_FILE_TEXT || kind == CHAT_FILE_OTHER ? SPAN_LIT("text/plain; charset=utf-8")
                                                                       : mime);
    http_headers_add(h, "Content-Security-Policy", SPAN_LIT("default-src 'none'; sandbox"));
    http_headers_add(h, "Cache-Control", SPAN_LIT("private, max-age=31536000, immutable"));
    file_name_add_disposition(a->name, kind == CHAT_FILE_IMAGE, disposition);
    http_headers_add(h, "Content-Disposition", buf_span(disposition));
}

static void on_large_read(void *arg, const struct store_result *result)
{
    struct outgoing *o = arg;
    struct api_req *r = o->r;
    if (!api_is_open(r)) {
        outgoing_free(o);
        api_req_free(r);
        return;
    }
    if (result->err) { /* it may have been removed meanwhile */
        outgoing_free(o);
        api_reply_err(r, result->err, &result->why);
        return;
    }
    const struct attachment_row *a = &result->attachments[0];
    struct http_headers h = {0};
    add_headers(a, &h);
    buf_add_span(&o->bytes, a->bytes);
    r->state = o;
    r->on_gone = on_reader_gone;
    api_file_begin(r, &h, o->bytes.len);
    http_headers_release(&h);
    http_exchange_on_drain(r->x, send_more, o);
    send_more(r->x, o);
}

static void read_large(struct api_req *r, size_t size_bytes)
{
    if (r->api->outgoing_bytes + size_bytes > MAX_OUTGOING_BYTES) {
        api_reply_error(r, &(struct api_error){.err = ERR_BUSY,
                                               .code = "too_many_files",
                                               .message = "Too many large files are being read. Try again "
                                                          "in a moment.",
                                               .retry_after_s = 2});
        return;
    }
    (void)store_attachment_read(r->api->o.store, r->who.user_id, r->param, on_large_read,
                                outgoing_new(r, size_bytes));
}

/* HEAD asks for no bytes, and none were read. */
static void reply_head(struct api_req *r, const struct attachment_row *a)
{
    struct http_headers h = {0};
    add_headers(a, &h);
    api_file_begin(r, &h, (size_t)a->size_bytes);
    http_headers_release(&h);
    api_stream_end(r);
}

static void reply_small(struct api_req *r, const struct attachment_row *a)
{
    struct http_headers h = {0};
    add_headers(a, &h);
    api_reply_bytes(r, 200, &h, a->bytes);
    http_headers_release(&h);
}

static void on_read(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (!api_is_open(r)) {
        api_req_free(r);
        return;
    }
    if (result->err) {
        api_reply_err(r, result->err, &result->why);
        return;
    }
    const struct attachment_row *a = &result->attachments[0];
    if (http_exchange_method(r->x) == HTTP_HEAD_)
        reply_head(r, a);
    else if (a->size_bytes <= SMALL_FILE_BYTES)
        reply_small(r, a);
    else
        read_large(r, (size_t)a->size_bytes);
}

static void read_attachment(struct api_req *r)
{
    bool is_head = http_exchange_method(r->x) == HTTP_HEAD_;
    (void)store_attachment_read_small(r->api->o.store, r->who.user_id, r->param,
                                      is_head ? 0 : SMALL_FILE_BYTES, on_read, r);
}

static const struct api_route attachments_table[] = {
    ROUTE(POST, "/api/attachments", API_USER, API_RAW, HTTP_MAX_ATTACHMENT_BYTES, add_attachment),
    ROUTE(GET, "/api/attachments/{id}", API_USER, API_NO_BODY, 0, read_attachment),
};
API_ROUTES(api_attachments_routes, attachments_table);
