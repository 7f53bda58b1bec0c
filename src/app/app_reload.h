/*
 * The settings while hob runs: where they come from, and what becomes of a change of their file. SIGHUP reads it at once;
 * a change of the file, also by a rename over it, is noticed and waited out until the file is quiet. All of it is taken or
 * nothing: a file with a fault leaves what is.
 */
#ifndef HOB_APP_RELOAD_H
#define HOB_APP_RELOAD_H

#include "config/config.h"
#include "events/events.h"
#include "gateway/gateway.h"

#define APP_RELOAD_QUIET_MS 200 /* the file is read when it has not changed for so long */

struct app_reload;
struct app_reload_options {
    struct loop *loop;
    struct gateway *gateway;
    struct events *events;
    struct config *config; /* what is in force; changed in place */
    const struct config_options *from;
    struct strv *model_folders; /* the first one is hob's own, the others are config's */
};
struct app_reload *app_reload_new(const struct app_reload_options *o);
/* Loads the gateway with the servers of the file, then watches the file. on_ready: as gateway_load's. */
void app_reload_begin(struct app_reload *r, gateway_done_fn on_ready, void *arg);
/* Nothing changes any more. NULL is fine. */
void app_reload_stop(struct app_reload *r);
void app_reload_free(struct app_reload *r);
/* The object Config of the HTTP interface; arg is a struct app_reload. */
void app_reload_write_json(void *arg, struct json_writer *w);

#endif
