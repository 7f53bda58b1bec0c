/*
 * gateway: from a model's name to an engine. Keeps the servers (configuration and engine), decides who may call an
 * engine now, who waits for it and who is refused, counts what runs, and carries /v1 requests. Knows no users and no
 * conversations.
 */
#ifndef HOB_GATEWAY_H
#define HOB_GATEWAY_H

#include "engine/engine.h"
#include "events/events.h"
#include "gateway/gateway_form.h"
#include "gateway/gateway_names.h"
#include "gateway/gateway_scan.h"
#include "http/http.h"
#include "loop/loop.h"
#include "relay/relay.h"
#include "store/store.h"
#include "util/util.h"

#define GATEWAY_MAX_SERVERS      256
#define GATEWAY_MAX_NAME_BYTES   100
#define GATEWAY_MAX_ARGS         256
#define GATEWAY_MAX_ARG_BYTES    4096
#define GATEWAY_MAX_PROMPT_BYTES (32 * 1024)
#define GATEWAY_MAX_HOLDS        256 /* waiting for one server, unless it has its own max_waiting: "queue_full" */
#define GATEWAY_HOLD_TIMEOUT_MS  3600000 /* a hold's longest wait; a load that stalls ends it sooner */
#define GATEWAY_BUSY_GRACE_MS    5000    /* a busy engine's silence before a stream gets its 200 */
#define GATEWAY_HOLD_GRACE_MS    1000    /* a held stream gets its 200 after this */
#define GATEWAY_HOLD_COMMENT_MS \
    5000 /* and a comment this often, and on each change of the percentage; also in the middle of a stream that is silent */
#define GATEWAY_QUEUE_SHOWN        20   /* of those who wait for a server, in its JSON */
#define GATEWAY_METRICS_MS         2000 /* "server" events while ready */
#define GATEWAY_PROGRESS_MS        250  /* at most one "server" event in this time while loading */
#define GATEWAY_CONNECT_TIMEOUT_MS 5000
#define GATEWAY_HEADER_TIMEOUT_MS  600000 /* an engine's silence before the header of an answer to /v1: 504 */
#define GATEWAY_IDLE_TIMEOUT_MS    300000 /* and in the middle of one: broken off */
#define GATEWAY_BLANK_AFTER_MS \
    200000 /* whole JSON that takes longer gets its 200 then: clients give up after 300 s */
#define GATEWAY_BLANK_MS 10000 /* and a blank this often */

#define GATEWAY_MAX_GROUPS        64
#define GATEWAY_MAX_TURN_S        3600
#define GATEWAY_MAX_ALIASES       32
#define GATEWAY_MAX_SLOTS         4096
#define GATEWAY_MAX_WAITING       10000            /* the highest max_waiting */
#define GATEWAY_MAX_REWRITE_BYTES (16 * 1024)      /* a server's rewriting, as JSON */
#define GATEWAY_MAX_SECONDS       (30 * 24 * 3600) /* idle_stop_s, hold_s */
#define GATEWAY_MAX_ENV           64               /* a server's own environment variables */
#define GATEWAY_MAX_ENV_NAME      128

#define GATEWAY_REMOVE_GRACE_MS \
    30000 /* what runs on a server that is no longer in the file may end in this time */

struct gateway;
struct server; /* one configured server and its engine; lives until it is removed (gateway_server_remove) */

/* Who asks, for fairness and for the record. Plain memory, to be copied. */
struct gateway_client {
    char user_id[UUID_LEN + 1];
    char key_id[UUID_LEN + 1]; /* "": not by a key */
    char request_id[17];       /* X-Request-Id */
};

/* What became of one request that reached a server. All of it is valid during the call only. */
struct gateway_record {
    const struct gateway_client *client;
    const char
        *method; /* of a request that was passed through; NULL: hob made it, as for an answer in the chat */
    const char *route;                   /* "/v1/chat/completions", as the client asked for it */
    const char *server_id, *server_name; /* NULL: it never came to a server */
    const char *model;                   /* as the client named it */
    bool is_stream;
    int status;         /* what the client got; 0: it went away before */
    const char *code;   /* of the failure, static; NULL: none */
    bool client_gone;   /* it went away before the end */
    int64_t started_at; /* wall clock, ms */
    int64_t held_ms;    /* until it was the engine's turn to work on it */
    int64_t first_ms;   /* from the start to the first byte of the engine's body; -1: none came */
    int64_t total_ms;
    int64_t tokens_in, tokens_out; /* as the engine counts; -1: it did not say */
    double tokens_per_s;           /* < 0: unknown */
    uint64_t bytes_in, bytes_out;  /* bodies */
};
typedef void (*gateway_record_fn)(void *arg, const struct gateway_record *record);

