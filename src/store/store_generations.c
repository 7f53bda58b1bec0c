/* Tables generations and generation_events, and the assistant's messages that they write. */
#include <stdio.h>

#include "store/store_content.h"
#include "store/store_row.h"
#include "store/store_tree.h"

struct generation_in {
    struct generation_row row; /* what the call gives; the rest NULL */
    int64_t after_seq;
    struct events_in events;
};

static struct store_op *new_op(struct store *s, enum store_op_kind kind, store_run_fn run, const char *id,
                               store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, kind, run, sizeof(struct generation_in), done, arg);
    ((struct generation_in *)op->in)->row.id = store_op_text(op, id);
    return op;
}

/* ---- add ---- */

/*
 * To be gone on with: the answer that is named, or, if that never began and is gone, the newest that is there. None that is
 * whole; and none of somebody else, whose id an imported generation may name.
 */
static char *find_answer(struct db *db, struct store_op *op, const struct generation_row *row)
{
    char *id = NULL;
    sqlite3_stmt *st = db_query(
        db,
        "SELECT m.id FROM generations g JOIN messages m ON m.id = g.answer_id AND m.conversation_id = ?1 "
        "WHERE g.message_id = ?2 AND m.role = 'assistant' AND NOT EXISTS "
        "(SELECT 1 FROM generations d WHERE d.message_id = ?2 AND d.answer_id = m.id AND d.state = 'done') "
        "ORDER BY m.id = ?3 DESC, g.seq DESC LIMIT 1",
        "ttt", row->conversation_id, row->message_id, row->answer_id);
    if (db_next(db, st)) {
        id = row_text(op, st, 0);
        db_end(st);
    } else {
        db_fail(db, ERR_NOT_FOUND, "There is no answer to continue");
    }
    return id;
}

static void add_answer(struct db *db, const struct generation_row *row)
{
    db_run(
        db,
        "INSERT INTO messages (id, conversation_id, parent_id, role, state, server_id, created_at, content_json) "
        "VALUES (?, ?, ?, 'assistant', '', ?, ?, '\"\"')",
        "tttti", row->answer_id, row->conversation_id, row->message_id, row->server_id, row->created_at);
}

static enum err run_generation_add(struct db *db, struct store_op *op)
{
    struct generation_row *row = &((struct generation_in *)op->in)->row;
    load_conversation(db, op, row->user_id, row->conversation_id);
    if (!db_has(db, "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ? AND role = 'user'", "tt",
                row->message_id, row->conversation_id))
        return db_fail(db, ERR_NOT_FOUND, "No such message");
    sqlite3_stmt *st = db_query(
        db, "SELECT " GENERATION_COLUMNS " FROM generations g WHERE g.message_id = ? AND g.finished_at = 0",
        "t", row->message_id);
    if (db_next(db, st)) {
        row_one_generation(op, st);
        db_end(st);
        return db_fail(db, ERR_EXISTS, "The message is being answered already");
    }
    if (row->continues)
        row->answer_id = find_answer(db, op, row);
    else
        add_answer(db, row);
    tree_show_answer(db, row);
    db_run(
        db,
        "INSERT INTO generations (id, conversation_id, message_id, answer_id, server_id, user_id, state, "
        "options_json, continues, created_at, outbox, meta_json) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, iif(?9, (SELECT g.meta_json FROM generations g "
        "WHERE g.message_id = ?3 AND g.answer_id = ?4 AND g.meta_json IS NOT NULL ORDER BY g.seq DESC LIMIT 1), NULL))",
        "ttttttttbib", row->id, row->conversation_id, row->message_id, row->answer_id, row->server_id,
        row->user_id, row->state, row->options_json, row->continues, row->created_at, row->outbox);
    db_run(db, "UPDATE messages SET state = 'answered' WHERE id = ?", "t", row->message_id);
    db_run(db, "UPDATE conversations SET updated_at = max(updated_at, ?) WHERE id = ?", "it", clock_wall_ms(),
           row->conversation_id);
    op->result.created = true;
    op->result.n_conversations = 0;
    load_conversation(db, op, row->user_id, row->conversation_id);
    load_generation(db, op, row->id);
    return ERR_OK;
}

struct store_op *store_generation_add(struct store *s, const struct generation_row *row, store_fn done,
                                      void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_generation_add, row->id, done, arg);
    struct generation_row *in = &((struct generation_in *)op->in)->row;
    in->conversation_id = store_op_text(op, row->conversation_id);
    in->message_id = store_op_text(op, row->message_id);
    in->answer_id = store_op_text(op, row->answer_id);
    in->server_id = store_op_text(op, row->server_id);
    in->user_id = store_op_text(op, row->user_id);
    in->state = store_op_text(op, row->state);
    in->options_json = store_op_text(op, row->options_json);
    in->continues = row->continues;
    in->outbox = row->outbox;
    in->created_at = row->created_at ? row->created_at : clock_wall_ms();
    return store_op_submit(op);
}

