/* Table activity, read page by page, and what a filter stands for. */
#include "store/store_activity_where.h"

/* ---- filters ---- */

void activity_filter_copy(struct store_op *op, struct activity_filter *to, const struct activity_filter *from)
{
    *to = *from;
    to->user_id = store_op_text(op, from->user_id);
    to->user = store_op_text(op, from->user);
    to->key = store_op_text(op, from->key);
    to->server = store_op_text(op, from->server);
    to->model = store_op_text(op, from->model);
    to->route = store_op_text(op, from->route);
    to->text = store_op_text(op, from->text);
    to->outcome = store_op_text(op, from->outcome);
}

static bool wants_all_kinds(const struct activity_filter *f)
{
    return !f->user_id && !f->user && !f->key && !f->server && !f->model && !f->route && !f->outcome;
}

sqlite3_stmt *activity_query(struct db *db, const char *sql, const struct activity_filter *f, int64_t limit)
{
    return db_query(db, sql, "bttttttttiiiii", wants_all_kinds(f), f->user_id, f->user, f->key, f->server,
                    f->model, f->route, f->outcome, f->text, f->from, f->to > 0 ? f->to : INT64_MAX,
                    f->before > 0 ? f->before : INT64_MAX, f->after, limit);
}

/* ---- a page ---- */

struct activity_list {
    struct activity_filter filter;
    int64_t limit;
};

/* '' is none. */
static const char *text_or_null(struct store_op *op, sqlite3_stmt *st, int col)
{
    return sqlite3_column_bytes(st, col) > 0 ? row_text(op, st, col) : NULL;
}

static int64_t count_or_none(sqlite3_stmt *st, int col)
{
    return sqlite3_column_type(st, col) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, col);
}

/* All but the kind. */
static void read_row(sqlite3_stmt *st, struct activity_row *out)
{
    *out = (struct activity_row){
        .seq = sqlite3_column_int64(st, 0),
        .at = sqlite3_column_int64(st, 1),
        .held_ms = sqlite3_column_int64(st, 4),
        .first_ms = count_or_none(st, 5),
        .total_ms = sqlite3_column_int64(st, 6),
        .tokens_in = count_or_none(st, 7),
        .tokens_out = count_or_none(st, 8),
        .tokens_per_s = sqlite3_column_type(st, 9) == SQLITE_NULL ? -1 : sqlite3_column_double(st, 9),
        .bytes_in = sqlite3_column_int64(st, 10),
        .bytes_out = sqlite3_column_int64(st, 11),
    };
    str_put(out->request_id, sizeof out->request_id, (const char *)sqlite3_column_text(st, 3));
}

#define LIST_COLUMNS                                                                                           \
    "SELECT a.seq, a.at, a.kind, a.request_id, a.held_ms, a.first_ms, a.total_ms, a.tokens_in, a.tokens_out, " \
    "a.tokens_per_s, a.bytes_in, a.bytes_out, k.user_id, k.user_name, k.key_id, k.key_name, k.server_id, "     \
    "k.server_name, k.model, k.route, k.status, k.code, k.is_stream, k.client_gone "                           \
    "FROM activity a CROSS JOIN activity_kinds k ON k.id = a.kind "
/* Pages are found by seq. */
#define LIST_RANGE \
    "AND a.at >= ?10 AND a.at < ?11 AND a.seq < ?12 AND a.seq > ?13 ORDER BY a.seq DESC LIMIT ?14"

static const struct activity_kind *read_kind(struct store_op *op, sqlite3_stmt *st)
{
    struct activity_kind *kind = arena_alloc(&op->rows, sizeof *kind);
    *kind = (struct activity_kind){
        .user_id = text_or_null(op, st, 12),
        .user_name = text_or_null(op, st, 13),
        .key_id = text_or_null(op, st, 14),
        .key_name = text_or_null(op, st, 15),
        .server_id = text_or_null(op, st, 16),
        .server_name = text_or_null(op, st, 17),
        .model = text_or_null(op, st, 18),
        .route = row_text(op, st, 19),
        .status = sqlite3_column_int(st, 20),
        .code = text_or_null(op, st, 21),
        .is_stream = sqlite3_column_int(st, 22) != 0,
        .client_gone = sqlite3_column_int(st, 23) != 0,
    };
    return kind;
}

/* Kinds that a page has had: its rows share them. */
#define N_RECENT 64
struct recent {
    int64_t id;
    const struct activity_kind *kind;
};

static const struct activity_kind *find_kind(struct store_op *op, sqlite3_stmt *st,
                                             struct recent recent[N_RECENT])
{
    int64_t id = sqlite3_column_int64(st, 2);
    struct recent *r = &recent[(uint64_t)id % N_RECENT];
    if (!r->kind || r->id != id)
        *r = (struct recent){id, read_kind(op, st)};
    return r->kind;
}

static enum err run_activity_list(struct db *db, struct store_op *op)
{
    const struct activity_list *in = op->in;
    struct recent recent[N_RECENT] = {0};
    /* One row more than asked for tells whether there is a next page. */
    sqlite3_stmt *st = activity_query(db, LIST_COLUMNS ACTIVITY_WHERE LIST_RANGE, &in->filter, in->limit + 1);
    while (db_next(db, st)) {
        if ((int64_t)op->result.n == in->limit) {
            op->result.next_page = op->result.activity[op->result.n - 1].seq;
            db_end(st);
            break;
        }
        struct activity_row *row = store_op_row(op, sizeof *row);
        read_row(st, row);
        row->kind = find_kind(op, st, recent);
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
