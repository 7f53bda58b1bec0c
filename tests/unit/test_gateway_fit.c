/* Who sits in memory: cases as tables, and thousands of made-up days against the rules that must hold in each. */
#include "gateway/gateway_fit.h"
#include "unit.h"
#include "util/util.h"

#include <string.h>

#define NOW      100000
#define TURN     20000
#define STAY     5000
#define LINGER   1000
#define LONG_AGO (NOW - 60000)

static const struct fit_rules rules = {TURN, STAY, LINGER};
static const struct fit_amount no_limits = {FIT_NO_LIMIT, FIT_NO_LIMIT};

/* ---- cases ---- */

/* Short: place, kind, RAM, used when, ready when, in use?, wanted since. */
struct row {
    enum fit_place place;
    enum fit_group kind;
    int64_t ram, last_use_ms, ready_ms;
    char use; /* 'a' active, 'w' awaited, 0 */
    int64_t wanted_ms;
};
#define OUT                                         \
    {                                               \
        .place = FIT_OUT, .ram = 4, .wanted_ms = -1 \
    }
#define WANTS(n, since)                                    \
    {                                                      \
        .place = FIT_OUT, .ram = (n), .wanted_ms = (since) \
    }
#define IDLE(n, used)                                                                             \
    {                                                                                             \
        .place = FIT_IN, .ram = (n), .last_use_ms = (used), .ready_ms = LONG_AGO, .wanted_ms = -1 \
    }
#define USED(n, how)                                                                                         \
    {                                                                                                        \
        .place = FIT_IN, .ram = (n), .last_use_ms = NOW, .ready_ms = LONG_AGO, .use = (how), .wanted_ms = -1 \
    }
#define FRESH(n, ready)                                                   \
    {                                                                     \
        .place = FIT_IN, .ram = (n), .ready_ms = (ready), .wanted_ms = -1 \
    }
#define COMING(n)                                        \
    {                                                    \
        .place = FIT_COMING, .ram = (n), .wanted_ms = -1 \
    }
#define LEAVING(n)                                        \
    {                                                     \
        .place = FIT_LEAVING, .ram = (n), .wanted_ms = -1 \
    }
#define IN_GROUP(k, ...)         \
    {                            \
        .kind = (k), __VA_ARGS__ \
    }

