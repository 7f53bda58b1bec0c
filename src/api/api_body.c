/* Reading of bodies that are passed on. What is large goes to the disk, at the pace of the disk. */
#include "api/api_body.h"

struct reading {
    struct api_passed passed;
    struct gateway_form form;
    enum api_body_form kind;
    api_passed_fn done;
};

static void free_reading(struct api_req *r)
{
    struct reading *b = r->state;
    r->state = NULL;
    r->on_gone = NULL;
    http_body_free(b->passed.body);
    gateway_scan_release(&b->passed.scan);
    gateway_form_release(&b->form);
    free(b);
}

static void on_gone(struct api_req *r)
{
    free_reading(r);
    api_req_free(r);
}

static void refuse(struct api_req *r, enum err e, const struct err_text *why)
{
    free_reading(r);
    api_reply_err(r, e, why);
}

static void refuse_too_big(struct api_req *r)
{
    struct err_text why;
    refuse(r, ERR_TOO_BIG,
           (err_set(&why, ERR_TOO_BIG, "The body is too big: at most %zu MiB are taken.",
                    API_MAX_PASSED_BYTES >> 20),
            &why));
}

static enum err scan(struct reading *b, struct span piece, struct err_text *why)
{
    switch (b->kind) {
    case API_BODY_JSON: return gateway_scan_feed(&b->passed.scan, piece, why);
    case API_BODY_PARTS: return gateway_form_feed(&b->form, piece, why);
    case API_BODY_ANY: break;
    }
    return ERR_OK;
}

static void end(struct api_req *r)
{
    struct reading *b = r->state;
    struct err_text why;
    enum err e = b->kind == API_BODY_JSON    ? gateway_scan_end(&b->passed.scan, &why)
                 : b->kind == API_BODY_PARTS ? gateway_form_end(&b->form, &why)
                                             : ERR_OK;
    if (e) {
        refuse(r, e, &why);
        return;
    }
    struct api_passed passed = b->passed;
    api_passed_fn done = b->done;
    b->passed = (struct api_passed){0};
    free_reading(r);
    /* A body may take its time. */
    if (api_still_may(r))
        done(r, &passed);
    http_body_free(passed.body);
    gateway_scan_release(&passed.scan);
}

static void on_kept(void *arg, enum err e, const struct err_text *why)
{
    struct api_req *r = arg;
    if (e)
        refuse(r, e == ERR_NOT_FOUND ? ERR_IO : e, why);
    else
        http_exchange_resume_body(r->x);
}

static void on_piece(struct http_exchange *x, void *arg, struct span piece)
{
    struct api_req *r = arg;
    struct reading *b = r->state;
    struct err_text why;
    if (piece.len == 0) {
        end(r);
        return;
    }
    if (http_body_size(b->passed.body) + piece.len > API_MAX_PASSED_BYTES) {
        refuse_too_big(r);
        return;
    }
    enum err e = scan(b, piece, &why);
    if (e)
        refuse(r, e, &why);
    else if (!http_body_add(b->passed.body, piece, on_kept, r))
        http_exchange_pause_body(x);
}

/* What `curl -d` says when it is told nothing is taken as JSON: there is a key, which pages of other origins do not have. */
static bool is_untyped(struct span type)
{
    return type.len == 0 || span_is_ci(type, "application/x-www-form-urlencoded");
}

/* Only what can be read is passed on: the engine would be asked for another model than the one that was looked at. */
static bool is_refused(struct api_req *r, enum api_body_form kind)
{
    const struct http_fields *f = http_exchange_fields(r->x);
    struct span rest, type = span_trim(span_cut(http_fields_get(f, HTTP_FIELD_CONTENT_TYPE), ';', &rest));
    struct span encoding = http_fields_get(f, HTTP_FIELD_CONTENT_ENCODING);
    const char *wanted = kind == API_BODY_JSON ? "application/json" : "multipart/form-data";
    struct err_text why = {0};
    if (kind == API_BODY_ANY)
        return false;
    r->is_untyped = kind == API_BODY_JSON && is_untyped(type);
    if (!r->is_untyped && !span_is_ci(type, wanted))
        (void)err_set(&why, ERR_INVALID, "Content-Type must be %s.", wanted);
    else if (encoding.len && !span_is_ci(encoding, "identity"))
        (void)err_set(&why, ERR_INVALID, "Bodies with a Content-Encoding are not taken.");
    else
        return false;
    api_reply_error(r, &(struct api_error){.err = ERR_INVALID, .status = 415, .message = why.text});
    return true;
}

void api_body_read(struct api_req *r, enum api_body_form kind, api_passed_fn done)
{
    struct err_text why;
    if (is_refused(r, kind))
        return;
    struct reading *b = xcalloc(1, sizeof *b);
    b->kind = kind;
    b->done = done;
    gateway_scan_init(&b->passed.scan);
    r->state = b;
    r->on_gone = on_gone;
    enum err e = ERR_OK;
    if (kind == API_BODY_PARTS)
        e = gateway_form_init(&b->form, http_fields_get(http_exchange_fields(r->x), HTTP_FIELD_CONTENT_TYPE),
                              &b->passed.scan, &why);
    if (e) {
        refuse(r, e, &why);
        return;
    }
    if (http_exchange_content_length(r->x) > (int64_t)API_MAX_PASSED_BYTES) {
        refuse_too_big(r);
        return;
    }
    b->passed.body = http_body_new(r->api->o.spool);
    http_exchange_stream_body(r->x, on_piece, r);
}
