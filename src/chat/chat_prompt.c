/* From stored messages to the request that an engine gets. */
#include "chat/chat_prompt.h"

#include "chat/chat.h"
#include "chat/chat_tools.h"

void prompt_file_release(struct prompt_file *f)
{
    free(f->id);
    free(f->name);
    free(f->mime);
    buf_release(&f->bytes);
    *f = (struct prompt_file){0};
}

/* ---- which messages ---- */

static bool is_user(const struct message_row *row)
{
    return str_eq(row->role, "user");
}

static bool has_no_text(const struct message_row *row)
{
    return str_eq(row->content_json, "\"\"") || row->content_json[0] == '\0';
}

static bool is_empty_answer(const struct message_row *row)
{
    return !is_user(row) && has_no_text(row) && !row->tool_calls_json;
}

/* An answer that can be gone on with: engines take its text and its reasoning as the beginning of theirs, but no calls. */
static bool has_beginning(const struct message_row *row)
{
    return !has_no_text(row) || (row->reasoning && row->reasoning[0]);
}

size_t prompt_select(const struct message_row *rows, size_t n_rows, size_t *out_rows)
{
    size_t n = 0;
    /* From the end: a user's message stays only if what follows it in the prompt is an answer. */
    bool follows_user = false;
    for (size_t i = n_rows; i-- > 0;) {
        const struct message_row *row = &rows[i];
        bool is_last = i == n_rows - 1;
        bool is_target = is_last && (is_user(row) || has_beginning(row));
        bool was_answered = !is_user(row) || str_eq(row->state, "answered");
        if (!is_target &&
            (is_last || is_empty_answer(row) || !was_answered || (is_user(row) && follows_user)))
            continue;
        follows_user = is_user(row);
        out_rows[n++] = i;
    }
    for (size_t i = 0; i < n / 2; i++) {
        size_t other = out_rows[n - 1 - i];
        out_rows[n - 1 - i] = out_rows[i];
        out_rows[i] = other;
    }
    return n;
}

/* ---- parts ---- */

#define ATTACHMENT "attachment:"

enum part_kind { PART_TEXT, PART_IMAGE, PART_FILE, PART_BAD };
struct part {
    enum part_kind kind;
    const char *text; /* PART_TEXT: the text; PART_IMAGE: the url */
    const char *id;   /* of the attachment, or NULL */
    const char *name; /* PART_FILE */
};

/* What the text was taken from, for people to open again; prompts do without it. */
static bool is_original(yyjson_val *v)
{
    return !v || yyjson_is_null(v) ||
           (yyjson_is_str(v) && uuid_is_valid(span_of(yyjson_get_str(v), yyjson_get_len(v))));
}

static struct part read_part(yyjson_val *v)
{
    const char *type = json_str_or(v, "type", "");
    struct part part = {.kind = PART_BAD};
    if (str_eq(type, "text")) {
        part.text = json_str_or(v, "text", NULL);
        if (part.text)
            part.kind = PART_TEXT;
    } else if (str_eq(type, "image_url")) {
        part.text = json_str_or(yyjson_obj_get(v, "image_url"), "url", NULL);
        if (part.text && span_starts(span_str(part.text), ATTACHMENT))
            part.id = part.text + strlen(ATTACHMENT);
        if (part.id || (part.text && span_starts(span_str(part.text), "data:image/")))
            part.kind = PART_IMAGE;
    } else if (str_eq(type, "file")) {
        yyjson_val *file = yyjson_obj_get(v, "file");
        part.id = json_str_or(file, "id", NULL);
        part.name = json_str_or(file, "name", NULL);
        if (part.id && is_original(yyjson_obj_get(file, "original_id")))
            part.kind = PART_FILE;
    }
    if (part.id && !uuid_is_valid(span_str(part.id)))
        part.kind = PART_BAD;
    return part;
}

