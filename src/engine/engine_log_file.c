/* An engine's log on disk: appended by a thread in batches, rotated by size. What cannot be written is left out. */
#include "engine/engine_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Lines that wait for a slow disk; more are left out, with a note. */
#define WAITING_MAX_BYTES (1 << 20)

struct engine_log_file {
    struct loop *loop;
    char *path;
    struct buf waiting; /* loop thread */
    struct buf batch;   /* of the thread while is_writing */
    size_t n_left_out;
    bool is_writing, is_closed;
};

struct engine_log_file *engine_log_file_new(struct loop *l, const char *dir, const char *id)
{
    if (!dir)
        return NULL;
    struct engine_log_file *f = xcalloc(1, sizeof *f);
    f->loop = l;
    f->path = xasprintf("%s/%s.log", dir, id);
    return f;
}

static void free_file(struct engine_log_file *f)
{
    buf_release(&f->waiting);
    buf_release(&f->batch);
    free(f->path);
    free(f);
}

/* PATH.1 becomes PATH.2 and so on; the oldest is replaced. */
static void rotate(const char *path)
{
    for (int i = ENGINE_LOG_FILES - 1; i >= 1; i--) {
        AUTO(mem) char *from = i == 1 ? xstrdup(path) : xasprintf("%s.%d", path, i - 1);
        AUTO(mem) char *to = xasprintf("%s.%d", path, i);
        if (rename(from, to) != 0)
            continue; /* not there yet */
    }
}

static void write_batch(void *arg)
{
    struct engine_log_file *f = arg;
    struct stat st;
    if (stat(f->path, &st) == 0 && st.st_size >= ENGINE_LOG_FILE_BYTES)
        rotate(f->path);
    int fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    for (size_t done = 0; done < f->batch.len;) {
        ssize_t n = write(fd, f->batch.p + done, f->batch.len - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    (void)close(fd);
}

static void start_writing(struct engine_log_file *f);

static void on_written(void *arg)
{
    struct engine_log_file *f = arg;
    f->is_writing = false;
    buf_release(&f->batch);
    if (f->waiting.len > 0)
        start_writing(f);
    else if (f->is_closed)
        free_file(f);
}

static void start_writing(struct engine_log_file *f)
{
    if (f->n_left_out > 0)
        buf_addf(&f->waiting, "(%zu lines left out: the disk was too slow)\n", f->n_left_out);
    f->n_left_out = 0;
    f->batch = f->waiting;
    f->waiting = (struct buf){0};
    f->is_writing = true;
    loop_work(f->loop, write_batch, on_written, f);
}

void engine_log_file_add(struct engine_log_file *f, const struct engine_log_line *line)
{
    if (!f)
        return;
    if (f->waiting.len + line->text.len > WAITING_MAX_BYTES) {
        f->n_left_out++;
        return;
    }
    time_t seconds = (time_t)(line->at_ms / 1000);
    struct tm utc;
    char at[32] = "";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &utc);
    buf_addf(&f->waiting, "%s.%03dZ %s ", at, (int)(line->at_ms % 1000), line->stream);
    buf_add_span(&f->waiting, line->text);
    buf_add_char(&f->waiting, '\n');
    if (!f->is_writing)
        start_writing(f);
}

void engine_log_file_close(struct engine_log_file *f)
{
    if (!f)
        return;
    f->is_closed = true;
    if (!f->is_writing)
        free_file(f);
}
