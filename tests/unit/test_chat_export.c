/* The order of an export's messages, and what they look like in Markdown. */
#include "chat/export.h"
#include "unit.h"

#define MAX_ROWS 8

struct tree_case {
    const char *name;
    struct tree_row tree[MAX_ROWS]; /* up to seq 0 */
    int64_t all[MAX_ROWS], path[MAX_ROWS];
};

static const struct tree_case trees[] = {
    {"empty", {{0}}, {0}, {0}},
    {"a line", {{1, 0, 0}, {2, 1, 0}, {3, 2, 0}}, {1, 2, 3}, {1, 2, 3}},
    {"newest child", {{1, 0, 0}, {2, 1, 0}, {3, 1, 0}, {4, 2, 0}}, {1, 2, 3, 4}, {1, 3}},
    {"newest root", {{1, 0, 0}, {2, 1, 0}, {3, 0, 0}, {4, 3, 0}, {5, 2, 0}}, {1, 2, 3, 4, 5}, {3, 4}},
    {"to the leaf", {{1, 0, 0}, {2, 1, 0}, {3, 1, 0}, {4, 2, 1}, {5, 4, 0}}, {1, 2, 3, 4, 5}, {1, 2, 4}},
    {"parents that came later", {{1, 4, 0}, {2, 1, 0}, {3, 4, 0}, {4, 0, 0}}, {4, 1, 2, 3}, {4, 3}},
    {"a parent that is gone", {{2, 1, 0}, {3, 2, 0}}, {2, 3}, {2, 3}},
};

static void order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trees); i++) {
        int64_t seqs[MAX_ROWS];
        size_t n = 0, n_path = 0;
        while (n < MAX_ROWS && trees[i].tree[n].seq)
            n++;
        while (n_path < MAX_ROWS && trees[i].path[n_path])
            n_path++;
        print_message("# %s\n", trees[i].name);
        assert_int_equal(export_all(trees[i].tree, n, seqs), n);
        assert_memory_equal(seqs, trees[i].all, n * sizeof *seqs);
        assert_int_equal(export_path(trees[i].tree, n, seqs), n_path);
        assert_memory_equal(seqs, trees[i].path, n_path * sizeof *seqs);
    }
}

/* Everything stands once, parents first, whatever the tree: also one whose rows point in a circle ends. */
static void any_tree(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 5 * 5 * 5 * 5; bits++) {
        struct tree_row tree[4];
        int64_t seqs[4];
        unsigned rest = bits;
        for (size_t i = 0; i < 4; i++, rest /= 5)
            tree[i] = (struct tree_row){(int64_t)i + 1, (int64_t)(rest % 5), false};
        size_t n = export_all(tree, 4, seqs);
        assert_true(n <= 4);
        for (size_t i = 0; i < n; i++) {
            int64_t parent = tree[seqs[i] - 1].parent_seq;
            bool is_there = parent == 0;
            for (size_t j = 0; j < i; j++) {
                assert_int_not_equal(seqs[j], seqs[i]);
                is_there |= seqs[j] == parent;
            }
            assert_true(is_there);
        }
        assert_true(export_path(tree, 4, seqs) <= 4);
    }
}

static const struct {
    const char *text, *shown;
} texts[] = {
    {"plain", "plain"},
    {"a\r\nb\rc", "a\nb\nc"},
    {"```js\nlet a", "```js\nlet a\n```"},
    {"````\n```\nlet a", "````\n```\nlet a\n````"},
    {"~~~\n```", "~~~\n```\n~~~"},
    {"```\na\n```\nb", "```\na\n```\nb"},
    {"```\na\n``` not its end", "```\na\n``` not its end\n```"},
    {"```a``` in a line", "```a``` in a line"},
    {"    ```\nindented code", "    ```\nindented code"},
    {"```\r# no heading", "```\n# no heading\n```"},
    {"<!-- open", "<!-- open\n-->"},
    {"<!-- a --> b", "<!-- a --> b"},
    {"<!-- a\nb -->\nc", "<!-- a\nb -->\nc"},
    {"text <!-- in a line", "text <!-- in a line"},
    {"```\n<!--\n```\nb", "```\n<!--\n```\nb"},
    {"<PRE>\n```\n", "<PRE>\n```\n\n</pre>"},
    {"<script>\nx", "<script>\nx\n</script>"},
    {"<?php", "<?php\n?>"},
};

static struct message_row answer(char *content_json)
{
    return (struct message_row){.id = (char *)"m",
                                .role = (char *)"assistant",
                                .state = (char *)"done",
                                .content_json = content_json};
}

/* What a text leaves open is closed behind it. */
static void open_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO(buf) struct buf *content = buf_new(), *out = buf_new(), *want = buf_new();
        struct json_writer w;
        jw_init(&w, content);
        jw_str(&w, texts[i].text);
        struct message_row row = answer((char *)buf_str(content));
        export_markdown_message(out, &row, "Qwen", NULL);
        buf_addf(want, "## Qwen \u00b7 1970-01-01 00:00 UTC\n\n%s\n\n", texts[i].shown);
        assert_string_equal(buf_str(out), buf_str(want));
    }
}

static void parts(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    AUTO(map) struct map *names = map_new();
    (void)map_put(names, "a1", (char *)"cat *1*.png");
    struct message_row row = answer(
        (char *)"[{\"type\":\"text\",\"text\":\"See\"},"
                "{\"type\":\"image_url\",\"image_url\":{\"url\":\"attachment:a1\"}},"
                "{\"type\":\"file\",\"file\":{\"id\":\"a1\",\"name\":\"x\\ny.txt\"}},"
                "{\"type\":\"file\",\"file\":{\"id\":\"gone\"}}]");
    row.reasoning = (char *)"one\r# two\n\n```\nthree\n";
    row.tool_calls_json =
        (char *)"[{\"function\":{\"name\":\"f_1\",\"arguments\":\"{\\\"a\\\":\\\"```\\\"}\"}}]";
    row.state = (char *)"interrupted";
    export_markdown_message(out, &row, "<b>", names);
    assert_string_equal(buf_str(out), "## \\<b\\> \u00b7 1970-01-01 00:00 UTC\n\n"
                                      "> **Reasoning**\n>\n> one\n> # two\n>\n> ```\n> three\n\n"
                                      "See\n\n\\[image: cat \\*1\\*.png\\]\n\n\\[file: x y.txt\\]\n\n"
                                      "\\[file: without a name\\]\n\n"
                                      "Calls f\\_1:\n\n````\n{\"a\":\"```\"}\n````\n\n"
                                      "*The answer broke off here.*\n\n");
}

static void titles(void **state)
{
    (void)state;
    AUTO(buf) struct buf *out = buf_new();
    struct conversation_row row = {.title = (char *)"C++\n## [x](y) `z` #"};
    export_markdown_conversation(out, &row);
    assert_string_equal(buf_str(out), "# C++ \\#\\# \\[x\\](y) \\`z\\` \\#\n\n1970-01-01 00:00 UTC\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order), cmocka_unit_test(any_tree), cmocka_unit_test(open_ends),
        cmocka_unit_test(parts), cmocka_unit_test(titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
