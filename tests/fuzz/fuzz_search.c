/*
 * What people type into the search: the expression made of it must be one that FTS5 takes, and any text must go
 * through the tokenizer and the cutting of pieces.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "store/store_fts.h"
#include "store/store_search_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *open_database(void)
{
    sqlite3 *sql = NULL;
    struct err_text why;
    if (sqlite3_open(":memory:", &sql) != SQLITE_OK || fts_register(sql, &why) ||
        sqlite3_exec(sql,
                     "CREATE VIRTUAL TABLE t USING fts5 (scope, text, tokenize = 'hob', prefix = '1 2 3')",
                     NULL, NULL, NULL) != SQLITE_OK)
        abort();
    return sql;
}

static sqlite3_stmt *prepare(sqlite3 *sql, const char *text)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(sql, text, -1, &st, NULL) != SQLITE_OK)
        abort();
    return st;
}

static int step(sqlite3 *sql, sqlite3_stmt *st, struct span value)
{
    sqlite3_reset(st);
    sqlite3_bind_text(st, 1, value.len ? value.p : "", (int)value.len, SQLITE_TRANSIENT);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        fprintf(stderr, "%.*s: %s\n", SPAN_ARG(value), sqlite3_errmsg(sql));
        abort();
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sqlite3 *sql;
    static sqlite3_stmt *add, *find, *clear;
    if (!sql) {
        sql = open_database();
        add = prepare(sql, "INSERT INTO t (rowid, scope, text) VALUES (1, 'me', ?)");
        find = prepare(sql, "SELECT fts_piece(t, 1, 8, 32), fts_piece(t, 0, 0, 1) FROM t WHERE t MATCH ?");
        clear = prepare(sql, "DELETE FROM t");
    }
    struct span typed = span_of((const char *)data, size);
    AUTO(buf) struct buf *words = buf_new();
    AUTO(buf) struct buf *match = buf_new();
    AUTO(buf) struct buf *text = buf_new();
    if (!search_query_write(typed, words))
        return 0;
    assert(utf8_is_valid(buf_span(words)));
    buf_addf(match, "scope : (\"me\") AND text : (%s)", buf_str(words));
    utf8_add_clean(text, typed); /* as all text in the database is */
    step(sql, add, buf_span(text));
    if (step(sql, find, buf_span(match)) == SQLITE_ROW) {
        const char *piece = (const char *)sqlite3_column_text(find, 0);
        assert(strlen(piece) < 5 * FTS_MAX_PIECE_BYTES);
        assert(utf8_is_valid(span_str(piece)));
    }
    sqlite3_reset(find);
    /* The same text gives the same tokens again, else the index would be found damaged. */
    step(sql, clear, (struct span){0});
    return 0;
}
