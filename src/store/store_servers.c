/* Table servers. */
#include "store/store_row.h"

static enum err run_servers_list(struct db *db, struct store_op *op)
{
    sqlite3_stmt *st = db_query(
        db,
        "SELECT id, name, kind, model_path, command_json, args_json, system_prompt, on_demand, "
        "autostart, created_at, last_load_ms, settings_json, footprint_bytes, footprint_fixed_bytes, "
        "footprint_gpu_bytes FROM servers ORDER BY created_at, rowid",
        "");
    while (db_next(db, st)) {
        struct server_row *row = store_op_row(op, sizeof(*row));
        *row = (struct server_row){
            .id = row_text(op, st, 0),
            .name = row_text(op, st, 1),
            .kind = row_text(op, st, 2),
            .model_path = row_text(op, st, 3),
            .command_json = row_text(op, st, 4),
            .args_json = row_text(op, st, 5),
            .system_prompt = row_text(op, st, 6),
            .on_demand = sqlite3_column_int(st, 7) != 0,
            .autostart = sqlite3_column_int(st, 8) != 0,
            .created_at = sqlite3_column_int64(st, 9),
            .last_load_ms = sqlite3_column_int64(st, 10),
            .settings_json = row_text(op, st, 11),
            .footprint = {sqlite3_column_int64(st, 12), sqlite3_column_int64(st, 13),
                          sqlite3_column_int64(st, 14)},
        };
    }
    return ERR_OK;
}

struct store_op *store_servers_list(struct store *s, store_fn done, void *arg)
{
    return store_op_submit(store_op_new(s, STORE_READ, run_servers_list, 0, done, arg));
}

static enum err put_server(struct db *db, const struct server_row *in, bool *out_created)
{
    if (db_has(db, "SELECT 1 FROM servers WHERE name = ? AND id <> ?", "tt", in->name, in->id))
        return db_fail(db, ERR_EXISTS, "\"name\" is taken by another server: %s", in->name);
    *out_created = !db_has(db, "SELECT 1 FROM servers WHERE id = ?", "t", in->id);
    const char *model = in->model_path ? in->model_path : "",
               *command = in->command_json ? in->command_json : "";
    db_run(
        db,
        "UPDATE servers SET footprint_bytes = 0, footprint_fixed_bytes = 0, footprint_gpu_bytes = 0 "
        "WHERE id = ? AND NOT (kind = ? AND coalesce(model_path, '') = ? AND coalesce(command_json, '') = ? "
        "AND args_json = ?)",
        "ttttt", in->id, in->kind, model, command, in->args_json);
    /* Whoever edits a server may not know how long it loads. */
    db_run(
        db,
        "INSERT INTO servers (id, name, kind, model_path, command_json, args_json, system_prompt, on_demand, "
        "autostart, created_at, last_load_ms, settings_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, "
        "model_path = excluded.model_path, command_json = excluded.command_json, "
        "args_json = excluded.args_json, system_prompt = excluded.system_prompt, "
        "on_demand = excluded.on_demand, autostart = excluded.autostart, "
        "settings_json = excluded.settings_json, "
        "last_load_ms = iif(excluded.last_load_ms > 0, excluded.last_load_ms, last_load_ms)",
        "tttttttbbiit", in->id, in->name, in->kind, in->model_path, in->command_json, in->args_json,
        in->system_prompt, in->on_demand, in->autostart, in->created_at, in->last_load_ms, in->settings_json);
    return ERR_OK;
}

static enum err run_server_put(struct db *db, struct store_op *op)
{
    return put_server(db, op->in, &op->result.created);
}

static void copy_row(struct store_op *op, struct server_row *to, const struct server_row *row)
{
    *to = *row;
    to->id = store_op_text(op, row->id);
    to->name = store_op_text(op, row->name);
    to->kind = store_op_text(op, row->kind);
    to->model_path = store_op_text(op, row->model_path);
    to->command_json = store_op_text(op, row->command_json);
    to->args_json = store_op_text(op, row->args_json);
    to->system_prompt = store_op_text(op, row->system_prompt);
    to->settings_json = store_op_text(op, row->settings_json);
}

