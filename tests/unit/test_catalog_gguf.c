/* GGUF headers, good and hostile, out of memory; names of model files; a scan of real folders. */
#include "unit.h"
#include "unit_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/catalog_gguf.h"
#include "catalog/catalog_name.h"

static bool read_span(void *arg, uint64_t offset, void *into, size_t n)
{
    const struct span *bytes = arg;
    if (offset > bytes->len || n > bytes->len - offset)
        return false;
    memcpy(into, bytes->p + offset, n);
    return true;
}

static enum err read_bytes(const struct buf *b, struct gguf_info *out_info, struct err_text *why)
{
    struct span bytes = buf_span(b);
    return gguf_read(read_span, &bytes, bytes.len, out_info, why);
}

static void add_u32(struct buf *b, uint32_t v)
{
    buf_add(b, &v, sizeof v);
}

static void add_u64(struct buf *b, uint64_t v)
{
    buf_add(b, &v, sizeof v);
}

static void add_text(struct buf *b, const char *text)
{
    add_u64(b, strlen(text));
    buf_add_str(b, text);
}

static void add_header(struct buf *b, uint32_t version, uint64_t n_tensors, uint64_t n_pairs)
{
    buf_add_str(b, "GGUF");
    add_u32(b, version);
    add_u64(b, n_tensors);
    add_u64(b, n_pairs);
}

static void add_text_pair(struct buf *b, const char *key, const char *value)
{
    add_text(b, key);
    add_u32(b, 8);
    add_text(b, value);
}

static void add_u32_pair(struct buf *b, const char *key, uint32_t value)
{
    add_text(b, key);
    add_u32(b, 4);
    add_u32(b, value);
}

/* A model as converters write it: the vocabulary in the middle, the file type after it. */
static void add_model(struct buf *b, size_t n_words)
{
    add_header(b, 3, 2, 7);
    add_text_pair(b, "general.architecture", "qwen3");
    add_text_pair(b, "general.name", "Qwen3 8B\n");
    add_text_pair(b, "general.type", "model");
    add_u32_pair(b, "qwen3.context_length", 40960);
    add_text(b, "tokenizer.ggml.tokens");
    add_u32(b, 9);
    add_u32(b, 8);
    add_u64(b, n_words);
    for (size_t i = 0; i < n_words; i++)
        add_text(b, "word");
    add_text(b, "tokenizer.ggml.scores");
    add_u32(b, 9);
    add_u32(b, 6);
    add_u64(b, 3);
    buf_add(b, "123412341234", 12);
    add_u32_pair(b, "general.file_type", 15);
    for (int i = 0; i < 2; i++) {
        add_text(b, "blk.0.attn_q.weight");
        add_u32(b, 2);
        add_u64(b, 1000);
        add_u64(b, 2000);
        add_u32(b, 12);
        add_u64(b, 0);
    }
}

static void header_of_a_model_is_read(void **state)
{
    (void)state;
    /* 20,000 words: the vocabulary is longer than the reader's window */
    AUTO(buf) struct buf *b = buf_new();
    add_model(b, 20000);
    struct gguf_info info;
    assert_int_equal(read_bytes(b, &info, NULL), ERR_OK);
    assert_string_equal(info.architecture, "qwen3");
    assert_string_equal(info.title, "Qwen3 8B");
    assert_string_equal(info.type, "model");
    assert_int_equal(info.context_length, 40960);
    assert_int_equal(info.parameter_count, 4000000);
    assert_string_equal(gguf_file_type_name(info.file_type), "Q4_K_M");
    assert_null(gguf_file_type_name(-1));
    assert_null(gguf_file_type_name(99999));
}

/* Cut anywhere in its keys it is refused; cut in the tensors only their count is missing. Never read past the end. */
static void header_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf *b = buf_new();
    add_model(b, 3);
    size_t tensor = 8 + 19 + 4 + 8 + 8 + 4 + 8;
    for (size_t n = 0; n < b->len; n++) {
        AUTO(mem) char *part = xmemdup(b->p, n ? n : 1);
        struct buf cut = {part, n, n};
        struct gguf_info info;
        enum err e = read_bytes(&cut, &info, NULL);
        assert_int_equal(e, n < b->len - 2 * tensor ? ERR_INVALID : ERR_OK);
        if (!e)
            assert_int_equal(info.parameter_count, 0);
    }
}

