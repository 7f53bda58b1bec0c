/* Hash map from strings (copied) to pointers (not owned). Keys are hashed with a per-process random seed. */
#ifndef HOB_UTIL_MAP_H
#define HOB_UTIL_MAP_H

#include <stddef.h>

#include "util/util_auto.h"
#include "util/util_span.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m);
AUTO_DEFINE(map, struct map, map_free)
size_t map_count(const struct map *m);
/* NULL when not there. */
void *map_get(const struct map *m, struct span key);
void *map_get_str(const struct map *m, const char *key);
/* Returns the value that was there before, or NULL. value must not be NULL. */
void *map_put(struct map *m, const char *key, void *value);
/* The same with any bytes for a key. */
void *map_put_span(struct map *m, struct span key, void *value);
/* Returns the removed value, or NULL. */
void *map_remove(struct map *m, const char *key);
/* Iterates in no order: size_t at = 0; while (map_next(m, &at, &key, &value)) ... The map must not change meanwhile. */
bool map_next(const struct map *m, size_t *at, const char **out_key, void **out_value);

#endif
