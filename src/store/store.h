/*
 * store: SQLite on a thread of its own. Calls copy their arguments, return at once and answer on the loop by
 * done(arg, result); the result and all in it is freed when done returns. Writes that arrive together share one
 * transaction (group commit): done runs after the commit is on disk. All SQL of hob is in this room.
 */
#ifndef HOB_STORE_H
#define HOB_STORE_H

#include "loop/loop.h"
#include "util/util.h"

struct store;
struct store_op; /* a call under way */

/* Strings are never NULL unless marked "or NULL". Ids are UUID text. Times are ms since the epoch. */
struct rate_limits { /* of a key or an account; 0: none. In a change -1: stays */
    int64_t requests_per_minute, tokens_per_minute, max_parallel;
};
struct user_row {
    char *id, *name, *role /* admin|user */, *status /* active|pending|disabled */, *password_hash;
    int64_t created_at;
    struct rate_limits limits;
};
struct session_row {
    char *id_hash /* hex SHA-256 */, *user_id;
    int64_t created_at, expires_at;
};
struct key_row {
    char *id, *user_id, *name, *prefix, *key_hash /* hex SHA-256 */;
    char *routes_json, *models_json; /* arrays of names; NULL: all */
    int64_t created_at, last_used_at /* 0: never */, expires_at /* 0: never */;
    struct rate_limits limits;
};
struct key_change {                               /* what is to be set; all else stays */
    const char *name, *routes_json, *models_json; /* NULL: stays; the arrays "": all */
    int64_t expires_at;                           /* -1: stays; 0: never */
    struct rate_limits limits;
};
struct server_row {
    char *id, *name, *kind /* demo|llama-server|command */, *model_path /* or NULL */,
        *command_json /* array or NULL */, *args_json /* array */, *system_prompt,
        *settings_json /* object: gateway's own */;
    bool on_demand, autostart;
    int64_t created_at;
    int64_t last_load_ms; /* how long the last successful load took, 0 unknown */
    struct server_footprint {
        int64_t bytes;       /* the most it had in RAM, pages of its model among them; 0: not measured */
        int64_t fixed_bytes; /* the most of what the system cannot take back */
        int64_t gpu_bytes;   /* the most it had on GPUs */
    } footprint;
};
struct setting_row {
    char *key, *value_json;
};
struct conversation_row {
    char *id, *user_id, *title, *titled_by /* message|model|user */, *server_id /* or NULL */;
    char *folder_id /* or NULL */, *leaf_id /* end of the path that is shown; or NULL: the newest path */;
    char *options_json, *system_prompt; /* or NULL; both NULL in lists */
    int64_t created_at, updated_at;
    bool pinned, archived;
    bool generating; /* read only */
};
struct conversation_change {  /* what is to be set; all else stays */
    const char *title;        /* NULL: stays; else it is the user's from now on, no model replaces it */
    const char *server_id;    /* NULL: stays */
    const char *leaf_id;      /* NULL: stays; a message of the conversation */
    const char *options_json; /* NULL: stays; "{}": none */
    bool has_system_prompt, has_folder, has_pinned, has_archived;
    const char *system_prompt; /* with has_system_prompt; NULL or "": none */
    const char *folder_id;     /* with has_folder; one of the user's, or NULL: none */
    bool pinned, archived;
};
struct conversation_settings {
    const char *options_json, *system_prompt; /* or NULL */
};
struct message_row {
    char *id, *conversation_id, *parent_id /* or NULL */, *role /* user|assistant */;
    char *content_json;    /* a JSON string or array of parts */
    char *reasoning;       /* or NULL */
    char *tool_calls_json; /* OpenAI's array, or NULL */
    char *state;           /* user: queued|pending|answered; assistant: its newest generation's state */
    char *server_id;       /* or NULL */
    char *generation_id;   /* newest; or NULL; read only */
    char *options_json, *error_json, *meta_json; /* or NULL; of the newest generation; read only */
    int64_t created_at;
};
struct folder_row {
    char *id, *user_id, *name;
    int64_t created_at;
};
struct generation_row {
    char *id, *conversation_id, *message_id /* user message answered */, *answer_id /* assistant message */,
        *server_id, *user_id;
    char *state; /* queued|connecting|streaming|done|stopped|interrupted|failed */
    char *options_json /* or NULL */, *error_json /* or NULL */, *meta_json /* or NULL */;
    bool continues; /* goes on writing an answer that has text */
    bool outbox;    /* it was queued at first: hob sends it by itself */
    int64_t created_at, finished_at /* 0: not yet */;
};
struct events_in { /* one flush to be appended; all is copied */
    int64_t first_seq, last_seq;
    struct span frames;
    struct span content, reasoning; /* the text that these events add */
    const char *tool_calls_json;    /* all that the answer has now, or NULL: as before */
};
struct events_row { /* one flush of a generation's event log */
    int64_t first_seq, last_seq;
    char *frames; /* SSE frames "id: N\ndata: ...\n\n" for first_seq..last_seq */
    char *content, *reasoning, *tool_calls_json; /* of store_generation_long only */
};
struct attachment_row {
    char *id, *user_id, *name, *mime;
    char *sha256;
    struct span bytes;  /* owned by the result; empty where the caller gave them */
    int64_t size_bytes; /* read only */
    int64_t created_at;
};
struct tree_row { /* a message's place in its conversation */
    int64_t seq, parent_seq /* 0: a root */;
    bool is_leaf; /* the conversation's leaf_id */
};

