/*
 * auth: who is asking, and the accounts, sessions and keys behind that. All of it lives in memory (read at start) and
 * is written through to the store, so that identifying a request is synchronous. Passwords are hashed on threads.
 *
 * Calls that end in `done` answer on the loop, exactly once, never before they return; the change is on disk then.
 * They return a handle for auth_cancel(). Strings are copied; passwords are wiped after use.
 */
#ifndef HOB_AUTH_H
#define HOB_AUTH_H

#include "http/http.h"
#include "loop/loop.h"
#include "store/store.h"
#include "util/util.h"

/* ---- limits (security.md 4 and 6) ---- */
#define AUTH_MAX_NAME_BYTES        64 /* printable UTF-8, no blank at either end; unique, letter case ignored */
#define AUTH_MIN_PASSWORD_BYTES    8
#define AUTH_MAX_PASSWORD_BYTES    1024
#define AUTH_MAX_KEY_NAME_BYTES    64
#define AUTH_MAX_KEYS_PER_USER     100
#define AUTH_MAX_KEY_MODELS        64 /* names and patterns of one key */
#define AUTH_MAX_KEY_MODEL_BYTES   200
#define AUTH_MAX_RATE              1000000000 /* of a limit on requests and tokens in a minute */
#define AUTH_MAX_PARALLEL          100000     /* of a limit on requests at once */
#define AUTH_MAX_SESSIONS_PER_USER 200        /* one more ends the oldest */
#define AUTH_MAX_PENDING_USERS     100        /* who asked and were not approved yet */
#define AUTH_SESSION_LIFE_MS       ((int64_t)30 * 24 * 3600 * 1000) /* since the last use */

enum principal_kind {
    PRINCIPAL_NOBODY,  /* no credential, or a session that has ended */
    PRINCIPAL_SESSION, /* a browser's cookie */
    PRINCIPAL_KEY,     /* an API key */
    PRINCIPAL_LOCAL,   /* the control socket: admin rights; acts for the oldest active admin */
};

/* Plain memory that auth_identify fills in, to be copied and kept (for a stream, then ask auth_is_valid). */
struct principal {
    enum principal_kind kind;
    bool is_admin;
    char user_id[UUID_LEN + 1]; /* "": nobody, or local before the set-up */
    char name[AUTH_MAX_NAME_BYTES + 1];
    char credential_id[65]; /* session: hex SHA-256; key: its id; else "" */
    /* auth's own: where it has the account and the key, so as not to look them up by their ids */
    size_t user_at, key_at;
    uint64_t key_serial;
};

struct auth_user {
    const char *id, *name, *role /* admin|user */, *status /* active|pending|disabled */;
    int64_t created_at;
    struct rate_limits limits;
};
struct auth_key {
    const char *id, *user_id, *name, *prefix;
    const char *routes_json, *models_json; /* arrays; NULL: all */
    int64_t created_at, last_used_at /* 0: never */, expires_at /* 0: never */;
    struct rate_limits limits;
};

/* All that is in it is valid during the call only. */
struct auth_result {
    enum err err;
    struct err_text why; /* names the faulty field first, in double quotes, for ERR_INVALID */
    const char *code;    /* machine-readable: bad_setup_token|already_set_up|bad_credentials|account_pending|
                               account_disabled|name_taken; or NULL */
    int retry_after_s;   /* with ERR_LIMITED */
    struct auth_user user; /* id NULL: none */
    struct auth_key key;   /* id NULL: none */
    const char *secret;    /* the session's cookie value or the key; nobody sees it again. Or NULL */
};
typedef void (*auth_fn)(void *arg, const struct auth_result *r);

struct auth;
struct auth_call; /* a call under way */

/* e other than ERR_OK: the store could not be read, and nobody can sign in. */
typedef void (*auth_ready_fn)(void *arg, enum err e, const struct err_text *why);
/* Reads users, sessions and keys; on_ready runs on the loop. Before it: every request is nobody, every call fails with
 * ERR_BUSY. */
struct auth *auth_new(struct loop *l, struct store *s, auth_ready_fn on_ready, void *arg);
/* No callback of ours comes after it. Frees itself when the hash workers have ended: run the loop on. NULL is fine. */
void auth_close(struct auth *a);
/* done will not run; the work itself may still happen. NULL is fine. Not after done ran. */
void auth_cancel(struct auth_call *c);

