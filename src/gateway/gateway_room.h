/* What the files of this room share. */
#ifndef HOB_GATEWAY_ROOM_H
#define HOB_GATEWAY_ROOM_H

#include "gateway/gateway.h"
#include "gateway/gateway_memory.h"
#include "gateway/gateway_queue.h"

struct gateway {
    struct loop *loop;
    struct store *store;
    struct http_client *client;
    struct events *events;
    char *run_dir, *log_dir, *self_exe, *llama_server_path;
    struct engine_reaper *reaper;
    int (*status_of)(enum err e);
    gateway_record_fn on_record;
    void *record_arg;
    struct server **servers; /* in order of creation */
    size_t n_servers, cap_servers;
    struct list removed; /* servers that are no longer found, until their engine and calls have ended */
    struct list edits;   /* changes under way in the store */
    struct list proxies;
    struct memory memory;
    struct store_op *loading; /* gateway_load */
    gateway_done_fn on_loaded;
    void *loaded_arg;
    char *file_name;        /* of the file that defines servers; NULL: there is none */
    struct applying *apply; /* gateway_file_apply under way, or NULL */
    loop_fn on_shutdown;
    void *shutdown_arg;
    bool closing; /* nothing starts any more */
};

/* What the engine says of itself. */
struct server_props {
    bool is_vision_known, sees; /* whether the model takes images */
    bool no_gpu;                /* its options say that it uses none */
    int slots;                  /* requests that it works on at once; 0: it does not say */
    char *of;                   /* the configuration for which that holds */
    struct http_call *call;     /* being asked */
    int status;
    struct buf body;
};

struct server {
    struct gateway *g;
    struct server_row row;           /* owned strings */
    struct server_settings settings; /* row.settings_json, read */
    struct engine *engine;           /* NULL only when a removed one's has ended */
    char *model_name;
    int64_t model_bytes; /* 0: unknown */
    struct list holds;
    size_t n_holds;
    struct queue queue; /* those of the holds that want a turn */
    struct list uses;
    size_t n_active;         /* uses that are not in the background */
    struct loop_timer turns; /* the next look at them */
    char *wait_note;         /* why it does not run yet, for those who wait; NULL: its state says it */
    int64_t last_use_ms;     /* when the last use began or ended; 0: never */
    double tokens_per_s;     /* -1: not measured since it became ready */
    int n_silent;            /* requests in a row that ended because the engine was silent */
    struct server_memory memory;
    struct server_props props;
    bool is_leaving; /* its removal is being stored: who waits hears what comes of that */
    bool removed;
    struct list node;         /* in gateway.removed */
    struct loop_timer leaves; /* armed: removed, what runs on it may end until then; then its engine ends */
    char *wanted,
        *run; /* what of the configuration its engine is told at its start: now, and at its last start */
    struct server_row
        *heir; /* a server of the same id that takes its place when its engine has ended; or NULL */
    gateway_server_fn on_removed;
    void *removed_arg;
};

struct gateway_hold {
    struct server *s;
    gateway_hold_fn fn;
    void *arg;
    bool is_retry;    /* until the first look */
    bool has_started; /* it was seen on its way up, or ready: somebody who stops it then means it */
    bool is_full;     /* one too many: refused at the first look */
    bool wants_turn;
    char request_id[17];
    int64_t since_ms, deadline_ms;
    struct loop_timer timer;
    struct list node;           /* in server.holds */
    struct queue_ticket ticket; /* in server.queue; wants_turn, until its turn */
};

/* A request that the engine works on, or has in its own queue. */
struct server_use {
    struct list node; /* in server.uses, in order of their start */
    int64_t started_ms;
    bool has_answered; /* the header came */
    /* In the background: ends the use, without freeing it before the next turn. NULL: an ordinary use. */
    void (*give_way)(struct server_use *u);
};
/* ---- gateway_turn.c ---- */
void server_turns_init(struct server *s);
void server_turns_release(struct server *s);
/* Whether a request may begin now, because a slot is free and nobody waits for it. */
bool server_is_free(const struct server *s);
/* Something may have changed for those who wait for a turn: they have it soon, if so. */
void server_look_at_turns(struct server *s);
/* Requests that the engine works on at once: as configured, else as it says itself; 0: no limit is known. */
size_t server_slots(const struct server *s);
/* Set u->give_way before. An ordinary use ends those in the background. */
void server_use_begin(struct server *s, struct server_use *u);
/* The server may be freed by this. */
void server_use_end(struct server *s, struct server_use *u);
/* Its engine has begun to answer, or was silent until the request's time was over. */
void server_note_answer(struct server *s);
void server_note_silence(struct server *s);
/* Those that began earlier, if it is not known who of them has a slot. */
size_t server_use_n_ahead(const struct server *s, const struct server_use *u);
/* For people who wait: "2 ahead of you". */
void server_use_describe(const struct server *s, const struct server_use *u, struct buf *out);
struct engine_usage server_usage(const struct server *s);
void server_write_queue_json(const struct server *s, struct json_writer *w);

