/* Finds the items of an export in a stream of bytes. Strings are passed over in long strides: most of a file is in them. */
#include "chat/import_scan.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- places ---- */

static void advance(struct import_place *at, struct span bytes)
{
    for (const char *p = bytes.p, *end = p + bytes.len; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        int64_t n = 0;
        for (const char *q = p; q < stop; q++)
            n += ((unsigned char)*q & 0xc0) != 0x80;
        at->column += n;
        if (!nl)
            return;
        at->line++;
        at->column = 1;
        p = nl + 1;
    }
}

struct import_place import_place_in(struct import_place from, struct span text, size_t offset)
{
    advance(&from, span_of(text.p, offset < text.len ? offset : text.len));
    return from;
}

enum err import_fault(struct import_place at, struct err_text *why, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(why, ERR_INVALID, "Line %lld, column %lld: %s", (long long)at.line, (long long)at.column,
                   text);
}

/* ---- single bytes between values ---- */

void import_scan_init(struct import_scan *s)
{
    *s = (struct import_scan){.at = {1, 1}};
}

void import_scan_release(struct import_scan *s)
{
    buf_release(&s->text);
}

static void begin(struct import_scan *s, enum import_scan_state state)
{
    s->state = state;
    s->from = s->at;
    s->depth = 0;
    s->in_string = s->is_escaped = false;
    buf_clear(&s->text);
}

static enum err unexpected(const struct import_scan *s, const char *wanted, struct err_text *why)
{
    return import_fault(s->at, why, "%s is missing here.", wanted);
}

/* The first byte of a value: that of an item (always an object), of `items`, or of another key. */
static enum err begin_value(struct import_scan *s, char c, struct err_text *why)
{
    if (str_eq(s->key, "items")) {
        if (s->has_items)
            return import_fault(s->at, why, "\"items\" is there twice.");
        if (c != '[')
            return import_fault(s->at, why, "\"items\" must be an array.");
        s->has_items = true;
        s->state = IMPORT_AT_FIRST_ITEM;
        return ERR_OK;
    }
    if (c == ',' || c == '}' || c == ']' || c == ':')
        return unexpected(s, "A value", why);
    begin(s, IMPORT_IN_VALUE);
    return ERR_OK;
}

/* A byte that is no blank, where no value is under way. A state IMPORT_IN_... after it begins with this byte. */
static enum err take_mark(struct import_scan *s, char c, struct err_text *why)
{
    switch (s->state) {
    case IMPORT_AT_START:
        if (c != '{')
            return import_fault(s->at, why, "This is no export of hob's: it must begin with {.");
        s->state = IMPORT_AT_FIRST_KEY;
        return ERR_OK;
    case IMPORT_AT_FIRST_KEY:
    case IMPORT_AT_KEY:
        if (c == '}' && s->state == IMPORT_AT_FIRST_KEY)
            s->state = IMPORT_AT_END;
        else if (c == '"')
            begin(s, IMPORT_IN_KEY);
        else
            return unexpected(s, "A key in quotes", why);
        return ERR_OK;
    case IMPORT_AT_COLON:
        s->state = IMPORT_AT_VALUE;
        return c == ':' ? ERR_OK : unexpected(s, "A colon", why);
    case IMPORT_AT_VALUE: return begin_value(s, c, why);
    case IMPORT_AT_COMMA:
        s->state = c == ',' ? IMPORT_AT_KEY : IMPORT_AT_END;
        return c == ',' || c == '}' ? ERR_OK : unexpected(s, "A comma or }", why);
    case IMPORT_AT_FIRST_ITEM:
    case IMPORT_AT_ITEM:
        if (c == ']' && s->state == IMPORT_AT_FIRST_ITEM)
            s->state = IMPORT_AT_COMMA;
        else if (c == '{')
            begin(s, IMPORT_IN_ITEM);
        else
            return import_fault(s->at, why, "An item must be an object.");
        return ERR_OK;
    case IMPORT_AT_ITEM_COMMA:
        s->state = c == ',' ? IMPORT_AT_ITEM : IMPORT_AT_COMMA;
        return c == ',' || c == ']' ? ERR_OK : unexpected(s, "A comma or ]", why);
    case IMPORT_AT_END: return import_fault(s->at, why, "Something follows behind the end.");
    case IMPORT_IN_KEY:
    case IMPORT_IN_VALUE:
    case IMPORT_IN_ITEM: break;
    }
    assert(false);
    return ERR_INVALID;
}

/* U+FEFF at the very beginning is passed over. True: c is a part of it. */
static bool is_byte_order_mark(struct import_scan *s, char c)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (s->state != IMPORT_AT_START || s->n_mark == 3 || c != mark[s->n_mark])
        return false;
    s->n_mark++;
    return true;
}

/* ---- inside of a value ---- */

static size_t in_string(struct import_scan *s, const char *p, size_t n)
{
    size_t i = 0;
    if (s->is_escaped) {
        s->is_escaped = false;
        return 1;
    }
    const char *quote = memchr(p, '"', n);
    size_t end = quote ? (size_t)(quote - p) : n;
    const char *escape = memchr(p, '\\', end);
    i = escape ? (size_t)(escape - p) : end;
    if (i == n)
        return n;
    if (p[i] == '"')
        s->in_string = false;
    else
        s->is_escaped = true;
    return i + 1;
}

