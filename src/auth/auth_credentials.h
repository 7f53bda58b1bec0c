/* Finds the credentials in a request's header, and refuses what is not exactly one of a kind (pure). */
#ifndef HOB_AUTH_CREDENTIALS_H
#define HOB_AUTH_CREDENTIALS_H

#include "http/http.h"
#include "util/util.h"

#define COOKIE_NAME        "hob_session"
#define COOKIE_NAME_SECURE "__Host-hob_session" /* goes before the other: only TLS can set it */

struct credentials {
    struct span session; /* well-formed secret; p NULL: none */
    bool has_key;
    struct span key; /* as it was sent: of any form */
};

/* The spans point into fields. ERR_UNAUTHENTICATED: a malformed session, no Bearer, twice, or two keys that differ. */
MUST_CHECK enum err credentials_read(const struct http_fields *fields, struct credentials *out,
                                     struct err_text *why);

#endif
