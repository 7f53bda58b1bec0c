/*
 * A YAML file as nodes that know their line and column, and what is wrong with it, said like a compiler:
 * "FILE:LINE:COLUMN: what". The parser is libyaml; this adds bounds, keys that are there twice, merge keys (`<<`) and the
 * types of YAML's core schema.
 */
#ifndef HOB_CONFIG_DOC_H
#define HOB_CONFIG_DOC_H

#include <yaml.h>

#include "util/util.h"

#define DOC_MAX_BYTES  (1024 * 1024)
#define DOC_MAX_NODES  50000 /* visited; aliases count each time */
#define DOC_MAX_DEPTH  32
#define DOC_MAX_FAULTS 50 /* that are told */

struct doc {
    char *path; /* as it was given */
    yaml_document_t yaml;
    bool is_parsed;
    struct strv faults; /* the first ones */
    size_t n_faults, n_visited;
    /*
     * May be set for doc_write_json: what a text becomes (the caller of it owns that), or another scalar in its place, or
     * NULL and nothing.
     */
    char *(*expand)(void *arg, const yaml_node_t *node, const yaml_node_t **out_other);
    void *expand_arg;
};

/*
 * Reads and parses. An empty file is a document without a root. What is wrong is in its
 * faults. doc_release always.
 */
void doc_open(struct doc *d, const char *path);
/* The same from memory, for tests and fuzzers. */
void doc_parse(struct doc *d, const char *path, struct span text);
void doc_release(struct doc *d);
/* NULL: an empty file. */
const yaml_node_t *doc_root(struct doc *d);

/* "PATH:LINE:COLUMN: what" at node's beginning; NULL: at the file's. */
void doc_fault(struct doc *d, const yaml_node_t *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void doc_fault_at(struct doc *d, size_t line, size_t column, const char *fmt, ...) PRINTF_LIKE(4, 5);

struct doc_pair {
    const yaml_node_t *key, *value; /* key is a scalar */
};
struct doc_pairs {
    struct doc_pair *v;
    size_t n;
};
/* A mapping's pairs in order, merged ones last. A node of another kind and keys that are no texts are faults. */
MUST_CHECK bool doc_pairs(struct doc *d, const yaml_node_t *node, const char *what, struct doc_pairs *out);
void doc_pairs_release(struct doc_pairs *p);
/* NULL: not there. */
const struct doc_pair *doc_find(const struct doc_pairs *p, const char *key);

/* The items of a sequence: for (size_t i = 0; (item = doc_item(d, node, i)); i++). NULL: no more, or no sequence. */
const yaml_node_t *doc_item(struct doc *d, const yaml_node_t *node, size_t i);

bool doc_is_null(const yaml_node_t *node);
bool doc_is_list(const yaml_node_t *node);
bool doc_is_map(const yaml_node_t *node);
/* The text of a scalar, lives as long as the document; NULL: no scalar, or with NUL inside. */
const char *doc_text(const yaml_node_t *node);
/* Plain true or false. */
MUST_CHECK bool doc_bool(const yaml_node_t *node, bool *out);
/* A plain whole number. */
MUST_CHECK bool doc_int(const yaml_node_t *node, int64_t *out);
/* Any value as JSON, by the core schema's types. False: a fault was told. */
bool doc_write_json(struct doc *d, const yaml_node_t *node, struct json_writer *w);

/* For messages: "a list", "a mapping", "\"text\"" (cut). Lives until the next call. */
const char *doc_describe(const yaml_node_t *node);

#endif