/* ---- gateway.c ---- */
void server_publish(struct server *s);
/* Makes a server of a row, whose strings it takes over, and puts it into the registry. */
struct server *gateway_insert(struct gateway *g, struct server_row *row);
/* Takes it out of the registry, ends its engine; it frees itself when nothing uses it any more. */
void gateway_take_out(struct server *s, gateway_server_fn on_removed, void *arg);
/* The same, but what runs on it may end before its engine does, for grace_ms. */
void gateway_let_go(struct server *s, int64_t grace_ms);
/* One that was let go and whose engine still runs is in the registry again. */
void gateway_take_back(struct server *s);
/* Runs the policy, with its start; may_start false: as if the server were not started by requests. */
enum err gateway_ask(struct gateway *g, struct server *s, bool is_retry, bool may_start,
                     struct gateway_failure *f);

/* ---- gateway_config.c ---- */
void server_row_clear(struct server_row *row);
void server_row_copy(struct server_row *to, const struct server_row *from);
/* Fills in what follows from s->row and hands the engine what to run. ERR_INVALID: it cannot be run. */
enum err server_configure(struct server *s, struct err_text *why);
void server_spec_release(struct engine_spec *spec);
enum err server_build_spec(const struct server *s, struct engine_spec *out_spec, struct err_text *why);
/* What clients may call its model: the file's name, else "hob-demo" or the server's name. The caller frees it. */
char *server_row_model_name(const struct server_row *row);
/* Applies p to row and checks the whole. ERR_INVALID: why starts with the field's name in quotes. */
enum err server_row_apply(struct server_row *row, const struct server_patch *p, struct err_text *why);

/* ---- gateway_settings.c ---- */
/* Takes the settings among obj's fields (null: the default) and checks them. ERR_INVALID: why starts with the field's name
 * in quotes; out is as far as it came. */
enum err server_settings_take(struct server_settings *s, yyjson_val *obj, struct err_text *why);
/* From what is stored: lenient, what is not valid any more is left out. */
void server_settings_read(struct server_settings *out, const char *json);
/* As fields of an object under way: for people, and with all that is to be kept. */
void server_settings_write(const struct server_settings *s, struct json_writer *w);
void server_settings_keep(const struct server_settings *s, struct json_writer *w);
void server_settings_release(struct server_settings *s);
/* Letter case is ignored. */
bool server_settings_has_alias(const struct server_settings *s, const char *name);

/* Whether the engine runs with an older configuration than the present one. */
bool server_needs_restart(const struct server *s);
/* A row with nothing set but what a new server has. */
void server_row_begin(struct server_row *row, const char *id);
/* ---- gateway_edit.c ---- */
void gateway_cancel_edits(struct gateway *g);
/* As much of a server as its names; row must outlive it. */
void server_begin_names(struct server *out, struct gateway *g, const struct server_row *row);
void server_end_names(struct server *s);
/*
 * ERR_EXISTS: the name or an alias of s leads to other already, or an alias would take requests for other's model
 * (unless s has the same model). A name may be that of another's model.
 */
enum err server_check_unique(const struct server *other, const struct server *s, struct err_text *why);
/* The same against the changes that are on their way to the store. */
enum err gateway_check_edits(struct gateway *g, const struct server *s, struct err_text *why);
void gateway_publish_removed(struct gateway *g, const char *id);

/* ---- gateway_file.c ---- */
/* gateway_file_apply in two steps: what the file says is copied; then, when the store's servers are there, made true. */
void gateway_file_prepare(struct gateway *g, const struct gateway_file *file);
void gateway_file_go_on(struct gateway *g, gateway_done_fn fn, void *arg);
void gateway_cancel_apply(struct gateway *g);
/* server_check_unique against the servers of a file that is on its way to the store. */
enum err gateway_check_applied(struct gateway *g, const struct server *s, struct err_text *why);
/* Its engine has ended: who waits for its place takes it. */
void server_give_place(struct server *s);

/* Frees a removed one that nothing uses any more. */
void server_close_if_unused(struct server *s);

/* ---- gateway_hold.c ---- */
/*
 * Waits until the engine is ready (starting it as gateway_admit does) and it is the client's turn: then fn runs with f NULL
 * and begins its use before it returns. is_again: it had its turn, and the engine died.
 */
struct gateway_hold *server_wait_turn(struct server *s, const struct gateway_client *client, bool is_again,
                                      gateway_hold_fn fn, void *arg);
/* Of a ticket that the queue gave back. */
void server_grant(struct queue_ticket *t);
size_t server_max_waiting(const struct server *s);
/* For people who wait: "loading 42 %", "3 ahead of you". */
void gateway_hold_describe(const struct gateway_hold *h, struct buf *out);
/* How many have to end before its turn comes. */
size_t gateway_hold_n_ahead(const struct gateway_hold *h);
/* Why the server's engine does not run yet, if it is not its state: "waiting for memory, qwen3 is being unloaded". Those who
 * wait are told. NULL: no such reason any more. */
void server_set_wait_note(struct server *s, const char *note);
/* The engine's state changed: every hold looks again, in the next turn. */
void server_wake_holds(struct server *s);
/* Ends every hold with f, now. */
void server_fail_holds(struct server *s, const struct gateway_failure *f);

/* ---- gateway_props.c ---- */
/* The configuration may have changed: what is known may not hold any more. */
void server_props_configure(struct server *s);
/* The engine is ready. Publishes the server if the answer is news. */
void server_props_ask(struct server *s);
void server_props_cancel(struct server *s);
void server_props_release(struct server *s);

/* ---- gateway_proxy.c ---- */
void gateway_cancel_proxies(struct gateway *g);

void gateway_failure_set(struct gateway_failure *f, enum err e, const char *code, struct server *s,
                         const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
