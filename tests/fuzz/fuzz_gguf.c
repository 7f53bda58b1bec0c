/* A model file's header. */
#include <stdlib.h>

#include "catalog/catalog_gguf.h"
#include "catalog/catalog_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_span(void *arg, uint64_t offset, void *into, size_t n)
{
    const struct span *bytes = arg;
    /* asked for more than a window, or for what is not there: the reader's mistake */
    if (n > GGUF_WINDOW_BYTES || offset > bytes->len || n > bytes->len - offset)
        abort();
    memcpy(into, bytes->p + offset, n);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of((const char *)data, size);
    struct gguf_info info;
    struct err_text why = {""};
    if (gguf_read(read_span, &bytes, size, &info, &why) == ERR_OK) {
        bool is_clean = utf8_is_valid(span_str(info.architecture)) && utf8_is_valid(span_str(info.title)) &&
                        utf8_is_valid(span_str(info.type));
        if (!is_clean || info.context_length < 0 || info.parameter_count < 0)
            abort();
        (void)gguf_file_type_name(info.file_type);
    } else if (!why.text[0]) {
        abort();
    }
    struct catalog_part part;
    if (catalog_name_parse(bytes, &part) && (part.part < 1 || part.part > part.n_parts))
        abort();
    return 0;
}
