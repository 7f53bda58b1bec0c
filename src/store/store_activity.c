/* Table activity: adding in batches, removing what is too old or too much. */
#include "store/store_op.h"

struct activity_add {
    struct activity_row *rows;
    struct activity_kind *kinds;
    int64_t *kind_ids; /* found out on the way */
    size_t n, n_kinds;
    int64_t max_rows;
};

/* ---- kinds ---- */

static const char *text(const char *s)
{
    return s ? s : "";
}

#define KIND_COLUMNS \
    "user_id, user_name, key_id, key_name, server_id, server_name, model, route, status, code, is_stream, client_gone"

/* The kind's id. It is made when it is new; up to last_seq there may be rows of it from now on. */
static int64_t use_kind(struct db *db, const struct activity_kind *k, int64_t last_seq)
{
    int64_t id = 0;
    sqlite3_stmt *st = db_query(
        db,
        "INSERT INTO activity_kinds (" KIND_COLUMNS
        ", last_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (" KIND_COLUMNS ") DO UPDATE SET last_seq = excluded.last_seq RETURNING id",
        "ttttttttitbbi", text(k->user_id), text(k->user_name), text(k->key_id), text(k->key_name),
        text(k->server_id), text(k->server_name), text(k->model), k->route, (int64_t)k->status, text(k->code),
        k->is_stream, k->client_gone, last_seq);
    while (db_next(db, st))
        id = sqlite3_column_int64(st, 0);
    return id;
}

static int64_t newest_seq(struct db *db)
{
    int64_t seq = 0;
    sqlite3_stmt *st = db_query(db, "SELECT max(seq) FROM activity", "");
    while (db_next(db, st))
        seq = sqlite3_column_int64(st, 0);
    return seq;
}

/* ---- rows ---- */

#define ROW_VALUES "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define N_VALUES   11
/* OR FAIL: the savepoint of the op undoes all rows, so SQLite need not keep what each statement changes. */
#define INSERT_ROW                                                                                             \
    "INSERT OR FAIL INTO activity (at, kind, request_id, held_ms, first_ms, total_ms, tokens_in, tokens_out, " \
    "tokens_per_s, bytes_in, bytes_out) VALUES " ROW_VALUES
/* A third of what a row costs by itself is the statement. */
#define N_TOGETHER 8
#define INSERT_ROWS                                                                            \
    INSERT_ROW ", " ROW_VALUES ", " ROW_VALUES ", " ROW_VALUES ", " ROW_VALUES ", " ROW_VALUES \
               ", " ROW_VALUES ", " ROW_VALUES

static void insert(struct db *db, sqlite3_stmt *st, const struct activity_add *in, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct activity_row *r = &in->rows[from + i];
        db_bind(db, st, (int)i * N_VALUES, "iitininnrii", r->at, in->kind_ids[r->kind - in->kinds],
                r->request_id, r->held_ms, r->first_ms, r->total_ms, r->tokens_in, r->tokens_out,
                r->tokens_per_s, r->bytes_in, r->bytes_out);
    }
    while (db_next(db, st))
        ;
}

/* ---- removing: the oldest few, so that others get their turn ---- */

/* By seq, of which some may be missing: it may remove fewer. */
static void remove_surplus(struct db *db, int64_t max_rows, int64_t at_most)
{
    db_run(db,
           "DELETE FROM activity WHERE seq <= min((SELECT max(seq) FROM activity) - ?, "
           "(SELECT min(seq) FROM activity) + ? - 1)",
           "ii", max_rows, at_most);
}

static bool has_surplus(struct db *db, int64_t max_rows)
{
    return db_has(db, "SELECT 1 FROM activity WHERE seq <= (SELECT max(seq) FROM activity) - ?", "i",
                  max_rows);
}

/* Whether there may be more. A time that a clock set wrongly stays until it is over or its row too many. */
static bool remove_old(struct db *db, int64_t oldest, int64_t at_most)
{
    db_run(
        db,
        "DELETE FROM activity WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM activity ORDER BY seq LIMIT ?) "
        "WHERE at < ?)",
        "ii", at_most, oldest);
    return db_changes(db) >= at_most;
}

