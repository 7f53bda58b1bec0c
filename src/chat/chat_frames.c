/* Events of an answer: what engines send, by allow-list, and what hob makes of it. */
#include "chat/chat_frames.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- reading ---- */

/* A NUL in a text is legal JSON and nobody's friend. */
static struct span without_nul(struct span s, struct buf *room)
{
    if (s.len == 0 || !memchr(s.p, '\0', s.len))
        return s;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '\0')
            buf_add_char(room, s.p[i]);
    }
    return buf_span(room);
}

static bool take_text(yyjson_val *holder, const char *name, struct buf *room, struct span *out)
{
    yyjson_val *v = yyjson_obj_get(holder, name);
    if (!yyjson_is_str(v))
        return false;
    *out = without_nul(span_of(yyjson_get_str(v), yyjson_get_len(v)), room);
    return true;
}

static void read_tool_calls(yyjson_val *delta, struct chunk *c)
{
    yyjson_val *calls = yyjson_obj_get(delta, "tool_calls"), *item;
    size_t i, n;
    if (!yyjson_is_arr(calls) || yyjson_arr_size(calls) == 0 || yyjson_arr_size(calls) > 128)
        return;
    yyjson_arr_foreach(calls, i, n, item) {
        if (!yyjson_is_obj(item))
            return;
    }
    c->tool_calls = calls;
}

/* Letters, digits and _ only: it goes into logs and pages. */
static const char *plain_word(const char *text)
{
    size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") : 0;
    return n > 0 && n <= 40 && text[n] == '\0' ? text : NULL;
}

static void read_choice(yyjson_val *choice, struct chunk *c)
{
    yyjson_val *delta = yyjson_obj_get(choice, "delta");
    if (!yyjson_is_obj(delta))
        delta = yyjson_obj_get(choice, "message"); /* an answer that is no stream */
    if (yyjson_is_obj(delta)) {
        c->has_role = str_eq(json_str_or(delta, "role", NULL), "assistant");
        c->has_content = take_text(delta, "content", &c->content_buf, &c->content);
        c->has_reasoning = take_text(delta, "reasoning_content", &c->reasoning_buf, &c->reasoning) ||
                           take_text(delta, "reasoning", &c->reasoning_buf, &c->reasoning);
        read_tool_calls(delta, c);
    }
    c->finish_reason = plain_word(json_str_or(choice, "finish_reason", NULL));
}

static int64_t count_or_none(yyjson_val *obj, const char *name)
{
    int64_t n = json_int_or(obj, name, -1);
    return n >= 0 && n <= 1000000000000 ? n : -1;
}

static double measure_or_none(yyjson_val *obj, const char *name)
{
    double v = json_num_or(obj, name, -1);
    return v >= 0 && v <= 1e12 ? v : -1;
}

static void read_figures(yyjson_val *root, struct chunk *c)
{
    yyjson_val *usage = yyjson_obj_get(root, "usage"), *timings = yyjson_obj_get(root, "timings");
    if (yyjson_is_obj(usage)) {
        c->has_usage = true;
        c->usage = (struct chunk_usage){count_or_none(usage, "prompt_tokens"),
                                        count_or_none(usage, "completion_tokens"),
                                        count_or_none(usage, "total_tokens")};
    }
    if (yyjson_is_obj(timings)) {
        c->has_timings = true;
        c->timings = (struct chunk_timings){
            measure_or_none(timings, "prompt_n"), measure_or_none(timings, "prompt_ms"),
            measure_or_none(timings, "predicted_n"), measure_or_none(timings, "predicted_ms"),
            measure_or_none(timings, "predicted_per_second")};
    }
}

static void read_error(struct span data, yyjson_val *root, struct chunk *c)
{
    c->kind = CHUNK_ERROR;
    relay_read_error(500, data, &c->error, NULL);
    yyjson_val *error = yyjson_obj_get(root, "error");
    int64_t code = yyjson_is_obj(error) ? json_int_or(error, "code", 0) : 0;
    c->status = code >= 400 && code < 600 ? (int)code : 0;
}

void chunk_read(struct span data, struct chunk *out_chunk)
{
    struct chunk *c = out_chunk;
    *c = (struct chunk){0};
    data = span_trim(data);
    if (span_is(data, "[DONE]")) {
        c->kind = CHUNK_DONE;
        return;
    }
    if (data.len == 0)
        return;
    if (!utf8_is_valid(data)) {
        utf8_add_clean(&c->cleaned, data);
        data = buf_span(&c->cleaned);
    }
    yyjson_val *root;
    if (json_parse_object(data, &c->doc, &root, NULL)) {
        c->kind = CHUNK_BAD;
        return;
    }
    yyjson_val *error = yyjson_obj_get(root, "error");
    if (error && !yyjson_is_null(error)) {
        read_error(data, root, c);
        return;
    }
    c->model = json_str_or(root, "model", NULL);
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(root, "choices"));
    if (yyjson_is_obj(choice) && json_int_or(choice, "index", 0) == 0)
        read_choice(choice, c);
    read_figures(root, c);
    if (c->has_role || c->has_content || c->has_reasoning || c->tool_calls || c->finish_reason ||
        c->has_usage || c->has_timings)
        c->kind = CHUNK_DELTA;
}

void chunk_release(struct chunk *c)
{
    yyjson_doc_free(c->doc);
    buf_release(&c->cleaned);
    buf_release(&c->content_buf);
    buf_release(&c->reasoning_buf);
    *c = (struct chunk){0};
}

