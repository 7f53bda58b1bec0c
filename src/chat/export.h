/*
 * What an export consists of (pure): the order of a conversation's messages, and rows as the items of hob's JSON or as
 * Markdown. chat_export.c reads the rows and puts the pieces one after the other.
 */
#ifndef HOB_CHAT_EXPORT_H
#define HOB_CHAT_EXPORT_H

#include "store/store.h"
#include "util/util.h"

/* ---- export_tree.c ---- */
/* All messages, parents before their children, else by seq: out_seqs has room for n. Returns how many. */
size_t export_all(const struct tree_row *tree, size_t n, int64_t *out_seqs);
/* The path that is shown: to the leaf, or else the newest path. From its root; out_seqs has room for n. */
size_t export_path(const struct tree_row *tree, size_t n, int64_t *out_seqs);

/* ---- export_json.c: one object each, without comma or line end ---- */
void export_json_folder(struct json_writer *w, const struct folder_row *row);
/* All but the data, which follows in base64, and `"}`. */
void export_json_attachment_head(struct json_writer *w, const struct attachment_row *row);
/* server_name: or NULL. has_leaf: leaf_id is one of the messages. */
void export_json_conversation(struct json_writer *w, const struct conversation_row *row,
                              const char *server_name, bool has_leaf);
/* What waits or runs is written as what it would be if it ended now. */
void export_json_message(struct json_writer *w, const struct message_row *row, const char *server_name);
/* is_cut: it runs or waits, or did when its answer was written: it ends as interrupted, now. */
void export_json_generation(struct json_writer *w, const struct generation_row *row, const char *server_name,
                            bool is_cut, int64_t now_ms);
/* Is a generation in that state not over? */
bool export_is_open(const char *state);

/* ---- export_markdown.c ---- */
void export_markdown_conversation(struct buf *out, const struct conversation_row *row);
/* author: the model's or server's name, for answers. names: attachment id -> name (char *). */
void export_markdown_message(struct buf *out, const struct message_row *row, const char *author,
                             const struct map *names);

#endif
