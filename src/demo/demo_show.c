/* What the demo shows on request. */
#include "demo/demo_show.h"

#include "demo/demo_answer.h"
#include "demo/demo_words.h"

static bool has_word(struct span question, const char *word)
{
    struct demo_word words[DEMO_MAX_WORDS];
    size_t n = demo_words(question, words);
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i].text, word) == 0)
            return true;
    return false;
}

size_t demo_number_in(struct span text, size_t fallback, size_t most)
{
    size_t at = 0, n = 0;
    while (at < text.len && (text.p[at] < '0' || text.p[at] > '9'))
        at++;
    if (at == text.len)
        return fallback;
    for (; at < text.len && text.p[at] >= '0' && text.p[at] <= '9'; at++) {
        n = n * 10 + (size_t)(text.p[at] - '0');
        if (n >= most)
            return most;
    }
    return n ? n : fallback;
}

static void show_list(struct span question, struct buf *out)
{
    if (has_word(question, "numbered") || has_word(question, "ordered") || has_word(question, "numbers")) {
        buf_add_str(out, "A message on its way to a model:\n\n"
                         "1. The page sends it, with an id that stays the same.\n"
                         "2. hob stores it, before anything else.\n"
                         "3. hob asks the engine:\n"
                         "   1. ready: the answer streams;\n"
                         "   2. loading: the page waits 2, 4 and 6 seconds at most.\n"
                         "4. The answer is kept, also if the tab is closed.\n");
        return;
    }
    buf_add_str(out, "A server is one of these:\n\n"
                     "- **stopped**: no process\n"
                     "- **starting** and **loading**: on its way\n"
                     "  - the page shows the percentage\n"
                     "  - and the time that is left\n"
                     "- **ready**: it answers\n"
                     "- **failed**: it ended, and the page says why\n");
}

static void show_tasks(struct span question, struct buf *out)
{
    (void)question;
    buf_add_str(out, "- [x] open the page\n"
                     "- [x] talk to the demo\n"
                     "- [ ] put a GGUF file into the `models` folder\n"
                     "- [ ] make a server of it\n");
}

static void show_table(struct span question, struct buf *out)
{
    (void)question;
    buf_add_str(out, "| status | means | sent again |\n"
                     "| :-- | :-- | --: |\n"
                     "| 503 | starting or loading | 3 times |\n"
                     "| 502 | refused or died | 3 times |\n"
                     "| 504 | no headers in time | 3 times |\n"
                     "| 409 | failed, with the reason | never |\n"
                     "| 401 | not signed in | never |\n");
}

static const struct code_sample {
    const char *language, *fence, *code;
} samples[] = {
    {"c", "c",
     "#include <stdio.h>\n\n"
     "/* Waits before attempt n, in seconds: 2, 4, 6. */\n"
     "static int wait_s(int n)\n{\n    return 2 * n;\n}\n\n"
     "int main(void)\n{\n"
     "    for (int n = 1; n <= 3; n++)\n"
     "        printf(\"attempt %d/3 after %d s\\n\", n, wait_s(n));\n"
     "    puts(\"Hello, world\");\n"
     "    return 0;\n}\n"},
    {"python", "python",
     "def wait_s(n: int) -> int:\n"
     "    \"\"\"Waits before attempt n, in seconds: 2, 4, 6.\"\"\"\n"
     "    return 2 * n\n\n\n"
     "for n in range(1, 4):\n"
     "    print(f\"attempt {n}/3 after {wait_s(n)} s\")\n"
     "print(\"Hello, world\")\n"},
    {"javascript", "js",
     "// Waits before attempt n, in seconds: 2, 4, 6.\n"
     "const waitS = (n) => 2 * n;\n\n"
     "for (let n = 1; n <= 3; n++) {\n"
     "  console.log(`attempt ${n}/3 after ${waitS(n)} s`);\n"
     "}\n"
     "console.log('Hello, world');\n"},
    {"typescript", "ts",
     "const waitS = (n: number): number => 2 * n;\n\n"
     "for (const n of [1, 2, 3]) console.log(`attempt ${n}/3 after ${waitS(n)} s`);\n"
     "console.log('Hello, world');\n"},
    {"rust", "rust",
     "fn wait_s(n: u32) -> u32 {\n    2 * n\n}\n\n"
     "fn main() {\n"
     "    for n in 1..=3 {\n"
     "        println!(\"attempt {n}/3 after {} s\", wait_s(n));\n"
     "    }\n"
     "    println!(\"Hello, world\");\n}\n"},
    {"go", "go",
     "package main\n\nimport \"fmt\"\n\n"
     "func main() {\n"
     "\tfor n := 1; n <= 3; n++ {\n"
     "\t\tfmt.Printf(\"attempt %d/3 after %d s\\n\", n, 2*n)\n"
     "\t}\n"
     "\tfmt.Println(\"Hello, world\")\n}\n"},
    {"bash", "bash",
     "#!/bin/sh\n"
     "for n in 1 2 3; do\n"
     "  echo \"attempt $n/3 after $((2 * n)) s\"\n"
     "done\n"
     "echo \"Hello, world\"\n"},
    {"html", "html",
     "<!doctype html>\n<html lang=\"en\">\n  <title>Hello</title>\n"
     "  <p class=\"status\" role=\"status\">Connecting to model... (attempt 1/3)</p>\n</html>\n"},
    {"sql", "sql",
     "SELECT state, count(*) AS n\n"
     "  FROM generations\n"
     " WHERE created_at > 1700000000000\n"
     " GROUP BY state\n"
     " ORDER BY n DESC;\n"},
    {"json", "json",
     "{\n  \"model\": \"demo\",\n  \"stream\": true,\n  \"messages\": [{ \"role\": \"user\", \"content\": \"Hello\" }]\n}\n"},
};

