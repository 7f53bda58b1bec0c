/* demo_vectors: texts as vectors of their words, for embeddings and for ranking. Pure. */
#ifndef HOB_DEMO_VECTORS_H
#define HOB_DEMO_VECTORS_H

#include "util/util.h"

#define DEMO_DIMENSIONS 64
#define DEMO_MAX_TEXTS  2048 /* of one request */

/* Of length 1: each word's stem counts in one of the dimensions. A text without words points nowhere special. */
void demo_embed(struct span text, double out_vector[DEMO_DIMENSIONS]);
/*
 * Append the answer to a request: POST /v1/embeddings ("input": text or texts), /v1/rerank ("query", "documents", "top_n") and
 * /v1/messages/count_tokens. ERR_INVALID: why has what the error message would hold.
 */
MUST_CHECK enum err demo_embeddings(struct span body, struct buf *out, struct err_text *why);
MUST_CHECK enum err demo_rerank(struct span body, struct buf *out, struct err_text *why);
MUST_CHECK enum err demo_count(struct span body, struct buf *out, struct err_text *why);

#endif
