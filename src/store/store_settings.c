/* Table settings: one JSON value under a key. */
#include "store/store_row.h"

static enum err run_setting_get(struct db *db, struct store_op *op)
{
    const struct setting_row *in = op->in;
    sqlite3_stmt *st = db_query(db, "SELECT key, value_json FROM settings WHERE key = ?", "t", in->key);
    while (db_next(db, st)) {
        struct setting_row *row = store_op_row(op, sizeof *row);
        *row = (struct setting_row){.key = row_text(op, st, 0), .value_json = row_text(op, st, 1)};
    }
    return ERR_OK;
}

static struct store_op *new_op(struct store *s, enum store_op_kind kind, store_run_fn run, const char *key,
                               const char *value_json, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, kind, run, sizeof(struct setting_row), done, arg);
    struct setting_row *in = op->in;
    in->key = store_op_text(op, key);
    in->value_json = store_op_text(op, value_json);
    return store_op_submit(op);
}

struct store_op *store_setting_get(struct store *s, const char *key, store_fn done, void *arg)
{
    return new_op(s, STORE_READ, run_setting_get, key, NULL, done, arg);
}

static enum err run_setting_put(struct db *db, struct store_op *op)
{
    const struct setting_row *in = op->in;
    db_run(db,
           "INSERT INTO settings (key, value_json) VALUES (?, ?) "
           "ON CONFLICT (key) DO UPDATE SET value_json = excluded.value_json",
           "tt", in->key, in->value_json);
    return ERR_OK;
}

struct store_op *store_setting_put(struct store *s, const char *key, const char *value_json, store_fn done,
                                   void *arg)
{
    return new_op(s, STORE_WRITE, run_setting_put, key, value_json, done, arg);
}
