/* Brings a database to the newest schema: migrations/NNNN_name.sql, embedded, each in a transaction of its own. */
#ifndef HOB_STORE_MIGRATE_H
#define HOB_STORE_MIGRATE_H

#include "store/store_db.h"

struct store_migration {
    const char *name; /* "0001_first" */
    const char *sql;
};
/* Migration i makes schema version i + 1 (PRAGMA user_version). Made by embed_sql at build time; ends with a NULL name. */
extern const struct store_migration store_migrations[];

/* ERR_UNSUPPORTED: written by a newer hob. ERR_CORRUPT: another program's database. */
MUST_CHECK enum err store_migrate(struct db *db, struct err_text *why);

#endif
