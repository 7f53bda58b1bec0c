/* Load progress out of what engines print and what the kernel counts: at every split, never falling. */
#include "unit.h"

#include <unistd.h>

#include "engine/engine_meter.h"
#include "engine/engine_progress.h"

#define assert_near(a, b) assert_true((a) - (b) < 0.0005 && (b) - (a) < 0.0005)
#define STATE             "cmd_child_to_router:state:"

static void llama_protocol_is_read_at_every_split(void **state)
{
    (void)state;
    static const char text[] =
        "some line\n" STATE
        "{\"state\":\"loading\",\"payload\":{\"stages\":[\"text_model\",\"mmproj\"],\"current\":\"text_model\","
        "\"value\":0.31}}\r\n" STATE
        "{\"state\":\"loading\",\"payload\":{\"stages\":[\"text_model\",\"mmproj\"],"
        "\"current\":\"mmproj\",\"value\":0.5}}\n";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct engine_llama p;
        engine_llama_init(&p);
        engine_llama_feed_out(&p, span_of(text, cut));
        if (cut < 200)
            assert_true(p.value <= 0.156);
        engine_llama_feed_out(&p, span_of(text + cut, sizeof text - 1 - cut));
        assert_near(p.value, 0.75);
        assert_string_equal(p.stage, "mmproj");
        assert_true(p.speaks);
        assert_false(p.loaded);
    }
}

static void llama_protocol_survives_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        double value;
        bool loaded;
    } cases[] = {
        {STATE "{\"state\":\"ready\"}", 1, true},
        {STATE "{\"state\":\"loading\",\"payload\":{\"value\":0.4}}", 0.4, false},
        {STATE "{\"state\":\"loading\",\"payload\":{\"stages\":[],\"current\":\"x\",\"value\":0.4}}", 0.4,
         false},
        {STATE "{\"state\":\"loading\",\"payload\":{\"value\":1.5}}", -1, false},
        {STATE "{\"state\":\"loading\",\"payload\":{\"value\":-3}}", -1, false},
        {STATE "{\"state\":\"loading\",\"payload\":{\"value\":\"0.5\"}}", -1, false},
        {STATE "{\"state\":\"loading\",\"payload\":7}", -1, false},
        {STATE "{\"state\":7}", -1, false},
        {STATE "[1]", -1, false},
        {STATE "{", -1, false},
        {STATE, -1, false},
        {"x" STATE "{\"state\":\"ready\"}", -1, false},
        {"", -1, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct engine_llama p;
        engine_llama_init(&p);
        engine_llama_feed_out(&p, span_str(cases[i].line));
        engine_llama_feed_out(&p, SPAN_LIT("\n"));
        assert_near(p.value, cases[i].value);
        assert_int_equal(p.loaded, cases[i].loaded);
    }
    /* an endless line, then a good one */
    struct engine_llama p;
    engine_llama_init(&p);
    for (int i = 0; i < 5000; i++)
        engine_llama_feed_out(&p, SPAN_LIT(STATE));
    engine_llama_feed_out(&p, SPAN_LIT("\n" STATE "{\"state\":\"ready\"}\n"));
    assert_true(p.loaded);
}

static void dots_are_percents(void **state)
{
    (void)state;
    struct engine_llama p;
    engine_llama_init(&p);
    engine_llama_feed_err(&p, SPAN_LIT("loading... one moment....\n.."));
    assert_near(p.dots_value, -1);
    for (int i = 0; i < 40; i++)
        engine_llama_feed_err(&p, SPAN_LIT("."));
    assert_near(p.dots_value, 0.42);
    for (int i = 0; i < 400; i++)
        engine_llama_feed_err(&p, SPAN_LIT("."));
    assert_near(p.dots_value, 1);
}

static void bars_of_vllm_are_read_at_every_split(void **state)
{
    (void)state;
    static const char text[] =
        "\rLoading safetensors checkpoint shards:   0% Completed | 0/37 [00:00<?, ?it/s]\n"
        "\rLoading safetensors checkpoint shards:  54% Completed | 20/37 [01:27<01:19,  4.66s/it]";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct engine_shards p;
        engine_shards_init(&p);
        engine_shards_feed(&p, span_of(text, cut));
        engine_shards_feed(&p, span_of(text + cut, sizeof text - 1 - cut));
        assert_near(p.value, 20.0 / 37 * 0.85);
        assert_int_equal(p.left_s, 79);
        assert_string_equal(p.text, "loading weights");
    }
    struct engine_shards p;
    engine_shards_init(&p);
    engine_shards_feed(&p, SPAN_LIT("Loading weights took 12.50 seconds\n"));
    assert_near(p.value, 0.85);
    engine_shards_feed(
        &p, SPAN_LIT("\rCapturing CUDA graphs:  40%|####      | 14/35 [00:05<01:00:08,  2.5it/s]"));
    assert_near(p.value, 0.936);
    assert_int_equal(p.left_s, 3608);
    engine_shards_feed(&p, SPAN_LIT("\rLoading checkpoint shards: 1% | 1/100 [00:05<00:08,  2.5it/s]"));
    assert_near(p.value, 0.936); /* never back */
    engine_shards_feed(&p, SPAN_LIT("\nINFO:     Application startup complete.\n"));
    assert_near(p.value, 1);
}

static void broken_bars_tell_nothing(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "checkpoint shards: | 20/0 [00:00<00:01, x]",
        "checkpoint shards: | 30/20 [00:00<00:01, x]",
        "checkpoint shards: | -1/20 [00:00<00:01, x]",
        "checkpoint shards: 20/37 [00:00<00:01",
        "checkpoint shards: | 20/37",
        "checkpoint shards: 50%",
        "checkpoint shards: ||||[]",
        "| 20/37 [00:00<00:01, x]",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct engine_shards p;
        engine_shards_init(&p);
        engine_shards_feed(&p, span_str(cases[i]));
        engine_shards_feed(&p, SPAN_LIT("\n"));
        assert_near(p.value, -1);
    }
}

