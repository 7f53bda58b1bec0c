/*
 * One answer in the making: waits for a slot, then tokens at the wished rate, in the form of its route.
 * The whole text is known from the start; only time makes it a stream.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "demo/demo_job.h"

/* Tokens are due at most so often; faster rates send several at once. */
#define TICK_MIN_MS 2
/* Tokens that leave in one turn when there is no rate. */
#define TURN_TOKENS 64
/* The pretended reading of the prompt. */
#define PROMPT_MS_PER_TOKEN 0.05
#define PROMPT_MS_MOST      200

static void start_waiting_jobs(struct demo *d);

/* ---- what will be said ---- */

static void keep(struct buf *b, size_t len)
{
    if (len < b->len) {
        b->len = len;
        b->p[len] = '\0';
    }
}

/* Ends the content before the first stop word in it. */
static void apply_stop(struct demo_job *j)
{
    for (size_t i = 0; i < j->request.stop.n; i++) {
        struct span word = span_str(j->request.stop.v[i]);
        ptrdiff_t at = word.len ? span_find(buf_span(&j->content), word) : -1;
        if (at >= 0)
            keep(&j->content, (size_t)at);
    }
}

/* Keeps the first n tokens of b; returns how many are left over for what follows. */
static int64_t cut_tokens(struct buf *b, int64_t n)
{
    size_t at = 0;
    for (; n > 0 && at < b->len; n--)
        at += demo_token_len(span_of(b->p + at, b->len - at));
    keep(b, at);
    return n;
}

static void prepare_thoughts(struct demo_job *j)
{
    const struct demo_request *r = &j->request;
    struct buf thoughts = {0};
    demo_guide_think(j->demo->guide, r->texts.v, r->texts.n, &thoughts);
    demo_continue(buf_span(&thoughts), buf_span(&r->thought), &j->reasoning);
    buf_release(&thoughts);
}

static void prepare(struct demo_job *j)
{
    const struct demo_request *r = &j->request;
    struct buf answer = {0};
    if (r->texts.n > 0)
        demo_tools_read(span_str(r->texts.v[r->texts.n - 1]), &j->tools);
    if (j->tools.n > 0) {
        j->finish_reason = "tool_calls";
        return;
    }
    if (demo_wants_title(r->texts.v, r->texts.n))
        demo_title(buf_span(&r->first), &answer);
    else
        demo_guide_answer(j->demo->guide, r->texts.v, r->texts.n, r->has_image, &answer);
    demo_continue(buf_span(&answer), buf_span(&r->have), &j->content);
    buf_release(&answer);
    if (j->demo->options->think && !r->no_think && !r->have.len)
        prepare_thoughts(j);
    apply_stop(j);
    j->finish_reason = "stop";
    if (r->max_tokens >= 0) {
        size_t whole = j->reasoning.len + j->content.len;
        (void)cut_tokens(&j->content, cut_tokens(&j->reasoning, r->max_tokens));
        if (j->reasoning.len + j->content.len < whole)
            j->finish_reason = "length";
    }
}

/* ---- a job's life ---- */

static void job_free(struct demo_job *j)
{
    struct demo *d = j->demo;
    loop_timer_stop(&j->timer);
    list_remove(&j->node);
    d->n_running -= j->is_running;
    demo_request_release(&j->request);
    buf_release(&j->reasoning);
    buf_release(&j->content);
    demo_tools_release(&j->tools);
    free(j->id);
    free(j);
}

/* The answer ended or its reader left: the next one gets the slot. */
static void job_end(struct demo_job *j)
{
    struct demo *d = j->demo;
    job_free(j);
    start_waiting_jobs(d);
}

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)x;
    struct demo_job *j = arg;
    if (j->is_running)
        fprintf(stderr, "demo-engine: cancelled after %lld tokens\n", (long long)j->n_tokens);
    job_end(j);
}

/* llama-server takes a half-closed connection for one that is gone. */
static void on_shut(struct http_exchange *x, void *arg)
{
    http_exchange_on_gone(x, NULL, NULL);
    http_exchange_on_drain(x, NULL, NULL);
    on_gone(x, arg);
    http_exchange_abort(x);
}

static void on_drain(struct http_exchange *x, void *arg)
{
    (void)x;
    struct demo_job *j = arg;
    if (j->has_begun && !j->is_silent)
        loop_timer_start(&j->timer, 0);
}

/* After so many tokens a fault is due that the options ask for. */
static int64_t fault_at(const struct demo_job *j)
{
    const struct demo_options *o = j->demo->options;
    int64_t at = INT64_MAX;
    if (o->die_after_tokens >= 0)
        at = o->die_after_tokens;
    if (o->hang_after_tokens >= 0 && o->hang_after_tokens < at)
        at = o->hang_after_tokens;
    return at;
}

static void fail(struct demo_job *j)
{
    if (j->n_tokens == j->demo->options->die_after_tokens) {
        fprintf(stderr, "demo-engine: dying after %lld tokens, as told\n", (long long)j->n_tokens);
        (void)kill(getpid(), SIGKILL);
    }
    fprintf(stderr, "demo-engine: silent after %lld tokens, as told\n", (long long)j->n_tokens);
    j->is_silent = true;
}

/* The name of a call is one token, its arguments have theirs. */
static void say_tool_token(struct demo_job *j)
{
    struct span arguments = span_str(j->tools.v[j->tool].arguments), token = {"", 0};
    if (j->tool_begun) {
        token = span_of(arguments.p + j->tool_at, arguments.len - j->tool_at);
        token.len = demo_token_len(token);
    }
    if (j->request.stream)
        j->form->tool(j, !j->tool_begun, token);
    j->tool_begun = true;
    j->tool_at += token.len;
    j->n_tokens++;
    if (j->tool_at < arguments.len)
        return;
    j->tool++;
    j->tool_at = 0;
    j->tool_begun = false;
}

