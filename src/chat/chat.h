/*
 * chat: generations, the answers in the making. Stores a message before anything else, decides whether the engine can
 * answer now, produces the answer in the background with an append-only event log, lets any number of viewers replay and
 * follow it. Closing a viewer only detaches; chat_stop is the only thing that cancels. Knows no HTTP of our own side.
 */
#ifndef HOB_CHAT_H
#define HOB_CHAT_H

#include "events/events.h"
#include "gateway/gateway.h"
#include "loop/loop.h"
#include "store/store.h"
#include "util/util.h"

#define CHAT_FLUSH_MS            200    /* the event log is never older than this on disk */
#define CHAT_BUSY_MS             5000   /* an engine that is silent for this long: 200 and comments */
#define CHAT_COMMENT_MS          10000  /* something goes to every viewer at least this often */
#define CHAT_IDLE_TIMEOUT_MS     300000 /* no bytes of a running stream for this long: error */
#define CHAT_HEADER_TIMEOUT_MS   600000 /* a busy engine's longest silence before its header */
#define CHAT_SHUTDOWN_GRACE_MS   30000
#define CHAT_MAX_CONTENT_BYTES   ((size_t)4 << 20)  /* content of one message, JSON */
#define CHAT_MAX_PARTS           32                 /* content parts of one message */
#define CHAT_MAX_SYSTEM_CHARS    32768              /* a conversation's system prompt, code points */
#define CHAT_MAX_MESSAGES        2000               /* messages of one prompt */
#define CHAT_MAX_PROMPT_BYTES    ((size_t)64 << 20) /* a request to an engine, attachments included */
#define CHAT_MAX_ANSWER_BYTES    ((size_t)8 << 20)  /* frames of one generation; more ends it with an error */
#define CHAT_MAX_GENERATIONS     256                /* running at once */
#define CHAT_MAX_QUEUED_PER_USER 100                /* outbox */

struct chat;
struct chat_options { /* 0: the default above */
    int64_t busy_ms, idle_timeout_ms, header_timeout_ms;
    bool model_titles; /* ask the model for a title after the first exchange */
};

/* events may be NULL (tests); options may be NULL. */
struct chat *chat_new(struct loop *l, struct store *store, struct gateway *gateway, struct events *events,
                      const struct chat_options *options);
typedef void (*chat_done_fn)(void *arg, enum err e, const struct err_text *why);
/* At start, after gateway_load: ends what a crash left unfinished as interrupted, takes up the outbox again. */
void chat_recover(struct chat *c, chat_done_fn done, void *arg);
/* Running generations get grace_ms, then an error event; done runs when all is stored. New sends: ERR_BUSY. Calling it
 * again with a shorter grace shortens it (second SIGTERM); done is then the later call's. */
void chat_shutdown(struct chat *c, int64_t grace_ms, loop_fn done, void *arg);
void chat_free(struct chat *c);
AUTO_DEFINE(chat, struct chat, chat_free)

/* ---- sending ---- */
enum chat_mode { CHAT_SEND, CHAT_RETRY, CHAT_CONTINUE, CHAT_WHEN_READY };
/* "send", "retry", "continue", "when_ready". */
MUST_CHECK bool chat_mode_parse(const char *text, enum chat_mode *out_mode);

struct chat_send_request {       /* all strings are copied */
    const char *key_id;          /* of the API key that asks; "" or NULL: by a session */
    const char *conversation_id; /* UUID */
    const char *message_id;      /* UUID */
    const char *parent_id;       /* UUID or NULL */
    const char *content_json;    /* a string or an array of parts; validated by chat_send */
    const char *server;          /* id or name */
    enum chat_mode mode;
    /* Retry: makes an answer beside the ones that are there as long as this generation is the newest; or NULL. */
    const char *instead_of;
    yyjson_val *options; /* "options" of the body or NULL; validated by chat_send */
    yyjson_val
        *settings; /* "settings" of the body or NULL: for the conversation if this makes it; validated too */
};

