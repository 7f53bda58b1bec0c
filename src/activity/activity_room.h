/* What the files of this room share. */
#ifndef HOB_ACTIVITY_ROOM_H
#define HOB_ACTIVITY_ROOM_H

#include "activity/activity.h"
#include "activity/activity_batch.h"
#include "activity/activity_metrics.h"

/* The requests of one key, or of a user's session, that got no answer. */
struct failing {
    char owner[2 * UUID_LEN + 2]; /* "": requests without a valid credential */
    int64_t since_ms;             /* the minute that is counted; 0: free */
    int n;
};

struct activity {
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct events *events;
    struct activity_options options;
    struct metrics metrics;
    struct list waiting;    /* batches in the order of their ends; the last one takes what comes */
    size_t n_waiting;       /* their rows */
    struct batch *writing;  /* handed to the store, which has copied it; or NULL */
    struct store_op *write; /* of it */
    struct store_op *pruning;
    struct loop_timer due, prune_due;
    uint64_t n_dropped;
    bool is_failing;                                  /* the last write failed: said once */
    struct failing failing[ACTIVITY_MAX_LOOPING + 1]; /* the last one is shared */
    uint64_t n_left_out;
    struct buf line;
};

#endif
