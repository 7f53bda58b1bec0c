/*
 * Passwords as argon2id (libsodium, t = 2, m = 19 MiB), on threads of the loop's pool: two at once, a bounded queue behind
 * them, and no more than half of it for one address.
 */
#ifndef HOB_AUTH_HASH_H
#define HOB_AUTH_HASH_H

#include "loop/loop.h"
#include "util/util.h"

#define HASH_WORKERS       2
#define HASH_MAX_QUEUED    32
#define HASH_MAX_OF_PEER   16
#define HASH_RETRY_AFTER_S 2

struct hasher;
struct hash_job;

/* For HASH_MAKE: hash is the new hash, NULL if it could not be made. For HASH_VERIFY: is_right. */
typedef void (*hash_fn)(void *arg, bool is_right, const char *hash);

struct hasher *hasher_new(struct loop *l);
/* No callback comes after it; the memory goes when the workers have ended. */
void hasher_close(struct hasher *h);
/* Whether a job of that address would be taken now. */
bool hasher_has_room(const struct hasher *h, const char *peer);
/* Runs fn on the loop, once, not before it returns. stored NULL: makes a hash; else verifies against it. NULL: the queue
 * is full. The password is copied, and wiped after use. */
struct hash_job *hasher_submit(struct hasher *h, const char *password, const char *stored, const char *peer,
                               hash_fn fn, void *arg);
/* fn will not run. */
void hasher_cancel(struct hash_job *job);
/* A hash of no password, to be verified against when there is no such user. */
extern const char hasher_dummy[];

#endif
