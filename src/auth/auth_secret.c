/* Making, checking and hashing secrets. */
#include <sodium.h>

#include "auth/auth_secret.h"

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void secret_make(char out_secret[SECRET_LEN + 1])
{
    for (size_t n = 0; n < SECRET_LEN;) {
        unsigned char bytes[64];
        rand_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes) && n < SECRET_LEN; i++)
            if (bytes[i] < 4 * 62) /* the rest would favour some characters */
                out_secret[n++] = base62[bytes[i] % 62];
        sodium_memzero(bytes, sizeof(bytes));
    }
    out_secret[SECRET_LEN] = 0;
}

/* CRC-32 as in IEEE 802.3, four bits at a time: every request with a key comes by here. */
static uint32_t crc32_of(struct span s)
{
    static const uint32_t of_nibble[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.p[i];
        crc = crc >> 4 ^ of_nibble[crc & 15];
        crc = crc >> 4 ^ of_nibble[crc & 15];
    }
    return ~crc;
}

static void write_crc(struct span s, char out_text[SECRET_CRC_LEN])
{
    uint32_t crc = crc32_of(s);
    for (size_t i = SECRET_CRC_LEN; i-- > 0; crc /= 62)
        out_text[i] = base62[crc % 62];
}

void secret_make_key(char out_key[KEY_LEN + 1])
{
    size_t mark_len = sizeof(KEY_MARK) - 1;
    memcpy(out_key, KEY_MARK, mark_len);
    secret_make(out_key + mark_len);
    write_crc(span_of(out_key, mark_len + SECRET_LEN), out_key + mark_len + SECRET_LEN);
    out_key[KEY_LEN] = 0;
}

static bool is_base62(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

bool secret_is_wellformed(struct span s)
{
    return s.len == SECRET_LEN && is_base62(s);
}

bool secret_is_wellformed_key(struct span s)
{
    char crc[SECRET_CRC_LEN];
    size_t mark_len = sizeof(KEY_MARK) - 1;
    if (s.len != KEY_LEN || !span_starts(s, KEY_MARK) ||
        !is_base62(span_of(s.p + mark_len, s.len - mark_len)))
        return false;
    write_crc(span_of(s.p, mark_len + SECRET_LEN), crc);
    return memcmp(crc, s.p + mark_len + SECRET_LEN, SECRET_CRC_LEN) == 0;
}

void secret_hash(struct span s, char out_hex[HASH_HEX_LEN + 1])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)(s.len ? s.p : ""), s.len);
    sodium_bin2hex(out_hex, HASH_HEX_LEN + 1, digest, sizeof(digest));
}

bool secret_is_equal(struct span a, struct span b)
{
    char hash_a[HASH_HEX_LEN + 1], hash_b[HASH_HEX_LEN + 1];
    secret_hash(a, hash_a); /* of equal length, whatever a and b are */
    secret_hash(b, hash_b);
    return sodium_memcmp(hash_a, hash_b, HASH_HEX_LEN) == 0;
}
