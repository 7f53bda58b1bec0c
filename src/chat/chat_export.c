/*
 * An export under way: reads page after page from the store and hands on each as text. One call of the store at a time,
 * and none while the reader is full.
 *
 *     one:  CONVERSATION -> folder -> ITEMS -> end
 *     all:  folders -> attachments -> [CONVERSATION -> ITEMS]... -> end
 *     CONVERSATION: its row and tree -> files (which attachments)
 *     ITEMS: attachments that are not in the file yet -> conversation -> messages -> generations
 *     Markdown: names of attachments -> [conversation with its tree -> messages of the shown path]... -> end
 */
#include "chat/chat_room.h"
#include "chat/export.h"

#define SLICE_BYTES (48 * 1024) /* of an attachment at a time; whole groups of base64 */

struct chat_export {
    struct chat *c;
    struct list node; /* in chat.exports */
    char *user_id, *only_id /* or NULL: all */;
    enum chat_export_format format;
    struct chat_export_events ev;
    void *arg;
    struct store_op *op;
    void (*next)(struct chat_export *e); /* makes the next call of the store */
    struct loop_timer turn;
    bool is_full;
    bool has_items;
    int64_t after; /* of pages by position */

    struct strv files; /* attachments that the conversation refers to and that are still to be written */
    size_t file_at;
    struct map *in_file; /* folders and attachments that are written, or soon */
    struct map *names;   /* Markdown: attachment id -> char * */

    struct buf bytes; /* the attachment that is being written */
    size_t bytes_at;

    struct conversation_row row; /* the conversation that is being written; owned strings */
    int64_t *seqs;
    size_t n_seqs, seq_at;
    bool has_leaf;
    int64_t generations_after;
    struct map *written; /* its messages that are in the file */
    struct map *cut;     /* generations that were not over when their answer was written */
};

static void go_on(struct chat_export *e);

/* ---- life ---- */

static void clear_conversation(struct chat_export *e)
{
    conversation_row_clear(&e->row);
    free(e->seqs);
    e->seqs = NULL;
    e->n_seqs = e->seq_at = 0;
    e->generations_after = 0;
    map_free(e->written);
    map_free(e->cut);
    e->written = map_new();
    e->cut = map_new();
    strv_release(&e->files);
    e->file_at = 0;
}

static void free_names(struct map *names)
{
    size_t at = 0;
    const char *key;
    void *name;
    while (map_next(names, &at, &key, &name))
        free(name);
    map_free(names);
}

void chat_export_cancel(struct chat_export *e)
{
    if (!e)
        return;
    loop_timer_stop(&e->turn);
    store_cancel(e->op);
    list_remove(&e->node);
    clear_conversation(e);
    map_free(e->written);
    map_free(e->cut);
    map_free(e->in_file);
    free_names(e->names);
    buf_release(&e->bytes);
    free(e->user_id);
    free(e->only_id);
    free(e);
}

void chat_free_exports(struct chat *c)
{
    LIST_EACH(e, &c->exports, struct chat_export, node)
        chat_export_cancel(e);
}

static void end_with(struct chat_export *e, enum err err, const struct err_text *why)
{
    e->ev.on_end(e->arg, err, why);
    chat_export_cancel(e);
}

/* True: the call failed, and e is gone. */
static bool has_failed(struct chat_export *e, const struct store_result *r)
{
    e->op = NULL;
    if (!r->err)
        return false;
    end_with(e, r->err, &r->why);
    return true;
}

/* ---- text ---- */

static void give(struct chat_export *e, const struct buf *text)
{
    if (text->len && !e->ev.on_text(e->arg, buf_span(text)))
        e->is_full = true;
}

static void begin_item(struct chat_export *e, struct buf *out, struct json_writer *w)
{
    buf_add_str(out, e->has_items ? ",\n" : "\n");
    e->has_items = true;
    jw_init(w, out);
}

