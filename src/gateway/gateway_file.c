/* The servers that a file defines: checked as a whole, kept by the store, then the difference is made true. */
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>

#include "gateway/gateway_room.h"

/* Ids that are made of a name have version 8 (RFC 9562 5.8); all others here are random ones, of version 4. */
#define VERSION_AT    14
#define VERSION_NAMED '8'

struct applying {
    struct gateway *g;
    char *file_name, *memory_json;
    struct server_row *rows;
    size_t n;
    bool is_start; /* of hob: nothing runs, and who starts by itself is seen to later */
    gateway_done_fn fn;
    void *arg;
    struct store_op *op;
    struct loop_timer refused; /* tells of err in the next turn */
    enum err err;
    struct err_text why;
};

bool server_is_of_file(const struct server *s)
{
    return strlen(s->row.id) == UUID_LEN && s->row.id[VERSION_AT] == VERSION_NAMED;
}

/* The same name gives the same id, whatever its letters' case. */
static void make_id(const char *name, char out_id[UUID_LEN + 1])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    struct buf b = {0};
    buf_add_str(&b, "hob server ");
    for (const char *p = name; *p; p++)
        buf_add_char(&b, (char)tolower((unsigned char)*p));
    (void)crypto_hash_sha256(hash, (const unsigned char *)b.p, b.len);
    hash[6] = (unsigned char)(0x80 | (hash[6] & 0x0F));
    hash[8] = (unsigned char)(0x80 | (hash[8] & 0x3F));
    buf_clear(&b);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_add_char(&b, '-');
        hex_add(&b, hash + i, 1);
    }
    (void)snprintf(out_id, UUID_LEN + 1, "%s", buf_str(&b));
    buf_release(&b);
}

/* ---- checks ---- */

static enum err make_row(const struct server_patch *p, struct server_row *out_row, struct err_text *why)
{
    char id[UUID_LEN + 1];
    make_id(p->name ? p->name : "", id);
    server_row_begin(out_row, id);
    return server_row_apply(out_row, p, why);
}

enum err server_patch_check(const struct server_patch *p, struct err_text *why)
{
    struct server_row row;
    enum err e = make_row(p, &row, why);
    server_row_clear(&row);
    return e;
}

static void free_rows(struct server_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        server_row_clear(&rows[i]);
    free(rows);
}

/* On failure *out_at is the one that is wrong. */
static enum err check_among(struct gateway *g, const struct server_row *rows, size_t n, size_t *out_at,
                            struct err_text *why)
{
    struct server *named = xcalloc(n + 1, sizeof *named);
    enum err e = ERR_OK;
    for (size_t i = 0; i < n; i++) {
        server_begin_names(&named[i], g, &rows[i]);
        for (size_t k = 0; k < i && !e; k++) {
            e = server_check_unique(&named[k], &named[i], why);
            if (e)
                *out_at = i;
            else if ((e = server_check_unique(&named[i], &named[k], why)))
                *out_at = k;
        }
    }
    for (size_t i = 0; i < n; i++)
        server_end_names(&named[i]);
    free(named);
    return e;
}

static enum err make_rows(struct gateway *g, const struct gateway_file *file, struct server_row **out_rows,
                          size_t *out_at, struct err_text *why)
{
    if (file->n > GATEWAY_MAX_SERVERS) {
        *out_at = GATEWAY_MAX_SERVERS;
        return err_set(why, ERR_INVALID, "there are more than %d servers", GATEWAY_MAX_SERVERS);
    }
    struct server_row *rows = xcalloc(file->n + 1, sizeof *rows);
    enum err e = ERR_OK;
    for (size_t i = 0; i < file->n && !e; i++) {
        e = make_row(&file->servers[i], &rows[i], why);
        if (e)
            *out_at = i;
    }
    if (!e)
        e = check_among(g, rows, file->n, out_at, why);
    if (e)
        free_rows(rows, file->n);
    else
        *out_rows = rows;
    return e;
}

enum err gateway_file_check(const struct gateway_file *file, size_t *out_at, struct err_text *why)
{
    struct gateway nobody = {.file_name = NULL};
    struct server_row *rows;
    enum err e = make_rows(&nobody, file, &rows, out_at, why);
    if (!e)
        free_rows(rows, file->n);
    return e;
}

