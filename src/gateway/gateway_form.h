/*
 * The same for a form with files (multipart/form-data, RFC 7578): "model" and "stream" are fields of it. Fills a gateway_scan.
 * Pure.
 */
#ifndef HOB_GATEWAY_FORM_H
#define HOB_GATEWAY_FORM_H

#include "gateway/gateway_scan.h"

#define GATEWAY_FORM_MAX_BOUNDARY   70   /* RFC 2046 5.1.1 */
#define GATEWAY_FORM_MAX_LINE_BYTES 4096 /* of a part's header */
#define GATEWAY_FORM_MAX_LINES      16

struct gateway_form {
    char mark[GATEWAY_FORM_MAX_BOUNDARY + 4]; /* CRLF, two dashes, the boundary */
    size_t mark_len;
    size_t n_matched; /* bytes of the mark seen */
    uint8_t state;    /* gateway_form.c */
    uint8_t field;
    bool has_name;
    bool has_stream;
    unsigned n_lines, n_parts;
    struct buf line; /* of a part's header; or what a field says */
    struct gateway_scan *scan;
};

/* content_type: the whole header. ERR_INVALID: no boundary, or none that may be. scan: initialised, borrowed. */
MUST_CHECK enum err gateway_form_init(struct gateway_form *f, struct span content_type,
                                      struct gateway_scan *scan, struct err_text *why);
void gateway_form_release(struct gateway_form *f);
/* ERR_INVALID: not such a form, or a field of ours twice. After an error nothing more may be fed. */
MUST_CHECK enum err gateway_form_feed(struct gateway_form *f, struct span bytes, struct err_text *why);
MUST_CHECK enum err gateway_form_end(const struct gateway_form *f, struct err_text *why);

#endif
