/* How a header carries the names of files. */
#include "api/api_file_name.h"

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
