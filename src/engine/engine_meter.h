/* What the kernel counts of a process and its children, from /proc. Linux only. */
#ifndef HOB_ENGINE_METER_H
#define HOB_ENGINE_METER_H

#include "engine/engine_progress.h"

#define ENGINE_METER_PROCESSES 64 /* an engine with more workers is measured in part */

/* The process, its children and theirs. Returns how many, at least 1. */
size_t engine_meter_family(int pid, int out_pids[ENGINE_METER_PROCESSES]);
/* False when there is no such process. Children's numbers are added; what may not be read counts as 0. */
bool engine_meter_read(int pid, struct engine_sample *out_sample);
/* OOM kills so far, of our memory cgroup if it tells, else of the machine; -1: unknown. */
int64_t engine_meter_oom_kills(void);

/* What was read of a small file into `into`; empty when it cannot be. */
struct span engine_meter_file(const char *path, char *into, size_t cap);

/* ---- pure parts ---- */
/* "RssFile:\t  123 kB" in /proc/PID/status: bytes, 0 when not there. */
int64_t engine_meter_status_bytes(struct span status, const char *name);
/* utime + stime in /proc/PID/stat in clock ticks; the program's name in it may hold anything. -1: not understood. */
int64_t engine_meter_stat_ticks(struct span stat);
/* "rchar: 123" or "oom_kill 123": the number after name, -1 when not there. */
int64_t engine_meter_field(struct span text, const char *name);

#endif
