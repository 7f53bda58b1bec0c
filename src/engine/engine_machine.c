/* What memory the machine has, and how much of it is left: /proc/meminfo, and the control group where one limits us. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/engine_meter.h"

static bool read_limit(const char *group, const char *name, int64_t *out_bytes)
{
    char path[1100], text[64];
    uint64_t value;
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", group, name);
    struct span content = span_trim(engine_meter_file(path, text, sizeof text));
    if (!span_to_u64(content, &value) || value > INT64_MAX) /* "max" among others */
        return false;
    *out_bytes = (int64_t)value;
    return true;
}

/* Version 2 only. Files in memory count as used there, though they can go. */
static void apply_group(struct engine_machine *m)
{
    char text[16384], group[1024] = "", path[1100];
    struct span line = engine_meter_file("/proc/self/cgroup", text, 512), rest;
    line = span_cut(line, '\n', &rest);
    if (!span_starts(line, "0::/"))
        return;
    (void)snprintf(group, sizeof group, "%.*s", (int)line.len - 3, line.p + 3);
    int64_t limit, current;
    if (!read_limit(group, "memory.max", &limit) || !read_limit(group, "memory.current", &current))
        return;
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.stat", group);
    int64_t files = engine_meter_field(engine_meter_file(path, text, sizeof text), "file");
    int64_t left = limit - current + (files > 0 ? files : 0);
    if (limit < m->total_bytes)
        m->total_bytes = limit;
    if (left < m->available_bytes)
        m->available_bytes = left > 0 ? left : 0;
}

bool engine_machine_read(struct engine_machine *out_machine)
{
    char text[8192];
    struct span info = engine_meter_file("/proc/meminfo", text, sizeof text);
    struct engine_machine m = {.total_bytes = engine_meter_status_bytes(info, "MemTotal"),
                               .available_bytes = engine_meter_status_bytes(info, "MemAvailable")};
    if (m.total_bytes <= 0)
        return false;
    apply_group(&m);
    *out_machine = m;
    return true;
}
