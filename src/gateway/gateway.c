/* The servers that are there, their engines' news, and who may call them now. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "gateway/gateway_policy.h"
#include "gateway/gateway_room.h"

static void end_leaving(void *arg);

/* ---- servers ---- */

size_t gateway_n_servers(const struct gateway *g)
{
    return g->n_servers;
}

struct server *gateway_server_at(const struct gateway *g, size_t i)
{
    assert(i < g->n_servers);
    return g->servers[i];
}

struct server *gateway_server_by_id(const struct gateway *g, const char *id)
{
    for (size_t i = 0; i < g->n_servers; i++) {
        if (str_eq(g->servers[i]->row.id, id))
            return g->servers[i];
    }
    return NULL;
}

struct server *gateway_server_find(const struct gateway *g, const char *ref)
{
    struct server *s = gateway_server_by_id(g, ref);
    for (size_t i = 0; !s && i < g->n_servers; i++) {
        if (strcasecmp(g->servers[i]->row.name, ref) == 0)
            s = g->servers[i];
    }
    for (size_t i = 0; !s && i < g->n_servers; i++) {
        if (server_settings_has_alias(&g->servers[i]->settings, ref))
            s = g->servers[i];
    }
    for (size_t i = 0; !s && i < g->n_servers; i++) {
        if (strcasecmp(g->servers[i]->model_name, ref) == 0)
            s = g->servers[i];
    }
    return s;
}

void gateway_list_names(const struct gateway *g, struct strv *out)
{
    for (size_t i = 0; i < g->n_servers; i++)
        strv_add(out, g->servers[i]->row.name);
    for (size_t i = 0; i < g->n_servers; i++) {
        const struct strv *aliases = &g->servers[i]->settings.aliases;
        for (size_t j = 0; j < aliases->n; j++)
            strv_add(out, aliases->v[j]);
    }
}

const struct server_row *server_config(const struct server *s)
{
    return &s->row;
}

const struct server_settings *server_settings(const struct server *s)
{
    return &s->settings;
}

struct engine *server_engine(const struct server *s)
{
    return s->engine;
}

const char *server_model_name(const struct server *s)
{
    return s->model_name;
}

void gateway_note_speed(struct server *s, double tokens_per_s)
{
    s->tokens_per_s = tokens_per_s;
}

struct engine_usage gateway_usage(const struct server *s)
{
    return server_usage(s);
}

void gateway_write_engine_json(const struct server *s, struct json_writer *w)
{
    struct engine_usage usage = server_usage(s);
    if (s->engine)
        engine_write_json(s->engine, w, &usage, true);
    else
        jw_null(w);
}

/* ---- news ---- */

void server_publish(struct server *s)
{
    if (!s->g->events || s->removed)
        return;
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer w;
    jw_init(&w, b);
    gateway_write_server_json(s, &w);
    events_publish(s->g->events, NULL, "server", buf_span(b));
}

static void ignore_result(void *arg, const struct store_result *r)
{
    (void)arg;
    if (r->err)
        log_warn("store: load time not kept: %s", r->why.text);
}

static void note_load(struct server *s)
{
    int64_t took_ms = engine_load_ms(s->engine);
    if (took_ms <= 0)
        return;
    s->row.last_load_ms = took_ms;
    store_server_loaded(s->g->store, s->row.id, took_ms, ignore_result, NULL);
    struct err_text why;
    /* The next load is measured against this one. */
    if (server_configure(s, &why))
        log_warn("engine %s: %s", s->row.name, why.text);
}

static bool any_process(const struct gateway *g)
{
    for (size_t i = 0; i < g->n_servers; i++) {
        if (engine_state_has_process(engine_state(g->servers[i]->engine)))
            return true;
    }
    /* A removed one stays until its last reader is through; that is no reason to wait. */
    LIST_EACH(s, &g->removed, struct server, node) {
        if (s->engine)
            return true;
    }
    return false;
}

static void on_gpus_closed(void *arg)
{
    struct gateway *g = arg;
    loop_fn done = TAKE(g->on_shutdown);
    g->memory.gpus = NULL;
    if (done)
        loop_defer(g->loop, done, g->shutdown_arg);
}

/* Once, when the last engine's process has gone after gateway_shutdown. */
static void check_shutdown(struct gateway *g)
{
    if (g->on_shutdown && !any_process(g))
        engine_gpus_close(g->memory.gpus, on_gpus_closed, g);
}

