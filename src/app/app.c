/*
 * The running program. Start: data folder and lock, store, accounts, servers, unfinished answers, then the listening
 * sockets. End, on SIGTERM or SIGINT: no new connections, answers get their grace, engines stop, the rest closes; a second
 * signal ends the grace.
 */
#include "app/app.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "activity/activity.h"
#include "api/api.h"
#include "app/app_lock.h"
#include "app/app_reload.h"
#include "catalog/catalog.h"
#include "web/web.h"

#define MAX_RUN_DIR_BYTES 60 /* engine.h */

#define LOOK_AGAIN_MS 50 /* while the last requests end */

struct app {
    struct config *config;
    const struct config_options *options;
    struct app_reload *reload;
    struct strv model_folders;
    char *llama_server;
    char *run_dir, *log_dir, *control_path;
    int lock_fd;
    int port;

    struct loop *loop;
    struct store *store;
    struct events *events;
    struct http_client *client;
    struct engine_reaper *reaper;
    struct http_spool *spool;
    struct gateway *gateway;
    struct auth *auth;
    struct activity *activity;
    struct chat *chat;
    struct api *api;
    struct http_server *server;
    struct loop_signal *on_term, *on_int;

    bool is_stopping;
    bool is_over;    /* no engine is left; the loop ends */
    bool is_at_once; /* a second signal came */
    int64_t grace_ends_ms;
    struct loop_timer look_again;
    int exit_status;
};

/* ---- the end ---- */

static void on_engines_stopped(void *arg)
{
    struct app *a = arg;
    if (a->is_over)
        return;
    a->is_over = true;
    if (a->api)
        api_close(a->api);
    http_server_close(TAKE(a->server));
    loop_stop(a->loop);
}

/* Chat answers have ended; what SDKs stream through the gateway has the rest of the same grace. */
static void stop_engines_when_idle(void *arg)
{
    struct app *a = arg;
    if (a->is_over)
        return;
    if (!a->is_at_once && gateway_n_calls(a->gateway) > 0 && clock_ms() < a->grace_ends_ms) {
        loop_timer_start(&a->look_again, LOOK_AGAIN_MS);
        return;
    }
    loop_timer_stop(&a->look_again);
    gateway_shutdown(a->gateway, on_engines_stopped, a);
    if (a->is_at_once)
        gateway_kill(a->gateway);
}

/* During the start nobody waits for an answer, but engines that start with hob may be there already. */
static void end_early(struct app *a)
{
    if (a->is_stopping)
        return;
    a->is_stopping = true;
    gateway_shutdown(a->gateway, on_engines_stopped, a);
    gateway_kill(a->gateway);
}

static void begin_end(void *arg)
{
    struct app *a = arg;
    if (a->is_over)
        return;
    if (!a->server) {
        end_early(a);
        return;
    }
    if (a->is_stopping) {
        log_info("stopping at once");
        a->is_at_once = true;
        chat_shutdown(a->chat, 0, stop_engines_when_idle, a);
        return;
    }
    a->is_stopping = true;
    app_reload_stop(a->reload);
    a->grace_ends_ms = clock_ms() + CHAT_SHUTDOWN_GRACE_MS;
    loop_timer_init(&a->look_again, a->loop, stop_engines_when_idle, a);
    log_info("stopping; %zu requests are being answered", gateway_n_calls(a->gateway));
    api_set_draining(a->api);
    http_server_drain(a->server);
    chat_shutdown(a->chat, CHAT_SHUTDOWN_GRACE_MS, stop_engines_when_idle, a);
}

static void give_up(struct app *a, const char *what, const struct err_text *why)
{
    fprintf(stderr, "hob: %s: %s\n", what, why->text);
    a->exit_status = 1;
    end_early(a);
}

/* ---- the start, step by step ---- */

static void count_models(const struct catalog_models *models, void *arg)
{
    struct app *a = arg;
    if (models->n)
        printf("Models:        %zu GGUF file%s found\n", models->n, models->n == 1 ? "" : "s");
    else
        printf("Models:        none found; put GGUF files into %s/models\n", a->config->data_dir);
    (void)fflush(stdout);
}

static void say_hello(struct app *a)
{
    const char *host = strcmp(a->config->address, "0.0.0.0") == 0 ? "127.0.0.1" : a->config->address;
    bool v6 = strchr(host, ':') != NULL;
    const char *token = auth_setup_token(a->auth);
    printf("hob " HOB_VERSION " runs on http://%s%s%s:%d\n", v6 ? "[" : "", host, v6 ? "]" : "", a->port);
    if (token)
        printf("Set it up:     http://%s%s%s:%d/setup?token=%s\n", v6 ? "[" : "", host, v6 ? "]" : "",
               a->port, token);
    printf("Data:          %s\n", a->config->data_dir);
    printf("llama-server:  %s\n",
           a->llama_server ? a->llama_server : "not found; script/get-llama-server fetches one");
    (void)fflush(stdout);
    (void)catalog_scan_start(a->loop, &a->model_folders, count_models, a);
}

