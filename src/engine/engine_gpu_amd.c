/* What amdgpu tells in sysfs and in /proc. Small bounded reads on the loop, only where such a GPU is. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine_gpu.h"
#include "engine/engine_meter.h"

#define MAX_DESCRIPTORS 1024 /* of a process that are looked at */
#define MAX_CLIENTS     256

static int64_t read_number(const char *dir, const char *name)
{
    char path[320], text[64];
    uint64_t value;
    (void)snprintf(path, sizeof path, "%.200s/%s", dir, name);
    if (!span_to_u64(span_trim(engine_meter_file(path, text, sizeof text)), &value) || value > INT64_MAX)
        return -1;
    return (int64_t)value;
}

/* "card0"; "card0-DP-1" is a plug of it. */
static bool is_card(const char *name)
{
    uint64_t number;
    return strncmp(name, "card", 4) == 0 && span_to_u64(span_str(name + 4), &number);
}

static bool read_card(const char *dir, const char *card, struct engine_gpu *out)
{
    char device[256], path[320], name[64];
    (void)snprintf(device, sizeof device, "%.120s/%.20s/device", dir, card);
    struct engine_gpu gpu = {.total_bytes = read_number(device, "mem_info_vram_total"),
                             .used_bytes = read_number(device, "mem_info_vram_used")};
    if (gpu.total_bytes < ENGINE_GPU_LEAST_BYTES || gpu.used_bytes < 0)
        return false;
    gpu.free_bytes = gpu.used_bytes > gpu.total_bytes ? 0 : gpu.total_bytes - gpu.used_bytes;
    (void)snprintf(path, sizeof path, "%s/product_name", device);
    struct span product = span_trim(engine_meter_file(path, name, sizeof name));
    if (product.len > 0)
        engine_gpu_set_name(&gpu, product);
    else
        (void)snprintf(gpu.name, sizeof gpu.name, "AMD GPU (%.20s)", card);
    *out = gpu;
    return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_card_entry(const struct dirent *entry)
{
    return is_card(entry->d_name);
}

size_t engine_gpu_read_amd(const char *sysfs, struct engine_gpu *out_gpus, size_t cap)
{
    char dir[160];
    struct dirent **cards = NULL;
    size_t n = 0;
    (void)snprintf(dir, sizeof dir, "%.120s/class/drm", sysfs);
    int n_cards = scandir(dir, &cards, is_card_entry, by_name);
    for (int i = 0; i < n_cards; i++) {
        if (n < cap && read_card(dir, cards[i]->d_name, &out_gpus[n]))
            n++;
        free(cards[i]);
    }
    free(cards);
    return n;
}

/* ---- of processes ---- */

struct clients {
    uint64_t ids[MAX_CLIENTS];
    size_t n;
};

static bool is_new(struct clients *c, uint64_t id)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->ids[i] == id)
            return false;
    }
    if (c->n == MAX_CLIENTS)
        return false;
    c->ids[c->n++] = id;
    return true;
}

static bool is_of_gpu(const char *proc, int pid, const char *fd)
{
    char path[200], target[64];
    (void)snprintf(path, sizeof path, "%.120s/%d/fd/%.20s", proc, pid, fd);
    ssize_t n = readlink(path, target, sizeof target);
    return n > 0 && span_starts(span_of(target, (size_t)n), "/dev/dri/");
}

static int64_t bytes_of_process(const char *proc, int pid, struct clients *seen)
{
    char path[200], text[4096];
    int64_t sum = 0, bytes;
    uint64_t client;
    (void)snprintf(path, sizeof path, "%.120s/%d/fd", proc, pid);
    DIR *fds = opendir(path);
    int left = MAX_DESCRIPTORS;
    for (struct dirent *fd; fds && left-- > 0 && (fd = readdir(fds));) {
        if (fd->d_name[0] == '.' || !is_of_gpu(proc, pid, fd->d_name))
            continue;
        (void)snprintf(path, sizeof path, "%.120s/%d/fdinfo/%.20s", proc, pid, fd->d_name);
        struct span info = engine_meter_file(path, text, sizeof text);
        if (engine_gpu_parse_fdinfo(info, &client, &bytes) && is_new(seen, client))
            sum += bytes;
    }
    if (fds)
        (void)closedir(fds);
    return sum;
}

int64_t engine_gpu_amd_bytes(const char *proc, const int *pids, size_t n_pids)
{
    struct clients seen = {.n = 0};
    int64_t sum = 0;
    for (size_t i = 0; i < n_pids; i++)
        sum += bytes_of_process(proc, pids[i], &seen);
    return sum;
}
