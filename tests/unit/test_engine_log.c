/* An engine's log: lines out of chunks, cleaned, bounded, and on disk. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine_log.h"

static void join(const struct engine_log_line *line, void *arg)
{
    struct buf *out = arg;
    buf_addf(out, "%d %s %.*s|", (int)line->n, line->stream, SPAN_ARG(line->text));
}

static void chunks_become_lines(void **state)
{
    (void)state;
    static const struct {
        const char *in, *lines;
    } cases[] = {
        {"a\nb\n", "1 out a|2 out b|"},
        {"a\r\nb\r\n", "1 out a|2 out b|"},
        {"10 %\r20 %\r30 %\n", "1 out 30 %|"},
        {"10 %\r\r\n", "1 out 10 %|"},
        {"no end", "1 out no end|"},
        {"\n\n", "1 out |2 out |"},
        {"tab\there\n", "1 out tab\there|"},
        {"\x1b[1;31mred\x1b[0m\n", "1 out \x1b[1;31mred\x1b[0m|"},
        {"\x1b[2J\x1b[Hclear\n", "1 out clear|"},
        {"\x1b]0;title\x07text\n", "1 out text|"},
        {"\x1b]0;title\x1b\\text\n", "1 out text|"},
        {"\x1b[?25lhidden\x1b(0\n", "1 out hidden0|"},
        {"cut \x1b[3\n", "1 out cut |"},
        {"cut \x1b\n", "1 out cut |"},
        {"\xc2\x9b"
         "31mcsi\n",
         "1 out 31mcsi|"},
        {"bell\x07 del\x7f\n", "1 out bell\xef\xbf\xbd del\xef\xbf\xbd|"},
        {"bad \xff\xc3 utf\n", "1 out bad \xef\xbf\xbd\xef\xbf\xbd utf|"},
        {"good \xc3\xa4\xe2\x82\xac\n", "1 out good \xc3\xa4\xe2\x82\xac|"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t len = strlen(cases[i].in);
        for (size_t cut = 0; cut <= len; cut++) {
            struct engine_log *log = engine_log_new(NULL, NULL);
            struct buf got = {0};
            engine_log_feed(log, ENGINE_STREAM_OUT, span_of(cases[i].in, cut), 1);
            engine_log_feed(log, ENGINE_STREAM_OUT, span_of(cases[i].in + cut, len - cut), 1);
            engine_log_flush(log, 1);
            (void)engine_log_each(log, 0, join, &got);
            assert_string_equal(buf_str(&got), cases[i].lines);
            buf_release(&got);
            engine_log_free(log);
        }
    }
}

static void nul_is_replaced_and_streams_do_not_mix(void **state)
{
    (void)state;
    struct engine_log *log = engine_log_new(NULL, NULL);
    struct buf got = {0};
    engine_log_feed(log, ENGINE_STREAM_OUT, span_of("a\0b", 3), 1);
    engine_log_feed(log, ENGINE_STREAM_ERR, SPAN_LIT("err\n"), 1);
    engine_log_line(log, ENGINE_STREAM_HOB, SPAN_LIT("hob says\nthis"), 1);
    engine_log_feed(log, ENGINE_STREAM_OUT, SPAN_LIT("c\n"), 1);
    engine_log_hide(log, "secret:");
    engine_log_feed(log, ENGINE_STREAM_OUT, SPAN_LIT("secret: x\nshown\n"), 1);
    (void)engine_log_each(log, 0, join, &got);
    assert_string_equal(buf_str(&got), "1 err err|2 hob hob says\xef\xbf\xbdthis|3 out a\xef\xbf\xbd"
                                       "bc|4 out shown|");
    buf_release(&got);
    engine_log_free(log);
}

static void ring_keeps_the_newest(void **state)
{
    (void)state;
    struct engine_log *log = engine_log_new(NULL, NULL);
    struct buf got = {0};
    for (int i = 1; i <= ENGINE_LOG_LINES + 500; i++) {
        AUTO(mem) char *text = xasprintf("line %d\n", i);
        engine_log_feed(log, ENGINE_STREAM_OUT, span_str(text), 1);
    }
    int64_t newest = engine_log_each(log, ENGINE_LOG_LINES + 498, join, &got);
    assert_int_equal(newest, ENGINE_LOG_LINES + 500);
    assert_string_equal(buf_str(&got), "2499 out line 2499|2500 out line 2500|");
    buf_clear(&got);
    (void)engine_log_each(log, 0, join, &got);
    assert_true(span_starts(buf_span(&got), "501 out line 501|"));
    buf_clear(&got);
    assert_int_equal(engine_log_each(log, newest, join, &got), newest);
    assert_int_equal(engine_log_each(log, INT64_MAX, join, &got), newest);
    assert_int_equal(got.len, 0);
    (void)engine_log_each(log, INT64_MIN, join, &got);
    assert_true(got.len > 0);
    buf_release(&got);
    engine_log_free(log);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    struct engine_log *log = engine_log_new(NULL, NULL);
    struct buf got = {0};
    for (int i = 0; i < 10000; i++)
        engine_log_feed(log, ENGINE_STREAM_ERR, SPAN_LIT("\xe2\x82\xac\x01"), 1);
    engine_log_feed(log, ENGINE_STREAM_ERR, SPAN_LIT("\nnext\n"), 1);
    (void)engine_log_each(log, 0, join, &got);
    assert_true(got.len <= ENGINE_LOG_LINE_BYTES + 30);
    assert_true(got.len >= ENGINE_LOG_LINE_BYTES - 10);
    assert_true(utf8_is_valid(buf_span(&got)));
    assert_true(span_ends(buf_span(&got), "|2 err next|"));
    buf_release(&got);
    engine_log_free(log);
}

static void tail_is_what_the_engine_said_last(void **state)
{
    (void)state;
    struct engine_log *log = engine_log_new(NULL, NULL);
    struct strv lines = {0};
    engine_log_feed(log, ENGINE_STREAM_OUT, SPAN_LIT("old start\n"), 1);
    int64_t first = engine_log_newest(log) + 1;
    engine_log_line(log, ENGINE_STREAM_HOB, SPAN_LIT("started"), 1);
    engine_log_feed(log, ENGINE_STREAM_OUT, SPAN_LIT("a\n\x1b[31mb\x1b[0m\nc\n"), 1);
    engine_log_line(log, ENGINE_STREAM_HOB, SPAN_LIT("note"), 1);
    engine_log_tail(log, first, 2, &lines);
    assert_int_equal(lines.n, 2);
    assert_string_equal(lines.v[0], "b");
    assert_string_equal(lines.v[1], "c");
    strv_release(&lines);
    engine_log_tail(log, first, 20, &lines);
    assert_int_equal(lines.n, 3);
    strv_release(&lines);
    engine_log_tail(log, engine_log_newest(log) + 1, 20, &lines);
    assert_int_equal(lines.n, 0);
    engine_log_free(log);
}

static int64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void file_is_appended_and_rotated(void **state)
{
    (void)state;
    char dir[] = "/tmp/hob-test-log-XXXXXX";
    assert_non_null(mkdtemp(dir));
    AUTO(mem) char *path = xasprintf("%s/x.log", dir);
    AUTO(mem) char *path1 = xasprintf("%s/x.log.1", dir);
    AUTO(mem) char *path2 = xasprintf("%s/x.log.2", dir);
    AUTO(mem) char *path3 = xasprintf("%s/x.log.3", dir);
    struct engine_log_line line = {1, 1764021845123, "err", SPAN_LIT("hello")};
    for (int round = 0; round < 5; round++) {
        struct loop *l = loop_new();
        struct engine_log_file *f = engine_log_file_new(l, dir, "x");
        engine_log_file_add(f, &line);
        engine_log_file_add(f, &line);
        engine_log_file_close(f);
        loop_run(l);
        loop_free(l);
        assert_int_equal(file_bytes(path), 2 * (int64_t)strlen("2025-11-24T22:04:05.123Z err hello\n"));
        if (round == 0) {
            char text[64] = "";
            FILE *file = fopen(path, "r");
            assert_non_null(file);
            assert_non_null(fgets(text, sizeof text, file));
            assert_string_equal(text, "2025-11-24T22:04:05.123Z err hello\n");
            (void)fclose(file);
        }
        assert_int_equal(truncate(path, ENGINE_LOG_FILE_BYTES + round), 0);
    }
    assert_int_equal(file_bytes(path1), ENGINE_LOG_FILE_BYTES + 3);
    assert_int_equal(file_bytes(path2), ENGINE_LOG_FILE_BYTES + 2);
    assert_int_equal(file_bytes(path3), -1);
    (void)unlink(path);
    (void)unlink(path1);
    (void)unlink(path2);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_become_lines),
        cmocka_unit_test(nul_is_replaced_and_streams_do_not_mix),
        cmocka_unit_test(ring_keeps_the_newest),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(tail_is_what_the_engine_said_last),
        cmocka_unit_test(file_is_appended_and_rotated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
