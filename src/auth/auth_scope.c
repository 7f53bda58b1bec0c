/* Routes are bits, models a list of texts. */
#include "auth/auth_scope.h"

#include <ctype.h>

static const char *const route_names[AUTH_N_ROUTES] = {
    [AUTH_ROUTE_CHAT] = "chat",
    [AUTH_ROUTE_COMPLETIONS] = "completions",
    [AUTH_ROUTE_RESPONSES] = "responses",
    [AUTH_ROUTE_MESSAGES] = "messages",
    [AUTH_ROUTE_EMBEDDINGS] = "embeddings",
    [AUTH_ROUTE_RERANK] = "rerank",
    [AUTH_ROUTE_AUDIO] = "audio",
    [AUTH_ROUTE_IMAGES] = "images",
    [AUTH_ROUTE_UPSTREAM] = "upstream",
    [AUTH_ROUTE_API] = "api",
};

/* Of a stored list that cannot be read: a bit that no route has. */
#define NO_ROUTE (UINT32_C(1) << AUTH_N_ROUTES)

const char *auth_route_name(enum auth_route route)
{
    return route_names[route];
}

/* 0: there is no such route. */
static uint32_t bit_of(const char *name)
{
    for (int i = 0; i < AUTH_N_ROUTES; i++) {
        if (str_eq(name, route_names[i]))
            return UINT32_C(1) << i;
    }
    return 0;
}

static enum err refuse_route(struct err_text *why)
{
    AUTO(buf) struct buf *names = buf_new();
    for (int i = 0; i < AUTH_N_ROUTES; i++)
        buf_addf(names, "%s%s", i ? ", " : "", route_names[i]);
    return err_set(why, ERR_INVALID, "\"routes\" must be a list with one or more of %s; null is all of them",
                   buf_str(names));
}

enum err scope_routes_parse(yyjson_val *array, uint32_t *out_routes, struct err_text *why)
{
    uint32_t routes = 0;
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(array, i, n, item) {
        uint32_t bit = bit_of(yyjson_get_str(item));
        if (!bit)
            return refuse_route(why);
        routes |= bit;
    }
    if (!routes)
        return refuse_route(why);
    *out_routes = routes;
    return ERR_OK;
}

static bool is_model_text(const char *text, size_t len)
{
    if (!text || len == 0 || len > AUTH_MAX_KEY_MODEL_BYTES || strlen(text) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (iscntrl((unsigned char)text[i]))
            return false;
    }
    return true;
}

enum err scope_models_parse(yyjson_val *array, struct strv *out_models, struct err_text *why)
{
    size_t i, n;
    yyjson_val *item;
    bool ok = yyjson_arr_size(array) > 0 && yyjson_arr_size(array) <= AUTH_MAX_KEY_MODELS;
    yyjson_arr_foreach(array, i, n, item) {
        ok = ok && is_model_text(yyjson_get_str(item), yyjson_get_len(item));
    }
    if (!ok)
        return err_set(why, ERR_INVALID,
                       "\"models\" must be a list of 1 to %d names or patterns of 1 to %d bytes; null is all",
                       AUTH_MAX_KEY_MODELS, AUTH_MAX_KEY_MODEL_BYTES);
    yyjson_arr_foreach(array, i, n, item) {
        strv_add(out_models, yyjson_get_str(item));
    }
    return ERR_OK;
}

/* NULL: it is no JSON, or no array. */
static yyjson_val *read_array(const char *json, yyjson_doc **out_doc)
{
    struct err_text why;
    *out_doc = NULL;
    if (json_parse(span_str(json), out_doc, &why))
        return NULL;
    yyjson_val *root = yyjson_doc_get_root(*out_doc);
    return yyjson_is_arr(root) ? root : NULL;
}

uint32_t scope_routes_read(const char *json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    uint32_t routes = 0;
    size_t i, n;
    yyjson_val *item;
    if (!json)
        return 0;
    yyjson_val *array = read_array(json, &doc);
    yyjson_arr_foreach(array, i, n, item) {
        routes |= bit_of(yyjson_get_str(item));
    }
    return routes ? routes : NO_ROUTE;
}

void scope_models_read(const char *json, struct strv *out_models)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    struct err_text why;
    if (json && scope_models_parse(read_array(json, &doc), out_models, &why))
        strv_add(out_models, ""); /* fits nothing */
}

char *scope_routes_text(uint32_t routes)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    if (!routes)
        return NULL;
    jw_init(&w, out);
    jw_begin_arr(&w);
    for (int i = 0; i < AUTH_N_ROUTES; i++) {
        if (routes & UINT32_C(1) << i)
            jw_str(&w, route_names[i]);
    }
    jw_end_arr(&w);
    return xstrdup(buf_str(out));
}

char *scope_models_text(const struct strv *models)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    if (!models->n)
        return NULL;
    jw_init(&w, out);
    jw_begin_arr(&w);
    for (size_t i = 0; i < models->n; i++)
        jw_str(&w, models->v[i]);
    jw_end_arr(&w);
    return xstrdup(buf_str(out));
}

/* Only the last star is ever tried again, so that it takes name x pattern steps at most. */
bool scope_name_fits(const char *name, const char *pattern)
{
    const char *star = NULL, *retry = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (tolower((unsigned char)*name) == tolower((unsigned char)*pattern)) {
            name++;
            pattern++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
