/* The engine's table: every state with every event. */
#include "unit.h"

#include "engine/engine_state.h"

#define S  ENGINE_STOPPED
#define A  ENGINE_STARTING
#define L  ENGINE_LOADING
#define R  ENGINE_READY
#define P  ENGINE_STOPPING
#define F  ENGINE_FAILED
#define NO 0

/* clang-format off */
static const struct {
    enum engine_event event;
    struct { enum engine_state next; unsigned actions; } from[ENGINE_N_STATES]; /* S, A, L, R, P, F */
} cases[] = {
    {ENGINE_EV_START,         {{A, ENGINE_DO_SPAWN}, {A, NO}, {L, NO}, {R, NO}, {P, ENGINE_DO_AGAIN}, {A, ENGINE_DO_SPAWN}}},
    {ENGINE_EV_STOP,          {{S, NO}, {P, ENGINE_DO_END}, {P, ENGINE_DO_END}, {P, ENGINE_DO_END}, {P, ENGINE_DO_FORGET}, {S, NO}}},
    {ENGINE_EV_RESTART,       {{A, ENGINE_DO_SPAWN}, {P, ENGINE_DO_END | ENGINE_DO_AGAIN}, {P, ENGINE_DO_END | ENGINE_DO_AGAIN},
                               {P, ENGINE_DO_END | ENGINE_DO_AGAIN}, {P, ENGINE_DO_AGAIN}, {A, ENGINE_DO_SPAWN}}},
    {ENGINE_EV_SPAWN_FAILED,  {{S, NO}, {F, NO}, {L, NO}, {R, NO}, {F, NO}, {F, NO}}},
    {ENGINE_EV_ANSWERED,      {{S, NO}, {L, NO}, {L, NO}, {R, NO}, {P, NO}, {F, NO}}},
    {ENGINE_EV_HEALTHY,       {{S, NO}, {R, NO}, {R, NO}, {R, NO}, {P, NO}, {F, NO}}},
    {ENGINE_EV_STALLED,       {{S, NO}, {P, ENGINE_DO_KILL | ENGINE_DO_FAIL}, {P, ENGINE_DO_KILL | ENGINE_DO_FAIL}, {R, NO}, {P, NO}, {F, NO}}},
    {ENGINE_EV_GRACE_OVER,    {{S, NO}, {A, NO}, {L, NO}, {R, NO}, {P, ENGINE_DO_KILL}, {F, NO}}},
    {ENGINE_EV_EXITED,        {{S, NO}, {F, ENGINE_DO_RECOVER}, {F, ENGINE_DO_RECOVER}, {F, ENGINE_DO_RECOVER}, {S, NO}, {F, NO}}},
    {ENGINE_EV_EXITED_FAILED, {{S, NO}, {A, NO}, {L, NO}, {R, NO}, {F, NO}, {F, NO}}},
    {ENGINE_EV_EXITED_AGAIN,  {{S, NO}, {A, NO}, {L, NO}, {R, NO}, {A, ENGINE_DO_SPAWN}, {F, NO}}},
};
/* clang-format on */

static void every_state_knows_every_event(void **state)
{
    (void)state;
    assert_int_equal(sizeof cases / sizeof cases[0], ENGINE_N_EVENTS);
    for (int event = 0; event < ENGINE_N_EVENTS; event++) {
        assert_int_equal(cases[event].event, event);
        for (int from = 0; from < ENGINE_N_STATES; from++) {
            struct engine_step step = engine_step((enum engine_state)from, (enum engine_event)event);
            if (step.next != cases[event].from[from].next || step.actions != cases[event].from[from].actions)
                fail_msg("%s on %s: %s, actions %u", engine_state_name((enum engine_state)from),
                         engine_event_name((enum engine_event)event), engine_state_name(step.next),
                         step.actions);
        }
    }
}

/* A process is made only where there is none, and its end alone leads to where there is none. */
static void processes_are_made_and_end_where_the_states_say(void **state)
{
    (void)state;
    for (int from = 0; from < ENGINE_N_STATES; from++) {
        for (int event = 0; event < ENGINE_N_EVENTS; event++) {
            struct engine_step step = engine_step((enum engine_state)from, (enum engine_event)event);
            bool had = engine_state_has_process((enum engine_state)from);
            bool has = engine_state_has_process(step.next);
            bool ends = event == ENGINE_EV_EXITED || event == ENGINE_EV_EXITED_FAILED ||
                        event == ENGINE_EV_EXITED_AGAIN || event == ENGINE_EV_SPAWN_FAILED;
            if (had && !has)
                assert_true(ends);
            if (!had && has)
                assert_true(step.actions & ENGINE_DO_SPAWN);
            if (step.actions & ENGINE_DO_SPAWN)
                assert_true(!had || ends);
            if (step.actions & (ENGINE_DO_END | ENGINE_DO_KILL))
                assert_int_equal(step.next, ENGINE_STOPPING);
        }
    }
}

static void failure_wins_over_a_start_that_waits(void **state)
{
    (void)state;
    assert_int_equal(engine_exit_event(ENGINE_STOPPING, true, true), ENGINE_EV_EXITED_FAILED);
    assert_int_equal(engine_exit_event(ENGINE_STOPPING, false, true), ENGINE_EV_EXITED_AGAIN);
    assert_int_equal(engine_exit_event(ENGINE_STOPPING, false, false), ENGINE_EV_EXITED);
    assert_int_equal(engine_exit_event(ENGINE_READY, false, true), ENGINE_EV_EXITED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_knows_every_event),
        cmocka_unit_test(processes_are_made_and_end_where_the_states_say),
        cmocka_unit_test(failure_wins_over_a_start_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
