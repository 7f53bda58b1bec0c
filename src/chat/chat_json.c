/* The HTTP contract's objects Generation, Conversation and Message. */
#include "chat/chat.h"

void chat_write_generation_json(struct json_writer *w, const struct generation_row *row)
{
    jw_begin_obj(w);
    jwf_str(w, "id", row->id);
    jwf_str(w, "conversation_id", row->conversation_id);
    jwf_str(w, "message_id", row->message_id);
    jwf_str(w, "answer_id", row->answer_id);
    jwf_str(w, "server_id",
            row->server_id[0] ? row->server_id : NULL); /* imported, of a server unknown here */
    jwf_str(w, "state", row->state);
    jwf_raw(w, "error", row->error_json);
    jwf_raw(w, "meta", row->meta_json);
    jw_end_obj(w);
}

void chat_write_conversation_json(struct json_writer *w, const struct conversation_row *row)
{
    jw_begin_obj(w);
    jwf_str(w, "id", row->id);
    jwf_str(w, "title", row->title);
    jwf_str(w, "titled_by", row->titled_by);
    jwf_str(w, "server_id", row->server_id);
    jwf_int(w, "created_at", row->created_at);
    jwf_int(w, "updated_at", row->updated_at);
    jwf_bool(w, "generating", row->generating);
    jwf_bool(w, "pinned", row->pinned);
    jwf_bool(w, "archived", row->archived);
    jwf_str(w, "folder_id", row->folder_id);
    jwf_str(w, "leaf_id", row->leaf_id);
    jw_end_obj(w);
}

void chat_write_settings_json(struct json_writer *w, const struct conversation_row *row)
{
    jw_begin_obj(w);
    jwf_raw(w, "options", row->options_json ? row->options_json : "{}");
    jwf_str(w, "system_prompt", row->system_prompt);
    jw_end_obj(w);
}

void chat_write_message_json(struct json_writer *w, const struct message_row *row)
{
    jw_begin_obj(w);
    jwf_str(w, "id", row->id);
    jwf_str(w, "conversation_id", row->conversation_id);
    jwf_str(w, "parent_id", row->parent_id);
    jwf_str(w, "role", row->role);
    jwf_raw(w, "content", row->content_json);
    jwf_str(w, "reasoning", row->reasoning);
    jwf_raw(w, "tool_calls", row->tool_calls_json);
    jwf_int(w, "created_at", row->created_at);
    jwf_str(w, "server_id", row->server_id);
    jwf_str(w, "state", row->state);
    jwf_str(w, "generation_id", row->generation_id);
    jwf_raw(w, "options", row->options_json);
    jwf_raw(w, "error", row->error_json);
    jwf_raw(w, "meta", row->meta_json);
    jw_end_obj(w);
}
