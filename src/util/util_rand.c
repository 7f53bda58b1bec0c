/* Random numbers from the kernel. */
#include "util/util_rand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *p, size_t n)
{
    char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            perror("hob: getrandom");
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

uint64_t rand_u64(void)
{
    /* Every request has an id: one system call for many of them. Not for secrets, as what is kept here can be read. */
    static _Thread_local uint64_t kept[32];
    static _Thread_local size_t n_kept;
    if (n_kept == 0) {
        rand_bytes(kept, sizeof kept);
        n_kept = sizeof kept / sizeof kept[0];
    }
    return kept[--n_kept];
}

void rand_uuid(char out_uuid[UUID_LEN + 1])
{
    unsigned char b[16];
    rand_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out_uuid, UUID_LEN + 1,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                   b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
