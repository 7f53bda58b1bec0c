/* Adding, changing and removing servers: checked here, kept by the store, then made true. */
#include <strings.h>
#include <sys/stat.h>

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

static void refuse_of_file(struct edit *ed, const struct server *s)
{
    ed->err = err_set(&ed->why, ERR_EXISTS, "%s is defined in %s and can only be changed there", s->row.name,
                      s->g->file_name ? s->g->file_name : "a file");
    refuse(ed);
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
        footprint_hand_on(s, &ed->row);
        struct server_row old = s->row;
        s->row = ed->row;
        ed->row = old;
        struct err_text why;
        if (server_configure(s, &why))
            log_warn("server %s: %s", s->row.name, why.text);
    }
    memory_look(g);
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

void server_begin_names(struct server *out, struct gateway *g, const struct server_row *row)
{
    *out = (struct server){.g = g, .row = *row, .model_name = server_row_model_name(row)};
    server_settings_read(&out->settings, row->settings_json);
}

void server_end_names(struct server *s)
{
    server_settings_release(&s->settings);
    free(TAKE(s->model_name));
}

enum err server_check_unique(const struct server *other, const struct server *s, struct err_text *why)
{
    const char *file = server_is_of_file(other) ? other->g->file_name : NULL;
    if (is_named(other, s->row.name))
        return err_set(why, ERR_EXISTS, "\"name\" is taken by another server, %s%s%s", other->row.name,
                       file ? " of the file " : "", file ? file : "");
    for (size_t k = 0; k < s->settings.aliases.n; k++) {
        const char *alias = s->settings.aliases.v[k];
        if (is_named(other, alias))
            return err_set(why, ERR_EXISTS, "\"aliases\": \"%s\" is a name of the server %s", alias,
                           other->row.name);
        if (strcasecmp(other->model_name, alias) == 0 && strcasecmp(s->model_name, alias) != 0)
            return err_set(why, ERR_EXISTS, "\"aliases\": \"%s\" is the model of the server %s", alias,
                           other->row.name);
    }
    return ERR_OK;
}

enum err gateway_check_edits(struct gateway *g, const struct server *s, struct err_text *why)
{
    enum err e = ERR_OK;
    LIST_EACH(ed, &g->edits, struct edit, node) {
        struct server other;
        if (e || !ed->op || ed->kind == EDIT_REMOVE || str_eq(ed->row.id, s->row.id))
            continue;
        server_begin_names(&other, g, &ed->row);
        e = server_check_unique(&other, s, why);
        server_end_names(&other);
    }
    return e;
}

/* A name or an alias leads to one server only. */
static enum err check_unique(struct gateway *g, const struct server_row *row, struct err_text *why)
{
    struct server s;
    enum err e = ERR_OK;
    server_begin_names(&s, g, row);
    for (size_t i = 0; i < g->n_servers && !e; i++) {
        if (!str_eq(g->servers[i]->row.id, row->id))
            e = server_check_unique(g->servers[i], &s, why);
    }
    if (!e)
        e = gateway_check_edits(g, &s, why);
    if (!e)
        e = gateway_check_applied(g, &s, why);
    server_end_names(&s);
    return e;
}

/* The row is complete but for p. */
static void submit(struct edit *ed, const struct server_patch *p)
{
    struct stat st;
    ed->err = server_row_apply(&ed->row, p, &ed->why);
    if (!ed->err && p->model_path && ed->row.model_path && stat(ed->row.model_path, &st))
        ed->err = err_set(&ed->why, ERR_INVALID, "\"model_path\" is not there: %.400s", ed->row.model_path);
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
    server_row_begin(&ed->row, id);
    if (g->n_servers >= GATEWAY_MAX_SERVERS) {
        ed->err = err_set(&ed->why, ERR_BUSY, "there are %d servers already", GATEWAY_MAX_SERVERS);
        refuse(ed);
        return;
    }
    submit(ed, p);
}

/* As it is when the changes that are on their way to the store are true. */
static const struct server_row *newest_row(struct gateway *g, const struct server *s)
{
    const struct server_row *row = &s->row;
    LIST_EACH(ed, &g->edits, struct edit, node) {
        if (ed->op && ed->kind == EDIT_CHANGE && str_eq(ed->row.id, s->row.id))
            row = &ed->row;
    }
    return row;
}

/* A row that is written behind its removal would be there again at the next start. */
static void refuse_of_leaving(struct edit *ed)
{
    ed->err = err_set(&ed->why, ERR_NOT_FOUND, "the server was removed");
    refuse(ed);
}

void gateway_server_change(struct gateway *g, struct server *s, const struct server_patch *p,
                           gateway_server_fn fn, void *arg)
{
    struct edit *ed = new_edit(g, EDIT_CHANGE, fn, arg);
    server_row_copy(&ed->row, newest_row(g, s));
    if (server_is_of_file(s))
        refuse_of_file(ed, s);
    else if (s->is_leaving)
        refuse_of_leaving(ed);
    else
        submit(ed, p);
}

void gateway_publish_removed(struct gateway *g, const char *id)
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
        gateway_publish_removed(ed->g, s->row.id);
        gateway_take_out(s, ed->fn, ed->arg);
    }
    free_edit(ed);
}

void gateway_server_remove(struct gateway *g, struct server *s, gateway_server_fn fn, void *arg)
{
    struct edit *ed = new_edit(g, EDIT_REMOVE, fn, arg);
    ed->row.id = xstrdup(s->row.id);
    if (server_is_of_file(s)) {
        refuse_of_file(ed, s);
        return;
    }
    s->is_leaving = true;
    memory_unwant(s);
    engine_stop(s->engine);
    ed->op = store_server_remove(g->store, s->row.id, on_removed_from_store, ed);
}
