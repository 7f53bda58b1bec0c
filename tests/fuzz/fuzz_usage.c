/* Figures in answers: however the bytes are cut, the same are found, and nothing grows over its limit. */
#include "relay/relay.h"

static void read_figures(const char *p, size_t n, size_t piece, struct relay_usage *out)
{
    relay_usage_init(out);
    for (size_t at = 0; at < n; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        AUTO(mem) char *copy = xmemdup(p + at, len);
        relay_usage_feed(out, span_of(copy, len));
        assert(out->object.len <= RELAY_MAX_USAGE_BYTES);
    }
    assert(out->tokens_in >= -1 && out->tokens_in <= (int64_t)3 * RELAY_MAX_TOKENS);
    assert(out->tokens_out >= -1 && out->tokens_out <= RELAY_MAX_TOKENS);
    relay_usage_release(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay_usage whole, cut;
    if (size == 0)
        return 0;
    const char *p = (const char *)data;
    read_figures(p, size, size, &whole);
    read_figures(p, size, 1 + data[0] % 7, &cut);
    assert(whole.tokens_in == cut.tokens_in && whole.tokens_out == cut.tokens_out &&
           whole.tokens_per_s == cut.tokens_per_s);
    return 0;
}
