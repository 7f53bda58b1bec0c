/*
 * The body of a request that is kept until it was sent on: what is small stays in memory, the rest of what is not goes into a
 * file without a name, written and read by threads of the pool, so that neither memory nor the loop depend on its size.
 * And the way out of it again, with some places replaced (struct http_source).
 */
#ifndef HOB_HTTP_BODY_H
#define HOB_HTTP_BODY_H

#include "loop/loop.h"
#include "util/util.h"

#define HTTP_BODY_MEMORY_BYTES ((size_t)64 * 1024) /* up to here a body stays in memory */
#define HTTP_BODY_WRITE_BYTES  ((size_t)64 * 1024) /* collected before it is written */
#define HTTP_BODY_READ_BYTES   ((size_t)64 * 1024) /* read at once */
#define HTTP_SPOOL_MAX_BYTES   ((uint64_t)8 << 30) /* of all files together: ERR_BUSY */

/* Where the files are, and how much is in them. Outlives its bodies. */
struct http_spool;
/* dir: on a disk, not in memory. Copied. */
/* max_bytes: of all files together; 0: HTTP_SPOOL_MAX_BYTES. */
struct http_spool *http_spool_new(struct loop *l, const char *dir, uint64_t max_bytes);
void http_spool_free(struct http_spool *s);

struct http_body;
/* s may be NULL for a body that is added in one piece: all of it stays in memory. */
struct http_body *http_body_new(struct http_spool *s);
/* Also while a thread works on it. NULL is fine. */
void http_body_free(struct http_body *b);
AUTO_DEFINE(http_body, struct http_body, http_body_free)

typedef void (*http_body_ready_fn)(void *arg, enum err e, const struct err_text *why);
/*
 * Takes a copy at the end. True: go on. False: it is being written, and nothing may be added until on_ready has run (never
 * before this returns): ERR_OK; ERR_NO_SPACE, ERR_BUSY, ERR_IO, after which there is no more to do than to free it.
 */
MUST_CHECK bool http_body_add(struct http_body *b, struct span piece, http_body_ready_fn on_ready, void *arg);
uint64_t http_body_size(const struct http_body *b);
/* All of it, valid as long as the body; false when some is in the file. */
bool http_body_in_memory(const struct http_body *b, struct span *out_bytes);

/* What is sent: a text of others, or a range of the body. */
struct http_body_part {
    struct span text; /* p NULL: the range */
    uint64_t from, len;
};

/* ---- reading it in pieces, once from the front ---- */
struct http_source;
enum http_source_result { HTTP_SOURCE_PIECE, HTTP_SOURCE_WAIT, HTTP_SOURCE_END, HTTP_SOURCE_FAILED };
/* parts NULL: the body as it is; they and their texts are borrowed, as is b, which must be complete. */
struct http_source *http_source_new(struct http_body *b, const struct http_body_part *parts, size_t n_parts);
/* b may be freed right after it. */
void http_source_free(struct http_source *s);
uint64_t http_source_size(const struct http_source *s);
/* PIECE: valid until the next call. WAIT: fn runs when there is a reason to ask again. */
enum http_source_result http_source_next(struct http_source *s, struct span *out_piece, loop_fn fn,
                                         void *arg);

#endif
