/* What an engine sends as one event: whatever it is, the frame made of it is one clean frame. */
#include "chat/chat_frames.h"
#include "chat/chat_tools.h"

/* The pieces are what viewers put together: the same calls as ours. */
static void check_pieces(const struct tool_calls *calls, struct span pieces)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    AUTO(buf) struct buf *ours = buf_new(), *theirs = buf_new(), *ignored = buf_new();
    struct tool_calls seen = {0};
    if (pieces.len) {
        enum err e = json_parse(pieces, &doc, NULL);
        assert(e == ERR_OK);
    }
    tool_calls_take(&seen, yyjson_doc_get_root(doc), ignored);
    tool_calls_write(calls, ours);
    tool_calls_write(&seen, theirs);
    assert(span_eq(buf_span(ours), buf_span(theirs)));
    tool_calls_release(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chunk c;
    chunk_read(span_of((const char *)data, size), &c);
    if (c.kind == CHUNK_DELTA) {
        struct frame_head head = {.generation_id = "g", .model = "m", .created_s = 1};
        AUTO(buf) struct buf *out = buf_new(), *pieces = buf_new();
        struct tool_calls calls = {0};
        tool_calls_take(&calls, c.tool_calls, pieces);
        check_pieces(&calls, buf_span(pieces));
        tool_calls_release(&calls);
        c.tool_pieces = buf_span(pieces);
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
