/* The data folder and the lock that keeps a second hob off it. */
#ifndef HOB_APP_LOCK_H
#define HOB_APP_LOCK_H

#include "util/util.h"

/* Makes dir and its parents; dir itself gets mode 0700. ERR_DENIED, ERR_NO_SPACE, ERR_IO. */
MUST_CHECK enum err app_make_data_dir(const char *dir, struct err_text *why);
/*
 * Takes DIR/hob.lock for this process. The lock ends with the process, however it ends. *out_fd stays open.
 * ERR_EXISTS: why says which process holds it.
 */
MUST_CHECK enum err app_lock(const char *dir, int *out_fd, struct err_text *why);

#endif
