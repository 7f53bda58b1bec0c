/*
 * demo: the demo engine. It speaks llama-server's HTTP interface, answers from authored topics (it is no language model),
 * and has the faults that the tests need. It knows nothing of the hob that started it.
 */
#ifndef HOB_DEMO_H
#define HOB_DEMO_H

#include "util/util.h"

#define DEMO_MODEL "hob-demo"

struct demo_options {
    int port; /* on 127.0.0.1; 0: socket_path is set, or (both unset) a free port, which is printed */
    const char *socket_path; /* or NULL */
    double refuse_s;         /* does not listen before */
    double load_s;           /* then answers 503 for so long */
    double tokens_per_s;     /* 0: as fast as they are taken */
    bool die_while_loading;  /* exit status 1, half-way */
    int64_t
        die_after_tokens; /* kills itself after so many tokens of an answer, 0: before any byte; -1: never */
    int64_t
        hang_after_tokens; /* falls silent after so many tokens of an answer, 0: before any byte; -1: never */
    int status;            /* every chat request is answered with this error; 0: none */
    bool think;            /* reasoning_content comes first */
    int slots;             /* answers at once; others wait without a byte */
    int log_lines;         /* so many lines on stderr while loading */
    int64_t memory_bytes;  /* taken and written to at the end of the load */
    double free_s;         /* holds its memory for so long after it was told to end */
};

void demo_options_init(struct demo_options *o);
/* Runs until it is told to end (SIGTERM, SIGINT, stdin as told by llama-server's router protocol). The exit status. */
int demo_run(const struct demo_options *o);

#endif
