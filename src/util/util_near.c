/* Distance of two names: optimal string alignment, three rows at a time. */
#include "util/util_near.h"

#include <ctype.h>
#include <stdint.h>

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t str_distance(struct span a, struct span b)
{
    size_t rows[3][STR_DISTANCE_MAX_BYTES + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    if (a.len > STR_DISTANCE_MAX_BYTES || b.len > STR_DISTANCE_MAX_BYTES)
        return SIZE_MAX;
    for (size_t k = 0; k <= b.len; k++)
        last[k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            size_t cost = is_same(a.p[i - 1], b.p[k - 1]) ? 0 : 1;
            now[k] = min_of(last[k - 1] + cost, min_of(last[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && is_same(a.p[i - 1], b.p[k - 2]) && is_same(a.p[i - 2], b.p[k - 1]))
                now[k] = min_of(now[k], before[k - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b.len];
}

const char *str_nearest(const char *text, const char *const *names, size_t n_names)
{
    const char *best = NULL;
    size_t n = strlen(text),
           best_distance = n / 3 + 1; /* "lsiten" is 1 from "listen"; "x" is near to nothing */
    for (size_t i = 0; i < n_names; i++) {
        size_t distance = str_distance(span_of(text, n), span_str(names[i]));
        if (distance < strlen(names[i]) && (best ? distance < best_distance : distance <= best_distance)) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}
