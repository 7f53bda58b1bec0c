/* demo_words: text to lower-case word stems, for comparing questions. Pure. */
#ifndef HOB_DEMO_WORDS_H
#define HOB_DEMO_WORDS_H

#include "util/util.h"

#define DEMO_MAX_WORDS    96 /* of one text; the rest is not looked at */
#define DEMO_MAX_WORD_LEN 24 /* bytes; longer words are cut */

struct demo_word {
    char text[DEMO_MAX_WORD_LEN + 1];
};

/* Words are runs of letters, digits and bytes beyond ASCII; apostrophes vanish ("don't" is "dont"). Returns how many. */
size_t demo_words(struct span text, struct demo_word out_words[DEMO_MAX_WORDS]);
/* Takes off the endings that English words vary by: "loading", "loads" and "loaded" become "load". */
void demo_word_stem(struct demo_word *word);
/*
 * Steps from a to b: a letter put in, left out or changed, or two neighbours swapped (optimal string alignment).
 * Returns limit + 1 as soon as it is more than limit.
 */
int demo_word_distance(const char *a, const char *b, int limit);

#endif
