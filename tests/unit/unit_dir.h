/* Removes the folder that a test made. */
#ifndef HOB_TESTS_UNIT_DIR_H
#define HOB_TESTS_UNIT_DIR_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* With all that is in it; links are removed, not followed. 0, or -1 with something left. */
static inline int remove_tree(const char *dir)
{
    return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
