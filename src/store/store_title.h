/* A conversation's title from its first message (pure). */
#ifndef HOB_STORE_TITLE_H
#define HOB_STORE_TITLE_H

#include "util/util.h"

#define TITLE_MAX_CHARS  60
#define TITLE_WHEN_EMPTY "New conversation"

/* First line with text in it, at most TITLE_MAX_CHARS characters (code points), cut between words if there is a blank in its
 * second half. content_json: a string or an array of parts. The caller frees it. */
char *title_of_content(const char *content_json);

#endif
