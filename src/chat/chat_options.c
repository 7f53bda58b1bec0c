/* Which parameters of a generation people may set, their bounds, and which of two sets wins. */
#include "chat/chat.h"
#include "chat/chat_prompt.h"

#define MAX_STOPS      16
#define MAX_STOP_BYTES 256

struct option_rule {
    const char *name;
    bool is_integer;
    double min, max;
};
static const struct option_rule rules[] = {
    {"temperature", false, 0, 5},       {"top_p", false, 0, 1},
    {"top_k", true, 0, 100000},         {"min_p", false, 0, 1},
    {"max_tokens", true, 1, 10000000},  {"seed", true, -1, 4294967295.0},
    {"presence_penalty", false, -2, 2}, {"frequency_penalty", false, -2, 2},
};

static enum err check_number(const struct option_rule *rule, yyjson_val *v, struct err_text *why)
{
    double value = yyjson_get_num(v);
    bool is_kind = rule->is_integer ? yyjson_is_int(v) : yyjson_is_num(v);
    if (!is_kind || !(value >= rule->min && value <= rule->max))
        return err_set(why, ERR_INVALID, "\"options\": %s must be %s from %g to %g", rule->name,
                       rule->is_integer ? "an integer" : "a number", rule->min, rule->max);
    return ERR_OK;
}

static bool is_stop(yyjson_val *v)
{
    return yyjson_is_str(v) && yyjson_get_len(v) > 0 && yyjson_get_len(v) <= MAX_STOP_BYTES &&
           !json_has_nul(v);
}

static enum err check_stop(yyjson_val *v, struct err_text *why)
{
    bool good = is_stop(v) || (yyjson_is_arr(v) && yyjson_arr_size(v) <= MAX_STOPS);
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(v, i, n, item)
        good = good && is_stop(item);
    if (!good)
        return err_set(
            why, ERR_INVALID,
            "\"options\": stop must be a string or at most %d strings, of 1 to %d bytes without NUL",
            MAX_STOPS, MAX_STOP_BYTES);
    return ERR_OK;
}

#define N_OPTIONS (COUNT_OF(rules) + 1) /* and stop, which comes last */

static size_t find_option(const char *name)
{
    size_t i = 0;
    while (i < COUNT_OF(rules) && !str_eq(name, rules[i].name))
        i++;
    return i < COUNT_OF(rules) || str_eq(name, "stop") ? i : N_OPTIONS;
}

/* has: those that came before it; JSON may have a field twice, and millions of times. */
static enum err check_option(const char *name, yyjson_val *v, bool has[N_OPTIONS], struct err_text *why)
{
    size_t i = find_option(name);
    if (i == N_OPTIONS)
        return err_set(why, ERR_INVALID, "\"options\" must not have %.60s", name);
    if (has[i])
        return err_set(why, ERR_INVALID, "\"options\" has %s twice", name);
    has[i] = true;
    return i < COUNT_OF(rules) ? check_number(&rules[i], v, why) : check_stop(v, why);
}

enum err chat_options_check(yyjson_val *options, char **out_json, struct err_text *why)
{
    *out_json = NULL;
    if (!options || yyjson_is_null(options))
        return ERR_OK;
    if (!yyjson_is_obj(options))
        return err_set(why, ERR_INVALID, "\"options\" must be an object");
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer w;
    jw_init(&w, b);
    jw_begin_obj(&w);
    size_t i, n;
    bool has[N_OPTIONS] = {false};
    yyjson_val *key, *value;
    yyjson_obj_foreach(options, i, n, key, value) {
        if (yyjson_is_null(value))
            continue;
        enum err e = check_option(yyjson_get_str(key), value, has, why);
        if (e)
            return e;
        jw_key(&w, yyjson_get_str(key));
        jw_val(&w, value);
    }
    jw_end_obj(&w);
    *out_json = buf_take_str(b);
    return ERR_OK;
}

enum err chat_check_system_prompt(const char *text, struct err_text *why)
{
    if (text && utf8_count(span_str(text)) > CHAT_MAX_SYSTEM_CHARS)
        return err_set(why, ERR_INVALID, "\"system_prompt\" must have at most %d characters",
                       CHAT_MAX_SYSTEM_CHARS);
    return ERR_OK;
}

/* The fields of an object (or of none) that `others` does not have too. Returns how many. */
static size_t add_fields(struct json_writer *w, yyjson_val *from, yyjson_val *others)
{
    size_t i, n, n_fields = 0;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(from))
        return 0;
    yyjson_obj_foreach(from, i, n, key, value) {
        if (yyjson_obj_get(others, yyjson_get_str(key)))
            continue;
        n_fields++;
        jw_key(w, yyjson_get_str(key));
        jw_val(w, value);
    }
    return n_fields;
}

char *chat_options_merge(const char *base_json, const char *over_json)
{
    AUTO(json_doc) yyjson_doc *base = NULL;
    AUTO(json_doc) yyjson_doc *over = NULL;
    if (base_json && json_parse(span_str(base_json), &base, NULL))
        base = NULL;
    if (over_json && json_parse(span_str(over_json), &over, NULL))
        over = NULL;
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_begin_obj(&w);
    size_t n = add_fields(&w, yyjson_doc_get_root(base), yyjson_doc_get_root(over));
    n += add_fields(&w, yyjson_doc_get_root(over), NULL);
    jw_end_obj(&w);
    if (n)
        return buf_take_str(&b);
    buf_release(&b);
    return NULL;
}
