/* The demo finds the right topic for questions in other words, and knows what is not its business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "demo/demo_match.h"
#include "demo/demo_words.h"

struct fixture {
    struct demo_topics *topics;
    struct demo_match *match;
    struct strv expected; /* topic ids, "-" for none */
    struct strv texts;
};

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    AUTO(buf) struct buf *b = buf_new();
    size_t n;
    while ((n = fread(buf_reserve(b, 4096), 1, 4096, f)) > 0)
        b->len += n;
    fclose(f);
    return buf_take_str(b);
}

static void read_questions(struct fixture *fx, const char *path)
{
    AUTO(mem) char *file = read_file(path);
    struct span rest = span_str(file);
    while (rest.p) {
        struct span line = span_trim(span_cut(rest, '\n', &rest));
        if (!line.len || line.p[0] == ';')
            continue;
        struct span text;
        struct span id = line.p[0] == '-' ? span_cut(line, ' ', &text) : span_cut(line, '|', &text);
        AUTO(mem) char *id_text = span_dup(span_trim(id));
        AUTO(mem) char *question = span_dup(span_trim(text));
        strv_add(&fx->expected, id_text);
        strv_add(&fx->texts, question);
    }
}

static int set_up(void **state)
{
    struct fixture *fx = xcalloc(1, sizeof *fx);
    struct err_text why;
    if (demo_topics_parse(demo_topics_text(), &fx->topics, &why))
        fail_msg("%s", why.text);
    fx->match = demo_match_new(fx->topics);
    const char *path = getenv("DEMO_PARAPHRASES");
    read_questions(fx, path ? path : UNIT_TESTS_DIR "/demo_paraphrases.txt");
    *state = fx;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fx = *state;
    demo_match_free(fx->match);
    demo_topics_free(fx->topics);
    strv_release(&fx->expected);
    strv_release(&fx->texts);
    free(fx);
    return 0;
}

static const char *answered_by(const struct fixture *fx, const char *text)
{
    ptrdiff_t topic = demo_match_find(fx->match, span_str(text));
    return topic < 0 ? "-" : fx->topics->v[topic].id;
}

static void finds_paraphrases(void **state)
{
    const struct fixture *fx = *state;
    int n = 0, hits = 0;
    for (size_t i = 0; i < fx->texts.n; i++) {
        if (str_eq(fx->expected.v[i], "-"))
            continue;
        const char *id = answered_by(fx, fx->texts.v[i]);
        n++;
        if (str_eq(id, fx->expected.v[i])) {
            hits++;
            continue;
        }
        double likeness = 0;
        ptrdiff_t nearest = demo_match_nearest(fx->match, span_str(fx->texts.v[i]), &likeness);
        print_message("# missed: \"%s\" is %s, answered by %s (nearest %s, %.2f)\n", fx->texts.v[i],
                      fx->expected.v[i], id, nearest < 0 ? "-" : fx->topics->v[nearest].id, likeness);
    }
    print_message("# %d of %d paraphrases found their topic\n", hits, n);
    assert_true(n >= 100);
    assert_true(hits * 100 >= n * 80);
}

static void admits_what_it_does_not_know(void **state)
{
    const struct fixture *fx = *state;
    int n = 0, honest = 0;
    for (size_t i = 0; i < fx->texts.n; i++) {
        if (!str_eq(fx->expected.v[i], "-"))
            continue;
        const char *id = answered_by(fx, fx->texts.v[i]);
        n++;
        honest += str_eq(id, "-");
        if (!str_eq(id, "-"))
            print_message("# \"%s\" was answered by %s\n", fx->texts.v[i], id);
    }
    print_message("# %d of %d unrelated questions were declined\n", honest, n);
    assert_true(n >= 30);
    assert_true(honest * 10 >= n * 9);
}

/* As the index sees it: case, punctuation and blanks do not make a question another one. */
static char *plain(const char *text)
{
    struct demo_word words[DEMO_MAX_WORDS];
    size_t n = demo_words(span_str(text), words);
    AUTO(buf) struct buf *b = buf_new();
    for (size_t i = 0; i < n; i++)
        buf_addf(b, "%s ", words[i].text);
    return buf_take_str(b);
}

static void paraphrases_are_not_in_the_topics(void **state)
{
    const struct fixture *fx = *state;
    AUTO(map) struct map *phrases = map_new();
    for (size_t t = 0; t < fx->topics->n; t++)
        for (size_t p = 0; p < fx->topics->v[t].phrases.n; p++) {
            AUTO(mem) char *phrase = plain(fx->topics->v[t].phrases.v[p]);
            map_put(phrases, phrase, &phrases);
        }
    for (size_t i = 0; i < fx->texts.n; i++) {
        AUTO(mem) char *question = plain(fx->texts.v[i]);
        if (map_get_str(phrases, question))
            fail_msg("in topics.txt word for word: %s", fx->texts.v[i]);
        if (!str_eq(fx->expected.v[i], "-") && demo_topics_find(fx->topics, fx->expected.v[i]) < 0)
            fail_msg("no such topic: %s", fx->expected.v[i]);
    }
}

