/* llama-swap's macros: ${name} in texts, each may use those before it; ${env.NAME} is the environment's. */
#ifndef HOB_CONFIG_MACROS_H
#define HOB_CONFIG_MACROS_H

#include "config/config_doc.h"

#define MACROS_MAX_BYTES (64 * 1024) /* of one text with its macros in it */

struct macro {
    const char *name, *value;
    const yaml_node_t *node; /* NULL: not of the file */
};
struct macros {
    struct macro *v;
    size_t n;
};
/* Copies the pointers only. One that is there keeps its place and gets the new value. */
void macros_put(struct macros *m, const char *name, const char *value, const yaml_node_t *node);
void macros_copy(struct macros *to, const struct macros *from);
void macros_release(struct macros *m);
/* ERR_INVALID: a macro or a variable that is not there, or too long a text. ${PORT} and ${PID} stay. The caller owns *out. */
MUST_CHECK enum err macros_expand(const struct macros *m, const char *text, char **out, struct err_text *why);
/* The one macro that text consists of, or NULL. */
const struct macro *macros_whole(const struct macros *m, const char *text);

#endif