/* ---- while it runs ---- */

static enum err run_generation_state(struct db *db, struct store_op *op)
{
    const struct generation_row *row = &((struct generation_in *)op->in)->row;
    db_run(db, "UPDATE generations SET state = ? WHERE id = ? AND finished_at = 0", "tt", row->state,
           row->id);
    bool changed = db_changes(db) != 0;
    load_generation(db, op, row->id);
    return changed ? ERR_OK : db_fail(db, ERR_EXISTS, "The generation has ended");
}

struct store_op *store_generation_state(struct store *s, const char *id, const char *state, store_fn done,
                                        void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_generation_state, id, done, arg);
    ((struct generation_in *)op->in)->row.state = store_op_text(op, state);
    return store_op_submit(op);
}

static enum err run_generation_append(struct db *db, struct store_op *op)
{
    const struct generation_in *in = op->in;
    const struct events_in *ev = &in->events;
    /* All of them each time: those of earlier flushes are of no use any more. */
    if (ev->tool_calls_json)
        db_run(db,
               "UPDATE generation_events SET tool_calls_json = NULL WHERE tool_calls_json IS NOT NULL "
               "AND generation = (SELECT seq FROM generations WHERE id = ?)",
               "t", in->row.id);
    db_run(
        db,
        "INSERT INTO generation_events (generation, first_seq, last_seq, content, reasoning, tool_calls_json, frames) "
        "SELECT seq, ?, ?, ?, ?, ?, ? FROM generations WHERE id = ?",
        "iisstst", ev->first_seq, ev->last_seq, ev->content, ev->reasoning, ev->tool_calls_json, ev->frames,
        in->row.id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such generation");
}

struct store_op *store_generation_append(struct store *s, const char *id, const struct events_in *in,
                                         store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_generation_append, id, done, arg);
    ((struct generation_in *)op->in)->events = (struct events_in){
        .first_seq = in->first_seq,
        .last_seq = in->last_seq,
        .frames = store_op_bytes(op, in->frames),
        .content = store_op_bytes(op, in->content),
        .reasoning = store_op_bytes(op, in->reasoning),
        .tool_calls_json = store_op_text(op, in->tool_calls_json)};
    return store_op_submit(op);
}

/* ---- the end ---- */

/* The answer: what it was before, and what the generation added. */
struct answer_text {
    struct buf content, reasoning, tool_calls_json;
};

static void add_column(struct buf *out, sqlite3_stmt *st, int col)
{
    const char *p = (const char *)sqlite3_column_text(st, col);
    buf_add(out, p, (size_t)sqlite3_column_bytes(st, col));
}

static bool read_answer_text(struct db *db, const struct generation_row *g, struct answer_text *out)
{
    sqlite3_stmt *st = db_query(
        db,
        "SELECT content_json, coalesce(reasoning, ''), coalesce(tool_calls_json, '') FROM messages WHERE id = ?",
        "t", g->answer_id);
    if (!db_next(db, st))
        return false;
    content_add_text(span_str((const char *)sqlite3_column_text(st, 0)), &out->content);
    add_column(&out->reasoning, st, 1);
    add_column(&out->tool_calls_json, st, 2);
    db_end(st);
    st = db_query(db,
                  "SELECT content, reasoning, tool_calls_json FROM generation_events "
                  "WHERE generation = (SELECT seq FROM generations WHERE id = ?) ORDER BY first_seq",
                  "t", g->id);
    while (db_next(db, st)) {
        add_column(&out->content, st, 0);
        add_column(&out->reasoning, st, 1);
        if (sqlite3_column_type(st, 2) != SQLITE_NULL) {
            buf_clear(&out->tool_calls_json);
            add_column(&out->tool_calls_json, st, 2);
        }
    }
    return true;
}

static const char *text_or_null(const struct buf *b)
{
    return b->len ? buf_str(b) : NULL;
}

static void write_answer(struct db *db, const struct generation_row *g, const struct answer_text *text)
{
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    jw_span(&w, buf_span(&text->content));
    db_run(db, "UPDATE messages SET content_json = ?, reasoning = ?, tool_calls_json = ? WHERE id = ?",
           "sttt", buf_span(json), text_or_null(&text->reasoning), text_or_null(&text->tool_calls_json),
           g->answer_id);
}

