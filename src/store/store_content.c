/* Reads the parts of a message's content for their text and the attachments they name. */
#include "store/store_content.h"

#define ATTACHMENT "attachment:"

static void add_id(struct strv *ids, const char *id)
{
    if (id)
        strv_add(ids, id);
}

void content_list_attachments(const char *content_json, struct strv *out_ids)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (content_json[0] != '[' || json_parse(span_str(content_json), &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *part;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, part) {
        const char *url = json_str_or(yyjson_obj_get(part, "image_url"), "url", "");
        if (span_starts(span_str(url), ATTACHMENT))
            strv_add(out_ids, url + strlen(ATTACHMENT));
        yyjson_val *file = yyjson_obj_get(part, "file");
        add_id(out_ids, json_str_or(file, "id", NULL));
        add_id(out_ids, json_str_or(file, "original_id", NULL));
    }
}

struct renaming {
    yyjson_mut_doc *doc;
    const char *(*new_id)(void *arg, const char *id);
    void *arg;
    bool has_new;
};

/* v has `prefix` and then an id; anything else stays. */
static void rename_in(struct renaming *r, yyjson_mut_val *v, const char *prefix)
{
    const char *text = yyjson_mut_get_str(v);
    if (!text || !span_starts(span_str(text), prefix))
        return;
    const char *id = r->new_id(r->arg, text + strlen(prefix));
    if (!id)
        return;
    AUTO(mem) char *renamed = xasprintf("%s%s", prefix, id);
    yyjson_mut_val *copy = yyjson_mut_strcpy(r->doc, renamed);
    yyjson_mut_set_str(v, yyjson_mut_get_str(copy));
    r->has_new = true;
}

char *content_rename_attachments(const char *content_json, const char *(*new_id)(void *arg, const char *id),
                                 void *arg)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (content_json[0] != '[' || json_parse(span_str(content_json), &doc, NULL))
        return NULL;
    struct renaming r = {.doc = yyjson_doc_mut_copy(doc, NULL), .new_id = new_id, .arg = arg};
    size_t i, n;
    yyjson_mut_val *part;
    yyjson_mut_arr_foreach(yyjson_mut_doc_get_root(r.doc), i, n, part) {
        yyjson_mut_val *file = yyjson_mut_obj_get(part, "file");
        rename_in(&r, yyjson_mut_obj_get(yyjson_mut_obj_get(part, "image_url"), "url"), ATTACHMENT);
        rename_in(&r, yyjson_mut_obj_get(file, "id"), "");
        rename_in(&r, yyjson_mut_obj_get(file, "original_id"), "");
    }
    char *json = r.has_new ? yyjson_mut_write(r.doc, 0, NULL) : NULL;
    yyjson_mut_doc_free(r.doc);
    return json;
}

static void add_text(struct buf *out, yyjson_val *text)
{
    if (!yyjson_is_str(text))
        return;
    if (out->len > 0)
        buf_add_char(out, '\n');
    buf_add(out, yyjson_get_str(text), yyjson_get_len(text));
}

void content_add_text(struct span content_json, struct buf *out)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (json_parse(content_json, &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *part, *root = yyjson_doc_get_root(doc);
    add_text(out, root);
    yyjson_arr_foreach(root, i, n, part) {
        add_text(out, yyjson_obj_get(part, "text"));
    }
}
