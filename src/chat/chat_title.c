/*
 * Titles by the model: after the first exchange of a conversation its server is asked for one, when nobody else needs the
 * engine. It never starts an engine and gives way at once to whoever calls it. What is wanted is kept in memory only.
 */
#include "chat/chat_room.h"
#include "chat/chat_title_text.h"

#define TITLE_IDLE_MS    2000             /* the engine's peace before it is asked */
#define LOOK_MS          500              /* how often it is looked whether there is peace */
#define TITLE_TIMEOUT_MS 60000            /* for all that the engine says */
#define WAIT_MS          (10 * 60 * 1000) /* a wish that waited so long is dropped */
#define MAX_WANTED       64               /* the oldest goes */
#define MAX_TRIES        10               /* calls that had to give way */
#define MAX_SAID_BYTES   ((size_t)16 << 10)
#define MAX_EVENT_BYTES  ((size_t)1 << 20)

/* Few tokens, nearly the most probable ones, and no thoughts where the template can leave them out. */
static const char title_options[] =
    "{\"max_tokens\":64,\"temperature\":0.2,\"chat_template_kwargs\":{\"enable_thinking\":false}}";

struct title {
    struct chat *c;
    struct list node; /* in chat.titles */
    char *user_id, *conversation_id, *answer_id, *server_id;
    int64_t wanted_ms;
    int n_tries;
    struct store_op *op;
    /* the call */
    struct gateway_call *call;
    struct loop_timer timeout;
    struct sse_parser sse;
    int status;
    bool is_stream, is_complete;
    bool is_cut;     /* it had more to say than it may */
    struct buf body; /* of an answer that is no stream */
    struct buf said;
};

static void end_call(struct title *t)
{
    loop_timer_stop(&t->timeout);
    gateway_call_cancel(TAKE(t->call));
    sse_parser_release(&t->sse);
    buf_release(&t->body);
    buf_release(&t->said);
}

static void drop(struct title *t)
{
    store_cancel(t->op);
    end_call(t);
    list_remove(&t->node);
    free(t->user_id);
    free(t->conversation_id);
    free(t->answer_id);
    free(t->server_id);
    free(t);
}

/* ---- what the engine says ---- */

static void on_entitled(void *arg, const struct store_result *r)
{
    struct title *t = arg;
    t->op = NULL;
    if (!r->err)
        chat_publish_conversation(t->c, &r->conversations[0]);
    drop(t);
}

static void take_title(struct title *t)
{
    AUTO(buf) struct buf *title = buf_new();
    struct span said = span_trim(buf_span(&t->said));
    bool is_whole = !t->is_cut || span_find(said, SPAN_LIT("\n")) >= 0; /* the first line, at least */
    if (!is_whole || !title_text_clean(said, title)) {
        log_debug("chat: conversation %s: the model gave no title", t->conversation_id);
        drop(t);
        return;
    }
    end_call(t);
    t->op = store_conversation_entitle(t->c->store, t->user_id, t->conversation_id, buf_str(title),
                                       on_entitled, t);
}

static void take_data(struct title *t, struct span data)
{
    struct chunk chunk;
    chunk_read(data, &chunk);
    if (chunk.kind == CHUNK_DELTA && chunk.has_content && t->said.len + chunk.content.len <= MAX_SAID_BYTES)
        buf_add_span(&t->said, chunk.content);
    if (chunk.kind == CHUNK_DONE || (chunk.kind == CHUNK_DELTA && chunk.finish_reason))
        t->is_complete = true;
    if (chunk.kind == CHUNK_DELTA && str_eq(chunk.finish_reason, "length"))
        t->is_cut = true;
    chunk_release(&chunk);
}

static void on_sse_event(void *arg, const struct sse_event *ev)
{
    take_data(arg, ev->data);
}

static void on_headers(void *arg, int status, const struct http_fields *fields)
{
    struct title *t = arg;
    t->status = status;
    t->is_stream = status == 200 && relay_is_event_stream(fields);
}

static void on_body(void *arg, struct span data)
{
    struct title *t = arg;
    if (!t->is_stream) {
        if (t->body.len + data.len <= MAX_SAID_BYTES)
            buf_add_span(&t->body, data);
    } else if (sse_parser_feed(&t->sse, data)) {
        t->is_complete = false;
    }
}

static void on_call_done(void *arg, const struct gateway_failure *f)
{
    struct title *t = arg;
    t->call = NULL;
    if (f && str_eq(f->code, "gave_way") && ++t->n_tries < MAX_TRIES) {
        end_call(t); /* it waits for peace again */
        return;
    }
    if (!f && t->status == 200 && !t->is_stream)
        take_data(t, buf_span(&t->body));
    if (!f && t->status == 200 && t->is_complete)
        take_title(t);
    else
        drop(t);
}

static void on_timeout(void *arg)
{
    drop(arg);
}

/* ---- the call ---- */

/* The text of a message with attachments: a title does not need them, and they may be big. */
static void write_text_only(struct message_row *row)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (json_parse(span_str(row->content_json), &doc, NULL) || !yyjson_is_arr(yyjson_doc_get_root(doc)))
        return;
    AUTO(buf) struct buf *text = buf_new();
    struct buf json = {0};
    struct json_writer w;
    size_t i, n;
    yyjson_val *part;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, part) {
        const char *piece = json_str_or(part, "text", NULL);
        if (piece)
            buf_addf(text, "%s%s", text->len ? "\n\n" : "", piece);
    }
    jw_init(&w, &json);
    jw_span(&w, buf_span(text));
    free(row->content_json);
    row->content_json = buf_take_str(&json);
}

