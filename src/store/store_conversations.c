/* Table conversations. */
#include "store/store_row.h"

struct conversation_in {
    char *user_id, *id, *ids_json;
    struct conversation_change change;
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
                                "SELECT " CONVERSATION_COLUMNS
                                " FROM conversations c WHERE c.user_id = ? AND " CONVERSATION_IS_SHOWN
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

/* ---- change ---- */

/* The + keeps SQLite from going through all conversations of the user instead of the few that are named. */
static void apply_change(struct db *db, const struct conversation_in *in)
{
    const struct conversation_change *ch = &in->change;
    if (ch->has_folder && ch->folder_id &&
        !db_has(db, "SELECT 1 FROM folders WHERE id = ? AND user_id = ? AND import_id IS NULL", "tt",
                ch->folder_id, in->user_id))
        db_fail(db, ERR_INVALID, "\"folder_id\" names no folder");
    db_run(db,
           "UPDATE conversations AS c SET title = coalesce(?1, title), "
           "titled_by = iif(?1 IS NULL, titled_by, 'user'), server_id = coalesce(?2, server_id), "
           "leaf_id = coalesce(?3, leaf_id), "
           "options_json = iif(?4 IS NULL, options_json, nullif(?4, '{}')), "
           "system_prompt = iif(?5, nullif(?6, ''), system_prompt), folder_id = iif(?7, ?8, folder_id), "
           "pinned = iif(?9, ?10, pinned), archived = iif(?11, ?12, archived) "
           "WHERE id IN (SELECT value FROM json_each(?13)) AND +user_id = ?14 AND " CONVERSATION_IS_SHOWN,
           "ttttbtbtbbbbtt", ch->title, ch->server_id, ch->leaf_id, ch->options_json, ch->has_system_prompt,
           ch->system_prompt, ch->has_folder, ch->folder_id, ch->has_pinned, ch->pinned, ch->has_archived,
           ch->archived, in->ids_json, in->user_id);
}

static void copy_change(struct store_op *op, const struct conversation_change *from)
{
    struct conversation_change *to = &((struct conversation_in *)op->in)->change;
    *to = *from;
    to->title = store_op_text(op, from->title);
    to->server_id = store_op_text(op, from->server_id);
    to->leaf_id = store_op_text(op, from->leaf_id);
    to->options_json = store_op_text(op, from->options_json);
    to->system_prompt = store_op_text(op, from->system_prompt);
    to->folder_id = store_op_text(op, from->folder_id);
}

static void take_one_id(struct store_op *op, const char *id)
{
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    jw_begin_arr(&w);
    jw_str(&w, id);
    jw_end_arr(&w);
    ((struct conversation_in *)op->in)->ids_json = store_op_text(op, buf_str(json));
}

static enum err run_set(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    const char *leaf_id = in->change.leaf_id;
    load_conversation(db, op, in->user_id, in->id); /* fails before anything is said about its messages */
    if (leaf_id &&
        !db_has(db, "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?", "tt", leaf_id, in->id))
        return db_fail(db, ERR_INVALID, "\"leaf_id\" names no message of this conversation");
    apply_change(db, in);
    op->result.n_conversations = 0;
    load_conversation(db, op, in->user_id, in->id);
    return ERR_OK;
}

struct store_op *store_conversation_set(struct store *s, const char *user_id, const char *id,
                                        const struct conversation_change *change, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_set, user_id, id, done, arg);
    copy_change(op, change);
    take_one_id(op, id);
    return store_op_submit(op);
}

static void load_many(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    sqlite3_stmt *st = db_query(
        db,
        "SELECT " CONVERSATION_COLUMNS " FROM conversations c WHERE c.id IN "
        "(SELECT value FROM json_each(?)) AND +c.user_id = ? AND " CONVERSATION_IS_SHOWN,
        "tt", in->ids_json, in->user_id);
    while (db_next(db, st))
        row_conversation(op, st, store_op_conversation(op));
}

static enum err run_set_many(struct db *db, struct store_op *op)
{
    apply_change(db, op->in);
    load_many(db, op);
    return ERR_OK;
}

struct store_op *store_conversations_set(struct store *s, const char *user_id, const char *ids_json,
                                         const struct conversation_change *change, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_set_many, user_id, NULL, done, arg);
    struct conversation_change shared = {.has_folder = change->has_folder,
                                         .folder_id = change->folder_id,
                                         .has_pinned = change->has_pinned,
                                         .pinned = change->pinned,
                                         .has_archived = change->has_archived,
                                         .archived = change->archived};
    copy_change(op, &shared);
    ((struct conversation_in *)op->in)->ids_json = store_op_text(op, ids_json);
    return store_op_submit(op);
}

/* ---- a title by a model ---- */

static enum err run_entitle(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    db_run(db,
           "UPDATE conversations AS c SET title = ?, titled_by = 'model' "
           "WHERE id = ? AND user_id = ? AND titled_by = 'message' AND " CONVERSATION_IS_SHOWN,
           "ttt", in->change.title, in->id, in->user_id);
    bool changed = db_changes(db) != 0;
    load_conversation(db, op, in->user_id, in->id);
    return changed ? ERR_OK : db_fail(db, ERR_EXISTS, "The conversation has a title");
}

struct store_op *store_conversation_entitle(struct store *s, const char *user_id, const char *id,
                                            const char *title, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_entitle, user_id, id, done, arg);
    ((struct conversation_in *)op->in)->change.title = store_op_text(op, title);
    return store_op_submit(op);
}

/* ---- remove ---- */

/* Hides them; their many rows are store_sweep's. What has not ended goes at once, lest a start takes it up. */
static enum err run_remove_many(struct db *db, struct store_op *op)
{
    const struct conversation_in *in = op->in;
    load_many(db, op);
    db_run(db,
           "UPDATE conversations AS c SET import_id = '" CONVERSATION_REMOVED "' WHERE "
           "id IN (SELECT value FROM json_each(?)) AND +user_id = ? AND " CONVERSATION_IS_SHOWN,
           "tt", in->ids_json, in->user_id);
    db_run(db,
           "DELETE FROM generations WHERE finished_at = 0 AND conversation_id IN "
           "(SELECT id FROM conversations WHERE id IN (SELECT value FROM json_each(?)) AND +user_id = ? "
           "AND import_id = '" CONVERSATION_REMOVED "')",
           "tt", in->ids_json, in->user_id);
    return ERR_OK;
}

static enum err run_remove(struct db *db, struct store_op *op)
{
    (void)run_remove_many(db, op);
    return op->result.n_conversations ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such conversation");
}

struct store_op *store_conversation_remove(struct store *s, const char *user_id, const char *id,
                                           store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_remove, user_id, id, done, arg);
    take_one_id(op, id);
    return store_op_submit(op);
}

struct store_op *store_conversations_remove(struct store *s, const char *user_id, const char *ids_json,
                                            store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_remove_many, user_id, NULL, done, arg);
    ((struct conversation_in *)op->in)->ids_json = store_op_text(op, ids_json);
    return store_op_submit(op);
}
