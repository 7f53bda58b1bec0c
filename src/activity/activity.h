/*
 * activity: what became of requests. Takes a record of each one, keeps it in the store (in batches, bounded by rows and age),
 * counts for /metrics, and writes the access line. Decides nothing and answers nobody.
 */
#ifndef HOB_ACTIVITY_H
#define HOB_ACTIVITY_H

#include "auth/auth.h"
#include "events/events.h"
#include "gateway/gateway.h"
#include "loop/loop.h"
#include "store/store.h"
#include "util/util.h"

/* ---- limits ---- */
#define ACTIVITY_MAX_ROWS       100000 /* kept, unless the options say otherwise */
#define ACTIVITY_MAX_DAYS       90
#define ACTIVITY_WRITE_MS       1000 /* a record is handed to the store so long after it came at the latest ... */
#define ACTIVITY_BATCH_ROWS     1000  /* ... or with so many */
#define ACTIVITY_MAX_WAITING    10000 /* records while the disk takes none: the oldest batch goes */
#define ACTIVITY_RETRY_MS       5000  /* before the next write when one failed */
#define ACTIVITY_PRUNE_MS       ((int64_t)3600 * 1000)
#define ACTIVITY_MAX_TEXT_BYTES 256 /* of each name, model and route of a record */
#define ACTIVITY_FAILED_PER_MINUTE \
    60 /* records of one key's requests that got no answer: a loop of them must not push out the others */
#define ACTIVITY_MAX_LOOPING 64 /* keys for which that is counted at once; others share one count */

struct activity;
struct activity_options {
    int64_t max_rows, max_days; /* 0: as above */
};

/* auth and events may be NULL (tests). All must outlive it. */
struct activity *activity_new(struct loop *l, struct store *store, struct auth *auth, struct events *events,
                              const struct activity_options *options);
/* Hands what waits to the store, whose close writes it, and frees. auth may be gone by then. NULL is fine. */
void activity_close(struct activity *a);
/* Counts it, keeps it (see ACTIVITY_FAILED_PER_MINUTE), and writes the access line of one that was passed through.
 * Publishes "activity" to the user and to all admins, at most once a write, when it can be read. */
void activity_note(struct activity *a, const struct gateway_record *r);

/* One line about one request. Strings may come from outside. */
struct activity_line {
    const char *method;
    struct span path; /* without its query */
    int status;       /* 0: the client went away before one was sent */
    int64_t bytes_out, total_ms;
    const char *user, *key, *server, *model, *code, *request_id; /* request_id alone is never NULL */
    int64_t tokens_in, tokens_out;                               /* -1: unknown */
};
/* At info; lines of one turn of the loop are written together. */
void activity_log_line(struct activity *a, const struct activity_line *l);

/* Appends what was counted, in Prometheus' text format 0.0.4. */
void activity_write_metrics(const struct activity *a, struct buf *out);

/* ---- the format, for others that write into the same text ---- */
/* "# HELP NAME help\n# TYPE NAME type\n" */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);
/* Text in a label's quotes. */
void metrics_label(struct buf *out, const char *text);

#endif
