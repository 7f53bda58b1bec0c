/* Conversations, always the asking user's own. */
#include "api/api_req.h"

#define MAX_TITLE_CHARS  200
#define MAX_BULK_IDS     1000
#define MAX_CHANGE_BYTES ((size_t)256 << 10) /* a system prompt and its escapes */

/* True: the store refused, and so has the request been. */
static bool is_refused(struct api_req *r, const struct store_result *result)
{
    if (result->err == ERR_NOT_FOUND)
        api_reply_error(r, &(struct api_error){.err = ERR_NOT_FOUND,
                                               .code = "conversation_not_found",
                                               .message = "There is no such conversation."});
    else if (result->err)
        api_reply_err(r, result->err, &result->why);
    return result->err != ERR_OK;
}

void api_publish_conversation(struct api_req *r, const struct conversation_row *row)
{
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    chat_write_conversation_json(&w, row);
    events_publish(r->api->o.events, r->who.user_id, "conversation", buf_span(json));
}

void api_publish_id(struct api_req *r, const char *event, const char *id)
{
    AUTO(buf) struct buf *json = buf_new();
    buf_addf(json, "{\"id\":\"%s\"}", id);
    events_publish(r->api->o.events, r->who.user_id, event, buf_span(json));
}

static void write_conversation(struct json_writer *w, const void *rows, size_t i)
{
    chat_write_conversation_json(w, (const struct conversation_row *)rows + i);
}

static void on_list(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        api_reply_err(r, result->err, &result->why);
        return;
    }
    api_reply_list(r, "conversations", result->n_conversations, write_conversation, result->conversations);
}

static void list_conversations(struct api_req *r)
{
    (void)store_conversations_list(r->api->o.store, r->who.user_id, on_list, r);
}

static void write_message(struct json_writer *w, const void *rows, size_t i)
{
    chat_write_message_json(w, (const struct message_row *)rows + i);
}

/* The beginning of an object: the conversation as it is now. */
static void begin_whole(struct json_writer *w, struct buf *out, const struct conversation_row *row)
{
    jw_init(w, out);
    jw_begin_obj(w);
    jw_key(w, "conversation");
    chat_write_conversation_json(w, row);
    jw_key(w, "settings");
    chat_write_settings_json(w, row);
}

