/* Publish and subscribe, with a ring of the last events. */
#include "events/events.h"

#include <stdio.h>

struct kept {
    struct event ev;
    char *user_id;
    char *json;
};

struct events {
    struct kept ring[EVENTS_KEPT]; /* event seq stands at seq % EVENTS_KEPT */
    uint64_t first_seq, last_seq;  /* kept: first..last; none when first > last */
    size_t kept_bytes;
    struct list subs;
    char boot_id[9];
};

struct events_sub {
    struct list node;
    events_fn fn;
    void *arg;
};

struct events *events_new(void)
{
    struct events *e = xcalloc(1, sizeof *e);
    list_init(&e->subs);
    e->first_seq = 1;
    (void)snprintf(e->boot_id, sizeof e->boot_id, "%08x", (unsigned)(rand_u64() & 0xffffffffu));
    return e;
}

static void drop_oldest(struct events *e)
{
    struct kept *k = &e->ring[e->first_seq++ % EVENTS_KEPT];
    e->kept_bytes -= k->ev.json.len;
    free(k->user_id);
    free(k->json);
    *k = (struct kept){0};
}

void events_free(struct events *e)
{
    if (!e)
        return;
    assert(list_is_empty(&e->subs));
    while (e->first_seq <= e->last_seq)
        drop_oldest(e);
    free(e);
}

void events_publish(struct events *e, const char *user_id, const char *name, struct span json)
{
    while (e->first_seq <= e->last_seq &&
           (e->last_seq - e->first_seq + 1 >= EVENTS_KEPT || e->kept_bytes + json.len > EVENTS_KEPT_BYTES))
        drop_oldest(e);
    uint64_t seq = ++e->last_seq;
    struct kept *k = &e->ring[seq % EVENTS_KEPT];
    k->user_id = xstrdup(user_id);
    k->json = xstrndup(json.p, json.len);
    k->ev = (struct event){
        .seq = seq, .name = name, .user_id = k->user_id, .json = span_of(k->json, json.len)};
    e->kept_bytes += json.len;
    LIST_EACH(sub, &e->subs, struct events_sub, node)
        sub->fn(sub->arg, &k->ev);
}

struct events_sub *events_subscribe(struct events *e, events_fn fn, void *arg)
{
    struct events_sub *sub = xcalloc(1, sizeof *sub);
    sub->fn = fn;
    sub->arg = arg;
    list_push_back(&e->subs, &sub->node);
    return sub;
}

void events_unsubscribe(struct events_sub *sub)
{
    if (!sub)
        return;
    list_remove(&sub->node);
    free(sub);
}

bool events_replay(const struct events *e, uint64_t after_seq, events_fn fn, void *arg)
{
    if (after_seq > e->last_seq || after_seq + 1 < e->first_seq)
        return false;
    for (uint64_t seq = after_seq + 1; seq <= e->last_seq; seq++)
        fn(arg, &e->ring[seq % EVENTS_KEPT].ev);
    return true;
}

uint64_t events_last_seq(const struct events *e)
{
    return e->last_seq;
}

const char *events_boot_id(const struct events *e)
{
    return e->boot_id;
}
