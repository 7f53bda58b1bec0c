/* Reads what nvidia-smi prints and what amdgpu says of an open descriptor; formats in the header. No I/O. */
#include "engine/engine_gpu.h"
#include "engine/engine_meter.h"

#define MIB ((int64_t)1 << 20)

/* "24564", in MiB; -1: "[N/A]" and the like. A unit may follow where one was not to be. */
static int64_t bytes_of(struct span field)
{
    struct span rest;
    uint64_t mib;
    struct span number = span_cut(span_trim(field), ' ', &rest);
    if (!span_to_u64(number, &mib) || mib > (uint64_t)(INT64_MAX / MIB / ENGINE_GPU_MAX_USES))
        return -1;
    return (int64_t)mib * MIB;
}

void engine_gpu_set_name(struct engine_gpu *gpu, struct span name)
{
    struct buf clean = {0};
    utf8_add_clean(&clean, name);
    struct span text = buf_span(&clean);
    text.len = utf8_floor(text, sizeof gpu->name - 1);
    memcpy(gpu->name, text.p, text.len);
    gpu->name[text.len] = '\0';
    buf_release(&clean);
}

/* A number, or brackets in its place. */
static bool is_field(struct span field)
{
    return bytes_of(field) >= 0 || span_starts(span_trim(field), "[");
}

size_t engine_gpu_parse_nvidia(struct span text, struct engine_gpu *out_gpus, size_t cap)
{
    size_t n = 0;
    while (text.p && n < cap) {
        struct span rest = span_cut(text, '\n', &text);
        struct span total = span_cut(rest, ',', &rest);
        struct span used = span_cut(rest, ',', &rest);
        struct span free_field = span_cut(rest, ',', &rest);
        struct span name = span_trim(rest);
        if (!rest.p || name.len == 0 || !is_field(total) || !is_field(used) || !is_field(free_field))
            continue;
        struct engine_gpu gpu = {
            .total_bytes = bytes_of(total), .used_bytes = bytes_of(used), .free_bytes = bytes_of(free_field)};
        if (gpu.total_bytes <= 0 || gpu.used_bytes < 0)
            gpu.total_bytes = gpu.used_bytes = gpu.free_bytes = -1;
        else if (gpu.free_bytes < 0 || gpu.free_bytes > gpu.total_bytes)
            gpu.free_bytes = gpu.used_bytes > gpu.total_bytes ? 0 : gpu.total_bytes - gpu.used_bytes;
        engine_gpu_set_name(&gpu, name);
        out_gpus[n++] = gpu;
    }
    return n;
}

size_t engine_gpu_parse_uses(struct span text, struct engine_gpu_use *out_uses, size_t cap)
{
    size_t n = 0;
    while (text.p && n < cap) {
        struct span rest, line = span_cut(text, '\n', &text);
        uint64_t pid;
        if (!span_to_u64(span_trim(span_cut(line, ',', &rest)), &pid) || !rest.p || pid == 0 ||
            pid > INT32_MAX)
            continue;
        out_uses[n++] = (struct engine_gpu_use){(int)pid, bytes_of(rest)};
    }
    return n;
}

/* "drm-resident-vram:\t8123 KiB": bytes where no unit follows. -1: not there. */
static int64_t drm_bytes(struct span text, const char *key)
{
    while (text.p) {
        struct span line = span_cut(text, '\n', &text), value, unit;
        uint64_t number;
        if (!span_is(span_cut(line, ':', &value), key))
            continue;
        if (!span_to_u64(span_cut(span_trim(value), ' ', &unit), &number) || number > INT64_MAX / MIB)
            return -1;
        unit = span_trim(unit);
        return (int64_t)number * (span_is(unit, "KiB") ? 1024 : span_is(unit, "MiB") ? MIB : 1);
    }
    return -1;
}

static struct span drm_text(struct span text, const char *key)
{
    while (text.p) {
        struct span line = span_cut(text, '\n', &text), value;
        if (span_is(span_cut(line, ':', &value), key))
            return span_trim(value);
    }
    return (struct span){0};
}

bool engine_gpu_parse_fdinfo(struct span text, uint64_t *out_client, int64_t *out_bytes)
{
    int64_t client = engine_meter_field(text, "drm-client-id");
    if (!span_is(drm_text(text, "drm-driver"), "amdgpu") || client < 0)
        return false;
    int64_t bytes = drm_bytes(text, "drm-resident-vram");
    if (bytes < 0)
        bytes = drm_bytes(text, "drm-memory-vram");
    /* ids are unique on one GPU only, or on all: with its place on the bus ("0000:03:00.0") they are in either case */
    struct span place = drm_text(text, "drm-pdev");
    uint64_t of = (uint64_t)client;
    for (size_t i = 0; i < place.len; i++)
        of = of * 1099511628211U + (unsigned char)place.p[i];
    *out_client = of;
    *out_bytes = bytes > 0 ? bytes : 0;
    return true;
}
