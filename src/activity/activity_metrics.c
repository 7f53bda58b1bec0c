/* Counters, and their text for Prometheus (exposition format 0.0.4). */
#include "activity/activity_metrics.h"

static const char *const routes[METRICS_N_ROUTES] = {
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/audio/transcriptions",
    "/v1/audio/speech",
    "/v1/images/generations",
    "/v1/models",
    "/api/chat/completions",
    "/upstream",
    "other",
};
#define ROUTE_UPSTREAM 12
#define ROUTE_OTHER    13

/* By the first digit of the status; 0: the client went away first. */
static const char *const classes[METRICS_N_CLASSES] = {"gone", "2xx", "3xx", "4xx", "5xx"};

/* Seconds. A hit in the cache takes milliseconds, a cold load minutes. */
static const double bounds[METRICS_N_BOUNDS] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                1,     2.5,  5,     10,   30,  60,   300};

void metrics_init(struct metrics *m)
{
    *m = (struct metrics){.by_name = map_new()};
    list_init(&m->servers);
}

void metrics_release(struct metrics *m)
{
    LIST_EACH(s, &m->servers, struct metrics_server, node) {
        list_remove(&s->node);
        free(s->name);
        free(s);
    }
    map_free(m->by_name);
    m->by_name = NULL;
}

static struct metrics_server *find_server(struct metrics *m, const char *name)
{
    if (m->last && strcmp(m->last->name, name) == 0)
        return m->last;
    struct metrics_server *s = map_get_str(m->by_name, name);
    if (!s && map_count(m->by_name) >= METRICS_MAX_SERVERS) {
        name = "other";
        s = map_get_str(m->by_name, name);
    }
    if (!s) {
        s = xcalloc(1, sizeof *s);
        s->name = xstrdup(name);
        list_init(&s->node);
        list_push_back(&m->servers, &s->node);
        (void)map_put(m->by_name, name, s);
    }
    m->last = s;
    return s;
}

static size_t find_route(const char *route)
{
    if (strncmp(route, "/upstream/", 10) == 0)
        return ROUTE_UPSTREAM;
    for (size_t i = 0; i < ROUTE_UPSTREAM; i++) {
        if (strcmp(routes[i], route) == 0)
            return i;
    }
    return ROUTE_OTHER;
}

static size_t class_of(const struct gateway_record *r)
{
    size_t class = r->status > 0 ? (size_t)r->status / 100 : 0;
    if (r->client_gone || class >= METRICS_N_CLASSES + 1)
        return 0;
    /* A stream that broke off has its 200, but it is no success. */
    return class < 4 && r->code ? 4 : class < 2 ? class : class - 1;
}

static void observe(struct histogram *h, int64_t ms)
{
    double s = (double)ms / 1000;
    size_t i = 0;
    if (ms < 0)
        return;
    while (i < METRICS_N_BOUNDS && s > bounds[i])
        i++;
    h->counts[i]++;
    h->sum_s += s;
}

void metrics_count(struct metrics *m, const struct gateway_record *r)
{
    struct metrics_server *s = find_server(m, r->server_name ? r->server_name : "");
    s->requests[find_route(r->route)][class_of(r)]++;
    if (r->tokens_in > 0)
        s->tokens_in += (uint64_t)r->tokens_in;
    if (r->tokens_out > 0)
        s->tokens_out += (uint64_t)r->tokens_out;
    if (!r->server_name)
        return;
    observe(&s->held, r->held_ms);
    observe(&s->first, r->first_ms);
    observe(&s->total, r->total_ms);
}

/* ---- text ---- */

void metrics_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_add_char(out, '\\');
        if (*text == '\n')
            buf_add_str(out, "\\n");
        else
            buf_add_char(out, *text);
    }
}

static void begin_sample(struct buf *out, const char *name, const struct metrics_server *s)
{
    buf_addf(out, "%s{server=\"", name);
    metrics_label(out, s->name);
    buf_add_char(out, '"');
}

static void write_requests(const struct metrics_server *s, struct buf *out)
{
    for (size_t i = 0; i < METRICS_N_ROUTES; i++) {
        for (size_t k = 0; k < METRICS_N_CLASSES; k++) {
            if (s->requests[i][k] == 0)
                continue;
            begin_sample(out, "hob_requests_total", s);
            buf_addf(out, ",route=\"%s\",status=\"%s\"} %llu\n", routes[i], classes[k],
                     (unsigned long long)s->requests[i][k]);
        }
    }
}

static void write_histogram(const struct metrics_server *s, const char *name, const struct histogram *h,
                            struct buf *out)
{
    AUTO(buf) struct buf *full = buf_new();
    uint64_t n = 0;
    buf_addf(full, "%s_bucket", name);
    for (size_t i = 0; i < METRICS_N_BOUNDS; i++) {
        n += h->counts[i];
        begin_sample(out, buf_str(full), s);
        buf_addf(out, ",le=\"%g\"} %llu\n", bounds[i], (unsigned long long)n);
    }
    n += h->counts[METRICS_N_BOUNDS];
    begin_sample(out, buf_str(full), s);
    buf_addf(out, ",le=\"+Inf\"} %llu\n", (unsigned long long)n);
    buf_clear(full);
    buf_addf(full, "%s_sum", name);
    begin_sample(out, buf_str(full), s);
    buf_addf(out, "} %.3f\n", h->sum_s);
    buf_clear(full);
    buf_addf(full, "%s_count", name);
    begin_sample(out, buf_str(full), s);
    buf_addf(out, "} %llu\n", (unsigned long long)n);
}

static void write_tokens(const struct metrics *m, const char *name, const char *help, bool is_in,
                         struct buf *out)
{
    metrics_head(out, name, "counter", help);
    LIST_EACH(s, &m->servers, struct metrics_server, node) {
        if (!s->name[0])
            continue;
        begin_sample(out, name, s);
        buf_addf(out, "} %llu\n", (unsigned long long)(is_in ? s->tokens_in : s->tokens_out));
    }
}

void metrics_write(const struct metrics *m, struct buf *out)
{
    static const struct {
        const char *name, *help;
        size_t at;
    } times[] = {
        {"hob_request_held_seconds",
         "Time that requests waited for their turn: for the model to load, for a slot.",
         offsetof(struct metrics_server, held)},
        {"hob_request_first_byte_seconds", "Time from a request to the first byte of the engine's answer.",
         offsetof(struct metrics_server, first)},
        {"hob_request_duration_seconds", "Time from a request to the end of its answer.",
         offsetof(struct metrics_server, total)},
    };
    metrics_head(out, "hob_requests_total", "counter",
                 "Requests by server, route and class of status; gone: the client left before the end.");
    LIST_EACH(s, &m->servers, struct metrics_server, node)
        write_requests(s, out);
    write_tokens(m, "hob_prompt_tokens_total", "Tokens that engines read, as they count.", true, out);
    write_tokens(m, "hob_generated_tokens_total", "Tokens that engines wrote, as they count.", false, out);
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        metrics_head(out, times[i].name, "histogram", times[i].help);
        LIST_EACH(s, &m->servers, struct metrics_server, node) {
            if (s->name[0])
                write_histogram(s, times[i].name, (const void *)((const char *)s + times[i].at), out);
        }
    }
}
