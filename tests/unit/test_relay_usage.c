/* What an answer says about its tokens: every case fed whole, byte by byte, and cut at every place. */
#include "relay/relay.h"
#include "unit.h"

static const struct {
    const char *what, *in;
    int64_t tokens_in, tokens_out;
    double tokens_per_s;
} cases[] = {
    {"nothing", "", -1, -1, -1},
    {"no usage", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n", -1, -1, -1},
    {"OpenAI, whole",
     "{\"id\":\"x\",\"choices\":[{\"message\":{\"content\":\"Hi\"}}],\"usage\":{\"prompt_tokens\":9,"
     "\"completion_tokens\":12,\"total_tokens\":21,\"prompt_tokens_details\":{\"cached_tokens\":4}}}",
     9, 12, -1},
    {"OpenAI, streamed with include_usage",
     "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\n\n"
     "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12}}\n\ndata: [DONE]\n\n",
     9, 12, -1},
    {"vLLM, counting on",
     "data: {\"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 1}}\n\n"
     "data: {\"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 2}}\n\n",
     7, 2, -1},
    {"llama-server's timings",
     "data: {\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{}}],\"timings\":{\"cache_n\":236,\"prompt_n\":1,"
     "\"prompt_ms\":30.9,\"predicted_n\":35,\"predicted_ms\":661.0,\"predicted_per_second\":52.9}}\n\n",
     237, 35, 52.9},
    {"timings, then usage",
     "{\"timings\":{\"prompt_n\":1,\"predicted_n\":35,\"predicted_per_second\":50},\"usage\":{\"prompt_tokens\":240,"
     "\"completion_tokens\":36}}",
     240, 36, 50},
    {"usage, then timings",
     "{\"usage\":{\"prompt_tokens\":240,\"completion_tokens\":36},\"timings\":{\"prompt_n\":1,\"predicted_n\":35,"
     "\"predicted_per_second\":50}}",
     240, 36, 50},
    {"one token takes no time",
     "{\"timings\":{\"prompt_n\":3,\"predicted_n\":1,\"predicted_per_second\":1000000}}", 3, 1, -1},
    {"Anthropic, streamed",
     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,"
     "\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":5,\"output_tokens\":1}}}\n\n"
     "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
     "\"usage\":{\"output_tokens\":15}}\n\n",
     130, 15, -1},
    {"Anthropic, whose end says 0 for the prompt",
     "data: {\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":0}}}\n\n"
     "data: {\"usage\":{\"input_tokens\":0,\"output_tokens\":15}}\n\n",
     25, 15, -1},
    {"Responses, streamed",
     "event: response.completed\ndata: {\"response\":{\"output\":[],\"usage\":{\"input_tokens\":37,"
     "\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":11,\"output_tokens_details\":"
     "{\"reasoning_tokens\":2},\"total_tokens\":48}}}\n\n",
     37, 11, -1},
    {"embeddings, usage before the data",
     "{\"object\":\"list\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8},\"data\":[{\"embedding\":[0.1,0.2]}]}",
     8, 0, -1},
    {"an answer that talks of usage",
     "data: {\"delta\":{\"content\":\"{\\\"usage\\\":{\\\"prompt_tokens\\\":1,\\\"completion_tokens\\\":2}}\"}}\n\n",
     -1, -1, -1},
    {"\"usage\" as a value", "{\"a\":\"usage\",\"b\":{\"prompt_tokens\":1}}", -1, -1, -1},
    {"usage that is a list", "{\"usage\":[{\"prompt_tokens\":1}]}", -1, -1, -1},
    {"an object in a string of it",
     "{\"usage\":{\"x\":\"}\\\"}\",\"prompt_tokens\":4,\"completion_tokens\":5}}", 4, 5, -1},
    {"blanks", "{\"usage\" :\r\n   {\"prompt_tokens\" : 4, \"completion_tokens\" : 5 }}", 4, 5, -1},
    {"a name that only ends so", "{\"my_usage\":{\"prompt_tokens\":4}, \"usage\", {\"prompt_tokens\":5}}", -1,
     -1, -1},
    {"an object behind one", "{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5}{\"prompt_tokens\":9}}",
     4, 5, -1},
    {"numbers that are none", "{\"usage\":{\"prompt_tokens\":-3,\"completion_tokens\":1e30}}", -1, -1, -1},
    {"no JSON", "{\"usage\":{prompt_tokens:3}}", -1, -1, -1},
    {"cut off", "{\"usage\":{\"prompt_tokens\":3,", -1, -1, -1},
};

/* Each piece in memory of its own, so that a sanitizer sees a look at old bytes. */
static void feed_copy(struct relay_usage *u, struct span piece)
{
    AUTO(mem) char *copy = xmemdup(piece.len ? piece.p : "", piece.len + (piece.len == 0));
    relay_usage_feed(u, span_of(copy, piece.len));
}

static void expect(const struct relay_usage *u, size_t i)
{
    if (u->tokens_in != cases[i].tokens_in || u->tokens_out != cases[i].tokens_out)
        fail_msg("%s: %lld in, %lld out", cases[i].what, (long long)u->tokens_in, (long long)u->tokens_out);
    assert_float_equal(u->tokens_per_s, cases[i].tokens_per_s, 0.001);
}

static void figures_are_the_same_however_the_bytes_are_cut(void **state)
{
    (void)state;
    struct relay_usage u;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span input = span_str(cases[i].in);
        for (size_t cut = 0; cut <= input.len; cut++) {
            relay_usage_init(&u);
            feed_copy(&u, span_of(input.p, cut));
            feed_copy(&u, span_of(input.p + cut, input.len - cut));
            expect(&u, i);
            relay_usage_release(&u);
        }
        relay_usage_init(&u);
        for (size_t at = 0; at < input.len; at++)
            feed_copy(&u, span_of(input.p + at, 1));
        expect(&u, i);
        relay_usage_release(&u);
    }
}

static void an_endless_object_is_passed_over(void **state)
{
    (void)state;
    struct relay_usage u;
    relay_usage_init(&u);
    feed_copy(&u, SPAN_LIT("{\"usage\":{\"prompt_tokens\":3,\"x\":\""));
    for (int i = 0; i < 1000; i++) {
        feed_copy(&u, SPAN_LIT("0123456789"));
        assert_true(u.object.len <= RELAY_MAX_USAGE_BYTES);
    }
    feed_copy(&u, SPAN_LIT("\"}}\n{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}"));
    assert_int_equal(u.tokens_in, 5);
    assert_int_equal(u.tokens_out, 6);
    relay_usage_release(&u);
}

static void speed_is_the_engines_or_what_was_seen(void **state)
{
    (void)state;
    struct relay_usage u;
    relay_usage_init(&u);
    assert_true(relay_usage_speed(&u, 1000) < 0);
    u.tokens_out = 101;
    assert_float_equal(relay_usage_speed(&u, 2000), 50, 0.001);
    assert_true(relay_usage_speed(&u, 0) < 0);
    u.tokens_per_s = 33;
    assert_float_equal(relay_usage_speed(&u, 2000), 33, 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_the_same_however_the_bytes_are_cut),
        cmocka_unit_test(an_endless_object_is_passed_over),
        cmocka_unit_test(speed_is_the_engines_or_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
