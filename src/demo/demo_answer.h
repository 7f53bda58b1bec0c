/*
 * demo_answer: what the demo says to a message. The same message has the same answer always, so that an answer which
 * was cut off can be gone on with. Pure.
 */
#ifndef HOB_DEMO_ANSWER_H
#define HOB_DEMO_ANSWER_H

#include "demo/demo_match.h"

#define DEMO_COUNT_MAX 10000 /* of "count to N" */

struct demo_guide;

/* The topics that are built in, ready to be asked; takes about 10 ms. */
struct demo_guide *demo_guide_new(void);
void demo_guide_free(struct demo_guide *g);
AUTO_DEFINE(demo_guide, struct demo_guide, demo_guide_free)
/*
 * Appends the answer (Markdown) to a message that consists of n texts; the last one that has an answer counts, as
 * attached files come as texts of their own. has_image: it came with pictures, which the demo cannot see.
 */
void demo_guide_answer(const struct demo_guide *g, char *const *texts, size_t n, bool has_image,
                       struct buf *out);
/* Is this hob asking for a title of the conversation? */
bool demo_wants_title(char *const *texts, size_t n);
/* Appends one: the first words of the conversation's first message, without what makes the demo do something. */
void demo_title(struct span first, struct buf *out);
/* Appends what the demo "thinks" before it answers: how the answer is found. */
void demo_guide_think(const struct demo_guide *g, char *const *texts, size_t n, struct buf *out);
/*
 * What remains of `answer` for somebody who has `have` of it: the rest of it if it begins with that, else (the text is
 * of another model, or was edited) all of it after an empty line.
 */
void demo_continue(struct span answer, struct span have, struct buf *out);
/* Bytes of the first token of text: a short word with the blank before it, a few digits, a mark, or line ends. */
size_t demo_token_len(struct span text);
size_t demo_count_tokens(struct span text);

#endif
