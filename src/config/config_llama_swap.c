/* llama-swap's configuration, as its example of autumn 2026 has it, with older spellings, into hob's. */
#include "config/config_llama_swap.h"

#include <stdarg.h>
#include <stdio.h>

#include "config/config.h"

static void add_note(struct swap *s, const yaml_node_t *at, const char *before, const char *fmt, va_list args)
{
    char text[400];
    if (s->notes->n >= SWAP_MAX_NOTES)
        return;
    (void)vsnprintf(text, sizeof text, fmt, args);
    strv_addf(s->notes, "%s:%zu:%zu: %s%s", s->doc.path, at->start_mark.line + 1, at->start_mark.column + 1,
              before, text);
}

void swap_note(struct swap *s, const yaml_node_t *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_note(s, at, "not taken over: ", fmt, args);
    va_end(args);
}

void swap_leave_out(struct swap *s, struct swap_model *m, const yaml_node_t *at, const char *fmt, ...)
{
    char before[160];
    va_list args;
    va_start(args, fmt);
    (void)snprintf(before, sizeof before, "%.100s is left out: ", m->id);
    if (!m->is_left_out)
        add_note(s, at, before, fmt, args);
    m->is_left_out = true;
    va_end(args);
}

struct swap_model *swap_find(struct swap *s, const char *id)
{
    for (size_t i = 0; i < s->n_models; i++) {
        if (str_eq(s->models[i].id, id))
            return &s->models[i];
    }
    return NULL;
}

/* ---- top level ---- */

void swap_take_macros(struct swap *s, struct macros *to, const yaml_node_t *value)
{
    struct doc_pairs pairs;
    if (doc_is_null(value) || !doc_pairs(&s->doc, value, "macros", &pairs))
        return;
    for (size_t i = 0; i < pairs.n; i++) {
        const char *text = doc_text(pairs.v[i].value);
        if (text)
            macros_put(to, doc_text(pairs.v[i].key), text, pairs.v[i].value);
    }
    doc_pairs_release(&pairs);
}

static void take_macros(struct swap *s, const yaml_node_t *value)
{
    swap_take_macros(s, &s->macros, value);
}

static void take_models(struct swap *s, const yaml_node_t *value)
{
    struct doc_pairs pairs;
    if (!doc_pairs(&s->doc, value, "models", &pairs))
        return;
    s->models = xcalloc(pairs.n + 1, sizeof *s->models);
    for (size_t i = 0; i < pairs.n; i++) {
        if (i == SWAP_MAX_MODELS) {
            swap_note(s, pairs.v[i].key, "models after the first %d", SWAP_MAX_MODELS);
            break;
        }
        struct swap_model *m = &s->models[s->n_models++];
        m->id = doc_text(pairs.v[i].key);
        m->at = pairs.v[i].key;
        swap_read_model(s, m, pairs.v[i].value);
    }
    doc_pairs_release(&pairs);
}

/* ---- groups ---- */

static bool flag_or(struct swap *s, const struct doc_pairs *pairs, const char *key, bool otherwise)
{
    const struct doc_pair *pair = doc_find(pairs, key);
    bool flag = otherwise;
    if (pair && !doc_bool(pair->value, &flag))
        swap_note(s, pair->value, "%s: expected true or false", key);
    return flag;
}

static void take_member(struct swap *s, const char *group, const yaml_node_t *item)
{
    const char *id = doc_text(item);
    struct swap_model *m = id ? swap_find(s, id) : NULL;
    if (!m)
        swap_note(s, item, "the member %s of the group %s is no model", doc_describe(item), group);
    else if (m->group)
        swap_note(s, item, "%s is in the group %s already", id, m->group);
    else
        m->group = group;
}

static void take_group(struct swap *s, const struct doc_pair *pair)
{
    struct doc_pairs pairs;
    const yaml_node_t *item;
    const char *name = doc_text(pair->key);
    if (!doc_pairs(&s->doc, pair->value, name, &pairs))
        return;
    bool swaps = flag_or(s, &pairs, "swap", true), persists = flag_or(s, &pairs, "persistent", false);
    bool is_exclusive = flag_or(s, &pairs, "exclusive", true);
    const struct doc_pair *members = doc_find(&pairs, "members");
    strv_add(&s->groups, name);
    strv_add(&s->kinds, swaps ? "exclusive" : persists ? "always" : "together");
    if (swaps && persists)
        swap_note(s, pair->key, "persistent of the group %s: its members take turns, and go for others too",
                  name);
    if (is_exclusive)
        swap_note(s, pair->key,
                  "exclusive of the group %s: others are unloaded when their memory is needed, not before",
                  name);
    for (size_t i = 0; members && (item = doc_item(&s->doc, members->value, i)); i++)
        take_member(s, name, item);
    doc_pairs_release(&pairs);
}

