/* What becomes of one request, added up while it runs, for its record. */
#ifndef HOB_GATEWAY_TALLY_H
#define HOB_GATEWAY_TALLY_H

#include "gateway/gateway_room.h"
#include "relay/relay.h"

struct gateway_tally {
    int64_t started_at;                    /* wall clock */
    int64_t started_ms, turn_ms, first_ms; /* monotonic; -1: not yet */
    uint64_t bytes_in, bytes_out;
    struct relay_usage usage;
};

/* bytes_in: of the request's body. */
void tally_begin(struct gateway_tally *t, uint64_t bytes_in);
/* It is the engine's turn to work on it; only the first one counts. */
void tally_turn(struct gateway_tally *t);
/* Bytes of the engine's body. */
void tally_body(struct gateway_tally *t, struct span data);
/*
 * Fills in the times, tokens, bytes and (s not NULL) the server's names, and hands the record on. The caller has set the client,
 * method, route, model, is_stream, status, code and client_gone. Once; t is released.
 */
void tally_end(struct gateway_tally *t, struct gateway *g, struct server *s, struct gateway_record *record);
/* What a client is told for a failure before the answer began. */
int tally_status_of(const struct gateway *g, const struct gateway_failure *f);
/* Without a record. */
void tally_drop(struct gateway_tally *t);

#endif
