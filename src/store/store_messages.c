/* Table messages: the user's messages, and paths through the tree. Answers are written by store_generations.c. */
#include "store/store_content.h"
#include "store/store_row.h"
#include "store/store_title.h"
#include "store/store_tree.h"

#define MAX_PATH_MESSAGES 10000 /* longest path that is followed; also ends what would be a circle */

struct message_in {
    char *user_id;
    struct message_row row;
    struct conversation_settings settings;
};

/* ---- accept ---- */

/* The conversation must be the user's, or be new. One that is hidden is somebody else's. */
static void ensure_conversation(struct db *db, const struct message_in *in)
{
    const struct message_row *row = &in->row;
    if (db_has(db, "SELECT 1 FROM conversations c WHERE id = ? AND user_id = ? AND " CONVERSATION_IS_SHOWN,
               "tt", row->conversation_id, in->user_id))
        return;
    if (db_has(db, "SELECT 1 FROM conversations WHERE id = ?", "t", row->conversation_id)) {
        db_fail(db, ERR_NOT_FOUND, "No such conversation");
        return;
    }
    if (!db_has(db, "SELECT 1 FROM users WHERE id = ?", "t", in->user_id))
        db_fail(db, ERR_NOT_FOUND, "No such user");
    AUTO(mem) char *title = title_of_content(row->content_json);
    db_run(
        db,
        "INSERT INTO conversations (id, user_id, title, titled_by, server_id, created_at, updated_at, "
        "options_json, system_prompt) VALUES (?, ?, ?, 'message', ?, ?, ?, nullif(?, '{}'), nullif(?, ''))",
        "ttttiitt", row->conversation_id, in->user_id, title, row->server_id, row->created_at,
        row->created_at, in->settings.options_json, in->settings.system_prompt);
}

/* The parent is in the same conversation, and not below the message itself. */
static void check_parent(struct db *db, const struct message_row *row)
{
    if (!row->parent_id)
        return;
    if (!db_has(db, "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?", "tt", row->parent_id,
                row->conversation_id))
        db_fail(db, ERR_NOT_FOUND, "\"parent_id\": no such message in this conversation");
    else if (db_has(db,
                    "WITH RECURSIVE up (id, depth) AS (SELECT ?1, 0 UNION ALL "
                    "SELECT m.parent_id, depth + 1 FROM up JOIN messages m ON m.id = up.id "
                    "WHERE m.parent_id IS NOT NULL AND depth < 10000) SELECT 1 FROM up WHERE id = ?2",
                    "tt", row->parent_id, row->id))
        db_fail(db, ERR_INVALID, "\"parent_id\": a message cannot follow itself");
}

/* What the content names is the user's own. */
static void check_attachments(struct db *db, const struct message_in *in)
{
    struct strv ids = {0};
    content_list_attachments(in->row.content_json, &ids);
    for (size_t i = 0; i < ids.n && db->err == ERR_OK; i++) {
        if (!db_has(db, "SELECT 1 FROM attachments a WHERE id = ? AND user_id = ? AND " ATTACHMENT_IS_SHOWN,
                    "tt", ids.v[i], in->user_id))
            db_fail(db, ERR_NOT_FOUND, "\"content\": no such attachment");
    }
    strv_release(&ids);
}

static void insert_message(struct db *db, const struct message_row *row)
{
    db_run(
        db,
        "INSERT INTO messages (id, conversation_id, parent_id, role, state, server_id, created_at, content_json) "
        "VALUES (?, ?, ?, 'user', ?, ?, ?, ?)",
        "tttttit", row->id, row->conversation_id, row->parent_id, row->state, row->server_id, row->created_at,
        row->content_json);
}

/* An edited first message takes the title along, unless somebody has named the conversation. */
static void retitle(struct db *db, const struct message_row *row)
{
    AUTO(mem) char *title = title_of_content(row->content_json);
    db_run(db,
           "UPDATE conversations SET title = ?1 WHERE id = ?2 AND titled_by = 'message' AND ?3 = "
           "(SELECT id FROM messages WHERE conversation_id = ?2 ORDER BY seq LIMIT 1)",
           "ttt", title, row->conversation_id, row->id);
}

static void update_message(struct db *db, const struct message_row *row)
{
    retitle(db, row);
    db_run(db,
           "UPDATE messages SET content_json = ?, parent_id = ?, server_id = coalesce(?, server_id), "
           "state = iif(state = 'pending', state, ?) WHERE id = ?",
           "ttttt", row->content_json, row->parent_id, row->server_id, row->state, row->id);
}

static enum err run_message_accept(struct db *db, struct store_op *op)
{
    const struct message_in *in = op->in;
    const struct message_row *row = &in->row;
    bool is_there = false, is_open = false;
    sqlite3_stmt *st = db_query(db, "SELECT conversation_id, role, state FROM messages WHERE id = ?", "t",
                                row->id);
    if (db_next(db, st)) {
        bool is_same = str_eq((const char *)sqlite3_column_text(st, 0), row->conversation_id) &&
                       str_eq((const char *)sqlite3_column_text(st, 1), "user");
        is_there = true;
        is_open = !str_eq((const char *)sqlite3_column_text(st, 2), "answered");
        db_end(st);
        if (!is_same)
            return db_fail(db, ERR_EXISTS, "A message of another conversation has this id");
    }
    ensure_conversation(db, in);
    if (!is_there || is_open) {
        check_parent(db, row);
        check_attachments(db, in);
    }
    if (!is_there)
        insert_message(db, row);
    else if (is_open)
        update_message(db, row);
    if (!is_there || is_open)
        db_run(
            db,
            "UPDATE conversations SET updated_at = max(updated_at, ?), server_id = coalesce(?, server_id), "
            "archived = iif(?, 0, archived) WHERE id = ?",
            "itbt", clock_wall_ms(), row->server_id, !is_there, row->conversation_id);
    if (!is_there)
        tree_show(db, row->conversation_id, row->id);
    op->result.created = !is_there;
    load_message(db, op, row->id);
    load_conversation(db, op, in->user_id, row->conversation_id);
    if (db->err == ERR_OK && op->result.messages[0].generation_id)
        load_generation(db, op, op->result.messages[0].generation_id);
    return ERR_OK;
}

