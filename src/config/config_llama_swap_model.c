/* One of llama-swap's models. */
#include <stdio.h>

#include "config/config_llama_swap.h"
#include "config/config_words.h"

void swap_model_release(struct swap_model *m)
{
    doc_pairs_release(&m->pairs);
    macros_release(&m->macros);
    strv_release(&m->argv);
    strv_release(&m->env);
    strv_release(&m->aliases);
    strv_release(&m->strip);
    free(m->proxy);
    free(m->upstream_name);
    free(m->model_path);
}

/* NULL: it is not there, or the model is left out. */
static char *take_text(struct swap *s, struct swap_model *m, const char *key)
{
    const struct doc_pair *pair = doc_find(&m->pairs, key);
    struct err_text why;
    char *text = NULL;
    if (!pair || doc_is_null(pair->value))
        return NULL;
    if (!doc_text(pair->value))
        swap_leave_out(s, m, pair->value, "%s: expected a text, found %s", key, doc_describe(pair->value));
    else if (macros_expand(&m->macros, doc_text(pair->value), &text, &why))
        swap_leave_out(s, m, pair->value, "%s: %s", key, why.text);
    return text;
}

static void take_own_macros(struct swap *s, struct swap_model *m)
{
    const struct doc_pair *pair = doc_find(&m->pairs, "macros");
    macros_put(&m->macros, "MODEL_ID", m->id, NULL);
    macros_copy(&m->macros, &s->macros);
    if (pair)
        swap_take_macros(s, &m->macros, pair->value);
}

static void take_command(struct swap *s, struct swap_model *m)
{
    struct err_text why;
    AUTO(mem) char *text = take_text(s, m, "cmd");
    const struct doc_pair *pair = doc_find(&m->pairs, "cmd");
    if (m->is_left_out)
        return;
    if (!text)
        swap_leave_out(s, m, m->at, "it has no cmd");
    else if (words_split(text, true, &m->argv, &why))
        swap_leave_out(s, m, pair->value, "cmd: %s", why.text);
    else if (m->argv.n == 0)
        swap_leave_out(s, m, pair->value, "cmd is empty");
}

static void take_list(struct swap *s, struct swap_model *m, const char *key, struct strv *out)
{
    const struct doc_pair *pair = doc_find(&m->pairs, key);
    const yaml_node_t *item;
    struct err_text why;
    if (!pair || doc_is_null(pair->value))
        return;
    if (!doc_is_list(pair->value))
        swap_note(s, pair->value, "%s of %s: expected a list, found %s", key, m->id,
                  doc_describe(pair->value));
    for (size_t i = 0; (item = doc_item(&s->doc, pair->value, i)); i++) {
        char *text = NULL;
        if (!doc_text(item))
            swap_note(s, item, "%s of %s: expected texts, found %s", key, m->id, doc_describe(item));
        else if (macros_expand(&m->macros, doc_text(item), &text, &why))
            swap_leave_out(s, m, item, "%s: %s", key, why.text);
        else
            strv_add(out, text);
        free(text);
    }
}

static int64_t take_count(struct swap *s, struct swap_model *m, const char *key, int64_t otherwise)
{
    const struct doc_pair *pair = doc_find(&m->pairs, key);
    int64_t value = otherwise;
    if (pair && !doc_is_null(pair->value) && !doc_int(pair->value, &value))
        swap_note(s, pair->value, "%s of %s: expected a whole number, found %s", key, m->id,
                  doc_describe(pair->value));
    return value;
}

/* ---- filters ---- */

static void take_strip(struct swap *s, struct swap_model *m, const struct doc_pair *pair)
{
    struct err_text why;
    char *text = NULL;
    if (!doc_text(pair->value) || macros_expand(&m->macros, doc_text(pair->value), &text, &why)) {
        swap_note(s, pair->value, "%s of %s: expected names with commas between them", doc_text(pair->key),
                  m->id);
        return;
    }
    for (struct span rest, name = span_cut(span_str(text), ',', &rest);; name = span_cut(rest, ',', &rest)) {
        AUTO(mem) char *one = span_dup(span_trim(name));
        if (one[0] && !str_eq(one, "model"))
            strv_add(&m->strip, one);
        if (!rest.p)
            break;
    }
    free(text);
}

static void take_by_id(struct swap *s, struct swap_model *m, const struct doc_pair *pair)
{
    struct doc_pairs pairs;
    struct err_text why;
    if (!doc_pairs(&s->doc, pair->value, "setParamsByID", &pairs))
        return;
    for (size_t i = 0; i < pairs.n; i++) {
        char *name = NULL;
        if (macros_expand(&m->macros, doc_text(pairs.v[i].key), &name, &why)) {
            swap_note(s, pairs.v[i].key, "setParamsByID of %s: %s", m->id, why.text);
            continue;
        }
        if (!str_eq(name, m->id))
            strv_add(&m->aliases, name);
        swap_note(s, pairs.v[i].key,
                  "what setParamsByID of %s sets for %s: a server's rewriting is the same for all its names",
                  m->id, name);
        free(name);
    }
    doc_pairs_release(&pairs);
}

