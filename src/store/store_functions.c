/* What a message's content says and names, for triggers and views. */
#include "store/store_functions.h"
#include "store/store_content.h"

static struct span argument(sqlite3_value *value)
{
    const char *text = (const char *)sqlite3_value_text(value); /* first: it may change the length */
    return span_of(text ? text : "", (size_t)sqlite3_value_bytes(value));
}

static void give(sqlite3_context *result, struct buf *text)
{
    sqlite3_result_text64(result, buf_str(text), text->len, SQLITE_TRANSIENT, SQLITE_UTF8);
    buf_release(text);
}

static void content_text(sqlite3_context *result, int n_args, sqlite3_value **args)
{
    struct buf text = {0};
    (void)n_args;
    content_add_text(argument(args[0]), &text);
    give(result, &text);
}

static void content_attachments(sqlite3_context *result, int n_args, sqlite3_value **args)
{
    struct strv ids = {0};
    struct buf json = {0};
    struct json_writer w;
    (void)n_args;
    content_list_attachments(argument(args[0]).p, &ids);
    jw_init(&w, &json);
    jw_begin_arr(&w);
    for (size_t i = 0; i < ids.n; i++)
        jw_str(&w, ids.v[i]);
    jw_end_arr(&w);
    strv_release(&ids);
    give(result, &json);
}

enum err functions_register(sqlite3 *sql, struct err_text *why)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    if (sqlite3_create_function(sql, "content_text", 1, flags, NULL, content_text, NULL, NULL) != SQLITE_OK ||
        sqlite3_create_function(sql, "content_attachments", 1, flags, NULL, content_attachments, NULL,
                                NULL) != SQLITE_OK)
        return err_set(why, ERR_FAILED, "SQLite: %s", sqlite3_errmsg(sql));
    return ERR_OK;
}
