/* Reads GGUF headers (github.com/ggml-org/ggml, docs/gguf.md) with a window over the file; tensors' data are never read. */
#include "catalog/catalog_gguf.h"

#include <endian.h>

enum value_type {
    TYPE_UINT8,
    TYPE_INT8,
    TYPE_UINT16,
    TYPE_INT16,
    TYPE_UINT32,
    TYPE_INT32,
    TYPE_FLOAT32,
    TYPE_BOOL,
    TYPE_STRING,
    TYPE_ARRAY,
    TYPE_UINT64,
    TYPE_INT64,
    TYPE_FLOAT64,
    N_TYPES
};

struct reader {
    gguf_read_fn read;
    void *arg;
    uint64_t at, size;
    uint64_t window_at; /* the window holds window_len bytes from there */
    size_t window_len;
    uint64_t n_items; /* of arrays, so far */
    unsigned char *window;
};

static bool take(struct reader *r, void *into, size_t n)
{
    if (n > r->size - r->at)
        return false;
    if (r->at < r->window_at || r->at + n > r->window_at + r->window_len) {
        uint64_t left = r->size - r->at;
        r->window_at = r->at;
        r->window_len = left < GGUF_WINDOW_BYTES ? (size_t)left : GGUF_WINDOW_BYTES;
        if (!r->read(r->arg, r->window_at, r->window, r->window_len)) {
            r->window_len = 0;
            return false;
        }
    }
    memcpy(into, r->window + (r->at - r->window_at), n);
    r->at += n;
    return true;
}

static bool skip(struct reader *r, uint64_t n)
{
    if (n > r->size - r->at)
        return false;
    r->at += n;
    return true;
}

static bool take_u32(struct reader *r, uint32_t *out_value)
{
    uint32_t raw;
    if (!take(r, &raw, sizeof raw))
        return false;
    *out_value = le32toh(raw);
    return true;
}

static bool take_u64(struct reader *r, uint64_t *out_value)
{
    uint64_t raw;
    if (!take(r, &raw, sizeof raw))
        return false;
    *out_value = le64toh(raw);
    return true;
}

/* At most most bytes of a string are kept, the rest is skipped; into has room for one more. */
static bool take_string(struct reader *r, char *into, size_t most, uint64_t *out_len)
{
    uint64_t len;
    if (!take_u64(r, &len) || len > r->size - r->at)
        return false;
    size_t kept = len < most ? (size_t)len : most;
    if (!take(r, into, kept) || !skip(r, len - kept))
        return false;
    into[kept] = 0;
    *out_len = len;
    return true;
}

static size_t type_bytes(uint32_t type)
{
    static const size_t sizes[N_TYPES] = {
        [TYPE_UINT8] = 1,  [TYPE_INT8] = 1,   [TYPE_BOOL] = 1,    [TYPE_UINT16] = 2,
        [TYPE_INT16] = 2,  [TYPE_UINT32] = 4, [TYPE_INT32] = 4,   [TYPE_FLOAT32] = 4,
        [TYPE_UINT64] = 8, [TYPE_INT64] = 8,  [TYPE_FLOAT64] = 8,
    };
    return type < N_TYPES ? sizes[type] : 0;
}

static bool skip_value(struct reader *r, uint32_t type, int depth);

static bool skip_array(struct reader *r, int depth)
{
    uint32_t type;
    uint64_t n;
    if (depth >= GGUF_MAX_DEPTH || !take_u32(r, &type) || !take_u64(r, &n))
        return false;
    size_t bytes = type_bytes(type);
    if (bytes > 0)
        return n <= (r->size - r->at) / bytes && skip(r, n * bytes);
    if (n > GGUF_MAX_ITEMS || r->n_items + n > GGUF_MAX_ITEMS)
        return false;
    r->n_items += n;
    for (uint64_t i = 0; i < n; i++) {
        if (!skip_value(r, type, depth + 1))
            return false;
    }
    return true;
}

static bool skip_value(struct reader *r, uint32_t type, int depth)
{
    uint64_t len;
    if (type_bytes(type) > 0)
        return skip(r, type_bytes(type));
    if (type == TYPE_STRING)
        return take_u64(r, &len) && skip(r, len);
    return type == TYPE_ARRAY && skip_array(r, depth);
}

static bool is_integer(uint32_t type)
{
    return type_bytes(type) > 0 && type != TYPE_FLOAT32 && type != TYPE_FLOAT64 && type != TYPE_BOOL;
}

/* A negative or too large number comes out as 0. */
static bool take_integer(struct reader *r, uint32_t type, int64_t *out_value)
{
    unsigned char raw[8];
    size_t n = type_bytes(type);
    if (!take(r, raw, n))
        return false;
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;)
        value = value << 8 | raw[i];
    bool is_signed = type == TYPE_INT8 || type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64;
    bool is_negative = is_signed && (raw[n - 1] & 0x80);
    *out_value = is_negative || value > INT64_MAX ? 0 : (int64_t)value;
    return true;
}

static bool take_text(struct reader *r, char into[GGUF_MAX_TEXT_BYTES + 1])
{
    char raw[GGUF_MAX_TEXT_BYTES + 1];
    uint64_t len;
    if (!take_string(r, raw, GGUF_MAX_TEXT_BYTES, &len))
        return false;
    size_t n = len < GGUF_MAX_TEXT_BYTES ? (size_t)len : GGUF_MAX_TEXT_BYTES;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)raw[i] < 0x20 || raw[i] == 0x7f)
            raw[i] = ' ';
    }
    AUTO(buf) struct buf *clean = buf_new();
    utf8_add_clean(clean, span_trim(span_of(raw, n)));
    n = utf8_floor(buf_span(clean), GGUF_MAX_TEXT_BYTES);
    memcpy(into, buf_str(clean), n);
    into[n] = 0;
    return true;
}