static void take_groups(struct swap *s, const yaml_node_t *value)
{
    struct doc_pairs pairs;
    if (!doc_pairs(&s->doc, value, "groups", &pairs))
        return;
    for (size_t i = 0; i < pairs.n; i++)
        take_group(s, &pairs.v[i]);
    doc_pairs_release(&pairs);
}

/* The pair at a.b.c under root, or NULL. *out lives until doc_pairs_release. */
static const yaml_node_t *find_path(struct swap *s, const yaml_node_t *root, const char *const *path)
{
    const yaml_node_t *node = root;
    for (; *path && node && doc_is_map(node); path++) {
        struct doc_pairs pairs;
        const yaml_node_t *next = NULL;
        if (doc_pairs(&s->doc, node, *path, &pairs)) {
            const struct doc_pair *pair = doc_find(&pairs, *path);
            next = pair ? pair->value : NULL;
            doc_pairs_release(&pairs);
        }
        node = next;
    }
    return *path ? NULL : node;
}

static void take_routing(struct swap *s, const yaml_node_t *value)
{
    static const char *const use[] = {"router", "use", NULL},
                             *const groups[] = {"router", "settings", "groups", NULL},
                             *const matrix[] = {"router", "settings", "matrix", NULL},
                             *const scheduler[] = {"scheduler", NULL};
    const yaml_node_t *used = find_path(s, value, use), *node = find_path(s, value, groups);
    bool is_matrix = used && str_eq(doc_text(used), "matrix");
    if (node && !is_matrix)
        take_groups(s, node);
    node = find_path(s, value, matrix);
    if (node && is_matrix)
        swap_note(s, node, "matrix: which models fit together is a question of memory in hob");
    node = find_path(s, value, scheduler);
    if (node)
        swap_note(s, node, "scheduler: requests are served in turns between those who ask");
}

static void take_hooks(struct swap *s, const yaml_node_t *value)
{
    static const char *const preload[] = {"on_startup", "preload", NULL}, *const profile[] = {
                                                                              "on_startup", "profile", NULL};
    const yaml_node_t *list = find_path(s, value, preload), *item;
    for (size_t i = 0; list && (item = doc_item(&s->doc, list, i)); i++) {
        struct swap_model *m = doc_text(item) ? swap_find(s, doc_text(item)) : NULL;
        for (size_t k = 0; k < s->n_models && !m; k++) {
            for (size_t j = 0; j < s->models[k].aliases.n; j++) {
                if (str_eq(s->models[k].aliases.v[j], doc_text(item)))
                    m = &s->models[k];
            }
        }
        if (m)
            m->autostart = true;
        else
            swap_note(s, item, "preload: %s is no model", doc_describe(item));
    }
    item = find_path(s, value, profile);
    if (item)
        swap_note(s, item, "profile: hob has none");
}

static void take_global_ttl(struct swap *s, const yaml_node_t *value)
{
    if (!doc_int(value, &s->ttl_s) || s->ttl_s < 0) {
        s->ttl_s = 0;
        swap_note(s, value, "globalTTL: expected a number of seconds");
    }
}

static void take_log_level(struct swap *s, const yaml_node_t *value)
{
    enum log_level level;
    const char *text = doc_text(value);
    if (text && log_level_parse(text, &level))
        xreplace(&s->log_level, text);
    else
        swap_note(s, value, "logLevel %s: hob has debug, info, warn and error", doc_describe(value));
}