struct store_op *store_message_accept_with(struct store *s, const char *user_id,
                                           const struct message_row *row,
                                           const struct conversation_settings *settings, store_fn done,
                                           void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_message_accept, sizeof(struct message_in), done,
                                       arg);
    struct message_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->settings.options_json = store_op_text(op, settings->options_json);
    in->settings.system_prompt = store_op_text(op, settings->system_prompt);
    in->row = (struct message_row){
        .id = store_op_text(op, row->id),
        .conversation_id = store_op_text(op, row->conversation_id),
        .parent_id = store_op_text(op, row->parent_id),
        .content_json = store_op_text(op, row->content_json),
        .state = store_op_text(op, row->state),
        .server_id = store_op_text(op, row->server_id),
        .created_at = row->created_at ? row->created_at : clock_wall_ms(),
    };
    return store_op_submit(op);
}

struct store_op *store_message_accept(struct store *s, const char *user_id, const struct message_row *row,
                                      store_fn done, void *arg)
{
    return store_message_accept_with(s, user_id, row, &(struct conversation_settings){0}, done, arg);
}

/* ---- remove ---- */

static enum err run_message_remove(struct db *db, struct store_op *op)
{
    const struct message_in *in = op->in;
    const char *id = in->row.id;
    sqlite3_stmt *st = db_query(db,
                                "SELECT m.conversation_id, m.state, m.role, m.parent_id FROM messages m "
                                "JOIN conversations c ON c.id = m.conversation_id "
                                "WHERE m.id = ? AND c.user_id = ? AND " CONVERSATION_IS_SHOWN,
                                "tt", id, in->user_id);
    if (!db_next(db, st))
        return db_fail(db, ERR_NOT_FOUND, "No such message");
    const char *conversation_id = row_text(op, st, 0);
    const char *parent_id = row_text(op, st, 3);
    const char *state = (const char *)sqlite3_column_text(st, 1);
    bool is_open = str_eq((const char *)sqlite3_column_text(st, 2), "user") &&
                   (str_eq(state, "queued") || str_eq(state, "pending"));
    db_end(st);
    if (!is_open)
        return db_fail(db, ERR_EXISTS, "The message has been answered");
    /* What waits behind it in the queue moves up. Attempts that failed without a word go with it. */
    db_run(
        db,
        "UPDATE messages SET parent_id = (SELECT parent_id FROM messages WHERE id = ?1) WHERE parent_id = ?1",
        "t", id);
    db_run(db, "DELETE FROM generations WHERE message_id = ?", "t", id);
    db_run(db, "DELETE FROM messages WHERE id = ?", "t", id);
    tree_leave(db, conversation_id, id, parent_id);
    load_conversation(db, op, in->user_id, conversation_id);
    return ERR_OK;
}

static struct store_op *new_message_op(struct store *s, enum store_op_kind kind, store_run_fn run,
                                       const char *user_id, const char *id, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, kind, run, sizeof(struct message_in), done, arg);
    struct message_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->row.id = store_op_text(op, id);
    return op;
}

struct store_op *store_message_remove(struct store *s, const char *user_id, const char *id, store_fn done,
                                      void *arg)
{
    return store_op_submit(new_message_op(s, STORE_WRITE, run_message_remove, user_id, id, done, arg));
}

/* ---- path ---- */

static enum err run_message_path(struct db *db, struct store_op *op)
{
    const struct message_in *in = op->in;
    sqlite3_stmt *st = db_query(
        db,
        "WITH RECURSIVE path (seq, parent_id, depth) AS ("
        "SELECT m.seq, m.parent_id, 0 FROM messages m JOIN conversations c ON c.id = m.conversation_id "
        "WHERE m.id = ? AND c.user_id = ? AND " CONVERSATION_IS_SHOWN "UNION ALL "
        "SELECT m.seq, m.parent_id, depth + 1 FROM path JOIN messages m ON m.id = path.parent_id WHERE depth < ?) "
        "SELECT " MESSAGE_COLUMNS " FROM path JOIN messages m ON m.seq = path.seq "
        "LEFT JOIN generations g " MESSAGE_NEWEST_GENERATION "ORDER BY path.depth DESC",
        "tti", in->row.id, in->user_id, (int64_t)MAX_PATH_MESSAGES);
    while (db_next(db, st))
        row_message(op, st, store_op_row(op, sizeof(struct message_row)));
    if (op->result.n == 0)
        return db_fail(db, ERR_NOT_FOUND, "No such message");
    load_conversation(db, op, in->user_id, op->result.messages[0].conversation_id);
    return ERR_OK;
}

struct store_op *store_message_path(struct store *s, const char *user_id, const char *message_id,
                                    store_fn done, void *arg)
{
    return store_op_submit(new_message_op(s, STORE_READ, run_message_path, user_id, message_id, done, arg));
}
