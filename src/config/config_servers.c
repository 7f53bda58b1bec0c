/*
 * The key `servers`: a mapping of names to settings, or a list of settings with a name. Each becomes the JSON that the page
 * would send, and so passes the same rules; what those find wrong gets its place in the file here.
 */
#include <stdio.h>

#include "config/config_read.h"
#include "config/config_words.h"

enum value_kind {
    VALUE_TEXT,  /* also numbers and the like, as they are written */
    VALUE_TEXTS, /* a list of them */
    VALUE_WORDS, /* a list, or one text that is split into words */
    VALUE_MAP,   /* of names to texts */
    VALUE_FLAG,
    VALUE_COUNT,
    VALUE_ANY,
};

static const struct {
    const char *name;
    enum value_kind kind;
} keys[] = {
    {"name", VALUE_TEXT},          {"kind", VALUE_TEXT},         {"model_path", VALUE_TEXT},
    {"command", VALUE_WORDS},      {"args", VALUE_WORDS},        {"env", VALUE_MAP},
    {"system_prompt", VALUE_TEXT}, {"on_demand", VALUE_FLAG},    {"autostart", VALUE_FLAG},
    {"aliases", VALUE_TEXTS},      {"slots", VALUE_COUNT},       {"idle_stop_s", VALUE_COUNT},
    {"group", VALUE_TEXT},         {"max_waiting", VALUE_COUNT}, {"hold_s", VALUE_COUNT},
    {"answer_s", VALUE_COUNT},     {"silence_s", VALUE_COUNT},   {"early_header_s", VALUE_COUNT},
    {"rewrite", VALUE_ANY},
};

/* One server under way. */
struct draft {
    struct reading *r;
    const yaml_node_t *at; /* what to point at when nothing else is known */
    const char *name;
    struct doc_pairs pairs;
};

static void write_strv(struct json_writer *w, const struct strv *items)
{
    jw_begin_arr(w);
    for (size_t i = 0; i < items->n; i++)
        jw_str(w, items->v[i]);
    jw_end_arr(w);
}

static void write_words(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    struct strv words = {0};
    struct err_text why;
    if (doc_is_list(pair->value) || doc_is_map(pair->value))
        reading_texts(r, pair, GATEWAY_MAX_ARGS, &words);
    else if (words_split(doc_text(pair->value) ? doc_text(pair->value) : "", false, &words, &why))
        doc_fault(r->doc, pair->value, "%s: %s", doc_text(pair->key), why.text);
    write_strv(w, &words);
    strv_release(&words);
}

static void write_texts(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    struct strv texts = {0};
    reading_texts(r, pair, GATEWAY_MAX_ARGS, &texts);
    write_strv(w, &texts);
    strv_release(&texts);
}

static void write_map(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    struct doc_pairs pairs = {0};
    jw_begin_obj(w);
    if (doc_pairs(r->doc, pair->value, doc_text(pair->key), &pairs)) {
        for (size_t i = 0; i < pairs.n; i++) {
            const char *text = doc_text(pairs.v[i].value);
            if (text)
                jwf_str(w, doc_text(pairs.v[i].key), text);
            else
                (void)reading_text(r, &pairs.v[i]);
        }
    }
    jw_end_obj(w);
    doc_pairs_release(&pairs);
}

static void write_flag(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    bool flag = false;
    if (!doc_bool(pair->value, &flag))
        doc_fault(r->doc, pair->value, "%s: expected true or false, found %s", doc_text(pair->key),
                  doc_describe(pair->value));
    jw_bool(w, flag);
}

static void write_count(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    int64_t count = 0;
    if (!doc_int(pair->value, &count))
        doc_fault(r->doc, pair->value, "%s: expected a whole number, found %s", doc_text(pair->key),
                  doc_describe(pair->value));
    jw_int(w, count);
}

static void write_value(struct reading *r, const struct doc_pair *pair, enum value_kind kind,
                        struct json_writer *w)
{
    jw_key(w, doc_text(pair->key));
    switch (kind) {
    case VALUE_TEXT: jw_str(w, reading_text(r, pair)); break;
    case VALUE_TEXTS: write_texts(r, pair, w); break;
    case VALUE_WORDS: write_words(r, pair, w); break;
    case VALUE_MAP: write_map(r, pair, w); break;
    case VALUE_FLAG: write_flag(r, pair, w); break;
    case VALUE_COUNT: write_count(r, pair, w); break;
    case VALUE_ANY:
        if (!doc_write_json(r->doc, pair->value, w))
            jw_null(w);
        break;
    }
}

