/*
 * Sending a message and watching its answer. The answer is made by the chat room whether anybody watches or not; here
 * viewers are attached to it and detached from it.
 */
#include "api/api_limits.h"
#include "api/api_req.h"

/* ---- a viewer: one event stream that follows one generation ---- */

struct watch {
    struct chat_viewer *viewer;
    struct chat_send *send; /* until the decision */
    char *generation_id, *answer_id;
    int64_t after_seq;
    bool is_once; /* what is there, and no more */
};

static void watch_free(struct api_req *r)
{
    struct watch *w = r->state;
    r->state = NULL;
    if (!w)
        return;
    chat_send_cancel(w->send);
    chat_detach(w->viewer);
    free(w->generation_id);
    free(w->answer_id);
    free(w);
}

static void on_watcher_gone(struct api_req *r)
{
    watch_free(r);
    api_req_free(r);
}

static void on_drain(struct http_exchange *x, void *arg)
{
    (void)x;
    struct api_req *r = arg;
    struct watch *w = r->state;
    chat_viewer_resume(w->viewer);
}

static void on_attached(void *arg, enum err e, const struct err_text *why)
{
    struct api_req *r = arg;
    struct watch *w = r->state;
    if (e) {
        w->viewer = NULL;
        watch_free(r);
        api_reply_error(r, &(struct api_error){.err = e,
                                               .message = why->text,
                                               .code = e == ERR_NOT_FOUND ? "generation_not_found" : NULL});
        return;
    }
    struct http_headers h = {0};
    http_headers_add(&h, "X-Generation-Id", span_str(w->generation_id));
    if (w->answer_id)
        http_headers_add(&h, "X-Answer-Id", span_str(w->answer_id));
    api_stream_begin(r, &h);
    http_headers_release(&h);
    http_exchange_on_drain(r->x, on_drain, r);
}

static bool on_frames(void *arg, struct span frames)
{
    struct api_req *r = arg;
    http_exchange_write(r->x, frames);
    return !http_exchange_is_full(r->x);
}

static void on_comment(void *arg, struct span line)
{
    struct api_req *r = arg;
    http_exchange_write(r->x, line);
}

static void on_end(void *arg)
{
    struct api_req *r = arg;
    struct watch *w = r->state;
    w->viewer = NULL;
    watch_free(r);
    api_stream_end(r);
}

static const struct chat_viewer_events viewer_events = {
    .on_attached = on_attached,
    .on_frames = on_frames,
    .on_comment = on_comment,
    .on_end = on_end,
};

static void attach(struct api_req *r)
{
    struct watch *w = r->state;
    w->viewer = chat_attach(r->api->o.chat, r->who.user_id, w->generation_id, w->after_seq, !w->is_once,
                            &viewer_events, r);
}

/* ---- POST /api/chat/completions ---- */

static void reply_failure(struct api_req *r, const struct chat_decision *d)
{
    const struct gateway_failure *f = &d->f;
    api_reply_error(r, &(struct api_error){.err = f->err,
                                           .status = f->status,
                                           .code = f->code,
                                           .message = f->why.text,
                                           .param = d->param,
                                           .retry_after_s = f->retry_after_s,
                                           .server = f->server});
}

static void on_decided(void *arg, const struct chat_decision *d)
{
    struct api_req *r = arg;
    struct watch *w = r->state;
    w->send = NULL;
    api_limits_end(r); /* from here on the answer itself is what is under way */
    if (d->f.err) {
        watch_free(r);
        reply_failure(r, d);
        return;
    }
    if (w->after_seq < 0) { /* when_ready */
        AUTO(buf) struct buf *out = buf_new();
        buf_addf(out, "{\"generation\":%s}", d->generation_json);
        watch_free(r);
        api_reply_json(r, 202, buf_span(out));
        return;
    }
    /* A busy engine may take seconds to decide. */
    if (!auth_is_valid(r->api->o.auth, &r->who)) {
        watch_free(r);
        (void)api_still_may(r);
        return;
    }
    w->generation_id = xstrdup(d->generation_id);
    w->answer_id = xstrdup(d->answer_id);
    attach(r);
}

static enum err read_send(struct api_req *r, struct chat_send_request *q, struct buf *content,
                          struct err_text *why)
{
    yyjson_val *message = NULL;
    const char *mode = "send";
    enum err e = json_get_str(r->json, "conversation_id", true, &q->conversation_id, why);
    if (!e)
        e = json_get_obj(r->json, "message", true, &message, why);
    if (!e)
        e = json_get_str(r->json, "server", true, &q->server, why);
    if (!e)
        e = json_get_str(r->json, "mode", false, &mode, why);
    if (!e)
        e = json_get_str(r->json, "instead_of", false, &q->instead_of, why);
    if (!e)
        e = json_get_obj(r->json, "options", false, &q->options, why);
    if (!e)
        e = json_get_obj(r->json, "settings", false, &q->settings, why);
    if (!e)
        e = json_get_str(message, "id", true, &q->message_id, why);
    if (!e)
        e = json_get_str(message, "parent_id", false, &q->parent_id, why);
    if (!e)
        e = chat_check_content(yyjson_obj_get(message, "content"), why);
    if (!e && !chat_mode_parse(mode, &q->mode))
        e = err_set(why, ERR_INVALID, "\"mode\" must be send, retry, continue or when_ready");
    if (!e && !uuid_is_valid(span_str(q->conversation_id)))
        e = err_set(why, ERR_INVALID, "\"conversation_id\" must be a UUID");
    if (!e && !uuid_is_valid(span_str(q->message_id)))
        e = err_set(why, ERR_INVALID, "\"id\" of the message must be a UUID");
    if (!e && q->parent_id && !uuid_is_valid(span_str(q->parent_id)))
        e = err_set(why, ERR_INVALID, "\"parent_id\" must be a UUID");
    if (e)
        return e;
    struct json_writer w;
    jw_init(&w, content);
    jw_val(&w, yyjson_obj_get(message, "content"));
    return ERR_OK;
}

