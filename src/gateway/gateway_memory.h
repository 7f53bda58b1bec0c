/*
 * Who sits in memory: the gateway's side of gateway_fit.h. Engines start only through a wish, which is granted when there is
 * room; it looks for room whenever something changes, and every GATEWAY_LOOK_MS while a wish waits. Stops what nobody has
 * used for the time that its server says.
 */
#ifndef HOB_GATEWAY_MEMORY_H
#define HOB_GATEWAY_MEMORY_H

#include "engine/engine.h"
#include "gateway/gateway_fit.h"
#include "store/store.h"
#include "util/util.h"

#define GATEWAY_LOOK_MS   100
#define GATEWAY_WISH_MS   60000 /* a request's wish, after the last request of that kind has left */
#define GATEWAY_STAY_MS   5000  /* fit_rules, bounded by the turn */
#define GATEWAY_LINGER_MS 1000
#define GATEWAY_TURN_S    20    /* unless set otherwise */
#define GATEWAY_SETTLE_MS 10000 /* after an engine's end its memory may still be on its way back */
#define GATEWAY_LEAST_RESERVE \
    ((int64_t)256 << 20) /* of the machine's memory, for all else: a 20th within these */
#define GATEWAY_MOST_RESERVE ((int64_t)2 << 30)

struct gateway;
struct server;

#define GATEWAY_GPU_RESERVE ((int64_t)256 << 20) /* of the GPUs' memory, where no budget is set */
#define GATEWAY_GPU_NOISE_BYTES \
    ((int64_t)256 << 20)          /* what others may take meanwhile: it is back all the same */
#define GATEWAY_GPU_FRESH_MS 5000 /* a load begins by what was read of the GPUs not longer ago ... */
#define GATEWAY_GPU_WAIT_MS  500  /* ... and this often while an engine's memory is on its way back */

/* MEMORY_RECOVERY: after a crash. Of two wishes for a server the later one here holds. */
enum memory_wish { MEMORY_NO_WISH, MEMORY_PRELOAD, MEMORY_REQUEST, MEMORY_RECOVERY, MEMORY_PERSON };

/* Of one server. */
struct server_memory {
    enum memory_wish wish;
    int64_t wanted_ms;             /* since when, with a wish */
    int64_t asked_ms;              /* the newest asking for it */
    int64_t ready_ms;              /* when it became ready */
    struct server_footprint now;   /* of its process; 0: none, or not measured */
    struct server_footprint kept;  /* what the store has */
    enum fit_act act;              /* what was decided last */
    const struct server *for_whom; /* the server that waits for this one, or NULL */
    bool is_old;     /* its process runs an older configuration: not what the next one will need */
    bool recovers;   /* its wish is of a crash: the next start does not begin its count of crashes anew */
    bool may_return; /* hob stopped it: it may be started by a request, whatever its server says */
};

struct memory_group {
    char *name;
    enum fit_group kind;
};
struct memory_settings {
    int64_t budget_bytes, gpu_budget_bytes; /* 0: by what the machine has */
    int turn_s;
    struct memory_group *groups;
    size_t n_groups;
};

struct memory {
    struct memory_settings settings;
    struct loop_timer timer;
    bool is_looking, looks_again;
    int64_t last_exit_ms; /* when the last engine's process went */
    struct engine_gpus *gpus;
    int64_t gpu_left_ms;      /* since when memory of an ended engine is on its way back; 0: none */
    int64_t gpu_others_bytes; /* what GPUs had beside our engines, when none came or went; -1: not known */
    void (*on_measured)(struct gateway *g);
    struct list changes; /* of the settings, under way in the store */
    struct store_op *loading;
    void (*on_loaded)(struct gateway *g);
};

/* ---- gateway_memory.c ---- */
void memory_init(struct gateway *g);
void memory_release(struct gateway *g);
/* ERR_OK: it runs, or it is wanted from now on and will be started when there is room. ERR_FAILED: it never fits. */
MUST_CHECK enum err memory_want(struct server *s, enum memory_wish wish, struct err_text *why);
void memory_unwant(struct server *s);
/* Somebody wants it, and it waits for room. */
bool memory_is_waiting(const struct server *s);
/* It is ready and takes no new requests: another one's turn has come. */
bool memory_yields(const struct server *s);
/* Its engine changed; `had` a process before. */
void memory_on_change(struct server *s, bool had_process);
void memory_on_measured(struct server *s);
/* It is not there any more. */
void memory_forget(struct server *s);
/* Decides anew. */
void memory_look(struct gateway *g);
/* Fills in a table of all servers; out_servers has room for FIT_MAX_SERVERS. */
void memory_table(const struct gateway *g, struct fit_server *out_servers, struct fit_table *out_table);
/* It has crashed and shall run again, when there is room. */
void memory_recover(struct server *s);

/* ---- gateway_gpu.c ---- */
void memory_gpu_init(struct gateway *g);
/* What all engines may have on GPUs together now. */
int64_t memory_gpu_limit(const struct gateway *g);
/* An engine's process has ended. */
void memory_gpu_left(struct gateway *g);
/* What is known of the GPUs is new enough for its load, and what it needs of them is not on its way back still. */
bool memory_gpu_may_start(const struct server *s);
/* An engine has ended, and what it had on the GPUs, where this one may want to be, is not back. */
bool memory_gpu_is_late(const struct server *s);
/* Somebody waits for memory: keeps what is known of the GPUs new. */
void memory_gpu_wait(struct gateway *g);
/* It is ready, and the GPUs were read after that, or tell nothing. */
bool memory_gpu_is_measured(const struct server *s);
/* Runs fn once when the GPUs have been read, or failed to be; at once if there are none. */
void memory_when_measured(struct gateway *g, void (*fn)(struct gateway *g));

/* ---- gateway_footprint.c ---- */
enum footprint_source { FOOTPRINT_UNKNOWN, FOOTPRINT_ESTIMATED, FOOTPRINT_MEASURED };
enum footprint_source footprint_needs(const struct server *s, struct fit_amount *out_needs,
                                      struct fit_amount *out_least);
/* False: it was seen not to, or is told not to. */
bool footprint_may_use_gpu(const struct server *s);
/* What its process counts for: what it has, and while it loads what it will have. */
struct fit_amount footprint_holds(const struct server *s);
/* Takes what its engine has measured. */
void footprint_measure(struct server *s);
/* s gets the configuration `to`: what was measured stays if it runs the same. */
void footprint_hand_on(struct server *s, struct server_row *to);
/* "12.3 GB" */
void footprint_add_bytes(struct buf *out, int64_t bytes);

/* ---- gateway_memory_settings.c ---- */
/* on_loaded runs once, in a later turn. */
void memory_settings_load(struct gateway *g, void (*on_loaded)(struct gateway *g));
void memory_settings_release(struct memory_settings *s);
/* The kind of the server's group; *out_number tells groups apart. */
enum fit_group memory_group_of(const struct gateway *g, const struct server *s, int *out_number);
void memory_cancel_changes(struct gateway *g);
/* The field "memory" of a server. */
void memory_write_server(const struct server *s, struct json_writer *w);

#endif
