/* Servers: list, add, change, remove; start and stop their engines; read their logs. */
#include "api/api_req.h"

#define SERVER_BODY_BYTES ((size_t)256 * 1024)

static void reply_server(struct api_req *r, int status, const struct server *s)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "server");
    gateway_write_server_json(s, &w);
    jw_end_obj(&w);
    api_reply_json(r, status, buf_span(out));
}

/* NULL: answered with 404. */
static struct server *find_server(struct api_req *r)
{
    struct server *s = gateway_server_by_id(r->api->o.gateway, r->param);
    if (!s)
        api_reply_error(r, &(struct api_error){.err = ERR_NOT_FOUND,
                                               .code = "server_not_found",
                                               .message = "There is no such server."});
    return s;
}

static void write_server(struct json_writer *w, const void *gateway, size_t i)
{
    gateway_write_server_json(gateway_server_at(gateway, i), w);
}

static void list_servers(struct api_req *r)
{
    const struct gateway *g = r->api->o.gateway;
    api_reply_list(r, "servers", gateway_n_servers(g), write_server, g);
}

static void show_server(struct api_req *r)
{
    struct server *s = find_server(r);
    if (s)
        reply_server(r, 200, s);
}

static void on_added(void *arg, enum err e, const struct err_text *why, struct server *s)
{
    if (e)
        api_reply_err(arg, e, why);
    else
        reply_server(arg, 201, s);
}

static void on_changed(void *arg, enum err e, const struct err_text *why, struct server *s)
{
    if (e)
        api_reply_err(arg, e, why);
    else
        reply_server(arg, 200, s);
}

static void add_server(struct api_req *r)
{
    struct server_patch p;
    struct err_text why = {0};
    server_patch_init(&p);
    enum err e = server_patch_parse(&p, r->json, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        gateway_server_add(r->api->o.gateway, &p, on_added, r);
    server_patch_release(&p);
}

static void change_server(struct api_req *r)
{
    struct server *s = find_server(r);
    struct server_patch p;
    struct err_text why = {0};
    if (!s)
        return;
    server_patch_init(&p);
    enum err e = server_patch_parse(&p, r->json, &why);
    if (e)
        api_reply_err(r, e, &why);
    else
        gateway_server_change(r->api->o.gateway, s, &p, on_changed, r);
    server_patch_release(&p);
}

static void on_removed(void *arg, enum err e, const struct err_text *why, struct server *s)
{
    (void)s;
    if (e)
        api_reply_err(arg, e, why);
    else
        api_reply_empty(arg, 204);
}

static void remove_server(struct api_req *r)
{
    struct server *s = find_server(r);
    if (s)
        gateway_server_remove(r->api->o.gateway, s, on_removed, r);
}

static void refuse_start(struct api_req *r, enum err e, const struct err_text *why)
{
    if (e == ERR_FAILED)
        api_reply_error(r, &(struct api_error){
                               .err = e, .code = "out_of_memory", .message = why->text, .no_retry = true});
    else
        api_reply_err(r, e, why);
}

static void start_server(struct api_req *r)
{
    struct server *s = find_server(r);
    struct err_text why = {0};
    if (!s)
        return;
    enum err e = gateway_server_start(r->api->o.gateway, s, &why);
    if (e)
        refuse_start(r, e, &why);
    else
        reply_server(r, 202, s);
}

static void stop_server(struct api_req *r)
{
    struct server *s = find_server(r);
    if (!s)
        return;
    gateway_server_stop(r->api->o.gateway, s);
    reply_server(r, 202, s);
}

static void restart_server(struct api_req *r)
{
    struct server *s = find_server(r);
    struct err_text why = {0};
    if (!s)
        return;
    enum err e = gateway_server_restart(r->api->o.gateway, s, &why);
    if (e)
        refuse_start(r, e, &why);
    else
        reply_server(r, 202, s);
}

static void write_line(const struct engine_log_line *line, void *arg)
{
    struct json_writer *w = arg;
    jw_begin_obj(w);
    jwf_int(w, "n", line->n);
    jwf_int(w, "at", line->at_ms);
    jwf_str(w, "stream", line->stream);
    jw_key(w, "text");
    jw_span(w, line->text);
    jw_end_obj(w);
}

static void read_log(struct api_req *r)
{
    struct server *s = find_server(r);
    if (!s)
        return;
    AUTO(buf) struct buf *out = buf_new(), *after = buf_new();
    struct json_writer w;
    uint64_t after_n = 0;
    if (api_query(r, "after", after) && (!span_to_u64(buf_span(after), &after_n) || after_n > INT64_MAX)) {
        api_reply_error(r, &(struct api_error){.err = ERR_INVALID,
                                               .param = "after",
                                               .message = "\"after\" must be the number of a line."});
        return;
    }
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "lines");
    jw_begin_arr(&w);
    int64_t next = engine_log_read(server_engine(s), (int64_t)after_n, write_line, &w);
    jw_end_arr(&w);
    jwf_int(&w, "next", next);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static const struct api_route servers_table[] = {
    ROUTE(GET, "/api/servers", API_USER, API_NO_BODY, 0, list_servers),
    ROUTE(POST, "/api/servers", API_ADMIN, API_JSON, SERVER_BODY_BYTES, add_server),
    ROUTE(GET, "/api/servers/{id}", API_USER, API_NO_BODY, 0, show_server),
    ROUTE(PATCH, "/api/servers/{id}", API_ADMIN, API_JSON, SERVER_BODY_BYTES, change_server),
    ROUTE(DELETE, "/api/servers/{id}", API_ADMIN, API_NO_BODY, 0, remove_server),
    ROUTE(POST, "/api/servers/{id}/start", API_USER, API_JSON, API_SMALL_BODY_BYTES, start_server),
    ROUTE(POST, "/api/servers/{id}/stop", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, stop_server),
    ROUTE(POST, "/api/servers/{id}/restart", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, restart_server),
    ROUTE(GET, "/api/servers/{id}/log", API_ADMIN, API_NO_BODY, 0, read_log),
};
API_ROUTES(api_servers_routes, servers_table);
