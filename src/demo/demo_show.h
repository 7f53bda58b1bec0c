/* demo_show: texts that show what the page can do: lists, tables, code, formulas, long answers. Pure. */
#ifndef HOB_DEMO_SHOW_H
#define HOB_DEMO_SHOW_H

#include "util/util.h"

#define DEMO_LONG_TOKENS     500   /* of "a long answer" without a number */
#define DEMO_LONG_TOKENS_MAX 20000 /* of "long N" */

/*
 * Appends what topic "show/NAME" answers to `question`, which may name a language ("code in python") or a number
 * ("long 5000"). False: there is no such show.
 */
MUST_CHECK bool demo_show(const char *name, struct span question, struct buf *out);
/* A text of exactly n_tokens (see demo_token_len) whose paragraphs are numbered, so that gaps and repeats show. */
void demo_show_long(size_t n_tokens, struct buf *out);
/* The first number in text, or fallback; at most `most`. */
size_t demo_number_in(struct span text, size_t fallback, size_t most);

#endif
