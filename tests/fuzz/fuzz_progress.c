/*
 * What an engine prints, as load progress and as log: whole and in two pieces. The first byte chooses the protocol and the
 * stream, the second where it is cut.
 */
#include <stdlib.h>

#include "engine/engine_hint.h"
#include "engine/engine_log.h"
#include "engine/engine_progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct engine_log_line *line, void *arg)
{
    (void)arg;
    /* one byte may become the three of U+FFFD, then it is cut */
    if (line->text.len > ENGINE_LOG_LINE_BYTES || !utf8_is_valid(line->text))
        abort();
    for (size_t i = 0; i < line->text.len; i++) {
        unsigned char c = (unsigned char)line->text.p[i];
        if ((c < 0x20 && c != '\t' && c != 0x1b) || c == 0x7f)
            abort();
    }
}

static void check(const struct engine_load *l, double *last)
{
    struct engine_progress p;
    engine_load_estimate(l, 60000, &p);
    bool in_range = p.value >= *last && p.value <= 1 && p.left_s >= -1;
    if (!in_range || (p.text && !utf8_is_valid(span_str(p.text))))
        abort();
    *last = p.value;
}

static double run(enum engine_protocol protocol, int stream, struct span text, size_t cut)
{
    struct engine_load l;
    double last = -1;
    engine_load_begin(&l, protocol, 0, 0, 1000);
    engine_load_feed(&l, stream, span_of(text.p, cut), 2000);
    check(&l, &last);
    engine_load_feed(&l, stream, span_of(text.p + cut, text.len - cut), 3000);
    check(&l, &last);
    return last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum engine_protocol protocol = data[0] & 1 ? ENGINE_LLAMA : ENGINE_GENERIC;
    int stream = data[0] & 2 ? 2 : 1;
    struct span text = span_of((const char *)data + 2, size - 2);
    size_t cut = text.len ? data[1] % (text.len + 1) : 0;
    double whole = run(protocol, stream, text, text.len), pieces = run(protocol, stream, text, cut);
    if (protocol == ENGINE_LLAMA && (whole < pieces || whole > pieces))
        abort();

    struct engine_log *log = engine_log_new(check_line, NULL);
    struct strv lines = {0};
    engine_log_feed(log, ENGINE_STREAM_OUT, span_of(text.p, cut), 1);
    engine_log_feed(log, ENGINE_STREAM_ERR, text, 1);
    engine_log_feed(log, ENGINE_STREAM_OUT, span_of(text.p + cut, text.len - cut), 1);
    engine_log_flush(log, 1);
    engine_log_tail(log, 1, ENGINE_FAILURE_LINES, &lines);
    struct engine_end end = {ENGINE_END_EXIT, 1, ENGINE_OOM_NO, NULL};
    (void)engine_hint(&end, &lines);
    strv_release(&lines);
    engine_log_free(log);
    return 0;
}
