/*
 * llama-server's load progress: the lines its router's children print on stdout, and the dots of older builds.
 * The lines are an internal protocol of its own: used when there, never needed.
 */
#include "engine/engine_progress.h"

void engine_llama_init(struct engine_llama *p)
{
    *p = (struct engine_llama){.value = -1, .dots_value = -1, .dots_only = true};
}

static void copy_stage(struct engine_llama *p, const char *stage)
{
    size_t n = 0;
    for (; stage[n] && n < sizeof p->stage - 1; n++) {
        char c = stage[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        p->stage[n] = plain ? c : '?';
    }
    p->stage[n] = 0;
}

/* {"stages":["text_model","mmproj"],"current":"mmproj","value":0.5} is 75 % */
static void read_payload(struct engine_llama *p, yyjson_val *payload)
{
    double value = json_num_or(payload, "value", -1);
    const char *current = json_str_or(payload, "current", "");
    if (!(value >= 0 && value <= 1))
        return;
    yyjson_val *stages = yyjson_obj_get(payload, "stages");
    size_t n = yyjson_arr_size(stages), at = 0, i, max;
    yyjson_val *stage;
    yyjson_arr_foreach(stages, i, max, stage) {
        if (yyjson_equals_str(stage, current))
            at = i;
    }
    if (n > 1)
        value = ((double)at + value) / (double)n;
    if (value > p->value)
        p->value = value;
    copy_stage(p, current);
}

static void read_line(struct engine_llama *p)
{
    struct span line = span_of(p->line.p, p->line.len);
    static const char prefix[] = ENGINE_LLAMA_PREFIX "state:";
    if (!span_starts(line, ENGINE_LLAMA_PREFIX))
        return;
    p->speaks = true;
    if (!span_starts(line, prefix))
        return;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    struct span text = span_trim(span_of(line.p + sizeof prefix - 1, line.len - (sizeof prefix - 1)));
    if (json_parse_object(text, &doc, &root, NULL) != ERR_OK)
        return;
    const char *state = json_str_or(root, "state", "");
    if (str_eq(state, "ready")) {
        p->loaded = true;
        p->value = 1;
    } else if (str_eq(state, "loading")) {
        read_payload(p, yyjson_obj_get(root, "payload"));
    }
}

void engine_llama_feed_out(struct engine_llama *p, struct span chunk)
{
    for (size_t i = 0; i < chunk.len; i++) {
        char c = chunk.p[i];
        if (c == '\n' || c == '\r') {
            if (!p->line.too_long)
                read_line(p);
            p->line.len = 0;
            p->line.too_long = false;
        } else if (p->line.len < sizeof p->line.p) {
            p->line.p[p->line.len++] = c;
        } else {
            p->line.too_long = true;
        }
    }
}

/* One dot is one percent; a line that has anything else is no bar. Fewer than three may be a text's end. */
void engine_llama_feed_err(struct engine_llama *p, struct span chunk)
{
    for (size_t i = 0; i < chunk.len; i++) {
        char c = chunk.p[i];
        if (c == '\n' || c == '\r') {
            p->dots_only = true;
            p->n_dots = 0;
        } else if (c == '.' && p->dots_only) {
            p->n_dots += p->n_dots < 100;
            if (p->n_dots >= 3 && (double)p->n_dots / 100 > p->dots_value)
                p->dots_value = (double)p->n_dots / 100;
        } else {
            p->dots_only = false;
        }
    }
}
