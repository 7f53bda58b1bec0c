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
    yyjson_arr_foreach(root, i, n, part)
        add_text(out, yyjson_obj_get(part, "text"));
}
