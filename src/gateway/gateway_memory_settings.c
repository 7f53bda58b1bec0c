/* The budget, the turn and the kinds of groups: their rules, their JSON, kept by the store; and what the page shows of it. */
#include "gateway/gateway_memory.h"

#include <strings.h>

#include "gateway/gateway_room.h"

#define SETTING_KEY      "memory"
#define MAX_BUDGET_BYTES ((int64_t)1 << 50)

struct change {
    struct gateway *g;
    gateway_done_fn fn;
    void *arg;
    struct store_op *op;
    struct list node; /* in memory.changes */
};

static const char *const kind_names[] = {[FIT_NO_GROUP] = NULL,
                                         [FIT_EXCLUSIVE] = "exclusive",
                                         [FIT_TOGETHER] = "together",
                                         [FIT_ALWAYS] = "always"};

void memory_settings_release(struct memory_settings *s)
{
    for (size_t i = 0; i < s->n_groups; i++)
        free(s->groups[i].name);
    free(s->groups);
    *s = (struct memory_settings){0};
}

/* ---- groups ---- */

static struct memory_group *find_group(const struct memory_settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_groups; i++) {
        if (strcasecmp(s->groups[i].name, name) == 0)
            return &s->groups[i];
    }
    return NULL;
}

static enum fit_group kind_of(const struct memory_settings *s, const char *name)
{
    const struct memory_group *group = find_group(s, name);
    return group ? group->kind : FIT_EXCLUSIVE;
}

enum fit_group memory_group_of(const struct gateway *g, const struct server *s, int *out_number)
{
    *out_number = -1;
    if (!s->settings.group)
        return FIT_NO_GROUP;
    for (size_t i = 0; i < g->n_servers && *out_number < 0; i++) {
        const char *name = g->servers[i]->settings.group;
        if (name && strcasecmp(name, s->settings.group) == 0)
            *out_number = (int)i;
    }
    return kind_of(&g->memory.settings, s->settings.group);
}

static void remove_group(struct memory_settings *s, const char *name)
{
    struct memory_group *group = find_group(s, name);
    if (!group)
        return;
    free(group->name);
    *group = s->groups[--s->n_groups];
}

static void put_group(struct memory_settings *s, const char *name, enum fit_group kind)
{
    struct memory_group *group = find_group(s, name);
    if (!group) {
        s->groups = xrealloc(s->groups, (s->n_groups + 1) * sizeof *s->groups);
        group = &s->groups[s->n_groups++];
        group->name = xstrdup(name);
    }
    group->kind = kind;
}

static enum err take_group(struct memory_settings *s, const char *name, yyjson_val *value,
                           struct err_text *why)
{
    enum fit_group kind = FIT_NO_GROUP;
    if (name[0] == '\0' || strlen(name) > GATEWAY_MAX_NAME_BYTES)
        return err_set(why, ERR_INVALID, "\"groups\" must have names of at most %d bytes",
                       GATEWAY_MAX_NAME_BYTES);
    if (yyjson_is_null(value)) {
        remove_group(s, name);
        return ERR_OK;
    }
    for (size_t i = FIT_EXCLUSIVE; i < COUNT_OF(kind_names); i++) {
        if (yyjson_equals_str(value, kind_names[i]))
            kind = (enum fit_group)i;
    }
    if (!kind)
        return err_set(why, ERR_INVALID,
                       "\"groups\" must say \"exclusive\", \"together\" or \"always\" for %.100s", name);
    if (!find_group(s, name) && s->n_groups >= GATEWAY_MAX_GROUPS)
        return err_set(why, ERR_INVALID, "\"groups\" has more than %d", GATEWAY_MAX_GROUPS);
    put_group(s, name, kind);
    return ERR_OK;
}

/* ---- rules ---- */

static enum err take_bytes(yyjson_val *body, const char *name, int64_t *out, struct err_text *why)
{
    int64_t value = 0; /* null: by what the machine has */
    if (!yyjson_obj_get(body, name))
        return ERR_OK;
    enum err e = json_get_int(body, name, false, 1, MAX_BUDGET_BYTES, &value, why);
    if (!e)
        *out = value;
    return e;
}

static enum err take_settings(struct memory_settings *s, yyjson_val *body, struct err_text *why)
{
    int64_t turn_s = s->turn_s;
    yyjson_val *groups = NULL, *key, *value;
    size_t i, n;
    if (json_has_nul(body))
        return err_set(why, ERR_INVALID, "NUL is not allowed");
    enum err e = take_bytes(body, "budget_bytes", &s->budget_bytes, why);
    if (!e)
        e = take_bytes(body, "gpu_budget_bytes", &s->gpu_budget_bytes, why);
    if (!e)
        e = json_get_int(body, "turn_s", false, 1, GATEWAY_MAX_TURN_S, &turn_s, why);
    if (!e)
        e = json_get_obj(body, "groups", false, &groups, why);
    s->turn_s = (int)turn_s;
    if (e || !groups)
        return e;
    yyjson_obj_foreach(groups, i, n, key, value) {
        e = take_group(s, yyjson_get_str(key), value, why);
        if (e)
            return e;
    }
    return ERR_OK;
}