static enum err listen_all(struct app *a, struct err_text *why)
{
    const struct config *c = a->config;
    if (!config_is_loopback(c) && auth_setup_needed(a->auth))
        return err_set(
            why, ERR_DENIED,
            "hob listens beyond this machine only when an admin exists. Start it with --listen 127.0.0.1:%d, "
            "set it up, then listen on %s.",
            c->port, c->address);
    a->server = http_server_new(a->loop, api_on_request, a->api);
    api_set_server(a->api, a->server);
    enum err e = http_server_listen_unix(a->server, a->control_path, 0600, why);
    if (!e)
        e = http_server_listen_tcp(a->server, c->address, c->port, &a->port, why);
    return e;
}

static void open_doors(struct app *a)
{
    struct err_text why = {0};
    if (a->is_stopping)
        return;
    const struct api_options o = {
        .loop = a->loop,
        .store = a->store,
        .auth = a->auth,
        .events = a->events,
        .gateway = a->gateway,
        .chat = a->chat,
        .activity = a->activity,
        .spool = a->spool,
        .allowed_hosts = &a->config->allowed_hosts,
        .listen_address = a->config->address,
        .model_folders = &a->model_folders,
        .llama_server = a->llama_server,
        .serve_page = web_serve,
        .write_config = app_reload_write_json,
        .config_arg = a->reload,
    };
    a->api = api_new(&o);
    if (listen_all(a, &why))
        give_up(a, "cannot listen", &why);
    else
        say_hello(a);
}

static void on_demo_added(void *arg, enum err e, const struct err_text *why, struct server *s)
{
    (void)s;
    struct app *a = arg;
    if (e)
        log_warn("the demo server could not be added: %s", why->text);
    open_doors(a);
}

/* The first start of all: somebody to chat with before any model is there. It takes as long to load as a small one. */
static void add_demo_server(struct app *a)
{
    struct server_patch p;
    server_patch_init(&p);
    p.name = xstrdup("demo");
    p.kind = xstrdup("demo");
    p.has_args = true;
    strv_add(&p.args, "--load-seconds");
    strv_add(&p.args, "3");
    gateway_server_add(a->gateway, &p, on_demo_added, a);
    server_patch_release(&p);
}

static void on_recovered(void *arg, enum err e, const struct err_text *why)
{
    struct app *a = arg;
    if (e)
        give_up(a, "cannot read the conversations", why);
    else if (auth_setup_needed(a->auth) && gateway_n_servers(a->gateway) == 0)
        add_demo_server(a);
    else
        open_doors(a);
}

static void on_servers(void *arg, enum err e, const struct err_text *why)
{
    struct app *a = arg;
    if (e) {
        give_up(a, a->options->file ? a->options->file : "cannot read the servers", why);
        return;
    }
    const struct chat_options options = {.model_titles = a->config->model_titles};
    a->chat = chat_new(a->loop, a->store, a->gateway, a->events, &options);
    chat_recover(a->chat, on_recovered, a);
}

static void on_accounts(void *arg, enum err e, const struct err_text *why)
{
    struct app *a = arg;
    if (e)
        give_up(a, "cannot read the accounts", why);
    else
        app_reload_begin(a->reload, on_servers, a);
}

/* A request to a model has ended. */
static void on_record(void *arg, const struct gateway_record *record)
{
    struct app *a = arg;
    int64_t in = record->tokens_in, out = record->tokens_out;
    auth_note_tokens(a->auth, record->client->user_id, record->client->key_id,
                     (in > 0 ? in : 0) + (out > 0 ? out : 0));
    activity_note(a->activity, record);
}

