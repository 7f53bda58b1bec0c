/* Full-text search over titles and messages (migrations/0003_search.sql). */
#include "store/store_row.h"
#include "store/store_search_query.h"

struct search_in {
    char *user_id, *conversation_id;
    char *text;
    struct search_place from;
    int64_t limit;
};

/* An id as it stands in column `scope`. */
static void add_scope(struct buf *out, const char *id)
{
    buf_add_str(out, " \"");
    for (; *id; id++) {
        if (*id != '-')
            buf_add_char(out, *id);
    }
    buf_add_char(out, '"');
}

static void write_match(struct buf *out, const struct search_in *in, struct span words, bool in_conversation)
{
    buf_add_str(out, "scope : (");
    add_scope(out, in->user_id);
    if (in_conversation)
        add_scope(out, in->conversation_id);
    buf_add_str(out, ") AND text : (");
    buf_add_span(out, words);
    buf_add_char(out, ')');
}

/* The index gives its rows newest first, so a common word costs no more than the rows that are asked for. */
#define TITLES                                                                                     \
    "SELECT t.seq, c.id, c.title, c.archived, c.updated_at, fts_piece(title_search, 1, 100, 200) " \
    "FROM title_search s CROSS JOIN title_rows t ON t.seq = s.rowid "                              \
    "CROSS JOIN conversations c ON c.id = t.conversation_id "                                      \
    "WHERE title_search MATCH ? AND s.rowid <= ? AND c.user_id = ? AND " CONVERSATION_IS_SHOWN     \
    "ORDER BY s.rowid DESC LIMIT ?"
#define MESSAGES                                                                                                \
    "SELECT m.seq, c.id, c.title, c.archived, m.created_at, fts_piece(message_search, 1, 8, 32), m.id, m.role " \
    "FROM message_search s CROSS JOIN messages m ON m.seq = s.rowid "                                           \
    "CROSS JOIN conversations c ON c.id = m.conversation_id "                                                   \
    "WHERE message_search MATCH ? AND s.rowid <= ? AND c.user_id = ? AND " CONVERSATION_IS_SHOWN                \
    "ORDER BY s.rowid DESC LIMIT ?"

static void add_hits(struct db *db, struct store_op *op, sqlite3_stmt *st, enum search_where where)
{
    while (db_next(db, st)) {
        struct search_row *row = store_op_row(op, sizeof(*row));
        *row = (struct search_row){
            .conversation_id = row_text(op, st, 1),
            .title = row_text(op, st, 2),
            .archived = sqlite3_column_int(st, 3) != 0,
            .at = sqlite3_column_int64(st, 4),
            .piece = row_text(op, st, 5),
            .next = {where, sqlite3_column_int64(st, 0)},
        };
        if (where == SEARCH_MESSAGES) {
            row->message_id = row_text(op, st, 6);
            row->role = row_text(op, st, 7);
        }
    }
}

static enum err run_search(struct db *db, struct store_op *op)
{
    const struct search_in *in = op->in;
    AUTO(buf) struct buf *words = buf_new();
    AUTO(buf) struct buf *match = buf_new();
    struct search_place from = in->from;
    int64_t limit = in->limit + 1; /* one more tells whether there is more */
    op->result.next.where = SEARCH_END;
    if (!search_query_write(span_str(in->text), words))
        return ERR_OK;
    if (from.where == SEARCH_TITLES && !in->conversation_id) {
        write_match(match, in, buf_span(words), false);
        add_hits(db, op,
                 db_query(db, TITLES, "titi", buf_str(match), from.below ? from.below - 1 : INT64_MAX,
                          in->user_id, limit),
                 SEARCH_TITLES);
        from.below = 0;
    }
    if (from.where != SEARCH_END && (int64_t)op->result.n < limit) {
        buf_clear(match);
        write_match(match, in, buf_span(words), in->conversation_id != NULL);
        add_hits(db, op,
                 db_query(db, MESSAGES, "titi", buf_str(match), from.below ? from.below - 1 : INT64_MAX,
                          in->user_id, limit - (int64_t)op->result.n),
                 SEARCH_MESSAGES);
    }
    if (db->err == ERR_OK && (int64_t)op->result.n == limit)
        op->result.next = op->result.hits[--op->result.n - 1].next;
    return ERR_OK;
}

struct store_op *store_search(struct store *s, const char *user_id, const char *text,
                              const char *conversation_id, struct search_place from, int limit, store_fn done,
                              void *arg)
{
    assert(limit > 0 && limit <= STORE_MAX_SEARCH);
    struct store_op *op = store_op_new(s, STORE_READ, run_search, sizeof(struct search_in), done, arg);
    struct search_in *in = op->in;
    in->user_id = store_op_text(op, user_id);
    in->text = store_op_text(op, text);
    in->conversation_id = store_op_text(op, conversation_id);
    in->from = from;
    in->limit = limit;
    return store_op_submit(op);
}
