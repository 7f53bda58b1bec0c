/* Removes what imports left that did not come to their end: a little in each call, so that others get their turn. */
#include <stdio.h>

#include "store/store_row.h"

#define MAX_ROWS  100 /* of one step */
#define MAX_FILES 4   /* which may be large */

/* Rows that belong to no import of ?1. */
#define IS_LEFT "import_id IS NOT NULL AND import_id NOT IN (SELECT value FROM json_each(?1)) "

/* Deletes up to n rows of one conversation, itself last. Returns how many. */
static int64_t empty_conversation(struct db *db, const char *id, int64_t n)
{
    /* The messages first: the search takes their words out while it is known whose they are. */
    db_run(db,
           "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages WHERE conversation_id = ? LIMIT ?)",
           "ti", id, n);
    int64_t n_gone = db_changes(db);
    if (n_gone < n) {
        db_run(
            db,
            "DELETE FROM generations WHERE seq IN (SELECT seq FROM generations WHERE conversation_id = ? LIMIT ?)",
            "ti", id, n - n_gone);
        n_gone += db_changes(db);
    }
    if (n_gone < n) {
        db_run(db, "DELETE FROM conversations WHERE id = ?", "t", id);
        n_gone++;
    }
    return n_gone;
}

static bool clean_conversations(struct db *db, const char *active_json)
{
    for (int64_t left = MAX_ROWS; left > 0 && db->err == ERR_OK;) {
        char id[UUID_LEN + 1] = "";
        sqlite3_stmt *st = db_query(db, "SELECT id FROM conversations WHERE " IS_LEFT "LIMIT 1", "t",
                                    active_json);
        if (db_next(db, st)) {
            (void)snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(st, 0));
            db_end(st);
        }
        if (!id[0])
            return false;
        left -= empty_conversation(db, id, left);
    }
    return true;
}

static enum err run_clean(struct db *db, struct store_op *op)
{
    const char *active_json = *(char **)op->in;
    op->result.is_unfinished = true;
    if (clean_conversations(db, active_json))
        return ERR_OK;
    db_run(db,
           "DELETE FROM attachments WHERE rowid IN (SELECT rowid FROM attachments WHERE " IS_LEFT "LIMIT ?2)",
           "ti", active_json, (int64_t)MAX_FILES);
    if (db_changes(db) > 0)
        return ERR_OK;
    db_run(db, "DELETE FROM folders WHERE " IS_LEFT, "t", active_json);
    op->result.is_unfinished = false;
    return ERR_OK;
}

struct store_op *store_import_clean(struct store *s, const char *active_json, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_clean, sizeof(char *), done, arg);
    *(char **)op->in = store_op_text(op, active_json);
    return store_op_submit(op);
}
