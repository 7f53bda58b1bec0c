/* util: what every room uses and that knows nothing of hob. Rooms include this file only. */
#ifndef HOB_UTIL_H
#define HOB_UTIL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/util_auto.h"
#include "util/util_buf.h"
#include "util/util_clock.h"
#include "util/util_err.h"
#include "util/util_file_name.h"
#include "util/util_json.h"
#include "util/util_list.h"
#include "util/util_log.h"
#include "util/util_map.h"
#include "util/util_mem.h"
#include "util/util_near.h"
#include "util/util_program.h"
#include "util/util_rand.h"
#include "util/util_span.h"
#include "util/util_str.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
/* The struct of type T whose member m is at p. */
#define CONTAINER_OF(p, T, m) ((T *)(void *)((char *)(p)-offsetof(T, m)))

#endif
