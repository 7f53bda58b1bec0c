/* hob's own file: its keys, one function each. */
#include "config/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "config/config_read.h"

void config_init(struct config *c)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    *c = (struct config){.address = xstrdup("127.0.0.1"),
                         .port = CONFIG_DEFAULT_PORT,
                         .log_level = LOG_INFO,
                         .model_titles = true};
    if (xdg && xdg[0] == '/')
        c->data_dir = xasprintf("%s/hob", xdg);
    else
        c->data_dir = xasprintf("%s/.local/share/hob", home && home[0] ? home : "/var/lib");
}

void config_release(struct config *c)
{
    free(c->address);
    free(c->data_dir);
    free(c->llama_server);
    strv_release(&c->model_folders);
    strv_release(&c->allowed_hosts);
    for (size_t i = 0; i < c->n_servers; i++)
        server_patch_release(&c->servers[i]);
    free(c->servers);
    free(c->memory_json);
    *c = (struct config){0};
}

bool config_is_loopback(const struct config *c)
{
    return strcmp(c->address, "::1") == 0 || strncmp(c->address, "127.", 4) == 0;
}

static bool is_address(const char *text)
{
    struct in6_addr any;
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

enum err config_set_listen(struct config *c, const char *text, struct err_text *why)
{
    const char *colon = strrchr(text, ':');
    struct span host = colon ? span_of(text, (size_t)(colon - text)) : span_str(c->address);
    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = span_of(host.p + 1, host.len - 2);
    uint64_t port = 0;
    if (!span_to_u64(span_str(colon ? colon + 1 : text), &port) || port > 65535)
        return err_set(why, ERR_INVALID, "expected ADDRESS:PORT such as 127.0.0.1:%d, found \"%s\"",
                       CONFIG_DEFAULT_PORT, text);
    char *address = span_is(host, "localhost") ? xstrdup("127.0.0.1") : span_dup(host);
    if (!is_address(address)) {
        free(address);
        return err_set(why, ERR_INVALID,
                       "expected a numeric address such as 127.0.0.1 or [::1], found \"%.*s\"",
                       SPAN_ARG(host));
    }
    free(c->address);
    c->address = address;
    c->port = (int)port;
    return ERR_OK;
}

/* ---- values ---- */

const char *reading_text(struct reading *r, const struct doc_pair *pair)
{
    const char *text = doc_text(pair->value);
    if (text && !doc_is_null(pair->value))
        return text;
    doc_fault(r->doc, pair->value, "%s: expected a text, found %s", doc_text(pair->key),
              doc_describe(pair->value));
    return NULL;
}

void reading_texts(struct reading *r, const struct doc_pair *pair, size_t max, struct strv *out)
{
    const yaml_node_t *item;
    const char *key = doc_text(pair->key);
    if (!doc_is_list(pair->value)) {
        doc_fault(r->doc, pair->value, "%s: expected a list, found %s", key, doc_describe(pair->value));
        return;
    }
    for (size_t i = 0; (item = doc_item(r->doc, pair->value, i)); i++) {
        const char *text = doc_text(item);
        if (i == max) {
            doc_fault(r->doc, item, "%s: more than %zu", key, max);
            break;
        }
        if (text && !doc_is_null(item))
            strv_add(out, text);
        else
            doc_fault(r->doc, item, "%s: expected a list of texts, found %s in it", key, doc_describe(item));
    }
}

void reading_unknown(struct doc *d, const yaml_node_t *key, const char *const *known, size_t n)
{
    const char *text = doc_text(key), *near = str_nearest(text, known, n);
    AUTO(buf) struct buf *list = buf_new();
    for (size_t i = 0; i < n; i++)
        buf_addf(list, "%s%s", i ? ", " : "", known[i]);
    if (near)
        doc_fault(d, key, "unknown key \"%.100s\"; did you mean \"%s\"?", text, near);
    else
        doc_fault(d, key, "unknown key \"%.100s\"; known keys: %s", text, buf_str(list));
}

/* ---- keys ---- */

static void take_listen(struct reading *r, const struct doc_pair *pair)
{
    struct err_text why;
    const char *text = reading_text(r, pair);
    if (text && config_set_listen(r->config, text, &why))
        doc_fault(r->doc, pair->value, "listen: %s", why.text);
}

static void take_data(struct reading *r, const struct doc_pair *pair)
{
    const char *text = reading_text(r, pair);
    if (text)
        xreplace(&r->config->data_dir, text);
}

static void take_log_level(struct reading *r, const struct doc_pair *pair)
{
    const char *text = reading_text(r, pair);
    if (text && !log_level_parse(text, &r->config->log_level))
        doc_fault(r->doc, pair->value, "log_level: expected debug, info, warn or error, found \"%.100s\"",
                  text);
}

static void take_llama_server(struct reading *r, const struct doc_pair *pair)
{
    const char *text = reading_text(r, pair);
    if (text)
        xreplace(&r->config->llama_server, text);
}

static void take_model_folders(struct reading *r, const struct doc_pair *pair)
{
    reading_texts(r, pair, CONFIG_MAX_LIST, &r->config->model_folders);
}

static void take_allowed_hosts(struct reading *r, const struct doc_pair *pair)
{
    struct strv *hosts = &r->config->allowed_hosts;
    reading_texts(r, pair, CONFIG_MAX_LIST, hosts);
    for (size_t i = 0; i < hosts->n; i++) {
        for (char *p = hosts->v[i]; *p; p++)
            *p = (char)tolower((unsigned char)*p);
    }
}

static void take_titles(struct reading *r, const struct doc_pair *pair)
{
    const char *text = reading_text(r, pair);
    if (text && !str_eq(text, "model") && !str_eq(text, "message"))
        doc_fault(r->doc, pair->value, "titles: expected model or message, found \"%.100s\"", text);
    else if (text)
        r->config->model_titles = str_eq(text, "model");
}

static void take_number(struct reading *r, const struct doc_pair *pair, int64_t max, int64_t *out)
{
    int64_t value = 0;
    if (doc_int(pair->value, &value) && value >= 1 && value <= max)
        *out = value;
    else
        doc_fault(r->doc, pair->value, "%s: expected a number from 1 to %lld, found %s", doc_text(pair->key),
                  (long long)max, doc_describe(pair->value));
}

static void take_activity_rows(struct reading *r, const struct doc_pair *pair)
{
    take_number(r, pair, CONFIG_MAX_ACTIVITY_ROWS, &r->config->activity_rows);
}

static void take_activity_days(struct reading *r, const struct doc_pair *pair)
{
    take_number(r, pair, CONFIG_MAX_ACTIVITY_DAYS, &r->config->activity_days);
}

static const struct config_key keys[] = {
    {"listen", take_listen},
    {"data", take_data},
    {"log_level", take_log_level},
    {"llama_server", take_llama_server},
    {"model_folders", take_model_folders},
    {"allowed_hosts", take_allowed_hosts},
    {"titles", take_titles},
    {"activity_rows", take_activity_rows},
    {"activity_days", take_activity_days},
    {"memory", config_take_memory},
    {"servers", config_take_servers},
};

static void take_key(struct reading *r, const struct doc_pair *pair)
{
    const char *names[COUNT_OF(keys)], *text = doc_text(pair->key);
    if (strncmp(text, "x-", 2) == 0)
        return;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        names[i] = keys[i].name;
        if (str_eq(text, keys[i].name)) {
            keys[i].take(r, pair);
            return;
        }
    }
    reading_unknown(r->doc, pair->key, names, COUNT_OF(keys));
}

