/* Imports: rows that nobody sees until the last of them has come. */
#include <sodium.h>
#include <stdio.h>

#include "store/store_content.h"
#include "store/store_row.h"

struct store_import {
    char id[UUID_LEN + 1];
    char *user_id;
    struct import_counts counts;
    struct map *skipped; /* conversation ids of the file -> anything */
    /* ids of the file -> ids of the database, owned */
    struct map *folders, *attachments, *servers;
};

struct import_in {
    struct store_import *im;
    struct import_row *rows;
    size_t n;
};

struct store_import *store_import_new(const char *user_id)
{
    struct store_import *im = xcalloc(1, sizeof *im);
    rand_uuid(im->id);
    im->user_id = xstrdup(user_id);
    im->skipped = map_new();
    im->folders = map_new();
    im->attachments = map_new();
    im->servers = map_new();
    return im;
}

static void free_ids(struct map *m)
{
    const char *key;
    void *value;
    for (size_t at = 0; map_next(m, &at, &key, &value);)
        free(value);
    map_free(m);
}

void store_import_free(struct store_import *im)
{
    if (!im)
        return;
    map_free(im->skipped);
    free_ids(im->folders);
    free_ids(im->attachments);
    free_ids(im->servers);
    free(im->user_id);
    free(im);
}

const char *store_import_id(const struct store_import *im)
{
    return im->id;
}

const char *store_import_user(const struct store_import *im)
{
    return im->user_id;
}

const struct import_counts *store_import_counts(const struct store_import *im)
{
    return &im->counts;
}

/* ---- ids ---- */

struct new_id {
    char text[UUID_LEN + 1];
};

static struct new_id same_id(const char *id)
{
    struct new_id out;
    (void)snprintf(out.text, sizeof out.text, "%s", id);
    return out;
}

/* The same for the same user, scope and id: a file imported again is recognised. RFC 9562 version 8. */
static struct new_id derived_id(const struct store_import *im, const char *scope, const char *id)
{
    unsigned char h[16];
    AUTO(mem) char *text = xasprintf("%s %s %s", im->user_id, scope, id);
    (void)crypto_generichash(h, sizeof h, (const unsigned char *)text, strlen(text), NULL, 0);
    h[6] = (unsigned char)((h[6] & 0x0f) | 0x80);
    h[8] = (unsigned char)((h[8] & 0x3f) | 0x80);
    AUTO(buf) struct buf *hex = buf_new();
    hex_add(hex, h, sizeof h);
    struct new_id out;
    (void)snprintf(out.text, sizeof out.text, "%.8s-%.4s-%.4s-%.4s-%.12s", hex->p, hex->p + 8, hex->p + 12,
                   hex->p + 16, hex->p + 20);
    return out;
}

static void remember(struct map *m, const char *key, const char *value)
{
    free(map_put(m, key, xstrdup(value)));
}

enum whose { NOBODYS, OURS, THIS_IMPORTS, SOMEBODY_ELSES };

/* What is being removed, maybe of the user's, has the id no less than what is somebody else's. */
static enum whose whose_conversation(struct db *db, const struct store_import *im, const char *id)
{
    enum whose whose = NOBODYS;
    sqlite3_stmt *st = db_query(db,
                                "SELECT user_id = ?, coalesce(import_id, '') FROM conversations WHERE id = ?",
                                "tt", im->user_id, id);
    if (db_next(db, st)) {
        bool is_own = sqlite3_column_int(st, 0) != 0;
        const char *import_id = (const char *)sqlite3_column_text(st, 1);
        whose = is_own && !*import_id                 ? OURS
                : is_own && str_eq(import_id, im->id) ? THIS_IMPORTS
                                                      : SOMEBODY_ELSES;
        db_end(st);
    }
    return whose;
}

/* The conversation's id in the database; "": not in this import. */
static struct new_id find_conversation(struct db *db, const struct store_import *im, const char *id)
{
    struct new_id found = same_id(id);
    if (whose_conversation(db, im, found.text) == THIS_IMPORTS)
        return found;
    found = derived_id(im, "", id);
    return whose_conversation(db, im, found.text) == THIS_IMPORTS ? found : same_id("");
}

