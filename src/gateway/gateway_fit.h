/*
 * Who sits in memory, decided for all servers at once. Pure: a table of what is there and who wants in, the rules, the
 * time; what comes out is what becomes of each. It starts nothing and stops nothing.
 *
 * Wishes are served oldest first. One that does not fit has a plan: the servers that have to go for it, idle ones first,
 * least recently used first. They go together, when none of them is in use; what a plan will free belongs to it, so no later
 * wish takes it away. Who is in use has its turn (`turn_ms`, from its READY or from the wish, whichever is later); then
 * it yields: it gets no new requests, and goes when those that it has are answered.
 */
#ifndef HOB_GATEWAY_FIT_H
#define HOB_GATEWAY_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIT_MAX_SERVERS 512
#define FIT_NO_LIMIT    INT64_MAX
#define FIT_NOBODY      SIZE_MAX

/* Bytes. Limits have FIT_NO_LIMIT where there is nothing to count. */
struct fit_amount {
    int64_t ram, gpu;
};

enum fit_place {
    FIT_OUT,     /* no process */
    FIT_COMING,  /* starting or loading: never stopped for another */
    FIT_IN,      /* ready */
    FIT_LEAVING, /* told to end, not gone yet */
};

enum fit_group {
    FIT_NO_GROUP,
    FIT_EXCLUSIVE, /* of its members one at most is in memory */
    FIT_TOGETHER, /* a use of one is a use of all; one goes for another only when nobody else is left to go */
    FIT_ALWAYS,   /* never stopped for others */
};

struct fit_server {
    enum fit_place place;
    enum fit_group kind;
    int group;               /* tells groups apart; any number without one */
    struct fit_amount holds; /* what it counts for; read when it is not OUT */
    struct fit_amount needs; /* to be started, as far as is known */
    struct fit_amount least; /* what it needs in any case; never more than needs */
    bool is_active;          /* works on requests */
    bool is_awaited;         /* IN, and requests wait for it */
    int64_t last_use_ms;     /* when its last use began or ended; 0: never */
    int64_t ready_ms;        /* when it became ready, if it is IN */
    int64_t
        wanted_ms; /* since when somebody wants it in memory; < 0: nobody. Read when it is OUT or LEAVING */
};

struct fit_rules {
    int64_t turn_ms; /* how long it goes on taking requests while another is wanted */
    int64_t stay_ms; /* how long one stays that has not been used since it became ready */
    int64_t
        linger_ms; /* and one that has, after its last use: clients that ask one thing after the other pause as long */
};

struct fit_table {
    const struct fit_server *servers;
    size_t n;                /* <= FIT_MAX_SERVERS */
    struct fit_amount limit; /* for who comes */
    struct fit_amount firm;  /* for what is in memory already: over it somebody idle goes */
    bool
        is_settling; /* RAM of one that has ended may still be on its way back: nothing is found too big for it */
    struct fit_rules rules;
    int64_t now_ms;
};

enum fit_act {
    FIT_KEEP,
    FIT_START, /* it fits now */
    FIT_EVICT, /* stop it, for fate.for_whom, or (FIT_NOBODY) because the limit is passed */
    FIT_YIELD, /* it takes no new requests, and will be stopped */
    FIT_WAIT,  /* it is wanted, and others have to go first */
    FIT_NEVER, /* it is wanted, and does not fit alone either */
};
struct fit_fate {
    enum fit_act act;
    size_t for_whom; /* the wish that waits until this one has gone or has come; FIT_NOBODY */
};

static inline int64_t fit_lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t fit_higher(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* out_fates has room for n. */
void fit_decide(const struct fit_table *t, struct fit_fate *out_fates);
/* The most that server `who` can have: the limit without those in memory that always stay. */
struct fit_amount fit_room(const struct fit_table *t, size_t who);

#endif
