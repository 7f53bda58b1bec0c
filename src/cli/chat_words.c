/* Puts states and failures into words; the chat page says the same ones. */
#include "cli/chat_words.h"

#include <math.h>
#include <stdio.h>

#include "cli/cli_text.h"

#define MAX_LOG_LINES 5

void chat_failure_read(struct chat_failure *f, int status, yyjson_val *error)
{
    *f = (struct chat_failure){.status = status};
    (void)snprintf(f->code, sizeof f->code, "%s", json_str_or(error, "code", ""));
    struct span message = span_str(json_str_or(error, "message", ""));
    message.len = utf8_floor(message, sizeof f->message.text - 1);
    (void)snprintf(f->message.text, sizeof f->message.text, "%.*s", SPAN_ARG(message));
}

static void add_duration(struct buf *out, int64_t s)
{
    if (s < 60)
        buf_addf(out, "%lld s", (long long)s);
    else
        buf_addf(out, "%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
}

/* " · loading 42 %, about 20 s left"; nothing of a ready one: that says nothing about the wait. */
static void add_engine(struct buf *out, yyjson_val *engine)
{
    const char *state = json_str_or(engine, "state", "ready");
    if (strcmp(state, "ready") == 0)
        return;
    buf_add_str(out, " · ");
    text_add_line(out, span_str(state));
    yyjson_val *progress = yyjson_obj_get(engine, "progress");
    double value = json_num_or(progress, "value", -1);
    int64_t left_s = json_int_or(progress, "left_s", -1);
    if (value >= 0 && value <= 1)
        buf_addf(out, " %.0f %%", round(value * 100));
    if (left_s >= 0) {
        buf_add_str(out, ", about ");
        add_duration(out, left_s);
        buf_add_str(out, " left");
    }
}

void words_connecting(struct buf *out, int attempt, yyjson_val *engine)
{
    buf_addf(out, "Connecting to model... (attempt %d/%d)", attempt, RETRY_MAX_ATTEMPTS);
    add_engine(out, engine);
}

/* "LABEL: text (503 engine_loading)" */
static void add_error(struct buf *out, const char *label, const struct chat_failure *f)
{
    bool has_status = f->status > 0 && f->status != 200;
    buf_addf(out, "%s: ", label);
    text_add_line(out, span_str(f->message.text[0] ? f->message.text : "no reason was given"));
    if (has_status || f->code[0]) {
        buf_add_str(out, " (");
        if (has_status)
            buf_addf(out, "%d%s", f->status, f->code[0] ? " " : "");
        text_add_line(out, span_str(f->code));
        buf_add_char(out, ')');
    }
    buf_add_char(out, '\n');
}

static void add_cause(struct buf *out, const struct chat_failure *f, const char *server, yyjson_val *engine)
{
    yyjson_val *failure = yyjson_obj_get(engine, "failure");
    yyjson_val *log = yyjson_obj_get(failure, "log");
    const char *hint = json_str_or(failure, "hint", "");
    buf_add_str(out, "hob: ");
    text_add_line(out, span_str(server));
    buf_add_str(out, " failed: ");
    text_add_line(out, span_str(json_str_or(failure, "reason", f->message.text)));
    buf_add_char(out, '\n');
    if (hint[0]) {
        buf_add_str(out, "  Hint: ");
        text_add_line(out, span_str(hint));
        buf_add_char(out, '\n');
    }
    size_t n = yyjson_arr_size(log), at, max;
    yyjson_val *line;
    if (n)
        buf_add_str(out, "  Its last lines:\n");
    yyjson_arr_foreach(log, at, max, line) {
        if (n - at > MAX_LOG_LINES)
            continue;
        buf_add_str(out, "    ");
        text_add_line(out, span_of(yyjson_get_str(line), yyjson_get_len(line)));
        buf_add_char(out, '\n');
    }
    buf_add_str(out, "  Start it again on the Servers page, then ask again.\n");
}

void words_unanswered(struct buf *out, enum retry_state end, const struct chat_failure *f, const char *server,
                      yyjson_val *engine)
{
    switch (end) {
    case RETRY_EXHAUSTED:
        buf_addf(out, "hob: Failed to connect to model after %d attempts\n", RETRY_MAX_ATTEMPTS);
        buf_add_str(out,
                    "  The model may still be loading. Check the Servers page for status, then ask again.\n");
        add_error(out, "  Error", f);
        break;
    case RETRY_ENGINE_FAILED: add_cause(out, f, server, engine); break;
    case RETRY_STOPPED: buf_add_str(out, "hob: stopped before an answer began\n"); break;
    case RETRY_REFUSED:
    case RETRY_SENDING:
    case RETRY_WAITING:
    case RETRY_OPEN:
    case RETRY_STREAMING:
    case RETRY_N_STATES: add_error(out, "hob", f); break;
    }
}

void words_interrupted(struct buf *out, const struct chat_failure *f)
{
    add_error(out, "hob: the answer broke off", f);
    buf_add_str(out, "  What came is kept; Continue and Retry are on the chat page.\n");
}
