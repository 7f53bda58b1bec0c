/* Reading the settings again. */
#include "app/app_reload.h"

#include <signal.h>
#include <sys/stat.h>

struct app_reload {
    struct app_reload_options o;
    struct loop_signal *on_hup;
    struct loop_watch *watch;
    struct loop_timer quiet;
    struct stat seen, taken; /* the file: when it was looked at last, when it was read last */
    struct config next;      /* while it is being made true */
    bool is_busy, is_again, is_stopped;
    int64_t read_at;           /* wall clock; when what is in force was read */
    char *error;               /* why the file as it is now is not in force, or NULL */
    struct strv needs_restart; /* keys whose new value waits for it */
    gateway_done_fn on_ready;
    void *ready_arg;
};

static void reload(struct app_reload *r);

static struct gateway_file servers_of(const struct app_reload *r, const struct config *c)
{
    const char *slash = strrchr(r->o.from->file, '/');
    return (struct gateway_file){.name = slash ? slash + 1 : r->o.from->file,
                                 .servers = c->servers,
                                 .n = c->n_servers,
                                 .memory_json = c->memory_json};
}

static void publish(const struct app_reload *r)
{
    events_publish(r->o.events, NULL, "config",
                   r->error ? SPAN_LIT("{\"is_in_force\":false}") : SPAN_LIT("{\"is_in_force\":true}"));
}

