/* Views of bytes. */
#include "util/util_span.h"

#include "util/util_mem.h"

bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool span_starts(struct span a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

bool span_ends(struct span a, const char *suffix)
{
    size_t n = strlen(suffix);
    return a.len >= n && (n == 0 || memcmp(a.p + a.len - n, suffix, n) == 0);
}

struct span span_trim(struct span s)
{
    while (s.len && char_is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len && char_is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

struct span span_cut(struct span s, char sep, struct span *rest)
{
    const char *at = s.len ? memchr(s.p, sep, s.len) : NULL;
    if (!at) {
        *rest = (struct span){NULL, 0};
        return s;
    }
    size_t n = (size_t)(at - s.p);
    *rest = span_of(at + 1, s.len - n - 1);
    return span_of(s.p, n);
}

ptrdiff_t span_find(struct span s, struct span needle)
{
    if (needle.len == 0)
        return 0;
    const char *at = s.len ? memmem(s.p, s.len, needle.p, needle.len) : NULL;
    return at ? at - s.p : -1;
}

char *span_dup(struct span s)
{
    return xstrndup(s.p, s.len);
}

bool span_to_u64(struct span s, uint64_t *out_value)
{
    if (s.len == 0 || s.len > 20)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}
