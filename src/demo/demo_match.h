/*
 * demo_match: finds the topic that a text is most like. Each phrase of each topic is a vector of its words, pairs of
 * words and letter trigrams, weighted by how few topics have them (tf-idf); likeness is the cosine. Pure.
 */
#ifndef HOB_DEMO_MATCH_H
#define HOB_DEMO_MATCH_H

#include "demo/demo_topics.h"

/* Less likeness than this is no answer: the demo says that it is only a demo. */
#define DEMO_MATCH_THRESHOLD 0.44

/* Sentences that are looked at one by one. */
#define DEMO_MAX_SENTENCES 6

struct demo_match;

/* topics must live as long. Takes about 10 ms. */
struct demo_match *demo_match_new(const struct demo_topics *topics);
void demo_match_free(struct demo_match *m);
AUTO_DEFINE(demo_match, struct demo_match, demo_match_free)
/* The topic whose question text is most like, as an index, and how like (0..1); -1 when there is none at all. */
ptrdiff_t demo_match_nearest(const struct demo_match *m, struct span text, double *out_likeness);
/*
 * The topic that answers text, or -1. A text that is like no topic as a whole is tried sentence by sentence;
 * small talk loses against anything else ("Hi! How do I stop it?").
 */
ptrdiff_t demo_match_find(const struct demo_match *m, struct span text);

#endif
