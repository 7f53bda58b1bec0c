/* Names of files that people give: what is kept of them, and how a header carries them. Pure. */
#ifndef HOB_API_FILE_NAME_H
#define HOB_API_FILE_NAME_H

#include <stdbool.h>

#include "util/util.h"

#define FILE_NAME_MAX_BYTES 255
#define FILE_NAME_WHEN_BARE "file"

/*
 * Appends the name (well-formed UTF-8) as it is stored: no path separators (they become _), no control characters, none
 * that change the direction of a line or cannot be seen, no blanks at its ends. FILE_NAME_WHEN_BARE if nothing is left.
 */
void file_name_clean(struct span name, struct buf *out);
/* Appends the value of Content-Disposition (RFC 6266): the name in full (RFC 8187), and in ASCII for old readers. */
void file_name_add_disposition(const char *name, bool is_inline, struct buf *out);

#endif
