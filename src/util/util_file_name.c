/* File names: hostile until they went through here. */
#include "util/util_file_name.h"

#include "util/util.h"

/* Length of the UTF-8 sequence at p and its code point. p is well-formed. */
static size_t read_char(const char *p, uint32_t *out_code)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t len = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? u[0] : u[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (u[i] & 0x3fu);
    *out_code = code;
    return len;
}

/* Controls, and what a reader does not see but is led by. A joiner of emoji (U+200D) is none of them. */
static bool is_unseen(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},      {0x61c, 0x61c},   {0x180e, 0x180e},
        {0x200b, 0x200c}, {0x200e, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0001, 0xe0001}};
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    }
    return false;
}

void file_name_clean(struct span name, struct buf *out)
{
    AUTO(buf) struct buf *kept = buf_new();
    for (size_t at = 0; at < name.len;) {
        uint32_t code;
        size_t len = read_char(name.p + at, &code);
        if (code == '/' || code == '\\')
            buf_add_char(kept, '_');
        else if (!is_unseen(code))
            buf_add(kept, name.p + at, len);
        at += len;
    }
    struct span seen = span_trim(buf_span(kept));
    if (seen.len == 0 || span_is(seen, ".") || span_is(seen, ".."))
        seen = SPAN_LIT(FILE_NAME_WHEN_BARE);
    buf_add_span(out, seen);
}
