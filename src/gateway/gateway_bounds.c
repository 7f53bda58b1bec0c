/* Which numbers are bounded, and by what. */
#include "gateway/gateway_bounds.h"

#include <stdlib.h>

/* A negative n_discard makes llama-server write before its memory; each choice takes a slot's memory. */
static const struct {
    const char *name;
    size_t name_len;
    int64_t min, max;
} bounds[] = {
    {"n", sizeof "n" - 1, 0, GATEWAY_MAX_CHOICES},
    {"n_cmpl", sizeof "n_cmpl" - 1, 0, GATEWAY_MAX_CHOICES},
    {"best_of", sizeof "best_of" - 1, 0, GATEWAY_MAX_CHOICES},
    {"n_discard", sizeof "n_discard" - 1, 0, INT32_MAX},
    {"n_keep", sizeof "n_keep" - 1, -1, INT32_MAX},
    {"n_probs", sizeof "n_probs" - 1, 0, 1000},
    {"top_logprobs", sizeof "top_logprobs" - 1, 0, 1000},
};

static size_t find(struct span name)
{
    size_t i = 0;
    while (i < COUNT_OF(bounds) && !span_eq_ci(name, span_of(bounds[i].name, bounds[i].name_len)))
        i++;
    return i;
}

bool gateway_is_bounded(struct span name)
{
    return find(name) < COUNT_OF(bounds);
}

enum err gateway_check_bound(struct span name, struct span number, struct err_text *why)
{
    size_t i = find(name);
    AUTO(mem) char *text = span_dup(number);
    double value = strtod(text, NULL);
    assert(i < COUNT_OF(bounds));
    if (value >= (double)bounds[i].min && value <= (double)bounds[i].max)
        return ERR_OK;
    return err_set(why, ERR_INVALID, "\"%s\" must be a number from %lld to %lld", bounds[i].name,
                   (long long)bounds[i].min, (long long)bounds[i].max);
}
