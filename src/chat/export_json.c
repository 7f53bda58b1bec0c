/* Rows as the items of hob's export (schema Export). The import reads exactly these fields. */
#include "chat/export.h"

static void begin_item(struct json_writer *w, const char *type, const char *id)
{
    jw_begin_obj(w);
    jwf_str(w, "type", type);
    jwf_str(w, "id", id);
}

void export_json_folder(struct json_writer *w, const struct folder_row *row)
{
    begin_item(w, "folder", row->id);
    jwf_str(w, "name", row->name);
    jwf_int(w, "created_at", row->created_at);
    jw_end_obj(w);
}

void export_json_attachment_head(struct json_writer *w, const struct attachment_row *row)
{
    begin_item(w, "attachment", row->id);
    jwf_str(w, "name", row->name);
    jwf_str(w, "mime", row->mime);
    jwf_str(w, "sha256", row->sha256);
    jwf_int(w, "created_at", row->created_at);
    jw_key(w, "data");
    buf_add_char(w->out, '"');
}

void export_json_conversation(struct json_writer *w, const struct conversation_row *row,
                              const char *server_name, bool has_leaf)
{
    begin_item(w, "conversation", row->id);
    jwf_str(w, "title", row->title);
    jwf_str(w, "titled_by", row->titled_by);
    jwf_str(w, "server_id", row->server_id);
    jwf_str(w, "server_name", server_name);
    jwf_int(w, "created_at", row->created_at);
    jwf_int(w, "updated_at", row->updated_at);
    jwf_bool(w, "pinned", row->pinned);
    jwf_bool(w, "archived", row->archived);
    jwf_str(w, "folder_id", row->folder_id);
    jwf_str(w, "leaf_id", has_leaf ? row->leaf_id : NULL);
    jwf_raw(w, "options", row->options_json ? row->options_json : "{}");
    jwf_str(w, "system_prompt", row->system_prompt);
    jw_end_obj(w);
}

bool export_is_open(const char *state)
{
    return str_eq(state, "queued") || str_eq(state, "connecting") || str_eq(state, "streaming");
}

/* A queue is left behind: what waited in it is a message that was not answered. */
static const char *state_of_message(const struct message_row *row)
{
    if (str_eq(row->role, "user"))
        return str_eq(row->state, "answered") ? "answered" : "pending";
    return export_is_open(row->state) ? "interrupted" : row->state;
}

void export_json_message(struct json_writer *w, const struct message_row *row, const char *server_name)
{
    begin_item(w, "message", row->id);
    jwf_str(w, "conversation_id", row->conversation_id);
    jwf_str(w, "parent_id", row->parent_id);
    jwf_str(w, "role", row->role);
    jwf_str(w, "state", state_of_message(row));
    jwf_raw(w, "content", row->content_json);
    jwf_str(w, "reasoning", row->reasoning);
    jwf_raw(w, "tool_calls", row->tool_calls_json);
    jwf_str(w, "server_id", row->server_id);
    jwf_str(w, "server_name", server_name);
    jwf_int(w, "created_at", row->created_at);
    jw_end_obj(w);
}

static const char interrupted[] =
    "{\"message\":\"This was still being written when it was exported.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":null,\"retryable\":false}";

void export_json_generation(struct json_writer *w, const struct generation_row *row, const char *server_name,
                            bool is_cut, int64_t now_ms)
{
    begin_item(w, "generation", row->id);
    jwf_str(w, "conversation_id", row->conversation_id);
    jwf_str(w, "message_id", row->message_id);
    jwf_str(w, "answer_id", row->answer_id);
    jwf_str(w, "server_id", row->server_id[0] ? row->server_id : NULL);
    jwf_str(w, "server_name", server_name);
    jwf_str(w, "state", is_cut ? "interrupted" : row->state);
    jwf_raw(w, "options", row->options_json);
    jwf_raw(w, "error", is_cut ? interrupted : row->error_json);
    jwf_raw(w, "meta", row->meta_json);
    jwf_bool(w, "continues", row->continues);
    jwf_int(w, "created_at", row->created_at);
    jwf_int(w, "finished_at", is_cut ? now_ms : row->finished_at);
    jw_end_obj(w);
}
