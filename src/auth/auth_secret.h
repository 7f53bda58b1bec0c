/* Secrets that are shown once and kept as SHA-256: session cookies, API keys, the set-up token (pure, but for randomness). */
#ifndef HOB_AUTH_SECRET_H
#define HOB_AUTH_SECRET_H

#include "util/util.h"

#define SECRET_LEN     43 /* base62 characters: 256 bits */
#define SECRET_CRC_LEN 6
#define KEY_MARK       "hob_"
#define KEY_LEN        (sizeof(KEY_MARK) - 1 + SECRET_LEN + SECRET_CRC_LEN)
#define KEY_PREFIX_LEN 8 /* of a key, for people to tell them apart: "hob_" and 4 more */
#define HASH_HEX_LEN   64

void secret_make(char out_secret[SECRET_LEN + 1]);
/* "hob_", a secret, and a checksum that tells a typing error, or a scanner, from a guess. */
void secret_make_key(char out_key[KEY_LEN + 1]);
bool secret_is_wellformed(struct span s);
bool secret_is_wellformed_key(struct span s);
/* Lower-case hex SHA-256. */
void secret_hash(struct span s, char out_hex[HASH_HEX_LEN + 1]);
/* Takes as long for a wrong guess as for the right one. */
bool secret_is_equal(struct span a, struct span b);

#endif
