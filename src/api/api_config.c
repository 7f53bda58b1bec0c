/* Where the settings come from, and whether the file is in force as it is now. */
#include "api/api_req.h"

static void show_config(struct api_req *r)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "config");
    r->api->o.write_config(r->api->o.config_arg, &w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static const struct api_route config_table[] = {
    ROUTE(GET, "/api/config", API_ADMIN, API_NO_BODY, 0, show_config),
};
API_ROUTES(api_config_routes, config_table);
