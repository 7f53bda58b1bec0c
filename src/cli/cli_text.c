/* Keeps what would move the cursor, change colours or worse out of what is printed. */
#include "cli/cli_text.h"

/* Length of the control character at p; 0: none. Some terminals take U+009B for ESC [. */
static size_t control_len(const char *p, size_t n)
{
    unsigned char c = (unsigned char)p[0];
    if (c < 0x20 || c == 0x7f)
        return 1;
    return c == 0xc2 && n > 1 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

static void add(struct buf *out, struct span s, bool is_line)
{
    size_t from = 0, i = 0;
    while (i < s.len) {
        size_t n = control_len(s.p + i, s.len - i);
        bool is_blank = s.p[i] == '\n' || s.p[i] == '\t';
        if (n == 0 || (is_blank && !is_line)) {
            i++;
            continue;
        }
        buf_add(out, s.p + from, i - from);
        if (is_blank)
            buf_add_char(out, ' ');
        i += n;
        from = i;
    }
    if (i > from)
        buf_add(out, s.p + from, i - from);
}

void text_add_plain(struct buf *out, struct span s)
{
    add(out, s, false);
}

void text_add_line(struct buf *out, struct span s)
{
    add(out, s, true);
}

size_t text_floor(struct span s, size_t n_max)
{
    size_t i = 0;
    for (size_t n = 0; i < s.len; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && n++ == n_max)
            break;
    }
    return i;
}
