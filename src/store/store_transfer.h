/*
 * The calls of store.h that take conversations along: exports, which read everything of a user in small steps. Part of
 * store.h; do not include it alone.
 */
#ifndef HOB_STORE_TRANSFER_H
#define HOB_STORE_TRANSFER_H

#include "store/store.h"

/*
 * ---- export (store_export.c) ----
 * Each call reads one page, so that an export never holds the database thread for long; what changes between two calls
 * is seen by the later one only.
 */
#define STORE_EXPORT_PAGE_ROWS  200
#define STORE_EXPORT_PAGE_BYTES ((size_t)256 << 10) /* a page ends with the row that goes over it */

/* The user's folders in order of creation: folders. folder_id: only that one; NULL: all. */
struct store_op *store_export_folders(struct store *s, const char *user_id, const char *folder_id,
                                      store_fn done, void *arg);
/* The user's attachment after `after` (0: the first): attachments[0] with its bytes; n 0: there is none. next_page. */
struct store_op *store_export_attachment(struct store *s, const char *user_id, int64_t after, store_fn done,
                                         void *arg);
/* Ids and names of all the user's attachments: attachments, without bytes. */
struct store_op *store_export_names(struct store *s, const char *user_id, store_fn done, void *arg);
/* That conversation, or (id NULL) the one after `after` (0: the first) in order of creation: conversations[0] with its
 * settings, and tree: its messages by seq. n_conversations 0: there is none. next_page. */
struct store_op *store_export_conversation(struct store *s, const char *user_id, const char *id,
                                           int64_t after, store_fn done, void *arg);
/* The conversation's messages with these seqs, in this order; those that have gone meanwhile are left out. What a running
 * generation has added so far is part of the text. next_page: how many seqs the page took (at least one). */
struct store_op *store_export_messages(struct store *s, const char *conversation_id, const int64_t *seqs,
                                       size_t n, store_fn done, void *arg);
/* What these messages refer to: attachments with nothing but ids, in order, also twice. next_page as above. */
struct store_op *store_export_files(struct store *s, const char *conversation_id, const int64_t *seqs,
                                    size_t n, store_fn done, void *arg);
/* The conversation's generations after `after` (0: from the first) in order of creation; n 0: there is none. next_page. */
struct store_op *store_export_generations(struct store *s, const char *conversation_id, int64_t after,
                                          store_fn done, void *arg);

#endif