static const struct {
    const char *name;
    int64_t limit;
    struct row rows[5];
    const char *want; /* of each the act's first letter: keep, start, evict, yield, wait, never */
    bool is_firm, is_settling;
} cases[] = {
    {"room for it: it starts, nobody goes", 10, {IDLE(4, LONG_AGO), WANTS(6, NOW)}, .want = "ks"},
    {"no limit", FIT_NO_LIMIT, {IDLE(400, LONG_AGO), WANTS(600, NOW)}, .want = "ks"},
    {"the least recently used goes",
     10,
     {IDLE(4, NOW - 9000), IDLE(4, NOW - 8000), WANTS(5, NOW)},
     .want = "ekw"},
    {"as many go as have to", 10, {IDLE(4, NOW - 9000), IDLE(4, NOW - 8000), WANTS(7, NOW)}, .want = "eew"},
    {"a small one stays when the large one has to go anyway",
     12,
     {IDLE(2, NOW - 9000), IDLE(8, NOW - 8000), WANTS(9, NOW)},
     .want = "kew"},
    {"the idle goes before the busy, also when it was used later",
     10,
     {USED(5, 'a'), IDLE(5, NOW - 2000), WANTS(5, NOW)},
     .want = "kew"},
    {"a busy one is never stopped, its turn has begun",
     10,
     {USED(9, 'a'), WANTS(5, NOW - 1000)},
     .want = "kw"},
    {"a busy one whose turn is over yields", 10, {USED(9, 'a'), WANTS(5, NOW - TURN)}, .want = "yw"},
    {"who has requests waiting keeps its turn", 10, {USED(9, 'w'), WANTS(5, NOW - 1000)}, .want = "kw"},
    {"and goes after it", 10, {USED(9, 'w'), WANTS(5, NOW - TURN)}, .want = "ew"},
    {"a pause between two requests is no idleness",
     10,
     {IDLE(9, NOW - LINGER + 1), WANTS(5, NOW - 1)},
     .want = "kw"},
    {"a longer one is", 10, {IDLE(9, NOW - LINGER), WANTS(5, NOW - 1)}, .want = "ew"},
    {"who has just come stays for those who waited",
     10,
     {FRESH(9, NOW - STAY + 1), WANTS(5, NOW)},
     .want = "kw"},
    {"but not for ever", 10, {FRESH(9, NOW - STAY), WANTS(5, NOW)}, .want = "ew"},
    {"nobody is stopped while it loads", 10, {COMING(9), WANTS(5, NOW - TURN)}, .want = "kw"},
    {"the memory of who is leaving is not free yet", 10, {LEAVING(9), WANTS(5, NOW)}, .want = "kw"},
    {"an idle one stays until the busy one can go too",
     10,
     {IDLE(5, LONG_AGO), USED(5, 'a'), WANTS(10, NOW)},
     .want = "kkw"},
    {"and takes nothing new once its turn is over",
     10,
     {IDLE(5, LONG_AGO), USED(5, 'a'), WANTS(10, NOW - TURN)},
     .want = "yyw"},
    {"too big for all there is", 10, {IDLE(4, LONG_AGO), WANTS(11, NOW)}, .want = "kn"},
    {"not found too big while memory comes back", 10, {WANTS(11, NOW)}, .want = "w", .is_settling = true},
    {"the older wish first, the later one takes nothing of it",
     10,
     {USED(8, 'a'), WANTS(6, NOW - 20), WANTS(2, NOW - 10), WANTS(2, NOW - 5)},
     .want = "kwsw"},
    {"both fit", 10, {WANTS(6, NOW - 20), WANTS(4, NOW - 10)}, .want = "ss"},
    {"over a firm limit the least recently used goes",
     10,
     {IDLE(6, NOW - 9000), IDLE(6, NOW - 8000)},
     .want = "ek",
     .is_firm = true},
    {"the last one stays, however big", 10, {IDLE(12, NOW - 9000)}, .want = "k", .is_firm = true},
    {"a busy one stays, also over the limit",
     10,
     {USED(6, 'a'), IDLE(6, NOW - 2000)},
     .want = "ke",
     .is_firm = true},
    {"a limit that is not firm stops nobody", 10, {IDLE(6, NOW - 9000), IDLE(6, NOW - 8000)}, .want = "kk"},
    {"exclusive: the other one goes, whatever room there is",
     100,
     {IN_GROUP(FIT_EXCLUSIVE, .place = FIT_IN, .ram = 1, .ready_ms = LONG_AGO, .wanted_ms = -1),
      IN_GROUP(FIT_EXCLUSIVE, .ram = 1, .wanted_ms = NOW)},
     .want = "ew"},
    {"exclusive: not before the other one has gone",
     100,
     {IN_GROUP(FIT_EXCLUSIVE, .place = FIT_LEAVING, .ram = 1, .wanted_ms = -1),
      IN_GROUP(FIT_EXCLUSIVE, .ram = 1, .wanted_ms = NOW)},
     .want = "kw"},
    {"exclusive: of two that are wanted one comes",
     100,
     {IN_GROUP(FIT_EXCLUSIVE, .ram = 1, .wanted_ms = NOW - 2),
      IN_GROUP(FIT_EXCLUSIVE, .ram = 1, .wanted_ms = NOW - 1)},
     .want = "sw"},
    {"together: another goes, though it was used later",
     10,
     {IN_GROUP(FIT_TOGETHER, .place = FIT_IN, .ram = 4, .ready_ms = LONG_AGO, .wanted_ms = -1),
      IDLE(4, NOW - 2000), IN_GROUP(FIT_TOGETHER, .ram = 5, .wanted_ms = NOW)},
     .want = "kew"},
    {"together: its mate goes when nobody else is there",
     10,
     {IN_GROUP(FIT_TOGETHER, .place = FIT_IN, .ram = 8, .ready_ms = LONG_AGO, .wanted_ms = -1),
      IN_GROUP(FIT_TOGETHER, .ram = 5, .wanted_ms = NOW)},
     .want = "ew"},
    {"together: a use of one is a use of the other",
     10,
     {IN_GROUP(FIT_TOGETHER, .place = FIT_IN, .ram = 3, .ready_ms = LONG_AGO, .wanted_ms = -1),
      IN_GROUP(FIT_TOGETHER, .place = FIT_IN, .ram = 3, .ready_ms = LONG_AGO, .last_use_ms = NOW - 2000,
               .wanted_ms = -1),
      IDLE(3, NOW - 9000), WANTS(4, NOW)},
     .want = "kkew"},
    {"always: stays, and others wait for nothing",
     10,
     {IN_GROUP(FIT_ALWAYS, .place = FIT_IN, .ram = 4, .ready_ms = LONG_AGO, .wanted_ms = -1),
      IDLE(3, NOW - 2000), WANTS(5, NOW)},
     .want = "kew"},
    {"always: what does not fit beside it never fits",
     10,
     {IN_GROUP(FIT_ALWAYS, .place = FIT_IN, .ram = 4, .ready_ms = LONG_AGO, .wanted_ms = -1), WANTS(7, NOW)},
     .want = "kn"},
};

