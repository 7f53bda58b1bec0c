/* What people do to the tree of messages: remove a branch, put an edited answer beside another. */
#include "store/store_row.h"
#include "store/store_tree.h"

struct branch_in {
    char *user_id, *id;
    char *new_id, *content_json; /* of an edited answer */
};
struct node { /* the message that is asked for; strings of the result */
    const char *conversation_id, *parent_id, *role;
};

/* Fails with ERR_NOT_FOUND. */
static struct node find(struct db *db, struct store_op *op)
{
    const struct branch_in *in = op->in;
    struct node node = {0};
    sqlite3_stmt *st = db_query(db,
                                "SELECT m.conversation_id, m.parent_id, m.role FROM messages m "
                                "JOIN conversations c ON c.id = m.conversation_id "
                                "WHERE m.id = ? AND c.user_id = ? AND " CONVERSATION_IS_SHOWN,
                                "tt", in->id, in->user_id);
    if (db_next(db, st)) {
        node = (struct node){row_text(op, st, 0), row_text(op, st, 1), row_text(op, st, 2)};
        db_end(st);
    } else {
        db_fail(db, ERR_NOT_FOUND, "No such message");
    }
    return node;
}

/* ---- removing a branch ---- */

/* ?1 and everything below it. */
#define WITH_BRANCH \
    "WITH RECURSIVE branch (id) AS (SELECT ?1 UNION SELECT m.id FROM branch JOIN messages m ON m.parent_id = branch.id) "
/* Generations of conversation ?2 that answer a message of the branch or write one. */
#define GENERATIONS_OF_BRANCH                                 \
    "FROM generations AS g WHERE g.conversation_id = ?2 AND " \
    "(g.message_id IN (SELECT id FROM branch) OR g.answer_id IN (SELECT id FROM branch)) "

/* Its last answer is gone: the message waits again, without a trace of earlier tries. */
static void reopen(struct db *db, const char *message_id)
{
    db_run(db,
           "UPDATE messages SET state = 'pending' WHERE id = ?1 AND role = 'user' AND state = 'answered' "
           "AND NOT EXISTS (SELECT 1 FROM messages WHERE parent_id = ?1 AND role = 'assistant')",
           "t", message_id);
    if (db_changes(db))
        db_run(db, "DELETE FROM generations WHERE message_id = ?", "t", message_id);
}

static enum err run_branch_remove(struct db *db, struct store_op *op)
{
    const struct branch_in *in = op->in;
    struct node node = find(db, op);
    sqlite3_stmt *st = db_query(
        db, WITH_BRANCH "SELECT " GENERATION_COLUMNS " " GENERATIONS_OF_BRANCH "AND g.finished_at = 0", "tt",
        in->id, node.conversation_id);
    while (db_next(db, st))
        row_generation(op, st, store_op_row(op, sizeof(struct generation_row)));
    db_run(db,
           WITH_BRANCH "UPDATE conversations SET leaf_id = ?3 WHERE id = ?2 "
                       "AND leaf_id IN (SELECT id FROM branch)",
           "ttt", in->id, node.conversation_id, node.parent_id);
    db_run(db, WITH_BRANCH "DELETE " GENERATIONS_OF_BRANCH, "tt", in->id, node.conversation_id);
    db_run(db, WITH_BRANCH "DELETE FROM messages WHERE id IN (SELECT id FROM branch)", "t", in->id);
    reopen(db, node.parent_id);
    load_conversation(db, op, in->user_id, node.conversation_id);
    return ERR_OK;
}

struct store_op *store_branch_remove(struct store *s, const char *user_id, const char *id, store_fn done,
                                     void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_branch_remove, sizeof(struct branch_in), done,
                                       arg);
    struct branch_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->id = store_op_text(op, id);
    return store_op_submit(op);
}

/* ---- an edited answer ---- */

/* A row has the new id: it must be the one that an earlier call made. */
static void check_again(struct db *db, const struct branch_in *in, const struct node *node)
{
    if (str_eq(in->new_id, in->id) ||
        !db_has(db,
                "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ? AND parent_id IS ? "
                "AND role = 'assistant'",
                "ttt", in->new_id, node->conversation_id, node->parent_id))
        db_fail(db, ERR_EXISTS, "Another message has this id");
}

static void insert_answer(struct db *db, const struct branch_in *in, const struct node *node)
{
    int64_t now = clock_wall_ms();
    if (!str_eq(node->role, "assistant") ||
        db_has(db, "SELECT 1 FROM generations WHERE answer_id = ? AND finished_at = 0", "t", in->id))
        db_fail(db, ERR_FAILED, "Only an answer that has ended can be edited");
    db_run(
        db,
        "INSERT INTO messages (id, conversation_id, parent_id, role, state, server_id, created_at, content_json) "
        "SELECT ?, conversation_id, parent_id, role, '', server_id, ?, ? FROM messages WHERE id = ?",
        "titt", in->new_id, now, in->content_json, in->id);
    db_run(db, "UPDATE conversations SET updated_at = max(updated_at, ?) WHERE id = ?", "it", now,
           node->conversation_id);
    tree_show(db, node->conversation_id, in->new_id);
}

static enum err run_answer_edit(struct db *db, struct store_op *op)
{
    const struct branch_in *in = op->in;
    struct node node = find(db, op);
    op->result.created = !db_has(db, "SELECT 1 FROM messages WHERE id = ?", "t", in->new_id);
    if (op->result.created)
        insert_answer(db, in, &node);
    else
        check_again(db, in, &node);
    load_message(db, op, in->new_id);
    load_conversation(db, op, in->user_id, node.conversation_id);
    return ERR_OK;
}

struct store_op *store_answer_edit(struct store *s, const char *user_id, const char *id, const char *new_id,
                                   const char *content_json, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_answer_edit, sizeof(struct branch_in), done, arg);
    struct branch_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->id = store_op_text(op, id);
    in->new_id = store_op_text(op, new_id);
    in->content_json = store_op_text(op, content_json);
    return store_op_submit(op);
}
