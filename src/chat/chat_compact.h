/*
 * Short logs: an answer that ended long ago is replayed in a few large events, with the same texts and the same end. Pure.
 */
#ifndef HOB_CHAT_COMPACT_H
#define HOB_CHAT_COMPACT_H

#include "store/store.h"

#define COMPACT_CHUNK_BYTES ((size_t)16 << 10) /* of text in one event */

/* Appends the frames of an answer with these texts (store_generation_long), numbered from 1; returns the last number. */
int64_t compact_write(const struct generation_row *row, const struct events_row *texts, struct buf *out);

#endif
