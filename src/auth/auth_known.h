/*
 * Keys that were recognised before: who shows one of them again is found without a SHA-256, by a tag of it. A tag is as
 * telling as the hash, and no key can be made of it (docs/decisions/0020-known-keys.md). It says whose key it is, never whether
 * that key may still be used.
 */
#ifndef HOB_AUTH_KNOWN_H
#define HOB_AUTH_KNOWN_H

#include "util/util.h"

#define KNOWN_TAG_BYTES 16   /* SipHash-2-4-128 */
#define KNOWN_N_SLOTS   1024 /* a power of two; keys that share one take turns in being hashed */

struct key;

struct known_keys {
    unsigned char secret[16]; /* of this process */
    struct known_key {
        unsigned char tag[KNOWN_TAG_BYTES];
        struct key *key; /* NULL: free */
    } slots[KNOWN_N_SLOTS];
};

void known_init(struct known_keys *k);
/* Whose key these bytes are; NULL: not remembered. */
struct key *known_find(const struct known_keys *k, struct span token);
/* token was hashed, and is key's. */
void known_add(struct known_keys *k, struct span token, struct key *key);
/* Before key is freed. */
void known_forget(struct known_keys *k, const struct key *key);

#endif