static void write_head(struct chat_export *e, const char *title)
{
    AUTO(buf) struct buf *out = buf_new();
    e->ev.on_begin(e->arg, title);
    if (e->format == CHAT_EXPORT_JSON)
        buf_addf(out, "{\"format\":\"hob\",\"version\":1,\"exported_at\":%lld,\"items\":[",
                 (long long)clock_wall_ms());
    give(e, out);
}

static void write_end(struct chat_export *e)
{
    if (e->format == CHAT_EXPORT_JSON)
        (void)e->ev.on_text(e->arg, SPAN_LIT("\n]}\n"));
    end_with(e, ERR_OK, NULL);
}

static const char *server_name(const struct chat_export *e, const char *id)
{
    struct server *s = id ? gateway_server_by_id(e->c->gateway, id) : NULL;
    return s ? server_config(s)->name : NULL;
}

/* ---- generations ---- */

static void next_conversation(struct chat_export *e);

static void on_generations(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    AUTO(buf) struct buf *out = buf_new();
    if (has_failed(e, r))
        return;
    for (size_t i = 0; i < r->n; i++) {
        const struct generation_row *row = &r->generations[i];
        struct json_writer w;
        if (!map_get_str(e->written, row->message_id))
            continue;
        begin_item(e, out, &w);
        export_json_generation(&w, row, server_name(e, row->server_id),
                               !row->finished_at || map_get_str(e->cut, row->id), clock_wall_ms());
    }
    e->generations_after = r->next_page;
    if (r->n == 0)
        e->next = next_conversation;
    give(e, out);
    go_on(e);
}

static void read_generations(struct chat_export *e)
{
    e->op = store_export_generations(e->c->store, e->row.id, e->generations_after, on_generations, e);
}

/* ---- messages ---- */

/* What refers to a message that is not in the file cannot be in it either. */
static bool is_complete(const struct chat_export *e, const struct message_row *row)
{
    return !row->parent_id || map_get_str(e->written, row->parent_id);
}

/* Below a message that is no longer there: a root, if it can be one. */
static bool make_root(struct message_row *row)
{
    row->parent_id = NULL;
    return str_eq(row->role, "user");
}

static void write_json_message(struct chat_export *e, struct buf *out, struct message_row *row)
{
    struct json_writer w;
    if (!is_complete(e, row) && !make_root(row))
        return;
    (void)map_put(e->written, row->id, e);
    if (row->generation_id && str_eq(row->role, "assistant") && export_is_open(row->state))
        (void)map_put(e->cut, row->generation_id, e);
    begin_item(e, out, &w);
    export_json_message(&w, row, server_name(e, row->server_id));
}

static void write_markdown_message(struct chat_export *e, struct buf *out, const struct message_row *row)
{
    AUTO(json_doc) yyjson_doc *meta = NULL;
    const char *author = server_name(e, row->server_id);
    if (row->meta_json && json_parse(span_str(row->meta_json), &meta, NULL) == ERR_OK)
        author = json_str_or(yyjson_doc_get_root(meta), "model", author);
    export_markdown_message(out, row, author, e->names);
}

static void read_messages(struct chat_export *e);

static void on_messages(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    AUTO(buf) struct buf *out = buf_new();
    if (has_failed(e, r))
        return;
    for (size_t i = 0; i < r->n; i++) {
        if (e->format == CHAT_EXPORT_JSON)
            write_json_message(e, out, &r->messages[i]);
        else
            write_markdown_message(e, out, &r->messages[i]);
    }
    e->seq_at += (size_t)r->next_page;
    e->next = read_messages;
    give(e, out);
    go_on(e);
}

static void read_messages(struct chat_export *e)
{
    if (e->seq_at < e->n_seqs) {
        e->op = store_export_messages(e->c->store, e->row.id, e->seqs + e->seq_at, e->n_seqs - e->seq_at,
                                      on_messages, e);
    } else if (e->format == CHAT_EXPORT_JSON) {
        e->next = read_generations;
        read_generations(e);
    } else {
        next_conversation(e);
    }
}

