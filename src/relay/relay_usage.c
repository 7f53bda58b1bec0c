/* Finds "usage" and "timings" in an answer and takes their counts. One search over the bytes is all that an event costs. */
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

static void take_object(struct relay_usage *u)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    if (!u->is_too_long && !json_parse_object(buf_span(&u->object), &doc, &root, NULL)) {
        if (u->is_timings)
            take_timings(u, root);
        else
            take_usage(u, root);
    }
    buf_release(&u->object); /* a stream may stay open for hours */
    u->is_capturing = u->is_too_long = false;
}

static void begin_object(struct relay_usage *u, bool is_timings)
{
    u->is_capturing = true;
    u->is_timings = is_timings;
    u->in_string = u->is_escaped = false;
    u->depth = 0;
    u->n_tail = 0;
}

/* Up to the object's last brace; returns how many bytes that took. */
static size_t capture(struct relay_usage *u, struct span bytes)
{
    size_t n = 0;
    bool is_over = false;
    while (n < bytes.len && !is_over) {
        char c = bytes.p[n++];
        if (u->in_string) {
            bool is_end = c == '"' && !u->is_escaped;
            u->is_escaped = c == '\\' && !u->is_escaped;
            u->in_string = !is_end;
        } else if (c == '"') {
            u->in_string = true;
        } else if (c == '{') {
            u->depth++;
        } else if (c == '}') {
            is_over = --u->depth == 0;
        }
    }
    if (u->object.len + n > RELAY_MAX_USAGE_BYTES)
        u->is_too_long = true;
    else
        buf_add(&u->object, bytes.p, n);
    if (is_over || u->is_too_long)
        take_object(u);
    return n;
}

/* ---- the search ---- */

/* The name at `at`, its colon and blanks: where the brace is, or `at` when it is no object, or the bytes' end when they are
 * too few to tell. */
static size_t find_brace(struct span bytes, size_t at, const char *name)
{
    size_t i = at + strlen(name);
    bool has_colon = false;
    for (; i < bytes.len; i++) {
        char c = bytes.p[i];
        if (c == '{')
            return has_colon ? i : at;
        if (c == ':' && !has_colon)
            has_colon = true;
        else if (!char_is_blank(c))
            return at;
    }
    return bytes.len - at < RELAY_USAGE_TAIL ? bytes.len : at;
}

/* The first object of that name from `at` on; bytes.len: none. */
static size_t find_object(struct span bytes, size_t at, const char *name)
{
    while (at < bytes.len) {
        ptrdiff_t found = span_find(span_of(bytes.p + at, bytes.len - at), span_str(name));
        if (found < 0)
            return bytes.len;
        size_t start = at + (size_t)found, brace = find_brace(bytes, start, name);
        if (brace != start)
            return brace;
        at = start + strlen(name) - 1; /* its last quote may be another one's first */
    }
    return bytes.len;
}

/* Where the next object begins, or bytes.len. */
static size_t search(struct span bytes, bool *out_is_timings)
{
    size_t usage = find_object(bytes, 0, "\"usage\"");
    size_t timings = find_object(span_of(bytes.p, usage), 0, "\"timings\"");
    *out_is_timings = timings < usage;
    return timings < usage ? timings : usage;
}

/* The last bytes and the first new ones: a name that was cut. Returns how many of the new ones that took. */
static size_t search_seam(struct relay_usage *u, struct span bytes)
{
    char seam[2 * RELAY_USAGE_TAIL];
    size_t n_old = u->n_tail, n_new = bytes.len < RELAY_USAGE_TAIL ? bytes.len : RELAY_USAGE_TAIL;
    bool is_timings;
    memcpy(seam, u->tail, n_old);
    memcpy(seam + n_old, bytes.p, n_new);
    size_t brace = search(span_of(seam, n_old + n_new), &is_timings);
    if (brace == n_old + n_new || brace < n_old)
        return 0;
    begin_object(u, is_timings);
    return brace - n_old;
}

static void keep_tail(struct relay_usage *u, struct span bytes)
{
    size_t n = bytes.len < RELAY_USAGE_TAIL ? bytes.len : RELAY_USAGE_TAIL;
    size_t n_old = u->n_tail + n > RELAY_USAGE_TAIL ? RELAY_USAGE_TAIL - n : u->n_tail;
    memmove(u->tail, u->tail + u->n_tail - n_old, n_old);
    memcpy(u->tail + n_old, bytes.p + bytes.len - n, n);
    u->n_tail = (uint8_t)(n_old + n);
}

void relay_usage_feed(struct relay_usage *u, struct span bytes)
{
    bool is_timings;
    size_t at = 0;
    if (bytes.len == 0)
        return;
    if (!u->is_capturing && u->n_tail > 0)
        at = search_seam(u, bytes);
    while (at < bytes.len) {
        struct span rest = span_of(bytes.p + at, bytes.len - at);
        if (u->is_capturing) {
            at += capture(u, rest);
            continue;
        }
        size_t brace = search(rest, &is_timings);
        if (brace == rest.len) {
            keep_tail(u, rest);
            return;
        }
        begin_object(u, is_timings);
        at += brace;
    }
}

double relay_usage_speed(const struct relay_usage *u, int64_t writing_ms)
{
    if (u->tokens_per_s >= 0)
        return u->tokens_per_s;
    return u->tokens_out > 1 && writing_ms > 0 ? (double)(u->tokens_out - 1) * 1000 / (double)writing_ms : -1;
}
