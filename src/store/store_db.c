/* SQLite behind a few calls: opening with the pragmas that durability needs, cached statements, errors in our words. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_db.h"
#include "store/store_fts.h"
#include "store/store_functions.h"

/* Small enough to be read within the time that a start may take. */
#define CHECK_UP_TO_BYTES ((off_t)4 << 20)

/* ---- errors ---- */

void db_clear(struct db *db)
{
    db->err = ERR_OK;
}

enum err db_fail(struct db *db, enum err e, const char *fmt, ...)
{
    if (db->err != ERR_OK)
        return db->err;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(db->why.text, sizeof(db->why.text), fmt, ap);
    va_end(ap);
    return db->err = e;
}

static enum err err_of_constraint(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return ERR_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return ERR_NOT_FOUND;
    default: return ERR_INVALID;
    }
}

static enum err err_of_sqlite(sqlite3 *sql)
{
    int code = sqlite3_extended_errcode(sql), errnum = sqlite3_system_errno(sql);
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return err_of_constraint(code);
    case SQLITE_FULL: return ERR_NO_SPACE;
    case SQLITE_IOERR: return errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG ? ERR_NO_SPACE : ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ERR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_BUSY;
    case SQLITE_TOOBIG: return ERR_TOO_BIG;
    default: return ERR_IO;
    }
}

enum err db_fail_sqlite(struct db *db)
{
    if (db->err != ERR_OK)
        return db->err;
    int code = sqlite3_extended_errcode(db->sql);
    enum err e = err_of_sqlite(db->sql);
    /* After a failed fsync the kernel may have dropped the pages and says "written" the next time: never try again. */
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
        db->stopped = true;
    if (e == ERR_NO_SPACE)
        return db_fail(db, e, "The disk is full: nothing can be stored");
    if (e == ERR_BUSY)
        return db_fail(db, e, "Another program holds the database");
    if (e == ERR_CORRUPT)
        return db_fail(db, e, "The database is damaged (%s)", sqlite3_errmsg(db->sql));
    return db_fail(db, e, "Database: %s", sqlite3_errmsg(db->sql));
}

/* ---- opening ---- */

static enum err damaged(struct err_text *why, const char *path, const char *what)
{
    return err_set(
        why, ERR_CORRUPT,
        "%s is damaged or no database of hob (%s). Keep a copy of it, then restore a backup, or save what "
        "can be read: sqlite3 hob.db .recover | sqlite3 recovered.db",
        path, what);
}

/* SQLite gives -wal and -shm the mode of the database, so it is made before SQLite sees it. */
static enum err make_private_file(const char *path, off_t *out_size, struct err_text *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || fchmod(fd, 0600) != 0) {
        int errnum = errno;
        if (fd >= 0)
            close(fd);
        return err_set(why, err_from_errno(errnum), "%s: %s", path, strerror(errnum));
    }
    *out_size = st.st_size;
    close(fd);
    return ERR_OK;
}

static int wait_for_lock(void *arg, int n_calls)
{
    const struct db *db = arg;
    (void)n_calls;
    if (clock_ms() >= db->give_up_at_ms)
        return 0;
    sqlite3_sleep(5);
    return 1;
}

static enum err open_failed(struct db *db, const char *path, struct err_text *why)
{
    enum err e = err_of_sqlite(db->sql);
    if (e == ERR_CORRUPT)
        return damaged(why, path, sqlite3_errmsg(db->sql));
    return err_set(why, e, "%s: %s", path, sqlite3_errmsg(db->sql));
}

static int on_check_row(void *arg, int n, char **values, char **names)
{
    char *text = arg;
    (void)names;
    if (n == 1 && values[0] && strcmp(values[0], "ok") != 0)
        snprintf(text, 200, "%s", values[0]);
    return 0;
}

enum err db_open(struct db *db, const char *path, struct err_text *why)
{
    off_t size = 0;
    enum err e = make_private_file(path, &size, why);
    if (e != ERR_OK)
        return e;
    db->give_up_at_ms = clock_ms() + 4000;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK)
        return db->sql ? open_failed(db, path, why) : err_set(why, ERR_IO, "%s: cannot be opened", path);
    sqlite3_busy_handler(db->sql, wait_for_lock, db);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    char found[200] = "";
    /* FULL: a commit returns when the log is on disk. The log is cut back after a burst. The schema is our own, and its
     * triggers write search tables, which SQLite 3.40 allows to a trusted schema only. */
    if (sqlite3_exec(
            db->sql,
            "PRAGMA trusted_schema = ON; PRAGMA cell_size_check = ON; PRAGMA journal_mode = WAL;"
            "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY;"
            "SELECT count(*) FROM sqlite_schema;",
            NULL, NULL, NULL) != SQLITE_OK)
        return open_failed(db, path, why);
    e = fts_register(db->sql, why); /* the check looks at search tables too */
    if (e == ERR_OK)
        e = functions_register(db->sql, why);
    if (e != ERR_OK)
        return e;
    if (size > 0 && size <= CHECK_UP_TO_BYTES &&
        sqlite3_exec(db->sql, "PRAGMA quick_check(1)", on_check_row, found, NULL) != SQLITE_OK)
        return open_failed(db, path, why);
    return found[0] ? damaged(why, path, found) : ERR_OK;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < DB_MAX_STATEMENTS; i++)
        sqlite3_finalize(db->cache[i].stmt);
    /* The last connection to close checkpoints and removes the log; not over a log that may not be on disk. */
    if (db->sql && db->stopped)
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db->sql);
    *db = (struct db){0};
}

