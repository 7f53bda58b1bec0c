/* How a header carries the name of a file. Pure. */
#ifndef HOB_API_FILE_NAME_H
#define HOB_API_FILE_NAME_H

#include <stdbool.h>

#include "util/util.h"

/* Appends the value of Content-Disposition (RFC 6266): the name in full (RFC 8187), and in ASCII for old readers. */
void file_name_add_disposition(const char *name, bool is_inline, struct buf *out);

#endif
