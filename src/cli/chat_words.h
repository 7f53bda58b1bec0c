/* The sentences of `hob chat` about engines and failures. Pure; what comes from outside is made plain here. */
#ifndef HOB_CLI_CHAT_WORDS_H
#define HOB_CLI_CHAT_WORDS_H

#include "cli/retry.h"
#include "util/util.h"

/* Why a request failed, or an answer broke off. */
struct chat_failure {
    int status; /* 0: no header came; 200: said in the stream */
    char code[64];
    struct err_text message;
};

/* Reads {"message","code"}; what is missing is left empty. */
void chat_failure_read(struct chat_failure *f, int status, yyjson_val *error);

/* "Connecting to model... (attempt 1/3) · loading 42 %, about 20 s left". engine: as in the HTTP interface, or NULL. */
void words_connecting(struct buf *out, int attempt, yyjson_val *engine);
/* Lines about how the cycle ended (a state that has failed), and what to do. */
void words_unanswered(struct buf *out, enum retry_state end, const struct chat_failure *f, const char *server,
                      yyjson_val *engine);
/* Lines about an answer that broke off. */
void words_interrupted(struct buf *out, const struct chat_failure *f);

#endif