static void copy_settings(struct memory_settings *to, const struct memory_settings *from)
{
    *to = *from;
    to->groups = NULL;
    to->n_groups = 0;
    for (size_t i = 0; i < from->n_groups; i++)
        put_group(to, from->groups[i].name, from->groups[i].kind);
}

/* ---- JSON ---- */

static void write_bytes(struct json_writer *w, const char *name, int64_t bytes, bool is_known)
{
    if (is_known)
        jwf_int(w, name, bytes);
    else
        jwf_null(w, name);
}

static void write_settings(const struct memory_settings *s, struct json_writer *w)
{
    jw_begin_obj(w);
    write_bytes(w, "budget_bytes", s->budget_bytes, s->budget_bytes > 0);
    write_bytes(w, "gpu_budget_bytes", s->gpu_budget_bytes, s->gpu_budget_bytes > 0);
    jwf_int(w, "turn_s", s->turn_s);
    jw_key(w, "groups");
    jw_begin_obj(w);
    for (size_t i = 0; i < s->n_groups; i++)
        jwf_str(w, s->groups[i].name, kind_names[s->groups[i].kind]);
    jw_end_obj(w);
    jw_end_obj(w);
}

static struct fit_amount held(const struct fit_table *t)
{
    struct fit_amount sum = {0, 0};
    for (size_t i = 0; i < t->n; i++) {
        if (t->servers[i].place == FIT_OUT)
            continue;
        sum.ram += t->servers[i].holds.ram;
        sum.gpu += t->servers[i].holds.gpu;
    }
    return sum;
}

/* limit, firm, used: of the table, RAM or GPU. The machine's are -1 where they are not known. */
static void write_kind(struct json_writer *w, int64_t limit, int64_t firm, int64_t used, int64_t total,
                       int64_t available)
{
    write_bytes(w, "budget_bytes", limit, limit != FIT_NO_LIMIT);
    jwf_bool(w, "is_automatic", firm == FIT_NO_LIMIT);
    jwf_int(w, "used_bytes", used);
    write_bytes(w, "total_bytes", total, total >= 0);
    write_bytes(w, "available_bytes", available, available >= 0);
}

static void write_ram(const struct fit_table *t, struct json_writer *w)
{
    struct engine_machine m;
    if (!engine_machine_read(&m))
        m = (struct engine_machine){-1, -1};
    jw_begin_obj(w);
    write_kind(w, t->limit.ram, t->firm.ram, held(t).ram, m.total_bytes, m.available_bytes);
    jw_end_obj(w);
}