/*
 * The outcome of a send. f.err ERR_OK: generation_id and answer_id are set: attach to it (send, retry, continue), or it
 * waits in the outbox (when_ready; generation_json has it). Else f says why: err and code, and
 *   f.status: the engine's own 4xx/500, to be passed with f.why; param: the field of the body that is wrong.
 * The user's message is stored (message_stored) unless the request itself was invalid or not theirs.
 */
struct chat_decision {
    struct gateway_failure f;
    const char *param; /* or NULL */
    bool message_stored;
    const char *generation_id, *answer_id; /* NULL on failure */
    const char *generation_json;           /* the contract's Generation; NULL on failure */
};
typedef void (*chat_decide_fn)(void *arg, const struct chat_decision *d);
struct chat_send;
/* POST /api/chat/completions. fn runs exactly once, never before this returns; what d points at is valid in the call. */
struct chat_send *chat_send(struct chat *c, const char *user_id, const struct chat_send_request *request,
                            chat_decide_fn fn, void *arg);
/* The client went away: fn will not run, the generation goes on. Not after fn ran. NULL is fine. */
void chat_send_cancel(struct chat_send *s);

/* Content of a message as PUT /api/messages and chat_send take it: a string, or an array of text, image_url (attachment:
 * or data:) and file parts. ERR_INVALID: why starts with "content" in quotes. ERR_TOO_BIG. */
MUST_CHECK enum err chat_check_content(yyjson_val *content, struct err_text *why);

/* Checks and rewrites "options": allow-listed, bounded. NULL in gives NULL. ERR_INVALID names the field. */
MUST_CHECK enum err chat_options_check(yyjson_val *options, char **out_json, struct err_text *why);
/* What an attachment of this type (without parameters) is for us. */
enum chat_file_kind { CHAT_FILE_IMAGE, CHAT_FILE_PDF, CHAT_FILE_TEXT, CHAT_FILE_OTHER };
enum chat_file_kind chat_file_kind_of(struct span mime);
/* ERR_INVALID: empty, or not what its type says; ERR_UNSUPPORTED: CHAT_FILE_OTHER. */
MUST_CHECK enum err chat_check_file(struct span mime, struct span bytes, struct err_text *why);
/* ERR_INVALID: longer than CHAT_MAX_SYSTEM_CHARS. NULL is fine. */
MUST_CHECK enum err chat_check_system_prompt(const char *text, struct err_text *why);

/* ---- watching ---- */
struct chat_viewer;
/* None of these may detach the viewer. */
struct chat_viewer_events {
    /* Once, first. Not ERR_OK (ERR_NOT_FOUND: none, or not theirs): nothing else comes, the viewer is over. */
    void (*on_attached)(void *arg, enum err e, const struct err_text *why);
    /* Whole SSE frames ("id: N\n" ... blank line). Returns false when the reader is full: then nothing more comes until
     * chat_viewer_resume. */
    bool (*on_frames)(void *arg, struct span frames);
    /* A comment line with its line ends (": 1 ahead of you\n\n"), not in the log. Never while full. */
    void (*on_comment)(void *arg, struct span line);
    /* All frames were given, the last of them `data: [DONE]` unless the viewer does not follow. The viewer is over; do
     * not detach. */
    void (*on_end)(void *arg);
};
/* Events after after_seq, then (follow) live, else the end; a finished generation's are replayed and end. Never calls
 * back at once. */
struct chat_viewer *chat_attach(struct chat *c, const char *user_id, const char *generation_id,
                                int64_t after_seq, bool follow, const struct chat_viewer_events *ev,
                                void *arg);
void chat_viewer_resume(struct chat_viewer *v);
/* No callback comes after. Never cancels the generation. Not after on_end or a failed on_attached. NULL is fine. */
void chat_detach(struct chat_viewer *v);

/* ---- stopping and reading ---- */
/* generation_json: the contract's Generation, NULL on failure (ERR_NOT_FOUND). */
typedef void (*chat_generation_fn)(void *arg, enum err e, const struct err_text *why,
                                   const char *generation_json);
/* Cancels the engine's work at once, keeps the text; idempotent. fn runs once, when it is stored, never at once. */
void chat_stop(struct chat *c, const char *user_id, const char *generation_id, chat_generation_fn fn,
               void *arg);
void chat_read(struct chat *c, const char *user_id, const char *generation_id, chat_generation_fn fn,
               void *arg);
