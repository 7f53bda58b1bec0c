/* A table of tags, each in the slot that its first bytes name. */
#include <sodium.h>

#include "auth/auth_known.h"

static_assert(KNOWN_TAG_BYTES == crypto_shorthash_siphashx24_BYTES, "a tag is all of the hash");

void known_init(struct known_keys *k)
{
    static_assert(sizeof(k->secret) == crypto_shorthash_siphashx24_KEYBYTES, "SipHash has a key of 128 bits");
    *k = (struct known_keys){0};
    rand_bytes(k->secret, sizeof(k->secret));
}

/* Returns the tag's slot. */
static size_t make_tag(const struct known_keys *k, struct span token, unsigned char out_tag[KNOWN_TAG_BYTES])
{
    uint16_t first;
    crypto_shorthash_siphashx24(out_tag, (const unsigned char *)(token.len ? token.p : ""), token.len,
                                k->secret);
    memcpy(&first, out_tag, sizeof(first));
    return first % KNOWN_N_SLOTS;
}

struct key *known_find(const struct known_keys *k, struct span token)
{
    unsigned char tag[KNOWN_TAG_BYTES];
    const struct known_key *slot = &k->slots[make_tag(k, token, tag)];
    return slot->key && sodium_memcmp(slot->tag, tag, sizeof(tag)) == 0 ? slot->key : NULL;
}

void known_add(struct known_keys *k, struct span token, struct key *key)
{
    struct known_key new = {.key = key};
    size_t at = make_tag(k, token, new.tag);
    k->slots[at] = new;
}

void known_forget(struct known_keys *k, const struct key *key)
{
    for (size_t i = 0; i < KNOWN_N_SLOTS; i++) {
        if (k->slots[i].key == key)
            k->slots[i] = (struct known_key){0};
    }
}
