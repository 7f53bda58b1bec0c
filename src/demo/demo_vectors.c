/* Routes that answer at once: embeddings, ranking, counted tokens. */
#include "demo/demo_vectors.h"

#include <math.h>
#include <stdlib.h>

#include "demo/demo.h"
#include "demo/demo_answer.h"
#include "demo/demo_request.h"
#include "demo/demo_words.h"

void demo_embed(struct span text, double out_vector[DEMO_DIMENSIONS])
{
    struct demo_word words[DEMO_MAX_WORDS];
    size_t n = demo_words(text, words);
    double length = 0;
    for (int d = 0; d < DEMO_DIMENSIONS; d++)
        out_vector[d] = 0.01;
    for (size_t i = 0; i < n; i++) {
        uint32_t hash = 2166136261U; /* FNV-1a */
        demo_word_stem(&words[i]);
        for (const char *p = words[i].text; *p; p++)
            hash = (hash ^ (uint32_t)(unsigned char)*p) * 16777619U;
        out_vector[hash % DEMO_DIMENSIONS] += 1;
    }
    for (int d = 0; d < DEMO_DIMENSIONS; d++)
        length += out_vector[d] * out_vector[d];
    length = sqrt(length);
    for (int d = 0; d < DEMO_DIMENSIONS; d++)
        out_vector[d] /= length;
}

static void write_usage(struct json_writer *w, int64_t n_tokens)
{
    jw_key(w, "usage");
    jw_begin_obj(w);
    jwf_int(w, "prompt_tokens", n_tokens);
    jwf_int(w, "total_tokens", n_tokens);
    jw_end_obj(w);
}

/* base64: the vector as little-endian floats (that is how OpenAI's SDKs ask for it). */
static void write_vector(struct json_writer *w, const double vector[DEMO_DIMENSIONS], bool as_base64)
{
    if (as_base64) {
        float floats[DEMO_DIMENSIONS];
        AUTO(buf) struct buf *text = buf_new();
        for (int d = 0; d < DEMO_DIMENSIONS; d++)
            floats[d] = (float)vector[d];
        base64_add(text, span_of((const char *)floats, sizeof floats));
        jw_span(w, buf_span(text));
        return;
    }
    jw_begin_arr(w);
    for (int d = 0; d < DEMO_DIMENSIONS; d++)
        jw_num(w, vector[d]);
    jw_end_arr(w);
}

static int64_t write_embedding(struct json_writer *w, yyjson_val *text, size_t index, bool as_base64)
{
    double vector[DEMO_DIMENSIONS];
    struct span s = span_of(yyjson_get_str(text), yyjson_get_len(text));
    demo_embed(s, vector);
    jw_begin_obj(w);
    jwf_str(w, "object", "embedding");
    jwf_int(w, "index", (int64_t)index);
    jw_key(w, "embedding");
    write_vector(w, vector, as_base64);
    jw_end_obj(w);
    return (int64_t)demo_count_tokens(s);
}

static enum err check_texts(yyjson_val *list, const char *name, struct err_text *why)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > DEMO_MAX_TEXTS)
        return err_set(why, ERR_INVALID, "\"%s\" must be an array of at most %d strings", name,
                       DEMO_MAX_TEXTS);
    yyjson_arr_foreach(list, i, n, item) {
        if (!yyjson_is_str(item))
            return err_set(why, ERR_INVALID, "\"%s\" must be an array of strings", name);
    }
    return ERR_OK;
}

enum err demo_embeddings(struct span body, struct buf *out, struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root, *item;
    enum err e = json_parse_object(body, &doc, &root, why);
    if (e)
        return e;
    yyjson_val *input = yyjson_obj_get(root, "input");
    bool as_base64 = str_eq(json_str_or(root, "encoding_format", ""), "base64");
    if (!yyjson_is_str(input)) {
        e = check_texts(input, "input", why);
        if (e)
            return e;
    }
    struct json_writer w;
    int64_t n_tokens = 0;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_str(&w, "object", "list");
    jwf_str(&w, "model", json_str_or(root, "model", DEMO_MODEL));
    jw_key(&w, "data");
    jw_begin_arr(&w);
    size_t i, n;
    if (yyjson_is_str(input)) {
        n_tokens += write_embedding(&w, input, 0, as_base64);
    } else {
        yyjson_arr_foreach(input, i, n, item)
            n_tokens += write_embedding(&w, item, i, as_base64);
    }
    jw_end_arr(&w);
    write_usage(&w, n_tokens);
    jw_end_obj(&w);
    return ERR_OK;
}

/* ---- ranking ---- */

struct ranked {
    size_t index;
    double score;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static double likeness(const double a[DEMO_DIMENSIONS], const double b[DEMO_DIMENSIONS])
{
    double sum = 0;
    for (int d = 0; d < DEMO_DIMENSIONS; d++)
        sum += a[d] * b[d];
    return sum;
}

/* Sorted, best first; *out_n_tokens counts query and documents. */
static struct ranked *rank(const char *query, yyjson_val *documents, int64_t *out_n_tokens)
{
    double asked[DEMO_DIMENSIONS], said[DEMO_DIMENSIONS];
    struct ranked *all = xcalloc(yyjson_arr_size(documents) + 1, sizeof *all);
    size_t i, n;
    yyjson_val *item;
    demo_embed(span_str(query), asked);
    *out_n_tokens = (int64_t)demo_count_tokens(span_str(query));
    yyjson_arr_foreach(documents, i, n, item) {
        struct span text = span_of(yyjson_get_str(item), yyjson_get_len(item));
        demo_embed(text, said);
        all[i] = (struct ranked){i, likeness(asked, said)};
        *out_n_tokens += (int64_t)demo_count_tokens(text);
    }
    qsort(all, yyjson_arr_size(documents), sizeof *all, by_score);
    return all;
}

enum err demo_rerank(struct span body, struct buf *out, struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    const char *query = NULL;
    int64_t top_n = DEMO_MAX_TEXTS, n_tokens;
    enum err e = json_parse_object(body, &doc, &root, why);
    if (!e)
        e = json_get_str(root, "query", true, &query, why);
    if (!e)
        e = check_texts(yyjson_obj_get(root, "documents"), "documents", why);
    if (!e)
        e = json_get_int(root, "top_n", false, 1, DEMO_MAX_TEXTS, &top_n, why);
    if (e)
        return e;
    yyjson_val *documents = yyjson_obj_get(root, "documents");
    AUTO(mem) struct ranked *all = rank(query, documents, &n_tokens);
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_str(&w, "object", "list");
    jwf_str(&w, "model", json_str_or(root, "model", DEMO_MODEL));
    jw_key(&w, "results");
    jw_begin_arr(&w);
    for (size_t i = 0; i < yyjson_arr_size(documents) && (int64_t)i < top_n; i++) {
        jw_begin_obj(&w);
        jwf_int(&w, "index", (int64_t)all[i].index);
        jwf_num(&w, "relevance_score", all[i].score);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    write_usage(&w, n_tokens);
    jw_end_obj(&w);
    return ERR_OK;
}

enum err demo_count(struct span body, struct buf *out, struct err_text *why)
{
    struct demo_request r;
    enum err e = demo_request_parse(DEMO_MESSAGES, body, &r, why);
    if (e)
        return e;
    buf_addf(out, "{\"input_tokens\":%lld}", (long long)r.prompt_tokens);
    demo_request_release(&r);
    return ERR_OK;
}
