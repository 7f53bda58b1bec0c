/* Programs by their names. */
#ifndef HOB_UTIL_PROGRAM_H
#define HOB_UTIL_PROGRAM_H

#include "util/util_span.h"

/* The path of the program in the folder, heap; NULL: it is not there. Absolute folders only. */
char *program_in(struct span folder, const char *name);
/* In the first of the folders in a list like $PATH; NULL is an empty one. */
char *program_find(const char *path, const char *name);

#endif
