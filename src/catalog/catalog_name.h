/* File names of models: pure. */
#ifndef HOB_CATALOG_NAME_H
#define HOB_CATALOG_NAME_H

#include "util/util.h"

#define CATALOG_MAX_PARTS 1000

/* "NAME-00002-of-00005.gguf": part 2 of 5. Others: part 1 of 1. */
struct catalog_part {
    struct span stem; /* NAME, without part and ".gguf"; points into the file's name */
    int part, n_parts;
};
/* False: it is no model file's name (another ending, a vision projector, hidden). */
bool catalog_name_parse(struct span file_name, struct catalog_part *out_part);

#endif
