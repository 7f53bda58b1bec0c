/*
 * Finds "usage" and "timings" in an answer and takes their counts. What is searched for are braces, which are few, and then what
 * stands before them: that is all that an event costs.
 */
#include "relay/relay_usage.h"

void relay_usage_init(struct relay_usage *u)
{
    *u = (struct relay_usage){.tokens_in = -1, .tokens_out = -1, .tokens_per_s = -1};
}

void relay_usage_release(struct relay_usage *u)
{
    buf_release(&u->object);
}

/* ---- an object ---- */

/* -1: not there, or no count. */
static int64_t count_of(yyjson_val *obj, const char *name)
{
    double n = json_num_or(obj, name, -1);
    return n >= 0 && n <= (double)RELAY_MAX_TOKENS ? (int64_t)n : -1;
}

static int64_t count_or(yyjson_val *obj, const char *name, int64_t fallback)
{
    int64_t n = count_of(obj, name);
    return n >= 0 ? n : fallback;
}

/* Anthropic's input_tokens leave out what came from its cache or went there; OpenAI's counts have all. */
static int64_t prompt_of(yyjson_val *usage)
{
    int64_t n = count_of(usage, "prompt_tokens");
    if (n >= 0)
        return n;
    n = count_of(usage, "input_tokens");
    return n < 0 ? -1
                 : n + count_or(usage, "cache_read_input_tokens", 0) +
                       count_or(usage, "cache_creation_input_tokens", 0);
}

static void take_usage(struct relay_usage *u, yyjson_val *usage)
{
    int64_t in = prompt_of(usage);
    int64_t out = count_or(usage, "completion_tokens", count_of(usage, "output_tokens"));
    /* Embeddings and the like have no tokens of their own; they say prompt_tokens and total_tokens. */
    if (in >= 0 && out < 0 && count_of(usage, "total_tokens") == in)
        out = 0;
    /* The start of Anthropic's stream has the prompt, its end the answer, and some say 0 for the other one. */
    if (in > 0 || (in == 0 && !u->has_counts))
        u->tokens_in = in;
    if (out >= 0)
        u->tokens_out = out;
    u->has_counts |= in >= 0 || out >= 0;
}

static void take_timings(struct relay_usage *u, yyjson_val *timings)
{
    int64_t prompt = count_of(timings, "prompt_n"), out = count_of(timings, "predicted_n");
    double speed = json_num_or(timings, "predicted_per_second", -1);
    if (!u->has_counts && prompt >= 0)
        u->tokens_in = prompt + count_or(timings, "cache_n", 0);
    if (!u->has_counts && out >= 0)
        u->tokens_out = out;
    /* A single token took no time at all, as llama-server counts. */
    if (speed >= 0 && speed < 1e6)
        u->tokens_per_s = speed;
}

/* The object at the front of bytes, if it is there whole: how many bytes it has. 0: it is not, or it is no JSON. Only names are looked
 * up in it, so that it may be nested as it likes. */
static size_t take_object(struct relay_usage *u, struct span bytes)
{
    size_t n = bytes.len < RELAY_MAX_USAGE_BYTES ? bytes.len : RELAY_MAX_USAGE_BYTES;
    AUTO(json_doc)
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)bytes.p, n, YYJSON_READ_STOP_WHEN_DONE, NULL, NULL);
    if (!doc)
        return 0;
    if (u->is_timings)
        take_timings(u, yyjson_doc_get_root(doc));
    else
        take_usage(u, yyjson_doc_get_root(doc));
    return yyjson_doc_get_read_size(doc);
}

static void begin_capture(struct relay_usage *u)
{
    u->is_capturing = true;
    u->in_string = u->is_escaped = false;
    u->depth = 0;
}

