/* Bodies of requests: however they are cut the same is found, and it is what a parser that builds a tree finds. */
#include "gateway/gateway_bounds.h"
#include "gateway/gateway_scan.h"

static enum err scan(const char *p, size_t n, size_t piece, struct gateway_scan *s)
{
    struct err_text why;
    enum err e = ERR_OK;
    gateway_scan_init(s);
    for (size_t at = 0; !e && at < n; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        AUTO(mem) char *copy = xmemdup(p + at, len);
        e = gateway_scan_feed(s, span_of(copy, len), &why);
    }
    return e ? e : gateway_scan_end(s, &why);
}

/* Numbers as they are written: those that are not bounded are the engine's matter. */
static yyjson_doc *read_tree(const char *p, size_t n)
{
    return yyjson_read_opts((char *)(uintptr_t)p, n, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
}

static bool is_out_of_bounds(struct span name, yyjson_val *value)
{
    struct err_text why;
    struct span number = span_of(yyjson_get_raw(value), yyjson_get_len(value));
    if (!gateway_is_bounded(name) || yyjson_is_null(value))
        return false;
    return !yyjson_is_raw(value) || number.len > GATEWAY_MAX_NUMBER_BYTES ||
           gateway_check_bound(name, number, &why);
}

/* Every field as the tree has it. */
static void compare(const struct gateway_scan *s, const char *p, yyjson_val *root)
{
    size_t i, n;
    yyjson_val *key, *value;
    assert(s->n_fields == yyjson_obj_size(root));
    yyjson_obj_foreach(root, i, n, key, value) {
        const struct gateway_field *f = &s->fields[i];
        assert(span_eq(gateway_scan_name(s, i), span_of(yyjson_get_str(key), yyjson_get_len(key))));
        AUTO(json_doc) yyjson_doc *doc = read_tree(p + f->value, (size_t)(f->end - f->value));
        assert(doc && yyjson_equals(yyjson_doc_get_root(doc), value));
        assert(!is_out_of_bounds(gateway_scan_name(s, i), value));
        if (span_is(gateway_scan_name(s, i), "model"))
            assert(span_eq(buf_span(&s->model), span_of(yyjson_get_str(value), yyjson_get_len(value))));
        if (span_is(gateway_scan_name(s, i), "stream"))
            assert((s->stream == GATEWAY_STREAM_ON) == yyjson_get_bool(value));
    }
}

/* What a tree has and we do not take. */
static bool is_refused(yyjson_val *root)
{
    size_t i, n, n_names = 0;
    yyjson_val *key, *value;
    AUTO(map) struct map *names = map_new();
    yyjson_obj_foreach(root, i, n, key, value) {
        const char *name = yyjson_get_str(key);
        AUTO(mem) char *lower = xstrdup(name);
        n_names += yyjson_get_len(key);
        for (char *c = lower; *c; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
        if (is_out_of_bounds(span_of(name, yyjson_get_len(key)), value) ||
            strlen(name) != yyjson_get_len(key) || map_put(names, lower, root) ||
            (str_eq(name, "model") &&
             (!yyjson_is_str(value) || json_has_nul(value) || yyjson_get_len(value) > 512)) ||
            (str_eq(name, "stream") && !yyjson_is_bool(value) && !yyjson_is_null(value)))
            return true;
    }
    return yyjson_obj_size(root) > GATEWAY_SCAN_MAX_FIELDS || n_names > GATEWAY_SCAN_MAX_NAME_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    struct gateway_scan whole, cut;
    if (size == 0)
        return 0;
    enum err e = scan(p, size, size, &whole);
    assert(scan(p, size, 1 + data[0] % 9, &cut) == e);
    /* A name that is too long is found out a piece at a time: how far was read by then depends on the cuts. */
    assert(e || (whole.at == cut.at && span_eq(buf_span(&whole.names), buf_span(&cut.names))));
    AUTO(json_doc) yyjson_doc *doc = read_tree(p, size), *strict = NULL;
    yyjson_val *root = yyjson_doc_get_root(doc), *strict_root;
    struct err_text why;
    if (!e) {
        assert(yyjson_is_obj(root));
        compare(&whole, p, root);
    } else {
        assert(json_parse_object(span_of(p, size), &strict, &strict_root, &why) || is_refused(root));
    }
    gateway_scan_release(&whole);
    gateway_scan_release(&cut);
    return 0;
}
