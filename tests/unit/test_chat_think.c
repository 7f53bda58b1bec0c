/* When reasoning began and ended, however the stream is cut. */
#include "chat/chat_think.h"
#include "unit.h"

/* One event: 'r' reasoning, 'c' content, 't' a tool call. The n-th comes at 10 * n ms. */
struct event {
    char kind;
    const char *text;
};

static void borders(void **state)
{
    (void)state;
    static const struct {
        struct event events[6];
        int64_t took_ms; /* at 100 ms */
    } cases[] = {
        {{{'c', "Hello"}, {'c', " you"}}, -1},
        {{{'r', "hm"}, {'r', " so"}, {'c', "Hello"}, {'c', "!"}}, 20},
        {{{'r', "hm"}, {'r', " so"}}, 90},
        {{{'r', "hm"}, {'c', "\n\n"}, {'c', "Hello"}}, 20},
        {{{'r', "hm"}, {'c', "Hello"}, {'r', "more"}, {'c', "x"}}, 10},
        {{{'r', "hm"}, {'t', ""}, {'r', "hm"}}, 10},
        {{{'c', ""}, {'r', "hm"}, {'c', ""}, {'c', "x"}}, 20},
        {{{'c', "<think>"}, {'c', "hm"}, {'c', "</think>"}, {'c', "\n\n"}, {'c', "Hello"}}, 40},
        {{{'c', "<think>hm</think>Hello"}}, 0},
        {{{'c', " \n<thi"}, {'c', "nk>"}, {'c', "a </th"}, {'c', "ink>"}, {'c', "Hello"}}, 30},
        {{{'c', "<think>"}, {'c', "x < y </thin </think"}, {'c', ">"}, {'c', "z"}}, 30},
        {{{'c', "<think>"}, {'c', "<</think>"}, {'c', "z"}}, 20},
        {{{'c', "<think>"}, {'c', "still"}}, 90},
        {{{'c', "<thin air>"}, {'c', "</think>"}}, -1},
        {{{'c', "A tag: <think>"}, {'c', "b</think>"}}, -1},
        {{{'c', "<think>a</think>b"}, {'c', "<think>"}, {'c', "c"}}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct think t = {0};
        for (size_t j = 0; j < COUNT_OF(cases[i].events) && cases[i].events[j].kind; j++) {
            const struct event *ev = &cases[i].events[j];
            int64_t at = 10 * ((int64_t)j + 1);
            struct span text = span_str(ev->text), none = {0};
            if (ev->kind == 't')
                think_end(&t, at);
            else
                think_take(&t, ev->kind == 'r' ? text : none, ev->kind == 'c' ? text : none, at);
        }
        if (think_took_ms(&t, 100) != cases[i].took_ms)
            fail_msg("case %zu: %lld ms", i, (long long)think_took_ms(&t, 100));
    }
}

/* Cut into pieces at any two places, the same borders are found. */
static void any_cut(void **state)
{
    (void)state;
    static const char text[] = "\n<think>a <b> </think x</think>\n\nHello";
    size_t len = strlen(text), opened = strlen("\n<think>"), spoke = len - strlen("ello");
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            struct think t = {0};
            size_t ends[] = {a, b, len}, from = 0;
            int64_t begun = 0, ended = 0;
            for (size_t i = 0; i < 3; i++) {
                think_take(&t, (struct span){0}, span_of(text + from, ends[i] - from), (int64_t)i + 1);
                begun = !begun && ends[i] >= opened ? (int64_t)i + 1 : begun;
                ended = !ended && ends[i] >= spoke ? (int64_t)i + 1 : ended;
                from = ends[i];
            }
            assert_int_equal(t.begun_ms, begun);
            assert_int_equal(t.ended_ms, ended);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(borders), cmocka_unit_test(any_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
