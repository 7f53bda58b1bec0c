/* GPUs: what nvidia-smi and amdgpu say, as they say it; and whose memory it is, with an nvidia-smi that is a script. */
#include "engine/engine_gpu.h"
#include "engine_fixture.h"

#define MIB ((int64_t)1 << 20)

/* ---- text ---- */

static void nvidia_tells_of_its_gpus(void **state)
{
    (void)state;
    struct engine_gpu gpus[4];
    /* two cards, one that works in main memory, one that only says what is used */
    struct span text = SPAN_LIT("24564, 9312, 14848, NVIDIA GeForce RTX 4090\n"
                                "81559, 0, 81050, NVIDIA H100 80GB HBM3\n"
                                "[N/A], [N/A], [N/A], NVIDIA GB10\n"
                                "6144 MiB, 1000 MiB, [Not Supported], GRID, with a comma\n");
    assert_int_equal(engine_gpu_parse_nvidia(text, gpus, COUNT_OF(gpus)), 4);
    assert_string_equal(gpus[0].name, "NVIDIA GeForce RTX 4090");
    assert_int_equal(gpus[0].total_bytes, 24564 * MIB);
    assert_int_equal(gpus[0].used_bytes, 9312 * MIB);
    assert_int_equal(gpus[0].free_bytes, 14848 * MIB);
    assert_int_equal(gpus[1].used_bytes, 0);
    assert_string_equal(gpus[2].name, "NVIDIA GB10");
    assert_int_equal(gpus[2].total_bytes, -1);
    assert_int_equal(gpus[2].free_bytes, -1);
    assert_string_equal(gpus[3].name, "GRID, with a comma");
    assert_int_equal(gpus[3].free_bytes, 5144 * MIB);
    assert_int_equal(engine_gpu_parse_nvidia(text, gpus, 2), 2);
}

static void nonsense_of_nvidia_is_left_out(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "No devices were found\n",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest\n",
        "24564, 9312",
        "24564, 9312, 14848,",
        ",,,\n\n\n",
        "\x01\xff\xfe",
        "a, b, c, d\n1, 2, x, A\n-1, 2, 3, B\n99999999999999999999, 5, 7, C\n",
    };
    struct engine_gpu gpus[4];
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(engine_gpu_parse_nvidia(span_str(texts[i]), gpus, COUNT_OF(gpus)), 0);
    struct span text = SPAN_LIT(
        "[N/A], 5, 7, A\n1, 2, 3, B\xff\n"
        "1, 2, 3, 0123456789012345678901234567890123456789012345678901234567890123456789\n");
    assert_int_equal(engine_gpu_parse_nvidia(text, gpus, COUNT_OF(gpus)), 3);
    assert_int_equal(gpus[0].total_bytes, -1);
    assert_string_equal(gpus[1].name, "B\xef\xbf\xbd");
    assert_int_equal(strlen(gpus[2].name), sizeof gpus[2].name - 1);
    assert_int_equal(gpus[2].free_bytes, 0); /* more is used than there is */
}

static void nvidia_tells_who_uses_them(void **state)
{
    (void)state;
    struct engine_gpu_use uses[8];
    struct span text = SPAN_LIT("31337, 8902\n31337, 4096\n42, [N/A]\n7,[Insufficient Permissions]\n"
                                "No running processes found\n0, 5\n99999999999, 5\n12\n, 3\n");
    assert_int_equal(engine_gpu_parse_uses(text, uses, COUNT_OF(uses)), 4);
    assert_int_equal(uses[0].pid, 31337);
    assert_int_equal(uses[0].bytes, 8902 * MIB);
    assert_int_equal(uses[1].bytes, 4096 * MIB);
    assert_int_equal(uses[2].pid, 42);
    assert_int_equal(uses[2].bytes, -1);
    assert_int_equal(uses[3].bytes, -1);
    assert_int_equal(engine_gpu_parse_uses(text, uses, 1), 1);
}

#define FDINFO(client, memory)                                                                        \
    "pos:\t0\nflags:\t02100002\nmnt_id:\t26\nino:\t661\ndrm-driver:\tamdgpu\ndrm-client-id:\t" client \
    "\ndrm-pdev:\t0000:03:00.0\npasid:\t32776\n" memory                                               \
    "drm-memory-gtt: \t2080 KiB\ndrm-engine-gfx:\t9 ns\n"