static bool is_all_said(const struct demo_job *j)
{
    return j->at >= j->reasoning.len + j->content.len && j->tool >= j->tools.n;
}

static void say_token(struct demo_job *j)
{
    if (j->tool < j->tools.n) {
        say_tool_token(j);
        return;
    }
    bool thinks = j->at < j->reasoning.len;
    const struct buf *b = thinks ? &j->reasoning : &j->content;
    size_t at = thinks ? j->at : j->at - j->reasoning.len;
    struct span token = span_of(b->p + at, b->len - at);
    token.len = demo_token_len(token);
    if (j->request.stream)
        j->form->text(j, thinks, token);
    j->at += token.len;
    j->n_tokens++;
}

/* How many tokens may have been said by now. */
static int64_t tokens_due(const struct demo_job *j)
{
    double rate = j->demo->options->tokens_per_s;
    if (rate <= 0)
        return j->n_tokens + TURN_TOKENS;
    return 1 + (int64_t)((double)(clock_ms() - j->first_token_ms) * rate / 1000);
}

static void begin(struct demo_job *j)
{
    j->has_begun = true;
    j->first_token_ms = clock_ms();
    if (!j->request.stream)
        return;
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", span_str("text/event-stream"));
    http_headers_add(&headers, "Cache-Control", span_str("no-cache"));
    http_exchange_begin(j->x, 200, &headers, -1);
    http_headers_release(&headers);
    j->form->begin(j);
}

static void finish(struct demo_job *j)
{
    struct http_exchange *x = j->x;
    fprintf(stderr, "demo-engine: %lld tokens in %lld ms (%s)\n", (long long)j->n_tokens,
            (long long)(clock_ms() - j->started_ms), j->finish_reason);
    if (j->request.stream) {
        j->form->end(j);
        http_exchange_end(x);
    } else {
        AUTO(buf) struct buf *out = buf_new();
        struct json_writer w;
        jw_init(&w, out);
        jw_begin_obj(&w);
        j->form->whole(j, &w);
        jw_end_obj(&w);
        demo_reply_json(x, 200, out);
    }
    job_end(j);
}

/* Says what is due; stops at a reader who is behind (on_drain goes on) and before a fault. */
static void say_tokens(struct demo_job *j)
{
    if (j->request.stream)
        http_exchange_cork(j->x);
    for (int64_t due = tokens_due(j); j->n_tokens < due && j->n_tokens < fault_at(j) && !is_all_said(j);) {
        if (j->request.stream && http_exchange_is_full(j->x))
            break;
        say_token(j);
    }
    if (j->request.stream)
        http_exchange_uncork(j->x);
}

static void job_tick(void *arg)
{
    struct demo_job *j = arg;
    if (j->n_tokens >= fault_at(j)) {
        fail(j);
        return;
    }
    if (!j->has_begun)
        begin(j);
    say_tokens(j);
    /* a fault waits for the next turn, so that what was said leaves the process first */
    if (is_all_said(j) && j->n_tokens < fault_at(j)) {
        finish(j);
        return;
    }
    double rate = j->demo->options->tokens_per_s;
    int64_t wait_ms = rate > 0 ? (int64_t)(1000 / rate) : 0;
    if (j->request.stream && http_exchange_is_full(j->x))
        return;
    loop_timer_start(&j->timer, rate > 0 && wait_ms < TICK_MIN_MS ? TICK_MIN_MS : wait_ms);
}

static void start_waiting_jobs(struct demo *d)
{
    LIST_EACH(j, &d->jobs, struct demo_job, node) {
        if (d->n_running >= d->options->slots)
            return;
        if (j->is_running)
            continue;
        j->is_running = true;
        d->n_running++;
        j->started_ms = clock_ms();
        double prompt_ms = (double)j->request.prompt_tokens * PROMPT_MS_PER_TOKEN;
        loop_timer_start(&j->timer, (int64_t)(prompt_ms < PROMPT_MS_MOST ? prompt_ms : PROMPT_MS_MOST));
    }
}

void demo_job_start(struct demo *d, struct http_exchange *x, struct demo_request *request)
{
    static const struct demo_form *const forms[DEMO_N_ROUTES] = {
        [DEMO_CHAT] = &demo_form_chat,
        [DEMO_COMPLETION] = &demo_form_completion,
        [DEMO_MESSAGES] = &demo_form_messages,
        [DEMO_RESPONSES] = &demo_form_responses,
    };
    struct demo_job *j = xcalloc(1, sizeof *j);
    char uuid[UUID_LEN + 1];
    rand_uuid(uuid);
    *j = (struct demo_job){.demo = d,
                           .x = x,
                           .form = forms[request->route],
                           .request = *request,
                           .created_s = clock_wall_ms() / 1000};
    *request = (struct demo_request){0};
    j->id = xasprintf("%s%s", j->form->id_prefix, uuid);
    loop_timer_init(&j->timer, d->loop, job_tick, j);
    list_init(&j->node);
    list_push_back(&d->jobs, &j->node);
    prepare(j);
    http_exchange_on_gone(x, on_gone, j);
    http_exchange_on_shut(x, on_shut, j);
    http_exchange_on_drain(x, on_drain, j);
    start_waiting_jobs(d);
}

void demo_jobs_close(struct demo *d)
{
    while (!list_is_empty(&d->jobs)) {
        struct demo_job *j = LIST_FIRST(&d->jobs, struct demo_job, node);
        http_exchange_on_gone(j->x, NULL, NULL);
        http_exchange_on_shut(j->x, NULL, NULL);
        http_exchange_on_drain(j->x, NULL, NULL);
        job_free(j);
    }
}
