/*
 * config: what hob is told by its file. The file is YAML; every key may be left out:
 *
 *     listen: 127.0.0.1:4620
 *     data: /srv/hob
 *     log_level: info
 *     llama_server: /opt/llama/llama-server
 *     model_folders: [/srv/models, /mnt/more]
 *     allowed_hosts: [hob.example.org]
 *     titles: model
 *     activity_rows: 100000
 *     activity_days: 90
 *     memory: {budget: 24G, groups: {big: exclusive}}
 *     servers:
 *       qwen3:
 *         model_path: /srv/models/qwen3-8b.gguf
 *         args: --ctx-size 16384
 *
 * docs/operations.md has all of it. Keys that begin with x- are for anchors and mean nothing.
 */
#ifndef HOB_CONFIG_H
#define HOB_CONFIG_H

#include "gateway/gateway.h"
#include "util/util.h"

#define CONFIG_DEFAULT_PORT      4620
#define CONFIG_MAX_ACTIVITY_ROWS 1000000
#define CONFIG_MAX_ACTIVITY_DAYS 36500
#define CONFIG_MAX_LIST          64 /* model_folders, allowed_hosts */

struct config {
    char *address; /* numeric: "127.0.0.1", "::1", "0.0.0.0" */
    int port;
    char *data_dir;
    char *llama_server;        /* path, or NULL: look for it */
    struct strv model_folders; /* besides DATA/models */
    struct strv allowed_hosts; /* host names besides loopback and the listen address, lower case */
    enum log_level log_level;
    int64_t activity_rows,
        activity_days; /* how many records of requests are kept, and how long; 0: the default */
    bool model_titles; /* titles of conversations by the model, not only by the first message */
    struct server_patch *servers;
    size_t n_servers;
    char *memory_json; /* as gateway_memory_change takes it; NULL: the file says nothing of it */
};

/* What the command line said; it wins over the file. NULL: nothing. */
struct config_options {
    const char *file, *listen, *data_dir;
    bool is_verbose;
};
/* Defaults, file, command line. ERR_INVALID: c is released, why is the first fault. */
MUST_CHECK enum err config_read(struct config *c, const struct config_options *o, struct err_text *why);

/* Defaults: 127.0.0.1:4620, $XDG_DATA_HOME/hob or $HOME/.local/share/hob. */
void config_init(struct config *c);
void config_release(struct config *c);
/* Takes the file's settings. ERR_INVALID: why is the first fault, "FILE:LINE:COLUMN: what"; release c then. */
MUST_CHECK enum err config_load(struct config *c, const char *path, struct err_text *why);
/* The same, with all faults, a line each. */
MUST_CHECK enum err config_check(struct config *c, const char *path, struct strv *out_faults);
/* The same of a text; path is what the faults say. */
MUST_CHECK enum err config_check_text(struct config *c, const char *path, struct span text,
                                      struct strv *out_faults);
/*
 * A file of hob's out of llama-swap's. *out_notes: what was not taken over and why, "FILE:LINE:COLUMN: what", and all
 * faults. ERR_INVALID: nothing can be made of it.
 */
MUST_CHECK enum err config_import_llama_swap(const char *path, struct buf *out_yaml, size_t *out_n_servers,
                                             struct strv *out_notes);
/* "4620", "127.0.0.1:4620", "[::1]:4620", "localhost:4620". */
MUST_CHECK enum err config_set_listen(struct config *c, const char *text, struct err_text *why);
bool config_is_loopback(const struct config *c);

#endif
