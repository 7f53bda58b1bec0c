/* What the files of this room share. */
#ifndef HOB_CHAT_ROOM_H
#define HOB_CHAT_ROOM_H

#include "chat/chat.h"
#include "chat/chat_frames.h"
#include "chat/chat_prompt.h"
#include "chat/chat_think.h"
#include "chat/chat_tools.h"
#include "chat/generation_state.h"

struct turn;

struct chat {
    struct loop *loop;
    struct store *store;
    struct gateway *gateway;
    struct events *events;
    struct chat_options options; /* no zeros */
    struct map *turns;           /* by message id: sends that are being decided */
    struct map *by_message;      /* generations in memory, by message id ... */
    struct map *by_id;           /* ... and by their own */
    struct list generations;     /* the same, in order of creation */
    struct list turn_list;
    struct list sends;   /* chat_send handles, until they are decided */
    struct list viewers; /* all, also of replays */
    struct list exports; /* chat_export_start */
    struct list asks;    /* chat_stop and chat_read calls that wait for the store */
    struct store_op *recovering;
    chat_done_fn on_recovered;
    void *recovered_arg;
    struct loop_timer outbox;      /* looks after queued generations whose engine is not coming up */
    struct loop_timer outbox_next; /* the same soon, since one has gone */
    struct list titles;            /* that are wanted of a model */
    struct loop_timer title_look;
    struct list requeues; /* on their way back into the outbox */
    struct loop_timer compact_look;
    struct store_op *compacting;
    struct list imports;
    struct store_op *sweeping;    /* what nobody sees any more */
    bool sweeps_again;            /* more was left meanwhile */
    struct loop_timer sweep_next; /* daily; sooner after an error */
    bool closing;
    struct loop_timer grace;
    loop_fn on_shutdown;
    void *shutdown_arg;
};

/* ---- chat_send.c: who asked, and the decision ---- */

/* One POST. It waits in a turn's or in a generation's list. */
struct chat_send {
    struct chat *c;
    struct list node;  /* in turn.sends, generation.sends, or nowhere */
    struct list owned; /* in chat.sends */
    char *user_id;
    char key_id[UUID_LEN + 1]; /* "": none */
    struct message_row row;    /* as posted; owned strings */
    char *server_ref;
    char *instead_of; /* a generation's id; or NULL */
    char *options_json;
    char *new_options_json, *new_system_prompt; /* of the conversation, if this makes it; or NULL */
    enum chat_mode mode;
    chat_decide_fn fn;
    void *arg;
    struct loop_timer later; /* start, or the decision, in the next turn of the loop */
    bool is_refused;         /* by validation: `refusal` is told at once */
    struct gateway_failure refusal;
    const char *param;
};

struct generation;
void sends_accept(struct list *sends, const struct generation *g);
/* message_stored: the user's message is in the store. */
void sends_refuse(struct list *sends, const struct gateway_failure *f, const char *param,
                  bool message_stored);
/* Start them again from the beginning: what they waited for has ended. */
void sends_restart(struct list *sends);
/* The user's message is on its way to a generation. */
bool chat_is_deciding(const struct chat *c, const char *user_id, const char *message_id);
void chat_cancel_sends(struct chat *c);
/* After chat_cancel_sends. */
void chat_cancel_turns(struct chat *c);
/* A turn ended: a shutdown may be complete. */
void chat_check_shutdown(struct chat *c);

/* ---- chat_generation.c: one answer in the making ---- */

/* What an answer took; -1: not known. */
struct figures {
    int64_t n_tokens, ttft_ms, reasoning_ms, total_ms;
    double tokens_per_s;
};
struct figures figures_none(void);
/* meta_json: what figures_write made, or NULL. */
struct figures figures_read(const char *meta_json);

struct generation {
    struct chat *c;
    struct generation_row row; /* owned strings; row.state follows `state` */
    char key_id[UUID_LEN + 1]; /* of the key that asked for it; "": none, or before hob was started */
    char *model;               /* what the frames say */
    enum generation_state state;
    bool is_added;   /* its row is in the store */
    bool is_stored;  /* its end is in the store, or could not be stored */
    bool is_dropped; /* its rows were removed: nothing is stored any more */
    bool is_retry;   /* of the outbox: starts a failed engine again, once */
    int n_requeues;  /* of the outbox: how often it came back */
    struct list node;
    struct list sends;   /* who waits for the decision */
    struct list late;    /* sends that came while the end was being stored: started again after it */
    struct list viewers; /* of this generation */
    size_t n_refs;       /* viewers, and who is inside a call */

    /* the call */
    struct gateway_hold *hold; /* QUEUED */
    struct store_op *op;       /* add, path, attachment, finish: one at a time */
    struct message_row *rows;  /* the path, while attachments are read */
    size_t n_rows;
    char *system_prompt; /* the conversation's, as long; or NULL */
    struct strv file_ids;
    struct prompt_file *files;
    size_t n_files;
    struct gateway_call *call;
    struct sse_parser sse;
    bool is_stream;
    int status;
    struct buf body; /* of an answer that is no event stream */
    struct loop_timer busy;
    char answer_code[64]; /* the engine's own error code */
    struct gateway_failure failure;
    bool is_retryable;

