/* Asks the running hob over its control socket. */
#include "cli/cli_control.h"

#include <stdio.h>

#include "app/app.h"
#include "cli/cli_text.h"

#define TIMEOUT_MS       10000
#define MAX_ANSWER_BYTES ((size_t)64 << 20) /* a long conversation with all its messages */

enum err control_open(struct control *c, const char *data_dir, const char *config_file, struct err_text *why)
{
    struct config config;
    *c = (struct control){0};
    config_init(&config);
    enum err e = config_file ? config_load(&config, config_file, why) : ERR_OK;
    if (!e) {
        c->data_dir = xstrdup(data_dir ? data_dir : config.data_dir);
        c->socket_path = xasprintf("%s/" APP_CONTROL_SOCKET, c->data_dir);
        c->loop = loop_new();
        c->client = http_client_new(c->loop);
    }
    config_release(&config);
    return e;
}

void control_close(struct control *c)
{
    if (c->loop) {
        http_client_close(c->client);
        loop_free(c->loop);
    }
    free(c->socket_path);
    free(c->data_dir);
    *c = (struct control){0};
}

struct http_call *control_call(struct control *c, const char *method, const char *target,
                               const char *last_event_id, struct span body, int64_t idle_timeout_ms,
                               const struct http_call_events *events, void *arg)
{
    const struct http_endpoint to = {.unix_path = c->socket_path};
    struct http_headers headers = {0};
    if (body.len)
        http_headers_add(&headers, "Content-Type", SPAN_LIT("application/json"));
    if (last_event_id)
        http_headers_add(&headers, "Last-Event-ID", span_str(last_event_id));
    const struct http_call_options options = {.method = method,
                                              .target = target,
                                              .headers = &headers,
                                              .body = body,
                                              .header_timeout_ms = TIMEOUT_MS,
                                              .idle_timeout_ms = idle_timeout_ms,
                                              .fresh = true};
    struct http_call *call = http_call_start(c->client, &to, &options, events, arg);
    http_headers_release(&headers);
    return call;
}

struct exchange {
    struct loop *loop;
    struct buf body;
    struct control_answer *answer;
};

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)call;
    (void)fields;
    struct exchange *ex = arg;
    ex->answer->status = status;
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct exchange *ex = arg;
    if (ex->body.len + data.len <= MAX_ANSWER_BYTES)
        buf_add_span(&ex->body, data);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    struct exchange *ex = arg;
    ex->answer->err = e;
    if (e)
        ex->answer->why = *why;
    loop_stop(ex->loop);
}

void control_ask(struct control *c, const char *method, const char *target, struct span body,
                 struct control_answer *out_answer)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct exchange ex = {.loop = c->loop, .answer = out_answer};
    *out_answer = (struct control_answer){0};
    (void)control_call(c, method, target, NULL, body, TIMEOUT_MS, &events, &ex);
    loop_run(c->loop);
    if (!out_answer->err)
        out_answer->err = json_parse_object(buf_span(&ex.body), &out_answer->doc, &out_answer->root,
                                            &out_answer->why);
    buf_release(&ex.body);
}

void control_answer_release(struct control_answer *a)
{
    yyjson_doc_free(a->doc);
    *a = (struct control_answer){0};
}

bool control_complain(const struct control *c, const struct control_answer *a, int wanted)
{
    if (a->err && a->status == 0) {
        fprintf(stderr,
                "hob: no hob runs with the data folder %s (%s). Start it with `hob serve`, then try again.\n",
                c->data_dir, a->why.text);
        return true;
    }
    if (a->err) {
        fprintf(stderr, "hob: hob's answer is not understood: %s\n", a->why.text);
        return true;
    }
    if (a->status == wanted)
        return false;
    AUTO(buf) struct buf *text = buf_new();
    text_add_line(text, span_str(json_str_or(yyjson_obj_get(a->root, "error"), "message", "refused")));
    fprintf(stderr, "hob: %s\n", buf_str(text));
    return true;
}
