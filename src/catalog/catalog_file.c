/* One model file: opened without leaving its folder, read by its header, sized with all its parts. */
#include "catalog/catalog_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catalog/catalog_name.h"

int catalog_open_beneath(int dir_fd, const char *path, int flags)
{
    /* O_NONBLOCK: a FIFO must not hold us; O_NOCTTY and the check for a regular file do the rest */
    struct open_how how = {.flags = (unsigned)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    if (fd < 0 && errno == ENOSYS) {
        /* an old sandbox: then no links at all in the last part, and no way up */
        if (path[0] == '/' || strstr(path, "..")) {
            errno = EXDEV;
            return -1;
        }
        fd = openat(dir_fd, path, (int)how.flags | O_NOFOLLOW);
    }
    return (int)fd;
}

static bool read_at(void *arg, uint64_t offset, void *into, size_t n)
{
    const int *fd = arg;
    char *to = into;
    while (n > 0) {
        ssize_t got = pread(*fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

static int64_t other_parts_bytes(const struct catalog_part *part, const char *file_name, int dir_fd,
                                 const char *dir)
{
    int64_t total = 0;
    const char *ending = file_name + strlen(file_name) - 5;
    for (int i = 1; i <= part->n_parts; i++) {
        if (i == part->part)
            continue;
        AUTO(mem)
        char *path = xasprintf("%s%s%.*s-%05d-of-%05d%s", dir, dir[0] ? "/" : "", SPAN_ARG(part->stem), i,
                               part->n_parts, ending);
        struct stat st;
        int fd = catalog_open_beneath(dir_fd, path, 0);
        if (fd < 0)
            continue;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < INT64_MAX / 2048)
            total += st.st_size;
        (void)close(fd);
    }
    return total;
}

static bool is_model(const struct gguf_info *info)
{
    if (str_eq(info->architecture, "clip"))
        return false;
    return !info->type[0] || str_eq(info->type, "model");
}

enum err catalog_read_fd(int fd, const char *file_name, int parts_dir_fd, const char *parts_dir,
                         struct catalog_model *out_model, struct err_text *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(why, err_from_errno(errno), "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(why, ERR_INVALID, "it is no regular file");
    struct gguf_info info;
    enum err e = gguf_read(read_at, &fd, (uint64_t)st.st_size, &info, why);
    if (e)
        return e;
    if (!is_model(&info))
        return err_set(why, ERR_UNSUPPORTED, "it is no language model but its %s",
                       info.type[0] ? info.type : info.architecture);
    struct catalog_part part = {span_str(file_name), 1, 1};
    (void)catalog_name_parse(span_str(file_name), &part);
    const char *quantization = gguf_file_type_name(info.file_type);
    struct buf name = {0};
    utf8_add_clean(&name, part.stem);
    *out_model = (struct catalog_model){
        .name = buf_take_str(&name),
        .size_bytes = st.st_size,
        .title = info.title[0] ? xstrdup(info.title) : NULL,
        .architecture = info.architecture[0] ? xstrdup(info.architecture) : NULL,
        .quantization = xstrdup(quantization),
        .context_length = info.context_length,
        .parameter_count = info.parameter_count,
    };
    if (part.n_parts > 1)
        out_model->size_bytes += other_parts_bytes(&part, file_name, parts_dir_fd, parts_dir);
    return ERR_OK;
}

enum err catalog_read_model(const char *path, struct catalog_model *out_model, struct err_text *why)
{
    const char *slash = strrchr(path, '/');
    if (path[0] != '/')
        return err_set(why, ERR_INVALID, "the model's path must be absolute");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "%.300s: %s", path, strerror(errno));
    AUTO(mem) char *dir = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err_text what;
    enum err e = catalog_read_fd(fd, slash + 1, dir_fd, "", out_model, &what);
    if (!e)
        out_model->path = xstrdup(path);
    else
        (void)err_set(why, e, "%.200s: %.200s", path, what.text);
    (void)close(fd);
    if (dir_fd >= 0)
        (void)close(dir_fd);
    return e;
}

void catalog_model_release(struct catalog_model *m)
{
    free(m->path);
    free(m->name);
    free(m->title);
    free(m->architecture);
    free(m->quantization);
    *m = (struct catalog_model){0};
}