static void add_nested_arrays(struct buf *b, int depth)
{
    add_header(b, 3, 0, 1);
    add_text(b, "k");
    add_u32(b, 9);
    for (int i = 0; i < depth; i++) {
        add_u32(b, 9);
        add_u64(b, 1);
    }
    add_u32(b, 0);
    add_u64(b, 1);
    buf_add_char(b, 1);
}

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    struct gguf_info info;
    for (int i = 0; i < 9; i++) {
        AUTO(buf) struct buf *b = buf_new();
        switch (i) {
        case 0: buf_add_str(b, "GGML and more"); break;
        case 1: add_header(b, 1, 0, 0); break;
        case 2: add_header(b, 0x03000000, 0, 0); break; /* big-endian */
        case 3: add_header(b, 3, 0, UINT64_MAX); break;
        case 4: /* a key as long as memory */
            add_header(b, 3, 0, 1);
            add_u64(b, UINT64_MAX);
            break;
        case 5: /* an array with more bytes than the file has, and than 64 bits hold */
            add_header(b, 3, 0, 1);
            add_text(b, "k");
            add_u32(b, 9);
            add_u32(b, 10);
            add_u64(b, UINT64_MAX / 4);
            break;
        case 6: /* an endless array of strings */
            add_header(b, 3, 0, 1);
            add_text(b, "k");
            add_u32(b, 9);
            add_u32(b, 8);
            add_u64(b, 1ULL << 40);
            break;
        case 7: add_nested_arrays(b, 100); break;
        case 8: /* a type that is none */
            add_header(b, 3, 0, 1);
            add_text(b, "k");
            add_u32(b, 13);
            break;
        default: break;
        }
        struct err_text why = {""};
        assert_int_equal(read_bytes(b, &info, &why), ERR_INVALID);
        assert_true(why.text[0] != 0);
    }
    AUTO(buf) struct buf *b = buf_new();
    add_nested_arrays(b, 2);
    assert_int_equal(read_bytes(b, &info, NULL), ERR_OK);
}

static void texts_are_cut_and_cleaned(void **state)
{
    (void)state;
    AUTO(buf) struct buf *b = buf_new();
    AUTO(mem) char *long_text = xmalloc(3001);
    memset(long_text, 'x', 3000);
    long_text[3000] = 0;
    add_header(b, 3, 0, 3);
    add_text_pair(b, long_text, "ignored"); /* a key that is too long is no error */
    add_text_pair(b, "general.name", long_text);
    add_text_pair(b, "general.architecture", "a\xff\x1b[31mb");
    struct gguf_info info;
    assert_int_equal(read_bytes(b, &info, NULL), ERR_OK);
    assert_int_equal(strlen(info.title), GGUF_MAX_TEXT_BYTES);
    assert_string_equal(info.architecture, "a\xef\xbf\xbd [31mb");
}

static void file_names_tell_parts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *stem;
        int part, n_parts; /* 0: no model */
    } cases[] = {
        {"qwen3-8b-q4_k_m.gguf", "qwen3-8b-q4_k_m", 1, 1},
        {"A.GGUF", "A", 1, 1},
        {"big-00002-of-00005.gguf", "big", 2, 5},
        {"big-00006-of-00005.gguf", "big-00006-of-00005", 1, 1},
        {"big-00000-of-00005.gguf", "big-00000-of-00005", 1, 1},
        {"big-00001-of-99999.gguf", "big-00001-of-99999", 1, 1},
        {"-00001-of-00002.gguf", "-00001-of-00002", 1, 1},
        {"mmproj-model-f16.gguf", NULL, 0, 0},
        {"model.mmProj.gguf", NULL, 0, 0},
        {".gguf", NULL, 0, 0},
        {".hidden.gguf", NULL, 0, 0},
        {"model.gguf.part", NULL, 0, 0},
        {"", NULL, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct catalog_part part;
        bool is_model = catalog_name_parse(span_str(cases[i].name), &part);
        assert_int_equal(is_model, cases[i].n_parts > 0);
        if (!is_model)
            continue;
        assert_true(span_is(part.stem, cases[i].stem));
        assert_int_equal(part.part, cases[i].part);
        assert_int_equal(part.n_parts, cases[i].n_parts);
    }
}

/* ---- a folder with everything in it ---- */
static char folder[64];

static void write_file(const char *name, const struct buf *b)
{
    AUTO(mem) char *path = xasprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(buf_str(b), 1, b->len, f), b->len);
    assert_int_equal(fclose(f), 0);
}

