/* Performs what the retry machine says for one message; holds no rule of its own about what is sent again. */
#include "cli/chat_answer.h"

#include <signal.h>
#include <stdio.h>

#include "cli/chat_feed.h"
#include "cli/chat_stream.h"
#include "cli/chat_words.h"
#include "cli/retry.h"

#define MAX_ERROR_BYTES 65536
#define IDLE_MS         45000 /* three of hob's comments */
#define STOP_GRACE_MS   1500  /* hob's own end of a stopped answer is awaited this long */

struct answer {
    struct control *control;
    struct chat_screen *screen;
    const struct chat_question *question;
    struct retry cycle;
    struct chat_feed feed;
    struct chat_stream stream;
    struct loop_timer due, grace;
    struct loop_signal *interrupt;
    struct http_call *call; /* the request, and the stream that it became */
    struct http_call *stop_call;
    int status;
    struct buf body; /* of a response that is no stream */
    struct chat_failure failure;
    char message_id[UUID_LEN + 1], answer_id[UUID_LEN + 1], generation_id[UUID_LEN + 1];
    bool is_stored; /* hob has the message */
    bool has_text, is_stopping, is_over;
    enum chat_end end;
};

static void finish(struct answer *a, enum chat_end end)
{
    if (a->is_over)
        return;
    a->is_over = true;
    a->end = end;
    loop_stop(a->control->loop);
}

static void show_status(struct answer *a)
{
    int attempt = retry_shown_attempt(a->cycle);
    if (attempt == 0) {
        screen_clear_status(a->screen);
        return;
    }
    AUTO(buf) struct buf *line = buf_new();
    words_connecting(line, attempt, a->feed.engine);
    screen_status(a->screen, attempt, buf_span(line));
}

static void request(struct answer *a);
static void stop_generation(struct answer *a);

static void drop_call(struct answer *a)
{
    if (a->call)
        http_call_cancel(TAKE(a->call));
}

static void say_why_not(struct answer *a)
{
    AUTO(buf) struct buf *lines = buf_new();
    words_unanswered(lines, a->cycle.state, &a->failure, a->question->server_name, a->feed.engine);
    screen_say(a->screen, buf_span(lines));
}

/* The one place that changes the cycle. */
static void take_step(struct answer *a, struct retry_step step)
{
    a->cycle = step.next;
    if (step.actions & RETRY_DO_DISARM)
        loop_timer_stop(&a->due);
    if (step.actions & RETRY_DO_ABANDON)
        drop_call(a);
    if (step.actions & RETRY_DO_REQUEST)
        request(a);
    if (step.actions & RETRY_DO_ARM)
        loop_timer_start(&a->due, a->cycle.due_ms - clock_ms());
    if (step.actions & RETRY_DO_STOP)
        stop_generation(a);
    show_status(a);
    if (!retry_has_failed(a->cycle.state))
        return;
    say_why_not(a);
    /* A generation that began unseen is not left running for nobody. */
    if (a->cycle.state == RETRY_STOPPED && a->generation_id[0])
        stop_generation(a);
    else
        finish(a, a->cycle.state == RETRY_STOPPED ? CHAT_STOPPED : CHAT_UNANSWERED);
}

static void happen(struct answer *a, enum retry_event event)
{
    if (!a->is_over)
        take_step(a, retry_step(a->cycle, event, clock_ms()));
}

static void on_due(void *arg)
{
    happen(arg, RETRY_EV_DUE);
}

/* ---- stopping ---- */

static void on_stop_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    (void)e;
    (void)why;
    struct answer *a = arg;
    a->stop_call = NULL;
    if (a->cycle.state == RETRY_STOPPED)
        finish(a, CHAT_STOPPED);
}

static void on_stop_headers(struct http_call *call, void *arg, int status, const struct http_fields *f)
{
    (void)call;
    (void)arg;
    (void)status;
    (void)f;
}

static void on_stop_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    (void)arg;
    (void)data;
}

static void stop_generation(struct answer *a)
{
    static const struct http_call_events events = {
        .on_headers = on_stop_headers, .on_body = on_stop_body, .on_done = on_stop_done};
    AUTO(mem) char *target = xasprintf("/api/generations/%s/stop", a->generation_id);
    loop_timer_start(&a->grace, STOP_GRACE_MS);
    if (!a->stop_call)
        a->stop_call = control_call(a->control, "POST", target, NULL, SPAN_LIT("{}"), STOP_GRACE_MS, &events,
                                    a);
}