static void take_filters(struct swap *s, struct swap_model *m)
{
    const struct doc_pair *filters = doc_find(&m->pairs, "filters");
    struct doc_pairs pairs;
    if (!filters || doc_is_null(filters->value) || !doc_pairs(&s->doc, filters->value, "filters", &pairs))
        return;
    for (size_t i = 0; i < pairs.n; i++) {
        const struct doc_pair *pair = &pairs.v[i];
        const char *key = doc_text(pair->key);
        if (doc_is_null(pair->value))
            continue;
        if (str_eq(key, "stripParams") || str_eq(key, "strip_params"))
            take_strip(s, m, pair);
        else if (str_eq(key, "setParams") && doc_is_map(pair->value))
            m->set = pair->value;
        else if (str_eq(key, "setParamsByID"))
            take_by_id(s, m, pair);
        else
            swap_note(s, pair->key, "filters.%s of %s: hob does not know it", key, m->id);
    }
    doc_pairs_release(&pairs);
}

/* ---- what has no place ---- */

static void take_rest(struct swap *s, struct swap_model *m)
{
    static const char *const taken[] = {"cmd",          "macros",  "env",     "proxy",           "ttl",
                                        "useModelName", "filters", "aliases", "concurrencyLimit"};
    static const struct {
        const char *key, *usual, *why;
    } reasons[] = {
        {"name", "", "hob shows the name that clients use"},
        {"description", "", "hob shows none"},
        {"metadata", NULL, "hob shows none"},
        {"capabilities", NULL, "hob asks the engine"},
        {"unlisted", "false", "hob lists every server"},
        {"cmdStop", "", "hob ends the process itself: SIGTERM, 10 s later SIGKILL"},
        {"checkEndpoint", "/health", "hob asks /health and /v1/models by itself"},
        {"unloadTimeout", "0", "an engine has 10 s to end"},
        {"timeouts", NULL, "hob waits as long as the client does"},
        {"sendLoadingState", NULL, "hob tells of loads in comments of the stream, which clients ignore"},
        {"compat", NULL, "hob passes no websockets on"},
    };
    for (size_t i = 0; i < m->pairs.n; i++) {
        const struct doc_pair *pair = &m->pairs.v[i];
        const char *key = doc_text(pair->key), *why = "hob does not know it", *usual = NULL;
        bool is_taken = strncmp(key, "x-", 2) == 0;
        for (size_t k = 0; k < COUNT_OF(taken); k++)
            is_taken = is_taken || str_eq(key, taken[k]);
        for (size_t k = 0; k < COUNT_OF(reasons); k++) {
            if (str_eq(key, reasons[k].key)) {
                why = reasons[k].why;
                usual = reasons[k].usual;
            }
        }
        if (!is_taken && !(usual && doc_text(pair->value) && str_eq(doc_text(pair->value), usual)))
            swap_note(s, pair->key, "%s of %s: %s", key, m->id, why);
    }
}

void swap_read_model(struct swap *s, struct swap_model *m, const yaml_node_t *value)
{
    if (!doc_pairs(&s->doc, value, m->id, &m->pairs))
        return;
    take_own_macros(s, m);
    take_command(s, m);
    if (m->is_left_out)
        return;
    take_list(s, m, "env", &m->env);
    take_list(s, m, "aliases", &m->aliases);
    m->proxy = take_text(s, m, "proxy");
    m->upstream_name = take_text(s, m, "useModelName");
    m->slots = take_count(s, m, "concurrencyLimit", 0);
    m->idle_stop_s = take_count(s, m, "ttl", -1);
    if (m->idle_stop_s < 0)
        m->idle_stop_s = s->ttl_s;
    take_filters(s, m);
    take_rest(s, m);
}

/* ---- where it listens ---- */

static bool has_port(const struct swap_model *m)
{
    for (size_t i = 0; i < m->argv.n; i++) {
        if (strstr(m->argv.v[i], "${PORT}"))
            return true;
    }
    return false;
}

/* "8999", "--port=8999", "127.0.0.1:8999", "8999:8080": the number stands alone, at one place. */
static bool put_placeholder(char **word, const char *port)
{
    const char *at = strstr(*word, port);
    size_t n = strlen(port);
    if (!at || (at > *word && !strchr("=:", at[-1])) || (at[n] && at[n] != ':'))
        return false;
    char *text = xasprintf("%.*s${PORT}%s", (int)(at - *word), *word, at + n);
    free(*word);
    *word = text;
    return true;
}