static void on_engine_change(struct engine *e, void *arg, enum engine_state old, enum engine_state now)
{
    (void)e;
    struct server *s = arg;
    if (now == ENGINE_STARTING)
        xreplace(&s->run, s->wanted);
    s->tokens_per_s = now == ENGINE_READY ? s->tokens_per_s : -1;
    s->n_silent = now == ENGINE_READY ? s->n_silent : 0;
    if (now == ENGINE_STARTING)
        s->memory.is_old = false;
    if (now == ENGINE_READY) {
        note_load(s);
        server_props_ask(s);
    } else {
        server_props_cancel(s);
    }
    memory_on_change(s, engine_state_has_process(old));
    server_publish(s);
    server_wake_holds(s);
    check_shutdown(s->g);
}

static void on_engine_recover(struct engine *e, void *arg)
{
    (void)e;
    memory_recover(arg);
    server_publish(arg);
}

static void on_engine_progress(struct engine *e, void *arg)
{
    (void)e;
    memory_on_measured(arg);
    server_publish(arg);
}

/* ---- registry ---- */

static struct server *make_server(struct gateway *g, struct server_row *row)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->g = g;
    s->row = *row;
    *row = (struct server_row){0};
    s->tokens_per_s = -1;
    s->memory.kept = s->row.footprint;
    list_init(&s->node);
    server_turns_init(s);
    struct engine_options options = {.run_dir = g->run_dir,
                                     .log_dir = g->log_dir,
                                     .exec_program = g->self_exe,
                                     .reaper = g->reaper,
                                     .gpus = g->memory.gpus};
    static const struct engine_events events = {
        .on_change = on_engine_change, .on_progress = on_engine_progress, .on_recover = on_engine_recover};
    struct engine_spec spec;
    struct err_text why;
    loop_timer_init(&s->leaves, g->loop, end_leaving, s);
    if (server_build_spec(s, &spec, &why)) {
        /* It cannot run until somebody changes it; gateway_server_start says so. */
        log_warn("server %s: %s", s->row.name, why.text);
        spec = (struct engine_spec){.id = s->row.id, .name = s->row.name};
    }
    s->engine = engine_new(g->loop, g->client, &options, &spec, &events, s);
    server_spec_release(&spec);
    if (server_configure(s, &why))
        log_debug("server %s: %s", s->row.name, why.text);
    return s;
}

static void list_server(struct gateway *g, struct server *s)
{
    if (g->n_servers == g->cap_servers) {
        g->cap_servers = g->cap_servers ? 2 * g->cap_servers : 8;
        g->servers = xrealloc(g->servers, g->cap_servers * sizeof(struct server *));
    }
    g->servers[g->n_servers++] = s;
}

struct server *gateway_insert(struct gateway *g, struct server_row *row)
{
    struct server *s = make_server(g, row);
    list_server(g, s);
    return s;
}

static void free_server(struct server *s)
{
    list_remove(&s->node);
    server_props_release(s);
    server_turns_release(s);
    server_row_clear(&s->row);
    server_settings_release(&s->settings);
    free(s->model_name);
    free(s->wanted);
    free(s->run);
    free(s);
}

void server_close_if_unused(struct server *s)
{
    if (loop_timer_is_armed(&s->leaves) && list_is_empty(&s->uses))
        end_leaving(s);
    if (s->removed && !s->engine && list_is_empty(&s->uses) && list_is_empty(&s->holds))
        free_server(s);
}

static void on_engine_closed(void *arg)
{
    struct server *s = arg;
    struct gateway *g = s->g;
    s->engine = NULL;
    g->memory.last_exit_ms = clock_ms();
    memory_gpu_left(g);
    if (s->on_removed)
        s->on_removed(s->removed_arg, ERR_OK, NULL, NULL);
    s->on_removed = NULL;
    server_give_place(s);
    server_close_if_unused(s);
    memory_look(g);
    check_shutdown(g);
}

static void unlist(struct server *s)
{
    struct gateway *g = s->g;
    size_t i = 0;
    while (g->servers[i] != s)
        i++;
    memmove(g->servers + i, g->servers + i + 1, (g->n_servers - i - 1) * sizeof(struct server *));
    g->n_servers--;
    s->removed = true;
    memory_forget(s);
    list_push_back(&g->removed, &s->node);
    struct gateway_failure f;
    gateway_failure_set(&f, ERR_NOT_FOUND, "server_not_found", NULL, "The server was removed");
    server_fail_holds(s, &f);
}

static void end_leaving(void *arg)
{
    struct server *s = arg;
    loop_timer_stop(&s->leaves);
    engine_close(s->engine, on_engine_closed, s);
    memory_look(s->g);
}

void gateway_take_out(struct server *s, gateway_server_fn on_removed, void *arg)
{
    s->on_removed = on_removed;
    s->removed_arg = arg;
    unlist(s);
    end_leaving(s);
}

void gateway_let_go(struct server *s, int64_t grace_ms)
{
    loop_timer_start(&s->leaves, grace_ms);
    unlist(s);
    server_close_if_unused(s);
}

