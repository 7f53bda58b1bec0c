/* Plans for who comes into memory and who goes for it, by the rules in the header. */
#include "gateway/gateway_fit.h"

#include <assert.h>

/* The future, as far as earlier wishes have planned it. */
struct plan {
    const struct fit_table *t;
    struct fit_fate *fates;
    struct fit_amount now;   /* counted at this moment, with those that are leaving and those just started */
    struct fit_amount later; /* counted when all plans so far are carried out */
    bool goes[FIT_MAX_SERVERS];  /* is a victim of a plan, or leaving already */
    bool comes[FIT_MAX_SERVERS]; /* was started, or waits with a plan of its own */
};

static struct fit_amount add(struct fit_amount a, struct fit_amount b)
{
    return (struct fit_amount){a.ram + b.ram, a.gpu + b.gpu};
}

static struct fit_amount take(struct fit_amount a, struct fit_amount b)
{
    return (struct fit_amount){a.ram - b.ram, a.gpu - b.gpu};
}

static bool fits(struct fit_amount a, struct fit_amount limit)
{
    return a.ram <= limit.ram && a.gpu <= limit.gpu;
}

/* ---- one server ---- */

static bool are_mates(const struct fit_table *t, size_t a, size_t b, enum fit_group kind)
{
    const struct fit_server *s = t->servers;
    return a != b && b != FIT_NOBODY && s[a].kind == kind && s[b].kind == kind && s[a].group == s[b].group;
}

/* A use of one that belongs together is a use of all. Who has just come was wanted just now. */
static int64_t last_use(const struct fit_table *t, size_t i)
{
    int64_t use_ms = fit_higher(t->servers[i].last_use_ms, t->servers[i].ready_ms);
    for (size_t k = 0; k < t->n; k++) {
        if (are_mates(t, i, k, FIT_TOGETHER) && t->servers[k].place == FIT_IN)
            use_ms = fit_higher(use_ms, fit_higher(t->servers[k].last_use_ms, t->servers[k].ready_ms));
    }
    return use_ms;
}

static bool is_in_use(const struct fit_server *s)
{
    return s->is_active || s->is_awaited;
}

/* wanted_ms: since when the one is wanted that it shall go for. */
static bool turn_is_over(const struct fit_table *t, size_t i, int64_t wanted_ms)
{
    return t->now_ms >= fit_higher(t->servers[i].ready_ms, wanted_ms) + t->rules.turn_ms;
}

/* It may go at this moment. */
static bool can_go(const struct fit_table *t, size_t i, int64_t wanted_ms)
{
    const struct fit_server *s = &t->servers[i];
    if (s->place != FIT_IN || s->is_active)
        return false;
    if (turn_is_over(t, i, wanted_ms))
        return true;
    if (s->is_awaited)
        return false;
    bool was_used = s->last_use_ms >= s->ready_ms;
    return was_used ? t->now_ms - s->last_use_ms >= t->rules.linger_ms
                    : t->now_ms - s->ready_ms >= t->rules.stay_ms;
}

struct fit_amount fit_room(const struct fit_table *t, size_t who)
{
    struct fit_amount room = t->limit;
    for (size_t i = 0; i < t->n; i++) {
        const struct fit_server *s = &t->servers[i];
        if (i == who || s->kind != FIT_ALWAYS || s->place == FIT_OUT || s->place == FIT_LEAVING)
            continue;
        room.ram = room.ram == FIT_NO_LIMIT ? room.ram : fit_higher(room.ram - s->holds.ram, 0);
        room.gpu = room.gpu == FIT_NO_LIMIT ? room.gpu : fit_higher(room.gpu - s->holds.gpu, 0);
    }
    return room;
}

/* What is reserved for it: a guess that is larger than all there is stands for all there is. */
static struct fit_amount wanted_amount(const struct fit_table *t, size_t who)
{
    const struct fit_server *s = &t->servers[who];
    struct fit_amount room = fit_room(t, who);
    return (struct fit_amount){fit_higher(fit_lower(s->needs.ram, room.ram), s->least.ram),
                               fit_higher(fit_lower(s->needs.gpu, room.gpu), s->least.gpu)};
}

