/* Which path of a conversation's tree is shown, after each change of the tree. */
#include "store/store_tree.h"

void tree_show(struct db *db, const char *conversation_id, const char *message_id)
{
    db_run(db, "UPDATE conversations SET leaf_id = ? WHERE id = ?", "tt", message_id, conversation_id);
}

void tree_show_answer(struct db *db, const struct generation_row *g)
{
    db_run(db,
           "UPDATE conversations SET leaf_id = ?1 WHERE id = ?2 AND (leaf_id = ?3 OR leaf_id IN "
           "(SELECT id FROM messages WHERE parent_id = ?3 AND role = 'assistant'))",
           "ttt", g->answer_id, g->conversation_id, g->message_id);
}

void tree_leave(struct db *db, const char *conversation_id, const char *gone_id, const char *next_id)
{
    db_run(db, "UPDATE conversations SET leaf_id = ? WHERE id = ? AND leaf_id = ?", "ttt", next_id,
           conversation_id, gone_id);
}

void tree_leave_answer(struct db *db, const struct generation_row *g)
{
    db_run(db,
           "UPDATE conversations SET leaf_id = coalesce((SELECT id FROM messages WHERE parent_id = ?1 "
           "AND role = 'assistant' ORDER BY seq DESC LIMIT 1), ?1) WHERE id = ?2 AND leaf_id = ?3",
           "ttt", g->message_id, g->conversation_id, g->answer_id);
}
