/* Looks through folders for models, on a thread. Bounded in depth, entries and results. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/catalog_file.h"
#include "catalog/catalog_name.h"

struct identity {
    dev_t dev;
    ino_t ino;
};

struct catalog_scan {
    struct strv folders;
    catalog_scan_fn fn; /* NULL: cancelled; loop thread only */
    void *arg;
    /* the thread's until it is done */
    struct catalog_models found;
    struct identity *seen; /* of found: a file that is reached twice counts once */
    size_t cap, n_entries;
};

void catalog_models_release(struct catalog_models *m)
{
    for (size_t i = 0; i < m->n; i++)
        catalog_model_release(&m->v[i]);
    free(m->v);
    *m = (struct catalog_models){0};
}

static bool is_seen(const struct catalog_scan *s, const struct stat *st)
{
    for (size_t i = 0; i < s->found.n; i++) {
        if (s->seen[i].dev == st->st_dev && s->seen[i].ino == st->st_ino)
            return true;
    }
    return false;
}

/* Takes over m. */
static void add_found(struct catalog_scan *s, struct catalog_model *m, const struct stat *st)
{
    if (s->found.n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->found.v = xrealloc(s->found.v, s->cap * sizeof *s->found.v);
        s->seen = xrealloc(s->seen, s->cap * sizeof *s->seen);
    }
    s->seen[s->found.n] = (struct identity){st->st_dev, st->st_ino};
    s->found.v[s->found.n++] = *m;
}

static void look_at_file(struct catalog_scan *s, int root_fd, const char *root, const char *dir,
                         const char *file_name)
{
    struct catalog_part part;
    if (!catalog_name_parse(span_str(file_name), &part) || part.part != 1 || s->found.n >= CATALOG_MAX_MODELS)
        return;
    AUTO(mem) char *path = xasprintf("%s%s%s", dir, dir[0] ? "/" : "", file_name);
    struct stat st;
    int fd = catalog_open_beneath(root_fd, path, 0);
    if (fd < 0)
        return;
    struct catalog_model model;
    struct err_text why;
    if (fstat(fd, &st) == 0 && !is_seen(s, &st) &&
        catalog_read_fd(fd, file_name, root_fd, dir, &model, &why) == ERR_OK) {
        model.path = xasprintf("%s/%s", root, path);
        add_found(s, &model, &st);
    }
    (void)close(fd);
}

static void look_into(struct catalog_scan *s, int root_fd, const char *root, const char *dir, int depth)
{
    /* links to folders are not followed: they may lead in circles */
    int fd = dir[0] ? catalog_open_beneath(root_fd, dir, O_DIRECTORY | O_NOFOLLOW) : dup(root_fd);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    for (struct dirent *d; (d = readdir(entries)) && s->n_entries < CATALOG_MAX_FILES;) {
        struct stat st;
        s->n_entries++;
        if (d->d_name[0] == '.')
            continue;
        bool is_folder = d->d_type == DT_DIR;
        if (d->d_type == DT_UNKNOWN && fstatat(dirfd(entries), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            is_folder = S_ISDIR(st.st_mode);
        if (is_folder && depth < CATALOG_MAX_DEPTH) {
            AUTO(mem) char *below = xasprintf("%s%s%s", dir, dir[0] ? "/" : "", d->d_name);
            look_into(s, root_fd, root, below, depth + 1);
        } else if (!is_folder) {
            look_at_file(s, root_fd, root, dir, d->d_name);
        }
    }
    (void)closedir(entries);
}

static int by_name(const void *a, const void *b)
{
    const struct catalog_model *x = a, *y = b;
    int order = strcasecmp(x->name, y->name);
    return order ? order : strcmp(x->path, y->path);
}

static void scan(void *arg)
{
    struct catalog_scan *s = arg;
    for (size_t i = 0; i < s->folders.n; i++) {
        const char *root = s->folders.v[i];
        int fd = root[0] == '/' ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        look_into(s, fd, str_eq(root, "/") ? "" : root, "", 0);
        (void)close(fd);
    }
    if (s->found.n > 0)
        qsort(s->found.v, s->found.n, sizeof *s->found.v, by_name);
}

static void on_scanned(void *arg)
{
    struct catalog_scan *s = arg;
    if (s->fn)
        s->fn(&s->found, s->arg);
    catalog_models_release(&s->found);
    free(s->seen);
    strv_release(&s->folders);
    free(s);
}

struct catalog_scan *catalog_scan_start(struct loop *l, const struct strv *folders, catalog_scan_fn fn,
                                        void *arg)
{
    struct catalog_scan *s = xcalloc(1, sizeof *s);
    strv_copy(&s->folders, folders);
    s->fn = fn;
    s->arg = arg;
    loop_work(l, scan, on_scanned, s);
    return s;
}

void catalog_scan_cancel(struct catalog_scan *s)
{
    if (s)
        s->fn = NULL;
}
