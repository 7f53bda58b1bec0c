/* Rows of one transaction, and their kinds, each once. */
#include "activity/activity_batch.h"
#include "activity/activity_access.h"

/* A kind as bytes: nine strings with their NULs, then what else tells kinds apart. */
#define N_STRINGS      9
#define MAX_KIND_BYTES (N_STRINGS * (ACTIVITY_MAX_TEXT_BYTES + 1) + sizeof(int) + 2)

struct batch *batch_new(void)
{
    struct batch *b = xmalloc(sizeof *b);
    list_init(&b->node);
    b->by_strings = map_new();
    b->n_rows = b->n_kinds = 0;
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n_kinds; i++) {
        free(b->texts[i].strings);
        buf_release(&b->texts[i].line);
    }
    map_free(b->by_strings);
    free(b);
}

bool batch_is_full(const struct batch *b)
{
    return b->n_rows == ACTIVITY_BATCH_ROWS;
}

/* Models and routes come from clients. */
static char *put_string(char *at, const char *s)
{
    size_t n = s ? utf8_floor(span_str(s), ACTIVITY_MAX_TEXT_BYTES) : 0;
    if (n > 0)
        memcpy(at, s, n);
    at[n] = '\0';
    return at + n + 1;
}

static struct span spell(char out[MAX_KIND_BYTES], const struct gateway_record *r, const char *user_name,
                         const char *key_name)
{
    const char *const strings[N_STRINGS] = {r->client->user_id, user_name,    r->client->key_id,
                                            key_name,           r->server_id, r->server_name,
                                            r->model,           r->route,     r->code};
    char *at = out;
    for (size_t i = 0; i < N_STRINGS; i++)
        at = put_string(at, strings[i]);
    memcpy(at, &r->status, sizeof r->status);
    at += sizeof r->status;
    *at++ = r->is_stream;
    *at++ = r->client_gone;
    return span_of(out, (size_t)(at - out));
}

/* "" is none. */
static const char *next_string(const char **at)
{
    const char *s = *at;
    *at += strlen(s) + 1;
    return s[0] ? s : NULL;
}

static struct activity_kind *add_kind(struct batch *b, const struct gateway_record *r, struct span spelt)
{
    struct activity_kind *k = &b->kinds[b->n_kinds];
    struct batch_text *t = &b->texts[b->n_kinds++];
    *t = (struct batch_text){.strings = xmemdup(spelt.p, spelt.len)};
    const char *at = t->strings;
    k->user_id = next_string(&at);
    k->user_name = next_string(&at);
    k->key_id = next_string(&at);
    k->key_name = next_string(&at);
    k->server_id = next_string(&at);
    k->server_name = next_string(&at);
    k->model = next_string(&at);
    k->route = next_string(&at);
    k->route = k->route ? k->route : "";
    k->code = next_string(&at);
    k->status = r->status;
    k->is_stream = r->is_stream;
    k->client_gone = r->client_gone;
    access_add_path(&t->line, span_str(k->route), k->status);
    t->path_len = t->line.len;
    access_add_names(&t->line, k->server_name, k->model, k->user_name, k->key_name);
    (void)map_put_span(b->by_strings, spelt, k);
    return k;
}

const struct activity_row *batch_add(struct batch *b, const struct gateway_record *r, const char *user_name,
                                     const char *key_name)
{
    char bytes[MAX_KIND_BYTES];
    struct span spelt = spell(bytes, r, user_name, key_name);
    const struct activity_kind *kind = map_get(b->by_strings, spelt);
    assert(!batch_is_full(b));
    if (!kind)
        kind = add_kind(b, r, spelt);
    struct activity_row *row = &b->rows[b->n_rows++];
    *row = (struct activity_row){.at = r->started_at + r->total_ms,
                                 .kind = kind,
                                 .held_ms = r->held_ms,
                                 .first_ms = r->first_ms,
                                 .total_ms = r->total_ms,
                                 .tokens_in = r->tokens_in,
                                 .tokens_out = r->tokens_out,
                                 .tokens_per_s = r->tokens_per_s,
                                 .bytes_in = (int64_t)r->bytes_in,
                                 .bytes_out = (int64_t)r->bytes_out};
    memcpy(row->request_id, r->client->request_id, sizeof row->request_id);
    return row;
}

const struct batch_text *batch_text_of(const struct batch *b, const struct activity_row *row)
{
    return &b->texts[row->kind - b->kinds];
}
