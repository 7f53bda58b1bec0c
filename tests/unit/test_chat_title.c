/* What models say when they are asked for a title. */
#include "chat/chat_title_text.h"
#include "unit.h"

static void titles_are_cleaned(void **state)
{
    static const struct {
        const char *said, *title; /* NULL: no title */
    } cases[] = {
        {"Growing tomatoes indoors", "Growing tomatoes indoors"},
        {"  \"Growing tomatoes indoors.\"\n", "Growing tomatoes indoors"},
        {"Title: Growing tomatoes", "Growing tomatoes"},
        {"**Title:** Growing tomatoes", "Growing tomatoes"},
        {"# Titel: \u201eTomaten z\u00fcchten\u201c", "Tomaten z\u00fcchten"},
        {"\u6807\u9898\uff1a\u756a\u8304\u7684\u79cd\u690d\u3002", "\u756a\u8304\u7684\u79cd\u690d"},
        {"\u300c\u30c8\u30de\u30c8\u306e\u80b2\u3066\u65b9\u300d",
         "\u30c8\u30de\u30c8\u306e\u80b2\u3066\u65b9"},
        {"\u00ab Cultiver des tomates \u00bb", "Cultiver des tomates"},
        {"Titles of nobility", "Titles of nobility"},
        {"Title", "Title"},
        {"\n\n```\nSorting a list\n```", "Sorting a list"},
        {"First line\nand an explanation", "First line"},
        {"Using **bold** and `code`\t here", "Using bold and code here"},
        {"snake_case in Python", "snake_case in Python"},
        {"What is C#?", "What is C#?"},
        {"To be continued...", "To be continued..."},
        {"<think>The user wants\na title.</think>\n\nCats and dogs", "Cats and dogs"},
        {"no begin</think>Cats", "Cats"},
        {"<think>Cats and dogs, so", NULL},
        {"", NULL},
        {"\n \n", NULL},
        {"\"\"", NULL},
        {"***", NULL},
        {"123 456", NULL},
        {"I'm sorry, but I can't do that", NULL},
        {"Here is a title for this conversation", NULL},
        {"<|im_end|>", NULL},
        {"{\"title\": \"Cats\"}", NULL},
        {"a\x01"
         "b\xff",
         "ab\xef\xbf\xbd"},
        {"This is a long title that a model wrote in spite of being told to be short",
         "This is a long title that a model wrote in spite of being\u2026"},
        {"This is no title at all but a whole paragraph, in which a model explains what the conversation is about and "
         "what it thinks of that",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *out = buf_new();
        bool is_title = title_text_clean(span_str(cases[i].said), out);
        if (is_title != (cases[i].title != NULL))
            fail_msg("\"%s\" gave \"%s\"", cases[i].said, buf_str(out));
        assert_string_equal(buf_str(out), is_title ? cases[i].title : "");
    }
}

static void titles_are_cut_between_characters(void **state)
{
    (void)state;
    for (int n = 50; n <= 70; n++) {
        AUTO(buf) struct buf *said = buf_new();
        AUTO(buf) struct buf *out = buf_new();
        for (int i = 0; i < n; i++)
            buf_add_str(said, "\u00e9");
        assert_true(title_text_clean(buf_span(said), out));
        assert_true(utf8_is_valid(buf_span(out)));
        assert_true(out->len == (n <= 60 ? (size_t)n * 2 : 59 * 2 + 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_are_cleaned),
        cmocka_unit_test(titles_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
