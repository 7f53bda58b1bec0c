/*
 * events: publish and subscribe inside the process. Knows no HTTP. Each event is a name and JSON text; the last ones
 * are kept, so that a screen that was away for a moment misses nothing.
 */
#ifndef HOB_EVENTS_H
#define HOB_EVENTS_H

#include "util/util.h"

#define EVENTS_KEPT       1024              /* ... events and */
#define EVENTS_KEPT_BYTES (4 * 1024 * 1024) /* ... bytes at most */

struct events;
struct events_sub;

struct event {
    uint64_t seq;        /* contiguous from 1 in this run of hob */
    const char *name;    /* "server", "generation" ... */
    const char *user_id; /* whom it concerns; NULL: everybody */
    struct span json;
};
/* Must not publish; may unsubscribe itself. */
typedef void (*events_fn)(void *arg, const struct event *ev);

struct events *events_new(void);
/* All subscriptions must be gone. */
void events_free(struct events *e);
AUTO_DEFINE(events, struct events, events_free)
/* name must be a literal. user_id and json are copied. Subscribers run before this returns. */
void events_publish(struct events *e, const char *user_id, const char *name, struct span json);
struct events_sub *events_subscribe(struct events *e, events_fn fn, void *arg);
/* NULL is fine. */
void events_unsubscribe(struct events_sub *sub);
/* Runs fn for every kept event after seq; false (and no call) when some of them are no longer kept. */
bool events_replay(const struct events *e, uint64_t after_seq, events_fn fn, void *arg);
uint64_t events_last_seq(const struct events *e);
/* Random, 8 hex digits: tells this run of hob from others. */
const char *events_boot_id(const struct events *e);

#endif