static bool is_local(struct span host)
{
    return span_is(host, "localhost") || span_is(host, "127.0.0.1") || span_is(host, "[::1]") ||
           span_is(host, "0.0.0.0");
}

/* A fixed port becomes one that hob chooses. */
static void free_port(struct swap *s, struct swap_model *m)
{
    const struct doc_pair *pair = doc_find(&m->pairs, "proxy");
    const char *url = m->proxy ? strstr(m->proxy, "://") : NULL;
    const char *colon = url ? strrchr(url + 3, ':') : NULL;
    uint64_t port = 0;
    char text[24];
    struct span digits = span_of(colon ? colon + 1 : NULL, colon ? strspn(colon + 1, "0123456789") : 0);
    if (!span_to_u64(digits, &port)) {
        swap_leave_out(s, m, m->at, "neither cmd nor proxy says where it listens: write ${PORT} into cmd");
        return;
    }
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)port);
    for (size_t i = 1; i < m->argv.n; i++) {
        if (put_placeholder(&m->argv.v[i], text))
            return;
    }
    swap_leave_out(s, m, pair->value, "its fixed port %s is not in cmd: write ${PORT} there", text);
}

static void check_proxy(struct swap *s, struct swap_model *m)
{
    const struct doc_pair *pair = doc_find(&m->pairs, "proxy");
    const char *url = m->proxy ? strstr(m->proxy, "://") : NULL;
    if (!m->proxy)
        return;
    struct span host = span_of(url ? url + 3 : m->proxy, strcspn(url ? url + 3 : m->proxy, "/"));
    const char *path = host.p + host.len;
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < host.len && host.p[i] != '$'; i++) {
        if (host.p[i] == ':')
            colon = (ptrdiff_t)i;
    }
    if (colon >= 0)
        host.len = (size_t)colon;
    if (!url || strncmp(m->proxy, "http://", 7) != 0 || !is_local(host))
        swap_leave_out(s, m, pair->value, "proxy %.200s: servers run on this machine", m->proxy);
    else if (path[0] && !str_eq(path, "/"))
        swap_leave_out(s, m, pair->value, "proxy %.200s: an engine's paths begin at /", m->proxy);
}

/* ---- llama-server as hob runs it ---- */

static bool is_llama_server(const char *program)
{
    const char *slash = strrchr(program, '/');
    return str_eq(slash ? slash + 1 : program, "llama-server");
}

/* Options with a value that hob gives itself. */
static bool is_given(const char *word)
{
    static const char *const options[] = {"--host", "--port", "-m", "--model"};
    size_t n = strcspn(word, "=");
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (strlen(options[i]) == n && memcmp(word, options[i], n) == 0)
            return true;
    }
    return false;
}

static bool is_refused(const char *word)
{
    return strncmp(word, "--api-key", 9) == 0 || strncmp(word, "--api-prefix", 12) == 0 ||
           strncmp(word, "--ssl-", 6) == 0;
}

/* Its model's path if hob can give it to its own llama-server; else NULL. */
static const char *find_model(const struct swap_model *m)
{
    const char *path = NULL;
    for (size_t i = 1; i < m->argv.n; i++) {
        const char *word = m->argv.v[i];
        if (is_refused(word))
            return NULL;
        if (str_eq(word, "-m") || str_eq(word, "--model"))
            path = m->argv.v[i + 1];
        else if (strncmp(word, "--model=", 8) == 0)
            path = word + 8;
    }
    return path && path[0] == '/' ? path : NULL;
}

static void make_llama(struct swap_model *m)
{
    struct strv rest = {0};
    m->model_path = xstrdup(find_model(m));
    for (size_t i = 1; i < m->argv.n; i++) {
        if (!is_given(m->argv.v[i]))
            strv_add(&rest, m->argv.v[i]);
        else if (!strchr(m->argv.v[i], '='))
            i++;
    }
    strv_release(&m->argv);
    m->argv = rest;
}

void swap_place_model(struct swap *s, struct swap_model *m)
{
    if (!m->is_left_out)
        check_proxy(s, m);
    if (m->is_left_out)
        return;
    if (is_llama_server(m->argv.v[0]) && find_model(m)) {
        if (strchr(m->argv.v[0], '/') && !s->llama_server)
            s->llama_server = xstrdup(m->argv.v[0]);
        if (!strchr(m->argv.v[0], '/') || str_eq(m->argv.v[0], s->llama_server)) {
            make_llama(m);
            return;
        }
    }
    if (!has_port(m))
        free_port(s, m);
}
