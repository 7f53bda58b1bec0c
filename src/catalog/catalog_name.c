/* What a model file's name says. */
#include "catalog/catalog_name.h"

static bool ends_ci(struct span s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && span_is_ci(span_of(s.p + s.len - n, n), suffix);
}

static bool is_projector(struct span name)
{
    for (size_t i = 0; i + 6 <= name.len; i++) {
        if (span_is_ci(span_of(name.p + i, 6), "mmproj"))
            return true;
    }
    return false;
}

bool catalog_name_parse(struct span file_name, struct catalog_part *out_part)
{
    if (!ends_ci(file_name, ".gguf") || file_name.p[0] == '.' || is_projector(file_name))
        return false;
    struct span stem = span_of(file_name.p, file_name.len - 5);
    *out_part = (struct catalog_part){stem, 1, 1};
    /* "-00002-of-00005" */
    if (stem.len <= 15)
        return stem.len > 0;
    const char *tail = stem.p + stem.len - 15;
    uint64_t part, n_parts;
    if (tail[0] == '-' && memcmp(tail + 6, "-of-", 4) == 0 && span_to_u64(span_of(tail + 1, 5), &part) &&
        span_to_u64(span_of(tail + 10, 5), &n_parts) && part >= 1 && part <= n_parts &&
        n_parts <= CATALOG_MAX_PARTS)
        *out_part = (struct catalog_part){span_of(stem.p, stem.len - 15), (int)part, (int)n_parts};
    return true;
}