static struct fit_server server_of(const struct row *r)
{
    return (struct fit_server){.place = r->place,
                               .kind = r->kind,
                               .holds = {r->ram, 0},
                               .needs = {r->ram, 0},
                               .least = {r->ram, 0},
                               .is_active = r->use == 'a',
                               .is_awaited = r->use == 'w',
                               .last_use_ms = r->last_use_ms,
                               .ready_ms = r->ready_ms,
                               .wanted_ms = r->wanted_ms};
}

static void test_cases(void **state)
{
    (void)state;
    static const char letters[] = {[FIT_KEEP] = 'k',  [FIT_START] = 's', [FIT_EVICT] = 'e',
                                   [FIT_YIELD] = 'y', [FIT_WAIT] = 'w',  [FIT_NEVER] = 'n'};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fit_server servers[5];
        struct fit_fate fates[5];
        char got[6] = "";
        size_t n = strlen(cases[i].want);
        for (size_t k = 0; k < n; k++)
            servers[k] = server_of(&cases[i].rows[k]);
        const struct fit_table t = {.servers = servers,
                                    .n = n,
                                    .limit = {cases[i].limit, FIT_NO_LIMIT},
                                    .firm = {cases[i].is_firm ? cases[i].limit : FIT_NO_LIMIT, FIT_NO_LIMIT},
                                    .is_settling = cases[i].is_settling,
                                    .rules = rules,
                                    .now_ms = NOW};
        fit_decide(&t, fates);
        for (size_t k = 0; k < n; k++)
            got[k] = letters[fates[k].act];
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s instead of %s", cases[i].name, got, cases[i].want);
    }
}

static void test_the_memory_of_the_gpu_counts_by_itself(void **state)
{
    (void)state;
    struct fit_server servers[2] = {
        {.place = FIT_IN, .holds = {1, 8}, .ready_ms = LONG_AGO, .wanted_ms = -1},
        {.needs = {1, 8}, .least = {1, 8}, .wanted_ms = NOW},
    };
    struct fit_fate fates[2];
    const struct fit_table t = {
        .servers = servers, .n = 2, .limit = {100, 12}, .firm = no_limits, .rules = rules, .now_ms = NOW};
    fit_decide(&t, fates);
    assert_int_equal(fates[0].act, FIT_EVICT);
    assert_int_equal(fates[0].for_whom, 1);
    assert_int_equal(fates[1].act, FIT_WAIT);
}

static void test_over_the_budget_of_the_gpu_goes_who_has_some_of_it(void **state)
{
    (void)state;
    struct fit_server servers[3] = {
        {.place = FIT_IN, .holds = {50, 0}, .ready_ms = LONG_AGO - 2, .wanted_ms = -1},
        {.place = FIT_IN, .holds = {1, 8}, .ready_ms = LONG_AGO - 1, .wanted_ms = -1},
        {.place = FIT_IN, .holds = {1, 8}, .ready_ms = LONG_AGO, .wanted_ms = -1},
    };
    struct fit_fate fates[3];
    struct fit_table t = {.servers = servers,
                          .n = 3,
                          .limit = {100, 12},
                          .firm = {FIT_NO_LIMIT, 12},
                          .rules = rules,
                          .now_ms = NOW};
    fit_decide(&t, fates);
    assert_int_equal(fates[0].act, FIT_KEEP);
    assert_int_equal(fates[1].act, FIT_EVICT);
    assert_int_equal(fates[2].act, FIT_KEEP);
    t.firm = no_limits; /* what others take there stops nobody */
    fit_decide(&t, fates);
    assert_int_equal(fates[1].act, FIT_KEEP);
}

