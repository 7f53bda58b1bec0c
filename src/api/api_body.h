/* Bodies that are passed on to an engine: read, kept and looked at while they come. */
#ifndef HOB_API_BODY_H
#define HOB_API_BODY_H

#include "api/api_req.h"

#define API_MAX_PASSED_BYTES ((size_t)32 << 20) /* of a body to /v1 or /upstream: 413 */

enum api_body_form {
    API_BODY_JSON,  /* an object; "model" and "stream" are fields of it */
    API_BODY_PARTS, /* multipart/form-data; the same */
    API_BODY_ANY    /* whatever it is */
};

/* What was read. Valid during the call only; take the body out to keep it. */
struct api_passed {
    struct http_body *body;   /* NULL: the request has none */
    struct gateway_scan scan; /* not of API_BODY_ANY */
};
typedef void (*api_passed_fn)(struct api_req *r, struct api_passed *passed);

/* done runs when all of it is there and it is of that form; else the request is answered. Takes r->state and r->on_gone. */
void api_body_read(struct api_req *r, enum api_body_form kind, api_passed_fn done);

#endif