/* Takes the document over. */
static enum err take_doc(struct config *c, struct doc *doc, struct strv *out_faults)
{
    struct reading r = {.config = c, .doc = doc};
    struct doc_pairs pairs = {0};
    const yaml_node_t *root = doc->n_faults ? NULL : doc_root(doc);
    if (root && !doc_is_null(root) && doc_pairs(doc, root, "the file", &pairs)) {
        for (size_t i = 0; i < pairs.n; i++)
            take_key(&r, &pairs.v[i]);
    }
    config_check_servers(&r);
    enum err e = doc->n_faults ? ERR_INVALID : ERR_OK;
    for (size_t i = 0; i < doc->faults.n; i++)
        strv_add(out_faults, doc->faults.v[i]);
    free(r.places);
    doc_pairs_release(&pairs);
    doc_release(doc);
    return e;
}

enum err config_check(struct config *c, const char *path, struct strv *out_faults)
{
    struct doc doc;
    doc_open(&doc, path);
    return take_doc(c, &doc, out_faults);
}

enum err config_check_text(struct config *c, const char *path, struct span text, struct strv *out_faults)
{
    struct doc doc;
    doc_parse(&doc, path, text);
    return take_doc(c, &doc, out_faults);
}

enum err config_load(struct config *c, const char *path, struct err_text *why)
{
    struct strv faults = {0};
    enum err e = config_check(c, path, &faults);
    const char *first = faults.n ? faults.v[0] : path;
    if (e && faults.n > 1)
        (void)err_set(why, e, "%s (and %zu more: hob config check %s)", first, faults.n - 1, path);
    else if (e)
        (void)err_set(why, e, "%s", first);
    strv_release(&faults);
    return e;
}

enum err config_read(struct config *c, const struct config_options *o, struct err_text *why)
{
    config_init(c);
    enum err e = o->file ? config_load(c, o->file, why) : ERR_OK;
    if (!e && o->listen)
        e = config_set_listen(c, o->listen, why);
    if (!e && o->data_dir)
        xreplace(&c->data_dir, o->data_dir);
    if (o->is_verbose)
        c->log_level = LOG_DEBUG;
    if (e)
        config_release(c);
    return e;
}
