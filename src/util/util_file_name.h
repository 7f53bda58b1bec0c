/* Names of files that people give, and what is kept of them. */
#ifndef HOB_UTIL_FILE_NAME_H
#define HOB_UTIL_FILE_NAME_H

#include "util/util_buf.h"
#include "util/util_span.h"

#define FILE_NAME_MAX_BYTES 255
#define FILE_NAME_WHEN_BARE "file"

/*
 * Appends the name (well-formed UTF-8) as it is stored: no path separators (they become _), no control characters, none
 * that change the direction of a line or cannot be seen, no blanks at its ends. FILE_NAME_WHEN_BARE if nothing is left.
 */
void file_name_clean(struct span name, struct buf *out);

#endif