static enum err open_rooms(struct app *a, struct err_text *why)
{
    struct gateway_options gateway = {
        .run_dir = a->run_dir,
        .log_dir = a->log_dir,
        .self_exe = "/proc/self/exe",
        .llama_server_path = a->llama_server,
        .status_of = api_status_of,
        .on_record = on_record,
        .record_arg = a,
    };
    a->loop = loop_new();
    enum err e = store_open(a->loop, a->config->data_dir, &a->store, why);
    if (e)
        return e;
    a->events = events_new();
    a->client = http_client_new(a->loop);
    a->spool = http_spool_new(a->loop, a->config->data_dir, 0);
    a->reaper = engine_reaper_new(a->loop);
    gateway.reaper = a->reaper;
    a->gateway = gateway_new(a->loop, a->store, a->client, a->events, &gateway);
    const struct app_reload_options reload = {
        .loop = a->loop,
        .gateway = a->gateway,
        .events = a->events,
        .config = a->config,
        .from = a->options,
        .model_folders = &a->model_folders,
    };
    a->reload = app_reload_new(&reload);
    a->on_term = loop_signal_new(a->loop, SIGTERM, begin_end, a);
    a->on_int = loop_signal_new(a->loop, SIGINT, begin_end, a);
    a->auth = auth_new(a->loop, a->store, on_accounts, a);
    const struct activity_options activity = {.max_rows = a->config->activity_rows,
                                              .max_days = a->config->activity_days};
    a->activity = activity_new(a->loop, a->store, a->auth, a->events, &activity);
    return ERR_OK;
}

/* Closes what is open, last opened first, then lets the loop finish. */
static void close_rooms(struct app *a)
{
    chat_free(a->chat);
    app_reload_free(a->reload);
    gateway_free(a->gateway);
    activity_close(TAKE(a->activity)); /* what they noted at the end goes to the store */
    auth_close(a->auth);
    http_server_close(TAKE(a->server)); /* open still when only one of the two could listen */
    if (a->client)
        http_client_close(a->client);
    if (a->store)
        store_close(a->store);
    engine_reaper_free(a->reaper);
    loop_signal_free(a->on_term);
    loop_signal_free(a->on_int);
    if (a->loop)
        loop_free(a->loop);
    http_spool_free(a->spool);
    api_free(a->api);
    events_free(a->events);
}

/* ---- folders and limits ---- */

/* Unix sockets have short names (108 bytes, unix(7)): under a long data folder they go to one of their own. */
static char *choose_run_dir(const char *data)
{
    char *dir = xasprintf("%s/run", data);
    if (strlen(dir) <= MAX_RUN_DIR_BYTES)
        return dir;
    free(dir);
    char template[] = "/tmp/hob-run-XXXXXX";
    return xstrdup(mkdtemp(template) ? template : "/tmp/hob-run");
}

static enum err prepare_folders(struct app *a, struct err_text *why)
{
    const char *data = a->config->data_dir;
    AUTO(mem) char *models = xasprintf("%s/models", data);
    a->run_dir = choose_run_dir(data);
    a->log_dir = xasprintf("%s/logs", data);
    a->control_path = xasprintf("%s/" APP_CONTROL_SOCKET, data);
    enum err e = app_make_data_dir(data, why);
    if (!e)
        e = app_lock(data, &a->lock_fd, why);
    if (!e)
        e = app_make_data_dir(a->run_dir, why);
    if (!e)
        e = app_make_data_dir(a->log_dir, why);
    if (!e)
        e = app_make_data_dir(models, why);
    if (e)
        return e;
    strv_add(&a->model_folders, models);
    strv_copy(&a->model_folders, &a->config->model_folders);
    return ERR_OK;
}

static void find_llama_server(struct app *a)
{
    struct strv folders = {0};
    const char *fetched = getenv("HOB_LLAMA_SERVER_DIR"); /* set by script/server */
    if (a->config->llama_server) {
        a->llama_server = xstrdup(a->config->llama_server);
        return;
    }
    if (fetched)
        strv_add(&folders, fetched);
    a->llama_server = catalog_find_llama_server(&folders);
    strv_release(&folders);
}

/* As many connections as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int app_serve(struct config *c, const struct config_options *o)
{
    struct app a = {.config = c, .options = o, .lock_fd = -1};
    struct err_text why = {0};
    log_set_level(c->log_level);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    enum err e = prepare_folders(&a, &why);
    if (!e) {
        find_llama_server(&a);
        e = open_rooms(&a, &why);
    }
    if (e) {
        fprintf(stderr, "hob: %s\n", why.text);
        a.exit_status = 1;
    } else {
        loop_run(a.loop);
    }
    close_rooms(&a);
    if (a.control_path && a.lock_fd >= 0)
        (void)unlink(a.control_path);
    if (a.run_dir)
        (void)rmdir(a.run_dir); /* only when nothing is in it */
    if (a.lock_fd >= 0)
        close(a.lock_fd);
    strv_release(&a.model_folders);
    free(a.llama_server);
    free(a.run_dir);
    free(a.log_dir);
    free(a.control_path);
    return a.exit_status;
}
