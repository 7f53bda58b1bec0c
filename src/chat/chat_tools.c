/* Puts streamed tool calls together. Engines differ in how a piece names its call: index, id, or neither. */
#include "chat/chat_tools.h"

#define MAX_TOLD_BYTES ((size_t)2000) /* of one call's arguments in a prompt */

static void release_call(struct tool_call *call)
{
    buf_release(&call->id);
    buf_release(&call->name);
    buf_release(&call->arguments);
}

void tool_calls_release(struct tool_calls *t)
{
    for (size_t i = 0; i < t->n; i++)
        release_call(&t->v[i]);
    free(t->v);
    *t = (struct tool_calls){0};
}

/* A NUL in a text is legal JSON and nobody's friend. */
static void add_text(struct buf *out, yyjson_val *v)
{
    const char *p = yyjson_get_str(v);
    for (size_t i = 0; i < yyjson_get_len(v); i++) {
        if (p[i])
            buf_add_char(out, p[i]);
    }
}

static struct tool_call *add_call(struct tool_calls *t, int64_t index)
{
    if (t->n == TOOL_CALLS_MAX)
        return NULL;
    t->v = xrealloc(t->v, (t->n + 1) * sizeof *t->v);
    t->v[t->n] = (struct tool_call){.index = index};
    return &t->v[t->n++];
}

static bool has_id(const struct tool_call *call, yyjson_val *id)
{
    return span_eq(buf_span(&call->id), span_of(yyjson_get_str(id), yyjson_get_len(id)));
}

/* An id that differs says that another call begins, whatever the index: some engines give all of them 0. */
static bool is_piece_of(const struct tool_call *call, int64_t index, yyjson_val *id)
{
    if (id && call->id.len)
        return has_id(call, id) && (index < 0 || call->index < 0 || call->index == index);
    return index < 0 || call->index == index;
}

static struct tool_call *find_call(struct tool_calls *t, int64_t index, yyjson_val *id)
{
    for (size_t i = t->n; i-- > t->n_before;) {
        if (is_piece_of(&t->v[i], index, id))
            return &t->v[i];
    }
    return add_call(t, index);
}

/* What a piece added to its call. */
struct addition {
    struct tool_call *call; /* NULL: there are too many */
    bool has_id, has_name, has_arguments;
    size_t name_from, arguments_from; /* where it begins in the call's texts */
};

static struct addition take_piece(struct tool_calls *t, yyjson_val *piece)
{
    yyjson_val *function = yyjson_obj_get(piece, "function"), *id = yyjson_obj_get(piece, "id");
    if (!yyjson_is_str(id) || yyjson_get_len(id) == 0)
        id = NULL;
    int64_t index = json_int_or(piece, "index", -1);
    struct tool_call *call = find_call(t, index, id);
    if (!call)
        return (struct addition){0};
    yyjson_val *name = yyjson_obj_get(function, "name"), *arguments = yyjson_obj_get(function, "arguments");
    struct addition added = {.call = call,
                             .has_id = id && call->id.len == 0,
                             .has_name = yyjson_is_str(name),
                             .has_arguments = yyjson_is_str(arguments) || yyjson_is_obj(arguments),
                             .name_from = call->name.len,
                             .arguments_from = call->arguments.len};
    if (added.has_id)
        add_text(&call->id, id);
    if (added.has_name)
        add_text(&call->name, name);
    if (yyjson_is_str(arguments)) {
        add_text(&call->arguments, arguments);
    } else if (yyjson_is_obj(arguments)) { /* Ollama's form */
        struct json_writer w;
        jw_init(&w, &call->arguments);
        jw_val(&w, arguments);
    }
    return added;
}

static void write_text_from(struct json_writer *w, const char *key, const struct buf *text, size_t from)
{
    jw_key(w, key);
    jw_span(w, span_of(buf_str(text) + from, text->len - from));
}

static void write_addition(struct json_writer *w, const struct tool_calls *t, const struct addition *a)
{
    jw_begin_obj(w);
    jwf_int(w, "index", a->call - t->v);
    if (a->has_id) {
        jwf_str(w, "id", buf_str(&a->call->id));
        jwf_str(w, "type", "function");
    }
    jw_key(w, "function");
    jw_begin_obj(w);
    if (a->has_name)
        write_text_from(w, "name", &a->call->name, a->name_from);
    if (a->has_arguments)
        write_text_from(w, "arguments", &a->call->arguments, a->arguments_from);
    jw_end_obj(w);
    jw_end_obj(w);
}

void tool_calls_take(struct tool_calls *t, yyjson_val *pieces, struct buf *out_pieces)
{
    size_t i, n;
    yyjson_val *piece;
    struct json_writer w;
    bool has_begun = false;
    jw_init(&w, out_pieces);
    yyjson_arr_foreach(pieces, i, n, piece) {
        struct addition added = take_piece(t, piece);
        if (!added.call)
            continue;
        if (!has_begun)
            jw_begin_arr(&w);
        has_begun = true;
        write_addition(&w, t, &added);
    }
    if (has_begun)
        jw_end_arr(&w);
}

void tool_calls_load(struct tool_calls *t, const char *json)
{
    tool_calls_release(t);
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!json || json_parse(span_str(json), &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *call;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, call) {
        t->n_before = t->n; /* each is one of its own */
        (void)take_piece(t, call);
    }
    t->n_before = t->n;
}

void tool_calls_write(const struct tool_calls *t, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_arr(&w);
    for (size_t i = 0; i < t->n; i++) {
        const struct tool_call *call = &t->v[i];
        jw_begin_obj(&w);
        jwf_str(&w, "id", buf_str(&call->id));
        jwf_str(&w, "type", "function");
        jw_key(&w, "function");
        jw_begin_obj(&w);
        jwf_str(&w, "name", buf_str(&call->name));
        jwf_str(&w, "arguments", buf_str(&call->arguments));
        jw_end_obj(&w);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
}

void tool_calls_describe(const char *json, struct buf *out)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!json || json_parse(span_str(json), &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *call;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, call) {
        yyjson_val *function = yyjson_obj_get(call, "function");
        struct span arguments = span_str(json_str_or(function, "arguments", ""));
        arguments.len = utf8_floor(arguments, MAX_TOLD_BYTES);
        buf_addf(out, "%s(Asked for the tool %.100s", i ? "\n" : "", json_str_or(function, "name", ""));
        if (arguments.len)
            buf_addf(out, " with %.*s", SPAN_ARG(arguments));
        buf_add_str(out, ". It was not run.)");
    }
}
