/* Two windows of seconds and a count of what is under way. */
#include "auth/auth_limiter.h"

static int64_t *slot(struct limiter_window *w, int64_t second)
{
    return &w->n[second % LIMITER_N_SLOTS];
}

/* Forgets the seconds that left the window. */
static void slide(struct limiter_window *w, int64_t now_ms)
{
    int64_t now_s = now_ms / 1000;
    if (now_s - w->newest_s >= LIMITER_N_SLOTS) {
        *w = (struct limiter_window){.newest_s = now_s};
        return;
    }
    while (w->newest_s < now_s) {
        int64_t *oldest = slot(w, ++w->newest_s);
        w->total -= *oldest;
        *oldest = 0;
    }
}

static void add(struct limiter_window *w, int64_t n, int64_t now_ms)
{
    if (!w)
        return;
    slide(w, now_ms);
    *slot(w, w->newest_s) += n;
    w->total += n;
}

/* How long until fewer than `limit` are in the window; 0: so few are. */
static int64_t wait_for(struct limiter_window *w, int64_t limit, int64_t now_ms)
{
    if (!w)
        return 0;
    slide(w, now_ms);
    int64_t left = w->total, second = w->newest_s - LIMITER_WINDOW_S;
    if (left < limit)
        return 0;
    for (;; second++) {
        /* Before the first second of the clock there is nothing, and its slots are those of later ones. */
        left -= second < 0 ? 0 : *slot(w, second);
        if (left < limit)
            return (second + LIMITER_N_SLOTS) * 1000 - now_ms;
    }
}

static void set_window(struct limiter_window **w, int64_t limit)
{
    if (limit && !*w)
        *w = xcalloc(1, sizeof(**w));
    else if (!limit)
        free(TAKE(*w));
}

void limiter_set(struct limiter *l, const struct rate_limits *limits)
{
    l->limits = *limits;
    set_window(&l->requests, limits->requests_per_minute);
    set_window(&l->tokens, limits->tokens_per_minute);
}

void limiter_release(struct limiter *l)
{
    free(TAKE(l->requests));
    free(TAKE(l->tokens));
}

static bool take_hit(struct auth_limit_hit *hit, enum auth_limit what, int64_t limit, int64_t wait_ms)
{
    *hit = (struct auth_limit_hit){.what = what, .limit = limit, .wait_ms = wait_ms};
    return true;
}

bool limiter_is_hit(struct limiter *l, int64_t n_elsewhere, int64_t now_ms, struct auth_limit_hit *out_hit)
{
    const struct rate_limits *limits = &l->limits;
    int64_t requests_ms = wait_for(l->requests, limits->requests_per_minute, now_ms);
    int64_t tokens_ms = wait_for(l->tokens, limits->tokens_per_minute, now_ms);
    if (tokens_ms > requests_ms)
        return take_hit(out_hit, AUTH_LIMIT_TOKENS, limits->tokens_per_minute, tokens_ms);
    if (requests_ms)
        return take_hit(out_hit, AUTH_LIMIT_REQUESTS, limits->requests_per_minute, requests_ms);
    if (limits->max_parallel && l->n_parallel + n_elsewhere >= limits->max_parallel)
        return take_hit(out_hit, AUTH_LIMIT_PARALLEL, limits->max_parallel, 0);
    return false;
}

void limiter_begin(struct limiter *l, int64_t now_ms)
{
    l->n_parallel++;
    add(l->requests, 1, now_ms);
}

void limiter_end(struct limiter *l)
{
    assert(l->n_parallel > 0);
    l->n_parallel--;
}

void limiter_note_tokens(struct limiter *l, int64_t n, int64_t now_ms)
{
    add(l->tokens, n, now_ms);
}

static struct auth_limit_left what_is_left(struct limiter_window *w, int64_t limit, int64_t now_ms)
{
    if (!w)
        return (struct auth_limit_left){0};
    int64_t reset_ms = wait_for(w, 1, now_ms);
    return (struct auth_limit_left){
        .limit = limit, .remaining = w->total < limit ? limit - w->total : 0, .reset_ms = reset_ms};
}

struct auth_limit_left limiter_requests_left(struct limiter *l, int64_t now_ms)
{
    return what_is_left(l->requests, l->limits.requests_per_minute, now_ms);
}

struct auth_limit_left limiter_tokens_left(struct limiter *l, int64_t now_ms)
{
    return what_is_left(l->tokens, l->limits.tokens_per_minute, now_ms);
}
