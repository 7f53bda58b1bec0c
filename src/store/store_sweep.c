/* Removes what nobody sees any more: a little in each call, so that others get their turn. */
#include <stdio.h>

#include "store/store_row.h"

/* Of one step. What bounds its time is the text that the search has to forget. */
#define MAX_ROWS       100
#define MAX_BYTES      ((int64_t)128 << 10)
#define MAX_FILE_BYTES ((int64_t)8 << 20)

struct budget {
    int64_t rows, bytes;
};

/* Rows of removed conversations (CONVERSATION_REMOVED), and those that belong to no import of ?1. */
#define IS_LEFT "import_id IS NOT NULL AND import_id NOT IN (SELECT value FROM json_each(?1)) "

static bool is_used_up(const struct budget *b)
{
    return b->rows <= 0 || b->bytes <= 0;
}

/* st has numbers of rows, ascending, and their sizes. The last number that the budget allows, at least the first; 0: there
 * is no row. */
static int64_t take(struct db *db, sqlite3_stmt *st, struct budget *b)
{
    int64_t last = 0;
    while (db_next(db, st)) {
        last = sqlite3_column_int64(st, 0);
        b->bytes -= sqlite3_column_int64(st, 1);
        b->rows--;
        if (is_used_up(b)) {
            db_end(st);
            break;
        }
    }
    return last;
}

static void remove_messages(struct db *db, const char *conversation_id, struct budget *b)
{
    int64_t last = take(db,
                        db_query(db,
                                 "SELECT seq, length(CAST(content_json AS BLOB)) FROM messages "
                                 "WHERE conversation_id = ? ORDER BY seq LIMIT ?",
                                 "ti", conversation_id, b->rows),
                        b);
    if (last)
        db_run(db, "DELETE FROM messages WHERE conversation_id = ? AND seq <= ?", "ti", conversation_id,
               last);
}

static void remove_generations(struct db *db, const char *conversation_id, struct budget *b)
{
    int64_t last = take(
        db,
        db_query(db,
                 "SELECT seq, (SELECT total(length(CAST(frames AS BLOB))) FROM generation_events "
                 "WHERE generation = g.seq) FROM generations g "
                 "WHERE conversation_id = ? ORDER BY seq LIMIT ?",
                 "ti", conversation_id, b->rows),
        b);
    if (last)
        db_run(db, "DELETE FROM generations WHERE conversation_id = ? AND seq <= ?", "ti", conversation_id,
               last);
}

/* Some of its rows, itself last. The messages go first: the search takes their words out while it is known whose they are. */
static void remove_some(struct db *db, const char *conversation_id, struct budget *b)
{
    remove_messages(db, conversation_id, b);
    if (!is_used_up(b))
        remove_generations(db, conversation_id, b);
    if (!is_used_up(b)) {
        db_run(db, "DELETE FROM conversations WHERE id = ?", "t", conversation_id);
        b->rows--;
    }
}

/* True: there may be more. */
static bool sweep_conversations(struct db *db, const char *active_json)
{
    struct budget b = {MAX_ROWS, MAX_BYTES};
    while (!is_used_up(&b) && db->err == ERR_OK) {
        char id[UUID_LEN + 1] = "";
        /* Removed ones first: the ids of imports under way stand before them in the index. */
        sqlite3_stmt *st = db_query(
            db, "SELECT id FROM conversations WHERE " IS_LEFT "ORDER BY import_id DESC LIMIT 1", "t",
            active_json);
        if (db_next(db, st)) {
            (void)snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(st, 0));
            db_end(st);
        }
        if (!id[0])
            return false;
        remove_some(db, id, &b);
    }
    return true;
}

/* st has numbers of rows of attachments and their sizes. True: there may be more. */
static bool remove_attachments(struct db *db, sqlite3_stmt *st)
{
    struct budget b = {MAX_ROWS, MAX_FILE_BYTES};
    int64_t rows[MAX_ROWS];
    size_t n = 0;
    while (!is_used_up(&b) && db_next(db, st)) {
        rows[n++] = sqlite3_column_int64(st, 0);
        b.bytes -= sqlite3_column_int64(st, 1);
        b.rows--;
    }
    if (is_used_up(&b))
        db_end(st);
    for (size_t i = 0; i < n; i++)
        db_run(db, "DELETE FROM attachments WHERE rowid = ?", "i", rows[i]);
    return n > 0;
}

static bool sweep_left_attachments(struct db *db, const char *active_json)
{
    return remove_attachments(db, db_query(db,
                                           "SELECT a.rowid, length(a.bytes) FROM attachment_imports h "
                                           "CROSS JOIN attachments a ON a.id = h.attachment_id WHERE " IS_LEFT
                                           "LIMIT ?2",
                                           "ti", active_json, (int64_t)MAX_ROWS));
}

/* All attachments are looked at in the index of their ids, which has no bytes; the table is read for those found only. */
static bool sweep_unused_attachments(struct db *db)
{
    return remove_attachments(
        db,
        db_query(
            db,
            "SELECT rowid, length(bytes) FROM attachments WHERE rowid IN ("
            "SELECT a.rowid FROM attachments a WHERE " ATTACHMENT_IS_SHOWN
            "AND NOT EXISTS (SELECT 1 FROM attachment_uses u WHERE u.attachment_id = a.id) "
            "AND NOT EXISTS (SELECT 1 FROM attachment_holds k WHERE k.attachment_id = a.id AND until > ?1) "
            "LIMIT ?2)",
            "ii", clock_wall_ms(), (int64_t)MAX_ROWS));
}

static enum err run_sweep(struct db *db, struct store_op *op)
{
    const char *active_json = *(char **)op->in;
    op->result.is_unfinished = sweep_conversations(db, active_json) ||
                               sweep_left_attachments(db, active_json) || sweep_unused_attachments(db);
    if (!op->result.is_unfinished)
        db_run(db, "DELETE FROM folders WHERE " IS_LEFT, "t", active_json);
    return ERR_OK;
}

struct store_op *store_sweep(struct store *s, const char *active_json, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_sweep, sizeof(char *), done, arg);
    *(char **)op->in = store_op_text(op, active_json);
    return store_op_submit(op);
}