/* Against those of the page, which stay as they are. */
static enum err check_other(const struct applying *a, const struct server *other, struct err_text *why)
{
    for (size_t i = 0; i < a->n; i++) {
        struct server s;
        struct err_text inner = {0};
        server_begin_names(&s, a->g, &a->rows[i]);
        enum err e = server_check_unique(other, &s, &inner);
        server_end_names(&s);
        if (e)
            return err_set(why, e,
                           "the server %s: %s, which was made on the page. Give one of them another name",
                           a->rows[i].name, inner.text);
    }
    return ERR_OK;
}

enum err gateway_check_applied(struct gateway *g, const struct server *s, struct err_text *why)
{
    const struct applying *a = g->apply;
    enum err e = ERR_OK;
    for (size_t i = 0; a && a->op && i < a->n && !e; i++) {
        struct server other;
        server_begin_names(&other, g, &a->rows[i]);
        e = server_check_unique(&other, s, why);
        server_end_names(&other);
    }
    return e;
}

static enum err check_others(const struct applying *a, struct err_text *why)
{
    size_t n_others = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < a->g->n_servers && !e; i++) {
        const struct server *other = a->g->servers[i];
        if (server_is_of_file(other))
            continue;
        n_others++;
        e = check_other(a, other, why);
    }
    for (size_t i = 0; i < a->n && !e; i++) {
        struct server s;
        server_begin_names(&s, a->g, &a->rows[i]);
        e = gateway_check_edits(a->g, &s, why);
        server_end_names(&s);
    }
    if (!e && n_others + a->n > GATEWAY_MAX_SERVERS)
        e = err_set(why, ERR_BUSY, "there would be more than %d servers, with those of the page",
                    GATEWAY_MAX_SERVERS);
    return e;
}

/* ---- the difference ---- */

static bool is_same_row(const struct server_row *a, const struct server_row *b)
{
    return str_eq(a->name, b->name) && str_eq(a->kind, b->kind) && str_eq(a->model_path, b->model_path) &&
           str_eq(a->command_json, b->command_json) && str_eq(a->args_json, b->args_json) &&
           str_eq(a->system_prompt, b->system_prompt) && str_eq(a->settings_json, b->settings_json) &&
           a->on_demand == b->on_demand && a->autostart == b->autostart;
}

static struct server *find_removed(struct gateway *g, const char *id)
{
    LIST_EACH(s, &g->removed, struct server, node) {
        if (s->engine && str_eq(s->row.id, id))
            return s;
    }
    return NULL;
}

static void drop_heir(struct server *s)
{
    if (s->heir)
        server_row_clear(s->heir);
    free(s->heir);
    s->heir = NULL;
}

static void appear(struct gateway *g, struct server_row *row, bool starts)
{
    struct server *s = gateway_insert(g, row);
    struct err_text why;
    server_publish(s);
    if (starts && s->row.autostart && gateway_server_start(g, s, &why))
        log_warn("server %s: not started: %s", s->row.name, why.text);
}

void server_give_place(struct server *s)
{
    if (s->heir && !s->g->closing)
        appear(s->g, s->heir, true);
    drop_heir(s);
}

static void change(struct server *s, struct server_row *row)
{
    struct err_text why;
    row->created_at = s->row.created_at;
    row->last_load_ms = s->row.last_load_ms;
    footprint_hand_on(s, row);
    server_row_clear(&s->row);
    s->row = *row;
    *row = (struct server_row){0};
    if (server_configure(s, &why))
        log_warn("server %s: %s", s->row.name, why.text);
    memory_look(s->g);
    server_publish(s);
}

/* Sockets and log files have the id in their names: two engines of one id must not run at once. */
static void add(struct applying *a, struct server_row *row)
{
    struct server *before = find_removed(a->g, row->id);
    if (!before) {
        appear(a->g, row, !a->is_start);
        return;
    }
    row->created_at = before->row.created_at;
    row->last_load_ms = before->row.last_load_ms;
    footprint_hand_on(before, row);
    if (loop_timer_is_armed(&before->leaves)) {
        gateway_take_back(before);
        change(before, row);
    } else {
        before->heir = xmemdup(row, sizeof *row);
        *row = (struct server_row){0};
    }
}

static bool is_in_file(const struct applying *a, const char *id)
{
    for (size_t i = 0; i < a->n; i++) {
        if (str_eq(a->rows[i].id, id))
            return true;
    }
    return false;
}

