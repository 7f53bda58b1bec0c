/*
 * The connection, for the database thread only. Statements are prepared once per SQL literal. Failures stick: after the first
 * one all calls do nothing until db_clear, so an operation may go through its steps and look at the end.
 */
#ifndef HOB_STORE_DB_H
#define HOB_STORE_DB_H

#include <sqlite3.h>

#include "util/util.h"

#define DB_MAX_STATEMENTS 256 /* distinct SQL literals of this room */

struct db {
    sqlite3 *sql;
    struct {
        const char *text; /* the literal's address is the key */
        sqlite3_stmt *stmt;
    } cache[DB_MAX_STATEMENTS];
    int64_t give_up_at_ms; /* how long to wait for another process's lock (clock_ms) */
    bool stopped;          /* fsync failed: what is on disk is unknown, nothing is written any more */
    enum err err;          /* first failure since db_clear */
    struct err_text why;
};

/* Opens path (0600), pragmas set, not migrated. ERR_CORRUPT has a hint in why. */
MUST_CHECK enum err db_open(struct db *db, const char *path, struct err_text *why);
/* Checkpoints and closes. */
void db_close(struct db *db);
void db_clear(struct db *db);
/* Records a failure (the first one stays) and returns what is recorded. */
enum err db_fail(struct db *db, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Records SQLite's last error as a failure. */
enum err db_fail_sqlite(struct db *db);

/*
 * types has one letter for each argument: t const char * or NULL, i int64_t, b bool, s struct span as text, x struct span
 * as bytes; n int64_t and r double, NULL below 0. Arguments must live until the statement ends. sql must be a literal.
 */
/* Runs to the end. False on failure. */
bool db_run(struct db *db, const char *sql, const char *types, ...);
/* Starts a query; NULL on failure. Ended by the db_next that returns false, or by db_end. */
sqlite3_stmt *db_query(struct db *db, const char *sql, const char *types, ...);
/* True: a row is there. False: no more, or failure, or st is NULL. */
bool db_next(struct db *db, sqlite3_stmt *st);
void db_end(sqlite3_stmt *st);
/* For a statement about many things at once: the literal's statement, or NULL on failure; its arguments, those behind the first
 * n_before; then db_next. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql);
void db_bind(struct db *db, sqlite3_stmt *st, int n_before, const char *types, ...);
/* Whether the query has a row at all. */
bool db_has(struct db *db, const char *sql, const char *types, ...);
/* Rows that the last db_run changed. */
int64_t db_changes(struct db *db);

#endif
