/* GET /metrics: what was counted and what is so now, in Prometheus' text format 0.0.4. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api_req.h"

static void add_gauge(struct buf *out, const char *name, const char *help, double value)
{
    metrics_head(out, name, "gauge", help);
    buf_addf(out, "%s %.15g\n", name, value);
}

static void add_counter(struct buf *out, const char *name, const char *help, double value)
{
    metrics_head(out, name, "counter", help);
    buf_addf(out, "%s %.15g\n", name, value);
}

/* ---- servers ---- */

/* False: unknown, no sample. */
typedef bool (*value_fn)(const struct server *s, double *out_value);

static bool active_of(const struct server *s, double *out)
{
    *out = (double)gateway_usage(s).active;
    return true;
}

static bool waiting_of(const struct server *s, double *out)
{
    *out = (double)gateway_usage(s).waiting;
    return true;
}

static bool speed_of(const struct server *s, double *out)
{
    *out = gateway_usage(s).tokens_per_s;
    return *out >= 0;
}

static bool memory_of(const struct server *s, double *out)
{
    *out = (double)engine_metrics(server_engine(s)).rss_bytes;
    return *out >= 0;
}

static bool gpu_of(const struct server *s, double *out)
{
    *out = (double)engine_metrics(server_engine(s)).gpu_bytes;
    return *out >= 0;
}

static bool cpu_of(const struct server *s, double *out)
{
    *out = engine_metrics(server_engine(s)).cpu_percent / 100;
    return *out >= 0;
}

static bool starts_of(const struct server *s, double *out)
{
    *out = engine_attempt(server_engine(s));
    return true;
}

static void add_server_label(struct buf *out, const char *name, const struct server *s)
{
    buf_addf(out, "%s{server=\"", name);
    metrics_label(out, server_config(s)->name);
    buf_add_char(out, '"');
}

static void add_states(const struct gateway *g, struct buf *out)
{
    metrics_head(out, "hob_engine_state", "gauge", "1 for the state that the server's engine is in.");
    for (size_t i = 0; i < gateway_n_servers(g); i++) {
        const struct server *s = gateway_server_at(g, i);
        for (int state = 0; state < ENGINE_N_STATES; state++) {
            add_server_label(out, "hob_engine_state", s);
            buf_addf(out, ",state=\"%s\"} %d\n", engine_state_name((enum engine_state)state),
                     engine_state(server_engine(s)) == (enum engine_state)state);
        }
    }
}

static void add_servers(const struct gateway *g, struct buf *out)
{
    static const struct {
        const char *name, *type, *help;
        value_fn value;
    } values[] = {
        {"hob_requests_active", "gauge", "Requests that the engine works on.", active_of},
        {"hob_requests_waiting", "gauge", "Requests that wait for the engine, or in its own queue.",
         waiting_of},
        {"hob_engine_tokens_per_second", "gauge", "Speed of the newest measured answer.", speed_of},
        {"hob_engine_memory_bytes", "gauge", "Resident memory of the engine and its children.", memory_of},
        {"hob_engine_gpu_memory_bytes", "gauge", "Memory of GPUs that the engine and its children have.",
         gpu_of},
        {"hob_engine_cpus", "gauge", "Processors that the engine keeps busy, over the last seconds.", cpu_of},
        {"hob_engine_starts_total", "counter", "Starts of the engine.", starts_of},
    };
    for (size_t k = 0; k < COUNT_OF(values); k++) {
        metrics_head(out, values[k].name, values[k].type, values[k].help);
        for (size_t i = 0; i < gateway_n_servers(g); i++) {
            double value;
            if (!values[k].value(gateway_server_at(g, i), &value))
                continue;
            add_server_label(out, values[k].name, gateway_server_at(g, i));
            buf_addf(out, "} %.15g\n", value);
        }
    }
    add_states(g, out);
}

/* ---- hob itself ---- */

static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128] = "", *rest = line;
    if (!f)
        return 0;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    (void)fclose(f);
    (void)strtoll(line, &rest, 10); /* the whole size comes first */
    long long resident = strtoll(rest, NULL, 10);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double n = 0;
    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n - 3; /* ".", ".." and the folder's own */
}

static void add_process(const struct api *a, struct buf *out)
{
    struct rusage used = {0};
    struct rlimit limit = {0};
    (void)getrusage(RUSAGE_SELF, &used);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    add_counter(out, "process_cpu_seconds_total", "Processor time of hob, without engines.", cpu);
    add_gauge(out, "process_resident_memory_bytes", "Resident memory of hob, without engines.",
              resident_bytes());
    add_gauge(out, "process_open_fds", "Open descriptors.", open_descriptors());
    add_gauge(out, "process_max_fds", "Most descriptors that may be open.", (double)limit.rlim_cur);
    add_gauge(out, "process_start_time_seconds", "When hob was started, in seconds since the epoch.",
              (double)a->started_at / 1000);
    metrics_head(out, "hob_build_info", "gauge", "1; the version is its label.");
    buf_addf(out, "hob_build_info{version=\"%s\"} 1\n", HOB_VERSION);
}

static void add_own(const struct api *a, struct buf *out)
{
    uint64_t commits, ops;
    double n_streams = 0, n_open = 0;
    store_stats(a->o.store, &commits, &ops);
    LIST_EACH(s, &a->streams, struct api_req, stream_node)
        n_streams += s->x != NULL;
    LIST_EACH(h, &a->handed_over, struct api_req, stream_node)
        n_open += h->handed_over != NULL;
    add_gauge(out, "hob_event_streams", "Open event streams and downloads.", n_streams);
    add_gauge(out, "hob_gateway_requests",
              "Requests that are being passed through, those that wait among them.", n_open);
    if (a->server)
        add_gauge(out, "hob_connections", "Open connections of clients.",
                  (double)http_server_n_conns(a->server));
    add_counter(out, "hob_store_commits_total", "Transactions that were committed.", (double)commits);
    add_counter(out, "hob_store_operations_total", "Operations of the database.", (double)ops);
}

static void show_metrics(struct api_req *r)
{
    struct http_headers h = {0};
    AUTO(buf) struct buf *out = buf_new();
    if (r->api->o.activity)
        activity_write_metrics(r->api->o.activity, out);
    add_servers(r->api->o.gateway, out);
    add_own(r->api, out);
    add_process(r->api, out);
    http_headers_add(&h, "Content-Type", SPAN_LIT("text/plain; version=0.0.4; charset=utf-8"));
    api_reply_bytes(r, 200, &h, buf_span(out));
    http_headers_release(&h);
}

static const struct api_route metrics_table[] = {
    ROUTE(GET, "/metrics", API_ADMIN_OR_KEY, API_NO_BODY, 0, show_metrics),
};
API_ROUTES(api_metrics_routes, metrics_table);
