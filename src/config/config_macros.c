/* Macros of llama-swap, replaced in its order: environment, then from the last macro to the first. */
#include "config/config_macros.h"

#include <stdlib.h>

void macros_put(struct macros *m, const char *name, const char *value, const yaml_node_t *node)
{
    const struct macro macro = {name, value, node};
    for (size_t i = 0; i < m->n; i++) {
        if (str_eq(m->v[i].name, name)) {
            m->v[i] = macro;
            return;
        }
    }
    m->v = xrealloc(m->v, (m->n + 1) * sizeof *m->v);
    m->v[m->n++] = macro;
}

void macros_copy(struct macros *to, const struct macros *from)
{
    for (size_t i = 0; i < from->n; i++)
        macros_put(to, from->v[i].name, from->v[i].value, from->v[i].node);
}

void macros_release(struct macros *m)
{
    free(m->v);
    *m = (struct macros){0};
}

/* "${name}" at p: the name; else the empty span. */
static struct span name_at(const char *p)
{
    if (p[0] != '$' || p[1] != '{')
        return span_of(NULL, 0);
    size_t n = strcspn(p + 2, "}");
    return p[2 + n] == '}' && n > 0 ? span_of(p + 2, n) : span_of(NULL, 0);
}

const struct macro *macros_whole(const struct macros *m, const char *text)
{
    struct span name = name_at(text);
    if (!name.len || text[name.len + 3] != '\0')
        return NULL;
    for (size_t i = 0; i < m->n; i++) {
        if (span_is(name, m->v[i].name))
            return &m->v[i];
    }
    return NULL;
}

static enum err replace(struct buf *text, const char *name, const char *value, struct err_text *why)
{
    struct buf out = {0};
    enum err e = ERR_OK;
    for (const char *p = buf_str(text); *p && !e;) {
        struct span found = name_at(p);
        if (found.len && span_is(found, name)) {
            buf_add_str(&out, value);
            p += found.len + 3;
        } else {
            buf_add_char(&out, *p++);
        }
        if (out.len > MACROS_MAX_BYTES)
            e = err_set(why, ERR_INVALID, "a text is longer than %d bytes with its macros", MACROS_MAX_BYTES);
    }
    buf_release(text);
    *text = out;
    return e;
}

static enum err replace_env(struct buf *text, struct err_text *why)
{
    enum err e = ERR_OK;
    for (int i = 0; i < 100 && !e; i++) {
        const char *at = strstr(buf_str(text), "${env.");
        struct span name = at ? name_at(at) : span_of(NULL, 0);
        if (!name.len)
            break;
        AUTO(mem) char *whole = span_dup(name);
        const char *value = getenv(whole + strlen("env."));
        if (!value)
            return err_set(why, ERR_INVALID, "the environment has no %.100s", whole + strlen("env."));
        e = replace(text, whole, value, why);
    }
    return e;
}

static enum err check_rest(const char *text, struct err_text *why)
{
    for (const char *p = strstr(text, "${"); p; p = strstr(p + 2, "${")) {
        struct span name = name_at(p);
        if (name.len && !span_is(name, "PORT") && !span_is(name, "PID"))
            return err_set(why, ERR_INVALID, "there is no macro ${%.*s}", SPAN_ARG(name));
    }
    return ERR_OK;
}

enum err macros_expand(const struct macros *m, const char *text, char **out, struct err_text *why)
{
    struct buf b = {0};
    buf_add_str(&b, text);
    enum err e = replace_env(&b, why);
    for (size_t i = m->n; i > 0 && !e; i--)
        e = replace(&b, m->v[i - 1].name, m->v[i - 1].value, why);
    if (!e)
        e = replace_env(&b, why); /* of macros' values */
    if (!e)
        e = check_rest(buf_str(&b), why);
    if (!e)
        *out = buf_take_str(&b);
    buf_release(&b);
    return e;
}
