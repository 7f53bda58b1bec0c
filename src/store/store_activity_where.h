/* What a filter of store_activity.h stands for in queries from activity a. */
#ifndef HOB_STORE_ACTIVITY_WHERE_H
#define HOB_STORE_ACTIVITY_WHERE_H

#include "store/store_row.h"

/* Of a kind: such a request failed, for whoever asked. */
#define ACTIVITY_IS_ERROR "(NOT client_gone AND (status >= 400 OR code <> ''))"

/*
 * Kinds are few, so a filter chooses among them first, unless all are wanted (?1). ?10 to ?14 (from, to, before, after, limit)
 * are for the query, so that it goes by the index that suits it.
 */
#define ACTIVITY_WHERE                                                                                             \
    "WHERE (?1 OR a.kind IN (SELECT id FROM activity_kinds WHERE (?2 IS NULL OR user_id = ?2) "                    \
    "AND (?3 IS NULL OR ?3 IN (user_id, user_name)) AND (?4 IS NULL OR ?4 IN (key_id, key_name)) "                 \
    "AND (?5 IS NULL OR ?5 IN (server_id, server_name)) AND (?6 IS NULL OR model = ?6) "                           \
    "AND (?7 IS NULL OR route = ?7) AND (?8 IS NULL OR CASE ?8 WHEN 'error' THEN " ACTIVITY_IS_ERROR               \
    " WHEN 'gone' THEN client_gone WHEN 'ok' THEN NOT client_gone AND NOT " ACTIVITY_IS_ERROR                      \
    " ELSE status / 100 = CAST(substr(?8, 1, 1) AS INTEGER) END))) "                                               \
    "AND (?9 IS NULL OR instr(a.request_id, lower(?9)) OR a.kind IN (SELECT id FROM activity_kinds "               \
    "WHERE instr(lower(user_name || ' ' || key_name || ' ' || server_name || ' ' || model || ' ' || route || ' ' " \
    "|| code), lower(?9)))) "
/* db_query of a literal with ACTIVITY_WHERE that uses all of ?1 to ?14; limit -1: none. */
sqlite3_stmt *activity_query(struct db *db, const char *sql, const struct activity_filter *f, int64_t limit);
/* Strings go into the op's arguments. */
void activity_filter_copy(struct store_op *op, struct activity_filter *to,
                          const struct activity_filter *from);

#endif