/* Whether there may be more. */
static bool remove_unused_kinds(struct db *db, int64_t at_most)
{
    db_run(db,
           "DELETE FROM activity_kinds WHERE id IN (SELECT id FROM activity_kinds "
           "WHERE last_seq < coalesce((SELECT min(seq) FROM activity), ?) ORDER BY last_seq LIMIT ?)",
           "ii", INT64_MAX, at_most);
    return db_changes(db) >= at_most;
}

/* ---- the calls ---- */

static enum err run_activity_add(struct db *db, struct store_op *op)
{
    const struct activity_add *in = op->in;
    int64_t last_seq = newest_seq(db) + (int64_t)in->n, at_most = (int64_t)in->n + STORE_ACTIVITY_PRUNE_STEP;
    for (size_t i = 0; i < in->n_kinds; i++)
        in->kind_ids[i] = use_kind(db, &in->kinds[i], last_seq);
    size_t at = 0;
    for (; in->n - at >= N_TOGETHER; at += N_TOGETHER)
        insert(db, db_prepare(db, INSERT_ROWS), in, at, N_TOGETHER);
    for (; at < in->n; at++)
        insert(db, db_prepare(db, INSERT_ROW), in, at, 1);
    remove_surplus(db, in->max_rows, at_most);
    (void)remove_unused_kinds(db, at_most);
    return ERR_OK;
}

static struct activity_kind copy_kind(struct store_op *op, const struct activity_kind *k)
{
    struct activity_kind copy = *k;
    copy.user_id = store_op_text(op, k->user_id);
    copy.user_name = store_op_text(op, k->user_name);
    copy.key_id = store_op_text(op, k->key_id);
    copy.key_name = store_op_text(op, k->key_name);
    copy.server_id = store_op_text(op, k->server_id);
    copy.server_name = store_op_text(op, k->server_name);
    copy.model = store_op_text(op, k->model);
    copy.route = store_op_text(op, k->route);
    copy.code = store_op_text(op, k->code);
    return copy;
}

struct store_op *store_activity_add(struct store *s, const struct activity_row *rows, size_t n,
                                    const struct activity_kind *kinds, size_t n_kinds, int64_t max_rows,
                                    store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_activity_add, sizeof(struct activity_add), done,
                                       arg);
    struct activity_add *in = op->in;
    *in = (struct activity_add){.n = n, .n_kinds = n_kinds, .max_rows = max_rows};
    in->rows = arena_alloc(&op->args, n * sizeof *rows);
    in->kinds = arena_alloc(&op->args, n_kinds * sizeof *kinds);
    in->kind_ids = arena_alloc(&op->args, n_kinds * sizeof *in->kind_ids);
    for (size_t i = 0; i < n_kinds; i++)
        in->kinds[i] = copy_kind(op, &kinds[i]);
    for (size_t i = 0; i < n; i++) {
        in->rows[i] = rows[i];
        in->rows[i].kind = in->kinds + (rows[i].kind - kinds);
    }
    return store_op_submit(op);
}

struct activity_prune {
    int64_t max_rows, oldest;
};

static enum err run_activity_prune(struct db *db, struct store_op *op)
{
    const struct activity_prune *in = op->in;
    remove_surplus(db, in->max_rows, STORE_ACTIVITY_PRUNE_STEP);
    bool has_old = remove_old(db, in->oldest, STORE_ACTIVITY_PRUNE_STEP);
    bool has_unused = remove_unused_kinds(db, STORE_ACTIVITY_PRUNE_STEP);
    op->result.is_unfinished = has_old || has_unused || has_surplus(db, in->max_rows);
    return ERR_OK;
}

struct store_op *store_activity_prune(struct store *s, int64_t max_rows, int64_t oldest, store_fn done,
                                      void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_activity_prune, sizeof(struct activity_prune),
                                       done, arg);
    struct activity_prune *in = op->in;
    *in = (struct activity_prune){.max_rows = max_rows, .oldest = oldest};
    return store_op_submit(op);
}
