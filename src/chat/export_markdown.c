/* A conversation to read elsewhere. Texts stay as they were written; what they leave open is closed behind them. */
#include <time.h>

#include "chat/export.h"

/* Minutes, in UTC. */
static void add_time(struct buf *out, int64_t at_ms)
{
    time_t s = (time_t)(at_ms / 1000);
    struct tm tm;
    char text[40];
    if (gmtime_r(&s, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm))
        buf_add_str(out, text);
}

/* One line in which nothing is markup. */
static void add_plain(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < ' ' || c == 0x7f) {
            buf_add_char(out, ' ');
            continue;
        }
        if (strchr("\\`*_[]<>#|~&$", c))
            buf_add_char(out, '\\');
        buf_add_char(out, (char)c);
    }
}

void export_markdown_conversation(struct buf *out, const struct conversation_row *row)
{
    buf_add_str(out, "# ");
    add_plain(out, span_str(row->title));
    buf_add_str(out, "\n\n");
    add_time(out, row->created_at);
    buf_add_str(out, "\n\n");
}

/* ---- texts ---- */

/* A block that only its end ends, so that one that a text leaves open takes all that follows (CommonMark 4.5, 4.6). */
struct open_block {
    char fence; /* ` or ~; 0: none */
    size_t fence_len;
    const char *html_end; /* or NULL */
};

static const struct {
    const char *begin, *end;
} html_blocks[] = {
    {"<!--", "-->"},    {"<?", "?>"},           {"<![CDATA[", "]]>"},         {"<script", "</script>"},
    {"<pre", "</pre>"}, {"<style", "</style>"}, {"<textarea", "</textarea>"}, {"<!", ">"},
};

static bool contains_ci(struct span text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (span_is_ci(span_of(text.p + i, len), word))
            return true;
    }
    return false;
}

/* Its first sign behind at most three blanks; a line that is indented further begins no block. */
static struct span unindent(struct span line)
{
    size_t at = 0;
    while (at < line.len && at < 3 && line.p[at] == ' ')
        at++;
    return span_of(line.p + at, line.len - at);
}

static size_t run_len(struct span line, char c)
{
    size_t n = 0;
    while (n < line.len && line.p[n] == c)
        n++;
    return n;
}

static void begin_block(struct open_block *b, struct span line)
{
    char c = line.len ? line.p[0] : '\0';
    size_t n = c == '`' || c == '~' ? run_len(line, c) : 0;
    if (n >= 3 && !(c == '`' && memchr(line.p + n, '`', line.len - n)))
        *b = (struct open_block){.fence = c, .fence_len = n};
    for (size_t i = 0; c == '<' && i < COUNT_OF(html_blocks); i++) {
        size_t len = strlen(html_blocks[i].begin);
        if (line.len < len || !span_is_ci(span_of(line.p, len), html_blocks[i].begin))
            continue;
        if (!contains_ci(span_of(line.p + len, line.len - len), html_blocks[i].end))
            b->html_end = html_blocks[i].end;
        return;
    }
}

static void read_line(struct open_block *b, struct span line)
{
    struct span text = unindent(line);
    if (b->fence) {
        size_t n = run_len(text, b->fence);
        if (n >= b->fence_len && span_trim(span_of(text.p + n, text.len - n)).len == 0)
            *b = (struct open_block){0};
    } else if (b->html_end) {
        if (contains_ci(line, b->html_end))
            *b = (struct open_block){0};
    } else {
        begin_block(b, text);
    }
}

/* The text with all line ends as one sign: Markdown takes three for one. */
static void add_lines(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '\r')
            buf_add_char(out, text.p[i]);
        else if (i + 1 == text.len || text.p[i + 1] != '\n')
            buf_add_char(out, '\n');
    }
}

static void add_run(struct buf *out, char c, size_t n)
{
    while (n-- > 0)
        buf_add_char(out, c);
}

static void add_text(struct buf *out, struct span text)
{
    struct open_block open = {0};
    size_t from = out->len;
    if (span_trim(text).len == 0)
        return;
    add_lines(out, text);
    for (struct span rest = span_of(out->p + from, out->len - from); rest.p;) {
        struct span line = span_cut(rest, '\n', &rest);
        read_line(&open, line);
    }
    if (open.fence) {
        buf_add_char(out, '\n');
        add_run(out, open.fence, open.fence_len);
    } else if (open.html_end) {
        buf_addf(out, "\n%s", open.html_end);
    }
    buf_add_str(out, "\n\n");
}