static void bytes_count_reads_or_pages(void **state)
{
    (void)state;
    struct engine_sample mapped = {.read_bytes = 10, .file_bytes = 300, .anon_bytes = 100};
    struct engine_sample direct = {.read_bytes = 700, .anon_bytes = 100};
    struct engine_sample all = {.read_bytes = 5000};
    assert_near(engine_bytes_value(&mapped, 1000), 0.4);
    assert_near(engine_bytes_value(&direct, 1000), 0.7);
    assert_near(engine_bytes_value(&all, 1000), 0.97);
    assert_near(engine_bytes_value(&all, 0), -1);
    assert_near(engine_time_value(500, 1000), 0.5);
    assert_near(engine_time_value(5000, 1000), 0.95);
    assert_near(engine_time_value(5000, 0), -1);
}

static void load_takes_the_best_source_and_never_falls(void **state)
{
    (void)state;
    struct engine_load l;
    struct engine_progress p;
    struct engine_sample s = {.read_bytes = 300};
    engine_load_begin(&l, ENGINE_LLAMA, 1000, 10000, 1000);
    engine_load_estimate(&l, 1000, &p);
    assert_near(p.value, -1);
    assert_int_equal(p.left_s, 10); /* as the last load */
    engine_load_sample(&l, &s, 1500);
    assert_near(l.value, -1); /* llama-server may still tell itself */
    engine_load_sample(&l, &s, 3000);
    assert_near(l.value, 0.3);
    assert_int_equal(l.source, ENGINE_SOURCE_BYTES);
    engine_load_feed(
        &l, 1,
        SPAN_LIT(STATE "{\"state\":\"loading\",\"payload\":{\"current\":\"text_model\",\"value\":0.2}}\n"),
        3100);
    assert_near(l.value, 0.3);
    engine_load_feed(
        &l, 1,
        SPAN_LIT(STATE "{\"state\":\"loading\",\"payload\":{\"current\":\"text_model\",\"value\":0.6}}\n"),
        6000);
    engine_load_estimate(&l, 6000, &p);
    assert_near(p.value, 0.6);
    assert_int_equal(p.source, ENGINE_SOURCE_PROTOCOL);
    assert_string_equal(p.text, "loading weights");
    assert_int_equal(p.left_s, 4); /* 0.3 took 3 s, 0.4 are left */
    assert_true(engine_load_has_begun(&l));
}

static void only_work_keeps_a_load_from_stalling(void **state)
{
    (void)state;
    struct engine_load l;
    struct engine_sample s = {.cpu_ms = 100};
    engine_load_begin(&l, ENGINE_GENERIC, 0, 60000, 1000);
    engine_load_sample(&l, &s, 2000);
    for (int i = 1; i <= 20;
         i++) { /* 1 % of a CPU and a few bytes: it waits; time passes against the last load */
        s.cpu_ms += 10;
        s.read_bytes += 100;
        engine_load_sample(&l, &s, 2000 + i * 1000);
    }
    assert_int_equal(l.moved_ms, 1000);
    assert_true(l.value > 0.3);
    s.cpu_ms += 500;
    engine_load_sample(&l, &s, 23000);
    assert_int_equal(l.moved_ms, 23000);
    s.file_bytes += 2 << 20;
    engine_load_sample(&l, &s, 24000);
    assert_int_equal(l.moved_ms, 24000);
    s.write_bytes += 100000;
    engine_load_sample(&l, &s, 25000);
    assert_int_equal(l.moved_ms, 25000);
    engine_load_feed(&l, 2, SPAN_LIT("x"), 26000);
    assert_int_equal(l.moved_ms, 26000);
}

static void proc_files_are_understood(void **state)
{
    (void)state;
    struct span status = SPAN_LIT("Name:\tx\nRssAnon:\t    12 kB\nRssFile:\t 3 kB\n");
    assert_int_equal(engine_meter_status_bytes(status, "RssAnon"), 12 * 1024);
    assert_int_equal(engine_meter_status_bytes(status, "RssShmem"), 0);
    assert_int_equal(engine_meter_field(SPAN_LIT("oom 1\noom_kill 7\n"), "oom_kill"), 7);
    assert_int_equal(engine_meter_field(SPAN_LIT("oom_kill_x 7\n"), "oom_kill"), -1);
    assert_int_equal(engine_meter_stat_ticks(SPAN_LIT("7 (a) b) 1) S 1 2 3 4 5 6 7 8 9 10 100 23 0 0")), 123);
    assert_int_equal(engine_meter_stat_ticks(SPAN_LIT("7 (a) S 1 2 3")), -1);
    assert_int_equal(engine_meter_stat_ticks(SPAN_LIT("")), -1);
    struct engine_sample s;
    assert_true(engine_meter_read((int)getpid(), &s));
    assert_true(s.anon_bytes > 0 && s.file_bytes > 0);
    assert_false(engine_meter_read(0, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_protocol_is_read_at_every_split),
        cmocka_unit_test(llama_protocol_survives_nonsense),
        cmocka_unit_test(dots_are_percents),
        cmocka_unit_test(bars_of_vllm_are_read_at_every_split),
        cmocka_unit_test(broken_bars_tell_nothing),
        cmocka_unit_test(bytes_count_reads_or_pages),
        cmocka_unit_test(load_takes_the_best_source_and_never_falls),
        cmocka_unit_test(only_work_keeps_a_load_from_stalling),
        cmocka_unit_test(proc_files_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
