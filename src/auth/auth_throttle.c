/* A ring of the last guesses' times for each key; the keys are in order of use, the least recent first. */
#include "auth/auth_throttle.h"

struct guesses {
    struct list node;
    char *key;
    size_t n;                            /* guesses in the window, at most THROTTLE_MAX_GUESSES */
    size_t oldest;                       /* index of the oldest of them */
    int64_t at_ms[THROTTLE_MAX_GUESSES]; /* a ring */
};

struct throttle {
    struct map *by_key;
    struct list by_use;
};

struct throttle *throttle_new(void)
{
    struct throttle *t = xcalloc(1, sizeof(*t));
    t->by_key = map_new();
    list_init(&t->by_use);
    return t;
}

static void drop(struct throttle *t, struct guesses *g)
{
    map_remove(t->by_key, g->key);
    list_remove(&g->node);
    free(g->key);
    free(g);
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    while (!list_is_empty(&t->by_use))
        drop(t, LIST_FIRST(&t->by_use, struct guesses, node));
    map_free(t->by_key);
    free(t);
}

static void forget_old(struct guesses *g, int64_t now_ms)
{
    while (g->n && now_ms - g->at_ms[g->oldest] >= THROTTLE_WINDOW_MS) {
        g->oldest = (g->oldest + 1) % THROTTLE_MAX_GUESSES;
        g->n--;
    }
}

/* Keys whose guesses are all old go; and the one least recently used when there are too many. */
static void make_room(struct throttle *t, int64_t now_ms)
{
    for (struct guesses *g; (g = LIST_FIRST(&t->by_use, struct guesses, node));) {
        forget_old(g, now_ms);
        if (g->n && map_count(t->by_key) < THROTTLE_MAX_KEYS)
            return;
        drop(t, g);
    }
}

bool throttle_take(struct throttle *t, const char *key, int64_t now_ms, int64_t *out_wait_ms)
{
    struct guesses *g = map_get_str(t->by_key, key);
    if (!g) {
        make_room(t, now_ms);
        g = xcalloc(1, sizeof(*g));
        g->key = xstrdup(key);
        list_init(&g->node);
        map_put(t->by_key, key, g);
    }
    forget_old(g, now_ms);
    if (g->n == THROTTLE_MAX_GUESSES) {
        *out_wait_ms = g->at_ms[g->oldest] + THROTTLE_WINDOW_MS - now_ms;
        return false;
    }
    g->at_ms[(g->oldest + g->n++) % THROTTLE_MAX_GUESSES] = now_ms;
    list_remove(&g->node);
    list_push_back(&t->by_use, &g->node);
    return true;
}

void throttle_forget(struct throttle *t, const char *key)
{
    struct guesses *g = map_get_str(t->by_key, key);
    if (g)
        drop(t, g);
}

size_t throttle_n_keys(const struct throttle *t)
{
    return map_count(t->by_key);
}
