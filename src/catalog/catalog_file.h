/* Opening and reading one model file. */
#ifndef HOB_CATALOG_FILE_H
#define HOB_CATALOG_FILE_H

#include <sys/stat.h>

#include "catalog/catalog.h"
#include "catalog/catalog_gguf.h"

/* Opens path below the folder dir_fd for reading, never outside of it, links included; -1 with errno. */
int catalog_open_beneath(int dir_fd, const char *path, int flags);
/*
 * Reads the open file fd, whose name within its folder is file_name. parts_dir_fd, parts_dir: where the other parts of
 * a split model are ("" is parts_dir_fd itself). Path and identity are the caller's. ERR_UNSUPPORTED: a GGUF file, but no model.
 */
MUST_CHECK enum err catalog_read_fd(int fd, const char *file_name, int parts_dir_fd, const char *parts_dir,
                                    struct catalog_model *out_model, struct err_text *why);

#endif