/* ---- statements ---- */

static sqlite3_stmt *statement_of(struct db *db, const char *sql)
{
    size_t at = ((uintptr_t)sql >> 3) % DB_MAX_STATEMENTS;
    for (size_t n = 0; n < DB_MAX_STATEMENTS; n++, at = (at + 1) % DB_MAX_STATEMENTS) {
        if (db->cache[at].text == sql)
            return db->cache[at].stmt;
        if (!db->cache[at].text)
            break;
    }
    assert(!db->cache[at].text); /* else DB_MAX_STATEMENTS is too small */
    if (sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->cache[at].stmt, NULL) !=
        SQLITE_OK) {
        db_fail_sqlite(db);
        return NULL;
    }
    db->cache[at].text = sql;
    return db->cache[at].stmt;
}

static int bind_span(sqlite3_stmt *st, int at, struct span s, bool is_text)
{
    const char *p = s.len ? s.p : "";
    return is_text ? sqlite3_bind_text64(st, at, p, s.len, SQLITE_STATIC, SQLITE_UTF8)
                   : sqlite3_bind_blob64(st, at, p, s.len, SQLITE_STATIC);
}

static int bind_count(sqlite3_stmt *st, int at, int64_t n)
{
    return n < 0 ? sqlite3_bind_null(st, at) : sqlite3_bind_int64(st, at, n);
}

static int bind_measure(sqlite3_stmt *st, int at, double v)
{
    return v < 0 ? sqlite3_bind_null(st, at) : sqlite3_bind_double(st, at, v);
}

static int bind_all(sqlite3_stmt *st, int n_before, const char *types, va_list ap)
{
    int rc = SQLITE_OK;
    for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
        int at = n_before + i + 1;
        switch (types[i]) {
        case 't': rc = sqlite3_bind_text(st, at, va_arg(ap, const char *), -1, SQLITE_STATIC); break;
        case 'i': rc = sqlite3_bind_int64(st, at, va_arg(ap, int64_t)); break;
        case 'b': rc = sqlite3_bind_int(st, at, va_arg(ap, int)); break;
        case 'n': rc = bind_count(st, at, va_arg(ap, int64_t)); break;
        case 'r': rc = bind_measure(st, at, va_arg(ap, double)); break;
        case 's': rc = bind_span(st, at, va_arg(ap, struct span), true); break;
        case 'x': rc = bind_span(st, at, va_arg(ap, struct span), false); break;
        default: assert(false); /* no letter of the list */
        }
    }
    return rc;
}

sqlite3_stmt *db_prepare(struct db *db, const char *sql)
{
    sqlite3_stmt *st = db->err == ERR_OK ? statement_of(db, sql) : NULL;
    assert(!st || !sqlite3_stmt_busy(st));
    return st;
}

static sqlite3_stmt *start(struct db *db, const char *sql, const char *types, va_list ap)
{
    sqlite3_stmt *st = db_prepare(db, sql);
    if (st && bind_all(st, 0, types, ap) != SQLITE_OK) {
        db_fail_sqlite(db);
        db_end(st);
        return NULL;
    }
    return st;
}

void db_bind(struct db *db, sqlite3_stmt *st, int n_before, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    if (st && bind_all(st, n_before, types, ap) != SQLITE_OK)
        db_fail_sqlite(db);
    va_end(ap);
}

bool db_next(struct db *db, sqlite3_stmt *st)
{
    if (!st)
        return false;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        db_fail_sqlite(db);
    db_end(st);
    return false;
}

void db_end(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st); /* what was bound may be freed now */
}

sqlite3_stmt *db_query(struct db *db, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    sqlite3_stmt *st = start(db, sql, types, ap);
    va_end(ap);
    return st;
}

bool db_run(struct db *db, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    sqlite3_stmt *st = start(db, sql, types, ap);
    va_end(ap);
    while (db_next(db, st))
        ;
    return db->err == ERR_OK;
}

bool db_has(struct db *db, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    sqlite3_stmt *st = start(db, sql, types, ap);
    va_end(ap);
    bool has = db_next(db, st);
    if (has)
        db_end(st);
    return has;
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->sql);
}