/* A message's id in the database; "": not in this conversation. */
static struct new_id find_message(struct db *db, const struct store_import *im, const char *conversation_id,
                                  const char *id, const char *role)
{
    struct new_id derived = derived_id(im, conversation_id, id), found = {""};
    sqlite3_stmt *st = db_query(
        db, "SELECT id FROM messages WHERE id IN (?, ?) AND conversation_id = ? AND role = coalesce(?, role)",
        "tttt", id, derived.text, conversation_id, role);
    if (db_next(db, st)) {
        found = same_id((const char *)sqlite3_column_text(st, 0));
        db_end(st);
    }
    return found;
}

/* ---- servers ---- */

/* Here it may have another id under the same name. NULL: it is not there. Memory of the op. */
static const char *find_server(struct db *db, struct store_op *op, const char *id, const char *name)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    const char *found = NULL;
    if (!id)
        return NULL;
    const char *known = map_get_str(im->servers, id);
    if (known)
        return known;
    sqlite3_stmt *st = db_query(db, "SELECT id FROM servers WHERE id = ?1 OR name = ?2 ORDER BY id = ?1 DESC",
                                "tt", id, name);
    if (db_next(db, st)) {
        found = row_text(op, st, 0);
        db_end(st);
        remember(im->servers, id, found);
    }
    return found;
}

/* ---- the five kinds of rows ---- */

/* Folders that the user has already become one with theirs at the end, and so do not count. */
static void check_folders(struct db *db, const struct store_import *im, const struct folder_row *row)
{
    if (!db_has(db, "SELECT 1 FROM folders WHERE user_id = ? AND name = ? AND import_id IS NULL", "tt",
                im->user_id, row->name) &&
        db_has(db,
               "SELECT 1 FROM folders f WHERE user_id = ?1 AND (import_id IS NULL OR NOT EXISTS "
               "(SELECT 1 FROM folders o WHERE o.user_id = ?1 AND o.name = substr(f.name, ?2) "
               "AND o.import_id IS NULL)) LIMIT 1 OFFSET ?3",
               "tii", im->user_id, (int64_t)UUID_LEN + 1, (int64_t)STORE_MAX_FOLDERS - 1))
        db_fail(db, ERR_INVALID, "These are more than %d folders.", STORE_MAX_FOLDERS);
}

static void add_folder(struct db *db, struct store_import *im, const struct folder_row *row)
{
    if (map_get_str(im->folders, row->id)) {
        db_fail(db, ERR_INVALID, "This folder is there twice.");
        return;
    }
    struct new_id id = same_id(row->id);
    if (db_has(db, "SELECT 1 FROM folders WHERE id = ?", "t", id.text))
        id = derived_id(im, im->id, row->id);
    check_folders(db, im, row);
    /* Until the end it goes by a name that nobody can give: the user may make one of the same name meanwhile. */
    AUTO(mem) char *name = xasprintf("%s%s", im->id, row->name);
    if (db_has(db, "SELECT 1 FROM folders WHERE user_id = ? AND name = ?", "tt", im->user_id, name)) {
        db_fail(db, ERR_INVALID, "A folder with this name is there twice.");
        return;
    }
    db_run(db, "INSERT INTO folders (id, user_id, name, created_at, import_id) VALUES (?, ?, ?, ?, ?)",
           "tttit", id.text, im->user_id, name, row->created_at, im->id);
    remember(im->folders, row->id, id.text);
    im->counts.folders++;
}

static void add_attachment(struct db *db, struct store_import *im, const struct attachment_row *row)
{
    if (map_get_str(im->attachments, row->id)) {
        db_fail(db, ERR_INVALID, "This attachment is there twice.");
        return;
    }
    if (map_count(im->attachments) >= STORE_MAX_IMPORT_FILES) {
        db_fail(db, ERR_INVALID, "These are more than %d attachments.", STORE_MAX_IMPORT_FILES);
        return;
    }
    struct new_id id = same_id(row->id);
    sqlite3_stmt *st = db_query(db, "SELECT id FROM attachments WHERE user_id = ? AND sha256 = ?", "tt",
                                im->user_id, row->sha256);
    if (db_next(db, st)) {
        id = same_id((const char *)sqlite3_column_text(st, 0));
        db_end(st);
    } else {
        if (db_has(db, "SELECT 1 FROM attachments WHERE id = ?", "t", id.text))
            id = derived_id(im, row->sha256, row->id);
        db_run(db,
               "INSERT INTO attachments (id, user_id, name, mime, sha256, created_at, bytes) VALUES "
               "(?, ?, ?, ?, ?, ?, ?)",
               "tttttix", id.text, im->user_id, row->name, row->mime, row->sha256, row->created_at,
               row->bytes);
        db_run(db, "INSERT INTO attachment_imports (attachment_id, import_id) VALUES (?, ?)", "tt", id.text,
               im->id);
        im->counts.attachments++;
    }
    attachment_hold(db, id.text);
    remember(im->attachments, row->id, id.text);
}

