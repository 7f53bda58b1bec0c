/* Numbers of a request's body that harm engines when they are out of bounds. Pure. */
#ifndef HOB_GATEWAY_BOUNDS_H
#define HOB_GATEWAY_BOUNDS_H

#include "util/util.h"

#define GATEWAY_MAX_CHOICES      128 /* answers to one request */
#define GATEWAY_MAX_NUMBER_BYTES 24  /* of a bounded number, as it is written */

/* Whether a field of the root of that name is bounded: then it is a number or null. */
bool gateway_is_bounded(struct span name);
/* number: as JSON has it. ERR_INVALID: out of its bounds (why has the name in quotes). */
MUST_CHECK enum err gateway_check_bound(struct span name, struct span number, struct err_text *why);

#endif
