/* What became of requests: pages of records, the same as CSV, and sums over time. Users see their own, admins all. */
#include "api/api_activity.h"
#include "api/api_file_name.h"

#define DEFAULT_LIMIT    100
#define MAX_LIMIT        500
#define DEFAULT_BUCKETS  60
#define DEFAULT_SPAN_MS  ((int64_t)24 * 3600 * 1000)
#define MAX_FILTER_BYTES 256
#define CSV_PAGE_ROWS    STORE_MAX_ACTIVITY_PAGE

/* ---- the question ---- */

/* A filter and the texts that it points to. */
struct question {
    struct activity_filter filter;
    struct buf texts[7];
};

static void question_release(struct question *q)
{
    for (size_t i = 0; i < COUNT_OF(q->texts); i++)
        buf_release(&q->texts[i]);
}

/* A key reads its owner's records alone, whoever the owner is: it may be on many machines. */
static bool sees_all(const struct principal *who)
{
    return who->is_admin && (who->kind == PRINCIPAL_SESSION || who->kind == PRINCIPAL_LOCAL);
}

static enum err read_time(const struct api_req *r, const char *name, int64_t *out, struct err_text *why)
{
    AUTO(buf) struct buf *text = buf_new();
    uint64_t n = 0;
    if (!api_query(r, name, text))
        return ERR_OK;
    if (!span_to_u64(buf_span(text), &n) || n > (uint64_t)1 << 52)
        return err_set(why, ERR_INVALID, "\"%s\" must be a whole number", name);
    *out = (int64_t)n;
    return ERR_OK;
}

static enum err check_outcome(const char *outcome, struct err_text *why)
{
    static const char *const known[] = {"ok", "error", "gone", "2xx", "3xx", "4xx", "5xx"};
    for (size_t i = 0; outcome && i < COUNT_OF(known); i++) {
        if (str_eq(outcome, known[i]))
            return ERR_OK;
    }
    return outcome ? err_set(why, ERR_INVALID, "\"outcome\" must be ok, error, gone, 2xx, 3xx, 4xx or 5xx")
                   : ERR_OK;
}

static enum err read_question(const struct api_req *r, struct question *q, struct err_text *why)
{
    struct activity_filter *f = &q->filter;
    const struct {
        const char *name, **value;
    } texts[] = {
        {"user", &f->user},   {"key", &f->key},         {"server", &f->server}, {"model", &f->model},
        {"route", &f->route}, {"outcome", &f->outcome}, {"q", &f->text},
    };
    enum err e = ERR_OK;
    static_assert(COUNT_OF(texts) == COUNT_OF(q->texts), "one buffer a text");
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!api_query(r, texts[i].name, &q->texts[i]) || q->texts[i].len == 0)
            continue;
        if (q->texts[i].len > MAX_FILTER_BYTES || memchr(q->texts[i].p, '\0', q->texts[i].len))
            return err_set(why, ERR_INVALID, "\"%s\" must have at most %d bytes, without NUL", texts[i].name,
                           MAX_FILTER_BYTES);
        *texts[i].value = buf_str(&q->texts[i]);
    }
    if (!sees_all(&r->who))
        f->user_id = r->who.user_id;
    e = check_outcome(f->outcome, why);
    if (!e)
        e = read_time(r, "from", &f->from, why);
    if (!e)
        e = read_time(r, "to", &f->to, why);
    if (!e)
        e = read_time(r, "before", &f->before, why);
    return e;
}

/* ---- a page of records ---- */

static void write_count(struct json_writer *w, const char *name, int64_t n)
{
    if (n >= 0)
        jwf_int(w, name, n);
    else
        jwf_null(w, name);
}

static void write_record(struct json_writer *w, const void *from, size_t i)
{
    const struct activity_row *a = (const struct activity_row *)from + i;
    const struct activity_kind *k = a->kind;
    jw_begin_obj(w);
    jwf_int(w, "id", a->seq);
    jwf_int(w, "at", a->at);
    jwf_str(w, "request_id", a->request_id);
    jwf_str(w, "user_id", k->user_id);
    jwf_str(w, "user", k->user_name);
    jwf_str(w, "key_id", k->key_id);
    jwf_str(w, "key", k->key_name);
    jwf_str(w, "server_id", k->server_id);
    jwf_str(w, "server", k->server_name);
    jwf_str(w, "model", k->model);
    jwf_str(w, "route", k->route);
    write_count(w, "status", k->status > 0 ? k->status : -1);
    jwf_str(w, "code", k->code);
    jwf_bool(w, "stream", k->is_stream);
    jwf_bool(w, "client_gone", k->client_gone);
    jwf_int(w, "held_ms", a->held_ms);
    write_count(w, "first_ms", a->first_ms);
    jwf_int(w, "total_ms", a->total_ms);
    write_count(w, "tokens_in", a->tokens_in);
    write_count(w, "tokens_out", a->tokens_out);
    if (a->tokens_per_s >= 0)
        jwf_num(w, "tokens_per_s", a->tokens_per_s);
    else
        jwf_null(w, "tokens_per_s");
    jwf_int(w, "bytes_in", a->bytes_in);
    jwf_int(w, "bytes_out", a->bytes_out);
    jw_end_obj(w);
}

static void on_page(void *arg, const struct store_result *result)
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
    api_write_list(&w, "records", result->n, write_record, result->activity);
    write_count(&w, "next", result->next_page > 0 ? result->next_page : -1);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void list_records(struct api_req *r)
{
    struct question q = {0};
    struct err_text why = {0};
    int64_t limit = DEFAULT_LIMIT;
    enum err e = read_question(r, &q, &why);
    if (!e)
        e = read_time(r, "limit", &limit, &why);
    if (!e && (limit < 1 || limit > MAX_LIMIT))
        e = err_set(&why, ERR_INVALID, "\"limit\" must be a number from 1 to %d", MAX_LIMIT);
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)store_activity_list(r->api->o.store, &q.filter, (int)limit, on_page, r);
    question_release(&q);
}

