/* Host and Origin checks. */
#include "api/api_guard.h"

/* "example.org:80" -> "example.org", "[::1]:80" -> "::1". */
static struct span without_port(struct span host)
{
    struct span rest;
    if (host.len && host.p[0] == '[')
        return span_cut(span_of(host.p + 1, host.len - 1), ']', &rest);
    return span_cut(host, ':', &rest);
}

bool api_host_is_allowed(struct span host, const char *listen_address, const struct strv *allowed)
{
    struct span name = without_port(host);
    if (name.len == 0)
        return false;
    if (span_is_ci(name, "localhost") || span_is(name, "127.0.0.1") || span_is(name, "::1") ||
        (listen_address && span_is_ci(name, listen_address)))
        return true;
    if (name.len > 10 && span_is_ci(span_of(name.p + name.len - 10, 10), ".localhost"))
        return true;
    for (size_t i = 0; i < allowed->n; i++) {
        if (span_is_ci(name, allowed->v[i]))
            return true;
    }
    return false;
}

bool api_origin_is_allowed(struct span sec_fetch_site, struct span origin, struct span host)
{
    if (sec_fetch_site.len)
        return span_is(sec_fetch_site, "same-origin") || span_is(sec_fetch_site, "none");
    if (origin.len == 0)
        return true;
    ptrdiff_t at = span_find(origin, SPAN_LIT("://"));
    return at >= 0 && span_eq(span_of(origin.p + at + 3, origin.len - (size_t)at - 3), host);
}