/* Where a search goes on: titles first, then messages, each newest first. {0} is the beginning. */
struct search_place {
    enum search_where { SEARCH_TITLES, SEARCH_MESSAGES, SEARCH_END } where;
    int64_t below; /* only rows with a lower number; 0: all */
};
struct search_row {
    char *conversation_id, *title;
    bool archived;
    char *message_id, *role; /* both NULL: the title has the words */
    int64_t at;
    char *
        piece; /* of the text, the words between STORE_HIT_BEGIN and STORE_HIT_END; no other control characters */
    struct search_place next; /* what comes after this row */
};
#define STORE_HIT_BEGIN  '\x02'
#define STORE_HIT_END    '\x03'
#define STORE_MAX_SEARCH 100 /* rows of one answer */

struct activity_row; /* store_activity.h */
struct activity_bucket;

struct store_result {
    enum err err;
    struct err_text why;
    size_t n; /* rows */
    union {
        struct user_row *users;
        struct session_row *sessions;
        struct key_row *keys;
        struct server_row *servers;
        struct setting_row *settings;
        struct message_row *messages;
        struct generation_row *generations;
        struct events_row *events;
        struct attachment_row *attachments;
        struct search_row *hits;
        struct tree_row *tree;
        struct folder_row *folders;
        struct activity_row *activity;
        struct activity_bucket *buckets;
    };
    struct conversation_row
        *conversations; /* n_conversations rows; some calls give a conversation beside other rows */
    size_t n_conversations;
    struct generation_row *generation; /* one beside other rows, or NULL */
    struct search_place next;          /* of a search: where more may be; SEARCH_END: that was all */
    bool created;                      /* the call made the row (false: it was there) */
    int64_t next_page;                 /* of calls that go page by page: what to give the next one */
    bool is_unfinished;                /* of a call that works in steps: call it again */
};
typedef void (*store_fn)(void *arg, const struct store_result *r);

/* Opens (makes) DIR/hob.db, migrates. Blocking; at start only. ERR_CORRUPT: damaged file, why has a hint. */
MUST_CHECK enum err store_open(struct loop *l, const char *dir, struct store **out_store,
                               struct err_text *why);
/* Finishes what is queued, commits, checkpoints, ends the thread. Blocking; done callbacks that are still due run
 * inside. */
void store_close(struct store *s);
/* done will not run; the work itself still happens. NULL is fine. Not after done ran. (A call may also have done NULL.) */
void store_cancel(struct store_op *op);
/* Statistics for /metrics and tests: commits so far, operations so far. */
void store_stats(const struct store *s, uint64_t *out_commits, uint64_t *out_ops);

/* ---- users, sessions, keys (store_users.c ...): auth keeps them in memory; these are its write-through ---- */
struct store_op *store_users_list(struct store *s, store_fn done, void *arg);
/* only_if_first: ERR_EXISTS when any user exists (inside the transaction). ERR_EXISTS also when the name is taken. */
struct store_op *store_user_add(struct store *s, const struct user_row *u, bool only_if_first, store_fn done,
                                void *arg);
