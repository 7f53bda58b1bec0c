/* Logs of answers that ended long ago: found, and replaced by short ones. */
#include "store/store_row.h"

struct compact_in {
    char *id;
    int64_t before, last_seq;
    struct span frames;
};

static char *joined(struct store_op *op, const struct buf *b)
{
    return arena_span(&op->rows, buf_span(b));
}

/* Which of the tool calls this log brought: only its frames say it. */
static void add_frames(struct db *db, struct store_op *op, struct events_row *row, const char *id)
{
    AUTO(buf) struct buf *frames = buf_new();
    sqlite3_stmt *st = db_query(
        db,
        "SELECT frames FROM generation_events "
        "WHERE generation = (SELECT seq FROM generations WHERE id = ?) ORDER BY first_seq",
        "t", id);
    while (db_next(db, st))
        buf_add(frames, (const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));
    row->frames = joined(op, frames);
}

static void add_texts(struct db *db, struct store_op *op, const char *id)
{
    AUTO(buf) struct buf *content = buf_new();
    AUTO(buf) struct buf *reasoning = buf_new();
    struct events_row *row = store_op_row(op, sizeof *row);
    sqlite3_stmt *st = db_query(
        db,
        "SELECT content, reasoning, tool_calls_json FROM generation_events "
        "WHERE generation = (SELECT seq FROM generations WHERE id = ?) ORDER BY first_seq",
        "t", id);
    while (db_next(db, st)) {
        buf_add(content, (const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));
        buf_add(reasoning, (const char *)sqlite3_column_text(st, 1), (size_t)sqlite3_column_bytes(st, 1));
        if (sqlite3_column_type(st, 2) != SQLITE_NULL)
            row->tool_calls_json = row_text(op, st, 2);
    }
    row->content = joined(op, content);
    row->reasoning = joined(op, reasoning);
    if (row->tool_calls_json)
        add_frames(db, op, row, id);
}

#define MAX_UNLOGGED 500 /* looked at in one step */

/* What was imported never had a log. */
static void pass_over_unlogged(struct db *db, int64_t before)
{
    db_run(
        db,
        "UPDATE generations SET compact = 1 WHERE seq IN (SELECT seq FROM generations WHERE finished_at > 0 "
        "AND compact = 0 AND finished_at < ? ORDER BY finished_at LIMIT ?) "
        "AND NOT EXISTS (SELECT 1 FROM generation_events e WHERE e.generation = generations.seq)",
        "ii", before, (int64_t)MAX_UNLOGGED);
}

static enum err run_generation_long(struct db *db, struct store_op *op)
{
    const struct compact_in *in = op->in;
    pass_over_unlogged(db, in->before);
    sqlite3_stmt *st = db_query(db,
                                "SELECT " GENERATION_COLUMNS
                                " FROM generations g WHERE g.finished_at > 0 AND g.compact = 0 "
                                "AND g.finished_at < ? ORDER BY g.finished_at LIMIT 1",
                                "i", in->before);
    if (!db_next(db, st))
        return ERR_OK;
    row_one_generation(op, st);
    db_end(st);
    add_texts(db, op, op->result.generation->id);
    return ERR_OK;
}

struct store_op *store_generation_long(struct store *s, int64_t before, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_generation_long, sizeof(struct compact_in), done,
                                       arg);
    ((struct compact_in *)op->in)->before = before;
    return store_op_submit(op);
}

static enum err run_generation_compact(struct db *db, struct store_op *op)
{
    const struct compact_in *in = op->in;
    db_run(db, "UPDATE generations SET compact = 1 WHERE id = ? AND finished_at > 0", "t", in->id);
    if (db_changes(db) == 0)
        return db_fail(db, ERR_NOT_FOUND, "No such generation");
    db_run(db, "DELETE FROM generation_events WHERE generation = (SELECT seq FROM generations WHERE id = ?)",
           "t", in->id);
    db_run(db,
           "INSERT INTO generation_events (generation, first_seq, last_seq, content, reasoning, frames) "
           "SELECT seq, 1, ?, '', '', ? FROM generations WHERE id = ?",
           "ist", in->last_seq, in->frames, in->id);
    return ERR_OK;
}

struct store_op *store_generation_compact(struct store *s, const char *id, int64_t last_seq,
                                          struct span frames, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_generation_compact, sizeof(struct compact_in),
                                       done, arg);
    struct compact_in *in = op->in;
    in->id = store_op_text(op, id);
    in->last_seq = last_seq;
    in->frames = store_op_bytes(op, frames);
    return store_op_submit(op);
}
