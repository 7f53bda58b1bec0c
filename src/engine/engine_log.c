/* The ring of an engine's last lines, and how raw output becomes lines. */
#include "engine/engine_log.h"

struct line {
    int64_t n, at_ms;
    enum engine_stream stream;
    char *text;
    size_t len;
};

/* A line that has not ended. */
struct pending {
    char p[ENGINE_LOG_LINE_BYTES];
    size_t len;
    bool returned; /* the last byte was \r: a \n ends the line, anything else starts it over */
};

struct engine_log {
    struct line lines[ENGINE_LOG_LINES]; /* line n is at (n - 1) % ENGINE_LOG_LINES */
    int64_t newest;
    struct pending pending[ENGINE_STREAM_HOB];
    const char *hidden_prefix;
    engine_log_fn on_line;
    void *arg;
};

static const char *const stream_names[ENGINE_N_STREAMS] = {"out", "err", "hob"};

struct engine_log *engine_log_new(engine_log_fn on_line, void *arg)
{
    struct engine_log *log = xcalloc(1, sizeof *log);
    log->on_line = on_line;
    log->arg = arg;
    return log;
}

void engine_log_free(struct engine_log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < ENGINE_LOG_LINES; i++)
        free(log->lines[i].text);
    free(log);
}

/*
 * Length of the escape sequence at s (which starts with ESC): ECMA-48 5.4 for CSI, 5.6 for strings. *out_colour: it is
 * SGR ("ESC [ digits ; m"), which only changes colours.
 */
static size_t escape_len(struct span s, bool *out_colour)
{
    *out_colour = false;
    if (s.len < 2)
        return s.len;
    if (s.p[1] == '[') {
        size_t i = 2;
        bool plain = true;
        for (; i < s.len && s.p[i] >= 0x20 && s.p[i] <= 0x3f; i++)
            plain = plain && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == ';');
        if (i == s.len)
            return i;
        *out_colour = plain && s.p[i] == 'm';
        return s.p[i] >= 0x40 && s.p[i] <= 0x7e ? i + 1 : i;
    }
    if (s.p[1] == ']' || s.p[1] == 'P' || s.p[1] == 'X' || s.p[1] == '^' || s.p[1] == '_') {
        for (size_t i = 2; i < s.len; i++) {
            if (s.p[i] == 0x07)
                return i + 1;
            if (s.p[i] == 0x1b && i + 1 < s.len && s.p[i + 1] == '\\')
                return i + 2;
        }
        return s.len;
    }
    return (unsigned char)s.p[1] < 0x80 ? 2 : 1;
}

void engine_log_clean(struct buf *out, struct span text, bool keep_colours)
{
    AUTO(buf) struct buf *plain = buf_new();
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.p[i];
        struct span rest = span_of(text.p + i, text.len - i);
        if (c == 0x1b) {
            bool colour;
            size_t n = escape_len(rest, &colour);
            if (colour && keep_colours)
                buf_add(plain, rest.p, n);
            i += n;
        } else if (c == 0xc2 && rest.len > 1 && (unsigned char)rest.p[1] < 0xa0 &&
                   (unsigned char)rest.p[1] >= 0x80) {
            i += 2; /* a C1 control character: some terminals take U+009B for ESC [ */
        } else {
            if (c >= 0x20 && c != 0x7f)
                buf_add_char(plain, (char)c);
            else
                buf_add_str(plain, c == '\t' ? "\t" : "\xef\xbf\xbd");
            i++;
        }
    }
    utf8_add_clean(out, buf_span(plain));
}