static void on_read(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (is_refused(r, result))
        return;
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    begin_whole(&w, out, &result->conversations[0]);
    api_write_list(&w, "messages", result->n, write_message, result->messages);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void read_conversation(struct api_req *r)
{
    (void)store_conversation_read(r->api->o.store, r->who.user_id, r->param, on_read, r);
}

static void on_set(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (is_refused(r, result))
        return;
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    api_publish_conversation(r, &result->conversations[0]);
    begin_whole(&w, out, &result->conversations[0]);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

/* A field that null empties. *out_has: it is there. */
static enum err read_nullable(yyjson_val *obj, const char *name, bool *out_has, const char **out_value,
                              struct err_text *why)
{
    *out_has = yyjson_obj_get(obj, name) != NULL;
    return json_get_str(obj, name, false, out_value, why);
}

static enum err read_flag(yyjson_val *obj, const char *name, bool *out_has, bool *out_value,
                          struct err_text *why)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    *out_has = v && !yyjson_is_null(v);
    return json_get_bool(obj, name, false, out_value, why);
}

/* What may be changed of many conversations at once. */
static enum err read_order(yyjson_val *json, struct conversation_change *out, struct err_text *why)
{
    enum err e = read_flag(json, "pinned", &out->has_pinned, &out->pinned, why);
    if (!e)
        e = read_flag(json, "archived", &out->has_archived, &out->archived, why);
    if (!e)
        e = read_nullable(json, "folder_id", &out->has_folder, &out->folder_id, why);
    if (!e && out->folder_id && !uuid_is_valid(span_str(out->folder_id)))
        e = err_set(why, ERR_INVALID, "\"folder_id\" must be a UUID or null");
    return e;
}

/* What is one conversation's own. options_json is the caller's. */
static enum err read_own(struct api_req *r, struct conversation_change *out, char **out_options_json,
                         struct err_text *why)
{
    enum err e = json_get_str(r->json, "title", false, &out->title, why);
    if (!e)
        e = json_get_str(r->json, "server_id", false, &out->server_id, why);
    if (!e)
        e = json_get_str(r->json, "leaf_id", false, &out->leaf_id, why);
    if (!e)
        e = read_nullable(r->json, "system_prompt", &out->has_system_prompt, &out->system_prompt, why);
    if (!e)
        e = chat_check_system_prompt(out->system_prompt, why);
    if (!e)
        e = chat_options_check(yyjson_obj_get(r->json, "options"), out_options_json, why);
    if (e)
        return e;
    out->options_json = *out_options_json;
    struct span title = span_str(out->title ? out->title : "x");
    if (utf8_count(title) > MAX_TITLE_CHARS || span_trim(title).len == 0)
        return err_set(why, ERR_INVALID, "\"title\" must have 1 to %d characters", MAX_TITLE_CHARS);
    if (out->leaf_id && !uuid_is_valid(span_str(out->leaf_id)))
        return err_set(why, ERR_INVALID, "\"leaf_id\" must be a UUID");
    const struct server *s = out->server_id ? gateway_server_find(r->api->o.gateway, out->server_id) : NULL;
    if (out->server_id && !s)
        return err_set(why, ERR_INVALID, "\"server_id\" names no server");
    out->server_id = s ? server_config(s)->id : NULL;
    return ERR_OK;
}

static void change_conversation(struct api_req *r)
{
    struct conversation_change change = {0};
    AUTO(mem) char *options_json = NULL;
    struct err_text why = {0};
    enum err e = read_order(r->json, &change, &why);
    if (!e)
        e = read_own(r, &change, &options_json, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        (void)store_conversation_set(r->api->o.store, r->who.user_id, r->param, &change, on_set, r);
}

/* Nobody sees it any more; its rows go in steps (chat_sweep). */
static void forget_conversation(struct api_req *r, const char *id)
{
    chat_conversation_removed(r->api->o.chat, id);
    api_publish_id(r, "conversation_removed", id);
}

static void on_removed(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (r->api->is_closed) {
        api_req_free(r);
        return;
    }
    if (is_refused(r, result))
        return;
    forget_conversation(r, r->param);
    api_reply_empty(r, 204);
}

static void remove_conversation(struct api_req *r)
{
    (void)store_conversation_remove(r->api->o.store, r->who.user_id, r->param, on_removed, r);
}

/* ---- many at once ---- */

static void reply_count(struct api_req *r, size_t n)
{
    AUTO(buf) struct buf *out = buf_new();
    buf_addf(out, "{\"n\":%zu}", n);
    api_reply_json(r, 200, buf_span(out));
}

static void on_many_set(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (is_refused(r, result))
        return;
    for (size_t i = 0; i < result->n_conversations; i++)
        api_publish_conversation(r, &result->conversations[i]);
    reply_count(r, result->n_conversations);
}

static void on_many_removed(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (r->api->is_closed) {
        api_req_free(r);
        return;
    }
    if (is_refused(r, result))
        return;
    for (size_t i = 0; i < result->n_conversations; i++)
        forget_conversation(r, result->conversations[i].id);
    reply_count(r, result->n_conversations);
}

static enum err read_ids(yyjson_val *json, yyjson_val **out_ids, struct err_text *why)
{
    enum err e = json_get_arr(json, "ids", true, out_ids, why);
    if (e)
        return e;
    size_t i, n;
    yyjson_val *id;
    bool good = yyjson_arr_size(*out_ids) >= 1 && yyjson_arr_size(*out_ids) <= MAX_BULK_IDS;
    yyjson_arr_foreach(*out_ids, i, n, id)
        good = good && yyjson_is_str(id) && uuid_is_valid(span_of(yyjson_get_str(id), yyjson_get_len(id)));
    return good ? ERR_OK : err_set(why, ERR_INVALID, "\"ids\" must be 1 to %d UUIDs", MAX_BULK_IDS);
}

static enum err read_bulk(yyjson_val *json, yyjson_val **out_ids, struct conversation_change *out_change,
                          bool *out_remove, struct err_text *why)
{
    yyjson_val *set = NULL;
    enum err e = read_ids(json, out_ids, why);
    if (!e)
        e = json_get_obj(json, "set", false, &set, why);
    if (!e)
        e = json_get_bool(json, "delete", false, out_remove, why);
    if (!e && (set != NULL) == *out_remove)
        e = err_set(why, ERR_INVALID, "\"set\": either this or \"delete\" must be there");
    if (!e)
        e = read_order(set, out_change, why);
    if (!e && set && !out_change->has_pinned && !out_change->has_archived && !out_change->has_folder)
        e = err_set(why, ERR_INVALID, "\"set\" must have pinned, archived or folder_id");
    return e;
}

static void change_conversations(struct api_req *r)
{
    struct conversation_change change = {0};
    yyjson_val *ids = NULL;
    bool remove = false;
    struct err_text why = {0};
    enum err e = read_bulk(r->json, &ids, &change, &remove, &why);
    if (e) {
        api_reply_err(r, e, &why);
        return;
    }
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    jw_val(&w, ids);
    if (remove)
        (void)store_conversations_remove(r->api->o.store, r->who.user_id, buf_str(json), on_many_removed, r);
    else
        (void)store_conversations_set(r->api->o.store, r->who.user_id, buf_str(json), &change, on_many_set,
                                      r);
}

static const struct api_route conversations_table[] = {
    ROUTE(GET, "/api/conversations", API_USER, API_NO_BODY, 0, list_conversations),
    ROUTE(POST, "/api/conversations/bulk", API_USER, API_JSON, API_SMALL_BODY_BYTES, change_conversations),
    ROUTE(GET, "/api/conversations/{id}", API_USER, API_NO_BODY, 0, read_conversation),
    ROUTE(PATCH, "/api/conversations/{id}", API_USER, API_JSON, MAX_CHANGE_BYTES, change_conversation),
    ROUTE(DELETE, "/api/conversations/{id}", API_USER, API_NO_BODY, 0, remove_conversation),
};
API_ROUTES(api_conversations_routes, conversations_table);
