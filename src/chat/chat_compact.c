/*
 * Makes the logs of old answers short. A log has an event for each token, some 200 bytes for four letters; nobody follows an
 * answer of yesterday token by token. Works in small steps while nothing else goes on.
 */
#include "chat/chat_compact.h"

#include "chat/chat_room.h"

#define OLD_MS        ((int64_t)24 * 3600 * 1000)
#define FIRST_LOOK_MS 5000
#define LOOK_MS       ((int64_t)3600 * 1000) /* after the last one was made short */
#define BUSY_MS       10000                  /* while answers are made */
#define STEP_MS       50

/* ---- the frames ---- */

struct compact_writer {
    struct frame_head head;
    struct buf *out;
    int64_t seq;
};

static void add_chunk(struct compact_writer *w, struct chunk *chunk)
{
    frame_add_chunk(w->out, ++w->seq, &w->head, chunk);
}

static void add_texts(struct compact_writer *w, struct span text, bool is_reasoning)
{
    while (text.len > 0) {
        size_t n = utf8_floor(text, COMPACT_CHUNK_BYTES);
        struct span piece = span_of(text.p, n > 0 ? n : text.len);
        struct chunk chunk = {.has_content = !is_reasoning, .has_reasoning = is_reasoning};
        *(is_reasoning ? &chunk.reasoning : &chunk.content) = piece;
        add_chunk(w, &chunk);
        text = span_of(text.p + piece.len, text.len - piece.len);
    }
}

/* Pieces have an index, which the calls that are kept do without. Those are of the whole answer: what it had before this part
 * of it is in the logs of the other parts. */
static void add_tool_calls(struct compact_writer *w, const struct events_row *texts)
{
    const char *json = texts->tool_calls_json;
    AUTO(json_doc) yyjson_doc *doc = NULL;
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer jw;
    int64_t first = json && texts->frames ? frames_first_call(span_str(texts->frames)) : -1;
    if (first < 0 || json_parse(span_str(json), &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *call;
    jw_init(&jw, b);
    jw_begin_arr(&jw);
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, call) {
        if ((int64_t)i < first)
            continue;
        jw_begin_obj(&jw);
        jwf_int(&jw, "index", (int64_t)i);
        jwf_str(&jw, "id", json_str_or(call, "id", ""));
        jwf_str(&jw, "type", "function");
        jw_key(&jw, "function");
        jw_val(&jw, yyjson_obj_get(call, "function"));
        jw_end_obj(&jw);
    }
    jw_end_arr(&jw);
    struct chunk chunk = {.tool_pieces = buf_span(b)};
    add_chunk(w, &chunk);
}

int64_t compact_write(const struct generation_row *row, const struct events_row *texts, struct buf *out)
{
    AUTO(json_doc) yyjson_doc *meta = NULL;
    if (row->meta_json && json_parse(span_str(row->meta_json), &meta, NULL))
        meta = NULL;
    yyjson_val *figures = yyjson_doc_get_root(meta);
    struct compact_writer w = {.head = {.generation_id = row->id,
                                        .model = json_str_or(figures, "model", ""),
                                        .created_s = row->created_at / 1000},
                               .out = out};
    struct chunk first = {.has_role = true};
    add_chunk(&w, &first);
    add_texts(&w, span_str(texts->reasoning), true);
    add_texts(&w, span_str(texts->content), false);
    add_tool_calls(&w, texts);
    struct chunk last = {.finish_reason = json_str_or(figures, "finish_reason", NULL)};
    if (last.finish_reason)
        add_chunk(&w, &last);
    if (str_eq(row->state, "done") || str_eq(row->state, "stopped"))
        frame_add_done(out, w.seq + 1, row->state, row->meta_json);
    else
        frame_add_error(out, w.seq + 1, row->state, row->error_json);
    return w.seq + 2;
}

/* ---- one after the other ---- */

static void on_compacted(void *arg, const struct store_result *r)
{
    struct chat *c = arg;
    c->compacting = NULL;
    bool is_gone = r->err == ERR_NOT_FOUND; /* removed meanwhile */
    if (r->err && !is_gone)
        log_warn("chat: a log was not made short: %s", r->why.text);
    loop_timer_start(&c->compact_look, r->err && !is_gone ? LOOK_MS : STEP_MS);
}

static void on_long(void *arg, const struct store_result *r)
{
    struct chat *c = arg;
    c->compacting = NULL;
    if (r->err || r->n == 0) {
        loop_timer_start(&c->compact_look, LOOK_MS);
        return;
    }
    AUTO(buf) struct buf *frames = buf_new();
    int64_t last_seq = compact_write(r->generation, &r->events[0], frames);
    c->compacting = store_generation_compact(c->store, r->generation->id, last_seq, buf_span(frames),
                                             on_compacted, c);
}

static void look(void *arg)
{
    struct chat *c = arg;
    if (c->closing)
        return;
    if (chat_n_running(c) > 0 || gateway_n_calls(c->gateway) > 0)
        loop_timer_start(&c->compact_look, BUSY_MS);
    else
        c->compacting = store_generation_long(c->store, clock_wall_ms() - OLD_MS, on_long, c);
}

void chat_open_compact(struct chat *c)
{
    loop_timer_init(&c->compact_look, c->loop, look, c);
    loop_timer_start(&c->compact_look, FIRST_LOOK_MS);
}

void chat_close_compact(struct chat *c)
{
    loop_timer_stop(&c->compact_look);
    store_cancel(TAKE(c->compacting));
}
