/*
 * One item of an export as a row for the store: everything that can be judged without the others is checked here. Pure; it
 * runs on a thread.
 */
#ifndef HOB_CHAT_IMPORT_ITEM_H
#define HOB_CHAT_IMPORT_ITEM_H

#include "chat/import_scan.h"
#include "store/store.h"

struct import_memory;
/* Rows and the memory that they point into. {0} is empty. */
struct import_batch {
    struct import_row *rows;
    struct import_memory *memory; /* of each row */
    size_t n, cap;
};
void import_batch_release(struct import_batch *b);
/* Adds the item that stands at `at`. ERR_INVALID: why begins with the place. */
MUST_CHECK enum err import_item_read(struct span text, struct import_place at, struct import_batch *b,
                                     struct err_text *why);

#endif