struct store_op *store_user_set(struct store *s, const char *id, const char *role, const char *status,
                                const char *password_hash, store_fn done, void *arg); /* NULL: leave */
/* ERR_NOT_FOUND. */
struct store_op *store_user_limit(struct store *s, const char *id, const struct rate_limits *limits,
                                  store_fn done, void *arg);
struct store_op *store_sessions_list(struct store *s, store_fn done, void *arg); /* drops the expired */
/* The same id_hash again only moves expires_at. */
struct store_op *store_session_add(struct store *s, const struct session_row *row, store_fn done, void *arg);
struct store_op *store_session_remove(struct store *s, const char *id_hash, store_fn done, void *arg);
struct store_op *store_sessions_remove_of(struct store *s, const char *user_id, store_fn done, void *arg);
struct store_op *store_keys_list(struct store *s, store_fn done, void *arg);
struct store_op *store_key_add(struct store *s, const struct key_row *row, store_fn done, void *arg);
/* ERR_NOT_FOUND. */
struct store_op *store_key_change(struct store *s, const char *id, const struct key_change *change,
                                  store_fn done, void *arg);
struct store_op *store_key_remove(struct store *s, const char *id, store_fn done, void *arg);
struct store_op *store_key_used(struct store *s, const char *id, int64_t at, store_fn done, void *arg);

/* ---- servers ---- */
struct store_op *store_servers_list(struct store *s, store_fn done, void *arg);
/* Adds or replaces by id; ERR_EXISTS when another has the name. Replacing leaves created_at, last_load_ms if 0, and the
 * footprint; that one goes when what is run has changed (kind, model, command, arguments). */
struct store_op *store_server_put(struct store *s, const struct server_row *row, store_fn done, void *arg);
/* Makes rows (n may be 0) the only ones whose id has version 8; what the store learnt of those that stay is kept. All or none.
 * Conversations keep the ids of those that go. ERR_EXISTS: the name of another one, why names it. */
struct store_op *store_servers_of_file(struct store *s, const struct server_row *rows, size_t n,
                                       store_fn done, void *arg);
struct store_op *store_server_remove(struct store *s, const char *id, store_fn done, void *arg);
struct store_op *store_server_loaded(struct store *s, const char *id, int64_t load_ms, store_fn done,
                                     void *arg);
struct store_op *store_server_measured(struct store *s, const char *id,
                                       const struct server_footprint *footprint, store_fn done, void *arg);

/* ---- settings of hob itself; in result.settings one row, or none ---- */
struct store_op *store_setting_get(struct store *s, const char *key, store_fn done, void *arg);
struct store_op *store_setting_put(struct store *s, const char *key, const char *value_json, store_fn done,
                                   void *arg);

/*
 * ---- conversations and messages; user_id must own them, else ERR_NOT_FOUND ----
 * What an import brings is not there for any of these calls until the import has ended.
 *
 * The messages of a conversation are a tree by parent_id; leaf_id is the last message of the path that is shown. These
 * calls keep it: a new message becomes the leaf; an answer becomes it where the leaf was the message it answers or another
 * answer to that; an edited answer becomes it; where the leaf is removed its parent becomes it (NULL: it had none). Only an
 * answer that failed without a word leaves the leaf to the newest other answer, if there is one: the path is as it was
 * before the try.
 */
/* Newest first, archived ones too. */
struct store_op *store_conversations_list(struct store *s, const char *user_id, store_fn done, void *arg);
/* messages in order of creation, conversations[0] the conversation. A running answer's content is what it was before
 * its running generation. */
struct store_op *store_conversation_read(struct store *s, const char *user_id, const char *id, store_fn done,
                                         void *arg);
/* Result: conversations[0] as it is now. ERR_INVALID: the leaf or the folder is not there (why begins with its field). */
struct store_op *store_conversation_set(struct store *s, const char *user_id, const char *id,
                                        const struct conversation_change *change, store_fn done, void *arg);
/* A title by a model, only where the first message still is the title. Result: conversations[0]. ERR_EXISTS: it has another. */
struct store_op *store_conversation_entitle(struct store *s, const char *user_id, const char *id,
                                            const char *title, store_fn done, void *arg);
