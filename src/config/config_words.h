/* One line of text into the words of a command, without a shell. */
#ifndef HOB_CONFIG_WORDS_H
#define HOB_CONFIG_WORDS_H

#include "util/util.h"

/*
 * Blanks and line ends separate words; '...' and "..." and \x quote as in a shell; a line that begins with # is a comment; a
 * backslash at a line's end is a blank. Nothing is expanded. ERR_INVALID: a quote that is not closed, or what
 * only a shell can do (| & ; < > ` $( outside of quotes).
 * is_literal: these are letters like others, as other programs have it that use no shell either.
 */
MUST_CHECK enum err words_split(const char *text, bool is_literal, struct strv *out, struct err_text *why);

#endif
