/* From SQL rows to the structs of store.h, and the look-ups that more than one table's file needs. */
#ifndef HOB_STORE_ROW_H
#define HOB_STORE_ROW_H

#include "store/store_op.h"

/* Column `col` as a string of the result; NULL for SQL's NULL. */
char *row_text(struct store_op *op, sqlite3_stmt *st, int col);

/* In a condition on conversations c: it is neither part of an import under way nor removed. */
#define CONVERSATION_IS_SHOWN "c.import_id IS NULL "
/* import_id of a conversation that was removed, until store_sweep has taken its rows. No import has such an id. */
#define CONVERSATION_REMOVED "removed"

/* In a condition on attachments a: it is not part of an import under way. */
#define ATTACHMENT_IS_SHOWN "NOT EXISTS (SELECT 1 FROM attachment_imports h WHERE h.attachment_id = a.id) "

/* Attachment `id` is kept from now on for STORE_ATTACHMENT_HOLD_MS, also if nothing names it. */
void attachment_hold(struct db *db, const char *id);

/* The columns that row_conversation, row_message and row_generation read, from column 0 on. */
#define CONVERSATION_COLUMNS                                                                                             \
    "c.id, c.user_id, c.title, c.titled_by, c.server_id, c.folder_id, c.leaf_id, c.created_at, c.updated_at, c.pinned, " \
    "c.archived, EXISTS (SELECT 1 FROM generations o WHERE o.conversation_id = c.id AND o.finished_at = 0)"
/* The same with the settings, which lists leave out. */
#define CONVERSATION_ALL_COLUMNS CONVERSATION_COLUMNS ", c.options_json, c.system_prompt"
/* From messages m LEFT JOIN generations g MESSAGE_NEWEST_GENERATION. */
#define MESSAGE_COLUMNS                                                                                                        \
    "m.id, m.conversation_id, m.parent_id, m.role, m.content_json, m.reasoning, m.tool_calls_json, "                           \
    "iif(m.role = 'user', m.state, coalesce(g.state, 'done')), m.server_id, g.id, g.options_json, g.error_json, g.meta_json, " \
    "m.created_at"
#define MESSAGE_NEWEST_GENERATION                                                                  \
    "ON g.seq = iif(m.role = 'user', (SELECT max(seq) FROM generations WHERE message_id = m.id), " \
    "(SELECT max(seq) FROM generations WHERE answer_id = m.id)) "
#define FOLDER_COLUMNS  "f.id, f.user_id, f.name, f.created_at"
#define FOLDER_IS_SHOWN "f.import_id IS NULL " /* not of an import under way */
#define GENERATION_COLUMNS                                                                                  \
    "g.id, g.conversation_id, g.message_id, g.answer_id, g.server_id, g.user_id, g.state, g.options_json, " \
    "g.error_json, g.meta_json, g.continues, g.created_at, g.finished_at, g.outbox"

void row_conversation(struct store_op *op, sqlite3_stmt *st, struct conversation_row *out);
void row_message(struct store_op *op, sqlite3_stmt *st, struct message_row *out);
void row_generation(struct store_op *op, sqlite3_stmt *st, struct generation_row *out);
/* The same, into result.generation. */
void row_one_generation(struct store_op *op, sqlite3_stmt *st);
/* Columns id, user_id, name, mime, sha256, created_at, length(bytes), bytes. */
void row_attachment(struct store_op *op, sqlite3_stmt *st, struct attachment_row *out);
/* All rows of a query for FOLDER_COLUMNS go into the result. */
void add_folders(struct db *db, struct store_op *op, sqlite3_stmt *st);

/* Puts the conversation into the result. Fails with ERR_NOT_FOUND when there is none or somebody else owns it. */
void load_conversation(struct db *db, struct store_op *op, const char *user_id, const char *id);
/* Puts the message into the result's rows. Nothing when there is none. */
void load_message(struct db *db, struct store_op *op, const char *id);
/* Puts it into result.generation. Fails with ERR_NOT_FOUND. */
void load_generation(struct db *db, struct store_op *op, const char *id);

#endif
