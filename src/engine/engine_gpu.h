/*
 * GPUs: how much memory they have, how much of it is used, and by which process. Two sources, each read only where it is:
 *
 *   nvidia-smi   run as a child, in a time limit; nvidia-smi(1), "--help-query-gpu", "--help-query-compute-apps". CSV in MiB:
 *                    memory.total, memory.used, memory.free, name      24564, 9312, 14848, NVIDIA GeForce RTX 4090
 *                    pid, used_memory                                  31337, 8902
 *                "[N/A]", "[Not Supported]", "[Insufficient Permissions]" stand where the driver does not tell: under WSL for
 *                each process; for the total where the GPU works in main memory. In a container no process may be listed.
 *   amdgpu       /sys/class/drm/cardN/device/mem_info_vram_total, mem_info_vram_used: bytes (kernel, gpu/amdgpu/driver-misc);
 *                /proc/PID/fdinfo/N: "drm-client-id:\t42", "drm-resident-vram:\t8123 KiB" (kernel, gpu/drm-usage-stats), older
 *                kernels "drm-memory-vram:". A client may have several descriptors and counts once. One with less than
 *                ENGINE_GPU_LEAST_BYTES is part of the processor, works in main memory, and is left out.
 *
 * What a process has is what its source says of it and its children. Where none does, it is what the GPUs' use has grown by
 * while it was loaded, if nothing else of ours came or went in that time; from ENGINE_GPU_NOISE_BYTES on, since others
 * use the GPUs, too. All GPUs count together: what one of several can take is the engine's business.
 */
#ifndef HOB_ENGINE_GPU_H
#define HOB_ENGINE_GPU_H

#include "engine/engine.h"

#define ENGINE_GPU_MAX          64
#define ENGINE_GPU_MAX_USES     1024              /* processes on them that are looked at */
#define ENGINE_GPU_OUTPUT_BYTES ((size_t)1 << 18) /* nvidia-smi says less, or something is wrong */
#define ENGINE_GPU_TIMEOUT_MS   5000              /* of nvidia-smi: drivers that begin to work take seconds */
#define ENGINE_GPU_BACK_OFF_MS  10000 /* after a failure, doubled with each that follows, up to: */
#define ENGINE_GPU_REST_MS      300000
#define ENGINE_GPU_BASE_MS      10000 /* a reading as old as this tells what was used before a load */
#define ENGINE_GPU_NOISE_BYTES  ((int64_t)256 << 20)
#define ENGINE_GPU_LEAST_BYTES  ((int64_t)2 << 30)

/* A process; bytes -1: not told. */
struct engine_gpu_use {
    int pid;
    int64_t bytes;
};

/* ---- pure ---- */
/* As far as it is UTF-8 and there is room. */
void engine_gpu_set_name(struct engine_gpu *gpu, struct span name);
/* Lines as above; those that make no sense are left out. Returns how many. */
size_t engine_gpu_parse_nvidia(struct span text, struct engine_gpu *out_gpus, size_t cap);
/* One line for each GPU that a process uses. */
size_t engine_gpu_parse_uses(struct span text, struct engine_gpu_use *out_uses, size_t cap);
/* A file of fdinfo; false: it is not of amdgpu. *out_client tells clients of all such GPUs apart. */
bool engine_gpu_parse_fdinfo(struct span text, uint64_t *out_client, int64_t *out_bytes);

/* ---- engine_gpu_amd.c ---- */
/* sysfs: "/sys". Returns how many are there. */
size_t engine_gpu_read_amd(const char *sysfs, struct engine_gpu *out_gpus, size_t cap);
/* What these processes have on amdgpu, clients once; proc: "/proc". 0: nothing, or it may not be read. */
int64_t engine_gpu_amd_bytes(const char *proc, const int *pids, size_t n_pids);

/* ---- of one engine ---- */
struct engine_gpu_user;
/* Its process has started; g NULL: NULL. Wants a reading. */
struct engine_gpu_user *engine_gpu_user_new(struct engine_gpus *g, int pid);
/* It has loaded: what it has from the next reading on, it keeps. NULL is fine in these. */
void engine_gpu_user_loaded(struct engine_gpu_user *u);
void engine_gpu_user_free(struct engine_gpu_user *u);
/* -1: not known. */
int64_t engine_gpu_user_bytes(const struct engine_gpu_user *u);

#endif