static void on_grace(void *arg)
{
    finish(arg, CHAT_STOPPED);
}

static void on_interrupt(void *arg)
{
    struct answer *a = arg;
    if (a->is_stopping) {
        finish(a, CHAT_STOPPED);
        return;
    }
    a->is_stopping = true;
    happen(a, RETRY_EV_STOP);
}

/* ---- the stream ---- */

static void begin_text(struct answer *a)
{
    if (!a->has_text)
        happen(a, RETRY_EV_TOKEN);
    a->has_text = true;
}

/* Each call is one line, whatever its arguments are. */
static void on_tool(void *arg, struct span name, struct span arguments)
{
    struct answer *a = arg;
    if (a->is_over)
        return;
    begin_text(a);
    AUTO(buf) struct buf *line = buf_new();
    if (name.len) {
        screen_end_answer(a->screen);
        buf_addf(line, "Tool call: %.*s ", SPAN_ARG(name));
    }
    for (size_t i = 0; i < arguments.len; i++)
        buf_add_char(line, arguments.p[i] == '\n' ? ' ' : arguments.p[i]);
    screen_answer(a->screen, buf_span(line));
    if (a->screen->is_broken)
        finish(a, CHAT_INTERRUPTED);
}

static void on_text(void *arg, struct span content, struct span reasoning)
{
    struct answer *a = arg;
    if (a->is_over)
        return;
    begin_text(a);
    if (reasoning.len)
        screen_reasoning(a->screen, reasoning);
    if (content.len)
        screen_answer(a->screen, content);
    if (a->screen->is_broken)
        finish(a, CHAT_INTERRUPTED);
}

/* "1 ahead of you" */
static void on_comment(void *arg, struct span text)
{
    struct answer *a = arg;
    if (a->is_over || a->cycle.state != RETRY_OPEN || !span_ends(text, "ahead of you"))
        return;
    AUTO(buf) struct buf *line = buf_new();
    buf_addf(line, "Waiting for the model · %.*s", SPAN_ARG(text));
    screen_status(a->screen, 0, buf_span(line));
}

static void on_stream_end(void *arg, enum chat_stream_end end, const struct chat_failure *failure,
                          bool retryable)
{
    struct answer *a = arg;
    drop_call(a);
    if (end != CHAT_STREAM_FAILED) {
        happen(a, RETRY_EV_TOKEN);
        finish(a, end == CHAT_STREAM_STOPPED ? CHAT_STOPPED : CHAT_ANSWERED);
        return;
    }
    a->failure = *failure;
    if (a->cycle.state == RETRY_OPEN) {
        happen(a, retryable ? RETRY_EV_AGAIN : RETRY_EV_REFUSE);
        return;
    }
    if (a->is_stopping) {
        finish(a, CHAT_STOPPED);
        return;
    }
    AUTO(buf) struct buf *lines = buf_new();
    words_interrupted(lines, failure);
    screen_end_answer(a->screen);
    screen_say(a->screen, buf_span(lines));
    finish(a, CHAT_INTERRUPTED);
}

static const struct chat_stream_events stream_events = {
    .on_text = on_text, .on_tool = on_tool, .on_comment = on_comment, .on_end = on_stream_end};

/* ---- the request ---- */

static void keep_id(char to[UUID_LEN + 1], struct span id)
{
    if (uuid_is_valid(id))
        (void)snprintf(to, UUID_LEN + 1, "%.*s", SPAN_ARG(id));
}

static void on_headers(struct http_call *call, void *arg, int status, const struct http_fields *fields)
{
    (void)call;
    struct answer *a = arg;
    a->status = status;
    if (status != 200)
        return;
    a->is_stored = true;
    keep_id(a->generation_id, http_fields_get(fields, HTTP_FIELD_X_GENERATION_ID));
    keep_id(a->answer_id, http_fields_get(fields, HTTP_FIELD_X_ANSWER_ID));
    chat_stream_begin(&a->stream, a->control, span_str(a->generation_id), &stream_events, a);
    happen(a, RETRY_EV_HEADERS);
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct answer *a = arg;
    if (a->status == 200)
        chat_stream_take(&a->stream, data);
    else if (a->body.len + data.len <= MAX_ERROR_BYTES)
        buf_add_span(&a->body, data);
}