/* It is there for nobody from now on, and what runs or waits in it is gone. The rest goes by store_sweep, which is to be
 * called then; until that is through, no other conversation can have its id. */
struct store_op *store_conversation_remove(struct store *s, const char *user_id, const char *id,
                                           store_fn done, void *arg);
/* The same for many in one transaction; ids_json: an array of ids, those that are not there are passed over. Result:
 * conversations = each that was there, once, as it is now (set) or was (remove). Of change only the folder and the flags. */
struct store_op *store_conversations_set(struct store *s, const char *user_id, const char *ids_json,
                                         const struct conversation_change *change, store_fn done, void *arg);
struct store_op *store_conversations_remove(struct store *s, const char *user_id, const char *ids_json,
                                            store_fn done, void *arg);
/*
 * Stores a user's message before anything else happens: one transaction makes the conversation if it is new (title from
 * the message's first line), adds the message (row->state queued or pending) or finds it. A found one that is queued
 * or pending takes the new content, and state pending if row->state is. A new message takes its conversation out of
 * the archive. Result: messages[0] as stored, conversations[0], generation = its newest or NULL, created.
 * ERR_EXISTS: the id belongs to another conversation; ERR_NOT_FOUND: conversation, parent or attachment of somebody else.
 */
struct store_op *store_message_accept(struct store *s, const char *user_id, const struct message_row *row,
                                      store_fn done, void *arg);
/* The same; a conversation that this makes has these settings, one that is there keeps its own. */
struct store_op *store_message_accept_with(struct store *s, const char *user_id,
                                           const struct message_row *row,
                                           const struct conversation_settings *settings, store_fn done,
                                           void *arg);
/* Only never answered user messages (queued, pending); ERR_EXISTS otherwise. What is below moves up. conversations[0]
 * after it. */
struct store_op *store_message_remove(struct store *s, const char *user_id, const char *id, store_fn done,
                                      void *arg);
/*
 * Removes any message with everything below it, answers under way too. Result: generations = those that had not ended
 * (their rows are gone as well: whoever makes them is to drop them), conversations[0] after it.
 * A user's message that lost its last answer is pending again, as if it had never been tried. Messages of the user that hang
 * directly below it do not change that: they were sent while it had no answer, and prompts leave it out on their path.
 */
struct store_op *store_branch_remove(struct store *s, const char *user_id, const char *id, store_fn done,
                                     void *arg);
/*
 * Puts an answer with this content beside answer id: another child of the same parent, without a generation, the new
 * leaf. Result: messages[0] as stored, conversations[0], created. The same new_id again changes nothing.
 * ERR_FAILED: id is a user's message or an answer that is being written; ERR_EXISTS: new_id is another message's.
 */
struct store_op *store_answer_edit(struct store *s, const char *user_id, const char *id, const char *new_id,
                                   const char *content_json, store_fn done, void *arg);
/* Path from the root to message_id in order (for prompts); conversations[0] with its settings. */
struct store_op *store_message_path(struct store *s, const char *user_id, const char *message_id,
                                    store_fn done, void *arg);

/* ---- folders of conversations; user_id must own them, else ERR_NOT_FOUND ---- */
#define STORE_MAX_FOLDERS 1000 /* of one user */
/* By name. */
struct store_op *store_folders_list(struct store *s, const char *user_id, store_fn done, void *arg);
/* Adds or renames one. Result: folders[0]. ERR_EXISTS: another one has the name, in whatever letter case (of ASCII).
 * ERR_LIMITED: STORE_MAX_FOLDERS are there. */
struct store_op *store_folder_add(struct store *s, const struct folder_row *row, store_fn done, void *arg);
struct store_op *store_folder_rename(struct store *s, const char *user_id, const char *id, const char *name,
                                     store_fn done, void *arg);
/* Its conversations stay, in no folder. */
struct store_op *store_folder_remove(struct store *s, const char *user_id, const char *id, store_fn done,
                                     void *arg);

/* ---- generations ---- */
/* One transaction: adds the generation, its assistant message (unless continues) as child of message_id, sets the user
 * message answered and the conversation's updated_at. continues: where answer_id is gone, because it never began, the
 * newest answer that is there and not whole is taken, and the generation begins with the figures (meta_json) of the parts
 * before it. Result: generation, conversations[0]. ERR_EXISTS: the message is being answered already, generation says by
 * which. ERR_NOT_FOUND: no such message, or no answer to continue. */