bool chunk_has_text(const struct chunk *c)
{
    return c->content.len > 0 || c->reasoning.len > 0 || c->tool_calls;
}

/* ---- writing ---- */

static void write_count(struct json_writer *w, const char *key, int64_t n)
{
    if (n >= 0)
        jwf_int(w, key, n);
}

static void write_measure(struct json_writer *w, const char *key, double v)
{
    if (v >= 0)
        jwf_num(w, key, v);
}

static void write_figures(struct json_writer *w, const struct chunk *c)
{
    if (c->has_usage) {
        jw_key(w, "usage");
        jw_begin_obj(w);
        write_count(w, "prompt_tokens", c->usage.prompt_tokens);
        write_count(w, "completion_tokens", c->usage.completion_tokens);
        write_count(w, "total_tokens", c->usage.total_tokens);
        jw_end_obj(w);
    }
    if (c->has_timings) {
        jw_key(w, "timings");
        jw_begin_obj(w);
        write_measure(w, "prompt_n", c->timings.prompt_n);
        write_measure(w, "prompt_ms", c->timings.prompt_ms);
        write_measure(w, "predicted_n", c->timings.predicted_n);
        write_measure(w, "predicted_ms", c->timings.predicted_ms);
        write_measure(w, "predicted_per_second", c->timings.predicted_per_second);
        jw_end_obj(w);
    }
}

static void write_choice(struct json_writer *w, const struct chunk *c)
{
    jw_begin_obj(w);
    jwf_int(w, "index", 0);
    jw_key(w, "delta");
    jw_begin_obj(w);
    if (c->has_role)
        jwf_str(w, "role", "assistant");
    if (c->has_content) {
        jw_key(w, "content");
        jw_span(w, c->content);
    }
    if (c->has_reasoning) {
        jw_key(w, "reasoning_content");
        jw_span(w, c->reasoning);
    }
    if (c->tool_pieces.len) {
        jw_key(w, "tool_calls");
        jw_raw(w, c->tool_pieces);
    }
    jw_end_obj(w);
    jwf_str(w, "finish_reason", c->finish_reason);
    jw_end_obj(w);
}

void frame_add_chunk(struct buf *out, int64_t seq, const struct frame_head *head, const struct chunk *c)
{
    struct json_writer w;
    buf_addf(out, "id: %lld\ndata: ", (long long)seq);
    jw_init(&w, out);
    jw_begin_obj(&w);
    char id[64];
    (void)snprintf(id, sizeof id, "chatcmpl-%.40s", head->generation_id);
    jwf_str(&w, "id", id);
    jwf_str(&w, "object", "chat.completion.chunk");
    jwf_int(&w, "created", head->created_s);
    jwf_str(&w, "model", head->model);
    jw_key(&w, "choices");
    jw_begin_arr(&w);
    if (c->has_role || c->has_content || c->has_reasoning || c->tool_pieces.len || c->finish_reason)
        write_choice(&w, c);
    jw_end_arr(&w);
    write_figures(&w, c);
    jw_end_obj(&w);
    buf_add_str(out, "\n\n");
}

static void add_last(struct buf *out, int64_t seq, const char *event, const char *state, const char *key,
                     const char *json)
{
    struct json_writer w;
    buf_addf(out, "id: %lld\nevent: %s\ndata: ", (long long)seq, event);
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_raw(&w, key, json);
    jwf_str(&w, "state", state);
    jw_end_obj(&w);
    buf_addf(out, "\n\nid: %lld\ndata: [DONE]\n\n", (long long)seq + 1);
}

void frame_add_done(struct buf *out, int64_t seq, const char *state, const char *meta_json)
{
    add_last(out, seq, "done", state, "meta", meta_json);
}

void frame_add_error(struct buf *out, int64_t seq, const char *state, const char *error_json)
{
    add_last(out, seq, "error", state, "error", error_json);
}

/* ---- borders ---- */

/* No frame has an empty line inside: its data is JSON on one line. */
static size_t next_border(struct span frames, size_t at)
{
    const char *end = at < frames.len ? memmem(frames.p + at, frames.len - at, "\n\n", 2) : NULL;
    return end ? (size_t)(end - frames.p) + 2 : frames.len;
}

size_t frame_offset_after(struct span frames, int64_t first_seq, int64_t seq)
{
    size_t at = 0;
    for (int64_t n = first_seq; n <= seq && at < frames.len; n++)
        at = next_border(frames, at);
    return at;
}

size_t frame_floor(struct span frames, size_t max)
{
    if (frames.len <= max)
        return frames.len;
    for (size_t at = max; at >= 2; at--) {
        if (frames.p[at - 1] == '\n' && frames.p[at - 2] == '\n')
            return at;
    }
    return next_border(frames, 0);
}

int64_t frames_first_call(struct span frames)
{
    /* As write_choice and tool_calls_take write it. In a text its quotes would have backslashes. */
    struct span key = SPAN_LIT("\"tool_calls\":[{\"index\":"), rest;
    uint64_t index = 0;
    ptrdiff_t at = span_find(frames, key);
    if (at < 0)
        return -1;
    size_t from = (size_t)at + key.len;
    struct span digits = span_cut(span_of(frames.p + from, frames.len - from), ',', &rest);
    return span_to_u64(digits, &index) && index <= INT64_MAX ? (int64_t)index : -1;
}

bool frames_are_complete(struct span frames)
{
    return span_ends(frames, "\ndata: [DONE]\n\n");
}
