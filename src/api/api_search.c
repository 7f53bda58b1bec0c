/* Search in one's own titles and messages. */
#include "api/api_req.h"

#define MAX_QUERY_CHARS 200
#define DEFAULT_LIMIT   30

/* ---- the place where a search goes on, as text: "t" or "m" and a number ---- */

static bool place_parse(struct span text, struct search_place *out)
{
    uint64_t below = 0;
    if (text.len < 2 || (text.p[0] != 't' && text.p[0] != 'm') ||
        !span_to_u64(span_of(text.p + 1, text.len - 1), &below) || below == 0 || below > INT64_MAX)
        return false;
    out->where = text.p[0] == 't' ? SEARCH_TITLES : SEARCH_MESSAGES;
    out->below = (int64_t)below;
    return true;
}

static void write_place(struct json_writer *w, const struct search_place *place)
{
    jw_key(w, "next");
    if (place->where == SEARCH_END) {
        jw_null(w);
        return;
    }
    AUTO(mem)
    char *text = xasprintf("%c%lld", place->where == SEARCH_TITLES ? 't' : 'm', (long long)place->below);
    jw_str(w, text);
}

/* ---- the answer ---- */

static void write_segment(struct json_writer *w, struct span text, bool is_hit)
{
    if (text.len == 0)
        return;
    jw_begin_obj(w);
    jw_key(w, "text");
    jw_span(w, text);
    jwf_bool(w, "hit", is_hit);
    jw_end_obj(w);
}

static void write_snippet(struct json_writer *w, struct span piece)
{
    jw_key(w, "snippet");
    jw_begin_arr(w);
    while (piece.len > 0) {
        struct span rest, hit;
        write_segment(w, span_cut(piece, STORE_HIT_BEGIN, &rest), false);
        hit = span_cut(rest, STORE_HIT_END, &piece);
        write_segment(w, hit, true);
    }
    jw_end_arr(w);
}

static void write_hit(struct json_writer *w, const void *hits, size_t i)
{
    const struct search_row *row = (const struct search_row *)hits + i;
    jw_begin_obj(w);
    jwf_str(w, "conversation_id", row->conversation_id);
    jwf_str(w, "title", row->title);
    jwf_bool(w, "archived", row->archived);
    jwf_str(w, "message_id", row->message_id);
    jwf_str(w, "role", row->role);
    jwf_int(w, "at", row->at);
    write_snippet(w, span_str(row->piece));
    jw_end_obj(w);
}

static void on_found(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        api_reply_err(r, result->err, &result->why);
        return;
    }
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    api_write_list(&w, "hits", result->n, write_hit, result->hits);
    write_place(&w, &result->next);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

/* ---- the question ---- */

static enum err read_query(const struct api_req *r, struct buf *q, struct err_text *why)
{
    if (!api_query(r, "q", q) || q->len == 0)
        return err_set(why, ERR_INVALID, "\"q\" must have what to search for");
    if (utf8_count(buf_span(q)) > MAX_QUERY_CHARS)
        return err_set(why, ERR_INVALID, "\"q\" must have at most %d characters", MAX_QUERY_CHARS);
    /* Forms and URLSearchParams write a blank as a plus; a real plus is no part of a word either. */
    for (size_t i = 0; i < q->len; i++) {
        if (q->p[i] == '+')
            q->p[i] = ' ';
    }
    return ERR_OK;
}

static enum err read_limit(const struct api_req *r, int *out_limit, struct err_text *why)
{
    AUTO(buf) struct buf *text = buf_new();
    uint64_t n = DEFAULT_LIMIT;
    if (api_query(r, "limit", text) && (!span_to_u64(buf_span(text), &n) || n < 1 || n > STORE_MAX_SEARCH))
        return err_set(why, ERR_INVALID, "\"limit\" must be a number from 1 to %d", STORE_MAX_SEARCH);
    *out_limit = (int)n;
    return ERR_OK;
}

static void search(struct api_req *r)
{
    AUTO(buf) struct buf *q = buf_new();
    AUTO(buf) struct buf *conversation = buf_new();
    AUTO(buf) struct buf *after = buf_new();
    struct search_place from = {.where = SEARCH_TITLES};
    int limit = 0;
    struct err_text why = {0};
    enum err e = read_query(r, q, &why);
    if (!e)
        e = read_limit(r, &limit, &why);
    bool in_conversation = api_query(r, "conversation_id", conversation);
    if (!e && in_conversation && !uuid_is_valid(buf_span(conversation)))
        e = err_set(&why, ERR_INVALID, "\"conversation_id\" must be a UUID");
    if (!e && api_query(r, "after", after) && !place_parse(buf_span(after), &from))
        e = err_set(&why, ERR_INVALID, "\"after\" is not the \"next\" of an answer");
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)store_search(r->api->o.store, r->who.user_id, buf_str(q),
                           in_conversation ? buf_str(conversation) : NULL, from, limit, on_found, r);
}

static const struct api_route search_table[] = {
    ROUTE(GET, "/api/search", API_USER, API_NO_BODY, 0, search),
};
API_ROUTES(api_search_routes, search_table);
