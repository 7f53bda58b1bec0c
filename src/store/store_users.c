/* Tables users, sessions and api_keys. */
#include "store/store_row.h"

/* A row's limits, from column `col` on. */
static struct rate_limits row_limits(sqlite3_stmt *st, int col)
{
    return (struct rate_limits){.requests_per_minute = sqlite3_column_int64(st, col),
                                .tokens_per_minute = sqlite3_column_int64(st, col + 1),
                                .max_parallel = sqlite3_column_int64(st, col + 2)};
}

/* ---- users ---- */

static enum err run_users_list(struct db *db, struct store_op *op)
{
    sqlite3_stmt *st = db_query(db,
                                "SELECT id, name, role, status, password_hash, created_at, "
                                "requests_per_minute, tokens_per_minute, max_parallel "
                                "FROM users ORDER BY created_at, rowid",
                                "");
    while (db_next(db, st)) {
        struct user_row *u = store_op_row(op, sizeof(*u));
        *u = (struct user_row){
            .id = row_text(op, st, 0),
            .name = row_text(op, st, 1),
            .role = row_text(op, st, 2),
            .status = row_text(op, st, 3),
            .password_hash = row_text(op, st, 4),
            .created_at = sqlite3_column_int64(st, 5),
            .limits = row_limits(st, 6),
        };
    }
    return ERR_OK;
}

struct store_op *store_users_list(struct store *s, store_fn done, void *arg)
{
    return store_op_submit(store_op_new(s, STORE_READ, run_users_list, 0, done, arg));
}

struct user_add {
    struct user_row row;
    bool only_if_first;
};

static enum err run_user_add(struct db *db, struct store_op *op)
{
    const struct user_add *in = op->in;
    if (in->only_if_first && db_has(db, "SELECT 1 FROM users", ""))
        return db_fail(db, ERR_EXISTS, "There is a user already");
    if (db_has(db, "SELECT 1 FROM users WHERE name = ?", "t", in->row.name))
        return db_fail(db, ERR_EXISTS, "\"name\" is taken");
    db_run(db,
           "INSERT INTO users (id, name, role, status, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
           "ttttti", in->row.id, in->row.name, in->row.role, in->row.status, in->row.password_hash,
           in->row.created_at);
    op->result.created = true;
    return ERR_OK;
}

struct store_op *store_user_add(struct store *s, const struct user_row *u, bool only_if_first, store_fn done,
                                void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_user_add, sizeof(struct user_add), done, arg);
    struct user_add *in = op->in;
    in->only_if_first = only_if_first;
    in->row = (struct user_row){
        .id = store_op_text(op, u->id),
        .name = store_op_text(op, u->name),
        .role = store_op_text(op, u->role),
        .status = store_op_text(op, u->status),
        .password_hash = store_op_text(op, u->password_hash),
        .created_at = u->created_at,
    };
    return store_op_submit(op);
}

static enum err run_user_set(struct db *db, struct store_op *op)
{
    const struct user_row *in = op->in;
    db_run(db,
           "UPDATE users SET role = coalesce(?, role), status = coalesce(?, status), "
           "password_hash = coalesce(?, password_hash) WHERE id = ?",
           "tttt", in->role, in->status, in->password_hash, in->id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such user");
}

struct store_op *store_user_set(struct store *s, const char *id, const char *role, const char *status,
                                const char *password_hash, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_user_set, sizeof(struct user_row), done, arg);
    struct user_row *in = op->in;
    in->id = store_op_text(op, id);
    in->role = store_op_text(op, role);
    in->status = store_op_text(op, status);
    in->password_hash = store_op_text(op, password_hash);
    return store_op_submit(op);
}

struct user_limit {
    char *id;
    struct rate_limits limits;
};

static enum err run_user_limit(struct db *db, struct store_op *op)
{
    const struct user_limit *in = op->in;
    db_run(db,
           "UPDATE users SET requests_per_minute = coalesce(nullif(?, -1), requests_per_minute), "
           "tokens_per_minute = coalesce(nullif(?, -1), tokens_per_minute), "
           "max_parallel = coalesce(nullif(?, -1), max_parallel) WHERE id = ?",
           "iiit", in->limits.requests_per_minute, in->limits.tokens_per_minute, in->limits.max_parallel,
           in->id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such user");
}

struct store_op *store_user_limit(struct store *s, const char *id, const struct rate_limits *limits,
                                  store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_user_limit, sizeof(struct user_limit), done, arg);
    struct user_limit *in = op->in;
    in->id = store_op_text(op, id);
    in->limits = *limits;
    return store_op_submit(op);
}

