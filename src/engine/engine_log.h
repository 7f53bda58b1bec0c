/*
 * The last lines of an engine: a ring in memory, fed with raw chunks of its stdout and stderr. What an engine prints is
 * hostile: lines are bounded, bad UTF-8 and control characters are cleaned, only colours survive of escape sequences.
 */
#ifndef HOB_ENGINE_LOG_H
#define HOB_ENGINE_LOG_H

#include "engine/engine.h"

enum engine_stream { ENGINE_STREAM_OUT, ENGINE_STREAM_ERR, ENGINE_STREAM_HOB, ENGINE_N_STREAMS };

struct engine_log;
/* on_line (may be NULL) runs for each line as it is added. */
struct engine_log *engine_log_new(engine_log_fn on_line, void *arg);
void engine_log_free(struct engine_log *log);
/* at_ms: wall clock. \n ends a line; text before a lone \r is dropped when more follows it, as a terminal shows it. */
void engine_log_feed(struct engine_log *log, enum engine_stream stream, struct span chunk, int64_t at_ms);
/* Ends what stands unfinished on stdout and stderr. */
void engine_log_flush(struct engine_log *log, int64_t at_ms);
/* Lines on stdout that start like this are not kept; static, NULL: all are. */
void engine_log_hide(struct engine_log *log, const char *prefix);
/* A whole line. */
void engine_log_line(struct engine_log *log, enum engine_stream stream, struct span text, int64_t at_ms);
/* Lines after line after_n; returns the number of the newest line. */
int64_t engine_log_each(const struct engine_log *log, int64_t after_n, engine_log_fn fn, void *arg);
/* Lines from first_n on, at most `most` newest, of stdout and stderr, without colours. */
void engine_log_tail(const struct engine_log *log, int64_t first_n, size_t most, struct strv *out_lines);
/* Number of the newest line; 0: none. */
int64_t engine_log_newest(const struct engine_log *log);

/* Appends text as a line may be kept; keep_colours: SGR sequences stay. */
void engine_log_clean(struct buf *out, struct span text, bool keep_colours);

/* ---- the file: DIR/ID.log, rotated at ENGINE_LOG_FILE_BYTES; written on a thread, in batches (engine_log_file.c) ---- */
struct engine_log_file;
/* NULL dir gives NULL, which the others accept. */
struct engine_log_file *engine_log_file_new(struct loop *l, const char *dir, const char *id);
void engine_log_file_add(struct engine_log_file *f, const struct engine_log_line *line);
/* Writes what is left, then frees itself. */
void engine_log_file_close(struct engine_log_file *f);

#endif
