/* What people may be called, and which names are the same (pure). */
#ifndef HOB_AUTH_NAME_H
#define HOB_AUTH_NAME_H

#include "util/util.h"

/* 1 to max_bytes of printable UTF-8 without a blank at either end. ERR_INVALID names the field "name". */
MUST_CHECK enum err name_check(struct span name, size_t max_bytes, struct err_text *why);
/* Letter case taken away, so that equal names are equal bytes. Bytes that are no UTF-8 stay. The caller frees it. */
char *name_fold(struct span name);

#endif