static void write_pair(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    const char *names[COUNT_OF(keys)];
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        names[i] = keys[i].name;
        if (str_eq(keys[i].name, doc_text(pair->key))) {
            write_value(r, pair, keys[i].kind, w);
            return;
        }
    }
    reading_unknown(r->doc, pair->key, names, COUNT_OF(keys));
}

/* A text about a field begins with its name in quotes; the place of that field is what helps. */
static void tell(struct draft *d, const struct err_text *why)
{
    const yaml_node_t *at = d->at;
    struct span rest, field = span_cut(span_str(why->text[0] == '"' ? why->text + 1 : NULL), '"', &rest);
    AUTO(mem) char *name = span_dup(field);
    const struct doc_pair *pair = doc_find(&d->pairs, name);
    if (!pair &&
        (str_eq(name, "model") || str_eq(name, "defaults") || str_eq(name, "set") || str_eq(name, "strip")))
        pair = doc_find(&d->pairs, "rewrite");
    if (pair)
        at = pair->key;
    doc_fault(d->r->doc, at, "server %s: %s", d->name ? d->name : "without a name", why->text);
}

/* What is left out and follows from the rest. */
static void write_defaults(const struct draft *d, const char *key_name, struct json_writer *w)
{
    if (key_name)
        jwf_str(w, "name", key_name);
    if (!doc_find(&d->pairs, "kind"))
        jwf_str(w, "kind", doc_find(&d->pairs, "command") ? "command" : "llama-server");
}

static enum err parse_draft(const struct buf *json, struct server_patch *out, struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    enum err e = json_parse_object(buf_span(json), &doc, &root, why);
    if (!e)
        e = server_patch_parse(out, root, why);
    return e ? e : server_patch_check(out, why);
}

static void add_server(struct reading *r, const yaml_node_t *at, struct server_patch *patch)
{
    struct config *c = r->config;
    c->servers = xrealloc(c->servers, (c->n_servers + 1) * sizeof *c->servers);
    r->places = xrealloc(r->places, (c->n_servers + 1) * sizeof *r->places);
    r->places[c->n_servers] = at;
    c->servers[c->n_servers++] = *patch;
}

void config_check_servers(struct reading *r)
{
    const struct gateway_file all = {.servers = r->config->servers, .n = r->config->n_servers};
    struct err_text why;
    size_t at = 0;
    if (gateway_file_check(&all, &at, &why))
        doc_fault(r->doc, r->places[at], "server %s: %s", all.servers[at].name, why.text);
}

static void take_server(struct reading *r, const yaml_node_t *at, const char *key_name,
                        const yaml_node_t *value)
{
    struct draft d = {.r = r, .at = at, .name = key_name};
    struct json_writer w;
    struct server_patch patch;
    struct err_text why = {0};
    size_t n_faults = r->doc->n_faults;
    if (!doc_pairs(r->doc, value, key_name ? key_name : "server", &d.pairs))
        return;
    AUTO(buf) struct buf *json = buf_new();
    const struct doc_pair *own_name = doc_find(&d.pairs, "name");
    if (own_name && key_name)
        doc_fault(r->doc, own_name->key, "server %s: it has its name already, as its key", key_name);
    else if (own_name)
        d.name = doc_text(own_name->value);
    jw_init(&w, json);
    jw_begin_obj(&w);
    write_defaults(&d, key_name, &w);
    for (size_t i = 0; i < d.pairs.n; i++)
        write_pair(r, &d.pairs.v[i], &w);
    jw_end_obj(&w);
    server_patch_init(&patch);
    if (r->doc->n_faults == n_faults && parse_draft(json, &patch, &why))
        tell(&d, &why);
    if (r->doc->n_faults == n_faults)
        add_server(r, at, &patch);
    else
        server_patch_release(&patch);
    doc_pairs_release(&d.pairs);
}

void config_take_servers(struct reading *r, const struct doc_pair *pair)
{
    const yaml_node_t *item;
    struct doc_pairs servers = {0};
    if (doc_is_null(pair->value))
        return;
    for (size_t i = 0; (item = doc_item(r->doc, pair->value, i)); i++)
        take_server(r, item, NULL, item);
    if (doc_is_list(pair->value) || !doc_pairs(r->doc, pair->value, "servers", &servers))
        return;
    for (size_t i = 0; i < servers.n; i++)
        take_server(r, servers.v[i].key, doc_text(servers.v[i].key), servers.v[i].value);
    doc_pairs_release(&servers);
}
