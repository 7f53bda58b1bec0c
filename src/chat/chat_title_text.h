/* From what a model says when it is asked for a title to a title. Pure. */
#ifndef HOB_CHAT_TITLE_TEXT_H
#define HOB_CHAT_TITLE_TEXT_H

#include "util/util.h"

#define TITLE_ASK                                                                              \
    "Write a title of at most six words for this conversation so far, in the language of the " \
    "conversation. Answer with the title only: one line, no quotation marks, no Markdown, no full stop."
#define TITLE_TEXT_MAX_CHARS 60

/*
 * Appends the title: the first line, without thoughts, quotation marks, Markdown, "Title:" and a full stop, at most
 * TITLE_TEXT_MAX_CHARS characters. False: that is no title (nothing in it, a whole paragraph, a template's marks, a refusal).
 */
MUST_CHECK bool title_text_clean(struct span said, struct buf *out);

#endif
