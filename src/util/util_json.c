/* Glue over yyjson: limits and typed fields for reading, a streaming writer for writing. */
#include "util/util_json.h"

#include <math.h>

#include "util/util_mem.h"
#include "util/util_str.h"

/* yyjson parses iteratively and sets no limit; consumers that recurse are safe behind this one. */
static bool is_too_deep(struct span text)
{
    size_t n_open = 0;
    for (size_t i = 0; i < text.len; i++)
        n_open += text.p[i] == '{' || text.p[i] == '[';
    if (n_open <= JSON_MAX_DEPTH) /* most have not even that many */
        return false;
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_MAX_DEPTH)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

enum err json_parse(struct span text, yyjson_doc **out_doc, struct err_text *why)
{
    if (is_too_deep(text))
        return err_set(why, ERR_INVALID, "JSON is nested deeper than %d levels", JSON_MAX_DEPTH);
    yyjson_read_err fault;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.len, YYJSON_READ_NOFLAG, NULL, &fault);
    if (!doc)
        return err_set(why, ERR_INVALID, "invalid JSON at byte %zu: %s", fault.pos, fault.msg);
    *out_doc = doc;
    return ERR_OK;
}

enum err json_parse_object(struct span text, yyjson_doc **out_doc, yyjson_val **out_root,
                           struct err_text *why)
{
    yyjson_doc *doc;
    enum err e = json_parse(text, &doc, why);
    if (e)
        return e;
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root)) {
        yyjson_doc_free(doc);
        return err_set(why, ERR_INVALID, "the body must be a JSON object");
    }
    *out_doc = doc;
    *out_root = root;
    return ERR_OK;
}

/* The field's value, NULL with *out_err ERR_OK when it may be and is absent. */
static yyjson_val *find_field(yyjson_val *obj, const char *name, bool required, enum err *out_err,
                              struct err_text *why)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    *out_err = ERR_OK;
    if (v && !yyjson_is_null(v))
        return v;
    if (required)
        *out_err = err_set(why, ERR_INVALID, "\"%s\" is missing", name);
    return NULL;
}

enum err json_get_str(yyjson_val *obj, const char *name, bool required, const char **out_value,
                      struct err_text *why)
{
    enum err e;
    yyjson_val *v = find_field(obj, name, required, &e, why);
    if (!v)
        return e;
    if (!yyjson_is_str(v))
        return err_set(why, ERR_INVALID, "\"%s\" must be a string", name);
    if (strlen(yyjson_get_str(v)) != yyjson_get_len(v))
        return err_set(why, ERR_INVALID, "\"%s\" must not contain NUL", name);
    *out_value = yyjson_get_str(v);
    return ERR_OK;
}

enum err json_get_bool(yyjson_val *obj, const char *name, bool required, bool *out_value,
                       struct err_text *why)
{
    enum err e;
    yyjson_val *v = find_field(obj, name, required, &e, why);
    if (!v)
        return e;
    if (!yyjson_is_bool(v))
        return err_set(why, ERR_INVALID, "\"%s\" must be true or false", name);
    *out_value = yyjson_get_bool(v);
    return ERR_OK;
}

enum err json_get_int(yyjson_val *obj, const char *name, bool required, int64_t min, int64_t max,
                      int64_t *out_value, struct err_text *why)
{
    enum err e;
    yyjson_val *v = find_field(obj, name, required, &e, why);
    if (!v)
        return e;
    if (!yyjson_is_int(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX))
        return err_set(why, ERR_INVALID, "\"%s\" must be an integer", name);
    int64_t value = yyjson_get_sint(v);
    if (value < min || value > max)
        return err_set(why, ERR_INVALID, "\"%s\" must be between %lld and %lld", name, (long long)min,
                       (long long)max);
    *out_value = value;
    return ERR_OK;
}

enum err json_get_obj(yyjson_val *obj, const char *name, bool required, yyjson_val **out_value,
                      struct err_text *why)
{
    enum err e;
    yyjson_val *v = find_field(obj, name, required, &e, why);
    if (!v)
        return e;
    if (!yyjson_is_obj(v))
        return err_set(why, ERR_INVALID, "\"%s\" must be an object", name);
    *out_value = v;
    return ERR_OK;
}

enum err json_get_arr(yyjson_val *obj, const char *name, bool required, yyjson_val **out_value,
                      struct err_text *why)
{
    enum err e;
    yyjson_val *v = find_field(obj, name, required, &e, why);
    if (!v)
        return e;
    if (!yyjson_is_arr(v))
        return err_set(why, ERR_INVALID, "\"%s\" must be an array", name);
    *out_value = v;
    return ERR_OK;
}

