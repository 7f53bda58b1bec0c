/*
 * What the kernel counts of any engine, against the size of its weights: bytes read() (direct I/O, plain reads, copies to
 * a GPU) and resident pages (mmap), whichever is more.
 */
#include "engine/engine_progress.h"

/* The weights are read before everything is: the last steps belong to the health check. */
#define BYTES_MOST 0.97
#define TIME_MOST  0.95

#define MOVED_IO_BYTES  (64 * 1024)
#define MOVED_RSS_BYTES (1024 * 1024)

double engine_bytes_value(const struct engine_sample *s, int64_t model_bytes)
{
    if (model_bytes <= 0)
        return -1;
    int64_t resident = s->file_bytes + s->anon_bytes;
    int64_t most = s->read_bytes > resident ? s->read_bytes : resident;
    double value = (double)most / (double)model_bytes;
    return value < 0 ? 0 : value > BYTES_MOST ? BYTES_MOST : value;
}

double engine_time_value(int64_t elapsed_ms, int64_t last_load_ms)
{
    if (last_load_ms <= 0)
        return -1;
    double value = (double)elapsed_ms / (double)last_load_ms;
    return value < 0 ? 0 : value > TIME_MOST ? TIME_MOST : value;
}

/* A tenth of a CPU is work; a program that waits and looks at its clock uses less. */
bool engine_sample_moved(const struct engine_sample *before, const struct engine_sample *now,
                         int64_t elapsed_ms)
{
    int64_t rss = now->file_bytes + now->anon_bytes - before->file_bytes - before->anon_bytes;
    int64_t io = now->read_bytes - before->read_bytes + now->write_bytes - before->write_bytes;
    return io >= MOVED_IO_BYTES || rss >= MOVED_RSS_BYTES || rss <= -MOVED_RSS_BYTES ||
           (now->cpu_ms - before->cpu_ms) * 10 >= (elapsed_ms > 0 ? elapsed_ms : 1);
}
