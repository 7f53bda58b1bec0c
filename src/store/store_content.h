/* What the content of a message says and refers to (pure). */
#ifndef HOB_STORE_CONTENT_H
#define HOB_STORE_CONTENT_H

#include "util/util.h"

/* Ids of the attachments in it, in order, also twice: images, files and the originals of files. content_json: a string or an
 * array of parts. */
void content_list_attachments(const char *content_json, struct strv *out_ids);
/* The same content with other ids where new_id gives one (NULL: keep); NULL when all stay. The caller frees. What new_id
 * gives must live until this returns. */
char *content_rename_attachments(const char *content_json, const char *(*new_id)(void *arg, const char *id),
                                 void *arg);
/* Appends the text in it: the string, or the text parts with a line end between them. Nothing when it is no JSON. */
void content_add_text(struct span content_json, struct buf *out);

#endif