/* What has no place in hob, and why. "": nothing is lost. */
static const struct {
    const char *key, *why;
} reasons[] = {
    {"healthCheckTimeout", "hob ends a load only when it has made no progress for 120 s"},
    {"startPort", "hob takes free ports or sockets"},
    {"logTimeFormat", "hob's log has UTC"},
    {"logToStdout", "hob's own log is on stderr, each engine's in its file"},
    {"store", "hob keeps everything in its data folder"},
    {"metricsMaxInMemory", "hob keeps its activity in its database"},
    {"captureBuffer", "hob does not keep requests' bodies"},
    {"ui", "hob has a page of its own"},
    {"performance", "hob always measures"},
    {"sendLoadingState", "hob tells of loads in comments of the stream, which clients ignore"},
    {"includeAliasesInList", "aliases are found without being listed"},
    {"unloadTimeout", "an engine has 10 s to end"},
    {"apiKeys", "make keys with: hob key add NAME"},
    {"tailcat", "put a proxy or a VPN in front of hob"},
    {"upstream", "requests to /upstream go to the server that they name"},
    {"profiles", "hob has none; an alias leads to one server"},
    {"selectors", "hob has none; an alias leads to one server"},
    {"matrix", "which models fit together is a question of memory in hob"},
    {"peers", "servers run on this machine"},
    {"security", "hob always asks who somebody is"},
};

static void take_rest(struct swap *s, const struct doc_pair *pair)
{
    static const char *const taken[] = {"macros", "models",    "groups",  "routing",
                                        "hooks",  "globalTTL", "logLevel"};
    const char *key = doc_text(pair->key);
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        if (str_eq(key, taken[i]))
            return;
    }
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (str_eq(key, reasons[i].key)) {
            swap_note(s, pair->key, "%s: %s", key, reasons[i].why);
            return;
        }
    }
    if (strncmp(key, "x-", 2) != 0)
        swap_note(s, pair->key, "%s: hob does not know it", key);
}

static void with(struct swap *s, const struct doc_pairs *pairs, const char *key,
                 void (*take)(struct swap *s, const yaml_node_t *value))
{
    const struct doc_pair *pair = doc_find(pairs, key);
    if (pair && !doc_is_null(pair->value))
        take(s, pair->value);
}

static void read_file(struct swap *s, const struct doc_pairs *pairs)
{
    with(s, pairs, "globalTTL", take_global_ttl);
    with(s, pairs, "macros", take_macros);
    with(s, pairs, "models", take_models);
    with(s, pairs, "groups", take_groups);
    with(s, pairs, "routing", take_routing);
    with(s, pairs, "hooks", take_hooks);
    with(s, pairs, "logLevel", take_log_level);
    for (size_t i = 0; i < pairs->n; i++)
        take_rest(s, &pairs->v[i]);
    for (size_t i = 0; i < s->n_models; i++)
        swap_place_model(s, &s->models[i]);
}

static void release(struct swap *s)
{
    for (size_t i = 0; i < s->n_models; i++)
        swap_model_release(&s->models[i]);
    free(s->models);
    macros_release(&s->macros);
    strv_release(&s->groups);
    strv_release(&s->kinds);
    free(s->log_level);
    free(s->llama_server);
    doc_release(&s->doc);
}

/* A mistake of ours must not become a file that hob refuses. */
static enum err check_result(const char *path, const struct buf *yaml, struct strv *notes)
{
    struct config c;
    config_init(&c);
    enum err e = config_check_text(&c, path, buf_span(yaml), notes);
    config_release(&c);
    return e;
}

enum err config_import_llama_swap(const char *path, struct buf *out_yaml, size_t *out_n_servers,
                                  struct strv *out_notes)
{
    struct swap s = {.notes = out_notes};
    struct doc_pairs pairs = {0};
    doc_open(&s.doc, path);
    const yaml_node_t *root = s.doc.n_faults ? NULL : doc_root(&s.doc);
    if (root && doc_pairs(&s.doc, root, "the file", &pairs)) {
        if (doc_find(&pairs, "models"))
            read_file(&s, &pairs);
        else
            doc_fault(&s.doc, root, "there are no models; is this llama-swap's configuration?");
    } else if (s.doc.n_faults == 0) {
        doc_fault(&s.doc, NULL, "the file is empty");
    }
    enum err e = s.doc.n_faults ? ERR_INVALID : ERR_OK;
    for (size_t i = 0; i < s.doc.faults.n; i++)
        strv_add(out_notes, s.doc.faults.v[i]);
    size_t n = 0;
    for (size_t i = 0; i < s.n_models; i++)
        n += !s.models[i].is_left_out;
    if (!e) {
        swap_write(&s, path, out_yaml);
        e = check_result("the result", out_yaml, out_notes);
    }
    *out_n_servers = n;
    doc_pairs_release(&pairs);
    release(&s);
    return e;
}
