/* Writes YAML for people: block style, quotes only where they are needed. */
#ifndef HOB_CONFIG_EMIT_H
#define HOB_CONFIG_EMIT_H

#include "util/util.h"

/* A text as a scalar: plain where it cannot be read as anything else, else in double quotes. */
void emit_text(struct buf *out, const char *text);
/* "INDENTkey: " */
void emit_key(struct buf *out, int indent, const char *key);
void emit_text_field(struct buf *out, int indent, const char *key, const char *text);
/* Nothing for an empty list. */
void emit_list_field(struct buf *out, int indent, const char *key, const struct strv *items);

#endif
