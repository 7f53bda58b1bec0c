/* Table activity: adding in batches, removing what is too old or too much, and reading page by page. */
#include "store/store_activity_where.h"

/* ---- adding and removing ---- */

struct activity_add {
    struct activity_row *rows;
    size_t n;
    int64_t max_rows, oldest;
};

static void insert(struct db *db, const struct activity_row *r)
{
    db_run(
        db,
        "INSERT INTO activity (at, request_id, user_id, user_name, key_id, key_name, server_id, server_name, model, route, "
        "status, code, is_stream, client_gone, held_ms, first_ms, total_ms, tokens_in, tokens_out, tokens_per_s, "
        "bytes_in, bytes_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "itttttttttitbbininnrii", r->at, r->request_id, r->user_id, r->user_name, r->key_id, r->key_name,
        r->server_id, r->server_name, r->model, r->route, (int64_t)r->status, r->code, r->is_stream,
        r->client_gone, r->held_ms, r->first_ms, r->total_ms, r->tokens_in, r->tokens_out, r->tokens_per_s,
        r->bytes_in, r->bytes_out);
}

/* The oldest few; whether there may be more. A time that a clock set wrongly stays until it is over or its row too many. */
static bool prune(struct db *db, int64_t max_rows, int64_t oldest, int64_t at_most)
{
    db_run(
        db,
        "DELETE FROM activity WHERE seq IN (SELECT seq FROM activity WHERE seq <= (SELECT max(seq) FROM activity) - ? "
        "ORDER BY seq LIMIT ?)",
        "ii", max_rows, at_most);
    int64_t n = db_changes(db);
    db_run(
        db,
        "DELETE FROM activity WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM activity ORDER BY seq LIMIT ?) "
        "WHERE at < ?)",
        "ii", at_most, oldest);
    return n >= at_most || db_changes(db) >= at_most;
}

static enum err run_activity_add(struct db *db, struct store_op *op)
{
    const struct activity_add *in = op->in;
    for (size_t i = 0; i < in->n && db->err == ERR_OK; i++)
        insert(db, &in->rows[i]);
    op->result.is_unfinished = prune(db, in->max_rows, in->oldest,
                                     (int64_t)in->n + STORE_ACTIVITY_PRUNE_STEP);
    return ERR_OK;
}

static void copy_row(struct store_op *op, struct activity_row *to, const struct activity_row *from)
{
    *to = *from;
    to->request_id = store_op_text(op, from->request_id);
    to->user_id = store_op_text(op, from->user_id);
    to->user_name = store_op_text(op, from->user_name);
    to->key_id = store_op_text(op, from->key_id);
    to->key_name = store_op_text(op, from->key_name);
    to->server_id = store_op_text(op, from->server_id);
    to->server_name = store_op_text(op, from->server_name);
    to->model = store_op_text(op, from->model);
    to->route = store_op_text(op, from->route);
    to->code = store_op_text(op, from->code);
}

struct store_op *store_activity_add(struct store *s, const struct activity_row *rows, size_t n,
                                    int64_t max_rows, int64_t oldest, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_activity_add, sizeof(struct activity_add), done,
                                       arg);
    struct activity_add *in = op->in;
    *in = (struct activity_add){.n = n, .max_rows = max_rows, .oldest = oldest};
    in->rows = arena_alloc(&op->args, (n ? n : 1) * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        copy_row(op, &in->rows[i], &rows[i]);
    return store_op_submit(op);
}

static enum err run_activity_prune(struct db *db, struct store_op *op)
{
    const struct activity_add *in = op->in;
    op->result.is_unfinished = prune(db, in->max_rows, in->oldest, STORE_ACTIVITY_PRUNE_STEP);
    return ERR_OK;
}

struct store_op *store_activity_prune(struct store *s, int64_t max_rows, int64_t oldest, store_fn done,
                                      void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_activity_prune, sizeof(struct activity_add), done,
                                       arg);
    struct activity_add *in = op->in;
    in->max_rows = max_rows;
    in->oldest = oldest;
    return store_op_submit(op);
}

/* ---- reading ---- */

struct activity_list {
    struct activity_filter filter;
    int64_t limit;
};

static int64_t count_or_none(sqlite3_stmt *st, int col)
{
    return sqlite3_column_type(st, col) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, col);
}

static void read_row(struct store_op *op, sqlite3_stmt *st, struct activity_row *out)
{
    *out = (struct activity_row){
        .seq = sqlite3_column_int64(st, 0),
        .at = sqlite3_column_int64(st, 1),
        .request_id = row_text(op, st, 2),
        .user_id = row_text(op, st, 3),
        .user_name = row_text(op, st, 4),
        .key_id = row_text(op, st, 5),
        .key_name = row_text(op, st, 6),
        .server_id = row_text(op, st, 7),
        .server_name = row_text(op, st, 8),
        .model = row_text(op, st, 9),
        .route = row_text(op, st, 10),
        .status = sqlite3_column_int(st, 11),
        .code = row_text(op, st, 12),
        .is_stream = sqlite3_column_int(st, 13) != 0,
        .client_gone = sqlite3_column_int(st, 14) != 0,
        .held_ms = sqlite3_column_int64(st, 15),
        .first_ms = count_or_none(st, 16),
        .total_ms = sqlite3_column_int64(st, 17),
        .tokens_in = count_or_none(st, 18),
        .tokens_out = count_or_none(st, 19),
        .tokens_per_s = sqlite3_column_type(st, 20) == SQLITE_NULL ? -1 : sqlite3_column_double(st, 20),
        .bytes_in = sqlite3_column_int64(st, 21),
        .bytes_out = sqlite3_column_int64(st, 22),
    };
}

#define LIST_COLUMNS                                                                                                   \
    "SELECT seq, at, request_id, user_id, user_name, key_id, key_name, server_id, server_name, model, route, status, " \
    "code, is_stream, client_gone, held_ms, first_ms, total_ms, tokens_in, tokens_out, tokens_per_s, bytes_in, "       \
    "bytes_out FROM activity "
/* Pages are found by seq. */
#define LIST_RANGE "AND at >= ?9 AND at < ?10 AND seq < ?11 AND seq > ?12 ORDER BY seq DESC LIMIT ?13"

static enum err run_activity_list(struct db *db, struct store_op *op)
{
    const struct activity_list *in = op->in;
    const struct activity_filter *f = &in->filter;
    /* One row more than asked for tells whether there is a next page. */
    sqlite3_stmt *st = f->user_id ? db_query(db, LIST_COLUMNS ACTIVITY_OF_USER ACTIVITY_REST LIST_RANGE,
                                             ACTIVITY_TYPES "i", ACTIVITY_ARGS(f), in->limit + 1)
                                  : db_query(db, LIST_COLUMNS ACTIVITY_OF_ALL ACTIVITY_REST LIST_RANGE,
                                             ACTIVITY_TYPES "i", ACTIVITY_ARGS(f), in->limit + 1);
    while (db_next(db, st)) {
        if ((int64_t)op->result.n == in->limit) {
            op->result.next_page = op->result.activity[op->result.n - 1].seq;
            db_end(st);
            break;
        }
        read_row(op, st, store_op_row(op, sizeof(struct activity_row)));
    }
    return ERR_OK;
}

struct store_op *store_activity_list(struct store *s, const struct activity_filter *f, int limit,
                                     store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_READ, run_activity_list, sizeof(struct activity_list), done,
                                       arg);
    struct activity_list *in = op->in;
    activity_filter_copy(op, &in->filter, f);
    in->limit = limit;
    return store_op_submit(op);
}
