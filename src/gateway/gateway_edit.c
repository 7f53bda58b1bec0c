/* Adding, changing and removing servers: checked here, kept by the store, then made true. */
#include <strings.h>

#include "gateway/gateway_room.h"

enum edit_kind { EDIT_ADD, EDIT_CHANGE, EDIT_REMOVE };

struct edit {
    struct gateway *g;
    enum edit_kind kind;
    struct server_row row; /* for EDIT_REMOVE: the id only */
    gateway_server_fn fn;
    void *arg;
    struct store_op *op;
    struct loop_timer refused; /* tells of err in the next turn */
    enum err err;
    struct err_text why;
    struct list node; /* in gateway.edits */
};

static struct edit *new_edit(struct gateway *g, enum edit_kind kind, gateway_server_fn fn, void *arg)
{
    struct edit *ed = xcalloc(1, sizeof *ed);
    ed->g = g;
    ed->kind = kind;
    ed->fn = fn;
    ed->arg = arg;
    list_init(&ed->node);
    list_push_back(&g->edits, &ed->node);
    return ed;
}

static void free_edit(struct edit *ed)
{
    loop_timer_stop(&ed->refused);
    list_remove(&ed->node);
    server_row_clear(&ed->row);
    free(ed);
}

static void tell_refused(void *arg)
{
    struct edit *ed = arg;
    ed->fn(ed->arg, ed->err, &ed->why, NULL);
    free_edit(ed);
}

static void refuse(struct edit *ed)
{
    loop_timer_init(&ed->refused, ed->g->loop, tell_refused, ed);
    loop_timer_start(&ed->refused, 0);
}

void gateway_cancel_edits(struct gateway *g)
{
    LIST_EACH(ed, &g->edits, struct edit, node) {
        store_cancel(ed->op);
        free_edit(ed);
    }
}

static struct server *make_change_true(struct edit *ed)
{
    struct gateway *g = ed->g;
    struct server *s = gateway_server_by_id(g, ed->row.id);
    if (!s) {
        if (ed->kind == EDIT_CHANGE)
            return NULL;
        s = gateway_insert(g, &ed->row);
    } else {
        /* What the store learnt meanwhile stays. */
        ed->row.last_load_ms = s->row.last_load_ms;
        struct server_row old = s->row;
        s->row = ed->row;
        ed->row = old;
        struct err_text why;
        if (server_configure(s, &why))
            log_warn("server %s: %s", s->row.name, why.text);
    }
    server_publish(s);
    return s;
}

static void on_put(void *arg, const struct store_result *r)
{
    struct edit *ed = arg;
    ed->op = NULL;
    struct err_text why = r->why;
    enum err e = r->err;
    struct server *s = NULL;
    if (e == ERR_EXISTS)
        (void)err_set(&why, e, "\"name\" is taken by another server");
    if (!e)
        s = make_change_true(ed);
    if (!e && !s)
        e = err_set(&why, ERR_NOT_FOUND, "the server was removed");
    ed->fn(ed->arg, e, &why, s);
    free_edit(ed);
}

static bool is_named(const struct server *s, const char *name)
{
    return strcasecmp(s->row.name, name) == 0 || server_settings_has_alias(&s->settings, name);
}

/* A name or an alias leads to one server only. */
static enum err check_unique(const struct gateway *g, const struct server_row *row, struct err_text *why)
{
    struct server_settings own = {0};
    enum err e = ERR_OK;
    server_settings_read(&own, row->settings_json);
    for (size_t i = 0; i < g->n_servers && !e; i++) {
        const struct server *other = g->servers[i];
        if (str_eq(other->row.id, row->id))
            continue;
        if (is_named(other, row->name))
            e = err_set(why, ERR_EXISTS, "\"name\" is taken by another server");
        for (size_t k = 0; k < own.aliases.n && !e; k++) {
            if (is_named(other, own.aliases.v[k]))
                e = err_set(why, ERR_EXISTS, "\"aliases\": \"%s\" is a name of the server %s",
                            own.aliases.v[k], other->row.name);
        }
    }
    server_settings_release(&own);
    return e;
}

/* The row is complete but for p. */
static void submit(struct edit *ed, const struct server_patch *p)
{
    ed->err = server_row_apply(&ed->row, p, &ed->why);
    if (!ed->err)
        ed->err = check_unique(ed->g, &ed->row, &ed->why);
    if (!ed->err && ed->g->closing)
        ed->err = err_set(&ed->why, ERR_BUSY, "hob is shutting down");
    if (ed->err)
        refuse(ed);
    else
        ed->op = store_server_put(ed->g->store, &ed->row, on_put, ed);
}

void gateway_server_add(struct gateway *g, const struct server_patch *p, gateway_server_fn fn, void *arg)
{
    struct edit *ed = new_edit(g, EDIT_ADD, fn, arg);
    char id[UUID_LEN + 1];
    rand_uuid(id);
    ed->row = (struct server_row){.id = xstrdup(id),
                                  .kind = xstrdup("llama-server"),
                                  .args_json = xstrdup("[]"),
                                  .system_prompt = xstrdup(""),
                                  .settings_json = xstrdup("{}"),
                                  .on_demand = true,
                                  .created_at = clock_wall_ms()};
    if (g->n_servers >= GATEWAY_MAX_SERVERS) {
        ed->err = err_set(&ed->why, ERR_BUSY, "there are %d servers already", GATEWAY_MAX_SERVERS);
        refuse(ed);
        return;
    }
    submit(ed, p);
}

void gateway_server_change(struct gateway *g, struct server *s, const struct server_patch *p,
                           gateway_server_fn fn, void *arg)
{
    struct edit *ed = new_edit(g, EDIT_CHANGE, fn, arg);
    server_row_copy(&ed->row, &s->row);
    submit(ed, p);
}

static void publish_removed(struct gateway *g, const char *id)
{
    if (!g->events)
        return;
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer w;
    jw_init(&w, b);
    jw_begin_obj(&w);
    jwf_str(&w, "id", id);
    jw_end_obj(&w);
    events_publish(g->events, NULL, "server_removed", buf_span(b));
}

static void on_removed_from_store(void *arg, const struct store_result *r)
{
    struct edit *ed = arg;
    ed->op = NULL;
    struct server *s = gateway_server_by_id(ed->g, ed->row.id);
    if (r->err || !s) {
        if (s) {
            s->is_leaving = false;
            server_wake_holds(s);
        }
        ed->fn(ed->arg, r->err, &r->why, NULL);
    } else {
        publish_removed(ed->g, s->row.id);
        gateway_take_out(s, ed->fn, ed->arg);
    }
    free_edit(ed);
}

void gateway_server_remove(struct gateway *g, struct server *s, gateway_server_fn fn, void *arg)
{
    struct edit *ed = new_edit(g, EDIT_REMOVE, fn, arg);
    ed->row.id = xstrdup(s->row.id);
    s->is_leaving = true;
    engine_stop(s->engine);
    ed->op = store_server_remove(g->store, s->row.id, on_removed_from_store, ed);
}
