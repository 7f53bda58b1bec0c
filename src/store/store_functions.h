/*
 * SQL functions that the schema calls; a program without them cannot change messages.
 *   content_text(content_json)         the text of a message's content
 *   content_attachments(content_json)  the ids of the attachments in it, as a JSON array
 */
#ifndef HOB_STORE_FUNCTIONS_H
#define HOB_STORE_FUNCTIONS_H

#include <sqlite3.h>

#include "util/util.h"

/* Before the schema is used. */
MUST_CHECK enum err functions_register(sqlite3 *sql, struct err_text *why);

#endif