/* ---- the plan of one wish ---- */

static bool is_there(const struct plan *p, size_t i)
{
    return !p->goes[i] && (p->t->servers[i].place == FIT_IN || p->t->servers[i].place == FIT_COMING);
}

/* Who goes first: the idle, then those in use, then those that are still coming; and its own mates after all of these. */
static int rank(const struct fit_table *t, size_t i, size_t who)
{
    const struct fit_server *s = &t->servers[i];
    int rank = s->place == FIT_COMING ? 2 : is_in_use(s) ? 1 : 0;
    return are_mates(t, i, who, FIT_TOGETHER) ? rank + 3 : rank;
}

/* The idle go by their last use, the others by how long they have been there. */
static bool goes_before(const struct fit_table *t, size_t a, size_t b, size_t who)
{
    int rank_a = rank(t, a, who), rank_b = rank(t, b, who);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (rank_a % 3 == 0)
        return last_use(t, a) < last_use(t, b);
    return t->servers[a].ready_ms < t->servers[b].ready_ms;
}

static size_t next_victim(const struct plan *p, size_t who, const bool *picked)
{
    size_t best = FIT_NOBODY;
    for (size_t i = 0; i < p->t->n; i++) {
        if (i == who || picked[i] || !is_there(p, i) || p->t->servers[i].kind == FIT_ALWAYS)
            continue;
        if (best == FIT_NOBODY || goes_before(p->t, i, best, who))
            best = i;
    }
    return best;
}

/* Fills picked; false: even without all of these it has to wait for those that earlier wishes brought. */
static bool pick_victims(const struct plan *p, size_t who, struct fit_amount wanted, bool *picked)
{
    const struct fit_table *t = p->t;
    struct fit_amount sum = add(p->later, wanted);
    bool is_a_must[FIT_MAX_SERVERS] = {false};
    for (size_t i = 0; i < t->n; i++) {
        if (!are_mates(t, i, who, FIT_EXCLUSIVE))
            continue;
        if (p->comes[i])
            return false;
        picked[i] = is_a_must[i] = is_there(p, i);
        if (picked[i])
            sum = take(sum, t->servers[i].holds);
    }
    size_t order[FIT_MAX_SERVERS], n = 0;
    while (!fits(sum, t->limit)) {
        size_t i = next_victim(p, who, picked);
        if (i == FIT_NOBODY)
            return false;
        picked[i] = true;
        order[n++] = i;
        sum = take(sum, t->servers[i].holds);
    }
    /* A large one that came late may make an earlier, small one needless. */
    for (size_t k = 0; k < n; k++) {
        struct fit_amount with = add(sum, t->servers[order[k]].holds);
        if (fits(with, t->limit)) {
            picked[order[k]] = false;
            sum = with;
        }
    }
    return true;
}

/* They go together: one that went early could not be used while the others are. */
static void judge_victims(struct plan *p, size_t who, const bool *picked)
{
    const struct fit_table *t = p->t;
    int64_t wanted_ms = t->servers[who].wanted_ms;
    bool all_can_go = true;
    for (size_t i = 0; i < t->n; i++)
        all_can_go = all_can_go && (!picked[i] || can_go(t, i, wanted_ms));
    for (size_t i = 0; i < t->n; i++) {
        if (!picked[i])
            continue;
        p->goes[i] = true;
        p->later = take(p->later, t->servers[i].holds);
        p->fates[i].for_whom = who;
        if (all_can_go)
            p->fates[i].act = FIT_EVICT;
        else if (t->servers[i].place == FIT_IN && turn_is_over(t, i, wanted_ms))
            p->fates[i].act = FIT_YIELD;
    }
}

static bool exclusive_mate_is_here(const struct fit_table *t, size_t who)
{
    for (size_t i = 0; i < t->n; i++) {
        if (are_mates(t, i, who, FIT_EXCLUSIVE) && t->servers[i].place != FIT_OUT)
            return true;
    }
    return false;
}

