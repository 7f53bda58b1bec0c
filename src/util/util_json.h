/*
 * Glue over yyjson. Reading: parse once with limits, then take fields by name; a wrong type is ERR_INVALID with the
 * field's name. Writing: append to a buf with a small streaming writer that escapes and places commas.
 */
#ifndef HOB_UTIL_JSON_H
#define HOB_UTIL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "util/util_auto.h"
#include "util/util_buf.h"
#include "util/util_err.h"
#include "util/util_span.h"

#define JSON_MAX_DEPTH 64

AUTO_DEFINE(json_doc, yyjson_doc, yyjson_doc_free)

/* Strict RFC 8259. ERR_INVALID (with the byte position) for bad text, nesting over JSON_MAX_DEPTH, or trailing bytes. */
MUST_CHECK enum err json_parse(struct span text, yyjson_doc **out_doc, struct err_text *why);
/* The same, and the root must be an object. */
MUST_CHECK enum err json_parse_object(struct span text, yyjson_doc **out_doc, yyjson_val **out_root,
                                      struct err_text *why);

/*
 * Typed fields of an object. Absent or null leaves *out as it is (set your default before) unless `required`.
 * A wrong type is ERR_INVALID: `"name" must be a string`. Strings with NUL inside are refused. The names of faulty
 * fields are put in why->text in double quotes first, so that api_reply can give `param`.
 */
MUST_CHECK enum err json_get_str(yyjson_val *obj, const char *name, bool required, const char **out_value,
                                 struct err_text *why);
MUST_CHECK enum err json_get_bool(yyjson_val *obj, const char *name, bool required, bool *out_value,
                                  struct err_text *why);
MUST_CHECK enum err json_get_int(yyjson_val *obj, const char *name, bool required, int64_t min, int64_t max,
                                 int64_t *out_value, struct err_text *why);
MUST_CHECK enum err json_get_obj(yyjson_val *obj, const char *name, bool required, yyjson_val **out_value,
                                 struct err_text *why);
MUST_CHECK enum err json_get_arr(yyjson_val *obj, const char *name, bool required, yyjson_val **out_value,
                                 struct err_text *why);
/* Lenient look-ups for what engines say: NULL / fallback when absent or of another type. */
const char *json_str_or(yyjson_val *obj, const char *name, const char *fallback);
double json_num_or(yyjson_val *obj, const char *name, double fallback);
int64_t json_int_or(yyjson_val *obj, const char *name, int64_t fallback);

/* JSON can write NUL; nothing that hob stores has it. Looks at every text and key in v, nested up to JSON_MAX_DEPTH. */
bool json_has_nul(yyjson_val *v);

/*
 * Streaming writer: jw_init over an empty or part-filled buf; then jw_* in document order. Keys come first:
 * jw_begin_obj(&w); jw_key(&w, "id"); jw_str(&w, id); jw_end_obj(&w);  The jwf_* forms write key and value in one.
 */
struct json_writer {
    struct buf *out;
    bool need_comma;
};
void jw_init(struct json_writer *w, struct buf *out);
void jw_begin_obj(struct json_writer *w);
void jw_end_obj(struct json_writer *w);
void jw_begin_arr(struct json_writer *w);
void jw_end_arr(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
/* NULL writes null. Bytes that are no UTF-8 become U+FFFD. */
void jw_str(struct json_writer *w, const char *s);
void jw_span(struct json_writer *w, struct span s);
void jw_int(struct json_writer *w, int64_t v);
/* Finite numbers with up to 6 significant decimals; NaN and infinities write null. */
void jw_num(struct json_writer *w, double v);
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
/* JSON text that is already valid, as it stands. */
void jw_raw(struct json_writer *w, struct span json);
/* A parsed value, serialised. */
void jw_val(struct json_writer *w, yyjson_val *v);

void jwf_str(struct json_writer *w, const char *key, const char *s);
void jwf_int(struct json_writer *w, const char *key, int64_t v);
void jwf_num(struct json_writer *w, const char *key, double v);
void jwf_bool(struct json_writer *w, const char *key, bool v);
void jwf_null(struct json_writer *w, const char *key);
/* raw may be NULL or "": writes null. */
void jwf_raw(struct json_writer *w, const char *key, const char *raw);

#endif