/* How many bytes of p belong to the value under way; *out_is_over: it ends there. */
static size_t value_len(struct import_scan *s, const char *p, size_t n, bool *out_is_over)
{
    size_t i = 0;
    bool has_begun = s->text.len > 0;
    while (i < n) {
        if (s->in_string) {
            i += in_string(s, p + i, n - i);
            *out_is_over = !s->in_string && s->depth == 0;
        } else {
            char c = p[i];
            bool is_scalar_end = s->depth == 0 && (has_begun || i > 0) &&
                                 (char_is_blank(c) || c == ',' || c == '}' || c == ']');
            *out_is_over = is_scalar_end;
            if (is_scalar_end)
                return i;
            i++;
            s->in_string = c == '"';
            s->depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            *out_is_over = s->depth == 0 && (c == '}' || c == ']');
        }
        if (*out_is_over || s->depth > JSON_MAX_DEPTH)
            return i;
    }
    return i;
}

static enum err end_key(struct import_scan *s, struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (json_parse(buf_span(&s->text), &doc, NULL))
        return import_fault(s->from, why, "A key is not valid.");
    const char *key = yyjson_get_str(yyjson_doc_get_root(doc));
    bool is_known = str_eq(key, "format") || str_eq(key, "version") || str_eq(key, "items");
    (void)snprintf(s->key, sizeof s->key, "%s", is_known ? key : "");
    s->state = IMPORT_AT_COLON;
    return ERR_OK;
}

static enum err end_value(struct import_scan *s, struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (json_parse(buf_span(&s->text), &doc, NULL))
        return import_fault(s->from, why, "The value is not valid JSON.");
    yyjson_val *v = yyjson_doc_get_root(doc);
    if (str_eq(s->key, "format")) {
        s->has_format = yyjson_equals_str(v, "hob");
        if (!s->has_format)
            return import_fault(s->from, why, "This is no export of hob's: \"format\" must be \"hob\".");
    } else if (str_eq(s->key, "version")) {
        s->has_version = yyjson_is_int(v) && yyjson_get_sint(v) == 1;
        if (!s->has_version)
            return import_fault(
                s->from, why,
                "This hob reads version 1 only. Take the hob that wrote the file, or a newer one.");
    }
    s->state = IMPORT_AT_COMMA;
    return ERR_OK;
}

/* Bytes of a key, a value or an item. *out_is_item: one is complete. */
static enum err take_value(struct import_scan *s, struct span *io_bytes, bool *out_is_item,
                           struct err_text *why)
{
    bool is_over = false;
    bool is_item = s->state == IMPORT_IN_ITEM;
    struct span part = span_of(io_bytes->p, value_len(s, io_bytes->p, io_bytes->len, &is_over));
    if (s->text.len + part.len > (is_item ? IMPORT_MAX_ITEM_BYTES : IMPORT_MAX_HEAD_BYTES))
        return import_fault(s->from, why, "%s has more than %zu KiB.", is_item ? "An item" : "A value",
                            (is_item ? IMPORT_MAX_ITEM_BYTES : IMPORT_MAX_HEAD_BYTES) >> 10);
    buf_add_span(&s->text, part);
    advance(&s->at, part);
    *io_bytes = span_of(io_bytes->p + part.len, io_bytes->len - part.len);
    if (s->depth > JSON_MAX_DEPTH)
        return import_fault(s->from, why, "This is nested deeper than %d levels.", JSON_MAX_DEPTH);
    if (!is_over)
        return ERR_OK;
    if (s->state == IMPORT_IN_KEY)
        return end_key(s, why);
    if (s->state == IMPORT_IN_VALUE)
        return end_value(s, why);
    s->state = IMPORT_AT_ITEM_COMMA;
    *out_is_item = s->is_taken = true;
    return ERR_OK;
}

bool import_scan_next(struct import_scan *s, struct span *io_bytes, struct span *out_item, enum err *out_err,
                      struct err_text *why)
{
    *out_err = ERR_OK;
    if (s->is_taken) {
        /* The memory of a large item is not kept for the small ones that follow. */
        if (s->text.cap > IMPORT_MAX_HEAD_BYTES)
            buf_release(&s->text);
        buf_clear(&s->text);
        s->is_taken = false;
    }
    while (io_bytes->len && !*out_err) {
        bool is_item = false;
        if (s->state < IMPORT_IN_KEY) {
            char c = io_bytes->p[0];
            bool is_mark = is_byte_order_mark(s, c);
            if (!is_mark && !char_is_blank(c)) {
                *out_err = take_mark(s, c, why);
                if (!*out_err && s->state >= IMPORT_IN_KEY)
                    continue;
            }
            if (!is_mark)
                advance(&s->at, span_of(io_bytes->p, 1));
            *io_bytes = span_of(io_bytes->p + 1, io_bytes->len - 1);
        } else {
            *out_err = take_value(s, io_bytes, &is_item, why);
        }
        if (is_item) {
            *out_item = buf_span(&s->text);
            return true;
        }
    }
    return false;
}

enum err import_scan_end(const struct import_scan *s, struct err_text *why)
{
    if (s->state == IMPORT_AT_START)
        return import_fault(s->at, why, "The file is empty.");
    if (s->state != IMPORT_AT_END)
        return import_fault(s->at, why, "The file ends in the middle.");
    if (!s->has_format)
        return import_fault(s->at, why, "This is no export of hob's: \"format\" is missing.");
    if (!s->has_version)
        return import_fault(s->at, why, "This is no export of hob's: \"version\" is missing.");
    if (!s->has_items)
        return import_fault(s->at, why, "This is no export of hob's: \"items\" is missing.");
    return ERR_OK;
}
