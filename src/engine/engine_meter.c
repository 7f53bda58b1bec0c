/* Reads /proc: memory, processor time and bytes read of an engine, workers included. Small bounded reads on the loop. */
#include "engine/engine_meter.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* An engine with more threads is measured in part. */
#define MAX_TASKS 512

struct span engine_meter_file(const char *path, char *into, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (struct span){0};
    ssize_t n = read(fd, into, cap);
    (void)close(fd);
    return span_of(into, n > 0 ? (size_t)n : 0);
}

static struct span read_proc(int pid, const char *name, char *into, size_t cap)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return engine_meter_file(path, into, cap);
}

int64_t engine_meter_field(struct span text, const char *name)
{
    while (text.p) {
        struct span line = span_cut(text, '\n', &text);
        if (!span_starts(line, name))
            continue;
        size_t n = strlen(name);
        struct span value = span_of(line.p + n, line.len - n);
        if (value.len > 0 && value.p[0] == ':')
            value = span_of(value.p + 1, value.len - 1);
        else if (value.len == 0 || (value.p[0] != ' ' && value.p[0] != '\t'))
            continue;
        struct span rest;
        uint64_t number;
        if (span_to_u64(span_cut(span_trim(value), ' ', &rest), &number) && number <= INT64_MAX)
            return (int64_t)number;
    }
    return -1;
}

int64_t engine_meter_status_bytes(struct span status, const char *name)
{
    int64_t kib = engine_meter_field(status, name);
    return kib < 0 || kib > INT64_MAX / 1024 ? 0 : kib * 1024;
}

int64_t engine_meter_stat_ticks(struct span stat)
{
    size_t after = 0;
    for (size_t i = 0; i < stat.len; i++) {
        if (stat.p[i] == ')')
            after = i + 1;
    }
    if (after == 0)
        return -1;
    /* proc(5): the name is field 2; utime is 14, stime 15 */
    struct span rest = span_trim(span_of(stat.p + after, stat.len - after));
    uint64_t ticks[2] = {0};
    for (int field = 3; field <= 15; field++) {
        if (!rest.p)
            return -1;
        struct span text = span_cut(rest, ' ', &rest);
        if (field >= 14 && (!span_to_u64(text, &ticks[field - 14]) || ticks[field - 14] > INT32_MAX * 1000LL))
            return -1;
    }
    return (int64_t)(ticks[0] + ticks[1]);
}

static bool add_process(int pid, struct engine_sample *sample)
{
    char text[4096];
    int64_t ticks = engine_meter_stat_ticks(read_proc(pid, "stat", text, sizeof text));
    if (ticks < 0)
        return false;
    sample->cpu_ms += ticks * 1000 / sysconf(_SC_CLK_TCK);
    struct span status = read_proc(pid, "status", text, sizeof text);
    sample->file_bytes += engine_meter_status_bytes(status, "RssFile");
    sample->anon_bytes += engine_meter_status_bytes(status, "RssAnon") +
                          engine_meter_status_bytes(status, "RssShmem");
    struct span io = read_proc(pid, "io", text, sizeof text);
    int64_t read_bytes = engine_meter_field(io, "rchar"), write_bytes = engine_meter_field(io, "wchar");
    sample->read_bytes += read_bytes > 0 ? read_bytes : 0;
    sample->write_bytes += write_bytes > 0 ? write_bytes : 0;
    return true;
}

/* Children of all threads of pid. */
static size_t add_children(int pid, int *pids, size_t n_pids, int *n_tasks)
{
    char path[320], text[2048];
    (void)snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks)) && *n_tasks < MAX_TASKS;) {
        if (task->d_name[0] == '.')
            continue;
        ++*n_tasks;
        (void)snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, task->d_name);
        struct span list = engine_meter_file(path, text, sizeof text);
        while (list.p && n_pids < ENGINE_METER_PROCESSES) {
            uint64_t child;
            /* without a blank behind it the last number may be cut */
            struct span number = span_cut(list, ' ', &list);
            if (list.p && span_to_u64(number, &child) && child <= INT32_MAX)
                pids[n_pids++] = (int)child;
        }
    }
    if (tasks)
        (void)closedir(tasks);
    return n_pids;
}

size_t engine_meter_family(int pid, int out_pids[ENGINE_METER_PROCESSES])
{
    size_t n = 1;
    int n_tasks = 0;
    out_pids[0] = pid;
    for (size_t i = 0; i < n; i++)
        n = add_children(out_pids[i], out_pids, n, &n_tasks);
    return n;
}

bool engine_meter_read(int pid, struct engine_sample *out_sample)
{
    struct engine_sample sample = {0};
    int pids[ENGINE_METER_PROCESSES];
    if (pid <= 0 || !add_process(pid, &sample))
        return false;
    size_t n = engine_meter_family(pid, pids);
    for (size_t i = 1; i < n; i++)
        (void)add_process(pids[i], &sample);
    *out_sample = sample;
    return true;
}

int64_t engine_meter_oom_kills(void)
{
    char text[16384], path[1024];
    struct span line = engine_meter_file("/proc/self/cgroup", text, 512), rest;
    line = span_cut(line, '\n', &rest);
    /* version 2 has one line, "0::/path" */
    if (span_starts(line, "0::/")) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/memory.events", (int)line.len - 3, line.p + 3);
        int64_t kills = engine_meter_field(engine_meter_file(path, text, sizeof text), "oom_kill");
        if (kills >= 0)
            return kills;
    }
    return engine_meter_field(engine_meter_file("/proc/vmstat", text, sizeof text), "oom_kill");
}
