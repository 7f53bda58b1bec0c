/* Table conversations. */
#include "store/store_row.h"

struct conversation_in {
    char *user_id, *id, *title, *server_id;
};

static struct store_op *new_op(struct store *s, enum store_op_kind kind, store_run_fn run,
                               const char *user_id, const char *id, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, kind, run, sizeof(struct conversation_in), done, arg);
    struct conversation_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->id = store_op_text(op, id);
    return op;
}

static enum err run_list(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    sqlite3_stmt *st = db_query(db,
                                "SELECT " CONVERSATION_COLUMNS " FROM conversations c WHERE c.user_id = ? "
                                "ORDER BY c.updated_at DESC, c.rowid DESC",
                                "t", in->user_id);
    while (db_next(db, st))
        row_conversation(op, st, store_op_conversation(op));
    return ERR_OK;
}

struct store_op *store_conversations_list(struct store *s, const char *user_id, store_fn done, void *arg)
{
    return store_op_submit(new_op(s, STORE_READ, run_list, user_id, NULL, done, arg));
}

static enum err run_read(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    load_conversation(db, op, in->user_id, in->id);
    sqlite3_stmt *st = db_query(db,
                                "SELECT " MESSAGE_COLUMNS
                                " FROM messages m LEFT JOIN generations g " MESSAGE_NEWEST_GENERATION
                                "WHERE m.conversation_id = ? ORDER BY m.seq",
                                "t", in->id);
    while (db_next(db, st))
        row_message(op, st, store_op_row(op, sizeof(struct message_row)));
    return ERR_OK;
}

struct store_op *store_conversation_read(struct store *s, const char *user_id, const char *id, store_fn done,
                                         void *arg)
{
    return store_op_submit(new_op(s, STORE_READ, run_read, user_id, id, done, arg));
}

static enum err run_set(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    db_run(db,
           "UPDATE conversations SET title = coalesce(?, title), server_id = coalesce(?, server_id) "
           "WHERE id = ? AND user_id = ?",
           "tttt", in->title, in->server_id, in->id, in->user_id);
    load_conversation(db, op, in->user_id, in->id);
    return ERR_OK;
}

struct store_op *store_conversation_set(struct store *s, const char *user_id, const char *id,
                                        const char *title, const char *server_id, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_set, user_id, id, done, arg);
    struct conversation_in *in = op->in;
    in->title = store_op_text(op, title);
    in->server_id = store_op_text(op, server_id);
    return store_op_submit(op);
}

static enum err run_remove(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    db_run(db, "DELETE FROM conversations WHERE id = ? AND user_id = ?", "tt", in->id, in->user_id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such conversation");
}

struct store_op *store_conversation_remove(struct store *s, const char *user_id, const char *id,
                                           store_fn done, void *arg)
{
    return store_op_submit(new_op(s, STORE_WRITE, run_remove, user_id, id, done, arg));
}
