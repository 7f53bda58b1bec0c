/* What the routes about accounts (session, users, keys) answer with. */
#ifndef HOB_API_ACCOUNT_H
#define HOB_API_ACCOUNT_H

#include "api/api_req.h"

void api_write_user(struct json_writer *w, const struct auth_user *u);
/* "limits": {...}; null for what is not limited. */
void api_write_limits(struct json_writer *w, const struct rate_limits *limits);
/* n, or null for 0. */
void api_write_number(struct json_writer *w, const char *name, int64_t n);
/* Ends the request with result's error. */
void api_reply_auth_failure(struct api_req *r, const struct auth_result *result);
/* Ends the request with {"user"}, and the session's cookie when result has a secret. */
void api_reply_user(struct api_req *r, const struct auth_result *result, int status);
/* An auth_fn over a struct api_req: 200 {"user"} or the error. */
void api_on_user(void *arg, const struct auth_result *result);

#endif
