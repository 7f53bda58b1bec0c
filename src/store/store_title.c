/* Picks the words that tell one conversation from another in a list. */
#include "store/store_title.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Blanks become one space, control characters vanish. */
static void add_clean_line(struct buf *out, struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (is_blank(line.p[i])) {
            if (out->len && out->p[out->len - 1] != ' ')
                buf_add_char(out, ' ');
        } else if ((unsigned char)line.p[i] >= ' ' && line.p[i] != 0x7f) {
            buf_add_char(out, line.p[i]);
        }
    }
    if (out->len && out->p[out->len - 1] == ' ')
        out->p[--out->len] = 0;
}

static char *cut_title(struct span line)
{
    size_t n_chars = 0, last_blank = 0, end = 0;
    for (size_t i = 0; i < line.len; i++) {
        bool starts_char = ((unsigned char)line.p[i] & 0xc0) != 0x80;
        n_chars += starts_char;
        if (n_chars == TITLE_MAX_CHARS && starts_char)
            end = i; /* here the ellipsis goes if there is more */
        if (n_chars > TITLE_MAX_CHARS)
            return xasprintf("%.*s\u2026", (int)(last_blank > end / 2 ? last_blank : end), line.p);
        if (line.p[i] == ' ' && n_chars <= TITLE_MAX_CHARS)
            last_blank = i;
    }
    return span_dup(line);
}

static char *title_of_text(struct span text)
{
    while (text.len) {
        struct span rest, line = span_cut(text, '\n', &rest);
        AUTO(buf) struct buf *clean = buf_new();
        add_clean_line(clean, line);
        if (clean->len)
            return cut_title(buf_span(clean));
        text = rest;
    }
    return NULL;
}

static struct span text_of_value(yyjson_val *v)
{
    return span_of(yyjson_get_str(v), yyjson_get_len(v));
}

char *title_of_content(const char *content_json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    char *title = NULL;
    if (json_parse(span_str(content_json), &doc, NULL) != ERR_OK)
        return xstrdup(TITLE_WHEN_EMPTY);
    yyjson_val *root = yyjson_doc_get_root(doc), *part;
    if (yyjson_is_str(root))
        title = title_of_text(text_of_value(root));
    size_t i, n;
    yyjson_arr_foreach(root, i, n, part) {
        yyjson_val *text = yyjson_obj_get(part, "text");
        if (!title && yyjson_is_str(text))
            title = title_of_text(text_of_value(text));
    }
    return title ? title : xstrdup(TITLE_WHEN_EMPTY);
}
