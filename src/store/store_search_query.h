/*
 * From what people type to an FTS5 expression. Pure. Whatever the input, the expression is valid: every word stands in
 * quotation marks, so nothing of it is syntax.
 */
#ifndef HOB_STORE_SEARCH_QUERY_H
#define HOB_STORE_SEARCH_QUERY_H

#include "util/util.h"

#define SEARCH_MAX_WORDS 24 /* words and phrases that count; what follows is not looked at */

/*
 * Appends the words, all of which must be there. "words in quotation marks" (also typographic ones) are a phrase. The last
 * word is a prefix unless a blank or a quotation mark follows it, or it ends in a sign. False: there is no word.
 */
MUST_CHECK bool search_query_write(struct span input, struct buf *out);

#endif
