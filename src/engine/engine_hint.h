/* Why an engine failed, in words: pure. */
#ifndef HOB_ENGINE_HINT_H
#define HOB_ENGINE_HINT_H

#include "engine/engine.h"

enum engine_end_kind {
    ENGINE_END_EXIT,     /* code */
    ENGINE_END_SIGNAL,   /* code is the signal's number */
    ENGINE_END_NO_EXEC,  /* the program could not be run: code is errno */
    ENGINE_END_NO_SPAWN, /* no process could be made, text says why */
    ENGINE_END_STALLED   /* hob ended it: no progress for code seconds */
};
enum engine_oom { ENGINE_OOM_NO, ENGINE_OOM_MAYBE, ENGINE_OOM_YES };

struct engine_end {
    enum engine_end_kind kind;
    int code;
    enum engine_oom oom; /* matters for SIGKILL */
    const char *text;    /* NO_SPAWN: why; NO_EXEC: the program */
};

/* Appends the sentence; during: the state in which it ended. */
void engine_end_describe(const struct engine_end *end, enum engine_state during, struct buf *out);
/* What to do about it, or NULL; static. lines: what the engine said last. */
const char *engine_hint(const struct engine_end *end, const struct strv *lines);
/* "SIGSEGV"; buf owns it. */
void engine_signal_name(int signum, struct buf *out);

#endif
