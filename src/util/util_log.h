/*
 * Log lines on stderr: "2026-11-23T21:04:05.123Z info  engine qwen3-8b: loading -> ready (health ok, 12.4 s)".
 * One call is one line; control characters are escaped. Never log keys, passwords or prompts.
 */
#ifndef HOB_UTIL_LOG_H
#define HOB_UTIL_LOG_H

#include <stdbool.h>

#include "util/util_auto.h"
#include "util/util_span.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below this level are dropped; LOG_INFO at start. */
void log_set_level(enum log_level level);
/* "debug", "info", "warn", "error". */
MUST_CHECK bool log_level_parse(const char *name, enum log_level *out_level);
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool log_is_on(enum log_level level);
/*
 * For lines that come by the thousand: keeps the line, to be written with others by log_flush or before the same thread's next
 * line. True: it is the first one that is kept, and somebody must see to log_flush.
 */
bool log_later(enum log_level level, struct span text);
/* Writes what this thread keeps. */
void log_flush(void);

#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#endif
