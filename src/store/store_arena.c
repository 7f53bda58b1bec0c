/* A chain of blocks that only grows, and goes at once. */
#include "store/store_arena.h"

#define BLOCK_BYTES 1008 /* with malloc's own words: 1 KiB */

struct arena_block {
    struct arena_block *older;
    size_t used, cap;
    _Alignas(max_align_t) char bytes[];
};

void arena_release(struct arena *a)
{
    while (a->newest) {
        struct arena_block *b = a->newest;
        a->newest = b->older;
        free(b);
    }
    a->bytes = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t align = _Alignof(max_align_t);
    size = (size + align - 1) / align * align;
    struct arena_block *b = a->newest;
    if (!b || b->cap - b->used < size) {
        size_t room = BLOCK_BYTES - sizeof(struct arena_block);
        b = xmalloc(sizeof(*b) + (size > room ? size : room));
        *b = (struct arena_block){.older = a->newest, .cap = size > room ? size : room};
        a->newest = b;
        a->bytes += b->cap;
    }
    char *p = b->bytes + b->used;
    b->used += size;
    memset(p, 0, size);
    return p;
}

char *arena_str(struct arena *a, const char *s)
{
    return s ? arena_span(a, span_str(s)) : NULL;
}

char *arena_span(struct arena *a, struct span s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(p, s.p, s.len);
    return p;
}
