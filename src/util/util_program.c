/* Looks for programs. Only in absolute folders: an empty or relative one depends on where hob was started. */
#include "util/util_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include "util/util_mem.h"

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *program_in(struct span folder, const char *name)
{
    if (folder.len == 0 || folder.p[0] != '/')
        return NULL;
    AUTO(mem) char *path = xasprintf("%.*s/%s", SPAN_ARG(folder), name);
    return is_program(path) ? TAKE(path) : NULL;
}

char *program_find(const char *path, const char *name)
{
    struct span rest = span_str(path);
    while (rest.p) {
        char *found = program_in(span_cut(rest, ':', &rest), name);
        if (found)
            return found;
    }
    return NULL;
}
