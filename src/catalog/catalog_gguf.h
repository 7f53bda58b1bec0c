/*
 * Header of a GGUF file (version 2 and 3, little-endian): what people want to know of a model. Pure: bytes come through
 * a function. A file is hostile: every count and length is bounded, and how much is read in all.
 */
#ifndef HOB_CATALOG_GGUF_H
#define HOB_CATALOG_GGUF_H

#include "util/util.h"

#define GGUF_MAX_PAIRS      10000              /* key-value pairs */
#define GGUF_MAX_KEY_BYTES  512                /* a longer key is none that we know: skipped */
#define GGUF_MAX_TEXT_BYTES 256                /* a longer text is cut */
#define GGUF_MAX_DEPTH      4                  /* arrays in arrays */
#define GGUF_MAX_ITEMS      (16 * 1000 * 1000) /* of arrays of strings or arrays, in all */
#define GGUF_MAX_TENSORS    100000

/* Copies n bytes from offset on; false: not there. n is at most GGUF_WINDOW_BYTES. */
#define GGUF_WINDOW_BYTES 65536
typedef bool (*gguf_read_fn)(void *arg, uint64_t offset, void *into, size_t n);

struct gguf_info {
    uint32_t version;
    char architecture[GGUF_MAX_TEXT_BYTES +
                      1]; /* "" : not said; all texts are clean UTF-8 without control characters */
    char title[GGUF_MAX_TEXT_BYTES + 1]; /* general.name */
    char type[GGUF_MAX_TEXT_BYTES + 1];  /* general.type: "model", "adapter", "mmproj" ... */
    int64_t context_length;              /* 0: not said */
    int64_t parameter_count;             /* sum over the tensors; 0: unknown */
    int file_type;                       /* general.file_type; -1: not said */
    uint64_t n_tensors;
};

/* ERR_INVALID with why: no GGUF, cut off, or out of bounds. */
MUST_CHECK enum err gguf_read(gguf_read_fn read, void *arg, uint64_t file_bytes, struct gguf_info *out_info,
                              struct err_text *why);
/* "Q4_K_M" for general.file_type; NULL: unknown. */
const char *gguf_file_type_name(int file_type);

#endif