/* ---- one call with one id, for all that need no more ---- */

static struct store_op *submit_id(struct store *s, store_run_fn run, const char *id, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run, 0, done, arg);
    op->in = store_op_text(op, id);
    return store_op_submit(op);
}

/* ---- sessions ---- */

static enum err run_sessions_list(struct db *db, struct store_op *op)
{
    db_run(db, "DELETE FROM sessions WHERE expires_at <= ?", "i", clock_wall_ms());
    sqlite3_stmt *st = db_query(
        db, "SELECT id_hash, user_id, created_at, expires_at FROM sessions ORDER BY created_at", "");
    while (db_next(db, st)) {
        struct session_row *row = store_op_row(op, sizeof(*row));
        *row = (struct session_row){
            .id_hash = row_text(op, st, 0),
            .user_id = row_text(op, st, 1),
            .created_at = sqlite3_column_int64(st, 2),
            .expires_at = sqlite3_column_int64(st, 3),
        };
    }
    return ERR_OK;
}

struct store_op *store_sessions_list(struct store *s, store_fn done, void *arg)
{
    return store_op_submit(store_op_new(s, STORE_WRITE, run_sessions_list, 0, done, arg));
}

static enum err run_session_add(struct db *db, struct store_op *op)
{
    const struct session_row *in = op->in;
    db_run(db,
           "INSERT INTO sessions (id_hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?) "
           "ON CONFLICT (id_hash) DO UPDATE SET expires_at = excluded.expires_at",
           "ttii", in->id_hash, in->user_id, in->created_at, in->expires_at);
    return ERR_OK;
}

struct store_op *store_session_add(struct store *s, const struct session_row *row, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_session_add, sizeof(*row), done, arg);
    struct session_row *in = op->in;
    *in = *row;
    in->id_hash = store_op_text(op, row->id_hash);
    in->user_id = store_op_text(op, row->user_id);
    return store_op_submit(op);
}

static enum err run_session_remove(struct db *db, struct store_op *op)
{
    db_run(db, "DELETE FROM sessions WHERE id_hash = ?", "t", (const char *)op->in);
    return ERR_OK;
}

struct store_op *store_session_remove(struct store *s, const char *id_hash, store_fn done, void *arg)
{
    return submit_id(s, run_session_remove, id_hash, done, arg);
}

static enum err run_sessions_remove_of(struct db *db, struct store_op *op)
{
    db_run(db, "DELETE FROM sessions WHERE user_id = ?", "t", (const char *)op->in);
    return ERR_OK;
}

struct store_op *store_sessions_remove_of(struct store *s, const char *user_id, store_fn done, void *arg)
{
    return submit_id(s, run_sessions_remove_of, user_id, done, arg);
}

/* ---- API keys ---- */

static enum err run_keys_list(struct db *db, struct store_op *op)
{
    sqlite3_stmt *st = db_query(
        db,
        "SELECT id, user_id, name, prefix, key_hash, created_at, last_used_at, routes_json, models_json, "
        "expires_at, requests_per_minute, tokens_per_minute, max_parallel FROM api_keys "
        "ORDER BY created_at, rowid",
        "");
    while (db_next(db, st)) {
        struct key_row *row = store_op_row(op, sizeof(*row));
        *row = (struct key_row){
            .id = row_text(op, st, 0),
            .user_id = row_text(op, st, 1),
            .name = row_text(op, st, 2),
            .prefix = row_text(op, st, 3),
            .key_hash = row_text(op, st, 4),
            .created_at = sqlite3_column_int64(st, 5),
            .last_used_at = sqlite3_column_int64(st, 6),
            .routes_json = row_text(op, st, 7),
            .models_json = row_text(op, st, 8),
            .expires_at = sqlite3_column_int64(st, 9),
            .limits = row_limits(st, 10),
        };
    }
    return ERR_OK;
}

