/* Which numbers are bounded, and by what. */
#include "gateway/gateway_bounds.h"

#include <stdlib.h>

/* A negative n_discard makes llama-server write before its memory; each choice takes a slot's memory. */
static const struct {
    struct span name;
    int64_t min, max;
} bounds[] = {
    {SPAN_LIT("n"), 0, GATEWAY_MAX_CHOICES},       {SPAN_LIT("n_cmpl"), 0, GATEWAY_MAX_CHOICES},
    {SPAN_LIT("best_of"), 0, GATEWAY_MAX_CHOICES}, {SPAN_LIT("n_discard"), 0, INT32_MAX},
    {SPAN_LIT("n_keep"), -1, INT32_MAX},           {SPAN_LIT("n_probs"), 0, 1000},
    {SPAN_LIT("top_logprobs"), 0, 1000},
};

static size_t find(struct span name)
{
    size_t i = 0;
    while (i < COUNT_OF(bounds) && !span_eq_ci(name, bounds[i].name))
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
    return err_set(why, ERR_INVALID, "\"%.*s\" must be a number from %lld to %lld", SPAN_ARG(bounds[i].name),
                   (long long)bounds[i].min, (long long)bounds[i].max);
}
