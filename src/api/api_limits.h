/* Keys' scopes, and the limits of keys and accounts, around requests. */
#ifndef HOB_API_LIMITS_H
#define HOB_API_LIMITS_H

#include "api/api_req.h"

/*
 * Before the body is read, of a principal whose policy fits. True: a key may not use the route (403 route_not_allowed), or a
 * request to a model is over a limit (429 rate_limit_exceeded); answered, r is freed. Else such a request is counted, and
 * given back when r is freed.
 */
bool api_limits_refuse(struct api_req *r);
/* The same for a request that its handler knows to use a model. */
bool api_limits_refuse_call(struct api_req *r);
/* What is left of the limits of key and account, as OpenAI says it; nothing where there are none. */
void api_limits_add_headers(const struct api_req *r, struct http_headers *h);
/* Gives back what was counted. Harmless when nothing was. */
void api_limits_end(struct api_req *r);

/* A key for some models may use those that have one of its names, by whatever name it calls them. */
bool api_may_use_server(const struct api_req *r, const struct server *s);
/* True: it may not (403 model_not_allowed); answered, r is freed. */
bool api_refuse_server(struct api_req *r, const struct server *s);

#endif