/* The answer never began: it goes, and the message waits again, unless another answer of it is there. */
static void remove_answer(struct db *db, const struct generation_row *g)
{
    db_run(
        db,
        "UPDATE messages SET parent_id = (SELECT parent_id FROM messages WHERE id = ?1) WHERE parent_id = ?1",
        "t", g->answer_id);
    db_run(db, "DELETE FROM messages WHERE id = ?", "t", g->answer_id);
    tree_leave_answer(db, g);
    db_run(db,
           "UPDATE messages SET state = 'pending' WHERE id = ?1 AND NOT EXISTS "
           "(SELECT 1 FROM messages WHERE parent_id = ?1 AND role = 'assistant')",
           "t", g->message_id);
}

/* when_empty: the state it ends in if the answer has neither text nor tool calls. */
static void finish(struct db *db, const struct generation_row *g, const char *state, const char *when_empty,
                   const char *error_json, const char *meta_json)
{
    struct answer_text text = {0};
    bool has_answer = read_answer_text(db, g, &text);
    bool is_empty = text.content.len == 0 && text.reasoning.len == 0 && text.tool_calls_json.len == 0;
    if (is_empty)
        state = when_empty;
    if (has_answer && is_empty && str_eq(state, "failed"))
        remove_answer(db, g);
    else if (has_answer)
        write_answer(db, g, &text);
    buf_release(&text.content);
    buf_release(&text.reasoning);
    buf_release(&text.tool_calls_json);
    int64_t now = clock_wall_ms();
    db_run(
        db,
        "UPDATE generations SET state = ?, error_json = ?, meta_json = coalesce(?, meta_json), finished_at = ? "
        "WHERE id = ?",
        "tttit", state, error_json, meta_json, now, g->id);
    db_run(db, "UPDATE conversations SET updated_at = max(updated_at, ?) WHERE id = ?", "it", now,
           g->conversation_id);
}

static enum err run_generation_finish(struct db *db, struct store_op *op)
{
    const struct generation_row *in = &((struct generation_in *)op->in)->row;
    load_generation(db, op, in->id);
    if (db->err != ERR_OK)
        return db->err;
    const struct generation_row *g = op->result.generation;
    if (g->finished_at)
        return db_fail(db, ERR_EXISTS, "The generation has ended");
    finish(db, g, in->state, in->state, in->error_json, in->meta_json);
    load_conversation(db, op, g->user_id, g->conversation_id);
    load_generation(db, op, in->id);
    return ERR_OK;
}

struct store_op *store_generation_finish(struct store *s, const char *id, const char *state,
                                         const char *error_json, const char *meta_json, store_fn done,
                                         void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_generation_finish, id, done, arg);
    struct generation_row *in = &((struct generation_in *)op->in)->row;
    in->state = store_op_text(op, state);
    in->error_json = store_op_text(op, error_json);
    in->meta_json = store_op_text(op, meta_json);
    return store_op_submit(op);
}

static void add_generation_rows(struct db *db, struct store_op *op, sqlite3_stmt *st)
{
    while (db_next(db, st))
        row_generation(op, st, store_op_row(op, sizeof(struct generation_row)));
}

#define IS_WITHOUT_TEXT                                                    \
    "g.finished_at = 0 AND NOT EXISTS (SELECT 1 FROM generation_events e " \
    "WHERE e.generation = g.seq AND (e.content <> '' OR e.reasoning <> '' OR e.tool_calls_json IS NOT NULL))"

static void queue_again(struct db *db, const char *id, const char *new_id)
{
    db_run(db, "DELETE FROM generation_events WHERE generation = (SELECT seq FROM generations WHERE id = ?)",
           "t", id);
    db_run(db, "UPDATE generations SET state = 'queued', id = ? WHERE id = ?", "tt", new_id, id);
}

static enum err run_generation_requeue(struct db *db, struct store_op *op)
{
    const struct generation_row *in = &((struct generation_in *)op->in)->row;
    char new_id[UUID_LEN + 1];
    rand_uuid(new_id);
    if (!db_has(db, "SELECT 1 FROM generations g WHERE g.id = ? AND " IS_WITHOUT_TEXT, "t", in->id))
        return db_fail(db, ERR_EXISTS, "The generation has text, or has ended");
    queue_again(db, in->id, new_id);
    load_generation(db, op, new_id);
    if (db->err == ERR_OK)
        *(struct generation_row *)store_op_row(op, sizeof(struct generation_row)) = *op->result.generation;
    return ERR_OK;
}

struct store_op *store_generation_requeue(struct store *s, const char *id, store_fn done, void *arg)
{
    return store_op_submit(new_op(s, STORE_WRITE, run_generation_requeue, id, done, arg));
}

