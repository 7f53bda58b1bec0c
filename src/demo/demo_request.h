/* demo_request: the body of a request for an answer, as far as the demo needs it. Pure. */
#ifndef HOB_DEMO_REQUEST_H
#define HOB_DEMO_REQUEST_H

#include "util/util.h"

/* POST /v1/chat/completions, completions, messages (Anthropic's), responses. */
enum demo_route { DEMO_CHAT, DEMO_COMPLETION, DEMO_MESSAGES, DEMO_RESPONSES, DEMO_N_ROUTES };

struct demo_request {
    enum demo_route route;
    bool stream, include_usage, return_progress;
    bool no_think;      /* chat_template_kwargs.enable_thinking is false */
    bool has_image;     /* in the last message of the user */
    int64_t max_tokens; /* -1: as many as there are */
    struct strv stop;
    struct buf first;      /* the first message of the user */
    struct strv texts;     /* of the last message of the user: its parts */
    struct buf have;       /* a trailing message of the assistant: go on behind it ... */
    struct buf thought;    /* ... or, if that is empty, behind its reasoning_content */
    char *model;           /* as asked for, or NULL */
    int64_t prompt_tokens; /* of all messages */
};

/* ERR_INVALID: why has what llama-server's error message would hold. */
MUST_CHECK enum err demo_request_parse(enum demo_route route, struct span body,
                                       struct demo_request *out_request, struct err_text *why);
void demo_request_release(struct demo_request *r);

#endif