static void add_conversation(struct db *db, struct store_op *op, const struct import_row *in)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    const struct conversation_row *row = &in->conversation;
    struct new_id id = same_id(row->id);
    enum whose whose = whose_conversation(db, im, id.text);
    if (whose == SOMEBODY_ELSES) {
        id = derived_id(im, "", row->id);
        whose = whose_conversation(db, im, id.text);
    }
    if (whose == THIS_IMPORTS || map_get_str(im->skipped, row->id)) {
        db_fail(db, ERR_INVALID, "This conversation is there twice.");
        return;
    }
    if (whose != NOBODYS) {
        (void)map_put(im->skipped, row->id, im);
        im->counts.skipped++;
        return;
    }
    const char *folder_id = row->folder_id ? map_get_str(im->folders, row->folder_id) : NULL;
    if (row->folder_id && !folder_id) {
        db_fail(db, ERR_INVALID, "\"folder_id\" names no folder that stands before it.");
        return;
    }
    db_run(
        db,
        "INSERT INTO conversations (id, user_id, title, titled_by, server_id, created_at, updated_at, pinned, "
        "archived, folder_id, leaf_id, options_json, system_prompt, import_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, '{}'), nullif(?, ''), ?)",
        "tttttiibbttttt", id.text, im->user_id, row->title, row->titled_by,
        find_server(db, op, row->server_id, in->server_name), row->created_at, row->updated_at, row->pinned,
        row->archived, folder_id, row->leaf_id, row->options_json, row->system_prompt, im->id);
    im->counts.conversations++;
}

static const char *new_attachment(void *arg, const char *id)
{
    const struct store_import *im = arg;
    return map_get_str(im->attachments, id);
}

/* The content as it is stored here. The caller frees *out_owned. */
static const char *take_content(struct db *db, struct store_import *im, const char *content_json,
                                char **out_owned)
{
    struct strv ids = {0};
    content_list_attachments(content_json, &ids);
    for (size_t i = 0; i < ids.n; i++) {
        if (!map_get_str(im->attachments, ids.v[i]))
            db_fail(db, ERR_INVALID, "\"content\" names an attachment that does not stand before it.");
    }
    bool has_ids = ids.n > 0;
    strv_release(&ids);
    *out_owned = has_ids ? content_rename_attachments(content_json, new_attachment, im) : NULL;
    return *out_owned ? *out_owned : content_json;
}

/* The conversation of a row; "" when its rows are to be passed over, or (a failure in db) when it is not there. */
static struct new_id conversation_of(struct db *db, const struct store_import *im, const char *id)
{
    struct new_id none = {""};
    if (map_get_str(im->skipped, id))
        return none;
    struct new_id found = find_conversation(db, im, id);
    if (!found.text[0])
        db_fail(db, ERR_INVALID, "\"conversation_id\" names no conversation that stands before it.");
    return found;
}

static void insert_message(struct db *db, struct store_op *op, const struct import_row *in,
                           const struct new_id *conversation, const struct new_id *id,
                           const struct new_id *parent)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    const struct message_row *row = &in->message;
    AUTO(mem) char *owned = NULL;
    const char *content = take_content(db, im, row->content_json, &owned);
    db_run(db,
           "INSERT INTO messages (id, conversation_id, parent_id, role, state, server_id, created_at, "
           "reasoning, content_json, tool_calls_json) VALUES (?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?)",
           "ttttttittt", id->text, conversation->text, parent->text, row->role, row->state,
           find_server(db, op, row->server_id, in->server_name), row->created_at, row->reasoning, content,
           row->tool_calls_json);
    if (!str_eq(id->text, row->id))
        db_run(db, "UPDATE conversations SET leaf_id = ?1 WHERE id = ?2 AND leaf_id = ?3", "ttt", id->text,
               conversation->text, row->id);
    im->counts.messages++;
}