/* Who sent them goes on trusting that they are answered. */
static void queue_outbox_again(struct db *db, struct store_op *op)
{
    add_generation_rows(db, op,
                        db_query(db,
                                 "SELECT " GENERATION_COLUMNS " FROM generations g WHERE g.outbox "
                                 "AND g.state <> 'queued' AND " IS_WITHOUT_TEXT,
                                 ""));
    for (size_t i = 0; i < op->result.n; i++) {
        char new_id[UUID_LEN + 1];
        rand_uuid(new_id);
        queue_again(db, op->result.generations[i].id, new_id);
    }
    op->result.n = 0;
}

static enum err run_generations_recover(struct db *db, struct store_op *op)
{
    const struct generation_row *in = &((struct generation_in *)op->in)->row;
    queue_outbox_again(db, op);
    add_generation_rows(db, op,
                        db_query(db,
                                 "SELECT " GENERATION_COLUMNS " FROM generations g WHERE g.finished_at = 0 "
                                 "AND g.state IN ('connecting', 'streaming')",
                                 ""));
    for (size_t i = 0; i < op->result.n; i++)
        finish(db, &op->result.generations[i], "interrupted", "failed", in->error_json, NULL);
    op->result.n = 0;
    add_generation_rows(db, op,
                        db_query(db,
                                 "SELECT " GENERATION_COLUMNS " FROM generations g WHERE g.finished_at = 0 "
                                 "ORDER BY g.seq",
                                 ""));
    return ERR_OK;
}

struct store_op *store_generations_recover(struct store *s, const char *error_json, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_WRITE, run_generations_recover, NULL, done, arg);
    ((struct generation_in *)op->in)->row.error_json = store_op_text(op, error_json);
    return store_op_submit(op);
}

/* ---- reading ---- */

static void check_owner(struct db *db, const struct store_op *op, const char *user_id)
{
    if (db->err == ERR_OK && user_id && !str_eq(op->result.generation->user_id, user_id))
        db_fail(db, ERR_NOT_FOUND, "No such generation");
}

static enum err run_generation_read(struct db *db, struct store_op *op)
{
    const struct generation_row *in = &((struct generation_in *)op->in)->row;
    load_generation(db, op, in->id);
    check_owner(db, op, in->user_id);
    if (db->err == ERR_OK)
        *(struct generation_row *)store_op_row(op, sizeof(struct generation_row)) = *op->result.generation;
    return ERR_OK;
}

struct store_op *store_generation_read(struct store *s, const char *user_id, const char *id, store_fn done,
                                       void *arg)
{
    struct store_op *op = new_op(s, STORE_READ, run_generation_read, id, done, arg);
    ((struct generation_in *)op->in)->row.user_id = store_op_text(op, user_id);
    return store_op_submit(op);
}

/* A flush that begins before the asked event loses its head, so that nobody gets an event twice. */
static void drop_frames_before(struct events_row *row, int64_t seq)
{
    char mark[48];
    snprintf(mark, sizeof(mark), "\n\nid: %lld\n", (long long)seq);
    char *at = row->first_seq < seq ? strstr(row->frames, mark) : NULL;
    if (!at)
        return;
    row->frames = at + 2;
    row->first_seq = seq;
}

static enum err run_generation_events(struct db *db, struct store_op *op)
{
    const struct generation_in *in = op->in;
    load_generation(db, op, in->row.id);
    check_owner(db, op, in->row.user_id);
    sqlite3_stmt *st = db_query(
        db,
        "SELECT first_seq, last_seq, frames FROM generation_events "
        "WHERE generation = (SELECT seq FROM generations WHERE id = ?) AND last_seq > ? "
        "ORDER BY first_seq",
        "ti", in->row.id, in->after_seq);
    while (db_next(db, st)) {
        struct events_row *row = store_op_row(op, sizeof(*row));
        *row = (struct events_row){
            .first_seq = sqlite3_column_int64(st, 0),
            .last_seq = sqlite3_column_int64(st, 1),
            .frames = row_text(op, st, 2),
        };
        drop_frames_before(row, in->after_seq + 1);
    }
    return ERR_OK;
}

struct store_op *store_generation_events(struct store *s, const char *user_id, const char *id,
                                         int64_t after_seq, store_fn done, void *arg)
{
    struct store_op *op = new_op(s, STORE_READ, run_generation_events, id, done, arg);
    struct generation_in *in = op->in;
    in->row.user_id = store_op_text(op, user_id);
    in->after_seq = after_seq;
    return store_op_submit(op);
}