struct store_op *store_generation_add(struct store *s, const struct generation_row *row, store_fn done,
                                      void *arg);
/* Result: generation. ERR_EXISTS: it has ended. */
struct store_op *store_generation_state(struct store *s, const char *id, const char *state, store_fn done,
                                        void *arg);
struct store_op *store_generation_append(struct store *s, const char *id, const struct events_in *in,
                                         store_fn done, void *arg);
/* Ends it: state, error, meta (NULL: as it was); the answer's content becomes what it was + all appended text. When the
 * answer has neither text nor tool calls and state is failed, the assistant message is removed and the user message is pending
 * again (unless another answer of it is there). Result: generation, conversations[0]. ERR_EXISTS: it has ended before. */
struct store_op *store_generation_finish(struct store *s, const char *id, const char *state,
                                         const char *error_json, const char *meta_json, store_fn done,
                                         void *arg);
/* One that runs and has no text waits again: QUEUED, its log is dropped, and it gets another id, so that who has read the lost
 * events does not take the new ones for what follows them. Result: generations[0]. ERR_EXISTS: it has text, or has ended. */
struct store_op *store_generation_requeue(struct store *s, const char *id, store_fn done, void *arg);
/* user_id NULL: any owner. generations[0]. */
struct store_op *store_generation_read(struct store *s, const char *user_id, const char *id, store_fn done,
                                       void *arg);
/* Events after seq, in order (a flush that began before is cut); generation beside them. */
struct store_op *store_generation_events(struct store *s, const char *user_id, const char *id,
                                         int64_t after_seq, store_fn done, void *arg);
/* The one that ended first, before the time given, and whose log was not made short yet: generation, and events[0] with the
 * texts of all its events (tool_calls_json, all of the answer, and with it all frames; or NULL). n 0: there is none. */
struct store_op *store_generation_long(struct store *s, int64_t before, store_fn done, void *arg);
/* Its log is these frames now, numbered 1 to last_seq. ERR_NOT_FOUND: it is gone, or has not ended. */
struct store_op *store_generation_compact(struct store *s, const char *id, int64_t last_seq,
                                          struct span frames, store_fn done, void *arg);
/* At start: every connecting or streaming generation ends as interrupted (text so far kept; without text: failed, as
 * above; of the outbox: queued again). Result: generations still queued (the outbox). */
struct store_op *store_generations_recover(struct store *s, const char *error_json, store_fn done, void *arg);

/* ---- attachments: content-addressed per user ---- */
/* One that no message names is kept so long after it came last: it may stand in a draft. Then store_sweep removes it. */
#define STORE_ATTACHMENT_HOLD_MS ((int64_t)30 * 24 * 3600 * 1000)
struct store_op *store_attachment_add(struct store *s, const struct attachment_row *row, store_fn done,
                                      void *arg);
struct store_op *store_attachment_read(struct store *s, const char *user_id, const char *id, store_fn done,
                                       void *arg);
/* The same, but the bytes of one that has more than max_bytes are not read: bytes is empty, size_bytes says how many. */
struct store_op *store_attachment_read_small(struct store *s, const char *user_id, const char *id,
                                             int64_t max_bytes, store_fn done, void *arg);

/* ---- search ---- */
/* What is written in one's own titles and messages. text: what was typed, any bytes. conversation_id: only its messages, and
 * no titles; or NULL. limit: 1 to STORE_MAX_SEARCH. Result: hits, next. */
struct store_op *store_search(struct store *s, const char *user_id, const char *text,
                              const char *conversation_id, struct search_place from, int limit, store_fn done,
                              void *arg);

/* ---- upkeep ---- */
/* One step of removing removed conversations, what belongs to no import of active_json (array of import ids), and attachments
 * that nothing names: few rows, so that others get their turn. is_unfinished: there is more. */
struct store_op *store_sweep(struct store *s, const char *active_json, store_fn done, void *arg);

#include "store/store_activity.h"
#include "store/store_import.h"
#include "store/store_transfer.h"

#endif