    /* the answer */
    int64_t started_ms, first_token_ms, last_token_ms; /* monotonic; 0: not yet */
    int64_t n_tokens;                                  /* events with text */
    struct think think;
    struct tool_calls tools;
    struct chunk_usage usage;
    struct chunk_timings timings;
    struct figures before; /* of the answer that this one continues */
    char finish_reason[44];
    struct buf frames;  /* the whole log of this generation */
    size_t visible_len; /* of frames: the end is shown when it is stored */
    int64_t last_seq;

    /* the log on its way to the store */
    struct buf content, reasoning; /* text that is not in the store yet */
    bool has_new_tools;            /* since the last flush began */
    size_t stored_len;             /* of frames */
    int64_t stored_seq;
    struct store_op *flush_op;
    size_t flushing_len, flushing_content, flushing_reasoning; /* by the flush under way */
    int64_t flushing_seq;
    struct loop_timer flush;
    bool is_ending; /* the last flush, then the end, are due */
    bool has_lag;   /* the last flush failed */
    int n_end_tries;

    struct loop_timer comments;
    int64_t told_ms; /* when viewers last got something */
    struct buf told_place;
};

/* Of the whole answer, what it continues included: JSON, owned by the caller. */
char *figures_write(const struct generation *g);

/* Makes one in memory; the row's strings are copied. Not in the store, no call. */
struct generation *generation_new(struct chat *c, const struct generation_row *row,
                                  enum generation_state state);
/* Stores the row (is_new), then goes on: calls the engine, or waits in the outbox. */
void generation_begin(struct generation *g, bool is_new);
void generation_raise(struct generation *g, enum generation_event ev);
/* It was sent, and the engine has not said a word yet. */
bool generation_is_unheard(const struct generation *g);
/* Raises BREAK with the cause. */
void generation_break(struct generation *g, const struct gateway_failure *f, bool is_retryable);
/* Its rows are gone, `what` was removed: ends it without a trace. May free g. */
enum removed { REMOVED_CONVERSATION, REMOVED_MESSAGE };
void generation_drop(struct generation *g, enum removed what);
/* Ends it for whoever watches or waits, with failure if it runs; the store hears nothing of it. May free g. */
void generation_end_untold(struct generation *g);
void generation_unref(struct generation *g);
void generation_free(struct generation *g);

/* ---- chat_outbox.c: answers that wait for their engine ---- */
/* QUEUED: waits, which may start the engine. */
void generation_wait(struct generation *g);
/* Ends its hold, if it has one; the next for that engine waits in its stead. */
void generation_leave_hold(struct generation *g);
/* One look at an outbox entry whose hold has ended: it goes if the engine is ready and its turn has come. */
void generation_look_at_engine(struct generation *g);
/* One of the outbox is answered now, or has ended: the next one's turn may have come. */
void chat_outbox_moved(struct chat *c);
/* failure is set: one of the outbox without a word so far, that may be tried again, goes back into it (at the end of hob: by the
 * next start). False: it is no such one. */
MUST_CHECK bool generation_queue_again(struct generation *g);
/* chat_new and chat_free. */
void chat_open_outbox(struct chat *c);
void chat_close_outbox(struct chat *c);

/* ---- chat_call.c: prompt, call, and what the engine sends ---- */
void generation_prepare(struct generation *g);
void generation_cancel_call(struct generation *g);

/* ---- chat_log.c: frames and the store ---- */
void generation_init_log(struct generation *g);
void generation_add_chunk(struct generation *g, const struct chunk *chunk);
void generation_add_end(struct generation *g);
/* What was added is for viewers now. */
void generation_show(struct generation *g);
void generation_finish(struct generation *g);
void generation_cancel_log(struct generation *g);
/* The end is in the store (conversation: as it is now, or NULL). Defined in chat_generation.c. */
void generation_on_stored(struct generation *g, const struct store_result *r);

/* ---- chat_title.c ---- */
void titles_init(struct chat *c);
/* An answer has ended: asks for a title later, if the conversation needs one. */
void title_want(const struct generation *g, const struct conversation_row *conversation);
/* NULL: of all conversations. */
void titles_drop(struct chat *c, const char *conversation_id);

/* ---- chat_viewer.c ---- */
void viewers_pump(struct generation *g);
void viewers_comment(struct generation *g, struct span line);
void chat_free_viewers(struct chat *c);

/* ---- chat_compact.c: old logs are made short; chat_new and chat_free ---- */
void chat_open_compact(struct chat *c);
void chat_close_compact(struct chat *c);

/* ---- chat_export.c ---- */
void chat_free_exports(struct chat *c);

/* ---- chat_import.c ---- */
void chat_open_imports(struct chat *c);
void chat_close_imports(struct chat *c);
/* At start, after a removal and daily: removes in the background what imports left, removed conversations, and attachments
 * that nothing names. */
void chat_sweep(struct chat *c);

/* ---- chat.c ---- */
void chat_publish_generation(struct chat *c, const struct generation_row *row);
void chat_publish_conversation(struct chat *c, const struct conversation_row *row);
char *chat_error_json(const struct gateway_failure *f, bool is_retryable);
void chat_tell_asks(struct generation *g);
void generation_row_copy(struct generation_row *to, const struct generation_row *from);
void generation_row_clear(struct generation_row *row);
void message_row_copy(struct message_row *to, const struct message_row *from);
void message_row_clear(struct message_row *row);
void conversation_row_copy(struct conversation_row *to, const struct conversation_row *from);
void conversation_row_clear(struct conversation_row *row);

#endif
