/* app: puts the rooms together, starts them in order and ends them in the opposite one. */
#ifndef HOB_APP_H
#define HOB_APP_H

#include "config/config.h"

/* Name of the control socket in the data folder: whoever may open it has an admin's rights. */
#define APP_CONTROL_SOCKET "control.sock"

/*
 * `hob serve`: runs until it is told to end. c is what config_read made of o; what can change while hob runs is taken anew
 * from the file on SIGHUP and when the file changes. Returns the exit status: 0, or 1 when it could not start.
 */
int app_serve(struct config *c, const struct config_options *o);

#endif