enum err chat_check_content(yyjson_val *content, struct err_text *why)
{
    if (yyjson_is_str(content)) {
        size_t len = yyjson_get_len(content);
        if (len == 0)
            return err_set(why, ERR_INVALID, "\"content\" is empty");
        if (len > CHAT_MAX_CONTENT_BYTES)
            return err_set(why, ERR_TOO_BIG, "\"content\" is over %zu bytes", CHAT_MAX_CONTENT_BYTES);
        if (memchr(yyjson_get_str(content), '\0', len))
            return err_set(why, ERR_INVALID, "\"content\" must not have NUL");
        return ERR_OK;
    }
    size_t n_parts = yyjson_arr_size(content), total = 0, i, n;
    if (!yyjson_is_arr(content) || n_parts == 0 || n_parts > CHAT_MAX_PARTS)
        return err_set(why, ERR_INVALID, "\"content\" must be a string or an array of 1 to %d parts",
                       CHAT_MAX_PARTS);
    if (json_has_nul(content))
        return err_set(why, ERR_INVALID, "\"content\" must not have NUL");
    yyjson_val *item;
    yyjson_arr_foreach(content, i, n, item) {
        struct part part = read_part(item);
        if (part.kind == PART_BAD)
            return err_set(
                why, ERR_INVALID,
                "\"content\" has a part that is no text, no image_url (attachment: or data:image/) and no file");
        total += part.text ? strlen(part.text) : 0;
    }
    if (total > CHAT_MAX_CONTENT_BYTES)
        return err_set(why, ERR_TOO_BIG, "\"content\" is over %zu bytes", CHAT_MAX_CONTENT_BYTES);
    return ERR_OK;
}

static void add_once(struct strv *ids, const char *id)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (str_eq(ids->v[i], id))
            return;
    }
    strv_add(ids, id);
}

enum err prompt_list_files(const struct message_row *rows, size_t n_rows, struct strv *out_ids,
                           struct err_text *why)
{
    for (size_t r = 0; r < n_rows; r++) {
        AUTO(json_doc) yyjson_doc *doc = NULL;
        if (rows[r].content_json[0] != '[')
            continue;
        enum err e = json_parse(span_str(rows[r].content_json), &doc, why);
        if (e)
            return e;
        size_t i, n;
        yyjson_val *item;
        yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item) {
            struct part part = read_part(item);
            if (part.id && part.kind != PART_BAD)
                add_once(out_ids, part.id);
        }
    }
    return ERR_OK;
}

/* ---- writing ---- */

struct prompt_writer {
    const struct prompt *p;
    struct json_writer w;
    struct buf text; /* text of the message under way that was not written yet */
    struct err_text *why;
};

static const struct prompt_file *find_file(const struct prompt *p, const char *id)
{
    for (size_t i = 0; i < p->n_files; i++) {
        if (str_eq(p->files[i].id, id))
            return &p->files[i];
    }
    return NULL;
}

