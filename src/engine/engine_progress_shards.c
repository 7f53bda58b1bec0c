/*
 * Bars of vLLM and SGLang (tqdm), each rewriting the last by \r:
 *     Loading safetensors checkpoint shards:  54% Completed | 20/37 [01:27<01:19, 4.66s/it]
 *     Capturing CUDA graphs:  40%|####      | 14/35 [00:05<00:08,  2.51it/s]
 * The weights are not all of a start: compiling and capturing follow, so they count for 85 % of it.
 */
#include "engine/engine_progress.h"

#define WEIGHTS_SHARE 0.85
#define GRAPHS_FROM   0.90
#define GRAPHS_SHARE  0.09

void engine_shards_init(struct engine_shards *p)
{
    *p = (struct engine_shards){.value = -1, .left_s = -1};
}

static bool has(struct span s, const char *text)
{
    return span_find(s, span_str(text)) >= 0;
}

/* "01:19" or "1:02:03" as seconds; -1: neither. */
static int clock_seconds(struct span s)
{
    uint64_t total = 0;
    struct span rest = s;
    for (int fields = 0; rest.p && fields < 3; fields++) {
        uint64_t field;
        if (!span_to_u64(span_trim(span_cut(rest, ':', &rest)), &field) || field > 9999)
            return -1;
        total = total * 60 + field;
    }
    return rest.p ? -1 : (int)total;
}

/* The bar's "| 20/37 [01:27<01:19, ...]": false when it is not all there yet. */
static bool read_bar(struct span line, double *out_value, int *out_left_s)
{
    struct span rest = line, counts = {0};
    while (rest.p) {
        struct span field = span_cut(rest, '|', &rest);
        if (!rest.p)
            counts = field;
    }
    struct span times, total_text;
    struct span count_text = span_cut(span_trim(span_cut(counts, '[', &times)), '/', &total_text);
    uint64_t count, total;
    if (!times.p || span_find(times, SPAN_LIT("]")) < 0 || !span_to_u64(count_text, &count) ||
        !total_text.p || !span_to_u64(total_text, &total) || total == 0 || count > total)
        return false;
    struct span left;
    (void)span_cut(times, '<', &left);
    *out_left_s = left.p ? clock_seconds(span_cut(left, ',', &times)) : -1;
    *out_value = (double)count / (double)total;
    return true;
}

static void raise_to(struct engine_shards *p, double value, int left_s, const char *text)
{
    if (value < p->value)
        return;
    p->value = value;
    p->left_s = left_s;
    p->text = text;
}

static void read_line(struct engine_shards *p)
{
    struct span line = span_of(p->line.p, p->line.len);
    double value;
    int left_s;
    if (has(line, "checkpoint shards") && read_bar(line, &value, &left_s))
        raise_to(p, value * WEIGHTS_SHARE, left_s, "loading weights");
    else if (has(line, "Capturing") && read_bar(line, &value, &left_s))
        raise_to(p, GRAPHS_FROM + value * GRAPHS_SHARE, left_s, "capturing CUDA graphs");
}

/* Lines that count only when they have ended: any part of them could be one of something else. */
static void read_ended_line(struct engine_shards *p)
{
    struct span line = span_of(p->line.p, p->line.len);
    if (has(line, "Loading weights took"))
        raise_to(p, WEIGHTS_SHARE, -1, "preparing");
    else if (has(line, "Application startup complete") || has(line, "fired up and ready to roll"))
        raise_to(p, 1, 0, NULL);
    else
        read_line(p);
}

void engine_shards_feed(struct engine_shards *p, struct span chunk)
{
    for (size_t i = 0; i < chunk.len; i++) {
        char c = chunk.p[i];
        if (c == '\n' || c == '\r') {
            if (!p->line.too_long)
                read_ended_line(p);
            p->line.len = 0;
            p->line.too_long = false;
        } else if (p->line.len < sizeof p->line.p) {
            p->line.p[p->line.len++] = c;
        } else {
            p->line.too_long = true;
        }
    }
    /* tqdm ends a bar only when it prints the next one, which may take a minute */
    if (p->line.len > 0 && !p->line.too_long)
        read_line(p);
}
