/*
 * When an answer's reasoning began and ended. Engines give it in a field of its own, or inside the content as a block
 * <think>...</think> that opens the answer; its tags may be cut anywhere. Pure: the time is an argument.
 */
#ifndef HOB_CHAT_THINK_H
#define HOB_CHAT_THINK_H

#include "util/util.h"

enum think_place {
    THINK_BEFORE,  /* blanks so far, or part of the opening tag */
    THINK_INSIDE,  /* of the block */
    THINK_OUTSIDE, /* there is no block, or it has ended: no tag counts any more */
};

/* {0}: nothing was said yet. */
struct think {
    int64_t begun_ms, ended_ms; /* 0: not (yet) */
    enum think_place place;     /* in the content */
    size_t n_tag;               /* bytes of the tag under way that match */
};

/* One event's texts, each may be empty; now_ms > 0. */
void think_take(struct think *t, struct span reasoning, struct span content, int64_t now_ms);
/* The answer says something else than text, such as a tool call. */
void think_end(struct think *t, int64_t now_ms);
/* How long it took, until now_ms if it has not ended; -1: there was none. */
int64_t think_took_ms(const struct think *t, int64_t now_ms);

#endif
