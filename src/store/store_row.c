/* Rows that several tables' files read. */
#include "store/store_row.h"

char *row_text(struct store_op *op, sqlite3_stmt *st, int col)
{
    const char *p = (const char *)sqlite3_column_text(st, col);
    return p ? arena_span(&op->rows, span_of(p, (size_t)sqlite3_column_bytes(st, col))) : NULL;
}

void row_conversation(struct store_op *op, sqlite3_stmt *st, struct conversation_row *out)
{
    *out = (struct conversation_row){
        .id = row_text(op, st, 0),
        .user_id = row_text(op, st, 1),
        .title = row_text(op, st, 2),
        .titled_by = row_text(op, st, 3),
        .server_id = row_text(op, st, 4),
        .folder_id = row_text(op, st, 5),
        .leaf_id = row_text(op, st, 6),
        .created_at = sqlite3_column_int64(st, 7),
        .updated_at = sqlite3_column_int64(st, 8),
        .pinned = sqlite3_column_int(st, 9) != 0,
        .archived = sqlite3_column_int(st, 10) != 0,
        .generating = sqlite3_column_int(st, 11) != 0,
    };
    if (sqlite3_column_count(st) > 12) {
        out->options_json = row_text(op, st, 12);
        out->system_prompt = row_text(op, st, 13);
    }
}

void row_message(struct store_op *op, sqlite3_stmt *st, struct message_row *out)
{
    *out = (struct message_row){
        .id = row_text(op, st, 0),
        .conversation_id = row_text(op, st, 1),
        .parent_id = row_text(op, st, 2),
        .role = row_text(op, st, 3),
        .content_json = row_text(op, st, 4),
        .reasoning = row_text(op, st, 5),
        .tool_calls_json = row_text(op, st, 6),
        .state = row_text(op, st, 7),
        .server_id = row_text(op, st, 8),
        .generation_id = row_text(op, st, 9),
        .options_json = row_text(op, st, 10),
        .error_json = row_text(op, st, 11),
        .meta_json = row_text(op, st, 12),
        .created_at = sqlite3_column_int64(st, 13),
    };
}

void row_generation(struct store_op *op, sqlite3_stmt *st, struct generation_row *out)
{
    *out = (struct generation_row){
        .id = row_text(op, st, 0),
        .conversation_id = row_text(op, st, 1),
        .message_id = row_text(op, st, 2),
        .answer_id = row_text(op, st, 3),
        .server_id = row_text(op, st, 4),
        .user_id = row_text(op, st, 5),
        .state = row_text(op, st, 6),
        .options_json = row_text(op, st, 7),
        .error_json = row_text(op, st, 8),
        .meta_json = row_text(op, st, 9),
        .continues = sqlite3_column_int(st, 10) != 0,
        .created_at = sqlite3_column_int64(st, 11),
        .finished_at = sqlite3_column_int64(st, 12),
        .outbox = sqlite3_column_int(st, 13) != 0,
    };
}

void row_one_generation(struct store_op *op, sqlite3_stmt *st)
{
    op->result.generation = arena_alloc(&op->rows, sizeof(struct generation_row));
    row_generation(op, st, op->result.generation);
}

void add_folders(struct db *db, struct store_op *op, sqlite3_stmt *st)
{
    while (db_next(db, st)) {
        struct folder_row *row = store_op_row(op, sizeof(*row));
        *row = (struct folder_row){
            .id = row_text(op, st, 0),
            .user_id = row_text(op, st, 1),
            .name = row_text(op, st, 2),
            .created_at = sqlite3_column_int64(st, 3),
        };
    }
}

void row_attachment(struct store_op *op, sqlite3_stmt *st, struct attachment_row *out)
{
    *out = (struct attachment_row){
        .id = row_text(op, st, 0),
        .user_id = row_text(op, st, 1),
        .name = row_text(op, st, 2),
        .mime = row_text(op, st, 3),
        .sha256 = row_text(op, st, 4),
        .created_at = sqlite3_column_int64(st, 5),
        .size_bytes = sqlite3_column_int64(st, 6),
    };
    /* blob before bytes: the order that sqlite3_column_bytes asks for */
    const char *p = sqlite3_column_blob(st, 7);
    size_t len = (size_t)sqlite3_column_bytes(st, 7);
    out->bytes = span_of(arena_span(&op->rows, span_of(p, len)), len);
}

void load_conversation(struct db *db, struct store_op *op, const char *user_id, const char *id)
{
    sqlite3_stmt *st = db_query(
        db,
        "SELECT " CONVERSATION_ALL_COLUMNS
        " FROM conversations c WHERE c.id = ? AND c.user_id = ? AND " CONVERSATION_IS_SHOWN,
        "tt", id, user_id);
    if (db_next(db, st)) {
        row_conversation(op, st, store_op_conversation(op));
        db_end(st);
    } else {
        db_fail(db, ERR_NOT_FOUND, "No such conversation");
    }
}

void load_message(struct db *db, struct store_op *op, const char *id)
{
    sqlite3_stmt *st = db_query(db,
                                "SELECT " MESSAGE_COLUMNS
                                " FROM messages m LEFT JOIN generations g " MESSAGE_NEWEST_GENERATION
                                "WHERE m.id = ?",
                                "t", id);
    if (db_next(db, st)) {
        row_message(op, st, store_op_row(op, sizeof(struct message_row)));
        db_end(st);
    }
}

void load_generation(struct db *db, struct store_op *op, const char *id)
{
    sqlite3_stmt *st = db_query(db,
                                "SELECT " GENERATION_COLUMNS
                                " FROM generations g JOIN conversations c ON c.id = g.conversation_id "
                                "WHERE g.id = ? AND " CONVERSATION_IS_SHOWN,
                                "t", id);
    if (db_next(db, st)) {
        row_one_generation(op, st);
        db_end(st);
    } else {
        db_fail(db, ERR_NOT_FOUND, "No such generation");
    }
}
