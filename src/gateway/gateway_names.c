/* Names that look alike. */
#include "gateway/gateway_names.h"

static bool contains(struct span whole, struct span part)
{
    for (size_t at = 0; part.len > 0 && at + part.len <= whole.len; at++) {
        if (strncasecmp(whole.p + at, part.p, part.len) == 0)
            return true;
    }
    return false;
}

/* The smaller the nearer; SIZE_MAX: not near. "qwen3" is near to "qwen3-8b-instruct", whatever the distance. */
static size_t score(struct span name, struct span wanted)
{
    size_t longer = name.len > wanted.len ? name.len : wanted.len;
    size_t shorter = name.len + wanted.len - longer;
    size_t distance = str_distance(name, wanted);
    size_t most = longer / 3 > 2 ? longer / 3 : 2;
    if (distance <= most && distance < longer)
        return distance;
    bool is_part = shorter >= 3 && (contains(name, wanted) || contains(wanted, name));
    return is_part ? STR_DISTANCE_MAX_BYTES + longer : SIZE_MAX;
}

size_t gateway_names_nearest(const struct strv *names, const char *wanted, size_t *out_indexes, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < names->n; i++) {
        size_t own = score(span_str(names->v[i]), span_str(wanted));
        if (own == SIZE_MAX)
            continue;
        size_t at = n;
        while (at > 0 && score(span_str(names->v[out_indexes[at - 1]]), span_str(wanted)) > own)
            at--;
        if (at == max)
            continue;
        n += n < max;
        for (size_t j = n - 1; j > at; j--)
            out_indexes[j] = out_indexes[j - 1];
        out_indexes[at] = i;
    }
    return n;
}
