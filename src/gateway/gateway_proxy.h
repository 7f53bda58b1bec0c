/* What gateway_proxy.c (the way of a request) and gateway_filler.c (what its client hears meanwhile) share. */
#ifndef HOB_GATEWAY_PROXY_H
#define HOB_GATEWAY_PROXY_H

#include "gateway/gateway_rewrite.h"
#include "gateway/gateway_room.h"
#include "gateway/gateway_tally.h"
#include "relay/relay.h"

struct gateway_proxy {
    struct gateway *g;
    struct server *s; /* valid while a hold or a use is there */
    char server_id[UUID_LEN + 1];
    struct http_exchange *x;
    const char *method;
    char *target; /* behind the struct, as model */
    const char *route;
    char *model;
    struct http_headers answer_headers; /* until the answer begins */
    struct http_headers headers;        /* for the engine; until it answers, as the next two */
    struct http_body *body;
    struct gateway_rewrite rewrite;
    bool is_stream, is_json, is_raw, is_aside;
    enum relay_shape shape;
    int status; /* that the client has got; 0: none */
    gateway_proxy_fn fn;
    void *arg;
    struct gateway_hold *hold;
    struct relay *relay;
    struct server_use use;
    int n_calls;
    struct loop_timer retry; /* the next call, at the latest at retry_at_ms */
    int64_t retry_at_ms;
    struct loop_timer comment; /* first the grace, then the comments or blanks */
    struct buf told;           /* the last comment */
    int64_t commented_ms;
    uint64_t passed_bytes; /* of the answer at the last look for silence */
    struct gateway_client client;
    struct gateway_tally tally;
    struct relay_probe probe; /* while no relay runs */
    struct list node;         /* in gateway.proxies */
};

/* The timer `comment`: begins the answer if need be, and says that it is on its way. */
void proxy_on_comment_due(void *arg);
/* A failure of an answer that has begun. */
void proxy_write_failure(struct gateway_proxy *p, const struct gateway_failure *f);
/* What every answer has of hob's own. */
void proxy_add_headers(struct gateway_proxy *p, struct http_headers *to);

#endif