static void look(const struct app_reload *r, struct stat *out)
{
    if (!r->o.from->file || stat(r->o.from->file, out) != 0)
        *out = (struct stat){0};
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- taking it ---- */

static void refuse(struct app_reload *r, const char *why)
{
    log_error("%s; the settings before it stay in force", why);
    xreplace(&r->error, why);
    publish(r);
}

static void swap_strv(struct strv *a, struct strv *b)
{
    struct strv old = *a;
    *a = *b;
    *b = old;
}

static void note_restart(struct app_reload *r, const char *key, bool differs)
{
    if (!differs)
        return;
    strv_add(&r->needs_restart, key);
    log_warn("%s: the new %s needs a restart of hob", r->o.from->file, key);
}

/* The gateway has the servers already. */
static void take(struct app_reload *r)
{
    struct config *c = r->o.config, *next = &r->next;
    strv_release(&r->needs_restart);
    note_restart(r, "listen", !str_eq(c->address, next->address) || c->port != next->port);
    note_restart(r, "data", !str_eq(c->data_dir, next->data_dir));
    note_restart(r, "llama_server", !str_eq(c->llama_server, next->llama_server));
    note_restart(r, "titles", c->model_titles != next->model_titles);
    note_restart(r, "activity_rows", c->activity_rows != next->activity_rows);
    note_restart(r, "activity_days", c->activity_days != next->activity_days);
    c->log_level = next->log_level;
    log_set_level(c->log_level);
    swap_strv(&c->allowed_hosts, &next->allowed_hosts);
    swap_strv(&c->model_folders, &next->model_folders);
    struct strv folders = {0};
    strv_add(&folders, r->o.model_folders->v[0]);
    strv_copy(&folders, &c->model_folders);
    swap_strv(r->o.model_folders, &folders);
    strv_release(&folders);
    xreplace(&r->error, NULL);
    r->read_at = clock_wall_ms();
    publish(r);
}

static void on_applied(void *arg, enum err e, const struct err_text *why)
{
    struct app_reload *r = arg;
    r->is_busy = false;
    if (e && !r->is_stopped) {
        AUTO(mem) char *text = xasprintf("%s: %s", r->o.from->file, why->text);
        refuse(r, text);
    } else if (!e) {
        take(r);
    }
    config_release(&r->next);
    if (r->is_again)
        reload(r);
}

static void reload(struct app_reload *r)
{
    struct err_text why;
    if (r->is_stopped)
        return;
    r->is_again = r->is_busy;
    if (r->is_busy)
        return;
    look(r, &r->taken); /* before it is read: a later change is another one */
    if (config_read(&r->next, r->o.from, &why)) {
        refuse(r, why.text);
        return;
    }
    r->is_busy = true;
    const struct gateway_file file = servers_of(r, &r->next);
    gateway_file_apply(r->o.gateway, &file, on_applied, r);
}

/* ---- noticing ---- */

static void on_hup(void *arg)
{
    struct app_reload *r = arg;
    if (!r->o.from->file) {
        log_warn("SIGHUP: there is no configuration file to read (--config)");
        return;
    }
    log_info("SIGHUP: reading %s", r->o.from->file);
    reload(r);
}

/* Half a file is there while somebody writes it, none for a moment while it is replaced. */
static void on_quiet(void *arg)
{
    struct app_reload *r = arg;
    struct stat now;
    look(r, &now);
    if (!is_same(&now, &r->seen)) {
        r->seen = now;
        loop_timer_start(&r->quiet, APP_RELOAD_QUIET_MS);
    } else if (!is_same(&now, &r->taken)) {
        log_info("%s has changed", r->o.from->file);
        reload(r);
    }
}

/* Anything in its folder: the file may be a link to one whose neighbours change. */
static void on_folder(void *arg)
{
    struct app_reload *r = arg;
    if (!loop_timer_is_armed(&r->quiet) && !r->is_stopped)
        loop_timer_start(&r->quiet, APP_RELOAD_QUIET_MS);
}

static void watch(struct app_reload *r)
{
    AUTO(mem) char *folder = xstrdup(r->o.from->file);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    r->watch = loop_watch_new(r->o.loop, slash ? folder : ".", on_folder, r);
    if (!r->watch)
        log_warn("changes of %s are not noticed by themselves; SIGHUP makes hob read it", r->o.from->file);
    on_folder(r); /* it may have changed since it was read */
}

/* ---- lifecycle ---- */

struct app_reload *app_reload_new(const struct app_reload_options *o)
{
    struct app_reload *r = xcalloc(1, sizeof *r);
    r->o = *o;
    r->read_at = clock_wall_ms();
    loop_timer_init(&r->quiet, o->loop, on_quiet, r);
    r->on_hup = loop_signal_new(o->loop, SIGHUP, on_hup, r);
    if (o->from->file) {
        look(r, &r->taken);
        r->seen = r->taken;
    }
    r->is_busy = true; /* until the gateway has its servers */
    return r;
}

static void on_loaded(void *arg, enum err e, const struct err_text *why)
{
    struct app_reload *r = arg;
    r->is_busy = false;
    if (!e && r->o.from->file && !r->is_stopped)
        watch(r);
    r->on_ready(r->ready_arg, e, why);
    if (!e && r->is_again)
        reload(r);
}

void app_reload_begin(struct app_reload *r, gateway_done_fn on_ready, void *arg)
{
    r->on_ready = on_ready;
    r->ready_arg = arg;
    if (!r->o.from->file) {
        gateway_load(r->o.gateway, NULL, on_loaded, r);
        return;
    }
    const struct gateway_file file = servers_of(r, r->o.config);
    gateway_load(r->o.gateway, &file, on_loaded, r);
}

void app_reload_stop(struct app_reload *r)
{
    if (!r)
        return;
    r->is_stopped = true;
    loop_timer_stop(&r->quiet);
}

void app_reload_free(struct app_reload *r)
{
    if (!r)
        return;
    app_reload_stop(r);
    loop_signal_free(r->on_hup);
    loop_watch_free(r->watch);
    config_release(&r->next);
    strv_release(&r->needs_restart);
    free(r->error);
    free(r);
}

void app_reload_write_json(void *arg, struct json_writer *w)
{
    const struct app_reload *r = arg;
    jw_begin_obj(w);
    jwf_str(w, "file", r->o.from->file);
    jwf_int(w, "read_at", r->read_at);
    jwf_str(w, "error", r->error);
    jw_key(w, "needs_restart");
    jw_begin_arr(w);
    for (size_t i = 0; i < r->needs_restart.n; i++)
        jw_str(w, r->needs_restart.v[i]);
    jw_end_arr(w);
    jw_end_obj(w);
}