void gateway_take_back(struct server *s)
{
    loop_timer_stop(&s->leaves);
    list_remove(&s->node);
    s->removed = false;
    list_server(s->g, s);
}

/* ---- admission ---- */

void gateway_failure_set(struct gateway_failure *f, enum err e, const char *code, struct server *s,
                         const char *fmt, ...)
{
    *f = (struct gateway_failure){.err = e, .code = code, .server = s};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(f->why.text, sizeof f->why.text, fmt, args);
    va_end(args);
}

/* False: it does not wait for memory. */
static bool explain_wait(struct server *s, struct gateway_failure *f)
{
    AUTO(buf) struct buf *reason = buf_new();
    if (!server_wait_reason(s, reason))
        return false;
    gateway_failure_set(f, ERR_LOADING, "waiting_for_memory", s, "%s is %.*s", s->row.name, (int)reason->len,
                        reason->p);
    return true;
}

static void explain(struct server *s, const struct gateway_decision *d, struct gateway_failure *f)
{
    const struct engine_failure *failure = engine_failure(s->engine);
    const char *name = s->row.name;
    if (d->verdict == GATEWAY_FAILED)
        gateway_failure_set(f, ERR_FAILED, d->code, s, "%s failed: %s", name,
                            failure ? failure->reason : "the cause is not known");
    else if (d->verdict == GATEWAY_STOPPED)
        gateway_failure_set(f, ERR_FAILED, d->code, s,
                            "%s is stopped, and is not started by a message. Start it on the Servers page",
                            name);
    else if (!explain_wait(s, f))
        gateway_failure_set(f, ERR_LOADING, d->code, s, "%s is %s", name, d->code + strlen("engine_"));
    f->retry_after_s = d->retry_after_s;
}

static enum err start_server(struct gateway *g, struct server *s, enum memory_wish wish, struct err_text *why)
{
    if (g->closing)
        return err_set(why, ERR_BUSY, "hob is shutting down");
    enum err e = server_configure(s, why);
    return e ? e : memory_want(s, wish, why);
}

enum err gateway_ask(struct gateway *g, struct server *s, bool is_retry, bool may_start,
                     struct gateway_failure *f)
{
    if (g->closing || s->removed) {
        gateway_failure_set(f, ERR_LOADING, "engine_stopping", s->removed ? NULL : s, "hob is shutting down");
        f->retry_after_s = 2;
        return f->err;
    }
    struct gateway_question q = {.state = engine_state(s->engine),
                                 .on_demand = (s->row.on_demand && may_start) || s->memory.may_return,
                                 .is_wanted = memory_is_waiting(s),
                                 .yields = memory_yields(s),
                                 .is_retry = is_retry,
                                 .restarts = engine_restart_in_ms(s->engine) >= 0};
    struct gateway_decision d = gateway_decide(&q);
    if (d.verdict == GATEWAY_GO)
        return ERR_OK;
    if (d.verdict == GATEWAY_START) {
        struct err_text why;
        enum err e = start_server(g, s, MEMORY_REQUEST, &why);
        if (e) {
            gateway_failure_set(f, ERR_FAILED, e == ERR_FAILED ? "out_of_memory" : "engine_failed", s,
                                "%s cannot start: %s", s->row.name, why.text);
            return f->err;
        }
    }
    explain(s, &d, f);
    return f->err;
}

enum err gateway_admit(struct gateway *g, struct server *s, bool is_retry, struct gateway_failure *f)
{
    return gateway_ask(g, s, is_retry, true, f);
}

/* ---- start and stop ---- */

enum err gateway_server_start(struct gateway *g, struct server *s, struct err_text *why)
{
    return start_server(g, s, MEMORY_PERSON, why);
}

void gateway_server_stop(struct gateway *g, struct server *s)
{
    (void)g;
    memory_unwant(s);
    engine_stop(s->engine);
    server_publish(s);
}

enum err gateway_server_restart(struct gateway *g, struct server *s, struct err_text *why)
{
    if (g->closing)
        return err_set(why, ERR_BUSY, "hob is shutting down");
    enum err e = server_configure(s, why);
    if (e)
        return e;
    /* Who has a process has room for it. */
    if (!engine_state_has_process(engine_state(s->engine)))
        return memory_want(s, MEMORY_PERSON, why);
    engine_restart(s->engine);
    return ERR_OK;
}

/* ---- lifecycle ---- */

