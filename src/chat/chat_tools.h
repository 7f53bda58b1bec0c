/*
 * The tool calls of an answer, put together from the pieces in which they are streamed: a piece says which call it belongs
 * to, and its texts go behind those that are there. Pure. What a peer sends is bounded by who reads the stream.
 */
#ifndef HOB_CHAT_TOOLS_H
#define HOB_CHAT_TOOLS_H

#include "util/util.h"

#define TOOL_CALLS_MAX 128 /* of one answer; more are left out */

struct tool_call {
    int64_t index; /* as the engine counts; -1: it does not */
    struct buf id, name, arguments;
};
/* {0} has none. */
struct tool_calls {
    struct tool_call *v;
    size_t n;
    size_t n_before; /* of the text that is gone on with: no new piece belongs to them */
};
void tool_calls_release(struct tool_calls *t);
/* Calls that the answer had already: what tool_calls_write made, or NULL. Others are dropped. */
void tool_calls_load(struct tool_calls *t, const char *json);
/*
 * One event's `tool_calls`, or those of an answer that is no stream. Appends to out_pieces (an empty buf) what of them was
 * taken, made anew from known fields: a JSON array whose `index` is the call's place in the whole answer. Nothing: none was.
 */
void tool_calls_take(struct tool_calls *t, yyjson_val *pieces, struct buf *out_pieces);
/* Appends OpenAI's array: [{"id","type":"function","function":{"name","arguments"}}]. */
void tool_calls_write(const struct tool_calls *t, struct buf *out);
/* A line for prompts about calls whose results nobody has; nothing if json (or NULL) has none. */
void tool_calls_describe(const char *json, struct buf *out);

#endif