static size_t let_go_others(struct applying *a)
{
    struct gateway *g = a->g;
    size_t n = 0;
    for (size_t i = 0; i < g->n_servers;) {
        struct server *s = g->servers[i];
        if (!server_is_of_file(s) || is_in_file(a, s->row.id)) {
            i++;
            continue;
        }
        n++;
        gateway_publish_removed(g, s->row.id);
        gateway_let_go(s, GATEWAY_REMOVE_GRACE_MS);
    }
    LIST_EACH(s, &g->removed, struct server, node)
        drop_heir(s);
    return n;
}

static void on_memory_kept(void *arg, enum err e, const struct err_text *why)
{
    (void)arg;
    if (e)
        log_warn("memory: the settings of the file hold, but could not be kept: %s", why->text);
}

/* Before anything starts by it. */
static void set_memory(struct applying *a)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    struct err_text why;
    if (!a->memory_json)
        return;
    enum err e = json_parse_object(span_str(a->memory_json), &doc, &root, &why);
    if (!e)
        e = gateway_memory_change(a->g, root, on_memory_kept, NULL, &why);
    if (e)
        log_warn("%s: memory: %s", a->file_name, why.text);
}

static void make_true(struct applying *a)
{
    struct gateway *g = a->g;
    size_t n_added = 0, n_changed = 0, n_removed = let_go_others(a);
    xreplace(&g->file_name, a->file_name);
    set_memory(a);
    for (size_t i = 0; i < a->n; i++) {
        struct server_row *row = &a->rows[i];
        struct server *s = gateway_server_by_id(g, row->id);
        if (!s) {
            n_added++;
            add(a, row);
        } else if (!is_same_row(&s->row, row)) {
            n_changed++;
            change(s, row);
        }
    }
    if (a->file_name || n_removed)
        log_info("%s: %zu servers; %zu added, %zu changed, %zu removed",
                 a->file_name ? a->file_name : "no configuration file", a->n, n_added, n_changed, n_removed);
}

/* ---- its course ---- */

static void free_applying(struct applying *a)
{
    loop_timer_stop(&a->refused);
    free_rows(a->rows, a->n);
    free(a->file_name);
    free(a->memory_json);
    free(a);
}

static void finish(struct applying *a)
{
    a->g->apply = NULL;
    a->fn(a->arg, a->err, &a->why);
    free_applying(a);
}

static void tell_refused(void *arg)
{
    finish(arg);
}

static void on_kept(void *arg, const struct store_result *r)
{
    struct applying *a = arg;
    a->op = NULL;
    a->err = r->err;
    a->why = r->why;
    if (!a->err)
        make_true(a);
    finish(a);
}

void gateway_file_prepare(struct gateway *g, const struct gateway_file *file)
{
    struct applying *a = xcalloc(1, sizeof *a);
    size_t at = 0;
    assert(!g->apply);
    a->g = g;
    a->is_start = true;
    g->apply = a;
    if (!file)
        return;
    a->file_name = xstrdup(file->name);
    a->memory_json = xstrdup(file->memory_json);
    a->err = make_rows(g, file, &a->rows, &at, &a->why);
    a->n = a->err ? 0 : file->n;
}

void gateway_file_go_on(struct gateway *g, gateway_done_fn fn, void *arg)
{
    struct applying *a = g->apply;
    a->fn = fn;
    a->arg = arg;
    if (!a->err && g->closing)
        a->err = err_set(&a->why, ERR_BUSY, "hob is shutting down");
    if (!a->err)
        a->err = check_others(a, &a->why);
    if (a->err) {
        loop_timer_init(&a->refused, g->loop, tell_refused, a);
        loop_timer_start(&a->refused, 0);
    } else {
        a->op = store_servers_of_file(g->store, a->rows, a->n, on_kept, a);
    }
}

void gateway_file_apply(struct gateway *g, const struct gateway_file *file, gateway_done_fn fn, void *arg)
{
    gateway_file_prepare(g, file);
    g->apply->is_start = false;
    gateway_file_go_on(g, fn, arg);
}

void gateway_cancel_apply(struct gateway *g)
{
    if (!g->apply)
        return;
    store_cancel(g->apply->op);
    free_applying(g->apply);
    g->apply = NULL;
}
