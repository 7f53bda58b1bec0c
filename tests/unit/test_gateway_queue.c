/* The order of those who wait: by rounds of owners, bounded, fair; also when they come and go at random. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/gateway_queue.h"
#include "unit.h"

#define MAX_TICKETS 400
#define N_OWNERS    7

static unsigned long long state_of_chance;

/* 0 to n - 1, the same in every run. */
static int chance(int n)
{
    state_of_chance = state_of_chance * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((state_of_chance >> 33) % (unsigned)n);
}

struct asker {
    struct queue_ticket ticket;
    const char *owner;
    int n_left; /* turns until it must have had its own; -1: it does not wait */
};

static const char *const owners[N_OWNERS] = {"ann/", "bob/", "bob/key", "cy/", "dee/", "eve/", ""};

static struct asker *take(struct queue *q)
{
    struct queue_ticket *t = queue_take(q);
    return t ? CONTAINER_OF(t, struct asker, ticket) : NULL;
}

/* Takes all, and gives the order as the askers' numbers. */
static void assert_order(struct queue *q, const struct asker *askers, const char *expected)
{
    char order[64] = "";
    for (struct asker *a = take(q); a; a = take(q)) {
        size_t n = strlen(order);
        (void)snprintf(order + n, sizeof order - n, "%d ", (int)(a - askers));
    }
    assert_string_equal(order, expected);
    assert_int_equal(q->n, 0);
}

static void owners_take_turns_and_each_is_served_in_order(void **state)
{
    (void)state;
    struct queue q;
    struct asker a[8] = {0};
    queue_init(&q);
    for (int i = 1; i <= 4; i++)
        queue_join(&q, "ann/", &a[i].ticket);
    queue_join(&q, "bob/", &a[5].ticket);
    queue_join(&q, "cy/", &a[6].ticket);
    queue_join(&q, "cy/", &a[7].ticket);
    const size_t places[] = {0, 0, 3, 5, 6, 1, 2, 4};
    for (int i = 1; i <= 7; i++)
        assert_int_equal(queue_place(&q, &a[i].ticket), places[i]);
    assert_order(&q, a, "1 5 6 2 7 3 4 ");
}

static void who_leaves_makes_room_for_the_next(void **state)
{
    (void)state;
    struct queue q;
    struct asker a[5] = {0};
    queue_init(&q);
    for (int i = 1; i <= 3; i++)
        queue_join(&q, "ann/", &a[i].ticket);
    queue_join(&q, "bob/", &a[4].ticket);
    assert_int_equal(queue_place(&q, &a[3].ticket), 3);
    queue_leave(&q, &a[1].ticket);
    queue_leave(&q, &a[4].ticket);
    queue_leave(&q, &a[4].ticket);
    assert_int_equal(queue_place(&q, &a[3].ticket), 1);
    assert_order(&q, a, "2 3 ");
}

static void one_whose_engine_died_is_first_again(void **state)
{
    (void)state;
    struct queue q;
    struct asker a[5] = {0};
    queue_init(&q);
    for (int i = 1; i <= 3; i++)
        queue_join(&q, i == 2 ? "bob/" : "ann/", &a[i].ticket);
    struct asker *first = take(&q);
    assert_ptr_equal(first, &a[1]);
    queue_rejoin(&q, "ann/", &first->ticket);
    queue_rejoin(&q, "cy/", &a[4].ticket);
    assert_order(&q, a, "4 2 1 3 ");
}

static void a_flood_leaves_a_place_for_everybody_else(void **state)
{
    (void)state;
    static struct asker a[300];
    const struct {
        size_t max, one;
    } cases[] = {{1, 1}, {2, 1}, {4, 3}, {9, 8}, {256, 227}};
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct queue q;
        size_t n = 0;
        memset(a, 0, sizeof a);
        queue_init(&q);
        while (queue_has_room(&q, "flood/", cases[c].max))
            queue_join(&q, "flood/", &a[n++].ticket);
        assert_int_equal(n, cases[c].one);
        assert_int_equal(queue_has_room(&q, "other/", cases[c].max), cases[c].max > 1);
        /* Not more than fit, however many come. */
        char owner[16];
        for (int i = 0; i < 300 && n < COUNT_OF(a); i++) {
            (void)snprintf(owner, sizeof owner, "%d/", i);
            if (queue_has_room(&q, owner, cases[c].max))
                queue_join(&q, owner, &a[n++].ticket);
        }
        assert_int_equal(q.n, cases[c].max);
        while (queue_take(&q))
            continue;
    }
}

/* A new one waits for those of its owner before it, each a round, and for its own round. */
static void join_some(struct queue *q, struct asker *askers, int n)
{
    for (int i = 0; i < MAX_TICKETS && n > 0; i++) {
        struct asker *a = &askers[i];
        if (a->n_left >= 0)
            continue;
        /* One of them sends most. */
        a->owner = owners[chance(3) ? 0 : chance(N_OWNERS)];
        if (!queue_has_room(q, a->owner, MAX_TICKETS / 2))
            continue;
        int n_own = 0;
        for (int k = 0; k < MAX_TICKETS; k++)
            n_own += askers[k].n_left >= 0 && askers[k].owner == a->owner;
        queue_join(q, a->owner, &a->ticket);
        a->n_left = (n_own + 1) * N_OWNERS;
        n--;
    }
}

static void turn(struct queue *q, struct asker *askers)
{
    struct asker *next = NULL, *a;
    for (int i = 0; i < MAX_TICKETS; i++) {
        if (askers[i].n_left >= 0 && queue_place(q, &askers[i].ticket) == 0)
            next = &askers[i];
    }
    a = take(q);
    assert_ptr_equal(a, next);
    for (int i = 0; i < MAX_TICKETS; i++) {
        if (askers[i].n_left >= 0 && &askers[i] != a)
            assert_true(--askers[i].n_left > 0);
    }
    if (a)
        a->n_left = -1;
}

static void nobody_starves_whoever_comes_and_goes(void **state)
{
    (void)state;
    static struct asker askers[MAX_TICKETS];
    struct queue q;
    queue_init(&q);
    for (int i = 0; i < MAX_TICKETS; i++)
        askers[i].n_left = -1;
    for (unsigned seed = 1; seed <= 20; seed++) {
        state_of_chance = seed;
        for (int i = 0; i < 400; i++) {
            join_some(&q, askers, chance(4));
            struct asker *gone = &askers[chance(MAX_TICKETS)];
            if (gone->n_left >= 0 && chance(3) == 0) {
                queue_leave(&q, &gone->ticket);
                gone->n_left = -1;
            }
            turn(&q, askers);
        }
        size_t left = q.n;
        while (left-- > 0)
            turn(&q, askers);
        assert_int_equal(q.n, 0);
        assert_null(queue_take(&q));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_take_turns_and_each_is_served_in_order),
        cmocka_unit_test(who_leaves_makes_room_for_the_next),
        cmocka_unit_test(one_whose_engine_died_is_first_again),
        cmocka_unit_test(a_flood_leaves_a_place_for_everybody_else),
        cmocka_unit_test(nobody_starves_whoever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