static void test_a_guess_that_is_too_large_refuses_nobody(void **state)
{
    (void)state;
    struct fit_server servers[2] = {
        {.place = FIT_IN, .holds = {1, 0}, .ready_ms = LONG_AGO, .wanted_ms = -1},
        {.needs = {12, 0}, .least = {10, 0}, .wanted_ms = NOW},
    };
    struct fit_fate fates[2];
    struct fit_table t = {.servers = servers,
                          .n = 2,
                          .limit = {10, FIT_NO_LIMIT},
                          .firm = no_limits,
                          .rules = rules,
                          .now_ms = NOW};
    fit_decide(&t, fates);
    assert_int_equal(fates[0].act, FIT_EVICT); /* it gets all there is */
    servers[0].place = FIT_OUT;
    fit_decide(&t, fates);
    assert_int_equal(fates[1].act, FIT_START);
}

/* ---- days that are made up ---- */

#define N_SERVERS 6
#define LIMIT     20
#define STEP_MS   100
#define LOAD_MS   2000
#define LEAVE_MS  600
#define STEPS     3000 /* five minutes */
#define LONGEST   4000 /* a request's work */
/* The most that anybody may wait: each of the others loads, has its turn, ends its last request and leaves. */
#define PATIENCE ((N_SERVERS + 1) * (LOAD_MS + TURN + LONGEST + LEAVE_MS + STAY))

struct day {
    uint64_t seed;
    int64_t now_ms;
    struct fit_server s[N_SERVERS];
    int64_t until_ms[N_SERVERS];       /* of loading or leaving */
    int64_t works_until_ms[N_SERVERS]; /* its last request */
    int64_t asked_ms[N_SERVERS];       /* the oldest request that waits; 0: none */
    bool yields[N_SERVERS];
    int n_starts, n_served;
    int rate; /* a request in so many steps, for each server */
};

static uint32_t draw(struct day *d, uint32_t below)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->seed >> 33) % below;
}

static void make_day(struct day *d, uint64_t seed)
{
    memset(d, 0, sizeof *d);
    d->seed = seed * 2654435761u + 1;
    d->now_ms = 1000000;
    d->rate = 2 + (int)draw(d, 60);
    for (int i = 0; i < N_SERVERS; i++) {
        struct fit_server *s = &d->s[i];
        s->kind = (enum fit_group)draw(d, 4);
        /* one at most stays for ever, and leaves room for the others */
        if (s->kind == FIT_ALWAYS && i > 0)
            s->kind = FIT_NO_GROUP;
        s->group = (int)draw(d, 2);
        s->needs.ram = s->least.ram = 1 + draw(d, s->kind == FIT_ALWAYS ? 5 : 14);
        s->holds = s->needs;
        s->wanted_ms = -1;
    }
}

static void check_rules(const struct day *d)
{
    int64_t sum = 0;
    for (int i = 0; i < N_SERVERS; i++) {
        const struct fit_server *s = &d->s[i];
        sum += s->place == FIT_OUT ? 0 : s->holds.ram;
        for (int k = 0; k < i; k++) {
            const struct fit_server *o = &d->s[k];
            if (s->kind == FIT_EXCLUSIVE && o->kind == FIT_EXCLUSIVE && s->group == o->group)
                assert_false(s->place != FIT_OUT && o->place != FIT_OUT);
        }
        if (d->asked_ms[i])
            assert_true(d->now_ms - d->asked_ms[i] < PATIENCE);
    }
    assert_true(sum <= LIMIT);
}

