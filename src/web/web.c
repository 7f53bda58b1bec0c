/* Serves the embedded page. */
#include "web/web.h"

#include <stdio.h>
#include <zlib.h>

const struct web_asset *web_find(struct span path)
{
    size_t low = 0, high = web_assets_n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct span have = span_str(web_assets[mid].path);
        size_t n = have.len < path.len ? have.len : path.len;
        int order = n ? memcmp(have.p, path.p, n) : 0;
        if (order == 0 && have.len == path.len)
            return &web_assets[mid];
        if (order < 0 || (order == 0 && have.len < path.len))
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

bool web_accepts(struct span accept_encoding, const char *coding)
{
    while (accept_encoding.len) {
        struct span weight, one = span_cut(accept_encoding, ',', &accept_encoding);
        if (!span_is_ci(span_trim(span_cut(one, ';', &weight)), coding))
            continue;
        weight = span_trim(weight);
        for (size_t i = 0; i < weight.len; i++) {
            if (weight.p[i] >= '1' && weight.p[i] <= '9')
                return true;
        }
        return weight.len == 0; /* "q=0" and "q=0.000" refuse it */
    }
    return false;
}

static bool is_page_route(struct span path)
{
    const char *slash = path.len ? memrchr(path.p, '/', path.len) : NULL;
    bool has_extension = slash && memchr(slash, '.', path.len - (size_t)(slash - path.p));
    return !has_extension && !span_starts(path, "/_app/");
}

static void reply_text(struct http_exchange *x, int status, const char *text)
{
    struct http_headers h = {0};
    http_headers_add(&h, "Content-Type", SPAN_LIT("text/plain; charset=utf-8"));
    if (status == 405)
        http_headers_add(&h, "Allow", SPAN_LIT("GET, HEAD"));
    http_exchange_reply(x, status, &h, span_str(text));
    http_headers_release(&h);
}

static void add_headers(struct http_headers *h, const struct web_asset *a)
{
    bool immutable = span_starts(span_str(a->path), "/_app/immutable/");
    bool is_page = str_eq(a->path, "/index.html");
    http_headers_add(h, "Content-Type", span_str(a->type));
    http_headers_add(h, "ETag", span_str(a->etag));
    http_headers_add(h, "Vary", SPAN_LIT("Accept-Encoding"));
    http_headers_add(h, "Cache-Control",
                     immutable ? SPAN_LIT("public, max-age=31536000, immutable") : SPAN_LIT("no-cache"));
    http_headers_add(h, "X-Content-Type-Options", SPAN_LIT("nosniff"));
    if (is_page) {
        http_headers_add(h, "Content-Security-Policy", span_str(web_csp));
        http_headers_add(h, "Referrer-Policy", SPAN_LIT("no-referrer"));
        http_headers_add(h, "Cross-Origin-Opener-Policy", SPAN_LIT("same-origin"));
        http_headers_add(h, "X-Frame-Options", SPAN_LIT("DENY"));
    }
}

/* For clients that take no compressed form. What is embedded is whole. */
static char *inflated(const struct web_asset *a)
{
    char *plain = xmalloc(a->identity.len);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)a->gzip.p,
                  .avail_in = (uInt)a->gzip.len,
                  .next_out = (Bytef *)plain,
                  .avail_out = (uInt)a->identity.len};
    int e = inflateInit2(&z, MAX_WBITS + 16); /* 16: a gzip header, RFC 1952 */
    assert(e == Z_OK);
    e = inflate(&z, Z_FINISH);
    assert(e == Z_STREAM_END && z.avail_out == 0);
    (void)e;
    (void)inflateEnd(&z);
    return plain;
}

static void reply_plain(struct http_exchange *x, const struct http_headers *h, const struct web_asset *a)
{
    AUTO(mem) char *plain = inflated(a);
    http_exchange_reply(x, 200, h, span_of(plain, a->identity.len));
}

void web_serve(struct http_exchange *x)
{
    enum http_method method = http_exchange_method(x);
    struct span path = http_exchange_path(x);
    if (method != HTTP_GET_ && method != HTTP_HEAD_) {
        reply_text(x, 405, "This address takes GET and HEAD only.\n");
        return;
    }
    const struct web_asset *a = web_find(path);
    if (!a && is_page_route(path))
        a = web_find(SPAN_LIT("/index.html"));
    if (!a) {
        reply_text(x, 404, "Not found.\n");
        return;
    }

    const struct http_fields *asked = http_exchange_fields(x);
    struct span accept = http_fields_get(asked, HTTP_FIELD_ACCEPT_ENCODING);
    struct http_headers h = {0};
    struct span body = a->identity;
    add_headers(&h, a);
    if (span_find(http_fields_get(asked, HTTP_FIELD_IF_NONE_MATCH), span_str(a->etag)) >= 0) {
        http_exchange_reply_static(x, 304, &h, span_of(NULL, 0));
        http_headers_release(&h);
        return;
    }
    if (a->brotli.len && web_accepts(accept, "br")) {
        body = a->brotli;
        http_headers_add(&h, "Content-Encoding", SPAN_LIT("br"));
    } else if (a->gzip.len && web_accepts(accept, "gzip")) {
        body = a->gzip;
        http_headers_add(&h, "Content-Encoding", SPAN_LIT("gzip"));
    }
    if (body.p)
        http_exchange_reply_static(x, 200, &h, body);
    else
        reply_plain(x, &h, a);
    http_headers_release(&h);
}