static void amdgpu_tells_of_a_descriptor(void **state)
{
    (void)state;
    uint64_t a, b;
    int64_t bytes;
    /* older and newer kernels; resident is what is in memory now, total what was asked for */
    assert_true(engine_gpu_parse_fdinfo(SPAN_LIT(FDINFO("17", "drm-memory-vram:\t8123 KiB\n")), &a, &bytes));
    assert_int_equal(bytes, 8123 * 1024);
    assert_true(engine_gpu_parse_fdinfo(
        SPAN_LIT(
            FDINFO("18", "drm-total-vram:\t9 MiB\ndrm-resident-vram:\t7 MiB\ndrm-memory-vram:\t7 MiB\n")),
        &b, &bytes));
    assert_int_equal(bytes, 7 * MIB);
    assert_true(a != b);
    assert_true(engine_gpu_parse_fdinfo(SPAN_LIT(FDINFO("18", "drm-resident-vram:\t4096\n")), &a, &bytes));
    assert_true(a == b);
    assert_int_equal(bytes, 4096);
    assert_true(engine_gpu_parse_fdinfo(SPAN_LIT(FDINFO("1", "")), &a, &bytes));
    assert_int_equal(bytes, 0);
    assert_false(engine_gpu_parse_fdinfo(SPAN_LIT("drm-driver:\ti915\ndrm-client-id:\t1\n"), &a, &bytes));
    assert_false(engine_gpu_parse_fdinfo(SPAN_LIT("drm-driver:\tamdgpu\n"), &a, &bytes));
    assert_false(engine_gpu_parse_fdinfo(SPAN_LIT("pos:\t0\n"), &a, &bytes));
}

/* ---- folders as the kernel has them ---- */

