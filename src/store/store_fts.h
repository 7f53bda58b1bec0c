/*
 * What hob adds to SQLite's full-text search.
 *
 * Tokenizer "hob": words as unicode61 finds them, letter case, accents and vowel points ignored; and in scripts that put
 * no blanks between words (Chinese, Japanese, Korean, Thai ...) every character is a token, so that any part of a run is a
 * phrase.
 *
 * Function fts_piece(table, column, n_before, n_tokens): the piece of a column around the words that were found, blanks
 * made single, with STORE_HIT_BEGIN and STORE_HIT_END around each of them; an ellipsis where it was cut.
 */
#ifndef HOB_STORE_FTS_H
#define HOB_STORE_FTS_H

#include <sqlite3.h>

#include "util/util.h"

#define FTS_MAX_PIECE_BYTES 800 /* of the text, without the marks */

/* Before the schema is used. ERR_UNSUPPORTED: this SQLite has no FTS5. */
MUST_CHECK enum err fts_register(sqlite3 *sql, struct err_text *why);

/* Is the character at `at` of a script without blanks between words? *out_len: how far to go on; its bytes, if it is. */
bool fts_is_solid(struct span s, size_t at, size_t *out_len);

#endif
