/* What the content of a message says and refers to (pure). */
#ifndef HOB_STORE_CONTENT_H
#define HOB_STORE_CONTENT_H

#include "util/util.h"

/* Ids of the attachments in it, in order, also twice: images, files and the originals of files. content_json: a string or an
 * array of parts. */
void content_list_attachments(const char *content_json, struct strv *out_ids);
/* Appends the text in it: the string, or the text parts with a line end between them. Nothing when it is no JSON. */
void content_add_text(struct span content_json, struct buf *out);

#endif