struct store_op *store_server_put(struct store *s, const struct server_row *row, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_server_put, sizeof(*row), done, arg);
    copy_row(op, op->in, row);
    return store_op_submit(op);
}

struct of_file {
    const char *ids_json; /* ["ID", ...] */
    size_t n;
    struct server_row rows[];
};

/* Which ids have version 8: gateway_file.c. Those that stay keep what was learnt of them. */
static enum err run_servers_of_file(struct db *db, struct store_op *op)
{
    const struct of_file *in = op->in;
    enum err e = ERR_OK;
    db_run(db,
           "DELETE FROM servers WHERE substr(id, 15, 1) = '8' AND id NOT IN (SELECT value FROM json_each(?))",
           "t", in->ids_json);
    for (size_t i = 0; i < in->n && !e; i++) {
        bool created;
        e = put_server(db, &in->rows[i], &created);
    }
    return e;
}

struct store_op *store_servers_of_file(struct store *s, const struct server_row *rows, size_t n,
                                       store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_servers_of_file,
                                       sizeof(struct of_file) + n * sizeof(*rows), done, arg);
    struct of_file *in = op->in;
    AUTO(buf) struct buf *ids = buf_new();
    struct json_writer w;
    jw_init(&w, ids);
    jw_begin_arr(&w);
    in->n = n;
    for (size_t i = 0; i < n; i++) {
        copy_row(op, &in->rows[i], &rows[i]);
        jw_str(&w, rows[i].id);
    }
    jw_end_arr(&w);
    in->ids_json = store_op_text(op, buf_str(ids));
    return store_op_submit(op);
}

static enum err run_server_remove(struct db *db, struct store_op *op)
{
    const char *id = op->in;
    db_run(db, "DELETE FROM servers WHERE id = ?", "t", id);
    if (!db_changes(db))
        return db_fail(db, ERR_NOT_FOUND, "No such server");
    db_run(db, "UPDATE conversations SET server_id = NULL WHERE server_id = ?", "t", id);
    return ERR_OK;
}

struct store_op *store_server_remove(struct store *s, const char *id, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_server_remove, 0, done, arg);
    op->in = store_op_text(op, id);
    return store_op_submit(op);
}

static enum err run_server_loaded(struct db *db, struct store_op *op)
{
    const struct server_row *in = op->in;
    db_run(db, "UPDATE servers SET last_load_ms = ? WHERE id = ?", "it", in->last_load_ms, in->id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such server");
}

static enum err run_server_measured(struct db *db, struct store_op *op)
{
    const struct server_row *in = op->in;
    db_run(
        db,
        "UPDATE servers SET footprint_bytes = ?, footprint_fixed_bytes = ?, footprint_gpu_bytes = ? WHERE id = ?",
        "iiit", in->footprint.bytes, in->footprint.fixed_bytes, in->footprint.gpu_bytes, in->id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such server");
}

/* What was learnt of a server, without the rest of its row. */
static struct server_row *new_lesson(struct store *s, store_run_fn run, const char *id, store_fn done,
                                     void *arg, struct store_op **out_op)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run, sizeof(struct server_row), done, arg);
    struct server_row *in = op->in;
    in->id = store_op_text(op, id);
    *out_op = op;
    return in;
}

struct store_op *store_server_measured(struct store *s, const char *id,
                                       const struct server_footprint *footprint, store_fn done, void *arg)
{
    struct store_op *op;
    new_lesson(s, run_server_measured, id, done, arg, &op)->footprint = *footprint;
    return store_op_submit(op);
}

struct store_op *store_server_loaded(struct store *s, const char *id, int64_t load_ms, store_fn done,
                                     void *arg)
{
    struct store_op *op;
    new_lesson(s, run_server_loaded, id, done, arg, &op)->last_load_ms = load_ms;
    return store_op_submit(op);
}
