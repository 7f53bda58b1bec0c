/* The data folder and its lock. */
#include "app/app_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err fail(struct err_text *why, const char *what, const char *path)
{
    int errnum = errno;
    return err_set(why, err_from_errno(errnum), "%s %s: %s", what, path, strerror(errnum));
}

enum err app_make_data_dir(const char *dir, struct err_text *why)
{
    AUTO(mem) char *path = xstrdup(dir);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return fail(why, "cannot make the folder", path);
        *slash = '/';
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(why, "cannot make the data folder", dir);
    if (chmod(dir, 0700) != 0)
        return fail(why, "cannot make the data folder private:", dir);
    return ERR_OK;
}

/* "process 1234 (hob)", from what the holder wrote into the lock file. */
static void describe_holder(int fd, char *out, size_t cap)
{
    char text[32] = "", path[64], name[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    uint64_t pid = 0;
    (void)snprintf(out, cap, "another process");
    if (n <= 0 || !span_to_u64(span_trim(span_of(text, (size_t)n)), &pid))
        return;
    (void)snprintf(path, sizeof path, "/proc/%llu/comm", (unsigned long long)pid);
    FILE *f = fopen(path, "re");
    if (f) {
        if (!fgets(name, sizeof name, f))
            name[0] = '\0';
        (void)fclose(f);
    }
    name[strcspn(name, "\n")] = '\0';
    (void)snprintf(out, cap, "process %llu%s%s%s", (unsigned long long)pid, name[0] ? " (" : "", name,
                   name[0] ? ")" : "");
}

enum err app_lock(const char *dir, int *out_fd, struct err_text *why)
{
    AUTO(mem) char *path = xasprintf("%s/hob.lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(why, "cannot open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char holder[96];
        describe_holder(fd, holder, sizeof holder);
        close(fd);
        return err_set(why, ERR_EXISTS,
                       "%s is in use by %s. Stop it, or start hob with another --data folder.", dir, holder);
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        enum err e = fail(why, "cannot write", path);
        close(fd);
        return e;
    }
    *out_fd = fd;
    return ERR_OK;
}