/* ---- conversations ---- */

static void take_conversation(struct chat_export *e, const struct store_result *r)
{
    clear_conversation(e);
    conversation_row_copy(&e->row, &r->conversations[0]);
    e->after = r->next_page;
    e->seq_at = 0;
    e->has_leaf = false;
    for (size_t i = 0; i < r->n; i++)
        e->has_leaf |= r->tree[i].is_leaf;
    e->seqs = xmalloc((r->n + 1) * sizeof *e->seqs);
    e->n_seqs = e->format == CHAT_EXPORT_JSON ? export_all(r->tree, r->n, e->seqs)
                                              : export_path(r->tree, r->n, e->seqs);
}

static void write_conversation(struct chat_export *e)
{
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    if (e->format == CHAT_EXPORT_JSON) {
        /* Moved meanwhile into one that is not in the file. */
        if (e->row.folder_id && !map_get_str(e->in_file, e->row.folder_id)) {
            free(e->row.folder_id);
            e->row.folder_id = NULL;
        }
        begin_item(e, out, &w);
        export_json_conversation(&w, &e->row, server_name(e, e->row.server_id), e->has_leaf);
    } else {
        export_markdown_conversation(out, &e->row);
    }
    e->seq_at = 0;
    e->next = read_messages;
    give(e, out);
    go_on(e);
}

static void read_files(struct chat_export *e);

static void on_conversation(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    if (has_failed(e, r))
        return;
    if (r->n_conversations == 0) {
        write_end(e);
        return;
    }
    take_conversation(e, r);
    if (e->format == CHAT_EXPORT_JSON)
        read_files(e);
    else
        write_conversation(e);
}

static void next_conversation(struct chat_export *e)
{
    if (e->only_id)
        write_end(e);
    else
        e->op = store_export_conversation(e->c->store, e->user_id, NULL, e->after, on_conversation, e);
}

/* ---- attachments ---- */

static void read_attachment(struct chat_export *e);

/* A slice of the attachment under way, or its end. */
static void write_slice(struct chat_export *e)
{
    AUTO(buf) struct buf *out = buf_new();
    size_t n = e->bytes.len - e->bytes_at;
    if (n > SLICE_BYTES)
        n = SLICE_BYTES;
    base64_add(out, span_of(buf_str(&e->bytes) + e->bytes_at, n));
    e->bytes_at += n;
    if (e->bytes_at == e->bytes.len) {
        buf_add_str(out, "\"}");
        buf_release(&e->bytes);
        e->next = read_attachment;
    }
    give(e, out);
    go_on(e);
}

static void on_attachment(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    if (r->err != ERR_NOT_FOUND && has_failed(e, r))
        return;
    e->op = NULL;
    if (!e->row.id)
        e->after = r->next_page;
    if (!r->err && r->n) {
        (void)map_put(e->in_file, r->attachments[0].id, e);
        begin_item(e, out, &w);
        export_json_attachment_head(&w, &r->attachments[0]);
        buf_add_span(&e->bytes, r->attachments[0].bytes);
        e->bytes_at = 0;
        e->next = write_slice;
    } else if (!e->row.id) {
        e->after = 0;
        e->next = next_conversation;
    }
    give(e, out);
    go_on(e);
}

/* Before the first conversation all, then those that the conversation refers to. */
static void read_attachment(struct chat_export *e)
{
    struct store *s = e->c->store;
    if (!e->row.id)
        e->op = store_export_attachment(s, e->user_id, e->after, on_attachment, e);
    else if (e->file_at < e->files.n)
        e->op = store_attachment_read(s, e->user_id, e->files.v[e->file_at++], on_attachment, e);
    else
        write_conversation(e);
}

/* ---- folders, and what one conversation refers to ---- */

