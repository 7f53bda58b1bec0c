/* YAML out. */
#include "config/config_emit.h"

#define LINE_BYTES 100

static bool is_plain(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    size_t n = strlen(text);
    if (n == 0 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+=@") != n)
        return false;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return false;
    }
    /* A number, a document's mark and a list's dash begin otherwise. */
    return strchr(letters, text[0]) || text[0] == '/' ||
           (text[0] == '-' && text[1] == '-' && text[2] && text[2] != '-');
}

void emit_text(struct buf *out, const char *text)
{
    struct json_writer w;
    if (is_plain(text)) {
        buf_add_str(out, text);
        return;
    }
    jw_init(&w, out); /* a JSON text is a YAML scalar in double quotes */
    jw_str(&w, text);
}

void emit_key(struct buf *out, int indent, const char *key)
{
    buf_addf(out, "%*s", indent, "");
    emit_text(out, key);
    buf_add_str(out, ": ");
}

void emit_text_field(struct buf *out, int indent, const char *key, const char *text)
{
    emit_key(out, indent, key);
    emit_text(out, text);
    buf_add_char(out, '\n');
}

void emit_list_field(struct buf *out, int indent, const char *key, const struct strv *items)
{
    if (items->n == 0)
        return;
    emit_key(out, indent, key);
    buf_add_char(out, '[');
    size_t line = out->len;
    for (size_t i = 0; i < items->n; i++) {
        if (i > 0 && out->len - line + strlen(items->v[i]) > LINE_BYTES) {
            buf_addf(out, ",\n%*s", indent + 2, "");
            line = out->len;
        } else if (i > 0) {
            buf_add_str(out, ", ");
        }
        emit_text(out, items->v[i]);
    }
    buf_add_str(out, "]\n");
}
