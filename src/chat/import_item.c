/* Items of an export: strict about what is there, blind for what is not known. */
#include "chat/import_item.h"

#include <sodium.h>

#include "chat/chat.h"
#include "chat/chat_tools.h"
#include "http/http.h"

#define MAX_TIME        ((int64_t)1 << 53)
#define MAX_FOLDER_NAME 100 /* characters */
#define MAX_TITLE       200 /* characters */
#define MAX_SMALL_BYTES ((size_t)64 << 10)

struct import_memory {
    yyjson_doc *doc;
    char *texts[4];
    struct buf bytes;
};

void import_batch_release(struct import_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct import_memory *m = &b->memory[i];
        yyjson_doc_free(m->doc);
        for (size_t t = 0; t < COUNT_OF(m->texts); t++)
            free(m->texts[t]);
        buf_release(&m->bytes);
    }
    free(b->rows);
    free(b->memory);
    *b = (struct import_batch){0};
}

static void add_empty(struct import_batch *b)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->rows = xrealloc(b->rows, b->cap * sizeof *b->rows);
        b->memory = xrealloc(b->memory, b->cap * sizeof *b->memory);
    }
    b->rows[b->n] = (struct import_row){0};
    b->memory[b->n] = (struct import_memory){0};
    b->n++;
}

/* Hands a heap string to the row's memory. */
static char *keep(struct import_memory *m, char *text)
{
    for (size_t i = 0; i < COUNT_OF(m->texts); i++) {
        if (!m->texts[i])
            return m->texts[i] = text;
    }
    assert(false); /* a row has no more of them */
    return text;
}

/* ---- fields ---- */

static enum err get_str(yyjson_val *v, const char *name, bool required, char **out, struct err_text *why)
{
    const char *text = NULL;
    enum err e = json_get_str(v, name, required, &text, why);
    *out = (char *)(uintptr_t)text; /* rows have no const; nobody writes to them */
    return e;
}

static enum err get_id(yyjson_val *v, const char *name, bool required, char **out, struct err_text *why)
{
    enum err e = get_str(v, name, required, out, why);
    if (!e && *out && !uuid_is_valid(span_str(*out)))
        e = err_set(why, ERR_INVALID, "\"%s\" must be a UUID in lower case", name);
    return e;
}

