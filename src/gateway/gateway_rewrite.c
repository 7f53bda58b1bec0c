/* Rewriting of bodies by splicing. */
#include "gateway/gateway_rewrite.h"

struct splice {
    struct gateway_rewrite *out;
    const struct gateway_scan *scan;
    uint64_t at;   /* up to here the body is done with */
    size_t n_kept; /* fields that are there before this place */
    bool changes;
    bool has_model; /* the rule sets it */
};

void gateway_rewrite_release(struct gateway_rewrite *r)
{
    buf_release(&r->parts);
    buf_release(&r->text);
}

size_t gateway_rewrite_n_parts(const struct gateway_rewrite *r)
{
    return r->parts.len / sizeof(struct http_body_part);
}

static struct http_body_part *part_at(const struct gateway_rewrite *r, size_t i)
{
    return (struct http_body_part *)(void *)r->parts.p + i;
}

const struct http_body_part *gateway_rewrite_parts(const struct gateway_rewrite *r)
{
    return part_at(r, 0);
}

/* The body from where we are to `end`; then go on at `next`. */
static void pass(struct splice *s, uint64_t end, uint64_t next)
{
    struct http_body_part p = {.from = s->at, .len = end - s->at};
    if (p.len)
        buf_add(&s->out->parts, &p, sizeof p);
    s->at = next;
}

/* Text from `begin` on becomes a part; where it is is known when no more is added. */
static void end_text(struct splice *s, size_t begin)
{
    struct http_body_part p = {.text = {.p = "", .len = s->out->text.len - begin}, .from = begin};
    buf_add(&s->out->parts, &p, sizeof p);
    s->changes = true;
}

static void replace_value(struct splice *s, const struct gateway_field *f, yyjson_val *value)
{
    size_t begin = s->out->text.len;
    struct json_writer w;
    pass(s, f->value, f->end);
    jw_init(&w, &s->out->text);
    jw_val(&w, value);
    end_text(s, begin);
}

/* With the comma that parts it from what is there before it, or else from the next. */
static void remove_field(struct splice *s, size_t i)
{
    const struct gateway_field *f = &s->scan->fields[i];
    if (s->n_kept > 0)
        pass(s, s->scan->fields[i - 1].end, f->end);
    else if (i + 1 < s->scan->n_fields)
        pass(s, f->from, s->scan->fields[i + 1].from);
    else
        pass(s, f->from, f->end);
    s->changes = true;
}

/* Behind the last field. */
static void append_field(struct splice *s, const char *name, yyjson_val *value)
{
    size_t begin = s->out->text.len;
    struct json_writer w;
    jw_init(&w, &s->out->text);
    if (s->n_kept++ > 0)
        buf_add_char(&s->out->text, ',');
    jw_key(&w, name);
    jw_val(&w, value);
    end_text(s, begin);
}

static bool has_field(const struct gateway_scan *scan, const char *name)
{
    for (size_t i = 0; i < scan->n_fields; i++) {
        if (span_is(gateway_scan_name(scan, i), name))
            return true;
    }
    return false;
}

static bool has_text(yyjson_val *list, struct span text)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item) {
        if (span_eq(span_of(yyjson_get_str(item), yyjson_get_len(item)), text))
            return true;
    }
    return false;
}

static void rewrite_fields(struct splice *s, yyjson_val *model, yyjson_val *set, yyjson_val *strip)
{
    for (size_t i = 0; i < s->scan->n_fields; i++) {
        struct span name = gateway_scan_name(s->scan, i);
        yyjson_val *value = model && span_is(name, "model") ? model : yyjson_obj_getn(set, name.p, name.len);
        if (value) {
            replace_value(s, &s->scan->fields[i], value);
            s->n_kept++;
        } else if (has_text(strip, name)) {
            remove_field(s, i);
        } else {
            s->n_kept++;
        }
    }
}

/* Those of fields (or NULL) that are not there yet, or were taken away. */
static void add_missing(struct splice *s, yyjson_val *fields, yyjson_val *but, yyjson_val *strip)
{
    yyjson_obj_iter at = yyjson_obj_iter_with(fields);
    yyjson_val *key;
    while (yyjson_is_obj(fields) && (key = yyjson_obj_iter_next(&at)) != NULL) {
        const char *name = yyjson_get_str(key);
        bool is_there = has_field(s->scan, name) && !has_text(strip, span_str(name));
        if (!is_there && !yyjson_obj_get(but, name) && !(s->has_model && str_eq(name, "model")))
            append_field(s, name, yyjson_obj_iter_get_val(key));
    }
}

static void add_fields(struct splice *s, yyjson_val *model, yyjson_val *set, yyjson_val *defaults,
                       yyjson_val *strip)
{
    size_t n = s->scan->n_fields;
    uint64_t last = n ? s->scan->fields[n - 1].end : s->scan->open + 1;
    if (s->at < last)
        pass(s, last, last);
    if (model && !has_field(s->scan, "model"))
        append_field(s, "model", model);
    add_missing(s, set, NULL, NULL);
    add_missing(s, defaults, set, strip);
}

static void rewrite_form(struct splice *s, yyjson_val *model)
{
    if (!model || s->scan->n_fields == 0)
        return;
    const struct gateway_field *f = &s->scan->fields[0];
    size_t begin = s->out->text.len;
    pass(s, f->value, f->end);
    buf_add(&s->out->text, yyjson_get_str(model), yyjson_get_len(model));
    end_text(s, begin);
}

/* Now that no more text comes, it stays where it is. */
static void settle(struct gateway_rewrite *r)
{
    for (size_t i = 0; i < gateway_rewrite_n_parts(r); i++) {
        struct http_body_part *p = part_at(r, i);
        if (p->text.p)
            p->text.p = r->text.p ? r->text.p + p->from : "";
    }
}

bool gateway_rewrite_plan(const char *rule, const struct gateway_scan *scan, uint64_t size,
                          struct gateway_rewrite *out)
{
    *out = (struct gateway_rewrite){0};
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    if (!rule || json_parse_object(span_str(rule), &doc, &root, NULL))
        return false;
    struct splice s = {.out = out, .scan = scan};
    yyjson_val *model = yyjson_obj_get(root, "model"), *set = yyjson_obj_get(root, "set"),
               *strip = yyjson_obj_get(root, "strip");
    model = yyjson_is_str(model) ? model : NULL;
    s.has_model = model != NULL;
    if (scan->is_form) {
        rewrite_form(&s, model);
    } else {
        rewrite_fields(&s, model, set, strip);
        add_fields(&s, model, set, yyjson_obj_get(root, "defaults"), strip);
    }
    if (!s.changes) {
        gateway_rewrite_release(out);
        return false;
    }
    pass(&s, size, size);
    settle(out);
    return true;
}

void gateway_rewrite_apply(const struct gateway_rewrite *r, struct span body, struct buf *out)
{
    for (size_t i = 0; i < gateway_rewrite_n_parts(r); i++) {
        const struct http_body_part *p = part_at(r, i);
        if (p->text.p)
            buf_add_span(out, p->text);
        else
            buf_add(out, body.p + p->from, (size_t)p->len);
    }
}
