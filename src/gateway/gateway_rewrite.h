/*
 * A server's rewriting of bodies: what of the client's body goes to the engine, and what in its stead. Works on the places that
 * gateway_scan found; all that is not named by the rule stays as it is, byte for byte. Pure.
 */
#ifndef HOB_GATEWAY_REWRITE_H
#define HOB_GATEWAY_REWRITE_H

#include "gateway/gateway_scan.h"
#include "http/http.h"

struct gateway_rewrite {
    struct buf parts; /* struct http_body_part, in order */
    struct buf text;  /* what they hold of ours */
};

/*
 * rule: server_settings.rewrite_json. "strip" takes fields away, "set" gives them a value in any case, "defaults" if they are
 * not there (any more), "model" is the name that is sent upstream. A form knows "model" only. False: nothing changes, and out
 * holds nothing.
 */
bool gateway_rewrite_plan(const char *rule, const struct gateway_scan *scan, uint64_t size,
                          struct gateway_rewrite *out);
void gateway_rewrite_release(struct gateway_rewrite *r);
size_t gateway_rewrite_n_parts(const struct gateway_rewrite *r);
const struct http_body_part *gateway_rewrite_parts(const struct gateway_rewrite *r);
/* The result in one piece, of a body that is in memory. */
void gateway_rewrite_apply(const struct gateway_rewrite *r, struct span body, struct buf *out);

#endif
