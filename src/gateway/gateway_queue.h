/*
 * The order of those who wait for one server: round robin between their owners (who asks), first come, first served
 * within one. Whoever has k of his own before him is served in k + 1 rounds at the latest, and a round has one turn of
 * each owner: nobody starves, and nobody waits longer because another has sent more. Pure: no I/O, no clock.
 *
 *     rotation:   [ann: 1 2 3 4]  [bob: 5]  [cy: 6 7]
 *     turns:      1 5 6 2 7 3 4
 */
#ifndef HOB_GATEWAY_QUEUE_H
#define HOB_GATEWAY_QUEUE_H

#include "util/util.h"

#define QUEUE_MAX_OWNER_BYTES 80
/* One owner may have at most so many times as many waiting as places are free then: 227 of 256 when he is alone, and there
 * is a place left for the next one whoever they are. */
#define QUEUE_SHARE 8

struct queue_lane; /* one owner's */
struct queue_ticket {
    struct queue_lane *lane; /* NULL: in no queue */
    struct list node;
    size_t place; /* valid while the queue's places are */
};
struct queue {
    struct list lanes; /* in the order of their next turns */
    size_t n;
    bool has_places; /* each ticket's place is right */
};

/* Plain memory; a queue with tickets in it must not be given up. */
void queue_init(struct queue *q);
/* Whether one more of this owner finds a place among at most max. */
bool queue_has_room(const struct queue *q, const char *owner, size_t max);
/* Puts t, which is in no queue, behind the others of its owner (cut at QUEUE_MAX_OWNER_BYTES). */
void queue_join(struct queue *q, const char *owner, struct queue_ticket *t);
/* Before the others of its owner, and with its owner's turn next if no other of his waits: for one that had its turn for nothing. */
void queue_rejoin(struct queue *q, const char *owner, struct queue_ticket *t);
/* Harmless when it is in no queue. */
void queue_leave(struct queue *q, struct queue_ticket *t);
/* Takes out whose turn it is; NULL: nobody waits. */
struct queue_ticket *queue_take(struct queue *q);
/* How many have their turn before t if nobody else comes. */
size_t queue_place(struct queue *q, const struct queue_ticket *t);

#endif
