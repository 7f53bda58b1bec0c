/* Which files a message may have. */
#include "chat/chat.h"

#define MAX_TYPE_BYTES 127
#define PDF_HEAD_BYTES 1024 /* readers look for the mark that far: some programs write something before it */

static bool is_image(struct span mime)
{
    return span_is(mime, "image/png") || span_is(mime, "image/jpeg") || span_is(mime, "image/webp") ||
           span_is(mime, "image/gif");
}

/* type "/" subtype, as tokens (RFC 6838 4.2). */
static bool is_type(struct span mime)
{
    for (size_t i = 0; i < mime.len; i++) {
        char c = mime.p[i];
        bool is_token = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        (c && strchr("!#$&^_.+-/", c));
        if (!is_token)
            return false;
    }
    return mime.len <= MAX_TYPE_BYTES;
}

static bool is_text(struct span mime)
{
    static const char *const others[] = {"application/json", "application/xml",        "application/x-yaml",
                                         "application/yaml", "application/javascript", "application/toml",
                                         "application/x-sh", "application/sql"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (span_is(mime, others[i]))
            return true;
    }
    return span_starts(mime, "text/") && is_type(mime);
}

static bool has_pdf_mark(struct span bytes)
{
    struct span head = span_of(bytes.p, bytes.len < PDF_HEAD_BYTES ? bytes.len : PDF_HEAD_BYTES);
    return span_find(head, SPAN_LIT("%PDF-")) >= 0;
}

enum chat_file_kind chat_file_kind_of(struct span mime)
{
    if (is_image(mime))
        return CHAT_FILE_IMAGE;
    if (span_is(mime, "application/pdf"))
        return CHAT_FILE_PDF;
    return is_text(mime) ? CHAT_FILE_TEXT : CHAT_FILE_OTHER;
}

enum err chat_check_file(struct span mime, struct span bytes, struct err_text *why)
{
    if (bytes.len == 0)
        return err_set(why, ERR_INVALID, "The file is empty.");
    if (!is_type(mime))
        return err_set(why, ERR_UNSUPPORTED, "The file has no valid type.");
    switch (chat_file_kind_of(mime)) {
    case CHAT_FILE_IMAGE: return ERR_OK;
    case CHAT_FILE_PDF:
        return has_pdf_mark(bytes) ? ERR_OK : err_set(why, ERR_INVALID, "The file is no PDF.");
    case CHAT_FILE_TEXT:
        if (!utf8_is_valid(bytes) || memchr(bytes.p, '\0', bytes.len))
            return err_set(why, ERR_INVALID, "The file is not UTF-8 text.");
        return ERR_OK;
    case CHAT_FILE_OTHER: break;
    }
    return err_set(why, ERR_UNSUPPORTED,
                   "hob takes images (PNG, JPEG, WebP, GIF), PDFs and text files, not %.*s.",
                   (int)(mime.len < 100 ? mime.len : 100), mime.len ? mime.p : "");
}
