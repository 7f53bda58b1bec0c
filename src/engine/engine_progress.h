/*
 * How far a load has come. Pure: bytes, samples and time (monotonic ms) are arguments; whatever an engine prints is
 * taken as hostile, in chunks split anywhere.
 */
#ifndef HOB_ENGINE_PROGRESS_H
#define HOB_ENGINE_PROGRESS_H

#include "engine/engine.h"

#define ENGINE_PROGRESS_LINE 1024 /* what is longer is no line of progress */

/* A line in the making; too_long: its rest is skipped. */
struct engine_line {
    char p[ENGINE_PROGRESS_LINE];
    size_t len;
    bool too_long;
};

/* ---- llama-server: protocol lines on stdout, dots on stderr (engine_progress_llama.c) ---- */
#define ENGINE_LLAMA_PREFIX "cmd_child_to_router:"
struct engine_llama {
    struct engine_line line;
    double value;    /* -1: not told */
    bool loaded;     /* it told that it is ready */
    char stage[32];  /* "text_model" ...; "": not told */
    bool speaks;     /* it speaks the protocol: it understands commands on stdin too */
    unsigned n_dots; /* in the line of nothing but dots that is being printed */
    bool dots_only;  /* the current line has had nothing else so far */
    double dots_value;
};
void engine_llama_init(struct engine_llama *p);
void engine_llama_feed_out(struct engine_llama *p, struct span chunk);
void engine_llama_feed_err(struct engine_llama *p, struct span chunk);

/* ---- vLLM, SGLang: bars, separated by \r (engine_progress_shards.c) ---- */
struct engine_shards {
    struct engine_line line;
    double value;     /* of the whole start; -1: not told */
    int left_s;       /* of the bar; -1: not told */
    const char *text; /* what goes on, or NULL; static */
};
void engine_shards_init(struct engine_shards *p);
void engine_shards_feed(struct engine_shards *p, struct span chunk);

/* ---- any engine: what the kernel counts (engine_progress_bytes.c) ---- */
struct engine_sample {
    int64_t read_bytes;  /* by read() and the like, ever: /proc/PID/io rchar */
    int64_t write_bytes; /* by write() and the like, ever: a download into a file */
    int64_t file_bytes;  /* resident now */
    int64_t anon_bytes;  /* resident now, shared memory too */
    int64_t cpu_ms;      /* used, ever */
};
/* Share of model_bytes that has been read or mapped, 0..0.97; -1: model_bytes unknown. */
double engine_bytes_value(const struct engine_sample *s, int64_t model_bytes);
/* Share of the last load's time that has passed, 0..0.95; -1: unknown. */
double engine_time_value(int64_t elapsed_ms, int64_t last_load_ms);
/* The engine has done something between the two samples: not just idled. */
bool engine_sample_moved(const struct engine_sample *before, const struct engine_sample *now,
                         int64_t elapsed_ms);

/* ---- all of them together (engine_progress.c) ---- */
struct engine_load {
    enum engine_protocol protocol;
    int64_t started_ms, model_bytes, last_load_ms;
    struct engine_llama llama;
    struct engine_shards out_shards, err_shards;
    struct engine_sample sample;
    int64_t sampled_ms; /* 0: never */
    int64_t moved_ms;   /* when there last was any progress */
    double value;       /* -1: unknown; never falls */
    enum engine_source source;
    double first_value; /* where and when the value was first known: for the time left */
    int64_t first_ms;
};
void engine_load_begin(struct engine_load *l, enum engine_protocol protocol, int64_t model_bytes,
                       int64_t last_load_ms, int64_t now_ms);
/* stream: 1 stdout, 2 stderr. */
void engine_load_feed(struct engine_load *l, int stream, struct span chunk, int64_t now_ms);
void engine_load_sample(struct engine_load *l, const struct engine_sample *s, int64_t now_ms);
/* text lives as long as l is not changed. */
void engine_load_estimate(const struct engine_load *l, int64_t now_ms, struct engine_progress *out_progress);
/* It told of loading itself, or what it read shows it. */
bool engine_load_has_begun(const struct engine_load *l);

#endif
