/* One engine process under its watcher, as hob's side sees it: pipes, commands, the end. */
#ifndef HOB_ENGINE_PROC_H
#define HOB_ENGINE_PROC_H

#include "engine/engine.h"
#include "engine/engine_hint.h"

struct engine_proc;

struct engine_proc_options {
    const char *program;           /* NULL: /proc/self/exe */
    const struct strv *argv, *env; /* the engine's; env is all it gets */
    bool wants_stdin;              /* a pipe that stays open; else /dev/null */
    struct engine_reaper *reaper;  /* may be NULL */
};
struct engine_proc_events {
    /* stream: 1 stdout, 2 stderr; chunk valid during the call. */
    void (*on_output)(void *arg, int stream, struct span chunk);
    void (*on_pid)(void *arg, int pid);
    /* Last; all output has come, nothing of the engine runs any more. The proc is invalid when it returns. */
    void (*on_end)(void *arg, const struct engine_end *end);
};

/* Nothing calls back before it returns. ERR_IO ...: no process was made. */
MUST_CHECK enum err engine_proc_spawn(struct loop *l, const struct engine_proc_options *options,
                                      const struct engine_proc_events *ev, void *arg,
                                      struct engine_proc **out_proc, struct err_text *why);
/* SIGTERM to the engine's process group. */
void engine_proc_term(struct engine_proc *p);
/* SIGKILL to all of it. */
void engine_proc_kill(struct engine_proc *p);
/* Writes a line to its stdin; what cannot be written at once is left out. */
void engine_proc_say(struct engine_proc *p, const char *line);

/* For engine_reaper.c's sake: pids that libuv waits for itself. */
void engine_reaper_know(struct engine_reaper *r, int pid);
void engine_reaper_forget(struct engine_reaper *r, int pid);
/* Kills children that are not known: what a watcher that was killed left behind. */
void engine_reaper_kill_strays(struct engine_reaper *r);

#endif
