/* Upkeep of conversations.leaf_id, the end of the path that is shown (see store.h); for the files that change the tree. */
#ifndef HOB_STORE_TREE_H
#define HOB_STORE_TREE_H

#include "store/store.h"
#include "store/store_db.h"

/* The message becomes the leaf; NULL: the newest path is shown. */
void tree_show(struct db *db, const char *conversation_id, const char *message_id);
/* The generation writes its answer now: it becomes the leaf where the leaf is its message or another answer to it. */
void tree_show_answer(struct db *db, const struct generation_row *g);
/* gone_id is removed: where it was the leaf, next_id (or NULL) becomes it. */
void tree_leave(struct db *db, const char *conversation_id, const char *gone_id, const char *next_id);
/* The generation's answer was removed because it stayed empty: back to what was shown before it. */
void tree_leave_answer(struct db *db, const struct generation_row *g);

#endif