/* One of the words of a list that ends with NULL. */
static enum err get_word(yyjson_val *v, const char *name, const char *const *words, char **out,
                         struct err_text *why)
{
    enum err e = get_str(v, name, true, out, why);
    AUTO(buf) struct buf *list = buf_new();
    for (size_t i = 0; !e && words[i]; i++) {
        if (str_eq(words[i], *out))
            return ERR_OK;
        buf_addf(list, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    return e ? e : err_set(why, ERR_INVALID, "\"%s\" must be %s", name, buf_str(list));
}

static enum err get_time(yyjson_val *v, const char *name, bool required, int64_t *out, struct err_text *why)
{
    return json_get_int(v, name, required, 0, MAX_TIME, out, why);
}

static enum err get_chars(yyjson_val *v, const char *name, size_t max_chars, char **out, struct err_text *why)
{
    enum err e = get_str(v, name, true, out, why);
    if (!e && (span_trim(span_str(*out)).len == 0 || utf8_count(span_str(*out)) > max_chars))
        e = err_set(why, ERR_INVALID, "\"%s\" must have 1 to %zu characters", name, max_chars);
    return e;
}

static char *value_text(yyjson_val *v)
{
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_val(&w, v);
    return buf_take_str(&b);
}

/* The server that a row names, by id and (another hob has other ids) by name. */
static enum err get_server(yyjson_val *v, char **out_id, char **out_name, struct err_text *why)
{
    enum err e = get_str(v, "server_id", false, out_id, why);
    if (!e && *out_id && !**out_id)
        *out_id = NULL;
    if (!e && *out_id)
        e = get_id(v, "server_id", false, out_id, why);
    return e ? e : get_str(v, "server_name", false, out_name, why);
}

static enum err get_options(yyjson_val *v, struct import_memory *m, char **out_json, struct err_text *why)
{
    char *json = NULL;
    enum err e = chat_options_check(yyjson_obj_get(v, "options"), &json, why);
    if (json)
        *out_json = keep(m, json);
    return e;
}

/* ---- folders and attachments ---- */

static enum err read_folder(yyjson_val *v, struct import_row *row, struct err_text *why)
{
    enum err e = get_chars(v, "name", MAX_FOLDER_NAME, &row->folder.name, why);
    return e ? e : get_time(v, "created_at", true, &row->folder.created_at, why);
}

static enum err read_data(yyjson_val *v, struct import_memory *m, struct err_text *why)
{
    const char *data = NULL;
    enum err e = json_get_str(v, "data", true, &data, why);
    if (e)
        return e;
    size_t len = strlen(data), n = 0;
    if (len / 4 * 3 > HTTP_MAX_ATTACHMENT_BYTES + 2)
        return err_set(why, ERR_INVALID, "\"data\" has more than %zu MiB", HTTP_MAX_ATTACHMENT_BYTES >> 20);
    unsigned char *to = (unsigned char *)buf_reserve(&m->bytes, len / 4 * 3 + 4);
    if (sodium_base642bin(to, len / 4 * 3 + 3, data, len, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL))
        return err_set(why, ERR_INVALID, "\"data\" is not valid base64");
    m->bytes.len = n;
    return ERR_OK;
}

static enum err check_hash(const struct import_memory *m, const char *sha256, struct err_text *why)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    AUTO(buf) struct buf *hex = buf_new();
    (void)crypto_hash_sha256(hash, (const unsigned char *)buf_str(&m->bytes), m->bytes.len);
    hex_add(hex, hash, sizeof hash);
    return str_eq(buf_str(hex), sha256)
               ? ERR_OK
               : err_set(why, ERR_INVALID, "\"data\" is damaged: it does not match \"sha256\"");
}

static enum err read_attachment(yyjson_val *v, struct import_row *row, struct import_memory *m,
                                struct err_text *why)
{
    struct attachment_row *a = &row->attachment;
    struct buf name = {0};
    enum err e = get_str(v, "name", true, &a->name, why);
    if (!e && (!*a->name || strlen(a->name) > FILE_NAME_MAX_BYTES))
        e = err_set(why, ERR_INVALID, "\"name\" must have 1 to %d bytes", FILE_NAME_MAX_BYTES);
    if (!e)
        e = get_str(v, "mime", true, &a->mime, why);
    if (!e)
        e = get_str(v, "sha256", true, &a->sha256, why);
    if (!e)
        e = get_time(v, "created_at", true, &a->created_at, why);
    if (!e)
        e = read_data(v, m, why);
    if (!e)
        e = check_hash(m, a->sha256, why);
    if (!e)
        e = chat_check_file(span_str(a->mime), buf_span(&m->bytes), why);
    if (e)
        return ERR_INVALID;
    file_name_clean(span_str(a->name), &name);
    a->name = keep(m, buf_take_str(&name));
    a->bytes = buf_span(&m->bytes);
    /* The document is as large as the file again, and only short strings of it are needed. */
    a->id = keep(m, xstrdup(a->id));
    a->mime = keep(m, xstrdup(a->mime));
    a->sha256 = keep(m, xstrdup(a->sha256));
    yyjson_doc_free(TAKE(m->doc));
    return ERR_OK;
}

/* ---- conversations and messages ---- */

static enum err read_conversation(yyjson_val *v, struct import_row *row, struct import_memory *m,
                                  struct err_text *why)
{
    static const char *const titled_by[] = {"message", "model", "user", NULL};
    struct conversation_row *c = &row->conversation;
    enum err e = get_chars(v, "title", MAX_TITLE, &c->title, why);
    if (!e)
        e = get_word(v, "titled_by", titled_by, &c->titled_by, why);
    if (!e)
        e = get_server(v, &c->server_id, &row->server_name, why);
    if (!e)
        e = get_time(v, "created_at", true, &c->created_at, why);
    if (!e)
        e = get_time(v, "updated_at", true, &c->updated_at, why);
    if (!e)
        e = json_get_bool(v, "pinned", false, &c->pinned, why);
    if (!e)
        e = json_get_bool(v, "archived", false, &c->archived, why);
    if (!e)
        e = get_id(v, "folder_id", false, &c->folder_id, why);
    if (!e)
        e = get_id(v, "leaf_id", false, &c->leaf_id, why);
    if (!e)
        e = get_options(v, m, &c->options_json, why);
    if (!e)
        e = get_str(v, "system_prompt", false, &c->system_prompt, why);
    return e ? e : chat_check_system_prompt(c->system_prompt, why);
}

static enum err check_tool_call(yyjson_val *call, struct err_text *why)
{
    const char *text = NULL;
    yyjson_val *function = NULL;
    if (!yyjson_is_obj(call))
        return err_set(why, ERR_INVALID, "\"tool_calls\" must have objects");
    enum err e = json_get_obj(call, "function", true, &function, why);
    if (!e)
        e = json_get_str(call, "id", false, &text, why);
    if (!e)
        e = json_get_str(function, "name", true, &text, why);
    return e ? e : json_get_str(function, "arguments", true, &text, why);
}

static enum err read_tool_calls(yyjson_val *v, struct import_row *row, struct import_memory *m,
                                struct err_text *why)
{
    yyjson_val *calls = NULL, *call;
    size_t i, n;
    enum err e = json_get_arr(v, "tool_calls", false, &calls, why);
    if (e || yyjson_arr_size(calls) == 0)
        return e;
    if (yyjson_arr_size(calls) > TOOL_CALLS_MAX)
        return err_set(why, ERR_INVALID, "\"tool_calls\" must have at most %d calls", TOOL_CALLS_MAX);
    yyjson_arr_foreach(calls, i, n, call) {
        e = check_tool_call(call, why);
        if (e)
            return e;
    }
    row->message.tool_calls_json = keep(m, value_text(calls));
    return ERR_OK;
}

static enum err read_content(yyjson_val *v, struct import_row *row, struct import_memory *m,
                             struct err_text *why)
{
    yyjson_val *content = yyjson_obj_get(v, "content");
    bool is_answer = str_eq(row->message.role, "assistant");
    if (is_answer && yyjson_is_str(content)) {
        if (yyjson_get_len(content) > CHAT_MAX_ANSWER_BYTES)
            return err_set(why, ERR_INVALID, "\"content\" is over %zu bytes", CHAT_MAX_ANSWER_BYTES);
    } else if (chat_check_content(content, why)) {
        return ERR_INVALID;
    }
    row->message.content_json = keep(m, value_text(content));
    return ERR_OK;
}

static enum err read_state(yyjson_val *v, struct import_row *row, struct err_text *why)
{
    static const char *const of_user[] = {"queued", "pending", "answered", NULL};
    static const char *const of_answer[] = {"queued",  "connecting",  "streaming", "done",
                                            "stopped", "interrupted", "failed",    NULL};
    static char pending[] = "pending", none[] = "";
    bool is_answer = str_eq(row->message.role, "assistant");
    char **state = &row->message.state;
    enum err e = get_word(v, "state", is_answer ? of_answer : of_user, state, why);
    if (e)
        return e;
    if (is_answer)
        *state = none; /* its generations have it */
    else if (str_eq(*state, "queued"))
        *state = pending; /* nobody has sent it here */
    return ERR_OK;
}

static enum err read_message(yyjson_val *v, struct import_row *row, struct import_memory *m,
                             struct err_text *why)
{
    static const char *const roles[] = {"user", "assistant", NULL};
    struct message_row *msg = &row->message;
    enum err e = get_id(v, "conversation_id", true, &msg->conversation_id, why);
    if (!e)
        e = get_word(v, "role", roles, &msg->role, why);
    if (!e)
        e = get_id(v, "parent_id", str_eq(msg->role, "assistant"), &msg->parent_id, why);
    if (!e)
        e = read_state(v, row, why);
    if (!e)
        e = read_content(v, row, m, why);
    if (!e)
        e = get_str(v, "reasoning", false, &msg->reasoning, why);
    if (!e && msg->reasoning && strlen(msg->reasoning) > CHAT_MAX_ANSWER_BYTES)
        e = err_set(why, ERR_INVALID, "\"reasoning\" is over %zu bytes", CHAT_MAX_ANSWER_BYTES);
    if (!e)
        e = read_tool_calls(v, row, m, why);
    if (!e)
        e = get_server(v, &msg->server_id, &row->server_name, why);
    return e ? e : get_time(v, "created_at", true, &msg->created_at, why);
}

/* ---- generations ---- */

/* The texts of an object, null where there is none; *w goes on in the object's copy. */
static enum err copy_texts(struct json_writer *w, yyjson_val *from, const char *const *names, size_t n,
                           struct err_text *why)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = NULL;
        enum err e = json_get_str(from, names[i], false, &text, why);
        if (e)
            return e;
        jwf_str(w, names[i], text);
    }
    return ERR_OK;
}