/* One more than the longest run of backticks inside, so that the file cannot end its own fence. */
static size_t fence_len(struct span text)
{
    size_t longest = 2, run = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = text.p[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest + 1;
}

static void add_paragraph(struct buf *text, struct span s)
{
    if (text->len > 0)
        buf_add_str(text, "\n\n");
    buf_add_span(text, s);
}

static void add_file_text(struct buf *text, const struct prompt_file *file, const char *name)
{
    AUTO(buf) struct buf *clean = buf_new();
    utf8_add_clean(clean, buf_span(&file->bytes));
    struct span body = buf_span(clean);
    size_t fence = fence_len(body);
    add_paragraph(text, SPAN_LIT("File: "));
    /* A name is one line. */
    for (const char *at = name ? name : file->name; *at; at++)
        buf_add_char(text, (unsigned char)*at < 0x20 ? ' ' : *at);
    buf_add_char(text, '\n');
    for (size_t i = 0; i < fence; i++)
        buf_add_char(text, '`');
    buf_add_char(text, '\n');
    buf_add_span(text, body);
    if (!span_ends(body, "\n"))
        buf_add_char(text, '\n');
    for (size_t i = 0; i < fence; i++)
        buf_add_char(text, '`');
}

static void flush_text(struct prompt_writer *pw)
{
    if (pw->text.len == 0)
        return;
    jw_begin_obj(&pw->w);
    jwf_str(&pw->w, "type", "text");
    jw_key(&pw->w, "text");
    jw_span(&pw->w, buf_span(&pw->text));
    jw_end_obj(&pw->w);
    buf_clear(&pw->text);
}

static void write_image(struct prompt_writer *pw, const char *url, const struct prompt_file *file)
{
    flush_text(pw);
    jw_begin_obj(&pw->w);
    jwf_str(&pw->w, "type", "image_url");
    jw_key(&pw->w, "image_url");
    jw_begin_obj(&pw->w);
    jw_key(&pw->w, "url");
    if (file) {
        /* Base64 and a checked type need no escapes, so the text goes in as it is. */
        struct buf *out = pw->w.out;
        jw_raw(&pw->w, SPAN_LIT("\"data:"));
        buf_addf(out, "%s;base64,", file->mime);
        base64_add(out, buf_span(&file->bytes));
        buf_add_char(out, '"');
    } else {
        jw_str(&pw->w, url);
    }
    jw_end_obj(&pw->w);
    jw_end_obj(&pw->w);
}

static enum err write_part(struct prompt_writer *pw, const struct part *part)
{
    if (part->kind == PART_TEXT) {
        add_paragraph(&pw->text, span_str(part->text));
        return ERR_OK;
    }
    const struct prompt_file *file = part->id ? find_file(pw->p, part->id) : NULL;
    if (part->id && !file)
        return err_set(pw->why, ERR_NOT_FOUND, "An attachment of the conversation is not there any more");
    enum chat_file_kind kind = file ? chat_file_kind_of(span_str(file->mime)) : CHAT_FILE_IMAGE;
    if (kind != CHAT_FILE_IMAGE && (part->kind == PART_IMAGE || kind != CHAT_FILE_TEXT))
        return err_set(pw->why, ERR_INVALID, "A model cannot read %.100s (%.100s)", file->name, file->mime);
    if (kind == CHAT_FILE_TEXT)
        add_file_text(&pw->text, file, part->name);
    else
        write_image(pw, part->text, file);
    return ERR_OK;
}

static bool has_image(const struct prompt *p, yyjson_val *parts)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(parts, i, n, item) {
        struct part part = read_part(item);
        const struct prompt_file *file = part.id ? find_file(p, part.id) : NULL;
        if (part.kind == PART_IMAGE || (file && chat_file_kind_of(span_str(file->mime)) == CHAT_FILE_IMAGE))
            return true;
    }
    return false;
}

static enum err write_parts(struct prompt_writer *pw, yyjson_val *parts)
{
    /* Without an image it becomes one string: many chat templates take nothing else. */
    bool as_array = has_image(pw->p, parts);
    if (as_array)
        jw_begin_arr(&pw->w);
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(parts, i, n, item) {
        struct part part = read_part(item);
        if (part.kind == PART_BAD)
            continue;
        enum err e = write_part(pw, &part);
        if (e)
            return e;
        if (pw->w.out->len + pw->text.len > CHAT_MAX_PROMPT_BYTES)
            return err_set(pw->why, ERR_TOO_BIG, "The conversation with its attachments is over %zu MiB",
                           CHAT_MAX_PROMPT_BYTES >> 20);
    }
    if (as_array) {
        flush_text(pw);
        jw_end_arr(&pw->w);
    } else {
        jw_span(&pw->w, buf_span(&pw->text));
        buf_clear(&pw->text);
    }
    return ERR_OK;
}

/* Tool calls without their results break chat templates: an answer that is nothing else is told in words. */
static void write_tool_answer(struct prompt_writer *pw, const struct message_row *row)
{
    AUTO(buf) struct buf *text = buf_new();
    tool_calls_describe(row->tool_calls_json, text);
    jw_begin_obj(&pw->w);
    jwf_str(&pw->w, "role", "assistant");
    jw_key(&pw->w, "content");
    jw_span(&pw->w, buf_span(text));
    jw_end_obj(&pw->w);
}

