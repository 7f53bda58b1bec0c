/* Forms with files: however they are cut the same is found. */
#include "gateway/gateway_form.h"

static enum err scan(const char *p, size_t n, size_t piece, struct gateway_scan *s)
{
    struct err_text why;
    struct gateway_form f;
    gateway_scan_init(s);
    enum err e = gateway_form_init(&f, SPAN_LIT("multipart/form-data; boundary=b"), s, &why);
    for (size_t at = 0; !e && at < n; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        AUTO(mem) char *copy = xmemdup(p + at, len);
        e = gateway_form_feed(&f, span_of(copy, len), &why);
    }
    if (!e)
        e = gateway_form_end(&f, &why);
    gateway_form_release(&f);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    struct gateway_scan whole, cut;
    if (size == 0)
        return 0;
    enum err e = scan(p, size, size, &whole);
    assert(scan(p, size, 1, &cut) == e);
    assert(whole.at == cut.at && whole.stream == cut.stream);
    assert(span_eq(buf_span(&whole.model), buf_span(&cut.model)));
    if (!e && whole.n_fields) {
        const struct gateway_field *f = whole.fields;
        assert(f->end <= size);
        assert(span_eq(span_of(p + f->value, (size_t)(f->end - f->value)), buf_span(&whole.model)));
    }
    gateway_scan_release(&whole);
    gateway_scan_release(&cut);
    return 0;
}
