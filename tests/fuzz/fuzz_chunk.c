/* What an engine sends as one event: whatever it is, the frame made of it is one clean frame. */
#include "chat/chat_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chunk c;
    chunk_read(span_of((const char *)data, size), &c);
    if (c.kind == CHUNK_DELTA) {
        struct frame_head head = {.generation_id = "g", .model = "m", .created_s = 1};
        AUTO(buf) struct buf *out = buf_new();
        frame_add_chunk(out, 1, &head, &c);
        struct span frame = buf_span(out);
        assert(utf8_is_valid(frame));
        /* Two line ends in the head, two at the end, none between: nothing breaks out of the frame. */
        assert(frame_offset_after(frame, 1, 1) == frame.len);
        size_t n_ends = 0;
        for (size_t i = 0; i < frame.len; i++)
            n_ends += frame.p[i] == '\n' || frame.p[i] == '\r';
        assert(n_ends == 3);
        AUTO(json_doc) yyjson_doc *doc = NULL;
        enum err e = json_parse(
            span_of(frame.p + strlen("id: 1\ndata: "), frame.len - strlen("id: 1\ndata: ") - 2), &doc, NULL);
        assert(e == ERR_OK);
    }
    chunk_release(&c);
    return 0;
}
