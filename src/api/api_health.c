/* Is hob itself well? */
#include "api/api_req.h"

static void show_health(struct api_req *r)
{
    api_reply_json(r, 200, SPAN_LIT("{\"status\":\"ok\"}"));
}

static void show_ready(struct api_req *r)
{
    if (r->api->draining)
        api_reply_error(
            r, &(struct api_error){.err = ERR_BUSY, .code = "stopping", .message = "hob is stopping."});
    else
        api_reply_json(r, 200, SPAN_LIT("{\"status\":\"ready\"}"));
}

static const struct api_route health_table[] = {
    ROUTE(GET, "/health", API_PUBLIC, API_NO_BODY, 0, show_health),
    ROUTE(GET, "/ready", API_PUBLIC, API_NO_BODY, 0, show_ready),
};
API_ROUTES(api_health_routes, health_table);
