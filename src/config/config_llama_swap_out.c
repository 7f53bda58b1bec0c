/* What came of llama-swap's configuration, as hob's. */
#include "config/config_emit.h"
#include "config/config_llama_swap.h"

struct expanding {
    struct swap *s;
    struct swap_model *m;
};

/* A text that is one macro has the macro's type, as it is in llama-swap. */
static char *expand(void *arg, const yaml_node_t *node, const yaml_node_t **out_typed)
{
    struct expanding *x = arg;
    struct err_text why;
    char *text = NULL;
    const char *source = doc_text(node);
    if (!strstr(source, "${"))
        return NULL;
    const struct macro *whole = macros_whole(&x->m->macros, source);
    if (whole && whole->node && !strstr(whole->value, "${")) {
        *out_typed = whole->node;
        return NULL;
    }
    if (macros_expand(&x->m->macros, source, &text, &why))
        swap_note(x->s, node, "setParams of %s: %s", x->m->id, why.text);
    return text;
}

static void write_rewrite(struct swap *s, struct swap_model *m, struct buf *out)
{
    if (!m->upstream_name && !m->set && m->strip.n == 0)
        return;
    buf_add_str(out, "    rewrite:\n");
    if (m->upstream_name)
        emit_text_field(out, 6, "model", m->upstream_name);
    if (m->set) {
        struct expanding x = {s, m};
        struct json_writer w;
        emit_key(out, 6, "set");
        s->doc.expand = expand;
        s->doc.expand_arg = &x;
        jw_init(&w, out); /* JSON is YAML */
        doc_write_json(&s->doc, m->set, &w);
        s->doc.expand = NULL;
        buf_add_char(out, '\n');
    }
    emit_list_field(out, 6, "strip", &m->strip);
}

static void write_env(struct swap *s, const struct swap_model *m, struct buf *out)
{
    bool has_any = false;
    for (size_t i = 0; i < m->env.n; i++) {
        struct span value, name = span_cut(span_str(m->env.v[i]), '=', &value);
        AUTO(mem) char *key = span_dup(name), *text = span_dup(value);
        if (!value.p || !name.len) {
            swap_note(s, m->at, "env of %s: expected NAME=value", m->id);
            continue;
        }
        if (!has_any)
            buf_add_str(out, "    env:\n");
        has_any = true;
        emit_text_field(out, 6, key, text);
    }
}

static void write_model(struct swap *s, struct swap_model *m, struct buf *out)
{
    emit_key(out, 2, m->id);
    out->len--; /* no blank at the line's end */
    buf_add_char(out, '\n');
    if (m->model_path) {
        emit_text_field(out, 4, "model_path", m->model_path);
        emit_list_field(out, 4, "args", &m->argv);
    } else {
        emit_list_field(out, 4, "command", &m->argv);
    }
    write_env(s, m, out);
    emit_list_field(out, 4, "aliases", &m->aliases);
    if (m->autostart)
        buf_add_str(out, "    autostart: true\n");
    if (m->slots > 0)
        buf_addf(out, "    slots: %lld\n", (long long)m->slots);
    if (m->idle_stop_s > 0)
        buf_addf(out, "    idle_stop_s: %lld\n", (long long)m->idle_stop_s);
    if (m->group)
        emit_text_field(out, 4, "group", m->group);
    write_rewrite(s, m, out);
}

static void write_groups(const struct swap *s, struct buf *out)
{
    if (s->groups.n == 0)
        return;
    buf_add_str(out, "\nmemory:\n  groups:\n");
    for (size_t i = 0; i < s->groups.n; i++)
        emit_text_field(out, 4, s->groups.v[i], s->kinds.v[i]);
}

void swap_write(struct swap *s, const char *path, struct buf *out)
{
    const char *slash = strrchr(path, '/');
    buf_add_str(out, "# Made by `hob import llama-swap ");
    for (const char *p = slash ? slash + 1 : path; *p; p++)
        buf_add_char(out, (unsigned char)*p < 0x20 || *p == 0x7F ? '?' : *p);
    buf_add_str(out, "`.\n");
    if (s->log_level)
        emit_text_field(out, 0, "log_level", s->log_level);
    if (s->llama_server)
        emit_text_field(out, 0, "llama_server", s->llama_server);
    write_groups(s, out);
    buf_add_str(out, "\nservers:\n");
    for (size_t i = 0; i < s->n_models; i++) {
        if (!s->models[i].is_left_out)
            write_model(s, &s->models[i], out);
    }
}