static void do_what_was_decided(struct day *d, const struct fit_fate *fates)
{
    for (int i = 0; i < N_SERVERS; i++) {
        struct fit_server *s = &d->s[i];
        d->yields[i] = fates[i].act == FIT_YIELD;
        assert_int_not_equal(fates[i].act, FIT_NEVER);
        if (fates[i].act == FIT_START) {
            assert_int_equal(s->place, FIT_OUT);
            s->place = FIT_COMING;
            d->until_ms[i] = d->now_ms + LOAD_MS;
            d->n_starts++;
        }
        if (fates[i].act == FIT_EVICT) {
            assert_int_equal(s->place, FIT_IN);
            assert_false(s->is_active);
            assert_int_not_equal(s->kind, FIT_ALWAYS);
            s->place = FIT_LEAVING;
            s->is_awaited = false;
            d->until_ms[i] = d->now_ms + LEAVE_MS;
        }
    }
}

static void serve(struct day *d, int i)
{
    struct fit_server *s = &d->s[i];
    if (s->place == FIT_IN && d->asked_ms[i] && !d->yields[i]) {
        d->asked_ms[i] = 0;
        d->n_served++;
        s->last_use_ms = d->now_ms;
        d->works_until_ms[i] = d->now_ms + 100 + draw(d, LONGEST - 100);
    }
    if (s->is_active && d->now_ms >= d->works_until_ms[i])
        s->last_use_ms = d->now_ms;
    s->is_active = s->place == FIT_IN && d->now_ms < d->works_until_ms[i];
    s->is_awaited = s->place == FIT_IN && d->asked_ms[i];
}

static void step(struct day *d, bool asks)
{
    d->now_ms += STEP_MS;
    for (int i = 0; i < N_SERVERS; i++) {
        struct fit_server *s = &d->s[i];
        if (s->place == FIT_COMING && d->now_ms >= d->until_ms[i]) {
            s->place = FIT_IN;
            s->ready_ms = d->now_ms;
        } else if (s->place == FIT_LEAVING && d->now_ms >= d->until_ms[i]) {
            s->place = FIT_OUT;
        }
        if (asks && !d->asked_ms[i] && draw(d, (uint32_t)d->rate) == 0)
            d->asked_ms[i] = d->now_ms;
        serve(d, i);
        bool is_absent = s->place == FIT_OUT || s->place == FIT_LEAVING;
        s->wanted_ms = is_absent && d->asked_ms[i] ? d->asked_ms[i] : -1;
    }
    struct fit_fate fates[N_SERVERS];
    const struct fit_table t = {.servers = d->s,
                                .n = N_SERVERS,
                                .limit = {LIMIT, FIT_NO_LIMIT},
                                .firm = {LIMIT, FIT_NO_LIMIT},
                                .rules = rules,
                                .now_ms = d->now_ms};
    fit_decide(&t, fates);
    do_what_was_decided(d, fates);
    check_rules(d);
}

static void test_any_day_keeps_the_rules_and_everybody_is_served(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct day d;
        make_day(&d, seed);
        for (int k = 0; k < STEPS; k++)
            step(&d, true);
        for (int64_t end_ms = d.now_ms + PATIENCE; d.now_ms < end_ms;)
            step(&d, false);
        for (int i = 0; i < N_SERVERS; i++)
            assert_int_equal(d.asked_ms[i], 0);
        assert_true(d.n_served > 0);
    }
}

/* Two that do not fit together, and clients that never pause: a swap costs a whole turn. */
static void test_a_storm_is_bounded(void **state)
{
    (void)state;
    struct day d;
    make_day(&d, 1);
    for (int i = 0; i < N_SERVERS; i++) {
        d.s[i].kind = FIT_NO_GROUP;
        d.s[i].needs.ram = d.s[i].least.ram = d.s[i].holds.ram = i < 2 ? 15 : 1;
    }
    d.rate = 1;
    for (int k = 0; k < STEPS; k++)
        step(&d, true);
    int most = STEPS * STEP_MS / TURN + N_SERVERS;
    assert_true(d.n_starts <= most);
    assert_true(d.n_starts >= most / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_the_memory_of_the_gpu_counts_by_itself),
        cmocka_unit_test(test_over_the_budget_of_the_gpu_goes_who_has_some_of_it),
        cmocka_unit_test(test_a_guess_that_is_too_large_refuses_nobody),
        cmocka_unit_test(test_any_day_keeps_the_rules_and_everybody_is_served),
        cmocka_unit_test(test_a_storm_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
