/* The key `memory`: how much there is to share, and what groups are. It becomes the JSON that the page would send. */
#include <stdlib.h>

#include "config/config_read.h"

#define MAX_BYTES ((int64_t)1 << 50)

/* "24G", "24 GiB", "512M", or bytes. Units are powers of 1024. False: it is none. */
static bool read_bytes(const char *text, int64_t *out)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || !(value > 0))
        return false;
    struct span unit = span_trim(span_str(end));
    const char *at = unit.len ? strchr(units, unit.p[0] & ~0x20) : NULL;
    struct span rest = at ? span_of(unit.p + 1, unit.len - 1) : unit;
    if (rest.len && !span_is_ci(rest, "B") && !span_is_ci(rest, "iB"))
        return false;
    for (ptrdiff_t i = 0; at && i <= at - units; i++)
        value *= 1024;
    if (value < 1 || value > (double)MAX_BYTES)
        return false;
    *out = (int64_t)value;
    return true;
}

static void write_bytes(struct reading *r, const struct doc_pair *pair, const char *name,
                        struct json_writer *w)
{
    int64_t bytes = 0;
    const char *text = doc_text(pair->value);
    if (doc_is_null(pair->value))
        jwf_null(w, name);
    else if (text && read_bytes(text, &bytes))
        jwf_int(w, name, bytes);
    else
        doc_fault(r->doc, pair->value, "%s: expected a size such as 24G, found %s", doc_text(pair->key),
                  doc_describe(pair->value));
}

static void write_groups(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    static const char *const kinds[] = {"exclusive", "together", "always"};
    struct doc_pairs groups;
    if (!doc_pairs(r->doc, pair->value, "groups", &groups))
        return;
    jw_key(w, "groups");
    jw_begin_obj(w);
    for (size_t i = 0; i < groups.n; i++) {
        const char *name = doc_text(groups.v[i].key), *text = doc_text(groups.v[i].value);
        bool is_known = false;
        for (size_t k = 0; k < COUNT_OF(kinds) && text; k++)
            is_known = is_known || str_eq(text, kinds[k]);
        if (!name[0] || strlen(name) > GATEWAY_MAX_NAME_BYTES)
            doc_fault(r->doc, groups.v[i].key, "a group's name has 1 to %d bytes", GATEWAY_MAX_NAME_BYTES);
        else if (i >= GATEWAY_MAX_GROUPS)
            doc_fault(r->doc, groups.v[i].key, "more than %d groups", GATEWAY_MAX_GROUPS);
        else if (is_known)
            jwf_str(w, name, text);
        else
            doc_fault(r->doc, groups.v[i].value,
                      "group %.100s: expected exclusive, together or always, found %s", name,
                      doc_describe(groups.v[i].value));
    }
    jw_end_obj(w);
    doc_pairs_release(&groups);
}

static void write_turn(struct reading *r, const struct doc_pair *pair, struct json_writer *w)
{
    int64_t turn_s = 0;
    if (doc_int(pair->value, &turn_s) && turn_s >= 1 && turn_s <= GATEWAY_MAX_TURN_S)
        jwf_int(w, "turn_s", turn_s);
    else
        doc_fault(r->doc, pair->value, "turn_s: expected a number from 1 to %d, found %s", GATEWAY_MAX_TURN_S,
                  doc_describe(pair->value));
}

void config_take_memory(struct reading *r, const struct doc_pair *pair)
{
    static const char *const known[] = {"budget", "gpu_budget", "turn_s", "groups"};
    struct doc_pairs pairs;
    struct json_writer w;
    struct buf json = {0};
    if (!doc_pairs(r->doc, pair->value, "memory", &pairs))
        return;
    jw_init(&w, &json);
    jw_begin_obj(&w);
    for (size_t i = 0; i < pairs.n; i++) {
        const char *key = doc_text(pairs.v[i].key);
        if (str_eq(key, "budget"))
            write_bytes(r, &pairs.v[i], "budget_bytes", &w);
        else if (str_eq(key, "gpu_budget"))
            write_bytes(r, &pairs.v[i], "gpu_budget_bytes", &w);
        else if (str_eq(key, "turn_s"))
            write_turn(r, &pairs.v[i], &w);
        else if (str_eq(key, "groups"))
            write_groups(r, &pairs.v[i], &w);
        else
            reading_unknown(r->doc, pairs.v[i].key, known, COUNT_OF(known));
    }
    jw_end_obj(&w);
    free(r->config->memory_json);
    r->config->memory_json = buf_take_str(&json);
    doc_pairs_release(&pairs);
}
