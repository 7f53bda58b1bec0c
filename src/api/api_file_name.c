/* File names: hostile until they went through here. */
#include "api/api_file_name.h"

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

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

void file_name_add_disposition(const char *name, bool is_inline, struct buf *out)
{
    buf_add_str(out, is_inline ? "inline" : "attachment");
    buf_add_str(out, "; filename=\"");
    for (const char *p = name; *p; p++) {
        bool continues_char = ((unsigned char)*p & 0xc0) == 0x80;
        /* Some readers take % for an escape also here. */
        bool is_plain = *p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\' && *p != '%';
        if (!continues_char)
            buf_add_char(out, is_plain ? *p : '_');
    }
    buf_add_str(out, "\"; filename*=UTF-8''");
    for (const char *p = name; *p; p++) {
        if (is_token_char(*p))
            buf_add_char(out, *p);
        else
            buf_addf(out, "%%%02X", (unsigned char)*p);
    }
}
