/*
 * catalog: model files on this machine (GGUF) and the llama-server that runs them. Knows no servers and no engines.
 */
#ifndef HOB_CATALOG_H
#define HOB_CATALOG_H

#include "loop/loop.h"
#include "util/util.h"

#define CATALOG_MAX_DEPTH  4     /* folders below a given one */
#define CATALOG_MAX_MODELS 2000  /* more are left out */
#define CATALOG_MAX_FILES  50000 /* directory entries looked at in one scan */

struct catalog_model {
    char *path;              /* absolute; of a split model its first part */
    char *name;              /* for people: the file's name without ".gguf" and without the part's number */
    int64_t size_bytes;      /* all parts */
    char *title;             /* general.name, or NULL */
    char *architecture;      /* "llama", "qwen3" ...; NULL: not said */
    char *quantization;      /* "Q4_K_M" ...; NULL: unknown */
    int64_t context_length;  /* 0: not said */
    int64_t parameter_count; /* 0: not said */
};
void catalog_model_release(struct catalog_model *m);

struct catalog_models {
    struct catalog_model *v;
    size_t n;
};
/* {0} is empty. */
void catalog_models_release(struct catalog_models *m);

/*
 * Reads one model file's header. Blocks for a small read.
 * ERR_INVALID: not a regular file, or no GGUF. ERR_UNSUPPORTED: GGUF, but no language model. ERR_NOT_FOUND, ERR_DENIED, ERR_IO as the system says.
 */
MUST_CHECK enum err catalog_read_model(const char *path, struct catalog_model *out_model,
                                       struct err_text *why);

typedef void (*catalog_scan_fn)(const struct catalog_models *models, void *arg);
struct catalog_scan;
/*
 * Looks for models in the folders (absolute; ones that are not there are skipped) on a thread; fn runs once on the loop,
 * never before this returns, and the scan is invalid after it. models is sorted by name and valid during the call.
 * Links that lead out of the folder they were found in are not followed; vision projectors ("mmproj") and the second and
 * later parts of split models are left out. folders is copied.
 */
struct catalog_scan *catalog_scan_start(struct loop *l, const struct strv *folders, catalog_scan_fn fn,
                                        void *arg);
/* fn will not run. */
void catalog_scan_cancel(struct catalog_scan *s);

/*
 * The absolute path of llama-server: in the given folders, then on PATH; NULL when there is none. The caller frees it.
 * Blocks for a few stat calls.
 */
char *catalog_find_llama_server(const struct strv *folders);
/* Where people have GGUF files: hob's own folder, caches of Hugging Face and llama.cpp, LM Studio; those that exist. */
void catalog_default_folders(const char *own_folder, struct strv *out_folders);

#endif