static enum err take_small(struct import_memory *m, const char *name, struct buf *json, char **out_json,
                           struct err_text *why)
{
    if (json->len > MAX_SMALL_BYTES)
        return err_set(why, ERR_INVALID, "\"%s\" is over %zu bytes", name, MAX_SMALL_BYTES);
    *out_json = keep(m, buf_take_str(json));
    return ERR_OK;
}

static enum err read_error(yyjson_val *v, struct import_row *row, struct import_memory *m,
                           struct err_text *why)
{
    static const char *const texts[] = {"message", "type", "param", "code"};
    yyjson_val *error = NULL;
    const char *text = NULL;
    bool retryable = false;
    enum err e = json_get_obj(v, "error", false, &error, why);
    if (e || !error)
        return e;
    e = json_get_str(error, "message", true, &text, why);
    if (!e)
        e = json_get_str(error, "type", true, &text, why);
    if (!e)
        e = json_get_bool(error, "retryable", true, &retryable, why);
    if (e)
        return e;
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    jw_begin_obj(&w);
    e = copy_texts(&w, error, texts, COUNT_OF(texts), why);
    jwf_bool(&w, "retryable", retryable);
    jw_end_obj(&w);
    return e ? e : take_small(m, "error", json, &row->generation.error_json, why);
}