static enum err write_message(struct prompt_writer *pw, const struct message_row *row, bool is_target)
{
    if (!is_target && has_no_text(row) && row->tool_calls_json) {
        write_tool_answer(pw, row);
        return ERR_OK;
    }
    AUTO(json_doc) yyjson_doc *doc = NULL;
    enum err e = json_parse(span_str(row->content_json), &doc, pw->why);
    if (e)
        return e;
    yyjson_val *content = yyjson_doc_get_root(doc);
    jw_begin_obj(&pw->w);
    jwf_str(&pw->w, "role", is_user(row) ? "user" : "assistant");
    jw_key(&pw->w, "content");
    if (yyjson_is_arr(content))
        e = write_parts(pw, content);
    else
        jw_span(&pw->w, span_of(yyjson_get_str(content), yyjson_get_len(content)));
    if (is_target && row->reasoning && row->reasoning[0])
        jwf_str(&pw->w, "reasoning_content", row->reasoning);
    jw_end_obj(&pw->w);
    return e;
}

/* One message, because many chat templates take no second one. */
static void write_system(struct prompt_writer *pw)
{
    AUTO(buf) struct buf *text = buf_new();
    buf_add_span(text, span_str(pw->p->system));
    if (pw->p->own_system && pw->p->own_system[0])
        add_paragraph(text, span_str(pw->p->own_system));
    if (text->len == 0)
        return;
    jw_begin_obj(&pw->w);
    jwf_str(&pw->w, "role", "system");
    jw_key(&pw->w, "content");
    jw_span(&pw->w, buf_span(text));
    jw_end_obj(&pw->w);
}

static enum err write_messages(struct prompt_writer *pw)
{
    const struct prompt *p = pw->p;
    AUTO(mem) size_t *selected = xcalloc(p->n_rows + 1, sizeof *selected);
    size_t n = prompt_select(p->rows, p->n_rows, selected);
    if (n > CHAT_MAX_MESSAGES)
        return err_set(pw->why, ERR_TOO_BIG, "The conversation is longer than %d messages",
                       CHAT_MAX_MESSAGES);
    jw_begin_arr(&pw->w);
    write_system(pw);
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < n; i++) {
        e = write_message(pw, &p->rows[selected[i]], !p->ask && selected[i] + 1 == p->n_rows);
        if (!e && pw->w.out->len > CHAT_MAX_PROMPT_BYTES)
            e = err_set(pw->why, ERR_TOO_BIG, "The conversation with its attachments is over %zu MiB",
                        CHAT_MAX_PROMPT_BYTES >> 20);
    }
    if (p->ask) {
        jw_begin_obj(&pw->w);
        jwf_str(&pw->w, "role", "user");
        jwf_str(&pw->w, "content", p->ask);
        jw_end_obj(&pw->w);
    }
    jw_end_arr(&pw->w);
    return e;
}

/* The options were checked when they came; here they are fields of the request. */
static void write_options(struct json_writer *w, const char *options_json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!options_json || json_parse(span_str(options_json), &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(yyjson_doc_get_root(doc), i, n, key, value) {
        jw_key(w, yyjson_get_str(key));
        jw_val(w, value);
    }
}

enum err prompt_write(const struct prompt *p, struct buf *out, struct err_text *why)
{
    struct prompt_writer pw = {.p = p, .why = why};
    jw_init(&pw.w, out);
    jw_begin_obj(&pw.w);
    jwf_str(&pw.w, "model", p->model);
    jw_key(&pw.w, "messages");
    enum err e = write_messages(&pw);
    buf_release(&pw.text);
    if (e)
        return e;
    jwf_bool(&pw.w, "stream", true);
    jw_key(&pw.w, "stream_options");
    jw_begin_obj(&pw.w);
    jwf_bool(&pw.w, "include_usage", true);
    jw_end_obj(&pw.w);
    write_options(&pw.w, p->options_json);
    jw_end_obj(&pw.w);
    return ERR_OK;
}
