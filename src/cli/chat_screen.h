/*
 * What `hob chat` shows: the answer on stdout, everything else on stderr. On a terminal the line of the retry cycle is
 * rewritten in place; elsewhere there is one line an attempt. Nothing from outside reaches a terminal raw.
 */
#ifndef HOB_CLI_CHAT_SCREEN_H
#define HOB_CLI_CHAT_SCREEN_H

#include "util/util.h"

struct chat_screen {
    bool out_is_tty, err_is_tty;
    bool is_dim;       /* thoughts are being shown */
    bool is_mid_line;  /* the answer so far does not end in a line end */
    bool has_status;   /* a status line stands on the terminal */
    int shown_attempt; /* the newest that has its line, where stderr is no terminal */
    bool is_broken;    /* stdout takes no more: whoever read it has gone */
};

void screen_init(struct chat_screen *s);
void screen_answer(struct chat_screen *s, struct span text);
/* Thoughts: dim on a terminal, nothing elsewhere. */
void screen_reasoning(struct chat_screen *s, struct span text);
/* Ends the answer's last line. */
void screen_end_answer(struct chat_screen *s);
/* attempt: 1 to 3, or 0 for a line that only a terminal shows. */
void screen_status(struct chat_screen *s, int attempt, struct span line);
void screen_clear_status(struct chat_screen *s);
/* A new message begins: its attempts get their lines again. */
void screen_new_message(struct chat_screen *s);
/* Whole lines of our own on stderr. */
void screen_say(struct chat_screen *s, struct span lines);

#endif
