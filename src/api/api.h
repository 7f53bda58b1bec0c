/*
 * api: hob's HTTP interface (docs/openapi.yaml). One const route table per resource; each route declares its policy and its
 * body limit. Everything that is no route of the interface goes to the page.
 */
#ifndef HOB_API_H
#define HOB_API_H

#include "activity/activity.h"
#include "auth/auth.h"
#include "chat/chat.h"
#include "events/events.h"
#include "gateway/gateway.h"
#include "http/http.h"
#include "loop/loop.h"
#include "store/store.h"

struct api;

/* All pointers are borrowed and must outlive the api. */
struct api_options {
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct events *events;
    struct gateway *gateway;
    struct chat *chat;
    struct activity *activity;
    struct http_spool *spool;         /* of large bodies on their way to engines */
    const struct strv *allowed_hosts; /* besides loopback names and listen_address */
    const char *listen_address;       /* numeric */
    void (*write_config)(void *arg,
                         struct json_writer *w); /* where the settings come from: GET /api/config */
    void *config_arg;
    const struct strv *model_folders;            /* all folders that are searched for GGUF files */
    const char *llama_server;                    /* path or NULL */
    void (*serve_page)(struct http_exchange *x); /* answers whatever is no route of the interface */
};

struct api *api_new(const struct api_options *o);
/* For /metrics: whose connections are counted. NULL: nobody's. */
void api_set_server(struct api *a, const struct http_server *server);
/* Ends all open streams. Requests under way end without an answer: the rooms below may be freed from now on. */
void api_close(struct api *a);
void api_free(struct api *a);
/* For http_server_new: arg is the struct api. */
void api_on_request(struct http_exchange *x, void *arg);
/* /ready answers 503 from now on. */
void api_set_draining(struct api *a);
/* The status that stands for an error. */
int api_status_of(enum err err);

#endif
