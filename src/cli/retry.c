/* The table of the send cycle. */
#include "cli/retry.h"

#include <assert.h>

#include "util/util.h"

/* What an event does in a state. */
enum rule {
    STAY,
    OPEN,
    STREAM,
    STREAM_STOP, /* and ask hob to end the answer */
    AGAIN,       /* wait for the next attempt, or give up */
    FAIL_ENGINE,
    REFUSE,
    SEND,      /* the wait is over */
    SEND_SOON, /* before it is */
    NOTE_READY,
    NOTE_FAILED,
    GIVE_UP_WAIT, /* the engine failed meanwhile */
    STOP_WAIT,
    STOP_REQUEST,
};

static const enum rule table[RETRY_N_STATES][RETRY_N_EVENTS] = {
    [RETRY_SENDING] =
        {
            [RETRY_EV_HEADERS] = OPEN,
            [RETRY_EV_TOKEN] = STREAM,
            [RETRY_EV_AGAIN] = AGAIN,
            [RETRY_EV_CAUSE] = FAIL_ENGINE,
            [RETRY_EV_REFUSE] = REFUSE,
            [RETRY_EV_ENGINE_READY] = NOTE_READY,
            [RETRY_EV_ENGINE_FAILED] = NOTE_FAILED,
            [RETRY_EV_STOP] = STOP_REQUEST,
        },
    [RETRY_WAITING] =
        {
            [RETRY_EV_DUE] = SEND,
            [RETRY_EV_ENGINE_READY] = SEND_SOON,
            [RETRY_EV_ENGINE_FAILED] = GIVE_UP_WAIT,
            [RETRY_EV_STOP] = STOP_WAIT,
        },
    [RETRY_OPEN] =
        {
            [RETRY_EV_TOKEN] = STREAM,
            [RETRY_EV_AGAIN] = AGAIN,
            [RETRY_EV_CAUSE] = FAIL_ENGINE,
            [RETRY_EV_REFUSE] = REFUSE,
            [RETRY_EV_ENGINE_READY] = NOTE_READY,
            [RETRY_EV_ENGINE_FAILED] = NOTE_FAILED,
            [RETRY_EV_STOP] = STREAM_STOP,
        },
    [RETRY_STREAMING] =
        {
            [RETRY_EV_STOP] = STREAM_STOP,
        },
};

static struct retry_step go(struct retry r, enum retry_state state, unsigned actions)
{
    r.state = state;
    r.due_ms = 0;
    r.news = RETRY_NO_NEWS;
    return (struct retry_step){r, actions};
}

static struct retry_step again(struct retry r, int64_t now_ms)
{
    static const int64_t waits_ms[RETRY_MAX_ATTEMPTS] = {2000, 4000, 6000};
    if (r.news == RETRY_NEWS_FAILED)
        return go(r, RETRY_ENGINE_FAILED, 0);
    if (r.attempt >= RETRY_MAX_ATTEMPTS)
        return go(r, RETRY_EXHAUSTED, 0);
    int64_t wait_ms = waits_ms[r.attempt++];
    /* Ready since this request left: what it was told is out of date, there is nothing to wait for. */
    if (r.news == RETRY_NEWS_READY)
        return go(r, RETRY_SENDING, RETRY_DO_REQUEST);
    struct retry_step step = go(r, RETRY_WAITING, RETRY_DO_ARM);
    step.next.due_ms = now_ms + wait_ms;
    return step;
}

static struct retry_step note(struct retry r, enum retry_news news)
{
    r.news = news;
    return (struct retry_step){r, 0};
}

struct retry_step retry_begin(void)
{
    return (struct retry_step){{.state = RETRY_SENDING}, RETRY_DO_REQUEST};
}

struct retry_step retry_step(struct retry r, enum retry_event event, int64_t now_ms)
{
    assert(r.state < RETRY_N_STATES && event < RETRY_N_EVENTS);
    switch (table[r.state][event]) {
    case STAY: break;
    case OPEN: r.state = RETRY_OPEN; break; /* news stay: the stream may still fail before its first token */
    case STREAM: return go(r, RETRY_STREAMING, 0);
    case STREAM_STOP: return go(r, RETRY_STREAMING, RETRY_DO_STOP);
    case AGAIN: return again(r, now_ms);
    case FAIL_ENGINE: return go(r, RETRY_ENGINE_FAILED, 0);
    case REFUSE: return go(r, RETRY_REFUSED, 0);
    case SEND:
        /* A timer may run early: arm it again. */
        if (now_ms < r.due_ms)
            return (struct retry_step){r, RETRY_DO_ARM};
        return go(r, RETRY_SENDING, RETRY_DO_REQUEST);
    case SEND_SOON: return go(r, RETRY_SENDING, RETRY_DO_DISARM | RETRY_DO_REQUEST);
    case NOTE_READY: return note(r, RETRY_NEWS_READY);
    case NOTE_FAILED: return note(r, RETRY_NEWS_FAILED);
    case GIVE_UP_WAIT: return go(r, RETRY_ENGINE_FAILED, RETRY_DO_DISARM);
    case STOP_WAIT: return go(r, RETRY_STOPPED, RETRY_DO_DISARM);
    case STOP_REQUEST: return go(r, RETRY_STOPPED, RETRY_DO_ABANDON);
    }
    return (struct retry_step){r, 0};
}

enum retry_event retry_judge(int status, const char *code)
{
    if (status == 0 || status == 502 || status == 503 || status == 504)
        return RETRY_EV_AGAIN;
    return status == 409 && str_eq(code, "engine_failed") ? RETRY_EV_CAUSE : RETRY_EV_REFUSE;
}

int retry_shown_attempt(struct retry r)
{
    return r.state <= RETRY_OPEN ? r.attempt : 0;
}

bool retry_has_failed(enum retry_state state)
{
    return state > RETRY_STREAMING;
}

const char *retry_state_name(enum retry_state state)
{
    static const char *const names[RETRY_N_STATES] = {
        [RETRY_SENDING] = "sending",     [RETRY_WAITING] = "waiting",
        [RETRY_OPEN] = "open",           [RETRY_STREAMING] = "streaming",
        [RETRY_EXHAUSTED] = "exhausted", [RETRY_ENGINE_FAILED] = "engine failed",
        [RETRY_REFUSED] = "refused",     [RETRY_STOPPED] = "stopped",
    };
    assert(state < RETRY_N_STATES);
    return names[state];
}
