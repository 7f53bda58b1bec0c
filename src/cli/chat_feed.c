/* Follows hob's events for `hob chat`. */
#include "cli/chat_feed.h"

#include <stdio.h>

#define MAX_EVENT_BYTES ((size_t)1 << 20)
#define IDLE_MS         45000 /* three of hob's pings */
#define AGAIN_MS        1000

/* The snapshot comes first, once. True: another state than before. */
static bool enter(struct chat_feed *f, yyjson_val *engine)
{
    const char *state = json_str_or(engine, "state", "");
    bool is_change = f->state[0] && strcmp(f->state, state) != 0;
    (void)snprintf(f->state, sizeof f->state, "%s", state);
    return is_change;
}

void chat_feed_learn(struct chat_feed *f, yyjson_doc *doc, yyjson_val *engine)
{
    yyjson_doc_free(f->doc);
    f->doc = doc;
    f->engine = engine;
    (void)enter(f, engine);
}

static void on_server(struct chat_feed *f, yyjson_doc **doc, yyjson_val *root)
{
    yyjson_val *engine = yyjson_obj_get(root, "engine");
    if (strcmp(json_str_or(root, "id", ""), f->server_id) != 0 || !engine)
        return;
    bool is_change = enter(f, engine);
    chat_feed_learn(f, TAKE(*doc), engine);
    f->events->on_engine(f->arg, is_change);
}

static void on_event(void *arg, const struct sse_event *ev)
{
    struct chat_feed *f = arg;
    bool is_server = span_is(ev->event, "server");
    if (!is_server && !span_is(ev->event, "generation"))
        return;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    if (json_parse_object(ev->data, &doc, &root, NULL))
        return;
    if (is_server)
        on_server(f, &doc, root);
    else if (strcmp(json_str_or(root, "message_id", ""), f->message_id) == 0)
        f->events->on_generation(f->arg, json_str_or(root, "id", ""));
}

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)fields;
    struct chat_feed *f = arg;
    if (status == 200)
        return;
    f->call = NULL;
    http_call_cancel(call);
    loop_timer_start(&f->again, AGAIN_MS);
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    struct chat_feed *f = arg;
    if (!sse_parser_feed(&f->parser, data) || f->call != call)
        return;
    f->call = NULL;
    http_call_cancel(call);
    loop_timer_start(&f->again, AGAIN_MS);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    (void)e;
    (void)why;
    struct chat_feed *f = arg;
    f->call = NULL;
    loop_timer_start(&f->again, AGAIN_MS);
}

static void connect_feed(void *arg)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct chat_feed *f = arg;
    sse_parser_release(&f->parser);
    sse_parser_init(&f->parser, MAX_EVENT_BYTES, on_event, NULL, f);
    f->call = control_call(f->control, "GET", "/api/events", NULL, (struct span){0}, IDLE_MS, &events, f);
}

void chat_feed_open(struct chat_feed *f, struct control *c, const char *server_id, const char *message_id,
                    const struct chat_feed_events *events, void *arg)
{
    *f = (struct chat_feed){
        .control = c, .server_id = server_id, .message_id = message_id, .events = events, .arg = arg};
    sse_parser_init(&f->parser, MAX_EVENT_BYTES, on_event, NULL, f);
    loop_timer_init(&f->again, c->loop, connect_feed, f);
    connect_feed(f);
}

void chat_feed_close(struct chat_feed *f)
{
    if (f->call)
        http_call_cancel(TAKE(f->call));
    loop_timer_stop(&f->again);
    sse_parser_release(&f->parser);
    yyjson_doc_free(f->doc);
    f->doc = NULL;
    f->engine = NULL;
}
