/*
 * Reads of a request's body what the gateway must know, while it goes by in pieces of any size: JSON is held to RFC 8259,
 * and the fields of its root object are found with their places, without a tree and whatever the body's size. Pure.
 */
#ifndef HOB_GATEWAY_SCAN_H
#define HOB_GATEWAY_SCAN_H

#include "gateway/gateway_bounds.h"
#include "util/util.h"

#define GATEWAY_SCAN_MAX_FIELDS     256         /* of the root object, or of a form */
#define GATEWAY_SCAN_MAX_NAME_BYTES (16 * 1024) /* all their names together */
#define GATEWAY_SCAN_MAX_MODEL      512         /* bytes of the model's name */

/* One field of the root object; offsets in the body. */
struct gateway_field {
    uint32_t name_at, name_len; /* in gateway_scan.names, escapes resolved */
    uint64_t from;              /* its name's opening quote */
    uint64_t value, end;        /* the value's first byte, and the one behind its last */
};

enum gateway_stream { GATEWAY_STREAM_ABSENT, GATEWAY_STREAM_OFF, GATEWAY_STREAM_ON };

struct gateway_scan {
    uint64_t at;      /* bytes seen */
    uint64_t open;    /* the root's opening brace */
    struct buf names; /* of all fields, one behind the other */
    struct gateway_field *fields;
    size_t n_fields, fields_cap;
    struct buf model; /* the value of "model"; escapes resolved */
    bool has_model;
    bool is_form; /* read by gateway_form: fields has "model" only */
    enum gateway_stream stream;

    const char *piece;             /* during gateway_scan_feed, where byte `at` is */
    uint8_t state, string, number; /* gateway_scan.c */
    uint8_t depth;
    uint8_t n_left;    /* digits of an escape, or bytes of a character, to come */
    uint8_t low, high; /* what the next byte of a character may be */
    bool is_key;       /* the string under way */
    uint64_t objects;  /* bit d: what is open at depth d + 1 is an object */
    uint32_t code;     /* of the escape under way */
    uint32_t lead;     /* the first half of a pair of escapes, else 0 */
    const char *literal;
    bool is_bounded; /* the number under way (gateway_bounds.h) */
    uint8_t number_len;
    char number_text[GATEWAY_MAX_NUMBER_BYTES];
    enum { GATEWAY_SINK_NONE, GATEWAY_SINK_NAME, GATEWAY_SINK_MODEL } sink;
};

void gateway_scan_init(struct gateway_scan *s);
void gateway_scan_release(struct gateway_scan *s);
/*
 * ERR_INVALID: no valid JSON (why has the byte), nested over JSON_MAX_DEPTH, a field given twice (also in another letter case,
 * as some engines take them for one), "model" is no string, "stream" no boolean, a number out of its bounds. After
 * an error nothing more may be fed.
 */
MUST_CHECK enum err gateway_scan_feed(struct gateway_scan *s, struct span bytes, struct err_text *why);
/* No more bytes will come. */
MUST_CHECK enum err gateway_scan_end(const struct gateway_scan *s, struct err_text *why);

/* A field whose name is what will be added to names. Valid until the next one. */
struct gateway_field *gateway_scan_add_field(struct gateway_scan *s);
/* Escapes resolved. */
struct span gateway_scan_name(const struct gateway_scan *s, size_t i);

#endif