struct gateway_options {
    const char *run_dir;           /* engines' sockets, mode 0700 */
    const char *log_dir;           /* engines' log files */
    const char *self_exe;          /* path of this program: demo-engine, engine-exec */
    const char *llama_server_path; /* or NULL: not found */
    struct engine_reaper *reaper;  /* or NULL (tests); not owned */
    int (*status_of)(enum err e);  /* the status that a client is told for it; NULL (tests): 0 */
    gateway_record_fn on_record;   /* or NULL; once a request, at its end */
    void *record_arg;
};

/* ---- lifecycle ---- */
/* Copies the options. events may be NULL (tests). */
struct gateway *gateway_new(struct loop *l, struct store *store, struct http_client *client,
                            struct events *events, const struct gateway_options *options);
typedef void (*gateway_done_fn)(void *arg, enum err e, const struct err_text *why);
struct gateway_file;
/* Reads the servers from the store, makes the file's true, starts those with autostart, then on_ready. Once, after gateway_new.
 * file may be NULL: there is none. ERR_INVALID, ERR_EXISTS: of the file; no server is there then. */
void gateway_load(struct gateway *g, const struct gateway_file *file, gateway_done_fn on_ready, void *arg);
/* Stops all engines; done runs when no engine process is left. Nothing can be started after it. */
void gateway_shutdown(struct gateway *g, loop_fn done, void *arg);
/* Ends all engines without a grace, now and during a shutdown. */
void gateway_kill(struct gateway *g);
/* After shutdown, or in tests when nothing runs: cancels what is left and frees. */
void gateway_free(struct gateway *g);
AUTO_DEFINE(gateway, struct gateway, gateway_free)

/* ---- servers ---- */
size_t gateway_n_servers(const struct gateway *g);
/* Requests that engines work on now; those that wait for their turn are not among them. */
size_t gateway_n_calls(const struct gateway *g);
/* In order of creation; i < gateway_n_servers. */
struct server *gateway_server_at(const struct gateway *g, size_t i);
/* NULL: no such server. */
struct server *gateway_server_by_id(const struct gateway *g, const char *id);
/* By id, then name, then alias, then model name (first in order of creation). */
struct server *gateway_server_find(const struct gateway *g, const char *ref);
/* What clients call the servers: their names, then their aliases. */
void gateway_list_names(const struct gateway *g, struct strv *out);
const struct server_row *server_config(const struct server *s);

/* What of a server's configuration only the gateway needs. */
struct server_settings {
    struct strv aliases; /* other names of the server; unique among all names and aliases */
    int slots;           /* requests that its engine works on at once; 0: as the engine says, else no limit */
    int idle_stop_s;     /* stopped when nobody has used it for so long; 0: never */
    char *group;         /* the name of its group; NULL: none */
    int max_waiting;     /* requests that may wait for it; 0: GATEWAY_MAX_HOLDS */
    int hold_s;          /* a request's longest wait; 0: GATEWAY_HOLD_TIMEOUT_MS */
    int answer_s;        /* its engine's longest silence before an answer; 0: GATEWAY_HEADER_TIMEOUT_MS */
    int silence_s;       /* and in the middle of one; 0: GATEWAY_IDLE_TIMEOUT_MS */
    int early_header_s;  /* whole JSON that takes longer gets its header then; 0: GATEWAY_BLANK_AFTER_MS */
    char *
        rewrite_json; /* {"model": name sent upstream, "defaults": {}, "set": {}, "strip": []}, each may be left out;
                            * NULL: bodies pass as they are */
    struct strv env; /* "NAME=value", over what engines get anyway; never shown, only the names are */
};
const struct server_settings *server_settings(const struct server *s);
struct engine *server_engine(const struct server *s);
/* Never NULL: base name of the model file, or the server's name. */
const char *server_model_name(const struct server *s);
/* The contract's Server and Engine objects. */
void gateway_write_server_json(const struct server *s, struct json_writer *w);
void gateway_write_engine_json(const struct server *s, struct json_writer *w);

/* What a POST or PATCH sets; what is not set stays (or has its default). */
struct server_patch {
    char *name, *kind, *model_path, *system_prompt; /* NULL: not set; model_path "" clears it */
    bool has_command, has_args;
    struct strv command, args;
    int on_demand, autostart; /* 0, 1; -1: not set */
    char *settings_json;      /* the settings among the body's fields; NULL: none */
};
void server_patch_init(struct server_patch *p);
void server_patch_release(struct server_patch *p);
/* From the body of POST/PATCH /api/servers. ERR_INVALID: why starts with the field's name in quotes. Init p before. */
MUST_CHECK enum err server_patch_parse(struct server_patch *p, yyjson_val *body, struct err_text *why);

