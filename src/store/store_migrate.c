/* Applies what is missing. Killed in the middle, the database is the old one or the new one. */
#include <stdio.h>

#include "store/store_migrate.h"

#define APPLICATION_ID 0x686f6221 /* "hob!", PRAGMA application_id */

static int64_t pragma_value(struct db *db, const char *sql)
{
    sqlite3_stmt *st = db_query(db, sql, "");
    int64_t value = db_next(db, st) ? sqlite3_column_int64(st, 0) : 0;
    if (st)
        db_end(st);
    return value;
}

static enum err apply(struct db *db, size_t i, struct err_text *why)
{
    char set_version[96];
    snprintf(set_version, sizeof(set_version),
             "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT", APPLICATION_ID, i + 1);
    if (sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db->sql, store_migrations[i].sql, NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db->sql, set_version, NULL, NULL, NULL) == SQLITE_OK)
        return ERR_OK;
    enum err e = db_fail_sqlite(db);
    sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return err_set(why, e, "migration %s: %s", store_migrations[i].name, db->why.text);
}

enum err store_migrate(struct db *db, struct err_text *why)
{
    size_t n_known = 0;
    while (store_migrations[n_known].name)
        n_known++;
    int64_t version = pragma_value(db, "PRAGMA user_version");
    int64_t owner = pragma_value(db, "PRAGMA application_id");
    bool is_empty = !db_has(db, "SELECT 1 FROM sqlite_schema", "");
    if (db->err != ERR_OK)
        return err_set(why, db->err, "%s", db->why.text);
    if (!is_empty && owner != APPLICATION_ID)
        return err_set(why, ERR_CORRUPT, "hob.db is another program's database; move it away");
    if (version < 0 || (uint64_t)version > n_known)
        return err_set(
            why, ERR_UNSUPPORTED,
            "hob.db has schema %lld, written by a newer hob; this one knows up to %zu. Run the newer hob, or "
            "restore a backup from before the upgrade",
            (long long)version, n_known);
    /* Migrations may rebuild tables, which references would hinder. */
    for (size_t i = (size_t)version; i < n_known; i++) {
        if (version > 0) /* whoever has many messages waits for it, once */
            log_info("store: an older database, bringing it to schema %zu (%s)", i + 1,
                     store_migrations[i].name);
        enum err e = apply(db, i, why);
        if (e != ERR_OK)
            return e;
    }
    if (sqlite3_exec(db->sql, "PRAGMA foreign_keys = ON", NULL, NULL, NULL) != SQLITE_OK)
        return err_set(why, db_fail_sqlite(db), "%s", db->why.text);
    return ERR_OK;
}