struct store_op *store_keys_list(struct store *s, store_fn done, void *arg)
{
    return store_op_submit(store_op_new(s, STORE_READ, run_keys_list, 0, done, arg));
}

static enum err run_key_add(struct db *db, struct store_op *op)
{
    const struct key_row *in = op->in;
    db_run(db,
           "INSERT INTO api_keys (id, user_id, name, prefix, key_hash, created_at, last_used_at, "
           "routes_json, models_json, expires_at, requests_per_minute, tokens_per_minute, max_parallel) "
           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
           "tttttiittiiii", in->id, in->user_id, in->name, in->prefix, in->key_hash, in->created_at,
           in->last_used_at, in->routes_json, in->models_json, in->expires_at, in->limits.requests_per_minute,
           in->limits.tokens_per_minute, in->limits.max_parallel);
    op->result.created = true;
    return ERR_OK;
}

struct store_op *store_key_add(struct store *s, const struct key_row *row, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_key_add, sizeof(*row), done, arg);
    struct key_row *in = op->in;
    *in = (struct key_row){
        .id = store_op_text(op, row->id),
        .user_id = store_op_text(op, row->user_id),
        .name = store_op_text(op, row->name),
        .prefix = store_op_text(op, row->prefix),
        .key_hash = store_op_text(op, row->key_hash),
        .created_at = row->created_at,
        .last_used_at = row->last_used_at,
        .routes_json = store_op_text(op, row->routes_json),
        .models_json = store_op_text(op, row->models_json),
        .expires_at = row->expires_at,
        .limits = row->limits,
    };
    return store_op_submit(op);
}

struct key_changed {
    char *id;
    struct key_change change;
};

static enum err run_key_change(struct db *db, struct store_op *op)
{
    const struct key_changed *in = op->in;
    const struct key_change *c = &in->change;
    db_run(db,
           "UPDATE api_keys SET name = coalesce(?, name), "
           "routes_json = nullif(coalesce(?, routes_json), ''), "
           "models_json = nullif(coalesce(?, models_json), ''), "
           "expires_at = coalesce(nullif(?, -1), expires_at), "
           "requests_per_minute = coalesce(nullif(?, -1), requests_per_minute), "
           "tokens_per_minute = coalesce(nullif(?, -1), tokens_per_minute), "
           "max_parallel = coalesce(nullif(?, -1), max_parallel) WHERE id = ?",
           "tttiiiit", c->name, c->routes_json, c->models_json, c->expires_at, c->limits.requests_per_minute,
           c->limits.tokens_per_minute, c->limits.max_parallel, in->id);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such key");
}

struct store_op *store_key_change(struct store *s, const char *id, const struct key_change *change,
                                  store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_key_change, sizeof(struct key_changed), done, arg);
    struct key_changed *in = op->in;
    in->id = store_op_text(op, id);
    in->change = *change;
    in->change.name = store_op_text(op, change->name);
    in->change.routes_json = store_op_text(op, change->routes_json);
    in->change.models_json = store_op_text(op, change->models_json);
    return store_op_submit(op);
}

static enum err run_key_remove(struct db *db, struct store_op *op)
{
    db_run(db, "DELETE FROM api_keys WHERE id = ?", "t", (const char *)op->in);
    return db_changes(db) ? ERR_OK : db_fail(db, ERR_NOT_FOUND, "No such key");
}

struct store_op *store_key_remove(struct store *s, const char *id, store_fn done, void *arg)
{
    return submit_id(s, run_key_remove, id, done, arg);
}

static enum err run_key_used(struct db *db, struct store_op *op)
{
    const struct key_row *in = op->in;
    db_run(db, "UPDATE api_keys SET last_used_at = max(last_used_at, ?) WHERE id = ?", "it", in->last_used_at,
           in->id);
    return ERR_OK;
}

struct store_op *store_key_used(struct store *s, const char *id, int64_t at, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_key_used, sizeof(struct key_row), done, arg);
    struct key_row *in = op->in;
    in->id = store_op_text(op, id);
    in->last_used_at = at;
    return store_op_submit(op);
}
