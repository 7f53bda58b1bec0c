/* Configuration files: whatever stands in one ends in values or in faults, and a value that is written is valid JSON. */
#include "config/config_doc.h"
#include "config/config_words.h"

static void write_all(struct doc *d)
{
    struct buf out = {0};
    struct json_writer w;
    AUTO(json_doc) yyjson_doc *parsed = NULL;
    yyjson_val *root;
    struct err_text why;
    jw_init(&w, &out);
    jw_begin_obj(&w);
    jw_key(&w, "v");
    bool is_written = doc_write_json(d, doc_root(d), &w);
    if (is_written) {
        jw_end_obj(&w);
        assert(json_parse_object(buf_span(&out), &parsed, &root, &why) == ERR_OK);
    } else {
        assert(d->n_faults > 0);
    }
    buf_release(&out);
}

static void look(struct doc *d, const yaml_node_t *node)
{
    struct doc_pairs pairs;
    bool is_on;
    int64_t value;
    (void)doc_describe(node);
    (void)!doc_bool(node, &is_on);
    (void)!doc_int(node, &value);
    if (!doc_is_map(node) || !doc_pairs(d, node, "the root", &pairs))
        return;
    for (size_t i = 0; i < pairs.n; i++)
        assert(doc_text(pairs.v[i].key) && doc_find(&pairs, doc_text(pairs.v[i].key)));
    doc_pairs_release(&pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(mem) char *text = span_dup(span_of((const char *)data, size));
    struct doc d;
    doc_parse(&d, "fuzz.yaml", span_of((const char *)data, size));
    if (d.n_faults == 0 && doc_root(&d)) {
        look(&d, doc_root(&d));
        write_all(&d);
    }
    doc_release(&d);
    for (int is_literal = 0; is_literal < 2; is_literal++) {
        struct strv words = {0};
        struct err_text why;
        if (words_split(text, is_literal, &words, &why) == ERR_OK)
            assert(words.n <= size);
        strv_release(&words);
    }
    return 0;
}
