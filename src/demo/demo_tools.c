/* Tool calls of the demo: read from the message, written in OpenAI's form. */
#include "demo/demo_tools.h"

#define MAX_NAME_BYTES 64

static bool is_name(struct span s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    for (size_t i = 0; i < s.len; i++) {
        if (!strchr(letters, s.p[i]) || !s.p[i])
            return false;
    }
    return s.len > 0 && s.len <= MAX_NAME_BYTES;
}

static bool read_call(struct span line, struct demo_tools *t)
{
    struct span rest, arguments;
    if (!span_is(span_cut(line, ' ', &rest), "call"))
        return false;
    struct span name = span_cut(span_trim(rest), ' ', &arguments);
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    arguments = span_trim(arguments);
    if (t->n == DEMO_TOOLS_MAX || !is_name(name) || json_parse_object(arguments, &doc, &root, NULL))
        return false;
    t->v[t->n] = (struct demo_tool_call){
        .id = xasprintf("call_demo_%zu", t->n + 1), .name = span_dup(name), .arguments = span_dup(arguments)};
    t->n++;
    return true;
}

void demo_tools_read(struct span text, struct demo_tools *out_tools)
{
    struct demo_tools t = {.n = 0};
    for (text = span_trim(text); text.len;) {
        struct span rest, line = span_trim(span_cut(text, '\n', &rest));
        if (line.len && !read_call(line, &t)) {
            demo_tools_release(&t);
            break;
        }
        text = rest;
    }
    *out_tools = t;
}

void demo_tools_release(struct demo_tools *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].id);
        free(t->v[i].name);
        free(t->v[i].arguments);
    }
    *t = (struct demo_tools){.n = 0};
}

static void write_head(struct json_writer *w, const struct demo_tool_call *call)
{
    jwf_str(w, "id", call->id);
    jwf_str(w, "type", "function");
}

void demo_tool_write(struct json_writer *w, const struct demo_tool_call *call)
{
    jw_begin_obj(w);
    write_head(w, call);
    jw_key(w, "function");
    jw_begin_obj(w);
    jwf_str(w, "name", call->name);
    jwf_str(w, "arguments", call->arguments);
    jw_end_obj(w);
    jw_end_obj(w);
}

void demo_tool_write_piece(struct json_writer *w, const struct demo_tool_call *call, size_t index,
                           bool is_first, struct span arguments)
{
    jw_begin_obj(w);
    jwf_int(w, "index", (int64_t)index);
    if (is_first)
        write_head(w, call);
    jw_key(w, "function");
    jw_begin_obj(w);
    if (is_first)
        jwf_str(w, "name", call->name);
    jw_key(w, "arguments");
    jw_span(w, arguments);
    jw_end_obj(w);
    jw_end_obj(w);
}