/* All figures are in it, as the interface promises: what the file leaves out is null. */
static enum err read_meta(yyjson_val *v, struct import_row *row, struct import_memory *m,
                          struct err_text *why)
{
    static const char *const texts[] = {"model", "finish_reason"};
    static const char *const numbers[] = {"prompt_tokens", "completion_tokens", "tokens_per_s",
                                          "ttft_ms",       "reasoning_ms",      "total_ms"};
    yyjson_val *meta = NULL;
    enum err e = json_get_obj(v, "meta", false, &meta, why);
    if (e || !meta)
        return e;
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    jw_init(&w, json);
    jw_begin_obj(&w);
    e = copy_texts(&w, meta, texts, COUNT_OF(texts), why);
    for (size_t i = 0; !e && i < COUNT_OF(numbers); i++) {
        yyjson_val *number = yyjson_obj_get(meta, numbers[i]);
        jw_key(&w, numbers[i]);
        jw_val(&w, number);
        if (number && !yyjson_is_null(number) && !yyjson_is_num(number))
            e = err_set(why, ERR_INVALID, "\"%s\" must be a number", numbers[i]);
    }
    jw_end_obj(&w);
    return e ? e : take_small(m, "meta", json, &row->generation.meta_json, why);
}

static enum err read_generation(yyjson_val *v, struct import_row *row, struct import_memory *m,
                                struct err_text *why)
{
    static const char *const states[] = {"queued",  "connecting",  "streaming", "done",
                                         "stopped", "interrupted", "failed",    NULL};
    static char interrupted[] = "interrupted";
    struct generation_row *g = &row->generation;
    enum err e = get_id(v, "conversation_id", true, &g->conversation_id, why);
    if (!e)
        e = get_id(v, "message_id", true, &g->message_id, why);
    if (!e)
        e = get_id(v, "answer_id", true, &g->answer_id, why);
    if (!e)
        e = get_server(v, &g->server_id, &row->server_name, why);
    if (!e)
        e = get_word(v, "state", states, &g->state, why);
    if (!e)
        e = get_options(v, m, &g->options_json, why);
    if (!e)
        e = read_error(v, row, m, why);
    if (!e)
        e = read_meta(v, row, m, why);
    if (!e)
        e = json_get_bool(v, "continues", false, &g->continues, why);
    if (!e)
        e = get_time(v, "created_at", true, &g->created_at, why);
    if (!e)
        e = get_time(v, "finished_at", false, &g->finished_at, why);
    if (e)
        return e;
    if (str_eq(g->state, "queued") || str_eq(g->state, "connecting") || str_eq(g->state, "streaming"))
        g->state = interrupted; /* nobody goes on with it here */
    if (g->finished_at == 0)
        g->finished_at = g->created_at ? g->created_at : 1;
    return ERR_OK;
}