/* Other names of the languages above. */
static const struct {
    const char *alias, *language;
} aliases[] = {{"py", "python"},         {"js", "javascript"}, {"node", "javascript"},
               {"nodejs", "javascript"}, {"ts", "typescript"}, {"shell", "bash"},
               {"sh", "bash"},           {"golang", "go"},     {"sqlite", "sql"}};

static void show_code(struct span question, struct buf *out)
{
    const struct code_sample *sample = &samples[0];
    for (size_t i = 0; i < COUNT_OF(samples); i++)
        if (has_word(question, samples[i].language))
            sample = &samples[i];
    for (size_t a = 0; a < COUNT_OF(aliases); a++)
        for (size_t i = 0; has_word(question, aliases[a].alias) && i < COUNT_OF(samples); i++)
            if (strcmp(samples[i].language, aliases[a].language) == 0)
                sample = &samples[i];
    buf_addf(out,
             "I am only a demo and cannot program, but I know this piece by heart:\n\n```%s\n%s```\n\n"
             "It prints the waits of hob's chat while a model loads.\n",
             sample->fence, sample->code);
}

static void show_math(struct span question, struct buf *out)
{
    (void)question;
    buf_add_str(out, "Three attempts with linear waits take at most\n\n"
                     "$$\nT = \\sum_{n=1}^{3} 2n = 2 + 4 + 6 = 12\\ \\text{s}\n$$\n\n"
                     "and I choose an answer by the angle between two vectors, "
                     "$\\cos\\theta = \\frac{a \\cdot b}{\\lVert a \\rVert\\,\\lVert b \\rVert}$.\n");
}

static void show_quote(struct span question, struct buf *out)
{
    (void)question;
    buf_add_str(out, "> The message is stored before anything else happens.\n"
                     ">\n"
                     "> > And an answer is written by hob, not by the tab.\n\n"
                     "So say hob's rules.\n");
}

static void show_emoji(struct span question, struct buf *out)
{
    (void)question;
    buf_add_str(out, "Letters of many scripts arrive whole, however a stream is cut: "
                     "\xce\xb1\xce\xb2\xce\xb3, \xd0\xb0\xd0\xb1\xd0\xb2, \xe4\xb8\xad\xe6\x96\x87, "
                     "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e, \xed\x95\x9c\xea\xb5\xad\xec\x96\xb4, "
                     "\xd8\xa7\xd9\x84\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a\xd8\xa9, "
                     "\xf0\x9f\x94\xa5 \xf0\x9f\x8d\xb2 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x8d\xb3.\n");
}

static void show_markdown(struct span question, struct buf *out)
{
    static const struct {
        const char *title;
        void (*show)(struct span question, struct buf *out);
    } parts[] = {{"Lists", show_list},         {"Tasks", show_tasks}, {"A table", show_table},
                 {"Code", show_code},          {"Math", show_math},   {"Quotes", show_quote},
                 {"Other scripts", show_emoji}};
    buf_add_str(out, "# Markdown\n\nText can be *emphasised*, **strong**, ~~struck~~ or `code`; "
                     "a line can hold a [link](https://example.org/).\n");
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_addf(out, "\n## %s\n\n", parts[i].title);
        parts[i].show(question, out);
    }
    buf_add_str(out, "\n---\n\nThat is all that I can show.\n");
}

void demo_show_long(size_t n_tokens, struct buf *out)
{
    static const char *const sentences[] = {
        "A hob is the plate that pots stand on, with a dial for each.",
        "While a model loads, a message waits and is not lost.",
        "The page shows how far the load is, and how long it will take.",
        "An answer is written down by hob, whether somebody looks or not.",
        "Whoever comes back finds all of it, up to the last word.",
        "A stopped server starts when somebody writes to it.",
        "A failed server says why, with the last lines of its log.",
        "This text has no other purpose than to be long.",
    };
    size_t start = out->len, counted = start, n = 0;
    for (size_t paragraph = 1; n < n_tokens; paragraph++) {
        if (paragraph % 8 == 1)
            buf_addf(out, "## Part %zu\n\n", paragraph / 8 + 1);
        buf_addf(out, "Paragraph %zu.", paragraph);
        for (size_t i = 0; i < 4; i++)
            buf_addf(out, " %s", sentences[(paragraph * 3 + i) % COUNT_OF(sentences)]);
        buf_add_str(out, "\n\n");
        if (paragraph % 8 == 5)
            buf_addf(out, "- one of part %zu\n- two\n- three\n\n", paragraph / 8 + 1);
        for (; counted < out->len && n < n_tokens; n++)
            counted += demo_token_len(span_of(out->p + counted, out->len - counted));
    }
    out->len = counted;
    *buf_reserve(out, 1) = '\0';
}

static void show_long(struct span question, struct buf *out)
{
    demo_show_long(demo_number_in(question, DEMO_LONG_TOKENS, DEMO_LONG_TOKENS_MAX), out);
}

bool demo_show(const char *name, struct span question, struct buf *out)
{
    static const struct {
        const char *name;
        void (*show)(struct span question, struct buf *out);
    } shows[] = {{"list", show_list},   {"tasks", show_tasks}, {"table", show_table},
                 {"code", show_code},   {"math", show_math},   {"markdown", show_markdown},
                 {"quote", show_quote}, {"long", show_long},   {"emoji", show_emoji}};
    for (size_t i = 0; i < COUNT_OF(shows); i++) {
        if (strcmp(shows[i].name, name) == 0) {
            shows[i].show(question, out);
            return true;
        }
    }
    return false;
}
