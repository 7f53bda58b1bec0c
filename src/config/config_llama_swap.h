/* What the files of the import of llama-swap's configuration share. */
#ifndef HOB_CONFIG_LLAMA_SWAP_H
#define HOB_CONFIG_LLAMA_SWAP_H

#include "config/config_doc.h"
#include "config/config_macros.h"

#define SWAP_MAX_MODELS 256
#define SWAP_MAX_NOTES  1000

/* One of its models under way to a server of hob's. */
struct swap_model {
    const char *id;
    const yaml_node_t *at;
    struct doc_pairs pairs;
    struct macros macros;
    struct strv argv, env, aliases, strip;
    char *proxy;
    char *upstream_name;    /* useModelName */
    const yaml_node_t *set; /* setParams */
    const char *group;      /* or NULL */
    int64_t slots, idle_stop_s;
    bool autostart;
    bool is_left_out; /* a note has said why */
    char *model_path; /* of llama-server; NULL: it stays a command */
};

struct swap {
    struct doc doc;
    struct strv *notes;
    struct macros macros;
    struct swap_model *models;
    size_t n_models;
    int64_t ttl_s; /* globalTTL */
    char *log_level, *llama_server;
    struct strv groups, kinds; /* names, and what they are in hob, pairwise */
};

/* "FILE:LINE:COLUMN: what" */
void swap_note(struct swap *s, const yaml_node_t *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, with the model's name; it has no server in the result. */
void swap_leave_out(struct swap *s, struct swap_model *m, const yaml_node_t *at, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* A mapping of macros; those that are there get the new value. */
void swap_take_macros(struct swap *s, struct macros *to, const yaml_node_t *value);
struct swap_model *swap_find(struct swap *s, const char *id);

/* ---- config_llama_swap_model.c ---- */
void swap_read_model(struct swap *s, struct swap_model *m, const yaml_node_t *value);
/* Whether llama-server is run as hob runs it, and where it listens. */
void swap_place_model(struct swap *s, struct swap_model *m);
void swap_model_release(struct swap_model *m);

/* ---- config_llama_swap_out.c ---- */
void swap_write(struct swap *s, const char *path, struct buf *out);

#endif
