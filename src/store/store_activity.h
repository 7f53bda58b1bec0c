/* The calls of store.h about what became of requests. Part of store.h; do not include it alone. */
#ifndef HOB_STORE_ACTIVITY_H
#define HOB_STORE_ACTIVITY_H

#include "store/store.h"

#define STORE_MAX_ACTIVITY_PAGE    1000 /* rows of one answer */
#define STORE_MAX_ACTIVITY_BUCKETS 500
#define STORE_ACTIVITY_PRUNE_STEP  500 /* rows that one call removes, and those it adds */
#define STORE_ACTIVITY_ID_BYTES    17

/* What a request has in common with many others: who asked for what, and how it ended. Kept once for all of them. */
struct activity_kind {
    const char *user_id, *user_name, *key_id, *key_name, *server_id, *server_name, *model; /* or NULL */
    const char *route;
    int status;       /* 0: the client went away before one was sent */
    const char *code; /* or NULL */
    bool is_stream, client_gone;
};

/* One request. Numbers are -1 where they are not known. */
struct activity_row {
    int64_t seq; /* in the order of their ends; read only */
    int64_t at;  /* its end */
    const struct activity_kind *kind;
    char request_id[STORE_ACTIVITY_ID_BYTES];
    int64_t held_ms, first_ms, total_ms, tokens_in, tokens_out;
    double tokens_per_s;
    int64_t bytes_in, bytes_out;
};

/* What a reader wants to see; strings are NULL and numbers 0 where all is wanted. */
struct activity_filter {
    const char *user_id;
    const char *user, *key, *server, *model, *route; /* exact: an id, or a name as it was */
    const char *
        text; /* somewhere in one of the names, the model, route, code or request's id; letter case ignored */
    const char *outcome;   /* "ok", "error", "gone", or "2xx" ... "5xx" */
    int64_t from, to;      /* ms; from <= at < to */
    int64_t before, after; /* seq: only lower ones, only higher ones */
};

/* A part of the time that was asked for. Percentiles are -1 where nothing was measured. */
struct activity_bucket {
    int64_t at;
    int64_t requests, errors, tokens_in, tokens_out;
    int64_t first_p50_ms, first_p95_ms, held_p50_ms, held_p95_ms;
};

/* Adds rows (seq is not looked at), whose kinds are among those of `kinds`, and removes some of those that are over max_rows. All
 * is copied. */
struct store_op *store_activity_add(struct store *s, const struct activity_row *rows, size_t n,
                                    const struct activity_kind *kinds, size_t n_kinds, int64_t max_rows,
                                    store_fn done, void *arg);
/* Removes what is over max_rows or ended before `oldest`. is_unfinished: there is more. */
struct store_op *store_activity_prune(struct store *s, int64_t max_rows, int64_t oldest, store_fn done,
                                      void *arg);
/* Result: activity, newest first, at most limit (1 to STORE_MAX_ACTIVITY_PAGE); next_page: what `before` is to be for the rest,
 * 0: that was all. */
struct store_op *store_activity_list(struct store *s, const struct activity_filter *f, int limit,
                                     store_fn done, void *arg);
/* Result: buckets, n_buckets (1 to STORE_MAX_ACTIVITY_BUCKETS) of step_ms from f->from on, empty ones too. */
struct store_op *store_activity_series(struct store *s, const struct activity_filter *f, int64_t step_ms,
                                       int n_buckets, store_fn done, void *arg);

#endif
