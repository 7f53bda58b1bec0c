/* Where things are: llama-server, and the folders in which people keep models. */
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"

char *catalog_find_llama_server(const struct strv *folders)
{
    for (size_t i = 0; folders && i < folders->n; i++) {
        char *path = program_in(span_str(folders->v[i]), "llama-server");
        if (path)
            return path;
    }
    return program_find(getenv("PATH"), "llama-server");
}

static void add_if_there(struct strv *folders, const char *path)
{
    struct stat st;
    if (path[0] != '/' || stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return;
    for (size_t i = 0; i < folders->n; i++) {
        if (str_eq(folders->v[i], path))
            return;
    }
    strv_add(folders, path);
}

/* base + below, when base is set. */
static bool add_below(struct strv *folders, const char *base, const char *below)
{
    if (!base || base[0] != '/')
        return false;
    AUTO(mem) char *path = xasprintf("%s%s", base, below);
    add_if_there(folders, path);
    return true;
}

void catalog_default_folders(const char *own_folder, struct strv *out_folders)
{
    const char *home = getenv("HOME");
    AUTO(mem) char *home_cache = xasprintf("%s/.cache", home ? home : "");
    const char *cache = getenv("XDG_CACHE_HOME");
    if (!cache || cache[0] != '/')
        cache = home_cache;

    (void)add_below(out_folders, own_folder, "");
    if (!add_below(out_folders, getenv("HF_HUB_CACHE"), "") &&
        !add_below(out_folders, getenv("HF_HOME"), "/hub"))
        (void)add_below(out_folders, cache, "/huggingface/hub");
    if (!add_below(out_folders, getenv("LLAMA_CACHE"), ""))
        (void)add_below(out_folders, cache, "/llama.cpp");
    (void)add_below(out_folders, home, "/.lmstudio/models");
    (void)add_below(out_folders, cache, "/lm-studio/models");
}