static void every_phrase_finds_its_own_topic(void **state)
{
    const struct fixture *fx = *state;
    for (size_t t = 0; t < fx->topics->n; t++) {
        const struct demo_topic *topic = &fx->topics->v[t];
        assert_true(topic->phrases.n > 0);
        if (topic->kind != DEMO_SHOW && !topic->answer.len)
            fail_msg("%s has no answer", topic->id);
        for (size_t p = 0; p < topic->phrases.n; p += 1 + topic->phrases.n / 8)
            if (!str_eq(answered_by(fx, topic->phrases.v[p]), topic->id))
                fail_msg("\"%s\" of %s is answered by %s", topic->phrases.v[p], topic->id,
                         answered_by(fx, topic->phrases.v[p]));
    }
}

static void small_talk_loses(void **state)
{
    const struct fixture *fx = *state;
    assert_string_equal(answered_by(fx, "Hi! How do I add a model?"), "addmodel");
    assert_string_equal(answered_by(fx, "Thanks. And what is an API key? Bye!"), "apikey");
    assert_string_equal(answered_by(fx, "Hello!"), "talk/hi");
}

/* The page's own first suggestions (EmptyChat.svelte): a newcomer clicks these. */
static void answers_what_an_empty_chat_offers(void **state)
{
    const struct fixture *fx = *state;
    assert_string_equal(answered_by(fx, "What can hob do?"), "hob");
    assert_string_equal(answered_by(fx, "What happens when I send while a model is loading?"), "attempt");
    assert_string_equal(answered_by(fx, "Show me a table and some code"), "show/markdown");
}

static void takes_any_bytes(void **state)
{
    const struct fixture *fx = *state;
    assert_string_equal(answered_by(fx, ""), "-");
    assert_string_equal(answered_by(fx, " \n\t?!.. ..."), "-");
    assert_string_equal(answered_by(fx, "\xff\xfe\x80 \xf0\x9f\x98\x80 \xe4\xb8\xad\xe6\x96\x87"), "-");
    AUTO(buf) struct buf *b = buf_new();
    for (int i = 0; i < 20000; i++)
        buf_addf(b, "%c%s", 'a' + i % 26, i % 7 ? "" : " ");
    assert_string_equal(answered_by(fx, buf_str(b)), "-");
}

static void stems_and_distances(void **state)
{
    (void)state;
    static const char *const same[][2] = {{"loading", "load"},    {"loads", "load"},
                                          {"loaded", "load"},     {"stopping", "stop"},
                                          {"stopped", "stop"},    {"deleting", "delete"},
                                          {"queries", "query"},   {"installed", "install"},
                                          {"process", "process"}, {"conversations", "conversation"}};
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        struct demo_word a, b;
        snprintf(a.text, sizeof a.text, "%s", same[i][0]);
        snprintf(b.text, sizeof b.text, "%s", same[i][1]);
        demo_word_stem(&a);
        demo_word_stem(&b);
        assert_string_equal(a.text, b.text);
    }
    assert_int_equal(demo_word_distance("server", "server", 2), 0);
    assert_int_equal(demo_word_distance("sevrer", "server", 2), 1);
    assert_int_equal(demo_word_distance("sever", "server", 2), 1);
    assert_int_equal(demo_word_distance("serfer", "server", 2), 1);
    assert_int_equal(demo_word_distance("kitten", "sitting", 3), 3);
    assert_int_equal(demo_word_distance("kitten", "sitting", 2), 3);
    assert_int_equal(demo_word_distance("", "ab", 2), 2);
}

static void names_a_faulty_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"how do i start\n", "line 1"},
        {"# a\nhow (do|can i\n", "line 2"},
        {"# a\n(a|b|c|d|e) (a|b|c|d|e) (a|b|c|d)\n", "line 2"},
        {"; c\n\n> text\n", "line 3"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct demo_topics *topics = NULL;
        struct err_text why;
        assert_int_equal(demo_topics_parse(span_str(cases[i].text), &topics, &why), ERR_INVALID);
        assert_non_null(strstr(why.text, cases[i].why));
    }
    struct demo_topics *topics = NULL;
    struct err_text why;
    assert_int_equal(demo_topics_parse(span_str("# a\nx [y|z] (1|2)\n> one\n>\n>   two\n"), &topics, &why),
                     ERR_OK);
    assert_int_equal(topics->v[0].phrases.n, 6);
    assert_string_equal(topics->v[0].phrases.v[0], "x 1");
    assert_string_equal(topics->v[0].phrases.v[5], "x z 2");
    assert_string_equal(buf_str(&topics->v[0].answer), "one\n\n  two");
    demo_topics_free(topics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_paraphrases),
        cmocka_unit_test(admits_what_it_does_not_know),
        cmocka_unit_test(paraphrases_are_not_in_the_topics),
        cmocka_unit_test(every_phrase_finds_its_own_topic),
        cmocka_unit_test(small_talk_loses),
        cmocka_unit_test(answers_what_an_empty_chat_offers),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(stems_and_distances),
        cmocka_unit_test(names_a_faulty_line),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