void engine_log_line(struct engine_log *log, enum engine_stream stream, struct span text, int64_t at_ms)
{
    struct buf clean = {0};
    if (text.len > ENGINE_LOG_LINE_BYTES)
        text.len = utf8_floor(text, ENGINE_LOG_LINE_BYTES);
    engine_log_clean(&clean, text, true);
    if (clean.len > ENGINE_LOG_LINE_BYTES)
        clean.len = utf8_floor(buf_span(&clean), ENGINE_LOG_LINE_BYTES);

    struct line *line = &log->lines[log->newest % ENGINE_LOG_LINES];
    free(line->text);
    *line = (struct line){++log->newest, at_ms, stream, xstrndup(buf_str(&clean), clean.len), clean.len};
    buf_release(&clean);
    if (log->on_line) {
        struct engine_log_line told = {line->n, at_ms, stream_names[stream], span_of(line->text, line->len)};
        log->on_line(&told, log->arg);
    }
}

void engine_log_hide(struct engine_log *log, const char *prefix)
{
    log->hidden_prefix = prefix;
}

static void end_line(struct engine_log *log, enum engine_stream stream, int64_t at_ms)
{
    struct pending *p = &log->pending[stream];
    struct span text = span_of(p->p, p->len);
    if (stream != ENGINE_STREAM_OUT || !log->hidden_prefix || !span_starts(text, log->hidden_prefix))
        engine_log_line(log, stream, text, at_ms);
    p->len = 0;
    p->returned = false;
}

void engine_log_feed(struct engine_log *log, enum engine_stream stream, struct span chunk, int64_t at_ms)
{
    assert(stream < ENGINE_STREAM_HOB);
    struct pending *p = &log->pending[stream];
    for (size_t i = 0; i < chunk.len; i++) {
        char c = chunk.p[i];
        if (c == '\n') {
            end_line(log, stream, at_ms);
            continue;
        }
        if (c == '\r') {
            p->returned = true;
            continue;
        }
        if (p->returned)
            p->len = 0;
        p->returned = false;
        if (p->len < sizeof p->p)
            p->p[p->len++] = c;
    }
}

void engine_log_flush(struct engine_log *log, int64_t at_ms)
{
    for (enum engine_stream s = ENGINE_STREAM_OUT; s < ENGINE_STREAM_HOB; s++) {
        if (log->pending[s].len > 0)
            end_line(log, s, at_ms);
        log->pending[s].returned = false;
    }
}

int64_t engine_log_newest(const struct engine_log *log)
{
    return log->newest;
}

int64_t engine_log_each(const struct engine_log *log, int64_t after_n, engine_log_fn fn, void *arg)
{
    int64_t oldest = log->newest - ENGINE_LOG_LINES + 1, newest = log->newest;
    int64_t n = after_n < 0 ? 1 : after_n < newest ? after_n + 1 : newest + 1;
    for (n = n < oldest ? oldest : n < 1 ? 1 : n; n <= newest; n++) {
        const struct line *line = &log->lines[(n - 1) % ENGINE_LOG_LINES];
        struct engine_log_line told = {line->n, line->at_ms, stream_names[line->stream],
                                       span_of(line->text, line->len)};
        fn(&told, arg);
    }
    return newest;
}

void engine_log_tail(const struct engine_log *log, int64_t first_n, size_t most, struct strv *out_lines)
{
    int64_t oldest = log->newest - ENGINE_LOG_LINES + 1, from = log->newest + 1;
    size_t n_found = 0;
    if (first_n < oldest)
        first_n = oldest;
    for (int64_t n = log->newest; n >= first_n && n >= 1 && n_found < most; n--) {
        if (log->lines[(n - 1) % ENGINE_LOG_LINES].stream != ENGINE_STREAM_HOB) {
            n_found++;
            from = n;
        }
    }
    for (int64_t n = from; n <= log->newest; n++) {
        const struct line *line = &log->lines[(n - 1) % ENGINE_LOG_LINES];
        if (line->stream == ENGINE_STREAM_HOB)
            continue;
        struct buf text = {0};
        engine_log_clean(&text, span_of(line->text, line->len), false);
        strv_add(out_lines, buf_str(&text));
        buf_release(&text);
    }
}