static struct server *idle_server(const struct title *t)
{
    struct server *s = gateway_server_by_id(t->c->gateway, t->server_id);
    return s && server_idle_ms(s) >= TITLE_IDLE_MS ? s : NULL;
}

/* The conversation's own prompt with one question behind it, so that the engine has most of it in its cache. */
static enum err write_request(const struct server *s, const struct store_result *r, struct buf *out)
{
    struct err_text why;
    struct message_row rows[2];
    for (size_t i = 0; i < 2; i++) {
        message_row_copy(&rows[i], &r->messages[i]);
        write_text_only(&rows[i]);
    }
    struct prompt prompt = {.model = server_model_name(s),
                            .system = server_config(s)->system_prompt,
                            .own_system = r->conversations[0].system_prompt,
                            .rows = rows,
                            .n_rows = 2,
                            .options_json = title_options,
                            .ask = TITLE_ASK};
    enum err e = prompt_write(&prompt, out, &why);
    for (size_t i = 0; i < 2; i++)
        message_row_clear(&rows[i]);
    return e;
}

static void call(struct title *t, struct server *s, struct span body)
{
    static const struct gateway_call_events events = {
        .on_headers = on_headers, .on_body = on_body, .on_done = on_call_done};
    const struct gateway_call_options options = {.path = "/v1/chat/completions",
                                                 .body = body,
                                                 .header_timeout_ms = TITLE_TIMEOUT_MS,
                                                 .idle_timeout_ms = TITLE_TIMEOUT_MS,
                                                 .is_background = true};
    log_debug("chat: conversation %s: asking %s for a title", t->conversation_id, server_config(s)->name);
    t->status = 0;
    t->is_stream = t->is_complete = t->is_cut = false;
    sse_parser_init(&t->sse, MAX_EVENT_BYTES, on_sse_event, NULL, t);
    loop_timer_init(&t->timeout, t->c->loop, on_timeout, t);
    loop_timer_start(&t->timeout, TITLE_TIMEOUT_MS);
    t->call = gateway_call_start(t->c->gateway, s, &options, &events, t);
}

/* The first exchange of its conversation, in words, and nobody has given that a title. The message that made a
 * conversation is as old as that; in one that was imported, a first message that is edited is younger. */
static bool is_wanted(const struct store_result *r)
{
    return !r->err && r->n == 2 && !str_eq(r->messages[1].content_json, "\"\"") &&
           str_eq(r->conversations[0].titled_by, "message") &&
           r->messages[0].created_at == r->conversations[0].created_at;
}

static void on_path(void *arg, const struct store_result *r)
{
    struct title *t = arg;
    t->op = NULL;
    AUTO(buf) struct buf *body = buf_new();
    struct server *s = idle_server(t);
    if (!is_wanted(r) || t->c->closing)
        drop(t);
    else if (!s)
        return; /* somebody was faster */
    else if (write_request(s, r, body))
        drop(t);
    else
        call(t, s, buf_span(body));
}

/* ---- when ---- */

static bool is_under_way(const struct title *t)
{
    return t->op || t->call;
}

/* One at a time for each server. */
static bool is_server_asked(const struct title *t)
{
    LIST_EACH(other, &t->c->titles, struct title, node) {
        if (is_under_way(other) && str_eq(other->server_id, t->server_id))
            return true;
    }
    return false;
}

static void look(void *arg)
{
    struct chat *c = arg;
    int64_t now = clock_ms();
    LIST_EACH(t, &c->titles, struct title, node) {
        if (is_under_way(t))
            continue;
        if (now - t->wanted_ms > WAIT_MS)
            drop(t);
        else if (idle_server(t) && !is_server_asked(t))
            t->op = store_message_path(c->store, t->user_id, t->answer_id, on_path, t);
    }
    if (list_is_empty(&c->titles))
        loop_timer_stop(&c->title_look);
}

void titles_init(struct chat *c)
{
    list_init(&c->titles);
    loop_timer_init(&c->title_look, c->loop, look, c);
}

void title_want(const struct generation *g, const struct conversation_row *conversation)
{
    struct chat *c = g->c;
    if (!c->options.model_titles || c->closing || g->state != GENERATION_DONE ||
        !str_eq(conversation->titled_by, "message"))
        return;
    size_t n = 0;
    LIST_EACH(other, &c->titles, struct title, node) {
        n++;
        if (str_eq(other->conversation_id, conversation->id))
            return; /* of the first exchange; this is a later one */
    }
    if (n >= MAX_WANTED)
        drop(LIST_FIRST(&c->titles, struct title, node));
    struct title *t = xcalloc(1, sizeof *t);
    t->c = c;
    t->user_id = xstrdup(g->row.user_id);
    t->conversation_id = xstrdup(g->row.conversation_id);
    t->answer_id = xstrdup(g->row.answer_id);
    t->server_id = xstrdup(g->row.server_id);
    t->wanted_ms = clock_ms();
    if (list_is_empty(&c->titles))
        loop_timer_repeat(&c->title_look, LOOK_MS);
    list_push_back(&c->titles, &t->node);
}

void titles_drop(struct chat *c, const char *conversation_id)
{
    LIST_EACH(t, &c->titles, struct title, node) {
        if (!conversation_id || str_eq(t->conversation_id, conversation_id))
            drop(t);
    }
    if (list_is_empty(&c->titles))
        loop_timer_stop(&c->title_look);
}
