/* Who is next: a lane for each owner, lanes in rotation. */
#include "gateway/gateway_queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queue_lane {
    struct list node; /* in queue.lanes */
    struct list tickets;
    size_t n;
    struct list *cursor;     /* while places are given */
    struct queue_lane *open; /* the next that has some without a place */
    char owner[QUEUE_MAX_OWNER_BYTES + 1];
};

void queue_init(struct queue *q)
{
    list_init(&q->lanes);
    q->n = 0;
    q->has_places = true;
}

static struct queue_lane *find_lane(const struct queue *q, const char *owner)
{
    LIST_EACH(lane, &q->lanes, struct queue_lane, node) {
        if (strncmp(lane->owner, owner, QUEUE_MAX_OWNER_BYTES) == 0)
            return lane;
    }
    return NULL;
}

static struct queue_lane *new_lane(const char *owner)
{
    struct queue_lane *lane = xcalloc(1, sizeof *lane);
    list_init(&lane->node);
    list_init(&lane->tickets);
    (void)snprintf(lane->owner, sizeof lane->owner, "%s", owner);
    return lane;
}

bool queue_has_room(const struct queue *q, const char *owner, size_t max)
{
    if (q->n >= max)
        return false;
    const struct queue_lane *lane = find_lane(q, owner);
    return !lane || lane->n + 1 <= QUEUE_SHARE * (max - (q->n + 1));
}

static void add(struct queue *q, struct queue_lane *lane, struct queue_ticket *t)
{
    assert(!t->lane);
    t->lane = lane;
    lane->n++;
    q->n++;
    q->has_places = false;
}

void queue_join(struct queue *q, const char *owner, struct queue_ticket *t)
{
    struct queue_lane *lane = find_lane(q, owner);
    if (!lane) {
        lane = new_lane(owner);
        list_push_back(&q->lanes, &lane->node);
    }
    list_push_back(&lane->tickets, &t->node);
    add(q, lane, t);
}

void queue_rejoin(struct queue *q, const char *owner, struct queue_ticket *t)
{
    struct queue_lane *lane = find_lane(q, owner);
    if (!lane) {
        lane = new_lane(owner);
        list_push_front(&q->lanes, &lane->node);
    }
    list_push_front(&lane->tickets, &t->node);
    add(q, lane, t);
}

void queue_leave(struct queue *q, struct queue_ticket *t)
{
    struct queue_lane *lane = t->lane;
    if (!lane)
        return;
    list_remove(&t->node);
    t->lane = NULL;
    q->n--;
    q->has_places = false;
    if (--lane->n > 0)
        return;
    list_remove(&lane->node);
    free(lane);
}

struct queue_ticket *queue_take(struct queue *q)
{
    struct queue_lane *lane = LIST_FIRST(&q->lanes, struct queue_lane, node);
    if (!lane)
        return NULL;
    struct queue_ticket *t = LIST_FIRST(&lane->tickets, struct queue_ticket, node);
    list_remove(&lane->node);
    list_push_back(&q->lanes, &lane->node);
    queue_leave(q, t);
    return t;
}

/* Round by round, as turns will be given. */
static void give_places(struct queue *q)
{
    struct queue_lane *open = NULL, **last = &open;
    LIST_EACH(lane, &q->lanes, struct queue_lane, node) {
        lane->cursor = lane->tickets.next;
        *last = lane;
        last = &lane->open;
    }
    *last = NULL;
    size_t place = 0;
    while (open) {
        for (struct queue_lane **at = &open; *at;) {
            struct queue_lane *lane = *at;
            CONTAINER_OF(lane->cursor, struct queue_ticket, node)->place = place++;
            lane->cursor = lane->cursor->next;
            if (lane->cursor == &lane->tickets)
                *at = lane->open;
            else
                at = &lane->open;
        }
    }
    q->has_places = true;
}

size_t queue_place(struct queue *q, const struct queue_ticket *t)
{
    assert(t->lane);
    if (!q->has_places)
        give_places(q);
    return t->place;
}
