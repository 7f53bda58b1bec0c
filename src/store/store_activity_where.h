/* The conditions that a filter of store_activity.h stands for, for queries from table activity. */
#ifndef HOB_STORE_ACTIVITY_WHERE_H
#define HOB_STORE_ACTIVITY_WHERE_H

#include "store/store_row.h"

/* A request failed, for whoever asked. */
#define ACTIVITY_IS_ERROR "(NOT client_gone AND (status >= 400 OR code IS NOT NULL))"

/* One of the two, then the rest. ?9 to ?12 (from, to, before, after) are the query's own to use, so that it goes by the index
 * that suits it. */
#define ACTIVITY_OF_USER "WHERE user_id = ?1 "
#define ACTIVITY_OF_ALL  "WHERE ?1 IS NULL "
#define ACTIVITY_REST                                                                                              \
    "AND (?2 IS NULL OR user_id = ?2 OR user_name = ?2) AND (?3 IS NULL OR key_id = ?3 OR key_name = ?3) "         \
    "AND (?4 IS NULL OR server_id = ?4 OR server_name = ?4) AND (?5 IS NULL OR model = ?5) "                       \
    "AND (?6 IS NULL OR route = ?6) AND (?7 IS NULL OR CASE ?7 WHEN 'error' THEN " ACTIVITY_IS_ERROR               \
    " WHEN 'gone' THEN client_gone WHEN 'ok' THEN NOT client_gone AND NOT " ACTIVITY_IS_ERROR                      \
    " ELSE status / 100 = CAST(substr(?7, 1, 1) AS INTEGER) END) "                                                 \
    "AND (?8 IS NULL OR instr(lower(coalesce(user_name, '') || ' ' || coalesce(key_name, '') || ' ' || "           \
    "coalesce(server_name, '') || ' ' || coalesce(model, '') || ' ' || route || ' ' || coalesce(code, '') || ' ' " \
    "|| request_id), lower(?8))) "
#define ACTIVITY_TYPES "ttttttttiiii"
#define ACTIVITY_ARGS(f)                                                                             \
    (f)->user_id, (f)->user, (f)->key, (f)->server, (f)->model, (f)->route, (f)->outcome, (f)->text, \
        (f)->from, (f)->to > 0 ? (f)->to : INT64_MAX, (f)->before > 0 ? (f)->before : INT64_MAX, (f)->after

/* Strings go into the op's arguments. */
void activity_filter_copy(struct store_op *op, struct activity_filter *to,
                          const struct activity_filter *from);

#endif
