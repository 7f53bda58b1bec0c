/* demo_tools: messages that make the demo ask for tools: lines of `call NAME {"json": "object"}`. Pure. */
#ifndef HOB_DEMO_TOOLS_H
#define HOB_DEMO_TOOLS_H

#include "util/util.h"

#define DEMO_TOOLS_MAX 16 /* calls of one answer */

struct demo_tool_call {
    char *id, *name, *arguments; /* owned */
};
struct demo_tools {
    struct demo_tool_call v[DEMO_TOOLS_MAX];
    size_t n;
};
/* No calls unless every line is one. */
void demo_tools_read(struct span text, struct demo_tools *out_tools);
void demo_tools_release(struct demo_tools *t);
/* {"id","type","function":{"name","arguments"}}, as in an answer that is no stream. */
void demo_tool_write(struct json_writer *w, const struct demo_tool_call *call);
/* The first piece of a call (arguments still empty), or (not is_first) a piece of its arguments. */
void demo_tool_write_piece(struct json_writer *w, const struct demo_tool_call *call, size_t index,
                           bool is_first, struct span arguments);

#endif
