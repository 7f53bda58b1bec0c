/* Names as code points. */
#include <locale.h>
#include <wctype.h>

#include "auth/auth_name.h"

/* The code point at s.p (well-formed UTF-8), and its length. */
static uint32_t decode(struct span s, size_t *out_len)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t cp = len == 1 ? c : c & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        cp = cp << 6 | ((unsigned char)s.p[i] & 0x3f);
    *out_len = len;
    return cp;
}

static void encode(struct buf *out, uint32_t cp)
{
    if (cp < 0x80) {
        buf_add_char(out, (char)cp);
        return;
    }
    int n_more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    buf_add_char(out, (char)((0xf0u << (3 - n_more)) | cp >> (6 * n_more)));
    while (n_more-- > 0)
        buf_add_char(out, (char)(0x80 | (cp >> (6 * n_more) & 0x3f)));
}

/* Controls, and what shows nothing or turns the text around it: two accounts must not look the same. */
static bool is_printable(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xfdd0, 0xfdef}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        if (cp >= hidden[i].first && cp <= hidden[i].last)
            return false;
    return (cp & 0xfffe) != 0xfffe;
}

static bool is_blank(uint32_t cp)
{
    return cp == ' ' || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

enum err name_check(struct span name, size_t max_bytes, struct err_text *why)
{
    if (name.len == 0)
        return err_set(why, ERR_INVALID, "\"name\" must not be empty");
    if (name.len > max_bytes)
        return err_set(why, ERR_INVALID, "\"name\" is too long (at most %zu bytes)", max_bytes);
    if (!utf8_is_valid(name))
        return err_set(why, ERR_INVALID, "\"name\" must be UTF-8");
    for (size_t at = 0, len; at < name.len; at += len) {
        uint32_t cp = decode(span_of(name.p + at, name.len - at), &len);
        if (!is_printable(cp))
            return err_set(why, ERR_INVALID, "\"name\" has a character that cannot be seen");
        if (is_blank(cp) && (at == 0 || at + len == name.len))
            return err_set(why, ERR_INVALID, "\"name\" must not begin or end with a blank");
    }
    return ERR_OK;
}

char *name_fold(struct span name)
{
    static locale_t unicode;
    if (!utf8_is_valid(name))
        return span_dup(name);
    if (!unicode)
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    struct buf folded = {0};
    for (size_t at = 0, len; at < name.len; at += len) {
        uint32_t cp = decode(span_of(name.p + at, name.len - at), &len);
        if (unicode)
            cp = (uint32_t)towlower_l(towupper_l(cp, unicode), unicode);
        else if (cp >= 'A' && cp <= 'Z')
            cp += 'a' - 'A';
        encode(&folded, cp);
    }
    return buf_take_str(&folded);
}
