/* Memory of one store call: many small pieces that are freed together. {0} is an empty arena. */
#ifndef HOB_STORE_ARENA_H
#define HOB_STORE_ARENA_H

#include "util/util.h"

struct arena_block;
struct arena {
    struct arena_block *newest;
    size_t bytes; /* allocated, for the limit on what is queued */
};

void arena_release(struct arena *a);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
/* Copies with a NUL; NULL stays NULL. */
char *arena_str(struct arena *a, const char *s);
char *arena_span(struct arena *a, struct span s);

#endif