static void put(const char *dir, const char *name, const char *text)
{
    AUTO(mem) char *path = xasprintf("%s/%s", dir, name);
    for (char *c = path + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *c = '/';
    }
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

static void amd_cards_are_found_in_sysfs(void **state)
{
    struct fixture *f = *state;
    struct engine_gpu gpus[4];
    assert_int_equal(engine_gpu_read_amd(f->dir, gpus, COUNT_OF(gpus)), 0);
    put(f->dir, "class/drm/card1/device/mem_info_vram_total", "25753026560\n");
    put(f->dir, "class/drm/card1/device/mem_info_vram_used", "1073741824\n");
    put(f->dir, "class/drm/card0/device/mem_info_vram_total", "536870912\n"); /* of the processor */
    put(f->dir, "class/drm/card0/device/mem_info_vram_used", "1000\n");
    put(f->dir, "class/drm/card1-DP-1/status", "connected\n");
    put(f->dir, "class/drm/card2/device/vendor", "0x8086\n");
    put(f->dir, "class/drm/renderD128/device/mem_info_vram_total", "25753026560\n");
    assert_int_equal(engine_gpu_read_amd(f->dir, gpus, COUNT_OF(gpus)), 1);
    assert_string_equal(gpus[0].name, "AMD GPU (card1)");
    assert_int_equal(gpus[0].total_bytes, 25753026560);
    assert_int_equal(gpus[0].free_bytes, 25753026560 - 1073741824);
    put(f->dir, "class/drm/card1/device/product_name", "AMD Instinct MI100\n");
    assert_int_equal(engine_gpu_read_amd(f->dir, gpus, COUNT_OF(gpus)), 1);
    assert_string_equal(gpus[0].name, "AMD Instinct MI100");
}

static void put_descriptor(const char *dir, const char *name, const char *target, const char *info)
{
    AUTO(mem) char *file = xasprintf("fdinfo/%s", name);
    AUTO(mem) char *link = xasprintf("%s/fd/%s", dir, name);
    put(dir, file, info);
    put(dir, "fd/.keep", "");
    assert_int_equal(symlink(target, link), 0);
}

static void amd_clients_count_once(void **state)
{
    struct fixture *f = *state;
    AUTO(mem) char *one = xasprintf("%s/100", f->dir);
    AUTO(mem) char *two = xasprintf("%s/101", f->dir);
    const char *first = FDINFO("17", "drm-resident-vram:\t8 MiB\n");
    put_descriptor(one, "5", "/dev/dri/renderD128", first);
    put_descriptor(one, "6", "/dev/dri/renderD128", first);
    put_descriptor(one, "7", "/home/somebody/pretends", FDINFO("20", "drm-resident-vram:\t99 MiB\n"));
    put_descriptor(two, "3", "/dev/dri/renderD128", first); /* a child that inherited it */
    put_descriptor(two, "4", "/dev/dri/renderD129", FDINFO("18", "drm-resident-vram:\t1 MiB\n"));
    const int pids[] = {100, 101, 102};
    assert_int_equal(engine_gpu_amd_bytes(f->dir, pids, 3), 9 * MIB);
    assert_int_equal(engine_gpu_amd_bytes(f->dir, pids + 2, 1), 0);
}

/* ---- a script instead of nvidia-smi ---- */

static struct engine_gpus *gpus;
static int n_readings;

static void on_reading(void *arg)
{
    (void)arg;
    n_readings++;
}

static int64_t since_ms;

/* One that began after the wish: another may be under way. */
static bool has_read(struct fixture *f)
{
    (void)f;
    struct engine_gpu_memory m;
    return engine_gpus_memory(gpus, &m) && m.began_ms >= since_ms;
}

static bool has_tried(struct fixture *f)
{
    (void)f;
    return n_readings > 0;
}

static void read_now(struct fixture *f)
{
    since_ms = clock_ms();
    engine_gpus_want(gpus, 0);
    run_until(f, has_read, "a reading");
}

/* It says what DIR/gpus and DIR/uses have. */
static void make_gpus(struct fixture *f, const char *script)
{
    AUTO(mem) char *text = xasprintf("#!/bin/sh\ncd %s\n%s\n", f->dir, script);
    put(f->dir, "nvidia-smi", text);
    struct engine_gpus_options options = {.reaper = f->reaper, .path = f->dir, .sysfs = f->dir};
    gpus = engine_gpus_new(f->loop, &options, on_reading, NULL);
    assert_true(engine_gpus_is_stale(gpus, 1000));
}

static void close_gpus(struct fixture *f)
{
    f->is_closed = false;
    engine_gpus_close(gpus, on_closed, f);
    run_until(f, is_closed, "the end of the GPUs");
}

static const char says[] = "case $1 in --query-gpu=*) cat gpus;; --query-compute-apps=*) cat uses;; esac";

static void use(struct fixture *f, int used_mib, const char *uses)
{
    AUTO(mem) char *text = xasprintf("24000, %d, %d, NVIDIA GeForce RTX 4090\n", used_mib, 24000 - used_mib);
    put(f->dir, "gpus", text);
    put(f->dir, "uses", uses);
    read_now(f);
}

static void a_process_has_what_it_and_its_children_are_listed_with(void **state)
{
    struct fixture *f = *state;
    struct engine_gpu_memory m;
    make_gpus(f, says);
    use(f, 1000, "");
    assert_true(engine_gpus_memory(gpus, &m));
    assert_int_equal(m.total_bytes, 24000 * MIB);
    assert_int_equal(m.used_bytes, 1000 * MIB);
    assert_int_equal(m.free_bytes, 23000 * MIB);
    assert_false(engine_gpus_is_stale(gpus, 60000));

    int child = fork();
    if (child == 0) {
        for (;;)
            (void)pause();
    }
    struct engine_gpu_user *u = engine_gpu_user_new(gpus, (int)getpid());
    assert_int_equal(engine_gpu_user_bytes(u), -1);
    AUTO(mem) char *uses = xasprintf("%d, 2000\n%d, 1000\n%d, 500\n1, 7000\n", (int)getpid(), child, child);
    use(f, 11500, uses);
    assert_int_equal(engine_gpu_user_bytes(u), 3500 * MIB);
    use(f, 8000, "1, 7000\n"); /* it gave it back */
    assert_int_equal(engine_gpu_user_bytes(u), 0);
    engine_gpu_user_free(u);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    close_gpus(f);
}

static void a_process_that_nobody_lists_has_what_the_use_grew_by(void **state)
{
    struct fixture *f = *state;
    make_gpus(f, says);
    use(f, 1000, "");
    struct engine_gpu_user *a = engine_gpu_user_new(gpus, (int)getpid());
    use(f, 5000, "79, [N/A]\n"); /* as under WSL */
    assert_int_equal(engine_gpu_user_bytes(a), 4000 * MIB);
    use(f, 9000, "79, [N/A]\n");
    engine_gpu_user_loaded(a);
    read_now(f);
    assert_int_equal(engine_gpu_user_bytes(a), 8000 * MIB);
    use(f, 12000, "79, [N/A]\n"); /* it had loaded: this is somebody else's */
    assert_int_equal(engine_gpu_user_bytes(a), 8000 * MIB);

    struct engine_gpu_user *b = engine_gpu_user_new(gpus, 1);
    use(f, 12200, ""); /* it uses no GPU: that is a window on the screen */
    assert_int_equal(engine_gpu_user_bytes(b), 0);
    struct engine_gpu_user *c = engine_gpu_user_new(gpus, 1);
    use(f, 14000, ""); /* one of the two: nobody knows which */
    assert_int_equal(engine_gpu_user_bytes(b), -1);
    assert_int_equal(engine_gpu_user_bytes(c), -1);
    assert_int_equal(engine_gpu_user_bytes(a), 8000 * MIB);
    engine_gpu_user_free(a);
    engine_gpu_user_free(b);
    engine_gpu_user_free(c);
    close_gpus(f);
}

static void what_fails_is_left_alone_for_a_while(void **state)
{
    struct fixture *f = *state;
    static const char *const scripts[] = {
        "echo x >> runs; echo 'No devices were found'; exit 6",
        "echo x >> runs; echo 'No devices were found'",
        "echo x >> runs; yes 'a lot of text' | head -c 1000000",
        "echo x >> runs; kill -SEGV $$",
    };
    AUTO(mem) char *runs = xasprintf("%s/runs", f->dir);
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct engine_gpu_memory m;
        struct stat st;
        make_gpus(f, scripts[i]);
        n_readings = 0;
        engine_gpus_want(gpus, 0);
        run_until(f, has_tried, "the failure");
        assert_false(engine_gpus_memory(gpus, &m));
        assert_false(engine_gpus_is_stale(gpus, 0)); /* nobody waits for it */
        engine_gpus_want(gpus, 0);
        close_gpus(f);
        assert_int_equal(stat(runs, &st), 0);
        assert_int_equal(st.st_size, 2);
        (void)unlink(runs);
    }
}

