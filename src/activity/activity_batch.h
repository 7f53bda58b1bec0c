/*
 * Records on their way to the store, as many as one transaction takes. What they have in common (activity_kind) is there once
 * for all of them, so a record costs no copies of names. Pure.
 */
#ifndef HOB_ACTIVITY_BATCH_H
#define HOB_ACTIVITY_BATCH_H

#include "activity/activity.h"

/* A kind's own: its strings, one behind another, and what all access lines of its records say. */
struct batch_text {
    char *strings;
    struct buf line;
    size_t
        path_len; /* of `line`: ` path="..." status=200`; then ` server="..." model="..." user="..." key="..."` */
};

/* Not cleared when it is made: most have few rows. */
struct batch {
    struct list node;
    struct map *by_strings; /* to an activity_kind */
    size_t n_rows, n_kinds;
    struct activity_row rows[ACTIVITY_BATCH_ROWS];
    struct activity_kind kinds[ACTIVITY_BATCH_ROWS];
    struct batch_text texts[ACTIVITY_BATCH_ROWS]; /* of the kind at the same place */
};

struct batch *batch_new(void);
void batch_free(struct batch *b);
AUTO_DEFINE(batch, struct batch, batch_free)
bool batch_is_full(const struct batch *b);
/* Not when it is full. Names may be NULL; of longer texts than ACTIVITY_MAX_TEXT_BYTES the beginning is kept. What is returned
 * lives as long as the batch. */
const struct activity_row *batch_add(struct batch *b, const struct gateway_record *r, const char *user_name,
                                     const char *key_name);
const struct batch_text *batch_text_of(const struct batch *b, const struct activity_row *row);

#endif
