/* Who sits in memory: the budget, the groups, and what is there. */
#include "api/api_req.h"

static void reply_memory(struct api_req *r)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "memory");
    gateway_write_memory_json(r->api->o.gateway, &w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void on_changed(void *arg, enum err e, const struct err_text *why)
{
    if (e)
        api_reply_err(arg, e, why);
    else
        reply_memory(arg);
}

static void change_memory(struct api_req *r)
{
    struct err_text why = {0};
    enum err e = gateway_memory_change(r->api->o.gateway, r->json, on_changed, r, &why);
    if (e)
        api_reply_err(r, e, &why);
}

static const struct api_route memory_table[] = {
    ROUTE(GET, "/api/memory", API_USER, API_NO_BODY, 0, reply_memory),
    ROUTE(PATCH, "/api/memory", API_ADMIN, API_JSON, API_SMALL_BODY_BYTES, change_memory),
};
API_ROUTES(api_memory_routes, memory_table);
