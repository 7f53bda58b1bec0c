/* Table folders. */
#include "store/store_row.h"

static void load_folder(struct db *db, struct store_op *op)
{
    const struct folder_row *in = op->in;
    add_folders(db, op,
                db_query(db,
                         "SELECT " FOLDER_COLUMNS
                         " FROM folders f WHERE f.id = ? AND f.user_id = ? AND " FOLDER_IS_SHOWN,
                         "tt", in->id, in->user_id));
    if (db->err == ERR_OK && op->result.n == 0)
        db_fail(db, ERR_NOT_FOUND, "There is no such folder");
}

static struct store_op *new_op(struct store *s, enum store_op_kind kind, store_run_fn run,
                               const struct folder_row *row, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, kind, run, sizeof(*row), done, arg);
    *(struct folder_row *)op->in = (struct folder_row){
        .id = store_op_text(op, row->id),
        .user_id = store_op_text(op, row->user_id),
        .name = store_op_text(op, row->name),
        .created_at = row->created_at ? row->created_at : clock_wall_ms(),
    };
    return op;
}

static enum err run_list(struct db *db, struct store_op *op)
{
    const struct folder_row *in = op->in;
    add_folders(db, op,
                db_query(db,
                         "SELECT " FOLDER_COLUMNS " FROM folders f WHERE f.user_id = ? AND " FOLDER_IS_SHOWN
                         "ORDER BY f.name",
                         "t", in->user_id));
    return ERR_OK;
}

struct store_op *store_folders_list(struct store *s, const char *user_id, store_fn done, void *arg)
{
    struct folder_row row = {.user_id = (char *)(uintptr_t)user_id};
    return store_op_submit(new_op(s, STORE_READ, run_list, &row, done, arg));
}

static void check_name(struct db *db, const struct folder_row *in)
{
    if (db_has(db, "SELECT 1 FROM folders WHERE user_id = ? AND name = ? AND id <> ?", "ttt", in->user_id,
               in->name, in->id))
        db_fail(db, ERR_EXISTS, "\"name\" is taken by another folder");
}

static enum err run_add(struct db *db, struct store_op *op)
{
    const struct folder_row *in = op->in;
    check_name(db, in);
    if (db_has(db, "SELECT 1 FROM folders WHERE user_id = ? LIMIT 1 OFFSET ?", "ti", in->user_id,
               (int64_t)STORE_MAX_FOLDERS - 1))
        db_fail(db, ERR_LIMITED, "%d folders are there already", STORE_MAX_FOLDERS);
    db_run(db, "INSERT INTO folders (id, user_id, name, created_at) VALUES (?, ?, ?, ?)", "ttti", in->id,
           in->user_id, in->name, in->created_at);
    load_folder(db, op);
    return ERR_OK;
}

struct store_op *store_folder_add(struct store *s, const struct folder_row *row, store_fn done, void *arg)
{
    return store_op_submit(new_op(s, STORE_WRITE, run_add, row, done, arg));
}

static enum err run_rename(struct db *db, struct store_op *op)
{
    const struct folder_row *in = op->in;
    load_folder(db, op);
    check_name(db, in);
    db_run(db, "UPDATE folders SET name = ? WHERE id = ?", "tt", in->name, in->id);
    op->result.n = 0;
    load_folder(db, op);
    return ERR_OK;
}

struct store_op *store_folder_rename(struct store *s, const char *user_id, const char *id, const char *name,
                                     store_fn done, void *arg)
{
    struct folder_row row = {
        .id = (char *)(uintptr_t)id, .user_id = (char *)(uintptr_t)user_id, .name = (char *)(uintptr_t)name};
    return store_op_submit(new_op(s, STORE_WRITE, run_rename, &row, done, arg));
}

static enum err run_remove(struct db *db, struct store_op *op)
{
    const struct folder_row *in = op->in;
    load_folder(db, op);
    db_run(db, "DELETE FROM folders WHERE id = ?", "t",
           in->id); /* conversations.folder_id: ON DELETE SET NULL */
    return ERR_OK;
}

struct store_op *store_folder_remove(struct store *s, const char *user_id, const char *id, store_fn done,
                                     void *arg)
{
    struct folder_row row = {.id = (char *)(uintptr_t)id, .user_id = (char *)(uintptr_t)user_id};
    return store_op_submit(new_op(s, STORE_WRITE, run_remove, &row, done, arg));
}
