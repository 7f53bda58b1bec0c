/*
 * Whether a server's model takes images: asked of the engine when it is ready (llama-server's GET /props, which others may
 * have too), remembered while it does not run, and before that told by the options that it gets.
 */
#include "gateway/gateway_room.h"

#define MAX_PROPS_BYTES  ((size_t)1 << 20) /* it has the chat template */
#define PROPS_TIMEOUT_MS 10000

static void end_question(struct server_vision *v)
{
    v->call = NULL;
    buf_release(&v->body);
}

void server_vision_cancel(struct server *s)
{
    if (s->vision.call)
        http_call_cancel(s->vision.call);
    end_question(&s->vision);
}

void server_vision_release(struct server *s)
{
    server_vision_cancel(s);
    free(TAKE(s->vision.of));
}

/* ---- by its options ---- */

static bool has_projector(const char *args_json)
{
    static const char *const names[] = {"--mmproj", "-mm", "--mmproj-url", "-mmu"};
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!args_json || json_parse(span_str(args_json), &doc, NULL))
        return false;
    size_t i, n;
    yyjson_val *arg;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, arg) {
        for (size_t j = 0; j < COUNT_OF(names); j++) {
            if (yyjson_equals_str(arg, names[j]))
                return true;
        }
    }
    return false;
}

void server_vision_configure(struct server *s)
{
    const struct server_row *row = &s->row;
    struct server_vision *v = &s->vision;
    char *of = xasprintf("%s %s %s %s", row->kind, row->model_path ? row->model_path : "",
                         row->command_json ? row->command_json : "", row->args_json);
    if (str_eq(of, v->of)) {
        free(of);
        return;
    }
    free(v->of);
    v->of = of;
    v->is_known = str_eq(row->kind, "demo") ||
                  (str_eq(row->kind, "llama-server") && has_projector(row->args_json));
    v->sees = v->is_known && !str_eq(row->kind, "demo");
}

/* ---- by the engine ---- */

static void on_headers(struct http_call *call, void *arg, int status, const struct http_headers *headers)
{
    (void)call, (void)headers;
    struct server *s = arg;
    s->vision.status = status;
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct server *s = arg;
    if (s->vision.body.len + data.len <= MAX_PROPS_BYTES)
        buf_add_span(&s->vision.body, data);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call, (void)why;
    struct server *s = arg;
    struct server_vision *v = &s->vision;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root, *sees = NULL;
    if (!e && v->status == 200 && json_parse_object(buf_span(&v->body), &doc, &root, NULL) == ERR_OK)
        sees = yyjson_obj_get(yyjson_obj_get(root, "modalities"), "vision");
    end_question(v);
    if (!yyjson_is_bool(sees) || (v->is_known && v->sees == yyjson_get_bool(sees)))
        return;
    v->is_known = true;
    v->sees = yyjson_get_bool(sees);
    server_publish(s);
}

void server_vision_ask(struct server *s)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct http_call_options options = {.method = "GET",
                                        .target = "/props",
                                        .header_timeout_ms = PROPS_TIMEOUT_MS,
                                        .idle_timeout_ms = PROPS_TIMEOUT_MS,
                                        .fresh = true};
    server_vision_cancel(s);
    s->vision.status = 0;
    s->vision.call = http_call_start(s->g->client, engine_endpoint(s->engine), &options, &events, s);
}
