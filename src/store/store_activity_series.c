/* Sums and percentiles of table activity in equal parts of a time. */
#include "store/store_activity_where.h"

struct activity_series {
    struct activity_filter filter;
    int64_t step_ms;
    int64_t n_buckets;
};

/* One measured time and whose it is. */
struct sample {
    int32_t bucket, ms;
};
struct samples {
    struct sample *v;
    size_t n, cap;
};

static void add_sample(struct samples *s, int64_t bucket, int64_t ms)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->v = xrealloc(s->v, s->cap * sizeof *s->v);
    }
    s->v[s->n++] = (struct sample){(int32_t)bucket, ms < INT32_MAX ? (int32_t)ms : INT32_MAX};
}

static int by_bucket_and_time(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->ms > y->ms) - (x->ms < y->ms);
}

/* The nearest rank: a time that was measured. */
static int64_t percentile(const struct sample *sorted, size_t n, size_t percent)
{
    size_t rank = (n * percent + 99) / 100;
    return sorted[rank ? rank - 1 : 0].ms;
}

typedef void (*take_fn)(struct activity_bucket *b, int64_t p50, int64_t p95);

static void take_first(struct activity_bucket *b, int64_t p50, int64_t p95)
{
    b->first_p50_ms = p50;
    b->first_p95_ms = p95;
}

static void take_held(struct activity_bucket *b, int64_t p50, int64_t p95)
{
    b->held_p50_ms = p50;
    b->held_p95_ms = p95;
}

static void take_percentiles(struct activity_bucket *buckets, struct samples *s, take_fn take)
{
    if (s->n)
        qsort(s->v, s->n, sizeof *s->v, by_bucket_and_time);
    for (size_t i = 0, end; i < s->n; i = end) {
        for (end = i; end < s->n && s->v[end].bucket == s->v[i].bucket;)
            end++;
        take(&buckets[s->v[i].bucket], percentile(s->v + i, end - i, 50), percentile(s->v + i, end - i, 95));
    }
    free(s->v);
}

static void add_row(sqlite3_stmt *st, struct activity_bucket *b, int64_t i, struct samples *first,
                    struct samples *held)
{
    b->requests++;
    b->errors += sqlite3_column_int64(st, 1);
    b->tokens_in += sqlite3_column_int64(st, 2); /* NULL counts as 0 */
    b->tokens_out += sqlite3_column_int64(st, 3);
    if (sqlite3_column_type(st, 4) != SQLITE_NULL)
        add_sample(first, i, sqlite3_column_int64(st, 4));
    add_sample(held, i, sqlite3_column_int64(st, 5));
}

#define SERIES_COLUMNS                                                                     \
    "SELECT a.at, a.kind IN (SELECT id FROM activity_kinds WHERE " ACTIVITY_IS_ERROR "), " \
    "a.tokens_in, a.tokens_out, a.first_ms, a.held_ms FROM activity a "
/*
 * Rows are in the order of their times, but for a clock that was set: the index has every 64th, which tells from where to
 * where the others are read.
 */
#define SERIES_RANGE                                                                                     \
    "AND a.at >= ?10 AND a.at < ?11 AND +a.seq < ?12 AND +a.seq > ?13 AND a.seq BETWEEN "                \
    "coalesce((SELECT min(seq) FROM activity INDEXED BY activity_at WHERE seq % 64 = 0 AND at >= ?10), " \
    "(SELECT max(seq) FROM activity)) - 63 AND "                                                         \
    "coalesce((SELECT max(seq) FROM activity INDEXED BY activity_at WHERE seq % 64 = 0 AND at < ?11), "  \
    "(SELECT max(seq) FROM activity)) + 63 LIMIT ?14"

static enum err run_activity_series(struct db *db, struct store_op *op)
{
    const struct activity_series *in = op->in;
    const struct activity_filter *f = &in->filter;
    struct samples first = {0}, held = {0};
    for (int64_t i = 0; i < in->n_buckets; i++) {
        struct activity_bucket *b = store_op_row(op, sizeof *b);
        *b = (struct activity_bucket){.at = f->from + i * in->step_ms,
                                      .first_p50_ms = -1,
                                      .first_p95_ms = -1,
                                      .held_p50_ms = -1,
                                      .held_p95_ms = -1};
    }
    struct activity_bucket *buckets = op->result.buckets;
    sqlite3_stmt *st = activity_query(db, SERIES_COLUMNS ACTIVITY_WHERE SERIES_RANGE, f, -1);
    while (db_next(db, st)) {
        int64_t i = (sqlite3_column_int64(st, 0) - f->from) / in->step_ms;
        add_row(st, &buckets[i], i, &first, &held);
    }
    take_percentiles(buckets, &first, take_first);
    take_percentiles(buckets, &held, take_held);
    return ERR_OK;
}

struct store_op *store_activity_series(struct store *s, const struct activity_filter *f, int64_t step_ms,
                                       int n_buckets, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_READ, run_activity_series, sizeof(struct activity_series),
                                       done, arg);
    struct activity_series *in = op->in;
    activity_filter_copy(op, &in->filter, f);
    in->filter.to = f->from + step_ms * n_buckets;
    in->step_ms = step_ms;
    in->n_buckets = n_buckets;
    return store_op_submit(op);
}
