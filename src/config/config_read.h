/* What the readers of hob's own file share. */
#ifndef HOB_CONFIG_READ_H
#define HOB_CONFIG_READ_H

#include "config/config.h"
#include "config/config_doc.h"

struct reading {
    struct config *config;
    struct doc *doc;
    const yaml_node_t **places; /* of config->servers */
};

/* One key of a mapping and who takes its value; faults go to the document. */
struct config_key {
    const char *name;
    void (*take)(struct reading *r, const struct doc_pair *pair);
};

/* A text, or NULL after a fault. */
const char *reading_text(struct reading *r, const struct doc_pair *pair);
/* Each item, or nothing after a fault. */
void reading_texts(struct reading *r, const struct doc_pair *pair, size_t max, struct strv *out);
/* `unknown key "lsiten"; did you mean "listen"?` */
void reading_unknown(struct doc *d, const yaml_node_t *key, const char *const *known, size_t n);

/* ---- config_memory.c ---- */
void config_take_memory(struct reading *r, const struct doc_pair *pair);

/* ---- config_servers.c ---- */
void config_take_servers(struct reading *r, const struct doc_pair *pair);
/* What only all of them show: names that are there twice, too many. */
void config_check_servers(struct reading *r);

#endif
