/*
 * The cycle of sending one message while its model may not be ready. Pure: no I/O, time is passed in (milliseconds of any
 * monotonic clock). The chat page has the same machine.
 *
 *     SENDING(0) --again--> WAITING(1) --2 s--> SENDING(1) --again--> WAITING(2) --4 s--> SENDING(2)
 *         --again--> WAITING(3) --6 s--> SENDING(3) --again--> EXHAUSTED
 *
 *     SENDING(n) --headers--> OPEN(n) --token--> STREAMING
 *     OPEN(n) --again, before the first token--> WAITING(n + 1), or EXHAUSTED after the third
 *     WAITING(n) --engine ready--> SENDING(n) at once;  --engine failed--> ENGINE_FAILED
 *     SENDING, OPEN --a failure that is not "not ready yet"--> REFUSED or ENGINE_FAILED
 *     SENDING, WAITING --stop--> STOPPED;  OPEN, STREAMING --stop--> STREAMING, and hob is asked to end the answer
 *
 * The waits count from the failure and are upper bounds. News of the engine that come while a request is out decide what
 * follows if that request fails: ready sends again without a wait, failed ends the cycle.
 */
#ifndef HOB_CLI_RETRY_H
#define HOB_CLI_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_MAX_ATTEMPTS 3 /* after the first send */

enum retry_state {
    RETRY_SENDING,       /* a request is out, no header yet */
    RETRY_WAITING,       /* nothing is out; the timer runs until due_ms */
    RETRY_OPEN,          /* the header is there, no token yet */
    RETRY_STREAMING,     /* a token came, or the answer is over: nothing is sent again by itself */
    RETRY_EXHAUSTED,     /* the third attempt failed */
    RETRY_ENGINE_FAILED, /* the engine failed: waiting longer would not help */
    RETRY_REFUSED,       /* its own error, no matter of waiting */
    RETRY_STOPPED,       /* before an answer began */
    RETRY_N_STATES
};

enum retry_event {
    RETRY_EV_HEADERS,       /* 200 */
    RETRY_EV_TOKEN,         /* the first text, or the end of an answer without any */
    RETRY_EV_AGAIN,         /* the request, or its stream before the first token, failed retryably */
    RETRY_EV_CAUSE,         /* it failed because the engine has failed */
    RETRY_EV_REFUSE,        /* it failed otherwise */
    RETRY_EV_DUE,           /* the timer */
    RETRY_EV_ENGINE_READY,  /* news: it became ready */
    RETRY_EV_ENGINE_FAILED, /* news: it failed */
    RETRY_EV_STOP,          /* the user wants no more of it */
    RETRY_N_EVENTS
};

enum retry_news { RETRY_NO_NEWS, RETRY_NEWS_READY, RETRY_NEWS_FAILED };

/* What to do after the change, as bits, in this order. */
enum {
    RETRY_DO_DISARM = 1 << 0,  /* stop the timer */
    RETRY_DO_ABANDON = 1 << 1, /* end the request that is out */
    RETRY_DO_REQUEST = 1 << 2, /* send the message, always with the same id */
    RETRY_DO_ARM = 1 << 3,     /* RETRY_EV_DUE at due_ms */
    RETRY_DO_STOP = 1 << 4,    /* ask hob to end the answer */
};

struct retry {
    enum retry_state state;
    int attempt;          /* 0: the first send */
    int64_t due_ms;       /* of WAITING */
    enum retry_news news; /* since the request of SENDING and OPEN left */
};

struct retry_step {
    struct retry next;
    unsigned actions;
};

struct retry_step retry_begin(void);
/* next equal to r with no actions: the event means nothing in that state. */
struct retry_step retry_step(struct retry r, enum retry_event event, int64_t now_ms);
/* What a request that failed with this status means (0: no connection, or no header in time). code may be NULL. */
enum retry_event retry_judge(int status, const char *code);
/* The n of `(attempt n/3)`; 0 when there is nothing to show. */
int retry_shown_attempt(struct retry r);
/* Nothing more is sent, and no answer is under way. */
bool retry_has_failed(enum retry_state state);
const char *retry_state_name(enum retry_state state);

#endif
