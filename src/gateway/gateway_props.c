/*
 * What an engine says of itself: whether its model takes images, and how many requests it works on at once. Asked when it
 * is ready (llama-server's GET /props, which others may have too) and remembered while it does not run; before that, images
 * are told by the options that it gets.
 */
#include "gateway/gateway_room.h"

#define MAX_PROPS_BYTES  ((size_t)1 << 20) /* it has the chat template */
#define PROPS_TIMEOUT_MS 10000

static void end_question(struct server_props *p)
{
    p->call = NULL;
    buf_release(&p->body);
}

void server_props_cancel(struct server *s)
{
    if (s->props.call)
        http_call_cancel(s->props.call);
    end_question(&s->props);
}

void server_props_release(struct server *s)
{
    server_props_cancel(s);
    free(TAKE(s->props.of));
}

/* ---- by its options ---- */

/* The option is there, under one of its names; `value` is not NULL: with this value the last time. */
static bool has_option(const char *args_json, const char *const *names, size_t n_names, const char *value)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!args_json || json_parse(span_str(args_json), &doc, NULL))
        return false;
    size_t i, n;
    yyjson_val *arg, *args = yyjson_doc_get_root(doc);
    bool has = false;
    yyjson_arr_foreach(args, i, n, arg) {
        for (size_t j = 0; j < n_names; j++) {
            if (yyjson_equals_str(arg, names[j]))
                has = !value || yyjson_equals_str(yyjson_arr_get(args, i + 1), value);
        }
    }
    return has;
}

static bool has_projector(const struct server_row *row)
{
    static const char *const names[] = {"--mmproj", "-mm", "--mmproj-url", "-mmu"};
    return has_option(row->args_json, names, COUNT_OF(names), NULL);
}

/* llama-server's options; others that use no GPU are seen not to, once they have loaded. */
static bool refuses_gpu(const struct server_row *row)
{
    static const char *const layers[] = {"-ngl", "--gpu-layers", "--n-gpu-layers"};
    static const char *const devices[] = {"-dev", "--device"};
    const char *const places[] = {row->args_json, row->command_json};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (has_option(places[i], layers, COUNT_OF(layers), "0") ||
            has_option(places[i], devices, COUNT_OF(devices), "none"))
            return true;
    }
    return false;
}

void server_props_configure(struct server *s)
{
    const struct server_row *row = &s->row;
    struct server_props *p = &s->props;
    char *of = xasprintf("%s %s %s %s", row->kind, row->model_path ? row->model_path : "",
                         row->command_json ? row->command_json : "", row->args_json);
    if (str_eq(of, p->of)) {
        free(of);
        return;
    }
    free(p->of);
    p->of = of;
    p->is_vision_known = str_eq(row->kind, "demo") ||
                         (str_eq(row->kind, "llama-server") && has_projector(row));
    p->sees = p->is_vision_known && !str_eq(row->kind, "demo");
    p->no_gpu = refuses_gpu(row);
    p->slots = 0;
}

/* ---- by the engine ---- */

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)call, (void)fields;
    struct server *s = arg;
    s->props.status = status;
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct server *s = arg;
    if (s->props.body.len + data.len <= MAX_PROPS_BYTES)
        buf_add_span(&s->props.body, data);
}

static void take_answer(struct server *s, yyjson_val *root)
{
    struct server_props *p = &s->props;
    yyjson_val *sees = yyjson_obj_get(yyjson_obj_get(root, "modalities"), "vision");
    int64_t slots = 0;
    if (json_get_int(root, "total_slots", false, 1, GATEWAY_MAX_SLOTS, &slots, NULL) == ERR_OK)
        p->slots = (int)slots;
    if (!yyjson_is_bool(sees))
        return;
    p->is_vision_known = true;
    p->sees = yyjson_get_bool(sees);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call, (void)why;
    struct server *s = arg;
    struct server_props *p = &s->props, old = *p;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    if (!e && p->status == 200 && json_parse_object(buf_span(&p->body), &doc, &root, NULL) == ERR_OK)
        take_answer(s, root);
    end_question(p);
    server_look_at_turns(s);
    if (p->is_vision_known != old.is_vision_known || p->sees != old.sees || p->slots != old.slots)
        server_publish(s);
}

void server_props_ask(struct server *s)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct http_call_options options = {.method = "GET",
                                        .target = "/props",
                                        .header_timeout_ms = PROPS_TIMEOUT_MS,
                                        .idle_timeout_ms = PROPS_TIMEOUT_MS,
                                        .fresh = true};
    server_props_cancel(s);
    s->props.status = 0;
    s->props.call = http_call_start(s->g->client, engine_endpoint(s->engine), &options, &events, s);
}
