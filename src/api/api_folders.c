/* Folders of conversations, always the asking user's own. */
#include "api/api_req.h"

#define MAX_NAME_CHARS 100

static void write_folder(struct json_writer *w, const struct folder_row *row)
{
    jw_begin_obj(w);
    jwf_str(w, "id", row->id);
    jwf_str(w, "name", row->name);
    jwf_int(w, "created_at", row->created_at);
    jw_end_obj(w);
}

/* True: the store refused, and so has the request been. */
static bool is_refused(struct api_req *r, const struct store_result *result)
{
    if (result->err)
        api_reply_error(
            r, &(struct api_error){.err = result->err,
                                   .message = result->why.text,
                                   .code = result->err == ERR_NOT_FOUND ? "folder_not_found" : NULL});
    return result->err != ERR_OK;
}

static void write_item(struct json_writer *w, const void *folders, size_t i)
{
    write_folder(w, (const struct folder_row *)folders + i);
}

static void on_list(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (!is_refused(r, result))
        api_reply_list(r, "folders", result->n, write_item, result->folders);
}

static void list_folders(struct api_req *r)
{
    (void)store_folders_list(r->api->o.store, r->who.user_id, on_list, r);
}

static void reply_folder(struct api_req *r, const struct store_result *result, int status)
{
    if (is_refused(r, result))
        return;
    AUTO(buf) struct buf *folder = buf_new(), *out = buf_new();
    struct json_writer w;
    jw_init(&w, folder);
    write_folder(&w, &result->folders[0]);
    events_publish(r->api->o.events, r->who.user_id, "folder", buf_span(folder));
    buf_addf(out, "{\"folder\":%s}", buf_str(folder));
    api_reply_json(r, status, buf_span(out));
}

static void on_added(void *arg, const struct store_result *result)
{
    reply_folder(arg, result, 201);
}

static void on_renamed(void *arg, const struct store_result *result)
{
    reply_folder(arg, result, 200);
}

/* The name without blanks around it, the caller's. NULL: the request was refused. */
static char *read_name(struct api_req *r)
{
    const char *text = "";
    struct err_text why = {0};
    enum err e = json_get_str(r->json, "name", true, &text, &why);
    struct span name = span_trim(span_str(text));
    if (!e && (name.len == 0 || utf8_count(name) > MAX_NAME_CHARS))
        e = err_set(&why, ERR_INVALID, "\"name\" must have 1 to %d characters", MAX_NAME_CHARS);
    if (!e)
        return span_dup(name);
    api_reply_err(r, e, &why);
    return NULL;
}

static void add_folder(struct api_req *r)
{
    char id[UUID_LEN + 1];
    AUTO(mem) char *name = read_name(r);
    if (!name)
        return;
    rand_uuid(id);
    struct folder_row row = {.id = id, .user_id = r->who.user_id, .name = name};
    (void)store_folder_add(r->api->o.store, &row, on_added, r);
}

static void rename_folder(struct api_req *r)
{
    AUTO(mem) char *name = read_name(r);
    if (name)
        (void)store_folder_rename(r->api->o.store, r->who.user_id, r->param, name, on_renamed, r);
}

static void on_removed(void *arg, const struct store_result *result)
{
    struct api_req *r = arg;
    if (is_refused(r, result))
        return;
    api_publish_id(r, "folder_removed", r->param);
    api_reply_empty(r, 204);
}

static void remove_folder(struct api_req *r)
{
    (void)store_folder_remove(r->api->o.store, r->who.user_id, r->param, on_removed, r);
}

static const struct api_route folders_table[] = {
    ROUTE(GET, "/api/folders", API_USER, API_NO_BODY, 0, list_folders),
    ROUTE(POST, "/api/folders", API_USER, API_JSON, API_SMALL_BODY_BYTES, add_folder),
    ROUTE(PATCH, "/api/folders/{id}", API_USER, API_JSON, API_SMALL_BODY_BYTES, rename_folder),
    ROUTE(DELETE, "/api/folders/{id}", API_USER, API_NO_BODY, 0, remove_folder),
};
API_ROUTES(api_folders_routes, folders_table);
