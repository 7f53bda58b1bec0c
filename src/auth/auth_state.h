/*
 * What auth keeps in memory, and the calls under way. Users are never removed, so pointers to them stay good; sessions
 * and keys go at once when their right ends, then from the disk.
 */
#ifndef HOB_AUTH_STATE_H
#define HOB_AUTH_STATE_H

#include "auth/auth.h"
#include "auth/auth_hash.h"
#include "auth/auth_known.h"
#include "auth/auth_limiter.h"
#include "auth/auth_secret.h"
#include "auth/auth_throttle.h"

struct user {
    size_t at; /* in auth->users */
    char *id, *name, *folded_name, *password_hash;
    bool is_admin;
    const char *status; /* a literal: active, pending, disabled */
    int64_t created_at;
    struct list sessions; /* oldest first */
    size_t n_sessions, n_keys;
    uint64_t epoch; /* counts the times when all of the user's rights ended */
    struct limiter limiter;
};

struct session {
    struct list of_user;
    struct user *user;
    char id_hash[HASH_HEX_LEN + 1];
    int64_t created_at, expires_at;
};

struct key {
    struct list of_all;
    size_t at;       /* in auth->keys_at */
    uint64_t serial; /* no other key has had it: what comes to the same place later is told from it */
    struct user *user;
    char *id, *name, *prefix;
    char hash[HASH_HEX_LEN + 1];
    int64_t created_at, last_used_at;
    /* what it may be used for */
    char *routes_json, *models_json; /* as stored; NULL: all */
    uint32_t routes;                 /* bits by enum auth_route; 0: all */
    struct strv models;              /* empty: all */
    int64_t expires_at;              /* 0: never */
    bool is_end_told;                /* that it has expired */
    struct limiter limiter;
};

struct subscriber {
    auth_revoked_fn fn;
    void *arg;
};

struct auth {
    struct loop *loop;
    struct store *store;
    bool is_ready;
    /* loading */
    auth_ready_fn on_ready;
    void *ready_arg;
    struct store_op *loading;
    /* accounts */
    struct user **users; /* in order of creation */
    size_t n_users, users_cap;
    struct map *users_by_id, *users_by_name; /* by folded name */
    struct map *taken_names;                 /* folded names of accounts that are being made */
    struct map *sessions;                    /* by hash */
    struct map *keys_by_hash, *keys_by_id;
    struct known_keys known; /* of keys_by_hash, those that were used */
    struct list keys;        /* in order of creation */
    struct key **keys_at;    /* in no order; NULL: free */
    size_t n_keys_at;
    uint64_t last_serial;
    /* set-up */
    char setup_token[SECRET_LEN + 1]; /* "": not needed */
    bool is_setting_up;
    /* guesses */
    struct throttle *throttle;
    struct hasher *hasher;
    /* news */
    struct subscriber *subscribers;
    size_t n_subscribers;
    struct strv revoked; /* user ids, to be told */
    struct loop_timer tell;
    struct loop_timer expire; /* tells when the next key expires */
    struct list calls;
};

/* One call. Steps run one after the other; each waits for a hash or for the store. */
struct auth_call {
    struct list node;  /* in auth->calls */
    struct auth *auth; /* NULL: auth was closed while the answer was on its way */
    auth_fn done;
    void *arg;
    struct store_op *op;   /* what it waits for */
    struct hash_job *hash; /* or this */
    bool is_over;          /* the answer is on its way */
    struct user *user;
    uint64_t epoch; /* of the user, when its right to this was checked */
    char *name, *password, *peer, *taken_name, *throttle_key;
    char *password_hash; /* the one that was verified, or the new one */
    char user_id[UUID_LEN + 1];
    char secret[KEY_LEN + 1];
    struct session session;
    struct key key;              /* of a new one; its limiter stays empty */
    struct auth_key_patch patch; /* of a key */
    struct rate_limits limits;   /* of an account */
    struct auth_result result;
};

/* ---- calls (auth.c) ---- */
struct auth_call *call_new(struct auth *a, auth_fn done, void *arg);
/* Answers after the current turn: for what is known before the call has returned. Returns the call. */
struct auth_call *call_end_later(struct auth_call *c, enum err e, const char *code, const char *text);
/* Answers now, and frees the call. From callbacks only. */
void call_end(struct auth_call *c, enum err e, const char *code, const char *text);
/* The store's failure, as it said it. */
void call_end_store(struct auth_call *c, const struct store_result *r);
/* Answers with the user's public side. */
void call_end_user(struct auth_call *c, const struct user *u);
/* Whether a call may go on: false if auth is not ready or e is a failure; then it was ended. */
bool call_may_go_on(struct auth_call *c, enum err e, const struct err_text *why);

/* ---- memory (auth.c) ---- */
struct user *user_add(struct auth *a, const struct user_row *row);
struct auth_user user_public(const struct user *u);
bool user_is_active(const struct user *u);
/* What change sets (not -1) is so in limits. */
void limits_merge(struct rate_limits *limits, const struct rate_limits *change);
struct session *session_insert(struct auth *a, const struct session *s);
/* Takes the session out of memory. Tell whoever holds a stream by auth_revoke_tell. */
void session_drop(struct auth *a, struct session *s);
void sessions_drop_of(struct auth *a, struct user *u);
struct key *key_insert(struct auth *a, const struct key *k);
void key_drop(struct auth *a, struct key *k);
/* p's; NULL: it has none, or it was removed. */
struct key *key_of(const struct auth *a, const struct principal *p);
struct auth_key key_public(const struct key *k);
/* What p sets is so from now on. */
void key_change(struct auth *a, struct key *k, const struct auth_key_patch *p);
bool key_is_expired(const struct key *k, int64_t now_wall_ms);
/* Subscribers hear of it after the current turn. */
void auth_tell_revoked(struct auth *a, const struct user *u);

/* ---- passwords and sessions (auth_login.c) ---- */
/* Makes a session for c->user, whose right was checked at c->epoch, and ends the call with it. */
void call_sign_in(struct auth_call *c);
/* Wants a hash of c->password; false: the queue is full, and the call was ended (later). */
bool call_hash(struct auth_call *c, const char *password, const char *stored, hash_fn fn);

#endif