/* s is valid when e is ERR_OK. ERR_INVALID (why names the field), ERR_EXISTS (name taken), ERR_BUSY (too many). */
typedef void (*gateway_server_fn)(void *arg, enum err e, const struct err_text *why, struct server *s);
/* fn runs once, never before these return. p is copied. Publishes "server". */
void gateway_server_add(struct gateway *g, const struct server_patch *p, gateway_server_fn fn, void *arg);
/* A running engine keeps its old options until it is started again. */
void gateway_server_change(struct gateway *g, struct server *s, const struct server_patch *p,
                           gateway_server_fn fn, void *arg);
/* Stops the engine, then removes; s in fn is NULL. Publishes "server_removed". */
void gateway_server_remove(struct gateway *g, struct server *s, gateway_server_fn fn, void *arg);

/*
 * ---- servers of a file ----
 * Those that the configuration file defines, and those only, have an id that is made of their name: it is the same after
 * every start, in the store and in conversations, and they cannot be changed or removed as others can.
 */
struct gateway_file {
    const char *name;                   /* of the file, for people */
    const struct server_patch *servers; /* complete */
    size_t n;
    const char *memory_json; /* what gateway_memory_change takes; NULL: what is set stays */
};
/* Whether p can be a server's whole configuration, apart from other servers. Not whether its model file is there. */
MUST_CHECK enum err server_patch_check(const struct server_patch *p, struct err_text *why);
/* Names and aliases lead to one server only. *out_at: the server that is not unique among those before it. */
MUST_CHECK enum err gateway_file_check(const struct gateway_file *file, size_t *out_at, struct err_text *why);
/*
 * Makes the difference between those that are there and the file's true; fn runs once, never before this returns. After a
 * failure nothing has changed. New ones appear, and start if they say autostart. Those that are gone are found no more at
 * once, and end when what runs on them has, GATEWAY_REMOVE_GRACE_MS later at the latest. Changed ones keep the engine that
 * runs. Engines of servers that are as they were are not touched. file is copied. One at a time.
 */
void gateway_file_apply(struct gateway *g, const struct gateway_file *file, gateway_done_fn fn, void *arg);
bool server_is_of_file(const struct server *s);

/*
 * Idempotent. ERR_INVALID: the configuration cannot be run (why). A failed engine starts again. Where it needs memory that
 * others have it is started later, when they are idle and were stopped; ERR_FAILED: it needs more than there ever is.
 */
MUST_CHECK enum err gateway_server_start(struct gateway *g, struct server *s, struct err_text *why);
/* It is not wanted any more, whoever wanted it. */
void gateway_server_stop(struct gateway *g, struct server *s);
/* Stops, then starts with the present configuration. */
MUST_CHECK enum err gateway_server_restart(struct gateway *g, struct server *s, struct err_text *why);

/* ---- who sits in memory ---- */
/* The contract's object Memory. */
void gateway_write_memory_json(const struct gateway *g, struct json_writer *w);
/*
 * Sets what body has of budget_bytes, gpu_budget_bytes (null: by what the machine has), turn_s and groups ({name: kind}; null
 * forgets one). It holds at once; fn is told, later, whether it was kept. ERR_INVALID (why names the field): fn does not run.
 */
MUST_CHECK enum err gateway_memory_change(struct gateway *g, yyjson_val *body, gateway_done_fn fn, void *arg,
                                          struct err_text *why);
/* Adds why requests for s wait: "waiting for memory, qwen3 is being unloaded". False: not for memory; nothing is added. */
bool server_wait_reason(const struct server *s, struct buf *out);
/* The servers whose memory it waits for; none when it does not wait. Returns how many, at most cap. */
size_t server_waits_for(const struct server *s, const struct server **out_servers, size_t cap);

/* ---- may it be called now? ---- */
/* A refusal or failure, for api_reply: err decides the status, code is the contract's. */
struct gateway_failure {
    enum err err;
    const char
        *code; /* static: "engine_loading", "engine_refused", "waiting_for_memory", "out_of_memory" ... */
    struct err_text why; /* a sentence for people */
    int retry_after_s;   /* 0: none */
    int status; /* the engine's own when it answered with an error, or one that err does not say; else 0 */
    struct server *server; /* or NULL */
    /* Of an engine's own error; valid during the call. NULL: none. */
    const char *message; /* all of it, where why has its beginning */
    const char *type, *param;
    bool is_permanent; /* sending again does not help, whatever the status says */
};
/*
 * Whether a request may go to the engine now; starts a stopped on-demand server (and, is_retry, a failed one).
 * ERR_OK; ERR_LOADING: starting, loading, stopping or waiting for memory, come again after retry_after_s; ERR_FAILED: failed,
 * may not be started by a message, or needs more memory than there ever is. *f is written on failure only.
 */
