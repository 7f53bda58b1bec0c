/* demo_job: an answer in the making, and the forms that it can be written in. Private to the demo. */
#ifndef HOB_DEMO_JOB_H
#define HOB_DEMO_JOB_H

#include "demo/demo_impl.h"
#include "demo/demo_tools.h"

struct demo_job;

/* How a route writes its answers. Each function of a stream writes to j->x. */
struct demo_form {
    const char *id_prefix;
    void (*begin)(struct demo_job *j);
    void (*text)(struct demo_job *j, bool thinks, struct span token);
    void (*tool)(struct demo_job *j, bool is_first, struct span arguments); /* of j->tools.v[j->tool] */
    void (*end)(struct demo_job *j);
    void (*whole)(const struct demo_job *j, struct json_writer *w); /* no stream: the answer's fields */
};
extern const struct demo_form demo_form_chat, demo_form_completion, demo_form_messages, demo_form_responses;

struct demo_job {
    struct demo *demo;
    const struct demo_form *form;
    struct http_exchange *x;
    struct demo_request request;
    struct list node; /* in demo->jobs */
    struct loop_timer timer;
    bool is_running, has_begun, is_silent;
    char *id;
    int64_t created_s, started_ms, first_token_ms;
    struct buf reasoning, content; /* all that will be said ... */
    struct demo_tools tools;       /* ... or, instead of content, asked for */
    size_t tool, tool_at;          /* of the call under way: bytes of its arguments that were said */
    bool tool_begun;
    const char *finish_reason; /* OpenAI's: stop, length, tool_calls */
    size_t at;                 /* bytes said, of reasoning and then content */
    int64_t n_tokens;          /* said */
    int n_blocks;              /* parts that the form has begun, where it has parts */
    const char *block;         /* the type of the part under way; NULL: none */
};

/* An event under way: `event: NAME` (NULL: none) and `data: {`. */
void demo_event_begin(struct json_writer *w, struct buf *out, const char *name);
/* Ends the object and sends it. */
void demo_event_send(struct demo_job *j, struct json_writer *w, struct buf *out);
const char *demo_job_model(const struct demo_job *j);
/* llama-server's `timings` and OpenAI's `usage`, as fields. */
void demo_write_timings(struct json_writer *w, const struct demo_job *j);
void demo_write_usage(struct json_writer *w, const struct demo_job *j);
/* The fields that chunks and whole answers of chat and completions share. */
void demo_write_head(struct json_writer *w, const struct demo_job *j, const char *object);

#endif