static void add_message(struct db *db, struct store_op *op, const struct import_row *in)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    const struct message_row *row = &in->message;
    struct new_id conversation = conversation_of(db, im, row->conversation_id), parent = {""};
    if (!conversation.text[0])
        return;
    if (find_message(db, im, conversation.text, row->id, NULL).text[0])
        db_fail(db, ERR_INVALID, "This message is there twice.");
    if (row->parent_id) {
        /* An answer stands under a message of the user's, which may stand anywhere. */
        parent = find_message(db, im, conversation.text, row->parent_id,
                              str_eq(row->role, "assistant") ? "user" : NULL);
        if (!parent.text[0])
            db_fail(db, ERR_INVALID,
                    "\"parent_id\" names no message%s that stands before it in its conversation.",
                    str_eq(row->role, "assistant") ? " of the user" : "");
    }
    struct new_id id = same_id(row->id);
    if (!str_eq(conversation.text, row->conversation_id) ||
        db_has(db, "SELECT 1 FROM messages WHERE id = ?", "t", id.text))
        id = derived_id(im, conversation.text, row->id);
    insert_message(db, op, in, &conversation, &id, &parent);
}

static struct new_id id_of_generation(struct db *db, const struct store_import *im,
                                      const struct generation_row *row, const char *conversation_id,
                                      bool is_renamed)
{
    struct new_id id = same_id(row->id), derived = derived_id(im, conversation_id, row->id);
    if (db_has(db, "SELECT 1 FROM generations WHERE id IN (?, ?) AND conversation_id = ?", "ttt", id.text,
               derived.text, conversation_id))
        db_fail(db, ERR_INVALID, "This generation is there twice.");
    bool is_taken = is_renamed || db_has(db, "SELECT 1 FROM generations WHERE id = ?", "t", id.text);
    return is_taken ? derived : id;
}

static void add_generation(struct db *db, struct store_op *op, const struct import_row *in)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    const struct generation_row *row = &in->generation;
    struct new_id conversation = conversation_of(db, im, row->conversation_id);
    if (!conversation.text[0])
        return;
    bool is_renamed = !str_eq(conversation.text, row->conversation_id);
    struct new_id message = find_message(db, im, conversation.text, row->message_id, "user");
    struct new_id answer = find_message(db, im, conversation.text, row->answer_id, "assistant");
    if (!message.text[0])
        db_fail(db, ERR_INVALID,
                "\"message_id\" names no message of the user that stands before it in its conversation.");
    /* An answer that stayed empty is not there any more: its id is kept, where it is nobody else's. */
    if (!answer.text[0])
        answer = is_renamed || db_has(db, "SELECT 1 FROM messages WHERE id = ?", "t", row->answer_id)
                     ? derived_id(im, conversation.text, row->answer_id)
                     : same_id(row->answer_id);
    struct new_id id = id_of_generation(db, im, row, conversation.text, is_renamed);
    const char *server_id = find_server(db, op, row->server_id, in->server_name);
    db_run(db,
           "INSERT INTO generations (id, conversation_id, message_id, answer_id, server_id, user_id, state, "
           "options_json, error_json, meta_json, continues, created_at, finished_at) "
           "VALUES (?, ?, ?, ?, coalesce(?, ''), ?, ?, ?, ?, ?, ?, ?, ?)",
           "ttttttttttbii", id.text, conversation.text, message.text, answer.text, server_id, im->user_id,
           row->state, row->options_json, row->error_json, row->meta_json, row->continues, row->created_at,
           row->finished_at);
}

static void add_row(struct db *db, struct store_op *op, const struct import_row *row)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    switch (row->kind) {
    case IMPORT_FOLDER: add_folder(db, im, &row->folder); break;
    case IMPORT_ATTACHMENT: add_attachment(db, im, &row->attachment); break;
    case IMPORT_CONVERSATION: add_conversation(db, op, row); break;
    case IMPORT_MESSAGE: add_message(db, op, row); break;
    case IMPORT_GENERATION: add_generation(db, op, row); break;
    }
}

static enum err run_add(struct db *db, struct store_op *op)
{
    const struct import_in *in = op->in;
    for (size_t i = 0; i < in->n && db->err == ERR_OK; i++) {
        const struct import_row *row = &in->rows[i];
        add_row(db, op, row);
        if (db->err == ERR_INVALID) {
            struct err_text what = db->why;
            (void)err_set(&db->why, ERR_INVALID, "Line %lld, column %lld: %.400s", (long long)row->line,
                          (long long)row->column, what.text);
        }
    }
    return ERR_OK;
}

