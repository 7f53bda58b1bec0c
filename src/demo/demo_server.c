/* The demo engine as a program: its routes, and its life from start to end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "demo/demo_impl.h"
#include "demo/demo_vectors.h"

/* Pictures come as base64 inside the body. */
#define MAX_BODY_BYTES ((size_t)64 << 20)
#define CONTEXT_TOKENS 32768
#define SOCKET_MODE    0600

void demo_options_init(struct demo_options *o)
{
    *o = (struct demo_options){
        .tokens_per_s = 60, .die_after_tokens = -1, .hang_after_tokens = -1, .slots = 4};
}

/* ---- replies ---- */

void demo_reply_json(struct http_exchange *x, int status, const struct buf *body)
{
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", span_str("application/json; charset=utf-8"));
    http_headers_add(&headers, "Server", span_str("llama.cpp"));
    http_exchange_reply(x, status, &headers, buf_span(body));
    http_headers_release(&headers);
}

static const char *error_type(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    case 501: return "not_supported_error";
    case 503: return "unavailable_error";
    default: return status < 500 ? "invalid_request_error" : "server_error";
    }
}

static void write_error(struct buf *out, int status, const char *message)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "error");
    jw_begin_obj(&w);
    jwf_str(&w, "message", message);
    jwf_str(&w, "type", error_type(status));
    jwf_int(&w, "code", status);
    jw_end_obj(&w);
    jw_end_obj(&w);
}

void demo_reply_error(struct http_exchange *x, int status, const char *message)
{
    AUTO(buf) struct buf *body = buf_new();
    write_error(body, status, message);
    demo_reply_json(x, status, body);
}

/* ---- routes ---- */

static void reply_health(struct demo *d, struct http_exchange *x)
{
    (void)d;
    AUTO(buf) struct buf *body = buf_new();
    buf_add_str(body, "{\"status\":\"ok\"}");
    demo_reply_json(x, 200, body);
}

static void reply_models(struct demo *d, struct http_exchange *x)
{
    (void)d;
    AUTO(buf) struct buf *body = buf_new();
    buf_addf(body,
             "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\",\"created\":%lld,"
             "\"owned_by\":\"hob\",\"meta\":{\"n_ctx_train\":%d,\"n_params\":0,\"size\":0}}]}",
             DEMO_MODEL, (long long)(clock_wall_ms() / 1000), CONTEXT_TOKENS);
    demo_reply_json(x, 200, body);
}

static void reply_props(struct demo *d, struct http_exchange *x)
{
    AUTO(buf) struct buf *body = buf_new();
    buf_addf(body,
             "{\"default_generation_settings\":{\"n_ctx\":%d},\"total_slots\":%d,\"model_alias\":\"%s\","
             "\"model_path\":\"\",\"modalities\":{\"vision\":false,\"audio\":false},\"chat_template\":\"\","
             "\"build_info\":\"hob demo-engine %s\"}",
             CONTEXT_TOKENS, d->options->slots, DEMO_MODEL, HOB_VERSION);
    demo_reply_json(x, 200, body);
}

static void reply_slots(struct demo *d, struct http_exchange *x)
{
    AUTO(buf) struct buf *body = buf_new();
    buf_add_char(body, '[');
    for (int i = 0; i < d->options->slots; i++)
        buf_addf(body, "%s{\"id\":%d,\"n_ctx\":%d,\"is_processing\":%s}", i ? "," : "", i, CONTEXT_TOKENS,
                 i < d->n_running ? "true" : "false");
    buf_add_char(body, ']');
    demo_reply_json(x, 200, body);
}

/* True: the body is not there, or the options want an error; answered. */
static bool is_over(struct demo *d, struct http_exchange *x, enum err e)
{
    if (e) {
        demo_reply_error(x, e == ERR_TOO_BIG ? 413 : 400, "the body could not be read");
        return true;
    }
    if (d->options->status) {
        AUTO(mem) char *message = xasprintf("the demo engine was told to answer %d", d->options->status);
        demo_reply_error(x, d->options->status, message);
        return true;
    }
    return false;
}

/* ---- routes with answers in time ---- */

static void start_job(struct demo *d, struct http_exchange *x, enum err e, enum demo_route route,
                      struct span body)
{
    struct demo_request request;
    struct err_text why;
    if (is_over(d, x, e))
        return;
    if (demo_request_parse(route, body, &request, &why) != ERR_OK)
        demo_reply_error(x, 400, why.text);
    else
        demo_job_start(d, x, &request);
}

static void on_chat_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    start_job(arg, x, e, DEMO_CHAT, body);
}

static void on_completion_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    start_job(arg, x, e, DEMO_COMPLETION, body);
}

