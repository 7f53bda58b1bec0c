/* What a key may be used for (pure): sets of routes, names and patterns of models, and both as JSON. */
#ifndef HOB_AUTH_SCOPE_H
#define HOB_AUTH_SCOPE_H

#include "auth/auth.h"

/* Arrays of JSON. ERR_INVALID: why names "routes" or "models". *out_models is empty before. */
MUST_CHECK enum err scope_routes_parse(yyjson_val *array, uint32_t *out_routes, struct err_text *why);
MUST_CHECK enum err scope_models_parse(yyjson_val *array, struct strv *out_models, struct err_text *why);
/* The same as the store has it, from what these functions wrote: NULL is all. What cannot be read is nothing at all: it must not
 * widen a right. */
uint32_t scope_routes_read(const char *json);
void scope_models_read(const char *json, struct strv *out_models);
/* The arrays as text, owned by the caller; NULL: all. */
char *scope_routes_text(uint32_t routes);
char *scope_models_text(const struct strv *models);
/* Does name fit pattern? `*` stands for any bytes; ASCII letter case is ignored, as in servers' names. */
bool scope_name_fits(const char *name, const char *pattern);

#endif