/* ---- copying the arguments ---- */

static void copy_texts(struct store_op *op, char **const *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *fields[i] = store_op_text(op, *fields[i]);
}
#define COPY(op, ...)                               \
    do {                                            \
        char **const fields_[] = {__VA_ARGS__};     \
        copy_texts(op, fields_, COUNT_OF(fields_)); \
    } while (0)

static void copy_row(struct store_op *op, struct import_row *to)
{
    to->server_name = store_op_text(op, to->server_name);
    switch (to->kind) {
    case IMPORT_FOLDER: COPY(op, &to->folder.id, &to->folder.name); break;
    case IMPORT_ATTACHMENT: {
        struct attachment_row *a = &to->attachment;
        COPY(op, &a->id, &a->name, &a->mime, &a->sha256);
        a->bytes = store_op_bytes(op, a->bytes);
        break;
    }
    case IMPORT_CONVERSATION: {
        struct conversation_row *c = &to->conversation;
        COPY(op, &c->id, &c->title, &c->titled_by, &c->server_id, &c->folder_id, &c->leaf_id,
             &c->options_json, &c->system_prompt);
        break;
    }
    case IMPORT_MESSAGE: {
        struct message_row *m = &to->message;
        COPY(op, &m->id, &m->conversation_id, &m->parent_id, &m->role, &m->content_json, &m->reasoning,
             &m->tool_calls_json, &m->state, &m->server_id);
        break;
    }
    case IMPORT_GENERATION: {
        struct generation_row *g = &to->generation;
        COPY(op, &g->id, &g->conversation_id, &g->message_id, &g->answer_id, &g->server_id, &g->state,
             &g->options_json, &g->error_json, &g->meta_json);
        break;
    }
    }
}

struct store_op *store_import_add(struct store *s, struct store_import *im, const struct import_row *rows,
                                  size_t n, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_add, sizeof(struct import_in), done, arg);
    struct import_in *in = op->in;
    *in = (struct import_in){.im = im, .rows = arena_alloc(&op->args, (n + 1) * sizeof *rows), .n = n};
    if (n)
        memcpy(in->rows, rows, n * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        copy_row(op, &in->rows[i]);
    return store_op_submit(op);
}

/* ---- the end ---- */

/* A folder of a name that the user has already becomes that one. */
static void merge_folders(struct db *db, const struct store_import *im)
{
    db_run(db,
           "UPDATE conversations AS c SET folder_id = coalesce((SELECT o.id FROM folders o JOIN folders f "
           "ON f.id = c.folder_id WHERE o.user_id = f.user_id AND o.import_id IS NULL "
           "AND o.name = substr(f.name, ?2)), folder_id) WHERE c.import_id = ?1 AND c.folder_id IS NOT NULL",
           "ti", im->id, (int64_t)UUID_LEN + 1);
    db_run(db,
           "DELETE FROM folders AS f WHERE f.import_id = ?1 AND EXISTS (SELECT 1 FROM folders o "
           "WHERE o.user_id = f.user_id AND o.import_id IS NULL AND o.name = substr(f.name, ?2))",
           "ti", im->id, (int64_t)UUID_LEN + 1);
}

static enum err run_finish(struct db *db, struct store_op *op)
{
    struct store_import *im = ((struct import_in *)op->in)->im;
    merge_folders(db, im);
    im->counts.folders -= db_changes(db); /* those that were there */
    db_run(db, "UPDATE folders SET name = substr(name, ?2), import_id = NULL WHERE import_id = ?1", "ti",
           im->id, (int64_t)UUID_LEN + 1);
    db_run(db, "DELETE FROM attachment_imports WHERE import_id = ?", "t", im->id);
    /* A leaf that is not there means what no leaf means. */
    db_run(db,
           "UPDATE conversations AS c SET import_id = NULL, leaf_id = (SELECT m.id FROM messages m "
           "WHERE m.id = c.leaf_id AND m.conversation_id = c.id) WHERE c.import_id = ?",
           "t", im->id);
    return ERR_OK;
}

struct store_op *store_import_finish(struct store *s, struct store_import *im, store_fn done, void *arg)
{
    struct store_op *op = store_op_new(s, STORE_WRITE, run_finish, sizeof(struct import_in), done, arg);
    ((struct import_in *)op->in)->im = im;
    return store_op_submit(op);
}
