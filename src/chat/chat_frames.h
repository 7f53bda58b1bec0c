/*
 * Events of an answer. Reading: one event's data as an engine sent it, by allow-list (what an engine says is hostile too).
 * Writing: the frames that hob logs and sends, numbered from 1. Pure.
 */
#ifndef HOB_CHAT_FRAMES_H
#define HOB_CHAT_FRAMES_H

#include "relay/relay.h"
#include "util/util.h"

enum chunk_kind {
    CHUNK_NOTHING, /* nothing in it for us */
    CHUNK_DELTA,
    CHUNK_DONE,  /* [DONE] */
    CHUNK_ERROR, /* the engine says that it failed */
    CHUNK_BAD,   /* no JSON */
};

struct chunk_usage {
    int64_t prompt_tokens, completion_tokens, total_tokens; /* -1: not said */
};
struct chunk_timings {
    double prompt_n, prompt_ms, predicted_n, predicted_ms, predicted_per_second; /* -1: not said */
};

/* The spans point into doc or cleaned. */
struct chunk {
    enum chunk_kind kind;
    bool has_role;
    bool has_content, has_reasoning; /* a string, also an empty one */
    struct span content, reasoning;
    yyjson_val *tool_calls;    /* read: array of objects, or NULL */
    struct span tool_pieces;   /* to be written: what tool_calls_take made of them, or empty */
    const char *finish_reason; /* NULL: not yet */
    const char *model;         /* NULL: not said */
    bool has_usage, has_timings;
    struct chunk_usage usage;
    struct chunk_timings timings;
    struct relay_error error; /* with CHUNK_ERROR */
    int status;               /* with CHUNK_ERROR: the status that the engine names, 0: none */
    yyjson_doc *doc;
    struct buf cleaned, content_buf, reasoning_buf;
};
/* data: one event's data, or the whole body of an answer that is no stream. Release out afterwards, always. */
void chunk_read(struct span data, struct chunk *out_chunk);
void chunk_release(struct chunk *c);
/* It adds text to the answer. */
bool chunk_has_text(const struct chunk *c);

struct frame_head {
    const char *generation_id;
    const char *model;
    int64_t created_s;
};
/* Appends "id: SEQ\ndata: {chat.completion.chunk}\n\n". */
void frame_add_chunk(struct buf *out, int64_t seq, const struct frame_head *head, const struct chunk *c);
/* Appends `event: done` and `data: [DONE]`, two frames: seq and seq + 1. meta_json may be NULL. */
void frame_add_done(struct buf *out, int64_t seq, const char *state, const char *meta_json);
/* Appends `event: error` and `data: [DONE]`, two frames. error_json: {"message","type","code","retryable"}. */
void frame_add_error(struct buf *out, int64_t seq, const char *state, const char *error_json);

/* Where the frames after seq begin, in frames that begin with first_seq; frames.len when there are none. */
size_t frame_offset_after(struct span frames, int64_t first_seq, int64_t seq);
/* Length of the longest prefix of whole frames of at most max bytes, but at least one frame. */
size_t frame_floor(struct span frames, size_t max);
/* The place in the whole answer of the first tool call that these frames of ours (frame_add_chunk) bring; -1: they bring none. */
int64_t frames_first_call(struct span frames);
/* The last frame is `data: [DONE]`. */
bool frames_are_complete(struct span frames);

#endif