struct gateway *gateway_new(struct loop *l, struct store *store, struct http_client *client,
                            struct events *events, const struct gateway_options *options)
{
    struct gateway *g = xcalloc(1, sizeof *g);
    g->loop = l;
    g->store = store;
    g->client = client;
    g->events = events;
    g->run_dir = xstrdup(options->run_dir);
    g->log_dir = xstrdup(options->log_dir);
    g->self_exe = xstrdup(options->self_exe ? options->self_exe : "/proc/self/exe");
    g->llama_server_path = xstrdup(options->llama_server_path);
    g->reaper = options->reaper;
    g->status_of = options->status_of;
    g->on_record = options->on_record;
    g->record_arg = options->record_arg;
    list_init(&g->removed);
    list_init(&g->edits);
    list_init(&g->proxies);
    memory_init(g);
    return g;
}

/* Nobody has to go for one that starts with hob. */
static void preload(struct gateway *g, struct server *s)
{
    struct err_text why;
    AUTO(buf) struct buf *reason = buf_new();
    if (start_server(g, s, MEMORY_PRELOAD, &why)) {
        log_warn("server %s: not started: %s", s->row.name, why.text);
    } else if (server_wait_reason(s, reason)) {
        log_warn(
            "server %s: not started with hob: there is no room for it beside those that were started before",
            s->row.name);
        memory_unwant(s);
    }
}

/* Those that always stay come first, then in order of creation. */
static void start_automatically(struct gateway *g)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < g->n_servers; i++) {
            int group;
            bool stays = memory_group_of(g, g->servers[i], &group) == FIT_ALWAYS;
            if (g->servers[i]->row.autostart && stays == (round == 0))
                preload(g, g->servers[i]);
        }
    }
}

static void on_file_true(void *arg, enum err e, const struct err_text *why)
{
    struct gateway *g = arg;
    if (!e)
        memory_when_measured(g, start_automatically);
    g->on_loaded(g->loaded_arg, e, why);
}

static void on_servers_listed(void *arg, const struct store_result *r)
{
    struct gateway *g = arg;
    g->loading = NULL;
    for (size_t i = 0; !r->err && i < r->n && i < GATEWAY_MAX_SERVERS; i++) {
        struct server_row row;
        server_row_copy(&row, &r->servers[i]);
        gateway_insert(g, &row);
    }
    if (r->err)
        g->on_loaded(g->loaded_arg, r->err, &r->why);
    else
        gateway_file_go_on(g, on_file_true, g);
}

static void list_servers(struct gateway *g)
{
    g->loading = store_servers_list(g->store, on_servers_listed, g);
}

void gateway_load(struct gateway *g, const struct gateway_file *file, gateway_done_fn on_ready, void *arg)
{
    g->on_loaded = on_ready;
    g->loaded_arg = arg;
    gateway_file_prepare(g, file);
    memory_settings_load(g, list_servers);
}

void gateway_shutdown(struct gateway *g, loop_fn done, void *arg)
{
    g->closing = true;
    g->on_shutdown = done;
    g->shutdown_arg = arg;
    for (size_t i = 0; i < g->n_servers; i++) {
        server_wake_holds(g->servers[i]);
        engine_stop(g->servers[i]->engine);
    }
    LIST_EACH(s, &g->removed, struct server, node) {
        if (loop_timer_is_armed(&s->leaves))
            end_leaving(s);
    }
    check_shutdown(g);
}

void gateway_kill(struct gateway *g)
{
    for (size_t i = 0; i < g->n_servers; i++)
        engine_kill(g->servers[i]->engine);
    LIST_EACH(s, &g->removed, struct server, node) {
        if (s->engine)
            engine_kill(s->engine);
    }
}

static void free_server_now(struct server *s)
{
    struct gateway_failure f;
    gateway_failure_set(&f, ERR_CANCELLED, "engine_stopping", NULL, "hob is shutting down");
    s->on_removed = NULL;
    server_fail_holds(s, &f);
    assert(list_is_empty(&s->uses));
    /* A removed one's engine is closing already, and tells s: such a gateway was not shut down. */
    assert(!s->removed || !s->engine);
    if (s->engine)
        engine_close(s->engine, NULL, NULL);
    free_server(s);
}

void gateway_free(struct gateway *g)
{
    if (!g)
        return;
    g->closing = true;
    g->on_shutdown = NULL;
    store_cancel(g->loading);
    gateway_cancel_apply(g);
    memory_release(g);
    gateway_cancel_edits(g);
    gateway_cancel_proxies(g);
    for (size_t i = 0; i < g->n_servers; i++)
        free_server_now(g->servers[i]);
    LIST_EACH(s, &g->removed, struct server, node)
        free_server_now(s);
    engine_gpus_close(TAKE(g->memory.gpus), NULL, NULL);
    free(g->servers);
    free(g->file_name);
    free(g->run_dir);
    free(g->log_dir);
    free(g->self_exe);
    free(g->llama_server_path);
    free(g);
}
