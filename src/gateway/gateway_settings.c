/* A server's settings that only the gateway needs: their rules, and their JSON. */
#include <strings.h>

#include "gateway/gateway_room.h"

void server_settings_release(struct server_settings *s)
{
    strv_release(&s->aliases);
    free(s->group);
    free(s->rewrite_json);
    *s = (struct server_settings){0};
}

bool server_settings_has_alias(const struct server_settings *s, const char *name)
{
    for (size_t i = 0; i < s->aliases.n; i++) {
        if (strcasecmp(s->aliases.v[i], name) == 0)
            return true;
    }
    return false;
}

/* ---- rules ---- */

static bool is_name(const char *text)
{
    size_t n = strlen(text);
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return false;
    }
    return n > 0 && n <= GATEWAY_MAX_NAME_BYTES && span_trim(span_str(text)).len == n &&
           !uuid_is_valid(span_str(text));
}

static enum err take_aliases(struct server_settings *s, yyjson_val *list, struct err_text *why)
{
    size_t i, n;
    yyjson_val *item;
    strv_release(&s->aliases);
    if (!list || yyjson_is_null(list))
        return ERR_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > GATEWAY_MAX_ALIASES)
        return err_set(why, ERR_INVALID, "\"aliases\" must be an array of at most %d names",
                       GATEWAY_MAX_ALIASES);
    yyjson_arr_foreach(list, i, n, item) {
        const char *text = yyjson_get_str(item);
        if (!text || strlen(text) != yyjson_get_len(item) || !is_name(text))
            return err_set(
                why, ERR_INVALID,
                "\"aliases\" must have names of at most %d bytes, without control characters, blanks "
                "at their ends, or the form of an id",
                GATEWAY_MAX_NAME_BYTES);
        if (!server_settings_has_alias(s, text))
            strv_add(&s->aliases, text);
    }
    return ERR_OK;
}

static enum err take_group(struct server_settings *s, yyjson_val *obj, struct err_text *why)
{
    const char *text = NULL;
    enum err e = json_get_str(obj, "group", false, &text, why);
    if (e)
        return e;
    if (text && text[0] && !is_name(text))
        return err_set(why, ERR_INVALID, "\"group\" must be a name of at most %d bytes",
                       GATEWAY_MAX_NAME_BYTES);
    xreplace(&s->group, text && text[0] ? text : NULL);
    return ERR_OK;
}

static enum err check_rewrite(yyjson_val *v, struct err_text *why)
{
    const char *model = NULL;
    yyjson_val *part = NULL, *key, *value;
    size_t i, n;
    if (!yyjson_is_obj(v))
        return err_set(why, ERR_INVALID, "\"rewrite\" must be an object");
    yyjson_obj_foreach(v, i, n, key, value) {
        const char *name = yyjson_get_str(key);
        if (!str_eq(name, "model") && !str_eq(name, "defaults") && !str_eq(name, "set") &&
            !str_eq(name, "strip"))
            return err_set(why, ERR_INVALID, "\"rewrite\" has an unknown field: %.100s", name);
    }
    enum err e = json_get_str(v, "model", false, &model, why);
    if (!e)
        e = json_get_obj(v, "defaults", false, &part, why);
    if (!e)
        e = json_get_obj(v, "set", false, &part, why);
    part = NULL;
    if (!e)
        e = json_get_arr(v, "strip", false, &part, why);
    if (e)
        return e;
    yyjson_arr_foreach(part, i, n, value) {
        if (!yyjson_is_str(value))
            return err_set(why, ERR_INVALID, "\"strip\" must be an array of strings");
    }
    if (json_has_nul(v))
        return err_set(why, ERR_INVALID, "\"rewrite\" must have no NUL");
    return ERR_OK;
}

static enum err take_rewrite(struct server_settings *s, yyjson_val *v, struct err_text *why)
{
    free(s->rewrite_json);
    s->rewrite_json = NULL;
    if (!v || yyjson_is_null(v))
        return ERR_OK;
    enum err e = check_rewrite(v, why);
    if (e)
        return e;
    if (yyjson_obj_size(v) == 0)
        return ERR_OK;
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_val(&w, v);
    if (b.len > GATEWAY_MAX_REWRITE_BYTES)
        e = err_set(why, ERR_INVALID, "\"rewrite\" is longer than %d bytes", GATEWAY_MAX_REWRITE_BYTES);
    else
        s->rewrite_json = buf_take_str(&b);
    buf_release(&b);
    return e;
}

static enum err take_count(yyjson_val *obj, const char *name, int max, int *out, struct err_text *why)
{
    int64_t value = 0;
    enum err e = json_get_int(obj, name, false, 0, max, &value, why);
    if (!e)
        *out = (int)value;
    return e;
}

enum err server_settings_take(struct server_settings *s, yyjson_val *obj, struct err_text *why)
{
    const struct {
        const char *name;
        int max;
        int *value;
    } counts[] = {
        {"slots", GATEWAY_MAX_SLOTS, &s->slots},
        {"idle_stop_s", GATEWAY_MAX_SECONDS, &s->idle_stop_s},
        {"max_waiting", GATEWAY_MAX_WAITING, &s->max_waiting},
        {"hold_s", GATEWAY_MAX_SECONDS, &s->hold_s},
    };
    enum err e = ERR_OK;
    for (size_t i = 0; i < COUNT_OF(counts) && !e; i++) {
        if (yyjson_obj_get(obj, counts[i].name))
            e = take_count(obj, counts[i].name, counts[i].max, counts[i].value, why);
    }
    yyjson_val *aliases = yyjson_obj_get(obj, "aliases"), *rewrite = yyjson_obj_get(obj, "rewrite");
    if (!e && aliases)
        e = take_aliases(s, aliases, why);
    if (!e && yyjson_obj_get(obj, "group"))
        e = take_group(s, obj, why);
    if (!e && rewrite)
        e = take_rewrite(s, rewrite, why);
    return e;
}

/* ---- JSON ---- */

void server_settings_read(struct server_settings *out, const char *json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    struct err_text why = {0};
    enum err e = json_parse_object(span_str(json), &doc, &root, &why);
    if (!e)
        e = server_settings_take(out, root, &why);
    if (e)
        log_warn("settings of a server: %s", why.text);
}

void server_settings_write(const struct server_settings *s, struct json_writer *w)
{
    jw_key(w, "aliases");
    jw_begin_arr(w);
    for (size_t i = 0; i < s->aliases.n; i++)
        jw_str(w, s->aliases.v[i]);
    jw_end_arr(w);
    jwf_int(w, "slots", s->slots);
    jwf_int(w, "idle_stop_s", s->idle_stop_s);
    jwf_str(w, "group", s->group);
    jwf_int(w, "max_waiting", s->max_waiting);
    jwf_int(w, "hold_s", s->hold_s);
    jwf_raw(w, "rewrite", s->rewrite_json);
}
