/* What is to be set of a key or an account, from the body of a request. */
#include "auth/auth_scope.h"
#include "auth/auth_state.h"

#define MAX_EXPIRY_MS INT64_C(253402300799999) /* the end of the year 9999 */

/* A number that may be null: then 0. *out stays when the field is not there. */
static enum err read_number(yyjson_val *obj, const char *name, int64_t max, int64_t *out,
                            struct err_text *why)
{
    yyjson_val *field = yyjson_obj_get(obj, name);
    if (!field)
        return ERR_OK;
    if (yyjson_is_null(field)) {
        *out = 0;
        return ERR_OK;
    }
    return json_get_int(obj, name, true, 1, max, out, why);
}

enum err auth_limits_parse(yyjson_val *body, struct rate_limits *out_limits, struct err_text *why)
{
    yyjson_val *obj = NULL;
    struct rate_limits limits = {-1, -1, -1};
    enum err e = json_get_obj(body, "limits", false, &obj, why);
    if (!e && yyjson_is_null(yyjson_obj_get(body, "limits")))
        limits = (struct rate_limits){0};
    if (!e)
        e = read_number(obj, "requests_per_minute", AUTH_MAX_RATE, &limits.requests_per_minute, why);
    if (!e)
        e = read_number(obj, "tokens_per_minute", AUTH_MAX_RATE, &limits.tokens_per_minute, why);
    if (!e)
        e = read_number(obj, "max_parallel", AUTH_MAX_PARALLEL, &limits.max_parallel, why);
    if (!e)
        *out_limits = limits;
    return e;
}

static enum err read_routes(struct auth_key_patch *p, yyjson_val *body, struct err_text *why)
{
    yyjson_val *array = NULL;
    uint32_t routes = 0;
    enum err e = json_get_arr(body, "routes", false, &array, why);
    if (!e && array)
        e = scope_routes_parse(array, &routes, why);
    if (!e && yyjson_obj_get(body, "routes"))
        p->routes_json = array ? scope_routes_text(routes) : xstrdup("");
    return e;
}

static enum err read_models(struct auth_key_patch *p, yyjson_val *body, struct err_text *why)
{
    yyjson_val *array = NULL;
    struct strv models = {0};
    enum err e = json_get_arr(body, "models", false, &array, why);
    if (!e && array)
        e = scope_models_parse(array, &models, why);
    if (!e && yyjson_obj_get(body, "models"))
        p->models_json = array ? scope_models_text(&models) : xstrdup("");
    strv_release(&models);
    return e;
}

enum err auth_key_patch_parse(struct auth_key_patch *p, yyjson_val *body, struct err_text *why)
{
    const char *name = NULL;
    *p = (struct auth_key_patch){.expires_at = -1};
    enum err e = json_get_str(body, "name", false, &name, why);
    p->name = e ? NULL : xstrdup(name);
    if (!e)
        e = read_routes(p, body, why);
    if (!e)
        e = read_models(p, body, why);
    if (!e)
        e = read_number(body, "expires_at", MAX_EXPIRY_MS, &p->expires_at, why);
    if (!e && p->expires_at > 0 && p->expires_at <= clock_wall_ms())
        e = err_set(why, ERR_INVALID, "\"expires_at\" must be in the future");
    return e ? e : auth_limits_parse(body, &p->limits, why);
}

void auth_key_patch_release(struct auth_key_patch *p)
{
    free(p->name);
    free(p->routes_json);
    free(p->models_json);
    *p = (struct auth_key_patch){0};
}