/* ---- who is asking ---- */
/*
 * Cookie `__Host-hob_session` or `hob_session`, `Authorization: Bearer hob_...`, `x-api-key: hob_...`; a key goes before a
 * cookie. is_control: the request came over the control socket, and is PRINCIPAL_LOCAL unless it shows a credential.
 * A session that is over or unknown is ERR_OK and nobody (a browser cannot help sending its old cookie, and must be
 * able to sign in again). ERR_UNAUTHENTICATED: a credential that is malformed, sent twice, contradicts another one, or is
 * a key that is not valid; *out is nobody then.
 */
MUST_CHECK enum err auth_identify(struct auth *a, const struct http_fields *fields, bool is_control,
                                  struct principal *out, struct err_text *why);
/* Does what auth_identify said still hold? False after log-out, removal of the key, the account's end. */
bool auth_is_valid(const struct auth *a, const struct principal *p);
/* fn runs after somebody lost a right: ask auth_is_valid for each open stream of that user. Subscriptions last until
 * auth_close. */
typedef void (*auth_revoked_fn)(void *arg, const char *user_id);
void auth_on_revoked(struct auth *a, auth_revoked_fn fn, void *arg);

/* Value of a Set-Cookie header, appended. secure: the request came over TLS (name and Secure flag). */
void auth_cookie_set(struct buf *out, const char *secret, bool secure);
void auth_cookie_clear(struct buf *out, bool secure);

/* ---- what a key may be used for ---- */
enum auth_route {
    AUTH_ROUTE_CHAT,
    AUTH_ROUTE_COMPLETIONS,
    AUTH_ROUTE_RESPONSES,
    AUTH_ROUTE_MESSAGES,
    AUTH_ROUTE_EMBEDDINGS,
    AUTH_ROUTE_RERANK,
    AUTH_ROUTE_AUDIO,
    AUTH_ROUTE_IMAGES,
    AUTH_ROUTE_UPSTREAM, /* an engine's own addresses */
    AUTH_ROUTE_API,      /* hob's own interface, as the key's user */
    AUTH_N_ROUTES        /* as an argument: a route that only a key for all may use */
};
/* "chat", "completions" ... */
const char *auth_route_name(enum auth_route route);
/* True for everybody but a key that has other routes only. A key for some models may not use AUTH_ROUTE_API: there it could name
 * any server. */
bool auth_may_use_route(const struct auth *a, const struct principal *p, enum auth_route route);
/* True for everybody but a key that has models, when none of these names fits one of them. */
bool auth_may_use_model(const struct auth *a, const struct principal *p, const char *const *names, size_t n);

/* ---- how much of it: in a minute, and at once; a key's limits and its user's hold both ---- */
enum auth_limit { AUTH_LIMIT_REQUESTS, AUTH_LIMIT_TOKENS, AUTH_LIMIT_PARALLEL };
struct auth_limit_hit {
    enum auth_limit what;
    bool is_users; /* the account's limit, not the key's */
    int64_t limit;
    int64_t wait_ms; /* until the next may come; 0: when one that is under way ends */
};
/*
 * A request of p begins: counts it, and returns true. False: a limit is hit, nothing is counted. After true
 * auth_limit_end(a, p) is due exactly once. n_of_user, n_of_key: requests under way that are counted by somebody else.
 * Nobody and the control socket have no limits.
 */
MUST_CHECK bool auth_limit_begin(struct auth *a, const struct principal *p, size_t n_of_user, size_t n_of_key,
                                 struct auth_limit_hit *out_hit);
void auth_limit_end(struct auth *a, const struct principal *p);
/* A request has used so many tokens. key_id: or "". Ids that are not there (any more) are fine. */
void auth_note_tokens(struct auth *a, const char *user_id, const char *key_id, int64_t n_tokens);
/* What is left of the limits, the tighter one of key and user; .limit 0: there is none. */
struct auth_limit_left {
    int64_t limit, remaining;
    int64_t reset_ms; /* until all of it is there again */
};
void auth_limits_left(struct auth *a, const struct principal *p, struct auth_limit_left *out_requests,
                      struct auth_limit_left *out_tokens);

/* ---- set-up ---- */
/* No admin exists. */
bool auth_setup_needed(const struct auth *a);
/* The one-time token to print on the console; NULL when no set-up is needed. */
const char *auth_setup_token(const struct auth *a);
/* Makes the first admin and signs in: user, secret. ERR_DENIED bad_setup_token; ERR_EXISTS already_set_up (of any
 * number of parallel calls one succeeds); ERR_INVALID. */
