/* Reads all that a user has, page by page. Nothing is locked between the pages. */
#include "store/store_content.h"
#include "store/store_row.h"

struct export_in {
    char *user_id, *id;
    int64_t after;
    const int64_t *seqs;
    size_t n;
};

static struct store_op *new_op(struct store *s, store_run_fn run, const char *user_id, const char *id,
                               store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_READ, run, sizeof(struct export_in), done, arg);
    struct export_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->id = store_op_text(op, id);
    return op;
}

static enum err run_folders(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    add_folders(db, op,
                db_query(db,
                         "SELECT " FOLDER_COLUMNS " FROM folders f WHERE f.user_id = ?1 AND " FOLDER_IS_SHOWN
                         "AND (?2 IS NULL OR f.id = ?2) ORDER BY f.rowid",
                         "tt", in->user_id, in->id));
    return ERR_OK;
}

struct store_op *store_export_folders(struct store *s, const char *user_id, const char *folder_id,
                                      store_fn done, void *arg)
{
    return store_op_submit(new_op(s, run_folders, user_id, folder_id, done, arg));
}

/* The number of the user's first row after a place, from indexes alone: a table's rows can be long. */
#define FIRST_AFTER(table, hidden, user, after)                                     \
    "(SELECT min(rowid) FROM " table " WHERE user_id = " user " AND rowid > " after \
    " AND rowid NOT IN " hidden ")"
#define HIDDEN_CONVERSATIONS "(SELECT rowid FROM conversations WHERE import_id IS NOT NULL)"
#define HIDDEN_ATTACHMENTS \
    "(SELECT a.rowid FROM attachment_imports h CROSS JOIN attachments a ON a.id = h.attachment_id)"

/* ---- attachments ---- */

static enum err run_attachment(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    sqlite3_stmt *st = db_query(
        db,
        "SELECT id, user_id, name, mime, sha256, created_at, length(bytes), bytes, rowid FROM attachments "
        "WHERE rowid = " FIRST_AFTER("attachments", HIDDEN_ATTACHMENTS, "?1", "?2"),
        "ti", in->user_id, in->after);
    while (db_next(db, st)) {
        row_attachment(op, st, store_op_row(op, sizeof(struct attachment_row)));
        op->result.next_page = sqlite3_column_int64(st, 8);
    }
    return ERR_OK;
}

struct store_op *store_export_attachment(struct store *s, const char *user_id, int64_t after, store_fn done,
                                         void *arg)
{
    struct store_op *op = new_op(s, run_attachment, user_id, NULL, done, arg);
    ((struct export_in *)op->in)->after = after;
    return store_op_submit(op);
}

static enum err run_names(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    sqlite3_stmt *st = db_query(
        db, "SELECT id, name FROM attachments WHERE user_id = ? AND rowid NOT IN " HIDDEN_ATTACHMENTS, "t",
        in->user_id);
    while (db_next(db, st)) {
        struct attachment_row *row = store_op_row(op, sizeof(*row));
        *row = (struct attachment_row){.id = row_text(op, st, 0), .name = row_text(op, st, 1)};
    }
    return ERR_OK;
}

struct store_op *store_export_names(struct store *s, const char *user_id, store_fn done, void *arg)
{
    return store_op_submit(new_op(s, run_names, user_id, NULL, done, arg));
}

/* ---- conversations ---- */

static void read_tree(struct db *db, struct store_op *op, const char *id)
{
    sqlite3_stmt *st = db_query(
        db,
        "SELECT m.seq, coalesce(p.seq, 0), m.id IS c.leaf_id FROM messages m "
        "JOIN conversations c ON c.id = m.conversation_id "
        "LEFT JOIN messages p ON p.id = m.parent_id AND p.conversation_id = m.conversation_id "
        "WHERE m.conversation_id = ? ORDER BY m.seq",
        "t", id);
    while (db_next(db, st)) {
        struct tree_row *row = store_op_row(op, sizeof(*row));
        *row = (struct tree_row){
            .seq = sqlite3_column_int64(st, 0),
            .parent_seq = sqlite3_column_int64(st, 1),
            .is_leaf = sqlite3_column_int(st, 2) != 0,
        };
    }
}

static enum err run_conversation(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    sqlite3_stmt *st = db_query(
        db,
        "SELECT " CONVERSATION_ALL_COLUMNS ", c.rowid FROM conversations c "
        "WHERE c.rowid = iif(?3 IS NULL, " FIRST_AFTER(
            "conversations", HIDDEN_CONVERSATIONS, "?1",
            "?2") ", "
                  "(SELECT rowid FROM conversations WHERE id = ?3 AND user_id = ?1 AND import_id IS NULL))",
        "tit", in->user_id, in->after, in->id);
    if (!db_next(db, st))
        return ERR_OK;
    struct conversation_row *row = store_op_conversation(op);
    row_conversation(op, st, row);
    op->result.next_page = sqlite3_column_int64(st, sqlite3_column_count(st) - 1);
    db_end(st);
    read_tree(db, op, row->id);
    return ERR_OK;
}

struct store_op *store_export_conversation(struct store *s, const char *user_id, const char *id,
                                           int64_t after, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, run_conversation, user_id, id, done, arg);
    ((struct export_in *)op->in)->after = after;
    return store_op_submit(op);
}

/* ---- messages ---- */

/*
 * A seq is free again when the message with the highest one is removed, and may be anybody's by the time its page is read:
 * so a page is of seqs and of their conversation.
 */

