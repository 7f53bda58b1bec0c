/* Table attachments: one row for each content and user, whatever its name; what nobody uses is removed by store_sweep.c. */
#include "store/store_row.h"

struct attachment_get {
    char *user_id, *id;
    int64_t max_bytes;
};

void attachment_hold(struct db *db, const char *id)
{
    db_run(db, "INSERT OR REPLACE INTO attachment_holds (attachment_id, until) VALUES (?, ?)", "ti", id,
           clock_wall_ms() + STORE_ATTACHMENT_HOLD_MS);
}

static enum err run_attachment_add(struct db *db, struct store_op *op)
{
    const struct attachment_row *in = op->in;
    db_run(db,
           "INSERT INTO attachments (id, user_id, name, mime, sha256, created_at, bytes) "
           "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, sha256) DO NOTHING",
           "tttttix", in->id, in->user_id, in->name, in->mime, in->sha256, in->created_at, in->bytes);
    op->result.created = db_changes(db) != 0;
    /* Where an import brings it too, it stays whatever becomes of that. */
    db_run(db,
           "DELETE FROM attachment_imports WHERE attachment_id = "
           "(SELECT id FROM attachments WHERE user_id = ? AND sha256 = ?)",
           "tt", in->user_id, in->sha256);
    op->result.created = op->result.created || db_changes(db) != 0;
    /* The caller has the bytes: they are not read back. */
    sqlite3_stmt *st = db_query(
        db,
        "SELECT id, user_id, name, mime, sha256, created_at, length(bytes), x'' FROM attachments "
        "WHERE user_id = ? AND sha256 = ?",
        "tt", in->user_id, in->sha256);
    while (db_next(db, st))
        row_attachment(op, st, store_op_row(op, sizeof(struct attachment_row)));
    if (op->result.n)
        attachment_hold(db, op->result.attachments[0].id);
    return ERR_OK;
}

struct store_op *store_attachment_add(struct store *s, const struct attachment_row *row, store_fn done,
                                      void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_attachment_add, sizeof(*row), done, arg);
    struct attachment_row *in = op->in;
    *in = (struct attachment_row){
        .id = store_op_text(op, row->id),
        .user_id = store_op_text(op, row->user_id),
        .name = store_op_text(op, row->name),
        .mime = store_op_text(op, row->mime),
        .sha256 = store_op_text(op, row->sha256),
        .bytes = store_op_bytes(op, row->bytes),
        .created_at = row->created_at ? row->created_at : clock_wall_ms(),
    };
    return store_op_submit(op);
}

static enum err run_attachment_read(struct db *db, struct store_op *op)
{
    const struct attachment_get *in = op->in;
    sqlite3_stmt *st = db_query(db,
                                "SELECT id, user_id, name, mime, sha256, created_at, length(bytes), "
                                "CASE WHEN length(bytes) <= ?3 THEN bytes ELSE x'' END FROM attachments a "
                                "WHERE id = ?1 AND user_id = ?2 AND " ATTACHMENT_IS_SHOWN,
                                "tti", in->id, in->user_id, in->max_bytes);
    while (db_next(db, st))
        row_attachment(op, st, store_op_row(op, sizeof(struct attachment_row)));
    return op->result.n ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such attachment");
}

struct store_op *store_attachment_read_small(struct store *s, const char *user_id, const char *id,
                                             int64_t max_bytes, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_READ, run_attachment_read, sizeof(struct attachment_get),
                                       done, arg);
    struct attachment_get *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->id = store_op_text(op, id);
    in->max_bytes = max_bytes;
    return store_op_submit(op);
}

struct store_op *store_attachment_read(struct store *s, const char *user_id, const char *id, store_fn done,
                                       void *arg)
{
    return store_attachment_read_small(s, user_id, id, INT64_MAX, done, arg);
}
