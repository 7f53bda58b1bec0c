/* Event streams: however the bytes are cut, the same events come, and none is over the limit. */
#include "relay/relay.h"

#define MAX_BYTES 256

static uint64_t mix(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return (h ^ s.len) * 1099511628211u;
}

static void on_event(void *arg, const struct sse_event *ev)
{
    uint64_t *h = arg;
    assert(ev->data.len <= MAX_BYTES);
    assert(!ev->id.len || !memchr(ev->id.p, '\0', ev->id.len));
    *h = mix(mix(mix(*h, ev->data), ev->event), ev->id);
}

static void on_comment(void *arg, struct span text)
{
    uint64_t *h = arg;
    *h = mix(*h + 1, text);
}

static uint64_t parse(const char *p, size_t n, size_t piece)
{
    uint64_t h = 1469598103934665603u;
    struct sse_parser parser;
    sse_parser_init(&parser, MAX_BYTES, on_event, on_comment, &h);
    enum err e = ERR_OK;
    for (size_t at = 0; !e && at < n; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        AUTO(mem) char *copy = xmemdup(p + at, len);
        e = sse_parser_feed(&parser, span_of(copy, len));
    }
    sse_parser_release(&parser);
    return e ? h + 1 : h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *p = (const char *)data;
    uint64_t whole = parse(p, size, size);
    assert(parse(p, size, 1) == whole);
    assert(parse(p, size, 1 + data[0] % 7) == whole);
    return 0;
}