static bool is_context_length(const char *key, uint64_t len)
{
    return len <= GGUF_MAX_KEY_BYTES && span_ends(span_str(key), ".context_length");
}

static bool read_pair(struct reader *r, struct gguf_info *info)
{
    char key[GGUF_MAX_KEY_BYTES + 1];
    uint64_t key_len;
    uint32_t type;
    if (!take_string(r, key, GGUF_MAX_KEY_BYTES, &key_len) || !take_u32(r, &type) || type >= N_TYPES)
        return false;
    if (key_len > GGUF_MAX_KEY_BYTES)
        return skip_value(r, type, 0);
    if (type == TYPE_STRING && str_eq(key, "general.architecture"))
        return take_text(r, info->architecture);
    if (type == TYPE_STRING && str_eq(key, "general.name"))
        return take_text(r, info->title);
    if (type == TYPE_STRING && str_eq(key, "general.type"))
        return take_text(r, info->type);
    if (is_integer(type) && is_context_length(key, key_len))
        return take_integer(r, type, &info->context_length);
    if (is_integer(type) && str_eq(key, "general.file_type")) {
        int64_t value;
        if (!take_integer(r, type, &value))
            return false;
        info->file_type = value < 4096 ? (int)value : -1;
        return true;
    }
    return skip_value(r, type, 0);
}

/* name, dimensions, type, offset: the product of the dimensions is the number of parameters. */
static bool read_tensor(struct reader *r, int64_t *count)
{
    uint64_t name_len, size, n = 1;
    uint32_t n_dims;
    if (!take_u64(r, &name_len) || !skip(r, name_len) || !take_u32(r, &n_dims) || n_dims > 4)
        return false;
    for (uint32_t i = 0; i < n_dims; i++) {
        if (!take_u64(r, &size) || __builtin_mul_overflow(n, size, &n))
            return false;
    }
    return n <= INT64_MAX && !__builtin_add_overflow(*count, (int64_t)n, count) && skip(r, 4 + 8);
}

static enum err read_header(struct reader *r, struct gguf_info *info, struct err_text *why)
{
    char magic[4];
    uint64_t n_pairs;
    if (!take(r, magic, sizeof magic) || memcmp(magic, "GGUF", 4) != 0)
        return err_set(why, ERR_INVALID, "the file is no GGUF model");
    if (!take_u32(r, &info->version))
        return err_set(why, ERR_INVALID, "the GGUF file is cut off");
    if (info->version < 2 || info->version > 3)
        return err_set(why, ERR_INVALID, "GGUF version %u is not supported", info->version);
    if (!take_u64(r, &info->n_tensors) || !take_u64(r, &n_pairs))
        return err_set(why, ERR_INVALID, "the GGUF file is cut off");
    if (n_pairs > GGUF_MAX_PAIRS)
        return err_set(why, ERR_INVALID, "the GGUF file has too many keys");
    for (uint64_t i = 0; i < n_pairs; i++) {
        if (!read_pair(r, info))
            return err_set(why, ERR_INVALID, "the GGUF file's header is damaged or cut off");
    }
    return ERR_OK;
}

enum err gguf_read(gguf_read_fn read, void *arg, uint64_t file_bytes, struct gguf_info *out_info,
                   struct err_text *why)
{
    AUTO(mem) unsigned char *window = xmalloc(GGUF_WINDOW_BYTES);
    struct reader r = {.read = read, .arg = arg, .size = file_bytes, .window = window};
    struct gguf_info info = {.file_type = -1};
    enum err e = read_header(&r, &info, why);
    if (e)
        return e;
    /* a nicety: what is wrong with it is the engine's to say */
    int64_t count = 0;
    bool is_whole = info.n_tensors <= GGUF_MAX_TENSORS;
    for (uint64_t i = 0; is_whole && i < info.n_tensors; i++)
        is_whole = read_tensor(&r, &count);
    info.parameter_count = is_whole ? count : 0;
    *out_info = info;
    return ERR_OK;
}

const char *gguf_file_type_name(int file_type)
{
    static const char *const names[] = {
        [0] = "F32",      [1] = "F16",      [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
        [8] = "Q5_0",     [9] = "Q5_1",     [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
        [13] = "Q3_K_L",  [14] = "Q4_K_S",  [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
        [18] = "Q6_K",    [19] = "IQ2_XXS", [20] = "IQ2_XS", [21] = "Q2_K_S", [22] = "IQ3_XS",
        [23] = "IQ3_XXS", [24] = "IQ1_S",   [25] = "IQ4_NL", [26] = "IQ3_S",  [27] = "IQ3_M",
        [28] = "IQ2_S",   [29] = "IQ2_M",   [30] = "IQ4_XS", [31] = "IQ1_M",  [32] = "BF16",
        [36] = "TQ1_0",   [37] = "TQ2_0",   [38] = "MXFP4",
    };
    int plain = file_type & ~1024; /* LLAMA_FTYPE_GUESSED */
    return file_type >= 0 && (size_t)plain < COUNT_OF(names) ? names[plain] : NULL;
}
