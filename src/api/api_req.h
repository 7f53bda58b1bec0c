/*
 * One request inside the api room: who asks, what for, and its one answer.
 *
 * A handler runs when policy and body limit hold and the body is there. It must end the request exactly once: by one of
 * the api_reply_ functions, or by api_stream_end / the stream's own end. Until then it may keep the request for
 * callbacks of other rooms; a client that goes away only makes x NULL (and runs on_gone, if set), the end still has to
 * be called.
 */
#ifndef HOB_API_REQ_H
#define HOB_API_REQ_H

#include "api/api.h"

enum api_policy {
    API_PUBLIC = 1,  /* anybody */
    API_USER,        /* session, API key or control socket */
    API_ADMIN,       /* an admin's session, or the control socket; never a key */
    API_KEY,         /* an API key (or the control socket); never a cookie */
    API_ADMIN_OR_KEY /* as API_ADMIN, and an admin's key: for programs that look after hob */
};
enum api_body {
    API_NO_BODY = 1,
    API_STREAM,      /* no body, answers with an event stream or a download */
    API_JSON,        /* req->json is the root object */
    API_RAW,         /* req->body */
    API_JSON_STREAM, /* of any size: the handler reads it by http_exchange_stream_body */
    API_PASSED,      /* goes to an engine: the handler reads it by api_body_read */
    API_ANY          /* the same, or there is none */
};

struct api_req;
typedef void (*api_handler_fn)(struct api_req *r);

struct api_route {
    enum http_method method;
    /* "/api/servers/{id}/log": {id} stands for a UUID, another name for one segment, or at the end for all that is left. */
    const char *pattern;
    enum api_policy policy;
    enum api_body body;
    size_t max_body_bytes;
    api_handler_fn handler;
};
/* Nothing can be left out: a route without policy or limit does not compile. */
#define ROUTE(method, pattern, policy, body, max, handler)    \
    {                                                         \
        HTTP_##method##_, pattern, policy, body, max, handler \
    }
struct api_routes {
    const struct api_route *v;
    size_t n;
};
#define API_ROUTES(name, table) const struct api_routes name = {table, COUNT_OF(table)}

/* One table a resource (api_<resource>.c). */
extern const struct api_routes api_session_routes, api_users_routes, api_keys_routes, api_servers_routes,
    api_config_routes, api_models_routes, api_conversations_routes, api_messages_routes, api_folders_routes,
    api_attachments_routes, api_chat_routes, api_generations_routes, api_events_routes, api_openai_routes,
    api_health_routes, api_search_routes, api_export_routes, api_import_routes, api_activity_routes,
    api_metrics_routes, api_memory_routes;

#define API_SMALL_BODY_BYTES        ((size_t)64 * 1024)
#define API_MAX_STREAMS_PER_ADDRESS 64 /* loopback and the control socket are exempt */

struct api {
    struct api_options o;
    struct list streams;              /* api_req.stream_node of open streams */
    struct list handed_over;          /* the same of requests that the gateway answers */
    size_t outgoing_bytes;            /* of large files that clients are reading */
    const struct http_server *server; /* or NULL */
    int64_t started_at;               /* wall clock */
    bool draining;
    bool is_closed; /* the rooms below may be gone: late answers must not touch them */
};

struct api_req {
    struct api *api;
    struct http_exchange *x;           /* NULL: the client has gone, or the exchange was handed over */
    struct http_exchange *handed_over; /* the gateway's until it is done; NULL: not handed over */
    const struct api_route *route;
    struct principal who;
    char id[17];       /* X-Request-Id */
    char *param;       /* the UUID at {id}; of other names the path from the first one on; or NULL */
    struct buf body;   /* API_RAW */
    struct span given; /* the body as it came; valid until the handler returns */
    yyjson_doc *doc;
    yyjson_val *json;
    void (*on_gone)(struct api_req *r); /* the handler's: cancel what runs; may end the request */
    void *state;                        /* the handler's; it frees it */
    struct list stream_node;
    bool is_counted;  /* by the limits of its key and user (api_limits.c) */
    bool is_download; /* a stream that must not end early as if it were whole */
    bool is_untyped;  /* a body of JSON whose Content-Type does not say so */
    bool is_noted;    /* the gateway writes its record and its access line */
    int64_t started_ms;
};