/* ---- any item ---- */

static enum err read_row(yyjson_val *v, struct import_row *row, struct import_memory *m, struct err_text *why)
{
    static const char *const kinds[] = {"folder",  "attachment", "conversation",
                                        "message", "generation", NULL};
    char *kind = NULL, *id = NULL;
    if (json_has_nul(v)) /* v is nested no deeper than JSON_MAX_DEPTH */
        return err_set(why, ERR_INVALID, "A text must not contain NUL");
    enum err e = get_word(v, "type", kinds, &kind, why);
    if (!e)
        e = get_id(v, "id", true, &id, why);
    if (e)
        return e;
    while (!str_eq(kinds[row->kind], kind))
        row->kind++;
    switch (row->kind) {
    case IMPORT_FOLDER: row->folder.id = id; return read_folder(v, row, why);
    case IMPORT_ATTACHMENT: row->attachment.id = id; return read_attachment(v, row, m, why);
    case IMPORT_CONVERSATION: row->conversation.id = id; return read_conversation(v, row, m, why);
    case IMPORT_MESSAGE: row->message.id = id; return read_message(v, row, m, why);
    case IMPORT_GENERATION: row->generation.id = id; break;
    }
    return read_generation(v, row, m, why);
}

enum err import_item_read(struct span text, struct import_place at, struct import_batch *b,
                          struct err_text *why)
{
    struct err_text what = {0};
    yyjson_read_err fault;
    /* The scanner has seen that it is not nested too deep. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.len, YYJSON_READ_NOFLAG, NULL, &fault);
    if (!doc)
        return import_fault(import_place_in(at, text, fault.pos), why, "This is no valid JSON (%s).",
                            fault.msg);
    add_empty(b);
    struct import_row *row = &b->rows[b->n - 1];
    b->memory[b->n - 1].doc = doc;
    row->line = at.line;
    row->column = at.column;
    if (read_row(yyjson_doc_get_root(doc), row, &b->memory[b->n - 1], &what))
        return import_fault(at, why, "%s", what.text);
    return ERR_OK;
}