/* How many of the bytes belong to the object under way. */
static size_t pass_object(struct relay_usage *u, struct span bytes, bool *out_is_over)
{
    bool in_string = u->in_string, is_escaped = u->is_escaped, is_over = false;
    size_t n = 0;
    while (n < bytes.len && !is_over) {
        char c = bytes.p[n++];
        if (is_escaped)
            is_escaped = false;
        else if (c == '"')
            in_string = !in_string;
        else if (in_string)
            is_escaped = c == '\\';
        else if (c == '{')
            u->depth++;
        else if (c == '}')
            is_over = --u->depth == 0;
    }
    u->in_string = in_string;
    u->is_escaped = is_escaped;
    *out_is_over = is_over;
    return n;
}

/* Of one that was cut, or is no JSON: up to its last brace. Returns how many bytes that took. One that is too long is given up. */
static size_t capture(struct relay_usage *u, struct span bytes)
{
    size_t room = RELAY_MAX_USAGE_BYTES - u->object.len;
    bool is_over;
    size_t n = pass_object(u, span_of(bytes.p, bytes.len < room ? bytes.len : room), &is_over);
    buf_add(&u->object, bytes.p, n);
    if (is_over)
        (void)take_object(u, buf_span(&u->object));
    if (is_over || n == room) {
        u->is_capturing = false;
        buf_release(&u->object); /* a stream may stay open for hours */
    }
    return n;
}

/* ---- the search ---- */

/* The last bytes of what came before and of these. */
static void copy_last(const struct relay_usage *u, struct span bytes, char out[RELAY_USAGE_TAIL])
{
    size_t n = bytes.len < RELAY_USAGE_TAIL ? bytes.len : RELAY_USAGE_TAIL;
    memcpy(out, u->tail + n, RELAY_USAGE_TAIL - n);
    if (n)
        memcpy(out + RELAY_USAGE_TAIL - n, bytes.p + bytes.len - n, n);
}

/* Cuts c and blanks behind it from the end of s; false: something else is there. */
static bool cut_last(struct span *s, char c)
{
    while (s->len > 0 && char_is_blank(s->p[s->len - 1]))
        s->len--;
    return s->len > 0 && s->p[--s->len] == c;
}

/* before: what stands before a brace. Does it name an object that is wanted? */
static bool is_wanted(struct span before, bool *out_is_timings)
{
    if (!cut_last(&before, ':') || !cut_last(&before, '"'))
        return false;
    *out_is_timings = span_ends(before, "\"timings");
    return *out_is_timings || span_ends(before, "\"usage");
}

/* Where the next wanted object begins, from `at` on, of which kind u says then; bytes.len: there is none. */
static size_t search(struct relay_usage *u, struct span bytes, size_t at)
{
    const char *brace;
    for (; (brace = memchr(bytes.p + at, '{', bytes.len - at)) != NULL; at++) {
        char before[RELAY_USAGE_TAIL];
        at = (size_t)(brace - bytes.p);
        copy_last(u, span_of(bytes.p, at), before);
        if (is_wanted(span_of(before, sizeof before), &u->is_timings))
            return at;
    }
    return bytes.len;
}

void relay_usage_feed(struct relay_usage *u, struct span bytes)
{
    char tail[RELAY_USAGE_TAIL];
    for (size_t at = 0; at < bytes.len;) {
        if (u->is_capturing) {
            at += capture(u, span_of(bytes.p + at, bytes.len - at));
        } else if ((at = search(u, bytes, at)) < bytes.len) {
            size_t n = take_object(u, span_of(bytes.p + at, bytes.len - at));
            at += n;
            if (n == 0)
                begin_capture(u);
        }
    }
    copy_last(u, bytes, tail);
    memcpy(u->tail, tail, sizeof tail);
}

double relay_usage_speed(const struct relay_usage *u, int64_t writing_ms)
{
    if (u->tokens_per_s >= 0)
        return u->tokens_per_s;
    return u->tokens_out > 1 && writing_ms > 0 ? (double)(u->tokens_out - 1) * 1000 / (double)writing_ms : -1;
}