/* ---- sums over time ---- */

struct column {
    const char *name;
    size_t at;
};

static void write_column(struct json_writer *w, const struct column *c, const struct store_result *result)
{
    jw_key(w, c->name);
    jw_begin_arr(w);
    for (size_t i = 0; i < result->n; i++) {
        int64_t n = *(const int64_t *)(const void *)((const char *)&result->buckets[i] + c->at);
        if (n >= 0)
            jw_int(w, n);
        else
            jw_null(w);
    }
    jw_end_arr(w);
}

static void on_series(void *arg, const struct store_result *result)
{
#define COLUMN(name)                                  \
    {                                                 \
#name, offsetof(struct activity_bucket, name) \
    }
    static const struct column columns[] = {COLUMN(at),           COLUMN(requests),    COLUMN(errors),
                                            COLUMN(tokens_in),    COLUMN(tokens_out),  COLUMN(first_p50_ms),
                                            COLUMN(first_p95_ms), COLUMN(held_p50_ms), COLUMN(held_p95_ms)};
#undef COLUMN
    struct api_req *r = arg;
    if (result->err) {
        api_reply_err(r, result->err, &result->why);
        return;
    }
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_int(&w, "step_ms", result->n > 1 ? result->buckets[1].at - result->buckets[0].at : 0);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        write_column(&w, &columns[i], result);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void show_series(struct api_req *r)
{
    struct question q = {0};
    struct err_text why = {0};
    int64_t n = DEFAULT_BUCKETS;
    enum err e = read_question(r, &q, &why);
    if (!e)
        e = read_time(r, "buckets", &n, &why);
    if (!e && (n < 1 || n > STORE_MAX_ACTIVITY_BUCKETS))
        e = err_set(&why, ERR_INVALID, "\"buckets\" must be a number from 1 to %d",
                    STORE_MAX_ACTIVITY_BUCKETS);
    int64_t to = q.filter.to ? q.filter.to : clock_wall_ms() + 1;
    if (!q.filter.from)
        q.filter.from = to > DEFAULT_SPAN_MS ? to - DEFAULT_SPAN_MS : 0;
    if (!e && to <= q.filter.from)
        e = err_set(&why, ERR_INVALID, "\"to\" must be later than \"from\"");
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)store_activity_series(r->api->o.store, &q.filter, (to - q.filter.from + n - 1) / n, (int)n,
                                    on_series, r);
    question_release(&q);
}

/* ---- CSV ---- */

struct csv {
    struct api_req *r;
    struct question q;
    struct store_op *op; /* a page on its way */
    bool is_over;        /* no page follows */
};

static void csv_free(struct csv *c)
{
    store_cancel(c->op);
    question_release(&c->q);
    c->r->state = NULL;
    free(c);
}

static void on_csv_page(void *arg, const struct store_result *result);

static void csv_next(struct csv *c)
{
    c->op = store_activity_list(c->r->api->o.store, &c->q.filter, CSV_PAGE_ROWS, on_csv_page, c);
}

static void on_csv_drain(struct http_exchange *x, void *arg)
{
    (void)x;
    struct csv *c = arg;
    if (!c->op && !c->is_over)
        csv_next(c);
}

static void csv_begin(struct csv *c)
{
    struct http_headers h = {0};
    AUTO(buf) struct buf *value = buf_new();
    file_name_add_disposition("hob-activity.csv", false, value);
    http_headers_add(&h, "Content-Disposition", buf_span(value));
    api_download_begin(c->r, "text/csv; charset=utf-8", &h);
    http_headers_release(&h);
    http_exchange_write(c->r->x, span_str(ACTIVITY_CSV_HEAD));
}

static void on_csv_page(void *arg, const struct store_result *result)
{
    struct csv *c = arg;
    struct api_req *r = c->r;
    c->op = NULL;
    if (result->err) {
        bool has_begun = http_exchange_has_begun(r->x);
        csv_free(c);
        if (has_begun)
            api_download_break(r);
        else
            api_reply_err(r, result->err, &result->why);
        return;
    }
    if (!http_exchange_has_begun(r->x))
        csv_begin(c);
    AUTO(buf) struct buf *text = buf_new();
    for (size_t i = 0; i < result->n; i++)
        activity_add_csv(text, &result->activity[i]);
    c->q.filter.before = result->next_page;
    c->is_over = result->next_page == 0;
    http_exchange_write(r->x, buf_span(text));
    if (c->is_over) {
        csv_free(c);
        api_stream_end(r);
    } else if (!http_exchange_is_full(r->x)) {
        csv_next(c);
    }
}

static void on_csv_gone(struct api_req *r)
{
    csv_free(r->state);
    api_req_free(r);
}

static void download_csv(struct api_req *r)
{
    struct err_text why = {0};
    struct csv *c = xcalloc(1, sizeof *c);
    c->r = r;
    r->state = c;
    enum err e = read_question(r, &c->q, &why);
    if (e) {
        csv_free(c);
        api_reply_err(r, e, &why);
        return;
    }
    r->on_gone = on_csv_gone;
    http_exchange_on_drain(r->x, on_csv_drain, c);
    csv_next(c);
}

static const struct api_route activity_table[] = {
    ROUTE(GET, "/api/activity", API_USER, API_NO_BODY, 0, list_records),
    ROUTE(GET, "/api/activity.csv", API_USER, API_STREAM, 0, download_csv),
    ROUTE(GET, "/api/activity/series", API_USER, API_NO_BODY, 0, show_series),
};
API_ROUTES(api_activity_routes, activity_table);