static void write_gpus(const struct gateway *g, const struct fit_table *t, struct json_writer *w)
{
    struct engine_gpu_memory m;
    if (!engine_gpus_memory(g->memory.gpus, &m)) {
        jw_null(w);
        return;
    }
    jw_begin_obj(w);
    write_kind(w, t->limit.gpu, t->firm.gpu, held(t).gpu, m.total_bytes, m.free_bytes);
    jw_key(w, "devices");
    jw_begin_arr(w);
    for (size_t i = 0; i < m.n; i++) {
        jw_begin_obj(w);
        jwf_str(w, "name", m.gpus[i].name);
        write_bytes(w, "total_bytes", m.gpus[i].total_bytes, m.gpus[i].total_bytes >= 0);
        write_bytes(w, "used_bytes", m.gpus[i].used_bytes, m.gpus[i].used_bytes >= 0);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_end_obj(w);
}

static bool is_first_of_group(const struct gateway *g, size_t at)
{
    int number;
    (void)memory_group_of(g, g->servers[at], &number);
    return number == (int)at;
}

/* Those that servers name, whether a kind was set for them or not. */
static void write_groups(const struct gateway *g, struct json_writer *w)
{
    jw_begin_arr(w);
    for (size_t i = 0; i < g->n_servers; i++) {
        const char *name = g->servers[i]->settings.group;
        if (!name || !is_first_of_group(g, i))
            continue;
        jw_begin_obj(w);
        jwf_str(w, "name", name);
        jwf_str(w, "kind", kind_names[kind_of(&g->memory.settings, name)]);
        jw_key(w, "servers");
        jw_begin_arr(w);
        for (size_t k = 0; k < g->n_servers; k++) {
            if (g->servers[k]->settings.group && strcasecmp(g->servers[k]->settings.group, name) == 0)
                jw_str(w, g->servers[k]->row.id);
        }
        jw_end_arr(w);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

void gateway_write_memory_json(const struct gateway *g, struct json_writer *w)
{
    struct fit_server servers[FIT_MAX_SERVERS];
    struct fit_table t;
    memory_table(g, servers, &t);
    jw_begin_obj(w);
    jw_key(w, "ram");
    write_ram(&t, w);
    jw_key(w, "gpu");
    write_gpus(g, &t, w);
    jw_key(w, "settings");
    write_settings(&g->memory.settings, w);
    jw_key(w, "groups");
    write_groups(g, w);
    jw_end_obj(w);
}

void memory_write_server(const struct server *s, struct json_writer *w)
{
    static const char *const sources[] = {[FOOTPRINT_UNKNOWN] = "unknown",
                                          [FOOTPRINT_ESTIMATED] = "estimated",
                                          [FOOTPRINT_MEASURED] = "measured"};
    const struct server *others[FIT_MAX_SERVERS];
    struct fit_amount needs, least;
    AUTO(buf) struct buf *reason = buf_new();
    enum footprint_source source = footprint_needs(s, &needs, &least);
    bool waits = memory_is_waiting(s);
    size_t n = server_waits_for(s, others, FIT_MAX_SERVERS);
    (void)server_wait_reason(s, reason);
    jw_begin_obj(w);
    write_bytes(w, "needs_bytes", needs.ram, source != FOOTPRINT_UNKNOWN);
    write_bytes(w, "gpu_bytes", needs.gpu, needs.gpu > 0);
    jwf_str(w, "source", sources[source]);
    write_bytes(w, "used_bytes", s->memory.now.bytes, s->memory.now.bytes > 0);
    write_bytes(w, "gpu_used_bytes", s->memory.now.gpu_bytes, s->memory.now.gpu_bytes > 0);
    jw_key(w, "waiting_for");
    if (waits)
        jw_begin_arr(w);
    else
        jw_null(w);
    for (size_t i = 0; i < n; i++)
        jw_str(w, others[i]->row.name);
    if (waits)
        jw_end_arr(w);
    buf_add_char(reason, '\0');
    jwf_str(w, "reason", reason->len > 1 ? reason->p : NULL);
    jw_end_obj(w);
}

/* ---- kept ---- */

static void on_read(void *arg, const struct store_result *r)
{
    struct gateway *g = arg;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    struct err_text why = r->why;
    enum err e = r->err;
    g->memory.loading = NULL;
    if (!e && r->n > 0)
        e = json_parse_object(span_str(r->settings[0].value_json), &doc, &root, &why);
    if (!e && doc)
        e = take_settings(&g->memory.settings, root, &why);
    if (e)
        log_warn("memory: the settings could not be read: %s", why.text);
    g->memory.on_loaded(g);
}

void memory_settings_load(struct gateway *g, void (*on_loaded)(struct gateway *g))
{
    g->memory.on_loaded = on_loaded;
    g->memory.loading = store_setting_get(g->store, SETTING_KEY, on_read, g);
}

static void free_change(struct change *c)
{
    list_remove(&c->node);
    free(c);
}

void memory_cancel_changes(struct gateway *g)
{
    store_cancel(g->memory.loading);
    g->memory.loading = NULL;
    LIST_EACH(c, &g->memory.changes, struct change, node) {
        store_cancel(c->op);
        free_change(c);
    }
}

static void on_put(void *arg, const struct store_result *r)
{
    struct change *c = arg;
    c->fn(c->arg, r->err, &r->why);
    free_change(c);
}

/* It holds at once; what is told to fn is whether it will hold after a restart. */
enum err gateway_memory_change(struct gateway *g, yyjson_val *body, gateway_done_fn fn, void *arg,
                               struct err_text *why)
{
    struct memory_settings settings;
    copy_settings(&settings, &g->memory.settings);
    enum err e = take_settings(&settings, body, why);
    if (e) {
        memory_settings_release(&settings);
        return e;
    }
    memory_settings_release(&g->memory.settings);
    g->memory.settings = settings;
    AUTO(buf) struct buf *text = buf_new();
    struct json_writer w;
    jw_init(&w, text);
    write_settings(&settings, &w);
    buf_add_char(text, '\0');
    struct change *c = xcalloc(1, sizeof *c);
    c->g = g;
    c->fn = fn;
    c->arg = arg;
    list_init(&c->node);
    list_push_back(&g->memory.changes, &c->node);
    c->op = store_setting_put(g->store, SETTING_KEY, text->p, on_put, c);
    memory_look(g);
    return ERR_OK;
}
