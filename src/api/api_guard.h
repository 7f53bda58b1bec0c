/* Pure checks of a request's Host and Origin against DNS rebinding and cross-site requests. */
#ifndef HOB_API_GUARD_H
#define HOB_API_GUARD_H

#include "util/util.h"

/* host: the Host header. Loopback names with any port, listen_address, and allowed names pass. */
bool api_host_is_allowed(struct span host, const char *listen_address, const struct strv *allowed);
/*
 * For methods that change something: Sec-Fetch-Site, where the browser sends it, must be same-origin or none; else
 * Origin, where sent, must name the same host as Host. Empty spans: not sent.
 */
bool api_origin_is_allowed(struct span sec_fetch_site, struct span origin, struct span host);

#endif
