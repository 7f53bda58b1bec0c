/* Hash map with open addressing and linear probing; removal shifts back, so there are no tombstones. */
#include "util/util_map.h"

#include "util/util_mem.h"
#include "util/util_rand.h"

struct slot {
    char *key; /* NULL: free */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct map {
    struct slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

struct map *map_new(void)
{
    struct map *m = xcalloc(1, sizeof *m);
    rand_bytes(&m->seed, sizeof m->seed);
    return m;
}

void map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    free(m->slots);
    free(m);
}

size_t map_count(const struct map *m)
{
    return m->count;
}

/* Both halves of the product: each bit of the result depends on all of h. */
static uint64_t mix(uint64_t h)
{
    unsigned __int128 product = (unsigned __int128)h * 0x9e3779b97f4a7c15u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time, over a random seed: ids have 36, and a request looks up a dozen of them. */
static uint64_t hash_of(const struct map *m, struct span key)
{
    uint64_t h = m->seed ^ key.len, word = 0;
    size_t at = 0;
    for (; key.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, key.p + at, sizeof word);
        h = mix(h ^ word);
    }
    word = 0;
    memcpy(&word, key.p + at, key.len - at);
    return mix(mix(h ^ word) ^ m->seed);
}

/* The slot that holds key, or the free one where it would go. cap must not be 0. */
static size_t slot_of(const struct map *m, struct span key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].key) {
        const struct slot *s = &m->slots[i];
        if (s->hash == hash && s->key_len == key.len && memcmp(s->key, key.p, key.len) == 0)
            return i;
        i = (i + 1) & (m->cap - 1);
    }
    return i;
}

void *map_get(const struct map *m, struct span key)
{
    if (m->count == 0 || !key.p)
        return NULL;
    const struct slot *s = &m->slots[slot_of(m, key, hash_of(m, key))];
    return s->key ? s->value : NULL;
}

void *map_get_str(const struct map *m, const char *key)
{
    return map_get(m, span_str(key));
}

static void grow(struct map *m)
{
    struct slot *old = m->slots;
    size_t old_cap = m->cap;
    m->cap = old_cap ? old_cap * 2 : 16;
    m->slots = xcalloc(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].key)
            m->slots[slot_of(m, span_of(old[i].key, old[i].key_len), old[i].hash)] = old[i];
    }
    free(old);
}

void *map_put_span(struct map *m, struct span key, void *value)
{
    if (m->count * 4 >= m->cap * 3)
        grow(m);
    uint64_t hash = hash_of(m, key);
    struct slot *s = &m->slots[slot_of(m, key, hash)];
    if (s->key) {
        void *before = s->value;
        s->value = value;
        return before;
    }
    *s = (struct slot){.key = xstrndup(key.p, key.len), .key_len = key.len, .hash = hash, .value = value};
    m->count++;
    return NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
    return map_put_span(m, span_str(key), value);
}

void *map_remove(struct map *m, const char *key)
{
    if (m->count == 0)
        return NULL;
    struct span k = span_str(key);
    size_t hole = slot_of(m, k, hash_of(m, k));
    if (!m->slots[hole].key)
        return NULL;
    void *value = m->slots[hole].value;
    free(m->slots[hole].key);
    m->slots[hole].key = NULL;
    m->count--;
    /* Move back whatever probed past the hole. */
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].key; i = (i + 1) & (m->cap - 1)) {
        size_t home = m->slots[i].hash & (m->cap - 1);
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            m->slots[i].key = NULL;
            hole = i;
        }
    }
    return value;
}

bool map_next(const struct map *m, size_t *at, const char **out_key, void **out_value)
{
    for (; *at < m->cap; (*at)++) {
        const struct slot *s = &m->slots[*at];
        if (s->key) {
            if (out_key)
                *out_key = s->key;
            *out_value = s->value;
            (*at)++;
            return true;
        }
    }
    return false;
}
