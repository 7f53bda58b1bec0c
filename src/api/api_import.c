/* POST /api/import: an export of hob's, taken in as it comes. */
#include "api/api_req.h"

static struct chat_import *import_of(struct api_req *r)
{
    return r->state;
}

static void on_drain(void *arg)
{
    struct api_req *r = arg;
    if (api_is_open(r))
        http_exchange_resume_body(r->x);
}

static void reply_counts(struct api_req *r, const struct import_counts *counts)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_int(&w, "conversations", counts->conversations);
    jwf_int(&w, "messages", counts->messages);
    jwf_int(&w, "attachments", counts->attachments);
    jwf_int(&w, "folders", counts->folders);
    jwf_int(&w, "skipped", counts->skipped);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void on_end(void *arg, enum err e, const struct err_text *why, const struct import_counts *counts)
{
    struct api_req *r = arg;
    r->state = NULL;
    r->on_gone = NULL;
    if (!e) {
        reply_counts(r, counts);
        return;
    }
    if (e == ERR_NO_SPACE) {
        api_reply_error(r, &(struct api_error){.err = e,
                                               .message = "The disk is full. Nothing was imported. Free some "
                                                          "space, then import again."});
        return;
    }
    size_t len = strlen(why->text);
    bool has_end = len > 0 && why->text[len - 1] == '.';
    AUTO(mem) char *message = xasprintf("%s%s Nothing was imported.", why->text, has_end ? "" : ".");
    api_reply_error(r, &(struct api_error){.err = e,
                                           .status = e == ERR_INVALID ? 400 : 0,
                                           .code = e == ERR_INVALID ? "bad_import" : NULL,
                                           .message = message});
}

static void on_gone(struct api_req *r)
{
    chat_import_abort(import_of(r));
    api_req_free(r);
}

static void on_piece(struct http_exchange *x, void *arg, struct span piece)
{
    struct api_req *r = arg;
    if (!auth_is_valid(r->api->o.auth, &r->who)) {
        chat_import_abort(import_of(r));
        (void)api_still_may(r);
        return;
    }
    if (piece.len == 0)
        chat_import_complete(import_of(r));
    else if (!chat_import_feed(import_of(r), piece))
        http_exchange_pause_body(x);
}

static void import(struct api_req *r)
{
    static const struct chat_import_events events = {.on_drain = on_drain, .on_end = on_end};
    struct chat_import *im = NULL;
    struct err_text why = {0};
    enum err e = chat_import_begin(r->api->o.chat, r->who.user_id, &events, r, &im, &why);
    if (e) {
        api_reply_error(r, &(struct api_error){.err = e,
                                               .code = e == ERR_EXISTS ? "import_running" : NULL,
                                               .message = why.text});
        return;
    }
    r->state = im;
    r->on_gone = on_gone;
    http_exchange_stream_body(r->x, on_piece, r);
}

static const struct api_route import_table[] = {
    ROUTE(POST, "/api/import", API_USER, API_JSON_STREAM, 0, import),
};
API_ROUTES(api_import_routes, import_table);
