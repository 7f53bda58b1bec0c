/*
 * What people type into the search: the expression made of it must be one that FTS5 takes, and any text must go
 * through the tokenizer and the cutting of pieces, which stay pieces of it.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "store/store.h"
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

/* Blanks and control characters as single blanks, as a piece has them. */
static void add_flat(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_blank = (unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f;
        if (!is_blank)
            buf_add_char(out, s.p[i]);
        else if (out->len > 0 && out->p[out->len - 1] != ' ')
            buf_add_char(out, ' ');
    }
}

static struct span without(struct span s, struct span end, bool at_end)
{
    if (s.len < end.len || memcmp(at_end ? s.p + s.len - end.len : s.p, end.p, end.len) != 0)
        return s;
    return span_of(at_end ? s.p : s.p + end.len, s.len - end.len);
}

/* Without its marks a piece stands in the text as it is, and each mark that opens is closed behind a character at least. */
static void check_piece(const char *piece, struct span text)
{
    AUTO(buf) struct buf *flat = buf_new();
    AUTO(buf) struct buf *plain = buf_new();
    char last = STORE_HIT_END;
    assert(strlen(piece) < 5 * FTS_MAX_PIECE_BYTES);
    assert(utf8_is_valid(span_str(piece)));
    for (const char *p = piece; *p; p++) {
        if (*p == STORE_HIT_BEGIN || *p == STORE_HIT_END) {
            assert(*p != last && (*p == STORE_HIT_BEGIN || p[-1] != STORE_HIT_BEGIN));
            last = *p;
        } else {
            buf_add_char(plain, *p);
        }
    }
    assert(last == STORE_HIT_END);
    add_flat(flat, text);
    struct span rest = span_trim(buf_span(plain)), ellipsis = span_str("\u2026");
    if (span_find(buf_span(flat), rest) >= 0)
        return;
    struct span short_begin = span_trim(without(rest, ellipsis, false));
    struct span short_end = span_trim(without(rest, ellipsis, true));
    struct span both = span_trim(without(short_begin, ellipsis, true));
    assert(span_find(buf_span(flat), short_begin) >= 0 || span_find(buf_span(flat), short_end) >= 0 ||
           span_find(buf_span(flat), both) >= 0);
}

/* What is typed, a line end, and the text; without a line end it is both. */
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
    struct span rest, all = span_of((const char *)data, size), typed = span_cut(all, '\n', &rest);
    AUTO(buf) struct buf *words = buf_new();
    AUTO(buf) struct buf *match = buf_new();
    AUTO(buf) struct buf *text = buf_new();
    if (!search_query_write(typed, words))
        return 0;
    assert(utf8_is_valid(buf_span(words)));
    buf_addf(match, "scope : (\"me\") AND text : (%s)", buf_str(words));
    utf8_add_clean(text, rest.p ? rest : typed); /* as all text in the database is */
    step(sql, add, buf_span(text));
    if (step(sql, find, buf_span(match)) == SQLITE_ROW)
        check_piece((const char *)sqlite3_column_text(find, 0), buf_span(text));
    sqlite3_reset(find);
    /* The same text gives the same tokens again, else the index would be found damaged. */
    step(sql, clear, (struct span){0});
    return 0;
}