static void plan_wish(struct plan *p, size_t who)
{
    const struct fit_table *t = p->t;
    const struct fit_server *s = &t->servers[who];
    struct fit_amount wanted = wanted_amount(t, who);
    p->fates[who].act = FIT_WAIT;
    struct fit_amount room = fit_room(t, who);
    if (!fits(s->least, room)) {
        bool may_come_back = t->is_settling && s->least.gpu <= room.gpu;
        if (!may_come_back && s->place == FIT_OUT)
            p->fates[who].act = FIT_NEVER;
        return;
    }
    bool picked[FIT_MAX_SERVERS] = {false}, has_victims = false;
    if (!pick_victims(p, who, wanted, picked))
        return;
    for (size_t i = 0; i < t->n; i++)
        has_victims = has_victims || picked[i];
    judge_victims(p, who, picked);
    p->comes[who] = true;
    p->later = add(p->later, wanted);
    if (has_victims || s->place != FIT_OUT || exclusive_mate_is_here(t, who) ||
        !fits(add(p->now, wanted), t->limit))
        return;
    p->fates[who].act = FIT_START;
    p->now = add(p->now, wanted);
}

/* ---- all of them ---- */

static bool is_wish(const struct fit_server *s)
{
    return s->wanted_ms >= 0 && (s->place == FIT_OUT || s->place == FIT_LEAVING);
}

static size_t oldest_wish(const struct fit_table *t, const bool *seen)
{
    size_t oldest = FIT_NOBODY;
    for (size_t i = 0; i < t->n; i++) {
        if (!seen[i] && is_wish(&t->servers[i]) &&
            (oldest == FIT_NOBODY || t->servers[i].wanted_ms < t->servers[oldest].wanted_ms))
            oldest = i;
    }
    return oldest;
}

/* It has some of what there is too much of. */
static bool helps(const struct fit_server *s, struct fit_amount sum, struct fit_amount limit)
{
    return (sum.ram > limit.ram && s->holds.ram > 0) || (sum.gpu > limit.gpu && s->holds.gpu > 0);
}

/* The one used last stays: somebody has just asked for it. */
static void shrink(struct plan *p)
{
    const struct fit_table *t = p->t;
    size_t newest = FIT_NOBODY;
    bool passed[FIT_MAX_SERVERS] = {false};
    for (size_t i = 0; i < t->n; i++) {
        if (is_there(p, i) && (newest == FIT_NOBODY || goes_before(t, newest, i, FIT_NOBODY)))
            newest = i;
    }
    while (!fits(p->later, t->firm)) {
        size_t i = next_victim(p, FIT_NOBODY, passed);
        if (i == FIT_NOBODY)
            return;
        passed[i] = true;
        const struct fit_server *s = &t->servers[i];
        if (i == newest || is_in_use(s) || !helps(s, p->later, t->firm) || !can_go(t, i, t->now_ms))
            continue;
        p->goes[i] = true;
        p->later = take(p->later, t->servers[i].holds);
        p->fates[i].act = FIT_EVICT;
    }
}

void fit_decide(const struct fit_table *t, struct fit_fate *out_fates)
{
    assert(t->n <= FIT_MAX_SERVERS);
    struct plan p = {.t = t, .fates = out_fates};
    bool seen[FIT_MAX_SERVERS] = {false};
    for (size_t i = 0; i < t->n; i++) {
        const struct fit_server *s = &t->servers[i];
        out_fates[i] = (struct fit_fate){FIT_KEEP, FIT_NOBODY};
        p.goes[i] = s->place == FIT_LEAVING;
        if (s->place != FIT_OUT)
            p.now = add(p.now, s->holds);
        if (is_there(&p, i))
            p.later = add(p.later, s->holds);
    }
    for (size_t who; (who = oldest_wish(t, seen)) != FIT_NOBODY;) {
        seen[who] = true;
        plan_wish(&p, who);
    }
    shrink(&p);
}
