/* Requests that are handed to the gateway, and what comes back of them as errors. */
#ifndef HOB_API_PASS_H
#define HOB_API_PASS_H

#include "api/api_body.h"

/*
 * Finds the server of that name (else 404 with the nearest ones, or 403 if the key may not use it) and hands the exchange to
 * the gateway. way: target, is_stream, is_json, is_raw, is_aside are the caller's; the rest is filled in. Takes the body out of
 * passed.
 */
void api_pass_on(struct api_req *r, const char *name, const struct gateway_proxy_request *way,
                 struct api_passed *passed);
/* 404 model_not_found, with the names that may have been meant. */
void api_refuse_unknown_model(struct api_req *r, const char *name);

#endif