MUST_CHECK enum err gateway_admit(struct gateway *g, struct server *s, bool is_retry,
                                  struct gateway_failure *f);

/* ---- holds: wait until it is ready ---- */
struct gateway_hold;
/* f NULL: READY now. Else why it will not be. The hold is over when fn returns. */
typedef void (*gateway_hold_fn)(void *arg, struct server *s, const struct gateway_failure *f);
/* Starts the engine as gateway_admit does; fn runs once, never before this returns. */
struct gateway_hold *gateway_wait_ready(struct gateway *g, struct server *s, bool is_retry,
                                        gateway_hold_fn fn, void *arg);
/* fn will not run. Never cancels the load. NULL is fine. */
void gateway_hold_cancel(struct gateway_hold *h);

/* ---- calls ---- */
struct gateway_call;
struct gateway_call_options {
    const char *path;                           /* "/v1/chat/completions" */
    const char *route;                          /* for the record; static; NULL: path, which is static then */
    bool is_stream;                             /* for the record */
    struct span body;                           /* JSON; copied if needed */
    int64_t header_timeout_ms, idle_timeout_ms; /* 0: none */
    struct gateway_client client;
    bool is_background; /* ends with code "gave_way" when somebody else calls the engine; counts nowhere */
};
struct gateway_call_events {
    void (*on_headers)(void *arg, int status, const struct http_fields *fields);
    void (*on_body)(void *arg, struct span data);
    void (*on_flush)(void *arg); /* may be NULL */
    /* Exactly once, last, unless cancelled. f NULL: complete. Codes: engine_refused, engine_died, engine_timeout,
     * bad_gateway, gave_way. */
    void (*on_done)(void *arg, const struct gateway_failure *f);
};
/*
 * POSTs to the engine, which must be READY, as soon as it is the client's turn (timeouts count from then; one in the
 * background takes no turn from anybody). Counts as waiting until then, after that as active until done or cancelled. Never
 * calls back at once. More codes: queue_full, queue_timeout, and those of a hold if the engine stops before the turn.
 */
struct gateway_call *gateway_call_start(struct gateway *g, struct server *s,
                                        const struct gateway_call_options *options,
                                        const struct gateway_call_events *events, void *arg);
void gateway_call_pause(struct gateway_call *c);
void gateway_call_resume(struct gateway_call *c);
/* Its client has been told 200 meanwhile: that is what the record says, whatever follows. */
void gateway_call_promise(struct gateway_call *c);
/* The answer is whole, although its body goes on: a cancel that follows gives nothing up. */
void gateway_call_complete(struct gateway_call *c);
/* The engine notices at once; no callback comes after. NULL is fine. */
void gateway_call_cancel(struct gateway_call *c);
/* For how long nobody has called the engine or waited for it; -1: somebody does, or it is not ready. Calls in the background do
 * not count. */
int64_t server_idle_ms(const struct server *s);
/* Before its header: what it waits for, for people. "2 ahead of you": so many have to end before it is its turn. */
void gateway_call_describe(const struct gateway_call *c, struct buf *out);
/* What runs and waits, and the last measured speed, as the Engine object shows them. */
struct engine_usage gateway_usage(const struct server *s);
/* The last measured speed of the server's answers, for its tile; called by whoever reads timings. */
void gateway_note_speed(struct server *s, double tokens_per_s);

/* ---- /v1: hold, call, pass through ---- */
struct gateway_proxy_request {
    const char *target;                 /* what the engine is asked for: path and query */
    const char *route;                  /* for the record; static */
    const char *model;                  /* as the client named it */
    struct http_headers headers;        /* for the engine; taken over */
    struct http_headers answer_headers; /* what the answer has besides; taken over */
    struct http_body *body;             /* taken over; NULL: none */
    const struct gateway_scan *scan; /* of the body, for the server's rewriting; NULL: it passes as it is */
    bool is_stream;                  /* an event stream is expected: comments may come before it */
    bool is_json;                    /* whole JSON is: blanks may come before it */
    bool is_raw;                     /* the engine's errors pass as they are */
    bool is_aside;                   /* takes no turn and counts nowhere: what only looks at the engine */
    enum relay_shape shape;          /* of errors */
    struct gateway_client client;
};
/*
 * f NULL: over, the exchange has its answer or its client has gone; x is NULL. Else nothing was sent and the exchange is the
 * caller's again, to answer with f. Runs once, never before gateway_proxy returns. Takes over x's
 * on_gone, on_drain. Every answer has an X-Request-Id.
 */
typedef void (*gateway_proxy_fn)(void *arg, struct http_exchange *x, const struct gateway_failure *f);
void gateway_proxy(struct gateway *g, struct server *s, struct http_exchange *x,
                   const struct gateway_proxy_request *request, gateway_proxy_fn fn, void *arg);

#endif