/* What a running generation has written is in its events only; its answer is one string. */
#define TEXT_SO_FAR(column)                                                                         \
    "coalesce((SELECT group_concat(t, '') FROM (SELECT e." column " AS t FROM generation_events e " \
    "WHERE e.generation = g.seq ORDER BY e.first_seq)), '')"
#define CALLS_SO_FAR                                                                 \
    "(SELECT e.tool_calls_json FROM generation_events e WHERE e.generation = g.seq " \
    "AND e.tool_calls_json IS NOT NULL ORDER BY e.first_seq DESC LIMIT 1)"

static void read_text_so_far(struct db *db, struct store_op *op, struct message_row *row)
{
    sqlite3_stmt *st = db_query(
        db,
        "SELECT json_quote(json_extract(m.content_json, '$') || " TEXT_SO_FAR(
            "content") "), "
                       "nullif(coalesce(m.reasoning, '') || " TEXT_SO_FAR(
                           "reasoning") ", ''), " CALLS_SO_FAR
                                        " FROM messages m JOIN generations g ON g.answer_id = m.id AND g.finished_at = 0 "
                                        "WHERE m.id = ? AND json_type(m.content_json) = 'text'",
        "t", row->id);
    if (!db_next(db, st))
        return;
    row->content_json = row_text(op, st, 0);
    row->reasoning = row_text(op, st, 1);
    if (sqlite3_column_type(st, 2) != SQLITE_NULL)
        row->tool_calls_json = row_text(op, st, 2);
    db_end(st);
}

static size_t size_of(const struct message_row *row)
{
    return strlen(row->content_json) + (row->reasoning ? strlen(row->reasoning) : 0) +
           (row->tool_calls_json ? strlen(row->tool_calls_json) : 0);
}

static enum err run_messages(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    size_t bytes = 0, at = 0;
    while (at < in->n && bytes < STORE_EXPORT_PAGE_BYTES && !db->err) {
        sqlite3_stmt *st = db_query(db,
                                    "SELECT " MESSAGE_COLUMNS
                                    " FROM messages m LEFT JOIN generations g " MESSAGE_NEWEST_GENERATION
                                    "WHERE m.seq = ? AND m.conversation_id = ?",
                                    "it", in->seqs[at++], in->id);
        if (!db_next(db, st))
            continue;
        struct message_row *row = store_op_row(op, sizeof(*row));
        row_message(op, st, row);
        db_end(st);
        if (str_eq(row->role, "assistant"))
            read_text_so_far(db, op, row);
        bytes += size_of(row);
    }
    op->result.next_page = (int64_t)at;
    return ERR_OK;
}

static struct store_op *new_page_op(struct store *s, store_run_fn run, const char *conversation_id,
                                    const int64_t *seqs, size_t n, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, run, NULL, conversation_id, done, arg);
    struct export_in *in = op->in;
    in->n = n < STORE_EXPORT_PAGE_ROWS ? n : STORE_EXPORT_PAGE_ROWS;
    in->seqs = memcpy(arena_alloc(&op->args, in->n * sizeof *seqs + 1), seqs, in->n * sizeof *seqs);
    return op;
}

struct store_op *store_export_messages(struct store *s, const char *conversation_id, const int64_t *seqs,
                                       size_t n, store_fn done, void *arg)
{
    return store_op_submit(new_page_op(s, run_messages, conversation_id, seqs, n, done, arg));
}

static enum err run_files(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    size_t bytes = 0, at = 0;
    struct strv ids = {0};
    while (at < in->n && bytes < STORE_EXPORT_PAGE_BYTES && !db->err) {
        sqlite3_stmt *st = db_query(db,
                                    "SELECT content_json FROM messages WHERE seq = ? AND conversation_id = ?",
                                    "it", in->seqs[at++], in->id);
        if (!db_next(db, st))
            continue;
        content_list_attachments((const char *)sqlite3_column_text(st, 0), &ids);
        bytes += (size_t)sqlite3_column_bytes(st, 0);
        db_end(st);
    }
    for (size_t i = 0; i < ids.n; i++) {
        struct attachment_row *row = store_op_row(op, sizeof(*row));
        *row = (struct attachment_row){.id = arena_str(&op->rows, ids.v[i])};
    }
    strv_release(&ids);
    op->result.next_page = (int64_t)at;
    return ERR_OK;
}

struct store_op *store_export_files(struct store *s, const char *conversation_id, const int64_t *seqs,
                                    size_t n, store_fn done, void *arg)
{
    return store_op_submit(new_page_op(s, run_files, conversation_id, seqs, n, done, arg));
}

static enum err run_generations(struct db *db, struct store_op *op)
{
    const struct export_in *in = op->in;
    sqlite3_stmt *st = db_query(db,
                                "SELECT " GENERATION_COLUMNS ", g.seq FROM generations g "
                                "WHERE g.conversation_id = ? AND g.seq > ? ORDER BY g.seq LIMIT ?",
                                "tii", in->id, in->after, (int64_t)STORE_EXPORT_PAGE_ROWS);
    while (db_next(db, st)) {
        row_generation(op, st, store_op_row(op, sizeof(struct generation_row)));
        op->result.next_page = sqlite3_column_int64(st, sqlite3_column_count(st) - 1);
    }
    return ERR_OK;
}

struct store_op *store_export_generations(struct store *s, const char *conversation_id, int64_t after,
                                          store_fn done, void *arg)
{
    struct store_op *op = new_op(s, run_generations, NULL, conversation_id, done, arg);
    ((struct export_in *)op->in)->after = after;
    return store_op_submit(op);
}