/* Codes that hob gives only after it has stored the message. */
static bool proves_stored(const char *code)
{
    return strncmp(code, "engine_", 7) == 0 || strcmp(code, "bad_gateway") == 0;
}

static void read_refusal(struct answer *a)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    if (json_parse_object(buf_span(&a->body), &doc, &root, &a->failure.message)) {
        a->failure.status = a->status;
        return;
    }
    yyjson_val *error = yyjson_obj_get(root, "error"), *engine = yyjson_obj_get(error, "engine");
    chat_failure_read(&a->failure, a->status, error);
    a->is_stored |= proves_stored(a->failure.code);
    if (yyjson_is_obj(engine))
        chat_feed_learn(&a->feed, TAKE(doc), engine);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    struct answer *a = arg;
    a->call = NULL;
    if (a->status == 200) {
        chat_stream_broke(&a->stream);
        return;
    }
    a->failure = (struct chat_failure){.status = a->status};
    if (a->status == 0)
        a->failure.message = *why;
    else
        read_refusal(a);
    happen(a, e && a->status == 0 ? RETRY_EV_AGAIN : retry_judge(a->status, a->failure.code));
}

static void write_message(const struct answer *a, struct buf *body)
{
    const struct chat_question *q = a->question;
    struct json_writer w;
    jw_init(&w, body);
    jw_begin_obj(&w);
    jwf_str(&w, "conversation_id", q->conversation_id);
    jw_key(&w, "message");
    jw_begin_obj(&w);
    jwf_str(&w, "id", a->message_id);
    jwf_str(&w, "parent_id", q->parent_id[0] ? q->parent_id : NULL);
    jw_key(&w, "content");
    jw_span(&w, q->text);
    jw_end_obj(&w);
    jwf_str(&w, "server", q->server_id);
    jw_end_obj(&w);
}

static void request(struct answer *a)
{
    static const struct http_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    AUTO(buf) struct buf *body = buf_new();
    a->status = 0;
    buf_clear(&a->body);
    write_message(a, body);
    a->call = control_call(a->control, "POST", "/api/chat/completions", NULL, buf_span(body), IDLE_MS,
                           &events, a);
}

/* ---- news ---- */

static void on_engine(void *arg, bool is_change)
{
    struct answer *a = arg;
    if (a->is_over)
        return;
    if (is_change && strcmp(a->feed.state, "ready") == 0) {
        happen(a, RETRY_EV_ENGINE_READY);
    } else if (is_change && strcmp(a->feed.state, "failed") == 0) {
        happen(a, RETRY_EV_ENGINE_FAILED);
    } else if (retry_shown_attempt(a->cycle)) {
        show_status(a);
    }
}

static void on_generation(void *arg, const char *generation_id)
{
    struct answer *a = arg;
    if (a->cycle.state == RETRY_SENDING)
        keep_id(a->generation_id, span_str(generation_id));
}

static const struct chat_feed_events feed_events = {.on_engine = on_engine, .on_generation = on_generation};

static void release(struct answer *a)
{
    loop_signal_free(a->interrupt);
    drop_call(a);
    if (a->stop_call)
        http_call_cancel(TAKE(a->stop_call));
    chat_stream_close(&a->stream);
    chat_feed_close(&a->feed);
    loop_timer_stop(&a->due);
    loop_timer_stop(&a->grace);
    buf_release(&a->body);
}

enum chat_end chat_answer(struct control *c, struct chat_screen *screen, const struct chat_question *q,
                          char out_last_id[UUID_LEN + 1])
{
    struct answer a = {.control = c, .screen = screen, .question = q};
    rand_uuid(a.message_id);
    screen_new_message(screen);
    loop_timer_init(&a.due, c->loop, on_due, &a);
    loop_timer_init(&a.grace, c->loop, on_grace, &a);
    a.interrupt = loop_signal_new(c->loop, SIGINT, on_interrupt, &a);
    chat_feed_open(&a.feed, c, q->server_id, a.message_id, &feed_events, &a);
    take_step(&a, retry_begin());
    loop_run(c->loop);
    screen_end_answer(screen);
    const char *last_id = a.has_text && a.answer_id[0] ? a.answer_id
                          : a.is_stored                ? a.message_id
                                                       : q->parent_id;
    (void)snprintf(out_last_id, UUID_LEN + 1, "%s", last_id);
    release(&a);
    return a.end;
}
