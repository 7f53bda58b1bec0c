/* The access line's parts. Appended; strings may come from outside, or be NULL but for the path. */
#ifndef HOB_ACTIVITY_ACCESS_H
#define HOB_ACTIVITY_ACCESS_H

#include "activity/activity_batch.h"

/* ` path="..." status=200` */
void access_add_path(struct buf *b, struct span path, int status);
/* ` server="..." model="..." user="..." key="..."`, those that are there */
void access_add_names(struct buf *b, const char *server, const char *model, const char *user,
                      const char *key);
/* As activity_log_line, of a record that is in a batch. */
void access_log_row(struct activity *a, const char *method, const struct batch *batch,
                    const struct activity_row *row);

#endif
