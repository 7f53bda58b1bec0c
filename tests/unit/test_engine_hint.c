/* Reasons and hints for the ends of engines. */
#include "unit.h"

#include <errno.h>
#include <signal.h>

#include "engine/engine_hint.h"

static void ends_are_told_in_a_sentence(void **state)
{
    (void)state;
    static const struct {
        struct engine_end end;
        enum engine_state during;
        const char *text;
    } cases[] = {
        {{ENGINE_END_EXIT, 1, ENGINE_OOM_NO, NULL},
         ENGINE_LOADING,
         "The engine exited with code 1 while loading"},
        {{ENGINE_END_EXIT, 0, ENGINE_OOM_NO, NULL},
         ENGINE_READY,
         "The engine exited with code 0 while it was running"},
        {{ENGINE_END_SIGNAL, SIGSEGV, ENGINE_OOM_MAYBE, NULL},
         ENGINE_STARTING,
         "The engine was ended by SIGSEGV while starting"},
        {{ENGINE_END_SIGNAL, 999, ENGINE_OOM_NO, NULL},
         ENGINE_STARTING,
         "The engine was ended by signal 999 while starting"},
        {{ENGINE_END_SIGNAL, SIGKILL, ENGINE_OOM_YES, NULL},
         ENGINE_LOADING,
         "The engine was killed because memory ran out while loading"},
        {{ENGINE_END_SIGNAL, SIGKILL, ENGINE_OOM_MAYBE, NULL},
         ENGINE_LOADING,
         "The engine was killed while loading, possibly because memory ran out"},
        {{ENGINE_END_NO_EXEC, ENOENT, ENGINE_OOM_NO, "nope"},
         ENGINE_STARTING,
         "The engine could not be started: nope: command not found"},
        {{ENGINE_END_NO_EXEC, EACCES, ENGINE_OOM_NO, "nope"},
         ENGINE_STARTING,
         "The engine could not be started: nope: Permission denied"},
        {{ENGINE_END_NO_SPAWN, 0, ENGINE_OOM_NO, "no pipe"},
         ENGINE_STARTING,
         "The engine could not be started: no pipe"},
        {{ENGINE_END_STALLED, 120, ENGINE_OOM_NO, NULL},
         ENGINE_LOADING,
         "The engine made no progress for 120 s and was ended"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *text = buf_new();
        engine_end_describe(&cases[i].end, cases[i].during, text);
        assert_string_equal(buf_str(text), cases[i].text);
    }
}

/* Lines as engines print them, and a word of the hint they shall lead to. */
static void known_lines_lead_to_hints(void **state)
{
    (void)state;
    static const struct {
        const char *line, *word;
    } cases[] = {
        {"gguf_init_from_file: failed to open GGUF file '/x.gguf' (No such file or directory)",
         "cannot be opened"},
        {"llama_model_load: error loading model: unknown model architecture: 'foo'", "architecture"},
        {"couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080", "port is taken"},
        {"OSError: [Errno 98] Address already in use", "port is taken"},
        {"ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9 MiB on device 0: cudaMalloc failed: out of memory",
         "GPU memory"},
        {"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "GPU memory"},
        {"ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 1099511627776",
         "Not enough memory"},
        {"error: invalid argument: --no-such-option", "options"},
        {"error: unknown argument: --foo", "options"},
        {"api_server.py: error: unrecognized arguments: --foo", "options"},
        {"gguf_init_from_reader: invalid magic characters: 'abcd', expected 'GGUF'", "no GGUF"},
        {"0.00.104 E read: string length 27 exceeds remaining file size 7 bytes", "cut off"},
        {"cat: /x: No such file or directory", "not there"},
    };
    struct engine_end end = {ENGINE_END_EXIT, 1, ENGINE_OOM_NO, NULL};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct strv lines = {0};
        strv_add(&lines, "main: starting");
        strv_add(&lines, cases[i].line);
        strv_add(&lines, "main: exiting due to error");
        const char *hint = engine_hint(&end, &lines);
        assert_non_null(hint);
        assert_non_null(strstr(hint, cases[i].word));
        strv_release(&lines);
    }
}

static void ends_without_known_lines(void **state)
{
    (void)state;
    struct strv none = {0};
    struct engine_end end = {ENGINE_END_EXIT, 1, ENGINE_OOM_NO, NULL};
    assert_null(engine_hint(&end, &none));
    end = (struct engine_end){ENGINE_END_NO_EXEC, ENOENT, ENGINE_OOM_NO, "x"};
    assert_non_null(strstr(engine_hint(&end, &none), "PATH"));
    end = (struct engine_end){ENGINE_END_SIGNAL, SIGKILL, ENGINE_OOM_MAYBE, NULL};
    assert_non_null(strstr(engine_hint(&end, &none), "memory"));
    end = (struct engine_end){ENGINE_END_SIGNAL, SIGILL, ENGINE_OOM_NO, NULL};
    assert_non_null(strstr(engine_hint(&end, &none), "processor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_told_in_a_sentence),
        cmocka_unit_test(known_lines_lead_to_hints),
        cmocka_unit_test(ends_without_known_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
