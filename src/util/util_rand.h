/* Random numbers from the kernel (getrandom), good for secrets. */
#ifndef HOB_UTIL_RAND_H
#define HOB_UTIL_RAND_H

#include <stddef.h>
#include <stdint.h>

#define UUID_LEN 36

void rand_bytes(void *p, size_t n);
uint64_t rand_u64(void);
/* A random UUID (RFC 9562 version 4), lower case, NUL-terminated. */
void rand_uuid(char out_uuid[UUID_LEN + 1]);

#endif
