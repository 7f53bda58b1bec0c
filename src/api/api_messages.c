/* Messages: those that wait in the page's queue, branches, edited answers; always the asking user's own. */
#include "api/api_req.h"

static void reply_message(struct api_req *r, const struct store_result *result)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "message");
    chat_write_message_json(&w, &result->messages[0]);
    jw_end_obj(&w);
    api_reply_json(r, result->created ? 201 : 200, buf_span(out));
}

/* ---- the page's queue ---- */

static void on_accepted(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        api_reply_error(
            r, &(struct api_error){.err = result->err,
                                   .message = result->why.text,
                                   .code = result->err == ERR_EXISTS ? "conversation_mismatch" : NULL});
        return;
    }
    if (result->n_conversations)
        api_publish_conversation(r, &result->conversations[0]);
    if (strcmp(result->messages[0].state, "answered") == 0) {
        api_reply_error(r, &(struct api_error){.err = ERR_EXISTS,
                                               .code = "already_answered",
                                               .message = "This message has been answered already."});
        return;
    }
    if (!result->created)
        api_publish_id(r, "message_changed", result->messages[0].id);
    reply_message(r, result);
}

/* Fields of PUT /api/messages/{id}; pointers into the body, content_json is the caller's. */
static enum err read_message(struct api_req *r, struct message_row *row, struct err_text *why)
{
    const char *conversation = NULL, *parent = NULL, *server = NULL, *state = "queued";
    yyjson_val *content = yyjson_obj_get(r->json, "content");
    enum err e = json_get_str(r->json, "conversation_id", true, &conversation, why);
    if (!e)
        e = json_get_str(r->json, "parent_id", false, &parent, why);
    if (!e)
        e = json_get_str(r->json, "server", true, &server, why);
    if (!e)
        e = json_get_str(r->json, "state", false, &state, why);
    if (!e && strcmp(state, "queued") != 0)
        e = err_set(why, ERR_INVALID, "\"state\" must be \"queued\"");
    if (!e && !uuid_is_valid(span_str(conversation)))
        e = err_set(why, ERR_INVALID, "\"conversation_id\" must be a UUID");
    if (!e && parent && !uuid_is_valid(span_str(parent)))
        e = err_set(why, ERR_INVALID, "\"parent_id\" must be a UUID");
    if (!e)
        e = chat_check_content(content, why);
    if (e)
        return e;
    struct server *s = gateway_server_find(r->api->o.gateway, server);
    if (!s)
        return err_set(why, ERR_INVALID, "\"server\" names no server");
    struct buf json = {0};
    struct json_writer w;
    jw_init(&w, &json);
    jw_val(&w, content);
    *row = (struct message_row){.id = r->param,
                                .conversation_id = (char *)(uintptr_t)conversation,
                                .parent_id = (char *)(uintptr_t)parent,
                                .role = (char *)(uintptr_t) "user",
                                .content_json = buf_take_str(&json),
                                .state = (char *)(uintptr_t) "queued",
                                .server_id = server_config(s)->id,
                                .created_at = clock_wall_ms()};
    return ERR_OK;
}

static void put_message(struct api_req *r)
{
    struct message_row row;
    struct err_text why = {0};
    enum err e = read_message(r, &row, &why);
    if (e) {
        api_reply_err(r, e, &why);
        return;
    }
    (void)store_message_accept(r->api->o.store, r->who.user_id, &row, on_accepted, r);
    free(row.content_json);
}

/* ---- removing ---- */

static void on_message_removed(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        api_reply_error(r,
                        &(struct api_error){.err = result->err,
                                            .message = result->why.text,
                                            .code = result->err == ERR_EXISTS ? "already_answered" : NULL});
        return;
    }
    api_publish_id(r, "message_changed", r->param);
    if (result->n_conversations)
        api_publish_conversation(r, &result->conversations[0]);
    api_reply_empty(r, 204);
}

static void on_branch_removed(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (r->api->is_closed) {
        api_req_free(r);
        return;
    }
    if (result->err) {
        api_reply_err(r, result->err, &result->why);
        return;
    }
    for (size_t i = 0; i < result->n; i++)
        chat_generation_removed(r->api->o.chat, result->generations[i].id);
    api_publish_id(r, "message_removed", r->param);
    api_publish_conversation(r, &result->conversations[0]);
    api_reply_empty(r, 204);
}

static void remove_message(struct api_req *r)
{
    AUTO(buf) struct buf *branch = buf_new();
    bool has_branch = api_query(r, "branch", branch);
    if (has_branch && !span_is(buf_span(branch), "true"))
        api_reply_error(r, &(struct api_error){.err = ERR_INVALID,
                                               .param = "branch",
                                               .message = "branch must be true, or left out."});
    else if (has_branch)
        (void)store_branch_remove(r->api->o.store, r->who.user_id, r->param, on_branch_removed, r);
    else
        (void)store_message_remove(r->api->o.store, r->who.user_id, r->param, on_message_removed, r);
}

/* ---- edited answers ---- */

static void on_edited(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (result->err) {
        const char *code = result->err == ERR_FAILED   ? "not_an_answer"
                           : result->err == ERR_EXISTS ? "conversation_mismatch"
                                                       : NULL;
        api_reply_error(r,
                        &(struct api_error){.err = result->err, .message = result->why.text, .code = code});
        return;
    }
    if (result->created)
        api_publish_conversation(r, &result->conversations[0]);
    reply_message(r, result);
}

static void edit_answer(struct api_req *r)
{
    const char *id = NULL, *content = NULL;
    struct err_text why = {0};
    enum err e = json_get_str(r->json, "id", true, &id, &why);
    if (!e && !uuid_is_valid(span_str(id)))
        e = err_set(&why, ERR_INVALID, "\"id\" must be a UUID");
    if (!e)
        e = json_get_str(r->json, "content", true, &content, &why);
    if (!e)
        e = chat_check_content(yyjson_obj_get(r->json, "content"), &why);
    if (e) {
        api_reply_err(r, e, &why);
        return;
    }
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    jw_str(&w, content);
    (void)store_answer_edit(r->api->o.store, r->who.user_id, r->param, id, buf_str(json), on_edited, r);
}

static const struct api_route messages_table[] = {
    ROUTE(PUT, "/api/messages/{id}", API_USER, API_JSON, HTTP_MAX_BODY_BYTES, put_message),
    ROUTE(DELETE, "/api/messages/{id}", API_USER, API_NO_BODY, 0, remove_message),
    ROUTE(POST, "/api/messages/{id}/edit", API_USER, API_JSON, HTTP_MAX_BODY_BYTES, edit_answer),
};
API_ROUTES(api_messages_routes, messages_table);
