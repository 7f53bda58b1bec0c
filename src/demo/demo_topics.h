/*
 * demo_topics: what the demo can say, read from topics.txt (whose head explains it). Pure; knows nothing of likeness.
 */
#ifndef HOB_DEMO_TOPICS_H
#define HOB_DEMO_TOPICS_H

#include "util/util.h"

/* Phrases that one line of topics.txt may stand for. */
#define DEMO_LINE_PHRASES 64

enum demo_kind {
    DEMO_PLAIN, /* an authored answer */
    DEMO_TALK,  /* small talk: loses against any other topic */
    DEMO_SHOW   /* answered by demo_show under the id's second half */
};

struct demo_topic {
    char *id;
    enum demo_kind kind;
    struct strv phrases; /* how people ask, alternatives written out */
    struct buf answer;   /* Markdown; empty for DEMO_SHOW */
};

struct demo_topics {
    struct demo_topic *v;
    size_t n;
    struct strv synonyms; /* each a line of words that mean the same */
    struct strv fillers;  /* each a line of words that say little */
};

/* The text that was built in. */
struct span demo_topics_text(void);
/* ERR_INVALID with the line number: a phrase without a topic, a bracket left open, too many phrases in one line. */
MUST_CHECK enum err demo_topics_parse(struct span text, struct demo_topics **out_topics,
                                      struct err_text *why);
void demo_topics_free(struct demo_topics *t);
AUTO_DEFINE(demo_topics, struct demo_topics, demo_topics_free)
/* The topic's index, or -1. */
ptrdiff_t demo_topics_find(const struct demo_topics *t, const char *id);

#endif
