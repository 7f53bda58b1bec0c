/*
 * One call of the store: its arguments, the function that does it on the database thread, and its result. The public
 * calls make an op, copy their arguments into it and submit it; they differ in nothing else.
 */
#ifndef HOB_STORE_OP_H
#define HOB_STORE_OP_H

#include "store/store.h"
#include "store/store_arena.h"
#include "store/store_db.h"

/* Runs on the database thread. ERR_OK with a failure recorded in db counts as that failure. */
typedef enum err (*store_run_fn)(struct db *db, struct store_op *op);

enum store_op_kind {
    STORE_READ,  /* changes nothing: may run again when the transaction around it failed */
    STORE_WRITE, /* runs in a savepoint of the batch's transaction */
};

struct store_op {
    struct list node;
    struct store *store;
    enum store_op_kind kind;
    store_run_fn run;
    store_fn done; /* NULL: cancelled, or nobody asked. Touched by the loop's thread only */
    void *arg;
    int64_t queued_ms;
    void *in;          /* the arguments, in `args` */
    struct arena args; /* lives from the call to done */
    struct arena rows; /* the result's memory */
    struct store_result result;
    size_t rows_cap, conversations_cap;
};

/* in_size bytes of zeroed memory for the arguments are at op->in. */
struct store_op *store_op_new(struct store *s, enum store_op_kind kind, store_run_fn run, size_t in_size,
                              store_fn done, void *arg);
/* Copies an argument; NULL stays NULL. */
char *store_op_text(struct store_op *op, const char *s);
struct span store_op_bytes(struct store_op *op, struct span s);
/* Hands it to the thread; returns it, for `return store_op_submit(op);` */
struct store_op *store_op_submit(struct store_op *op);

/* ---- on the database thread ---- */
/* Room for one more row of `size` bytes in the result (all rows of a result have one type), zeroed. Moves the others. */
void *store_op_row(struct store_op *op, size_t size);
struct conversation_row *store_op_conversation(struct store_op *op);

#endif
