/* JSON bodies of the interface: servers, message contents, and the typed fields that all routes read. */
#include "chat/chat.h"
#include "gateway/gateway.h"
#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_fields(yyjson_val *root)
{
    struct err_text why;
    const char *text = NULL;
    int64_t number = 0;
    bool flag = false;
    yyjson_val *value = NULL;
    (void)!json_get_str(root, "name", true, &text, &why);
    (void)!json_get_int(root, "n", true, -5, 5, &number, &why);
    (void)!json_get_bool(root, "on_demand", true, &flag, &why);
    (void)!json_get_obj(root, "message", true, &value, &why);
    (void)!json_get_arr(root, "args", true, &value, &why);
    assert(number >= -5 && number <= 5);
    assert(!text || utf8_is_valid(span_str(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    struct err_text why;
    if (json_parse_object(span_of((const char *)data, size), &doc, &root, &why))
        return 0;
    read_fields(root);

    struct server_patch patch;
    server_patch_init(&patch);
    (void)!server_patch_parse(&patch, root, &why);
    server_patch_release(&patch);

    yyjson_val *content = yyjson_obj_get(root, "content");
    if (content)
        (void)!chat_check_content(content, &why);

    /* What was parsed can be written and parsed again. */
    struct buf text = {0};
    struct json_writer w;
    jw_init(&w, &text);
    jw_val(&w, root);
    AUTO(json_doc) yyjson_doc *again = NULL;
    yyjson_val *root_again = NULL;
    enum err e = json_parse_object(buf_span(&text), &again, &root_again, &why);
    assert(!e);
    (void)e;
    buf_release(&text);
    return 0;
}
