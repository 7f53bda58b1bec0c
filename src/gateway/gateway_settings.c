/* A server's settings that only the gateway needs: their rules, and their JSON. */
#include <strings.h>

#include "gateway/gateway_room.h"

void server_settings_release(struct server_settings *s)
{
    strv_release(&s->aliases);
    free(s->group);
    free(s->rewrite_json);
    strv_release(&s->env);
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

static bool is_env_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= GATEWAY_MAX_ENV_NAME && strchr("0123456789", name[0]) == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* NULL: it has no such variable. */
static const char *find_env(const struct strv *env, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
            return env->v[i] + n + 1;
    }
    return NULL;
}

/* Replaces the variables; null instead of a value is the one that is there. */
static enum err take_env(struct server_settings *s, yyjson_val *v, struct err_text *why)
{
    struct strv old = s->env;
    size_t i, n;
    yyjson_val *key, *value;
    enum err e = ERR_OK;
    s->env = (struct strv){0};
    if (v && !yyjson_is_null(v) &&
        (!yyjson_is_obj(v) || yyjson_obj_size(v) > GATEWAY_MAX_ENV || json_has_nul(v)))
        e = err_set(why, ERR_INVALID, "\"env\" must be an object of at most %d texts without NUL",
                    GATEWAY_MAX_ENV);
    else if (v && yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, n, key, value) {
            const char *name = yyjson_get_str(key), *text = yyjson_get_str(value);
            if (!is_env_name(name))
                e = err_set(why, ERR_INVALID, "\"env\" has a name that is none of a variable: %.100s", name);
            else if (!text && !yyjson_is_null(value))
                e = err_set(why, ERR_INVALID, "\"env\": %.100s must be a text", name);
            else if (text && strlen(text) > GATEWAY_MAX_ARG_BYTES)
                e = err_set(why, ERR_INVALID, "\"env\": %.100s is longer than %d bytes", name,
                            GATEWAY_MAX_ARG_BYTES);
            if (e)
                break;
            if (!text)
                text = find_env(&old, name);
            if (text && !find_env(&s->env, name))
                strv_addf(&s->env, "%s=%s", name, text);
        }
    }
    strv_release(&old);
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

/* Field i of those that may be in obj; ERR_OK also when it is not. */
#define N_FIELDS 11
static enum err take_field(struct server_settings *s, yyjson_val *obj, size_t i, struct err_text *why)
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
        {"answer_s", GATEWAY_MAX_SECONDS, &s->answer_s},
        {"silence_s", GATEWAY_MAX_SECONDS, &s->silence_s},
        {"early_header_s", GATEWAY_MAX_SECONDS, &s->early_header_s},
    };
    static const struct {
        const char *name;
        enum err (*take)(struct server_settings *s, yyjson_val *v, struct err_text *why);
    } others[] = {{"aliases", take_aliases}, {"rewrite", take_rewrite}, {"env", take_env}};
    static_assert(COUNT_OF(counts) + COUNT_OF(others) + 1 == N_FIELDS, "each field has a number");
    if (i < COUNT_OF(counts)) {
        yyjson_val *v = yyjson_obj_get(obj, counts[i].name);
        return v ? take_count(obj, counts[i].name, counts[i].max, counts[i].value, why) : ERR_OK;
    }
    if (i - COUNT_OF(counts) < COUNT_OF(others)) {
        yyjson_val *v = yyjson_obj_get(obj, others[i - COUNT_OF(counts)].name);
        return v ? others[i - COUNT_OF(counts)].take(s, v, why) : ERR_OK;
    }
    return yyjson_obj_get(obj, "group") ? take_group(s, obj, why) : ERR_OK;
}

enum err server_settings_take(struct server_settings *s, yyjson_val *obj, struct err_text *why)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < N_FIELDS && !e; i++)
        e = take_field(s, obj, i, why);
    return e;
}

/* ---- JSON ---- */

void server_settings_read(struct server_settings *out, const char *json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    struct err_text why = {0};
    enum err e = json_parse_object(span_str(json), &doc, &root, &why);
    if (e)
        log_warn("settings of a server: %s", why.text);
    for (size_t i = 0; i < N_FIELDS && !e; i++) {
        if (take_field(out, root, i, &why))
            log_warn("settings of a server: %s; it is left out", why.text);
    }
}

static void write_all_but_env(const struct server_settings *s, struct json_writer *w)
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
    jwf_int(w, "answer_s", s->answer_s);
    jwf_int(w, "silence_s", s->silence_s);
    jwf_int(w, "early_header_s", s->early_header_s);
    jwf_raw(w, "rewrite", s->rewrite_json);
}

/* Values may be secrets, and whoever may see servers sees this: names only. */
void server_settings_write(const struct server_settings *s, struct json_writer *w)
{
    write_all_but_env(s, w);
    jw_key(w, "env");
    jw_begin_arr(w);
    for (size_t i = 0; i < s->env.n; i++)
        jw_span(w, span_of(s->env.v[i], strcspn(s->env.v[i], "=")));
    jw_end_arr(w);
}

void server_settings_keep(const struct server_settings *s, struct json_writer *w)
{
    write_all_but_env(s, w);
    jw_key(w, "env");
    jw_begin_obj(w);
    for (size_t i = 0; i < s->env.n; i++) {
        struct span value, name = span_cut(span_str(s->env.v[i]), '=', &value);
        AUTO(mem) char *key = span_dup(name);
        jw_key(w, key);
        jw_span(w, value);
    }
    jw_end_obj(w);
}
