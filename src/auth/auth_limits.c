/* Which limiters a request goes by: its key's and its user's. */
#include "auth/auth_scope.h"
#include "auth/auth_state.h"

/* More than any request uses; what an engine says is not to be trusted. */
#define MAX_NOTED_TOKENS 100000000

struct limited {
    struct key *key;   /* or NULL */
    struct user *user; /* NULL: there are no limits */
};

static struct limited find(const struct auth *a, const struct principal *p)
{
    bool is_limited = p->kind == PRINCIPAL_KEY || p->kind == PRINCIPAL_SESSION;
    return (struct limited){.key = key_of(a, p), .user = is_limited ? a->users[p->user_at] : NULL};
}

bool auth_may_use_route(const struct auth *a, const struct principal *p, enum auth_route route)
{
    const struct key *k = key_of(a, p);
    if (p->kind != PRINCIPAL_KEY || !k)
        return p->kind != PRINCIPAL_KEY; /* a key that was removed meanwhile may do nothing */
    if (route == AUTH_ROUTE_API && k->models.n)
        return false;
    return !k->routes || (route < AUTH_N_ROUTES && (k->routes & UINT32_C(1) << route));
}

bool auth_may_use_model(const struct auth *a, const struct principal *p, const char *const *names, size_t n)
{
    const struct key *k = key_of(a, p);
    if (p->kind != PRINCIPAL_KEY || !k)
        return p->kind != PRINCIPAL_KEY;
    if (!k->models.n)
        return true;
    for (size_t i = 0; i < n; i++) {
        for (size_t m = 0; m < k->models.n; m++) {
            if (scope_name_fits(names[i], k->models.v[m]))
                return true;
        }
    }
    return false;
}

bool auth_limit_begin(struct auth *a, const struct principal *p, size_t n_of_user, size_t n_of_key,
                      struct auth_limit_hit *out_hit)
{
    struct limited l = find(a, p);
    struct auth_limit_hit of_user = {0};
    int64_t now = clock_ms();
    if (!l.user)
        return true;
    bool is_hit = l.key && limiter_is_hit(&l.key->limiter, (int64_t)n_of_key, now, out_hit);
    if (limiter_is_hit(&l.user->limiter, (int64_t)n_of_user, now, &of_user) &&
        (!is_hit || of_user.wait_ms > out_hit->wait_ms)) {
        is_hit = true;
        *out_hit = of_user;
        out_hit->is_users = true;
    }
    if (is_hit)
        return false;
    if (l.key)
        limiter_begin(&l.key->limiter, now);
    limiter_begin(&l.user->limiter, now);
    return true;
}

void auth_limit_end(struct auth *a, const struct principal *p)
{
    struct limited l = find(a, p);
    if (l.key)
        limiter_end(&l.key->limiter);
    if (l.user)
        limiter_end(&l.user->limiter);
}

void auth_note_tokens(struct auth *a, const char *user_id, const char *key_id, int64_t n_tokens)
{
    int64_t n = n_tokens < MAX_NOTED_TOKENS ? n_tokens : MAX_NOTED_TOKENS, now = clock_ms();
    if (n <= 0)
        return;
    struct key *k = key_id[0] ? map_get_str(a->keys_by_id, key_id) : NULL;
    struct user *u = k ? k->user : map_get_str(a->users_by_id, user_id);
    if (k)
        limiter_note_tokens(&k->limiter, n, now);
    if (u)
        limiter_note_tokens(&u->limiter, n, now);
}

static struct auth_limit_left tighter(struct auth_limit_left a, struct auth_limit_left b)
{
    if (!a.limit || !b.limit)
        return a.limit ? a : b;
    return a.remaining <= b.remaining ? a : b;
}

void auth_limits_left(struct auth *a, const struct principal *p, struct auth_limit_left *out_requests,
                      struct auth_limit_left *out_tokens)
{
    struct limited l = find(a, p);
    int64_t now = clock_ms();
    *out_requests = *out_tokens = (struct auth_limit_left){0};
    if (l.user) {
        *out_requests = limiter_requests_left(&l.user->limiter, now);
        *out_tokens = limiter_tokens_left(&l.user->limiter, now);
    }
    if (l.key) {
        *out_requests = tighter(limiter_requests_left(&l.key->limiter, now), *out_requests);
        *out_tokens = tighter(limiter_tokens_left(&l.key->limiter, now), *out_tokens);
    }
}
