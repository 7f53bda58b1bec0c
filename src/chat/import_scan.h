/*
 * Finds the items of an export (docs/openapi.yaml, Export) in bytes that come in pieces of any size, with their place in the
 * file. Looks no deeper than needed to find where a value ends; what an item says is import_item's matter. Pure.
 *
 *     {"format": "hob", "version": 1, ..., "items": [ ITEM, ITEM, ... ], ...}
 */
#ifndef HOB_CHAT_IMPORT_SCAN_H
#define HOB_CHAT_IMPORT_SCAN_H

#include "util/util.h"

#define IMPORT_MAX_ITEM_BYTES ((size_t)64 << 20)
#define IMPORT_MAX_HEAD_BYTES ((size_t)64 << 10) /* a key or a value beside `items` */

struct import_place {
    int64_t line, column; /* from 1; columns count characters */
};

enum import_scan_state {
    IMPORT_AT_START,
    IMPORT_AT_FIRST_KEY,
    IMPORT_AT_KEY,
    IMPORT_AT_COLON,
    IMPORT_AT_VALUE,
    IMPORT_AT_COMMA,
    IMPORT_AT_FIRST_ITEM,
    IMPORT_AT_ITEM,
    IMPORT_AT_ITEM_COMMA,
    IMPORT_AT_END,
    IMPORT_IN_KEY,
    IMPORT_IN_VALUE,
    IMPORT_IN_ITEM
};

struct import_scan {
    enum import_scan_state state;
    struct import_place at;   /* of the next byte */
    struct import_place from; /* of the key, value or item under way */
    struct buf text;          /* it, so far */
    bool is_taken;            /* an item was given to the caller: text is to be emptied */
    char key[16];             /* the top-level key under way; "": one that is of no interest */
    int depth;                /* inside of the value under way */
    bool in_string, is_escaped;
    size_t n_mark; /* bytes of a byte order mark seen */
    bool has_format, has_version, has_items;
};

/* {0} memory. */
void import_scan_init(struct import_scan *s);
void import_scan_release(struct import_scan *s);
/*
 * Takes bytes off the front of *io_bytes until an item is complete (true: *out_item is valid until the next call, its place
 * is s->from) or until none are left, or something is wrong (*out_err; why has the place in front). After an error the
 * scanner is not to be used again.
 */
MUST_CHECK bool import_scan_next(struct import_scan *s, struct span *io_bytes, struct span *out_item,
                                 enum err *out_err, struct err_text *why);
/* No more bytes will come. ERR_INVALID: the file is not complete. */
MUST_CHECK enum err import_scan_end(const struct import_scan *s, struct err_text *why);
/* The place of text.p[offset], where text begins at `from`. */
struct import_place import_place_in(struct import_place from, struct span text, size_t offset);
/* Writes "Line L, column C: " and the message; returns ERR_INVALID. */
enum err import_fault(struct import_place at, struct err_text *why, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
