/*
 * The calls of store.h that take in what an export wrote. Part of store.h; do not include it alone.
 *
 * The rows of an import go into the tables as they come, marked with its id, and all other calls pass over them. The end
 * clears the marks in one transaction; what never comes to its end is removed in steps (store_sweep).
 */
#ifndef HOB_STORE_IMPORT_H
#define HOB_STORE_IMPORT_H

#include "store/store.h"

#define STORE_MAX_IMPORT_FILES 200000 /* attachments of one import */

enum import_kind { IMPORT_FOLDER, IMPORT_ATTACHMENT, IMPORT_CONVERSATION, IMPORT_MESSAGE, IMPORT_GENERATION };
/* One item, valid by itself; what it refers to is checked here. user_id fields are not looked at. */
struct import_row {
    enum import_kind kind;
    int64_t line, column; /* where it stands in the file */
    union {
        struct folder_row folder;
        struct attachment_row attachment;
        struct conversation_row conversation;
        struct message_row message;
        struct generation_row generation; /* conversation_id NULL: as its message's. It has ended */
    };
    char *server_name; /* of the server that server_id names; or NULL */
};
struct import_counts {
    int64_t conversations, messages, attachments, folders;
    int64_t skipped; /* conversations that the user has already */
};

/* One import. Between a call and its done it is the database thread's alone. */
struct store_import;
struct store_import *store_import_new(const char *user_id);
void store_import_free(struct store_import *im);
const char *store_import_id(const struct store_import *im);
const char *store_import_user(const struct store_import *im);
const struct import_counts *store_import_counts(const struct store_import *im);
/*
 * Adds rows in their order, all or none; they are copied. Ids that somebody else has are replaced, always by the same ones
 * for the same user. ERR_INVALID: the file is wrong; why begins with "Line L, column C: ".
 */
struct store_op *store_import_add(struct store *s, struct store_import *im, const struct import_row *rows,
                                  size_t n, store_fn done, void *arg);
/* Everything is there for the user from now on. */
struct store_op *store_import_finish(struct store *s, struct store_import *im, store_fn done, void *arg);

#endif
