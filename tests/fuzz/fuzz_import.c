/*
 * Files to import: however the bytes are cut, the same items come from the same places, and what the reader takes is a row
 * that the store may have.
 */
#include "chat/import_item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return (h ^ s.len) * 1099511628211u;
}

static void check_row(const struct import_row *row)
{
    switch (row->kind) {
    case IMPORT_FOLDER: assert(uuid_is_valid(span_str(row->folder.id)) && row->folder.name[0]); break;
    case IMPORT_ATTACHMENT:
        assert(row->attachment.bytes.len > 0 && strlen(row->attachment.sha256) == 64);
        assert(!strchr(row->attachment.name, '/') && row->attachment.name[0]);
        break;
    case IMPORT_CONVERSATION: assert(row->conversation.title[0] && row->conversation.created_at >= 0); break;
    case IMPORT_MESSAGE: {
        AUTO(json_doc) yyjson_doc *doc = NULL;
        assert(json_parse(span_str(row->message.content_json), &doc, NULL) == ERR_OK);
        assert(str_eq(row->message.role, "user") || row->message.parent_id);
        break;
    }
    case IMPORT_GENERATION:
        assert(row->generation.finished_at > 0);
        assert(!str_eq(row->generation.state, "streaming"));
        break;
    }
}

static uint64_t read_file(struct span file, size_t piece)
{
    struct import_scan s;
    struct import_batch batch = {0};
    struct err_text why = {0};
    enum err e = ERR_OK;
    uint64_t h = 1469598103934665603u;
    import_scan_init(&s);
    for (size_t at = 0; !e && at < file.len; at += piece) {
        size_t len = file.len - at < piece ? file.len - at : piece;
        AUTO(mem) char *copy = xmemdup(file.p + at, len);
        struct span rest = span_of(copy, len), item;
        while (!e && import_scan_next(&s, &rest, &item, &e, &why)) {
            h = mix(h + (uint64_t)s.from.line * 31 + (uint64_t)s.from.column, item);
            e = import_item_read(item, s.from, &batch, &why);
            if (!e)
                check_row(&batch.rows[batch.n - 1]);
        }
    }
    if (!e)
        e = import_scan_end(&s, &why);
    assert(!e || span_starts(span_str(why.text), "Line "));
    import_scan_release(&s);
    import_batch_release(&batch);
    return mix(h + e, span_str(why.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span file = span_of((const char *)data, size);
    uint64_t whole = read_file(file, size);
    assert(read_file(file, 1) == whole);
    assert(read_file(file, 1 + data[size - 1] % 13) == whole);
    return 0;
}