/* True: the user may not ask for one more answer now; r is answered. message_id NULL: nothing is stored of it. */
static bool is_over_limits(struct api_req *r, const char *message_id)
{
    if (message_id && chat_has_message(r->api->o.chat, r->who.user_id, message_id))
        return false;
    return api_limits_refuse_call(r);
}

static void complete(struct api_req *r)
{
    if (yyjson_obj_get(r->json, "messages")) {
        if (!is_over_limits(r, NULL))
            api_openai_complete(r);
        return;
    }
    AUTO(buf) struct buf *content = buf_new();
    struct chat_send_request q = {0};
    struct err_text why = {0};
    enum err e = read_send(r, &q, content, &why);
    if (e) {
        api_reply_err(r, e, &why);
        return;
    }
    if ((q.mode != CHAT_WHEN_READY && api_refuse_stream(r)) || is_over_limits(r, q.message_id))
        return;
    q.content_json = buf_str(content);
    q.key_id = r->who.kind == PRINCIPAL_KEY ? r->who.credential_id : NULL;
    struct watch *w = xcalloc(1, sizeof *w);
    w->after_seq = q.mode == CHAT_WHEN_READY ? -1 : 0;
    r->state = w;
    r->on_gone = on_watcher_gone;
    w->send = chat_send(r->api->o.chat, r->who.user_id, &q, on_decided, r);
}

static const struct api_route chat_table[] = {
    ROUTE(POST, "/api/chat/completions", API_USER, API_JSON, HTTP_MAX_BODY_BYTES, complete),
};
API_ROUTES(api_chat_routes, chat_table);

/* ---- generations ---- */

/* Last-Event-ID (a header, or ?after=): 0 when absent. False: not a number. */
static bool read_after(struct api_req *r, int64_t *out_after)
{
    struct span id = http_fields_get(http_exchange_fields(r->x), HTTP_FIELD_LAST_EVENT_ID);
    AUTO(buf) struct buf *query = buf_new();
    uint64_t after = 0;
    if (api_query(r, "after", query))
        id = buf_span(query);
    if (id.len && (!span_to_u64(id, &after) || after > INT64_MAX))
        return false;
    *out_after = (int64_t)after;
    return true;
}

/* ?follow=true (as without it) or false. False: something else. */
static bool read_follow(struct api_req *r, bool *out_follow)
{
    AUTO(buf) struct buf *query = buf_new();
    if (api_query(r, "follow", query) && !span_is(buf_span(query), "true") &&
        !span_is(buf_span(query), "false"))
        return false;
    *out_follow = !span_is(buf_span(query), "false");
    return true;
}

static void watch_generation(struct api_req *r)
{
    int64_t after_seq;
    bool follow;
    if (!read_after(r, &after_seq)) {
        api_reply_error(r, &(struct api_error){.err = ERR_INVALID,
                                               .param = "after",
                                               .message = "Last-Event-ID must be the number of an event."});
        return;
    }
    if (!read_follow(r, &follow)) {
        api_reply_error(r, &(struct api_error){.err = ERR_INVALID,
                                               .param = "follow",
                                               .message = "\"follow\" must be true or false."});
        return;
    }
    struct watch *w = xcalloc(1, sizeof *w);
    w->after_seq = after_seq;
    w->is_once = !follow;
    w->generation_id = xstrdup(r->param);
    r->state = w;
    r->on_gone = on_watcher_gone;
    attach(r);
}

static void on_generation(void *arg, enum err e, const struct err_text *why, const char *generation_json)
{
    struct api_req *r = arg;
    if (e) {
        api_reply_error(r, &(struct api_error){.err = e,
                                               .message = why->text,
                                               .code = e == ERR_NOT_FOUND ? "generation_not_found" : NULL});
        return;
    }
    AUTO(buf) struct buf *out = buf_new();
    buf_addf(out, "{\"generation\":%s}", generation_json);
    api_reply_json(r, 200, buf_span(out));
}

static void show_generation(struct api_req *r)
{
    chat_read(r->api->o.chat, r->who.user_id, r->param, on_generation, r);
}

static void stop_generation(struct api_req *r)
{
    chat_stop(r->api->o.chat, r->who.user_id, r->param, on_generation, r);
}

static const struct api_route generations_table[] = {
    ROUTE(GET, "/api/generations/{id}", API_USER, API_NO_BODY, 0, show_generation),
    ROUTE(GET, "/api/generations/{id}/events", API_USER, API_STREAM, 0, watch_generation),
    ROUTE(POST, "/api/generations/{id}/stop", API_USER, API_JSON, API_SMALL_BODY_BYTES, stop_generation),
};
API_ROUTES(api_generations_routes, generations_table);