static void on_messages_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    start_job(arg, x, e, DEMO_MESSAGES, body);
}

static void on_responses_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    start_job(arg, x, e, DEMO_RESPONSES, body);
}

/* ---- routes that answer at once ---- */

static void reply_at_once(struct demo *d, struct http_exchange *x, enum err e, struct span body,
                          enum err (*answer)(struct span body, struct buf *out, struct err_text *why))
{
    AUTO(buf) struct buf *out = buf_new();
    struct err_text why;
    if (is_over(d, x, e))
        return;
    if (answer(body, out, &why) != ERR_OK)
        demo_reply_error(x, 400, why.text);
    else
        demo_reply_json(x, 200, out);
}

static void on_embeddings_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    reply_at_once(arg, x, e, body, demo_embeddings);
}

static void on_rerank_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    reply_at_once(arg, x, e, body, demo_rerank);
}

static void on_count_body(struct http_exchange *x, void *arg, enum err e, struct span body)
{
    reply_at_once(arg, x, e, body, demo_count);
}

static const struct {
    const char *path;
    void (*reply)(struct demo *d, struct http_exchange *x);
} pages[] = {
    {"/health", reply_health},    {"/v1/health", reply_health}, {"/models", reply_models},
    {"/v1/models", reply_models}, {"/props", reply_props},      {"/slots", reply_slots},
};

static const struct {
    const char *path;
    http_body_fn on_body;
} routes[] = {
    {"/chat/completions", on_chat_body},     {"/v1/chat/completions", on_chat_body},
    {"/v1/completions", on_completion_body}, {"/v1/messages", on_messages_body},
    {"/v1/responses", on_responses_body},    {"/v1/embeddings", on_embeddings_body},
    {"/v1/rerank", on_rerank_body},          {"/v1/messages/count_tokens", on_count_body},
};

static void on_request(struct http_exchange *x, void *arg)
{
    struct demo *d = arg;
    if (d->state != DEMO_READY) {
        demo_reply_error(x, 503, "Loading model");
        return;
    }
    enum http_method method = http_exchange_method(x);
    struct span path = http_exchange_path(x);
    for (size_t i = 0; (method == HTTP_GET_ || method == HTTP_HEAD_) && i < COUNT_OF(pages); i++) {
        if (span_is(path, pages[i].path)) {
            pages[i].reply(d, x);
            return;
        }
    }
    for (size_t i = 0; method == HTTP_POST_ && i < COUNT_OF(routes); i++) {
        if (span_is(path, routes[i].path)) {
            http_exchange_read_body(x, MAX_BODY_BYTES, routes[i].on_body, d);
            return;
        }
    }
    demo_reply_error(x, 404, "File Not Found");
}

/* ---- life ---- */

bool demo_listen(struct demo *d)
{
    const struct demo_options *o = d->options;
    struct err_text why;
    int port = o->port;
    d->http = http_server_new(d->loop, on_request, d);
    enum err e = o->socket_path ? http_server_listen_unix(d->http, o->socket_path, SOCKET_MODE, &why)
                                : http_server_listen_tcp(d->http, "127.0.0.1", o->port, &port, &why);
    if (e) {
        fprintf(stderr, "demo-engine: %s\n", why.text);
        return false;
    }
    if (!o->socket_path && !o->port)
        fprintf(stderr, "demo-engine: port %d\n", port);
    d->port = port;
    return true;
}

void demo_quit(struct demo *d, int exit_status)
{
    d->exit_status = exit_status;
    d->has_quit = true;
    loop_stop(d->loop);
}

static void on_signal(void *arg)
{
    demo_quit(arg, 0);
}

/* As a driver that takes its time to give memory back: politeness changes nothing. */
static void free_slowly(double seconds)
{
    if (seconds <= 0)
        return;
    (void)signal(SIGTERM, SIG_IGN);
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

int demo_run(const struct demo_options *o)
{
    (void)signal(SIGPIPE, SIG_IGN);
    AUTO(loop) struct loop *loop = loop_new();
    struct demo d = {.options = o, .loop = loop};
    list_init(&d.jobs);
    d.guide = demo_guide_new();
    struct loop_signal *terminate = loop_signal_new(loop, SIGTERM, on_signal, &d);
    struct loop_signal *interrupt = loop_signal_new(loop, SIGINT, on_signal, &d);

    demo_load_start(&d);
    if (!d.has_quit)
        loop_run(loop);

    loop_signal_free(terminate);
    loop_signal_free(interrupt);
    free_slowly(o->free_s);
    demo_load_close(&d);
    demo_jobs_close(&d);
    if (d.http)
        http_server_close(d.http);
    demo_guide_free(d.guide);
    return d.exit_status;
}