static void make_folder(const char *name)
{
    AUTO(mem) char *path = xasprintf("%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *target, const char *name)
{
    AUTO(mem) char *path = xasprintf("%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

struct scanned {
    struct loop *loop;
    struct buf names; /* "name size\n" */
};

static void on_scanned(const struct catalog_models *models, void *arg)
{
    struct scanned *s = arg;
    for (size_t i = 0; i < models->n; i++)
        buf_addf(&s->names, "%s %d\n", models->v[i].name, (int)models->v[i].size_bytes);
    loop_stop(s->loop);
}

static void scan_finds_models_and_stays_in_its_folder(void **state)
{
    (void)state;
    AUTO(buf) struct buf *model = buf_new();
    AUTO(buf) struct buf *clip = buf_new();
    AUTO(buf) struct buf *junk = buf_new();
    add_model(model, 3);
    add_header(clip, 3, 0, 1);
    add_text_pair(clip, "general.architecture", "clip");
    buf_add_str(junk, "no model");
    (void)snprintf(folder, sizeof folder, "/tmp/hob-test-catalog-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_folder("in");
    make_folder("in/hub");
    make_folder("in/hub/blobs");
    make_folder("in/1");
    make_folder("in/1/2");
    make_folder("in/1/2/3");
    make_folder("in/1/2/3/4");
    make_folder("in/1/2/3/4/5");
    make_folder("in/folder.gguf");
    write_file("in/b.gguf", model);
    write_file("in/clip.gguf", clip);
    write_file("in/mmproj-b.gguf", model);
    write_file("in/junk.gguf", junk);
    write_file("in/split-00001-of-00002.gguf", model);
    write_file("in/split-00002-of-00002.gguf", junk);
    write_file("in/1/2/3/4/deep.gguf", model);
    write_file("in/1/2/3/4/5/too-deep.gguf", model);
    write_file("outside.gguf", model);
    write_file("in/hub/blobs/abc", model);
    make_link("blobs/abc", "in/hub/linked.gguf"); /* as Hugging Face keeps them */
    make_link("blobs/abc", "in/hub/twice.gguf");
    make_link("../outside.gguf", "in/escape.gguf");
    make_link("/etc/passwd", "in/absolute.gguf");
    make_link("..", "in/circle");
    AUTO(mem) char *fifo = xasprintf("%s/in/fifo.gguf", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);

    struct scanned s = {.loop = loop_new()};
    struct strv folders = {0};
    strv_addf(&folders, "%s/in", folder);
    strv_addf(&folders, "%s/in/hub", folder); /* again: nothing counts twice */
    strv_addf(&folders, "%s/not-there", folder);
    catalog_scan_start(s.loop, &folders, on_scanned, &s);
    loop_run(s.loop);
    AUTO(mem)
    char *want = xasprintf("b %d\ndeep %d\nlinked %d\nsplit %d\n", (int)model->len, (int)model->len,
                           (int)model->len, (int)(model->len + junk->len));
    /* which of the two links to one file is found first is the file system's choice */
    char *twice = strstr(s.names.p, "twice");
    if (twice) {
        char *split = strstr(s.names.p, "split");
        assert_non_null(split);
        AUTO(mem)
        char *other = xasprintf("b %d\ndeep %d\nsplit %d\ntwice %d\n", (int)model->len, (int)model->len,
                                (int)(model->len + junk->len), (int)model->len);
        assert_string_equal(buf_str(&s.names), other);
    } else {
        assert_string_equal(buf_str(&s.names), want);
    }

    struct catalog_model one;
    struct err_text why;
    AUTO(mem) char *path = xasprintf("%s/in/split-00001-of-00002.gguf", folder);
    assert_int_equal(catalog_read_model(path, &one, &why), ERR_OK);
    assert_string_equal(one.path, path);
    assert_int_equal(one.size_bytes, model->len + junk->len);
    catalog_model_release(&one);
    assert_int_equal(catalog_read_model(fifo, &one, &why), ERR_INVALID);
    assert_int_equal(catalog_read_model("/nowhere/x.gguf", &one, &why), ERR_NOT_FOUND);
    assert_int_equal(catalog_read_model("x.gguf", &one, &why), ERR_INVALID);
    AUTO(mem) char *clip_path = xasprintf("%s/in/clip.gguf", folder);
    assert_int_equal(catalog_read_model(clip_path, &one, &why), ERR_UNSUPPORTED);

    buf_release(&s.names);
    strv_release(&folders);
    loop_free(s.loop);
    assert_int_equal(remove_tree(folder), 0);
}

static void llama_server_is_found_in_folders_and_on_path(void **state)
{
    (void)state;
    AUTO(buf) struct buf *empty = buf_new();
    (void)snprintf(folder, sizeof folder, "/tmp/hob-test-catalog-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_folder("a");
    make_folder("b");
    write_file("a/llama-server", empty); /* no program: not executable */
    write_file("b/llama-server", empty);
    AUTO(mem) char *program = xasprintf("%s/b/llama-server", folder);
    assert_int_equal(chmod(program, 0700), 0);
    struct strv folders = {0};
    strv_addf(&folders, "%s/a", folder);
    assert_int_equal(setenv("PATH", "/nowhere:.:", 1), 0);
    assert_null(catalog_find_llama_server(&folders));
    AUTO(mem) char *path = xasprintf("/nowhere:%s/a:%s/b:", folder, folder);
    assert_int_equal(setenv("PATH", path, 1), 0);
    AUTO(mem) char *found = catalog_find_llama_server(&folders);
    assert_string_equal(found, program);
    strv_release(&folders);
    assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
    assert_int_equal(remove_tree(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_of_a_model_is_read),
        cmocka_unit_test(header_that_is_cut_off_is_refused),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(texts_are_cut_and_cleaned),
        cmocka_unit_test(file_names_tell_parts),
        cmocka_unit_test(scan_finds_models_and_stays_in_its_folder),
        cmocka_unit_test(llama_server_is_found_in_folders_and_on_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