const char *json_str_or(yyjson_val *obj, const char *name, const char *fallback)
{
    const char *s = yyjson_get_str(yyjson_obj_get(obj, name));
    return s ? s : fallback;
}

double json_num_or(yyjson_val *obj, const char *name, double fallback)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    return yyjson_is_num(v) ? yyjson_get_num(v) : fallback;
}

int64_t json_int_or(yyjson_val *obj, const char *name, int64_t fallback)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    return yyjson_is_int(v) ? yyjson_get_sint(v) : fallback;
}

bool json_has_nul(yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_str(v))
        return memchr(yyjson_get_str(v), '\0', yyjson_get_len(v)) != NULL;
    yyjson_arr_foreach(v, i, n, item) {
        if (json_has_nul(item))
            return true;
    }
    yyjson_obj_foreach(v, i, n, key, item) {
        if (json_has_nul(key) || json_has_nul(item))
            return true;
    }
    return false;
}

void jw_init(struct json_writer *w, struct buf *out)
{
    w->out = out;
    w->need_comma = false;
}

static void begin_value(struct json_writer *w)
{
    if (w->need_comma)
        buf_add_char(w->out, ',');
    w->need_comma = true;
}

void jw_begin_obj(struct json_writer *w)
{
    begin_value(w);
    buf_add_char(w->out, '{');
    w->need_comma = false;
}

void jw_end_obj(struct json_writer *w)
{
    buf_add_char(w->out, '}');
    w->need_comma = true;
}

void jw_begin_arr(struct json_writer *w)
{
    begin_value(w);
    buf_add_char(w->out, '[');
    w->need_comma = false;
}

void jw_end_arr(struct json_writer *w)
{
    buf_add_char(w->out, ']');
    w->need_comma = true;
}

/* RFC 8259 7. Runs of plain characters are copied at once. U+2028/9 need no escape in JSON. */
static void add_escaped(struct buf *out, struct span s)
{
    buf_add_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, s.p + from, i - from);
        from = i + 1;
        switch (c) {
        case '"': buf_add_str(out, "\\\""); break;
        case '\\': buf_add_str(out, "\\\\"); break;
        case '\n': buf_add_str(out, "\\n"); break;
        case '\r': buf_add_str(out, "\\r"); break;
        case '\t': buf_add_str(out, "\\t"); break;
        default: buf_addf(out, "\\u%04x", c);
        }
    }
    if (from < s.len) /* p may be NULL */
        buf_add(out, s.p + from, s.len - from);
    buf_add_char(out, '"');
}

void jw_span(struct json_writer *w, struct span s)
{
    begin_value(w);
    if (utf8_is_valid(s)) {
        add_escaped(w->out, s);
        return;
    }
    struct buf clean = {0};
    utf8_add_clean(&clean, s);
    add_escaped(w->out, buf_span(&clean));
    buf_release(&clean);
}

void jw_str(struct json_writer *w, const char *s)
{
    if (s)
        jw_span(w, span_str(s));
    else
        jw_null(w);
}

void jw_key(struct json_writer *w, const char *key)
{
    jw_str(w, key);
    buf_add_char(w->out, ':');
    w->need_comma = false;
}

void jw_int(struct json_writer *w, int64_t v)
{
    begin_value(w);
    buf_add_i64(w->out, v);
}

void jw_num(struct json_writer *w, double v)
{
    begin_value(w);
    if (isfinite(v))
        buf_addf(w->out, "%.6g", v);
    else
        buf_add_str(w->out, "null");
}

void jw_bool(struct json_writer *w, bool v)
{
    begin_value(w);
    buf_add_str(w->out, v ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
    begin_value(w);
    buf_add_str(w->out, "null");
}

void jw_raw(struct json_writer *w, struct span json)
{
    begin_value(w);
    buf_add_span(w->out, json);
}

void jw_val(struct json_writer *w, yyjson_val *v)
{
    size_t n = 0;
    char *text = yyjson_val_write(v, YYJSON_WRITE_NOFLAG, &n);
    begin_value(w);
    if (text)
        buf_add(w->out, text, n);
    else
        buf_add_str(w->out, "null");
    free(text);
}

void jwf_str(struct json_writer *w, const char *key, const char *s)
{
    jw_key(w, key);
    jw_str(w, s);
}

void jwf_int(struct json_writer *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_int(w, v);
}

void jwf_num(struct json_writer *w, const char *key, double v)
{
    jw_key(w, key);
    jw_num(w, v);
}

void jwf_bool(struct json_writer *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

void jwf_null(struct json_writer *w, const char *key)
{
    jw_key(w, key);
    jw_null(w);
}

void jwf_raw(struct json_writer *w, const char *key, const char *raw)
{
    jw_key(w, key);
    if (raw && raw[0])
        jw_raw(w, span_str(raw));
    else
        jw_null(w);
}
