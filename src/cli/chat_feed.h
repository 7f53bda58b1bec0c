/*
 * News from hob's GET /api/events while an answer is awaited: what the engine of one server does, and which generation
 * answers one message. Opens itself again when it breaks.
 */
#ifndef HOB_CLI_CHAT_FEED_H
#define HOB_CLI_CHAT_FEED_H

#include "cli/cli_control.h"
#include "relay/relay.h"

struct chat_feed_events {
    /* The engine's state or progress is news; is_change: it entered another state than the one known before. */
    void (*on_engine)(void *arg, bool is_change);
    /* hob runs this generation for the message. */
    void (*on_generation)(void *arg, const char *generation_id);
};

struct chat_feed {
    struct control *control;
    const char *server_id, *message_id; /* the caller's */
    const struct chat_feed_events *events;
    void *arg;
    struct http_call *call;
    struct sse_parser parser;
    struct loop_timer again;
    char state[16];     /* the engine's, as last heard; "": not yet */
    yyjson_doc *doc;    /* holds engine */
    yyjson_val *engine; /* the newest that is known, or NULL */
};

/* No callback comes before the loop runs, and none after chat_feed_close. */
void chat_feed_open(struct chat_feed *f, struct control *c, const char *server_id, const char *message_id,
                    const struct chat_feed_events *events, void *arg);
void chat_feed_close(struct chat_feed *f);
/* An engine that came with an answer to a request; takes doc, which holds it. No callback. */
void chat_feed_learn(struct chat_feed *f, yyjson_doc *doc, yyjson_val *engine);

#endif
