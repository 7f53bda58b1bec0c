/* YAML with places, over libyaml. */
#include "config/config_doc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- faults ---- */

static void add_fault(struct doc *d, size_t line, size_t column, const char *fmt, va_list args)
{
    char text[512];
    if (d->n_faults++ >= DOC_MAX_FAULTS)
        return;
    (void)vsnprintf(text, sizeof text, fmt, args);
    strv_addf(&d->faults, "%s:%zu:%zu: %s", d->path, line, column, text);
}

void doc_fault(struct doc *d, const yaml_node_t *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_fault(d, at ? at->start_mark.line + 1 : 1, at ? at->start_mark.column + 1 : 1, fmt, args);
    va_end(args);
}

void doc_fault_at(struct doc *d, size_t line, size_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_fault(d, line, column, fmt, args);
    va_end(args);
}

/* ---- reading ---- */

static void tell_parser(struct doc *d, const yaml_parser_t *p)
{
    const char *problem = p->problem ? p->problem : "this is not YAML";
    size_t line = p->problem_mark.line, column = p->problem_mark.column;
    if (p->error == YAML_READER_ERROR)
        doc_fault_at(d, 1, 1, "%s, at byte %zu", problem, p->problem_offset);
    else if (p->context)
        doc_fault_at(d, line + 1, column + 1, "%s, %s that begins in line %zu", problem, p->context,
                     p->context_mark.line + 1);
    else
        doc_fault_at(d, line + 1, column + 1, "%s", problem);
}

void doc_parse(struct doc *d, const char *path, struct span text)
{
    yaml_parser_t parser;
    *d = (struct doc){.path = xstrdup(path)};
    if (!yaml_parser_initialize(&parser))
        abort(); /* out of memory */
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    if (yaml_parser_load(&parser, &d->yaml))
        d->is_parsed = true;
    else
        tell_parser(d, &parser);
    yaml_document_t more;
    if (d->is_parsed && doc_root(d) && yaml_parser_load(&parser, &more)) {
        const yaml_node_t *root = yaml_document_get_root_node(&more);
        if (root)
            doc_fault(d, root, "a second document begins here; the file may have one only");
        yaml_document_delete(&more);
    } else if (parser.error != YAML_NO_ERROR && d->is_parsed) {
        tell_parser(d, &parser);
    }
    yaml_parser_delete(&parser);
}

static bool read_all(FILE *f, struct buf *out)
{
    size_t n;
    do {
        n = fread(buf_reserve(out, 65536), 1, 65536, f);
        out->len += n;
    } while (n > 0 && out->len <= DOC_MAX_BYTES);
    return ferror(f) == 0;
}

void doc_open(struct doc *d, const char *path)
{
    *d = (struct doc){.path = xstrdup(path)};
    AUTO(buf) struct buf *text = buf_new();
    FILE *f = fopen(path, "re");
    bool is_read = f && read_all(f, text);
    int errnum = errno;
    if (f)
        (void)fclose(f);
    if (!is_read) {
        d->n_faults++;
        strv_addf(&d->faults, "%s: cannot read it: %s", path, strerror(errnum));
        return;
    }
    if (text->len > DOC_MAX_BYTES) {
        d->n_faults++;
        strv_addf(&d->faults, "%s: longer than %d bytes", path, DOC_MAX_BYTES);
        return;
    }
    free(d->path);
    doc_parse(d, path, buf_span(text));
}

void doc_release(struct doc *d)
{
    if (d->is_parsed)
        yaml_document_delete(&d->yaml);
    strv_release(&d->faults);
    free(d->path);
    *d = (struct doc){0};
}

const yaml_node_t *doc_root(struct doc *d)
{
    return d->is_parsed ? yaml_document_get_root_node(&d->yaml) : NULL;
}

/* ---- mappings ---- */

void doc_pairs_release(struct doc_pairs *p)
{
    free(p->v);
    *p = (struct doc_pairs){0};
}

