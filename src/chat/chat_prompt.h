/*
 * From stored messages to the request that an engine gets, and the rules for what people send. Pure: rows and
 * attachments in, JSON out.
 */
#ifndef HOB_CHAT_PROMPT_H
#define HOB_CHAT_PROMPT_H

#include "store/store.h"
#include "util/util.h"

struct prompt_file { /* an attachment that was read */
    char *id, *name, *mime;
    struct buf bytes;
};
void prompt_file_release(struct prompt_file *f);

struct prompt {
    const char *model;
    const char *system;             /* the server's; "" or NULL: none */
    const char *own_system;         /* the conversation's, behind it; "" or NULL: none */
    const struct message_row *rows; /* path from the root to the target */
    size_t n_rows;
    const char *options_json; /* what chat_options_check made, or NULL */
    const struct prompt_file *files;
    size_t n_files;
    const char *ask; /* what the user says behind them; or NULL */
};

/*
 * Which rows of a path go into the prompt, as indexes in order. The last row is the target: the user's message to be
 * answered, or the answer to go on with; that is left out if it has neither text nor reasoning: it is begun anew. Never
 * answered messages, and those whose answer is not on the path, are left out: chat templates need alternating roles.
 * out_rows has room for n_rows. Returns how many.
 */
size_t prompt_select(const struct message_row *rows, size_t n_rows, size_t *out_rows);
/* Ids of the attachments in the selected rows, each once. ERR_INVALID. */
MUST_CHECK enum err prompt_list_files(const struct message_row *rows, size_t n_rows, struct strv *out_ids,
                                      struct err_text *why);
/* The body of a streaming POST /v1/chat/completions. ERR_INVALID, ERR_TOO_BIG, ERR_NOT_FOUND (a file that is not there). */
MUST_CHECK enum err prompt_write(const struct prompt *p, struct buf *out, struct err_text *why);

/* What chat_options_check made, twice: the fields of over win. NULLs are empty; NULL when there is no field. */
char *chat_options_merge(const char *base_json, const char *over_json);

#endif