static void on_folders(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    AUTO(buf) struct buf *out = buf_new();
    if (has_failed(e, r))
        return;
    write_head(e, e->only_id ? e->row.title : NULL);
    for (size_t i = 0; i < r->n; i++) {
        struct json_writer w;
        (void)map_put(e->in_file, r->folders[i].id, e);
        begin_item(e, out, &w);
        export_json_folder(&w, &r->folders[i]);
    }
    e->next = read_attachment;
    give(e, out);
    go_on(e);
}

static void read_folders(struct chat_export *e)
{
    /* Of one conversation that is in no folder: a name that no folder has. */
    const char *folder_id = !e->only_id ? NULL : e->row.folder_id ? e->row.folder_id : "";
    e->op = store_export_folders(e->c->store, e->user_id, folder_id, on_folders, e);
}

static void on_files(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    if (has_failed(e, r))
        return;
    for (size_t i = 0; i < r->n; i++) {
        if (!map_put(e->in_file, r->attachments[i].id, e))
            strv_add(&e->files, r->attachments[i].id);
    }
    e->seq_at += (size_t)r->next_page;
    read_files(e);
}

static void read_files(struct chat_export *e)
{
    if (e->seq_at < e->n_seqs)
        e->op = store_export_files(e->c->store, e->row.id, e->seqs + e->seq_at, e->n_seqs - e->seq_at,
                                   on_files, e);
    else if (e->only_id)
        read_folders(e);
    else
        read_attachment(e);
}

static void on_only(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    struct err_text why;
    if (has_failed(e, r))
        return;
    if (r->n_conversations == 0) {
        end_with(e, err_set(&why, ERR_NOT_FOUND, "There is no such conversation."), &why);
        return;
    }
    take_conversation(e, r);
    if (e->format == CHAT_EXPORT_JSON) {
        read_files(e);
    } else {
        write_head(e, e->row.title);
        write_conversation(e);
    }
}

static void on_names(void *arg, const struct store_result *r)
{
    struct chat_export *e = arg;
    if (has_failed(e, r))
        return;
    for (size_t i = 0; i < r->n; i++)
        free(map_put(e->names, r->attachments[i].id, xstrdup(r->attachments[i].name)));
    if (e->only_id) {
        e->op = store_export_conversation(e->c->store, e->user_id, e->only_id, 0, on_only, e);
    } else {
        write_head(e, NULL);
        e->next = next_conversation;
        go_on(e);
    }
}

/* ---- the way through ---- */

/* Each step in a turn of its own: an export is never the only thing that happens. */
static void go_on(struct chat_export *e)
{
    if (!e->is_full)
        loop_timer_start(&e->turn, 0);
}

static void on_turn(void *arg)
{
    struct chat_export *e = arg;
    e->next(e);
}

struct chat_export *chat_export_start(struct chat *c, const char *user_id, const char *conversation_id,
                                      enum chat_export_format format, const struct chat_export_events *ev,
                                      void *arg)
{
    struct chat_export *e = xcalloc(1, sizeof *e);
    e->c = c;
    e->user_id = xstrdup(user_id);
    e->only_id = xstrdup(conversation_id);
    e->format = format;
    e->ev = *ev;
    e->arg = arg;
    e->written = map_new();
    e->cut = map_new();
    e->in_file = map_new();
    e->names = map_new();
    list_push_back(&c->exports, &e->node);
    loop_timer_init(&e->turn, c->loop, on_turn, e);
    if (format == CHAT_EXPORT_MARKDOWN)
        e->op = store_export_names(c->store, user_id, on_names, e);
    else if (conversation_id)
        e->op = store_export_conversation(c->store, user_id, conversation_id, 0, on_only, e);
    else
        read_folders(e);
    return e;
}

void chat_export_resume(struct chat_export *e)
{
    if (!e->is_full)
        return;
    e->is_full = false;
    go_on(e);
}
