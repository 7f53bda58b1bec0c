/*
 * web: the page, embedded into the program at build time. Serves files with ETags and what `npm run build`
 * precompressed (brotli, gzip; who takes neither is rare, and has it inflated), any other path with index.html (the
 * page routes by itself), and the page's Content-Security-Policy as a response header.
 */
#ifndef HOB_WEB_H
#define HOB_WEB_H

#include "http/http.h"

struct web_asset {
    const char *path; /* "/favicon.svg" */
    const char *type; /* Content-Type */
    const char *etag; /* quoted; differs by content */
    struct span identity, brotli,
        gzip; /* len 0: no such form; identity without p: it is made of gzip when asked for */
};

/* Sorted by path; generated (web_embed.c). */
extern const struct web_asset web_assets[];
extern const size_t web_assets_n;
/* The value of Content-Security-Policy. */
extern const char web_csp[];

/* NULL when there is no such file. */
const struct web_asset *web_find(struct span path);
/* Answers and ends x: GET and HEAD only (405 otherwise), 304 on If-None-Match, 404 for an unknown file. */
void web_serve(struct http_exchange *x);
/* Whether Accept-Encoding names coding with a weight above 0 (RFC 9110 12.5.3; "*" is not taken). */
bool web_accepts(struct span accept_encoding, const char *coding);

#endif
