/*
 * Is a client that has shut its side still there? The first bytes that reach one that is gone make its kernel send a reset,
 * and the next write finds that out (http_exchange_on_gone). So a few bytes are written, some time apart: soon, for one that
 * is near, and again later for one that is far.
 */
#ifndef HOB_RELAY_PROBE_H
#define HOB_RELAY_PROBE_H

#include "http/http.h"

/* What may be written now into the answer that has begun and means nothing: a comment of an event stream, a blank; NULL: nothing. */
typedef const char *(*relay_filler_fn)(void *arg);

struct relay_probe {
    struct loop_timer timer;
    struct http_exchange *x;
    relay_filler_fn filler;
    void *arg;
    size_t n;
};

/* Takes over x's on_shut. filler is asked once the answer has begun. */
void relay_probe_start(struct relay_probe *p, struct loop *l, struct http_exchange *x, relay_filler_fn filler,
                       void *arg);
/* Before the exchange is over or somebody else's. Harmless on {0}. */
void relay_probe_stop(struct relay_probe *p);
/* The exchange is over already. */
void relay_probe_forget(struct relay_probe *p);

#endif
