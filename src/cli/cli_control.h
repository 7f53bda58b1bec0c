/*
 * What the commands share that talk to the running hob: where its control socket is, and asking over it. Whoever may open
 * that socket acts as the first admin.
 */
#ifndef HOB_CLI_CONTROL_H
#define HOB_CLI_CONTROL_H

#include "http/http.h"

struct control {
    struct loop *loop;
    struct http_client *client;
    char *data_dir, *socket_path;
};

/*
 * Finds the data folder: data_dir, else the config file's, else the default; both may be NULL. ERR_INVALID: the config file
 * says why. Connects to nothing yet. Close it also after a failure.
 */
MUST_CHECK enum err control_open(struct control *c, const char *data_dir, const char *config_file,
                                 struct err_text *why);
void control_close(struct control *c);

/* An answer that was read whole. {0} is empty. */
struct control_answer {
    enum err err; /* no answer, or none that is understood: why says */
    struct err_text why;
    int status;
    yyjson_doc *doc;
    yyjson_val *root; /* an object */
};
/* Asks and runs the loop until the answer is there (10 s). body may be empty: nothing is sent. */
void control_ask(struct control *c, const char *method, const char *target, struct span body,
                 struct control_answer *out_answer);
void control_answer_release(struct control_answer *a);
/* Says on stderr why there is no answer of status `wanted`. False: there is one. */
bool control_complain(const struct control *c, const struct control_answer *a, int wanted);

/* Starts a call with a header timeout of 10 s and lets the caller run the loop. last_event_id may be NULL. */
struct http_call *control_call(struct control *c, const char *method, const char *target,
                               const char *last_event_id, struct span body, int64_t idle_timeout_ms,
                               const struct http_call_events *events, void *arg);

#endif