const struct doc_pair *doc_find(const struct doc_pairs *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++) {
        if (str_eq(doc_text(p->v[i].key), key))
            return &p->v[i];
    }
    return NULL;
}

static bool count_visit(struct doc *d, const yaml_node_t *at)
{
    if (++d->n_visited <= DOC_MAX_NODES)
        return true;
    if (d->n_visited == DOC_MAX_NODES + 1)
        doc_fault(d, at, "too much: more than %d values, with those that aliases repeat", DOC_MAX_NODES);
    return false;
}

static bool is_merge_key(const yaml_node_t *key)
{
    return str_eq(doc_text(key), "<<") && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool add_pairs(struct doc *d, const yaml_node_t *node, bool is_merged, struct doc_pairs *out,
                      int depth);

static bool add_merged(struct doc *d, const yaml_node_t *value, struct doc_pairs *out, int depth)
{
    const yaml_node_t *item;
    if (depth >= DOC_MAX_DEPTH) {
        doc_fault(d, value, "merged too deep");
        return false;
    }
    if (!doc_is_list(value))
        return add_pairs(d, value, true, out, depth + 1);
    for (size_t i = 0; (item = doc_item(d, value, i)); i++) {
        if (!add_pairs(d, item, true, out, depth + 1))
            return false;
    }
    return true;
}

static bool add_pair(struct doc *d, const struct doc_pair *pair, bool is_merged, struct doc_pairs *out)
{
    const char *key = doc_text(pair->key);
    if (!key) {
        doc_fault(d, pair->key, "expected a key, found %s", doc_describe(pair->key));
        return false;
    }
    const struct doc_pair *first = doc_find(out, key);
    if (first && !is_merged) {
        doc_fault(d, pair->key, "\"%.100s\" is there twice, first in line %zu", key,
                  first->key->start_mark.line + 1);
        return false;
    }
    if (!first) {
        out->v = xrealloc(out->v, (out->n + 1) * sizeof *out->v);
        out->v[out->n++] = *pair;
    }
    return true;
}

static bool add_pairs(struct doc *d, const yaml_node_t *node, bool is_merged, struct doc_pairs *out,
                      int depth)
{
    bool ok = count_visit(d, node);
    if (!ok)
        return false;
    if (!doc_is_map(node)) {
        doc_fault(d, node, "expected a mapping to merge, found %s", doc_describe(node));
        return false;
    }
    const yaml_node_pair_t *begin = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;
    for (int pass = 0; pass < 2; pass++) { /* own keys win over merged ones, wherever `<<` stands */
        for (const yaml_node_pair_t *p = begin; p < end && ok; p++) {
            const struct doc_pair pair = {yaml_document_get_node(&d->yaml, p->key),
                                          yaml_document_get_node(&d->yaml, p->value)};
            bool merges = is_merge_key(pair.key);
            if (pass == 0 && !merges)
                ok = add_pair(d, &pair, is_merged, out);
            else if (pass == 1 && merges)
                ok = add_merged(d, pair.value, out, depth);
        }
    }
    return ok;
}

bool doc_pairs(struct doc *d, const yaml_node_t *node, const char *what, struct doc_pairs *out)
{
    *out = (struct doc_pairs){0};
    if (!doc_is_map(node)) {
        doc_fault(d, node, "%s: expected a mapping (key: value), found %s", what, doc_describe(node));
        return false;
    }
    if (add_pairs(d, node, false, out, 0))
        return true;
    doc_pairs_release(out);
    return false;
}

/* ---- values ---- */

bool doc_is_list(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE;
}

bool doc_is_map(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE;
}

const yaml_node_t *doc_item(struct doc *d, const yaml_node_t *node, size_t i)
{
    if (!doc_is_list(node))
        return NULL;
    const yaml_node_item_t *at = node->data.sequence.items.start + i;
    return at < node->data.sequence.items.top ? yaml_document_get_node(&d->yaml, *at) : NULL;
}

const char *doc_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

static const char *plain_text(const yaml_node_t *node)
{
    bool is_plain = node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return is_plain ? doc_text(node) : NULL;
}

bool doc_is_null(const yaml_node_t *node)
{
    const char *text = plain_text(node);
    return text && (text[0] == '\0' || str_eq(text, "~") || strcasecmp(text, "null") == 0);
}

bool doc_bool(const yaml_node_t *node, bool *out)
{
    const char *text = plain_text(node);
    if (!text || (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0))
        return false;
    *out = strcasecmp(text, "true") == 0;
    return true;
}

bool doc_int(const yaml_node_t *node, int64_t *out)
{
    const char *text = plain_text(node);
    char *end = NULL;
    if (!text || !text[0] || strspn(text, "+-0123456789") != strlen(text))
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}

static bool is_number(const char *text)
{
    char *end = NULL;
    if (!text[0] || strspn(text, "+-.0123456789eE") != strlen(text) || !strpbrk(text, "0123456789"))
        return false;
    (void)strtod(text, &end);
    return *end == '\0';
}

static void write_typed(const yaml_node_t *node, struct json_writer *w)
{
    const char *text = doc_text(node), *plain = plain_text(node);
    bool flag;
    int64_t number;
    if (doc_is_null(node))
        jw_null(w);
    else if (doc_bool(node, &flag))
        jw_bool(w, flag);
    else if (doc_int(node, &number))
        jw_int(w, number);
    else if (plain && is_number(plain))
        jw_num(w, strtod(plain, NULL));
    else
        jw_str(w, text);
}

static bool write_scalar(struct doc *d, const yaml_node_t *node, struct json_writer *w)
{
    const yaml_node_t *other = NULL;
    if (!doc_text(node)) {
        doc_fault(d, node, "a text must have no NUL");
        return false;
    }
    AUTO(mem) char *expanded = d->expand ? d->expand(d->expand_arg, node, &other) : NULL;
    if (expanded)
        jw_str(w, expanded);
    else
        write_typed(other ? other : node, w);
    return true;
}

static bool write_value(struct doc *d, const yaml_node_t *node, struct json_writer *w, int depth)
{
    const yaml_node_t *item;
    struct doc_pairs pairs;
    if (depth > DOC_MAX_DEPTH) {
        doc_fault(d, node, "nested too deep");
        return false;
    }
    if (!count_visit(d, node))
        return false;
    if (node->type == YAML_SCALAR_NODE)
        return write_scalar(d, node, w);
    bool ok = true;
    if (doc_is_list(node)) {
        jw_begin_arr(w);
        for (size_t i = 0; ok && (item = doc_item(d, node, i)); i++)
            ok = write_value(d, item, w, depth + 1);
        jw_end_arr(w);
        return ok;
    }
    if (!doc_pairs(d, node, "value", &pairs))
        return false;
    jw_begin_obj(w);
    for (size_t i = 0; i < pairs.n && ok; i++) {
        jw_key(w, doc_text(pairs.v[i].key));
        ok = write_value(d, pairs.v[i].value, w, depth + 1);
    }
    jw_end_obj(w);
    doc_pairs_release(&pairs);
    return ok;
}

bool doc_write_json(struct doc *d, const yaml_node_t *node, struct json_writer *w)
{
    return write_value(d, node, w, 0);
}

const char *doc_describe(const yaml_node_t *node)
{
    static char text[80];
    if (doc_is_list(node))
        return "a list";
    if (doc_is_map(node))
        return "a mapping";
    if (doc_is_null(node))
        return "nothing";
    struct span s = span_of((const char *)node->data.scalar.value, node->data.scalar.length);
    size_t n = utf8_floor(s, 60);
    (void)snprintf(text, sizeof text, "\"%.*s\"%s", (int)n, s.p, n < s.len ? "..." : "");
    return text;
}
