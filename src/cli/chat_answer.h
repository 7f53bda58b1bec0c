/* Sends one message by the retry cycle and shows its answer, to the end. */
#ifndef HOB_CLI_CHAT_ANSWER_H
#define HOB_CLI_CHAT_ANSWER_H

#include "cli/chat_screen.h"
#include "cli/cli_control.h"

struct chat_question {
    const char *conversation_id; /* made when there is none */
    const char *parent_id;       /* "": the conversation's first message */
    const char *server_id, *server_name;
    struct span text;
};

enum chat_end {
    CHAT_ANSWERED,
    CHAT_STOPPED,     /* by Ctrl-C; what came is kept */
    CHAT_INTERRUPTED, /* broke off after the first token */
    CHAT_UNANSWERED,  /* stderr says why */
};

/*
 * Runs the loop until the answer is there, or there will be none. out_last_id: what the next message hangs on; the parent,
 * if hob has not taken this one. While it runs, SIGINT stops the answer, a second one leaves it at once.
 */
enum chat_end chat_answer(struct control *c, struct chat_screen *screen, const struct chat_question *q,
                          char out_last_id[UUID_LEN + 1]);

#endif