/* ---- answers: each ends and frees the request ---- */
void api_reply_json(struct api_req *r, int status, struct span json);
void api_reply_empty(struct api_req *r, int status); /* 204, 202 */
/* Writes item i of `from`. */
typedef void (*api_item_fn)(struct json_writer *w, const void *from, size_t i);
/* 200 with {NAME: [n items]}. */
void api_reply_list(struct api_req *r, const char *name, size_t n, api_item_fn item, const void *from);
/* The same as a field of an object under way; ends nothing. */
void api_write_list(struct json_writer *w, const char *name, size_t n, api_item_fn item, const void *from);
/* extra may be NULL; Content-Type is among them. */
void api_reply_bytes(struct api_req *r, int status, const struct http_headers *extra, struct span body);

struct api_error {
    enum err err;
    int status;                         /* 0: by err */
    const char *code;                   /* or NULL */
    const char *type;                   /* NULL: by the status */
    const char *message;                /* NULL: a sentence by err */
    const char *model;                  /* that the client asked for, for the record; or NULL */
    const char *param;                  /* NULL: a field named in quotes at the start of message, if any */
    int retry_after_s;                  /* 0: none, or by err */
    struct server *server;              /* adds "engine"; or NULL */
    bool no_retry;                      /* x-should-retry: false */
    const struct http_headers *headers; /* more of them, or NULL */
};
/* The only place that turns errors into HTTP. */
void api_reply_error(struct api_req *r, const struct api_error *e);
void api_reply_err(struct api_req *r, enum err err, const struct err_text *why);
/* The form of answers that the client expects. */
enum relay_shape api_shape(const struct api_req *r);

/* ---- event streams ---- */
/* 200, text/event-stream, and the request is an open stream: ends when its principal loses its right. */
void api_stream_begin(struct api_req *r, const struct http_headers *extra);
/* The same for a file that is written while it is read. One that is not complete never looks as if it were: when hob ends the
 * connection breaks. */
void api_download_begin(struct api_req *r, const char *type, const struct http_headers *extra);
/* The same for a file that is there, of a known size; Content-Type is among headers. */
void api_file_begin(struct api_req *r, const struct http_headers *headers, size_t size_bytes);
/* Ends and frees the request in the middle of the file. The client is still there. */
void api_download_break(struct api_req *r);
/* True: the request's address has API_MAX_STREAMS_PER_ADDRESS streams open, and the request is answered with 429. */
bool api_refuse_stream(struct api_req *r);
/* Ends and frees the request. The stream's on_gone is not called. */
void api_stream_end(struct api_req *r);
/* For a request that must end without an answer (its exchange is over). */
void api_req_free(struct api_req *r);

/* ---- small helpers ---- */
/* False when the right that the request came with was lost meanwhile: answered with 401, r is freed. */
bool api_still_may(struct api_req *r);
/* Is the client still there? */
static inline bool api_is_open(const struct api_req *r)
{
    return r->x != NULL;
}
/* The value of a query parameter; false when absent or badly escaped. */
bool api_query(const struct api_req *r, const char *name, struct buf *out);
/* Tells the asking user's screens how a conversation of theirs is now. */
void api_publish_conversation(struct api_req *r, const struct conversation_row *row);
/* An event that says only which one it is about. event must be a literal. */
void api_publish_id(struct api_req *r, const char *event, const char *id);
/* A chat completion in OpenAI's form (api_openai.c) that came to /api: passed through without a hold, nothing stored. */
void api_openai_complete(struct api_req *r);

#endif