/* Line by line behind marks: what stands in a quote cannot reach out of it. */
static void add_reasoning(struct buf *out, const char *reasoning)
{
    AUTO(buf) struct buf *lines = buf_new();
    if (!reasoning || span_trim(span_str(reasoning)).len == 0)
        return;
    add_lines(lines, span_trim(span_str(reasoning)));
    buf_add_str(out, "> **Reasoning**\n>\n");
    for (struct span rest = buf_span(lines); rest.p;) {
        struct span line = span_cut(rest, '\n', &rest);
        buf_add_str(out, line.len ? "> " : ">");
        buf_add_span(out, line);
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
}

/* ---- parts ---- */

static void add_file(struct buf *out, const char *name, const char *what)
{
    buf_addf(out, "\\[%s: ", what);
    add_plain(out, span_str(name));
    buf_add_str(out, "\\]\n\n");
}

static void add_part(struct buf *out, yyjson_val *part, const struct map *names)
{
    yyjson_val *file = yyjson_obj_get(part, "file");
    const char *url = json_str_or(yyjson_obj_get(part, "image_url"), "url", NULL);
    if (url) {
        const char *name = span_starts(span_str(url), "attachment:")
                               ? map_get_str(names, url + strlen("attachment:"))
                               : NULL;
        add_file(out, name ? name : "without a name", "image");
    } else if (file) {
        const char *id = json_str_or(file, "id", "");
        const char *name = json_str_or(file, "name", map_get_str(names, id));
        add_file(out, name ? name : "without a name", "file");
    } else {
        add_text(out, span_str(json_str_or(part, "text", "")));
    }
}

static void add_content(struct buf *out, const char *content_json, const struct map *names)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (json_parse(span_str(content_json), &doc, NULL) != ERR_OK)
        return;
    yyjson_val *root = yyjson_doc_get_root(doc), *part;
    size_t i, n;
    if (yyjson_is_str(root))
        add_text(out, span_of(yyjson_get_str(root), yyjson_get_len(root)));
    yyjson_arr_foreach(root, i, n, part) {
        add_part(out, part, names);
    }
}

/* Longest run of backticks: the fence around it is longer. */
static size_t longest_run(const char *text)
{
    size_t longest = 2, run = 0;
    for (; *text; text++) {
        run = *text == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void add_tool_calls(struct buf *out, const char *json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!json || json_parse(span_str(json), &doc, NULL) != ERR_OK)
        return;
    size_t i, n;
    yyjson_val *call;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, call) {
        yyjson_val *function = yyjson_obj_get(call, "function");
        const char *arguments = json_str_or(function, "arguments", "");
        size_t fence = longest_run(arguments) + 1;
        buf_add_str(out, "Calls ");
        add_plain(out, span_str(json_str_or(function, "name", "a tool")));
        buf_add_str(out, ":\n\n");
        add_run(out, '`', fence);
        buf_addf(out, "\n%s\n", arguments);
        add_run(out, '`', fence);
        buf_add_str(out, "\n\n");
    }
}

static void add_end(struct buf *out, const char *state)
{
    static const char *const notes[][2] = {
        {"stopped", "The answer was stopped here."},
        {"interrupted", "The answer broke off here."},
        {"failed", "The answer failed."},
    };
    if (export_is_open(state))
        buf_add_str(out, "*The answer was still being written.*\n\n");
    for (size_t i = 0; i < COUNT_OF(notes); i++) {
        if (str_eq(state, notes[i][0]))
            buf_addf(out, "*%s*\n\n", notes[i][1]);
    }
}

void export_markdown_message(struct buf *out, const struct message_row *row, const char *author,
                             const struct map *names)
{
    buf_add_str(out, "## ");
    if (str_eq(row->role, "user"))
        buf_add_str(out, "You");
    else
        add_plain(out, span_str(author && author[0] ? author : "Assistant"));
    buf_add_str(out, " · ");
    add_time(out, row->created_at);
    buf_add_str(out, "\n\n");
    add_reasoning(out, row->reasoning);
    add_content(out, row->content_json, names);
    add_tool_calls(out, row->tool_calls_json);
    if (str_eq(row->role, "assistant"))
        add_end(out, row->state);
}