struct auth_call *auth_setup(struct auth *a, const char *token, const char *name, const char *password,
                             auth_fn done, void *arg);

/* ---- signing in and out ---- */
/* user, secret. ERR_UNAUTHENTICATED bad_credentials; ERR_DENIED account_pending, account_disabled (only with the right
 * password); ERR_LIMITED with retry_after_s. peer: the client's address, for the throttle. */
struct auth_call *auth_login(struct auth *a, const char *name, const char *password, const char *peer,
                             auth_fn done, void *arg);
/* Ends that session; for any other kind of principal nothing happens (ERR_OK). */
struct auth_call *auth_logout(struct auth *a, const struct principal *p, auth_fn done, void *arg);
/* Asks for an account: user, pending. ERR_EXISTS name_taken; ERR_LIMITED; ERR_INVALID. */
struct auth_call *auth_signup(struct auth *a, const char *name, const char *password, const char *peer,
                              auth_fn done, void *arg);

/* ---- accounts (the caller checks who may) ---- */
/* In order of creation: size_t at = 0; while (auth_user_next(a, &at, &user)) ... */
bool auth_user_next(const struct auth *a, size_t *at, struct auth_user *out_user);
bool auth_user_get(const struct auth *a, const char *id, struct auth_user *out_user);
/* Sets limits (-1: stays): user. ERR_NOT_FOUND. */
struct auth_call *auth_user_limit(struct auth *a, const char *id, const struct rate_limits *limits,
                                  auth_fn done, void *arg);
/* From the field "limits" of body; -1 for what is not in it, 0 for null. ERR_INVALID. */
MUST_CHECK enum err auth_limits_parse(yyjson_val *body, struct rate_limits *out_limits, struct err_text *why);
/* Makes a pending or disabled account active: user. ERR_NOT_FOUND. */
struct auth_call *auth_user_approve(struct auth *a, const char *id, auth_fn done, void *arg);
/* Ends the account, its sessions, keys and streams at once: user. ERR_EXISTS: the last active admin. ERR_NOT_FOUND. */
struct auth_call *auth_user_disable(struct auth *a, const char *id, auth_fn done, void *arg);
/* Ends all sessions of the account. With old_password (the owner's change; ERR_UNAUTHENTICATED bad_credentials, throttled by
 * peer) a new session is made: secret. NULL: an admin's reset, without one. */
struct auth_call *auth_set_password(struct auth *a, const char *id, const char *old_password,
                                    const char *new_password, const char *peer, auth_fn done, void *arg);

/* ---- API keys ---- */
/* user_id NULL: everybody's. In order of creation. */
bool auth_key_next(const struct auth *a, const char *user_id, size_t *at, struct auth_key *out_key);
/* What an account and a key of it are called now; NULL: there is none (any more). The ids may be "". */
void auth_names(const struct auth *a, const char *user_id, const char *key_id, const char **out_user,
                const char **out_key);
/* What a POST or PATCH sets; what is not set stays (or has its default). */
struct auth_key_patch {
    char *name, *routes_json, *models_json; /* NULL: stays; the arrays "": all. Owned */
    int64_t expires_at;                     /* -1: stays; 0: never */
    struct rate_limits limits;              /* -1: stays; 0: none */
};
/* From a body. ERR_INVALID: why starts with the field's name. Release it also then. */
MUST_CHECK enum err auth_key_patch_parse(struct auth_key_patch *p, yyjson_val *body, struct err_text *why);
void auth_key_patch_release(struct auth_key_patch *p);
/* key, and secret: "hob_" + 43 base62 characters + 6 of a CRC-32. ERR_NOT_FOUND (no active user of that id), ERR_INVALID,
 * ERR_TOO_BIG (AUTH_MAX_KEYS_PER_USER). p is copied. */
struct auth_call *auth_key_add(struct auth *a, const char *user_id, const struct auth_key_patch *p,
                               auth_fn done, void *arg);
/* key. user_id NULL: whoever owns it. ERR_NOT_FOUND, ERR_INVALID. Holds for requests that begin after it. */
struct auth_call *auth_key_change(struct auth *a, const char *user_id, const char *key_id,
                                  const struct auth_key_patch *p, auth_fn done, void *arg);
/* user_id NULL: whoever owns it. ERR_NOT_FOUND. */
struct auth_call *auth_key_remove(struct auth *a, const char *user_id, const char *key_id, auth_fn done,
                                  void *arg);

#endif