static void without_a_gpu_nothing_is_asked(void **state)
{
    struct fixture *f = *state;
    struct engine_gpus_options options = {.path = f->dir, .sysfs = f->dir};
    struct engine_gpu_memory m;
    gpus = engine_gpus_new(f->loop, &options, on_reading, NULL);
    assert_false(engine_gpus_is_stale(gpus, 0));
    engine_gpus_want(gpus, 0);
    assert_false(engine_gpus_memory(gpus, &m));
    struct engine_gpu_user *u = engine_gpu_user_new(gpus, (int)getpid());
    assert_int_equal(engine_gpu_user_bytes(u), -1);
    engine_gpus_close(gpus, on_closed, f); /* its user may outlive that */
    engine_gpu_user_free(u);
    run_until(f, is_closed, "the end of the GPUs");
}

static void one_that_hangs_ends_with_the_close(void **state)
{
    struct fixture *f = *state;
    make_gpus(f, "trap '' TERM; while :; do sleep 1; done");
    engine_gpus_want(gpus, 0);
    close_gpus(f); /* the fixture looks for children that are left */
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "engine-exec") == 0)
        return engine_exec_main(argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
        TEST(nvidia_tells_of_its_gpus),
        TEST(nonsense_of_nvidia_is_left_out),
        TEST(nvidia_tells_who_uses_them),
        TEST(amdgpu_tells_of_a_descriptor),
        TEST(amd_cards_are_found_in_sysfs),
        TEST(amd_clients_count_once),
        TEST(a_process_has_what_it_and_its_children_are_listed_with),
        TEST(a_process_that_nobody_lists_has_what_the_use_grew_by),
        TEST(what_fails_is_left_alone_for_a_while),
        TEST(without_a_gpu_nothing_is_asked),
        TEST(one_that_hangs_ends_with_the_close),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