/* Nobody sees its rows any more: cancels its generations without a trace, and begins to remove the rows. What the generations
 * still ask of the store finds nothing and nobody hears of it. To be called in the turn of the loop in which the store
 * says so. */
void chat_conversation_removed(struct chat *c, const char *conversation_id);
/* The same for one generation, whose message or answer was removed. One that does not run is fine. */
void chat_generation_removed(struct chat *c, const char *generation_id);
/* Running, not counting the outbox. */
size_t chat_n_running(const struct chat *c);
/* The same of one user; key_id NULL: whatever asked for them, else only those that this key asked for since hob was started. */
size_t chat_n_running_of(const struct chat *c, const char *user_id, const char *key_id);
/* A message of the user that is being sent or answered, or waits in the outbox: to post it again joins what there is. */
bool chat_has_message(const struct chat *c, const char *user_id, const char *message_id);

/* ---- taking along: export ---- */
enum chat_export_format { CHAT_EXPORT_JSON, CHAT_EXPORT_MARKDOWN };
struct chat_export_events {
    /* Once, first: the conversation's title, or NULL for all. */
    void (*on_begin)(void *arg, const char *title);
    /* The next piece of the file. Returns false when the reader is full: then nothing comes until chat_export_resume. */
    bool (*on_text)(void *arg, struct span text);
    /* Once, last; the export is over. ERR_NOT_FOUND: no such conversation. Anything but ERR_OK after on_begin: the file
     * is not complete. */
    void (*on_end)(void *arg, enum err e, const struct err_text *why);
};
struct chat_export;
/*
 * Writes one conversation, or all of the user's (conversation_id NULL), in pieces read one after the other: memory does
 * not grow with what there is. What changes meanwhile is in the file as it was when its page was read; a conversation's
 * messages are those it had when its turn came. JSON can always be imported: attachments that came meanwhile are written
 * before what refers to them, and a folder or a message that is not in the file is not referred to. Never calls back at once.
 */
struct chat_export *chat_export_start(struct chat *c, const char *user_id, const char *conversation_id,
                                      enum chat_export_format format, const struct chat_export_events *ev,
                                      void *arg);
void chat_export_resume(struct chat_export *e);
/* No callback comes after. Not after on_end, and not inside a callback. NULL is fine. */
void chat_export_cancel(struct chat_export *e);

/*
 * ---- import: an export of hob's, read as it comes ----
 * Nothing is there for the user until the end; one that is not brought to its end leaves nothing. One at a time for a user.
 */
#define CHAT_MAX_IMPORTS 8 /* at once */
/* Fed and not read yet: full from here. So much is one transaction of the store, for which all others wait. */
#define CHAT_IMPORT_HIGH_BYTES ((size_t)256 << 10)
struct chat_import;
struct chat_import_events {
    /* It is not full any more. Must not feed at once. */
    void (*on_drain)(void *arg);
    /* Once, last. counts of what was taken in (ERR_OK only). ERR_INVALID: the file is wrong, why begins with its place. */
    void (*on_end)(void *arg, enum err e, const struct err_text *why, const struct import_counts *counts);
};
/* No callback comes before this returns. ERR_EXISTS: the user has one under way; ERR_BUSY: too many, or hob is ending. */
MUST_CHECK enum err chat_import_begin(struct chat *c, const char *user_id,
                                      const struct chat_import_events *ev, void *arg,
                                      struct chat_import **out_import, struct err_text *why);
/* False: it is full, on_drain says when to go on. bytes are copied. */
MUST_CHECK bool chat_import_feed(struct chat_import *im, struct span bytes);
/* That was all. */
void chat_import_complete(struct chat_import *im);
/* No callback comes after this. Not after on_end. */
void chat_import_abort(struct chat_import *im);

/* ---- the contract's objects ---- */
void chat_write_generation_json(struct json_writer *w, const struct generation_row *row);
void chat_write_conversation_json(struct json_writer *w, const struct conversation_row *row);
void chat_write_settings_json(struct json_writer *w, const struct conversation_row *row);
void chat_write_message_json(struct json_writer *w, const struct message_row *row);

#endif
