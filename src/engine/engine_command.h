/* What is run for a specification: arguments, environment, the place to listen. Nothing here starts anything. */
#ifndef HOB_ENGINE_COMMAND_H
#define HOB_ENGINE_COMMAND_H

#include "engine/engine.h"

/* argv and env belong to the caller; socket_path or port is where it will listen. {0} before. */
struct engine_command {
    struct strv argv, env;
    char *socket_path; /* NULL: TCP */
    int port;          /* 0: unix socket */
};
/* run_dir: where sockets are; port: a free one, for ${PORT}. ERR_INVALID: the command cannot be run like this. */
MUST_CHECK enum err engine_command_build(const struct engine_spec *spec, const char *run_dir, int port,
                                         char *const *own_env, struct engine_command *out_command,
                                         struct err_text *why);
void engine_command_release(struct engine_command *c);
/* Adds what of hob's own environment a child gets. */
void engine_command_add_env(char *const *own_env, struct strv *env);
/* The command uses ${PORT}. */
bool engine_command_wants_port(const struct engine_spec *spec);
/* A TCP port on 127.0.0.1 that nobody listens on now; 0: none. */
int engine_command_free_port(void);

#endif
