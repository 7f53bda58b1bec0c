/* Text from outside (answers, names, an engine's last words) on its way to a terminal. Pure. */
#ifndef HOB_CLI_TEXT_H
#define HOB_CLI_TEXT_H

#include "util/util.h"

/* Appends s (UTF-8) without control characters (C0, DEL, C1), except line ends and tabs. */
void text_add_plain(struct buf *out, struct span s);
/* The same as one line: line ends and tabs become blanks. */
void text_add_line(struct buf *out, struct span s);
/* Length of the longest prefix of n_max characters (code points) of valid UTF-8. */
size_t text_floor(struct span s, size_t n_max);

#endif
