/* The object Engine of the HTTP interface. */
#include "engine/engine.h"

static const char *source_name(enum engine_source source)
{
    switch (source) {
    case ENGINE_SOURCE_PROTOCOL: return "protocol";
    case ENGINE_SOURCE_LOG: return "log";
    case ENGINE_SOURCE_BYTES: return "bytes";
    case ENGINE_SOURCE_TIME: return "time";
    }
    return "time";
}

static void write_int_or_null(struct json_writer *w, const char *key, int64_t v, bool is_known)
{
    if (is_known)
        jwf_int(w, key, v);
    else
        jwf_null(w, key);
}

static void write_num_or_null(struct json_writer *w, const char *key, double v, bool is_known)
{
    if (is_known)
        jwf_num(w, key, v);
    else
        jwf_null(w, key);
}

static void write_progress(const struct engine *e, struct json_writer *w)
{
    struct engine_progress p;
    jw_key(w, "progress");
    if (!engine_progress(e, &p)) {
        jw_null(w);
        return;
    }
    jw_begin_obj(w);
    write_num_or_null(w, "value", p.value, p.value >= 0);
    write_int_or_null(w, "left_s", p.left_s, p.left_s >= 0);
    jwf_str(w, "text", p.text);
    jwf_str(w, "source", source_name(p.source));
    jw_end_obj(w);
}

static void write_failure(const struct engine_failure *f, struct json_writer *w, bool with_log)
{
    jw_key(w, "failure");
    if (!f) {
        jw_null(w);
        return;
    }
    jw_begin_obj(w);
    jwf_str(w, "reason", f->reason);
    write_int_or_null(w, "exit_code", f->exit_code, f->exit_code >= 0);
    jwf_str(w, "signal", f->signal);
    jwf_str(w, "hint", f->hint);
    jw_key(w, "log");
    jw_begin_arr(w);
    for (size_t i = 0; with_log && i < f->log.n; i++)
        jw_str(w, f->log.v[i]);
    jw_end_arr(w);
    jw_end_obj(w);
}

/* What is wrong with one that seems to be ready: its health says nothing of its work. */
static void write_trouble(const struct engine *e, const struct engine_usage *usage, struct json_writer *w)
{
    AUTO(buf) struct buf *text = buf_new();
    if (usage->n_silent == 1)
        buf_add_str(text, "It says that it is well, but left the last request without an answer in time");
    else if (usage->n_silent > 1)
        buf_addf(text, "It says that it is well, but left the last %d requests without an answer in time",
                 usage->n_silent);
    else if (engine_n_unanswered(e) >= ENGINE_UNANSWERED_TOLD)
        buf_addf(text, "It has not answered the last %d health checks", engine_n_unanswered(e));
    jwf_str(w, "trouble", text->len ? buf_str(text) : NULL);
}

void engine_write_json(const struct engine *e, struct json_writer *w, const struct engine_usage *usage,
                       bool with_log)
{
    static const struct engine_usage no_usage = {0, 0, -1, 0};
    if (!usage)
        usage = &no_usage;
    struct engine_metrics m = engine_metrics(e);
    int64_t started_ms = engine_started_at_ms(e), uptime_ms = clock_wall_ms() - started_ms;
    jw_begin_obj(w);
    jwf_str(w, "state", engine_state_name(engine_state(e)));
    jwf_int(w, "since", engine_since_ms(e));
    write_int_or_null(w, "pid", engine_pid(e), engine_pid(e) > 0);
    jwf_int(w, "attempt", engine_attempt(e));
    write_progress(e, w);
    write_int_or_null(w, "uptime_s", uptime_ms > 0 ? uptime_ms / 1000 : 0, started_ms > 0);
    jwf_int(w, "active", usage->active);
    jwf_int(w, "waiting", usage->waiting);
    write_int_or_null(w, "rss_bytes", m.rss_bytes, m.rss_bytes >= 0);
    write_int_or_null(w, "gpu_bytes", m.gpu_bytes, m.gpu_bytes >= 0);
    write_num_or_null(w, "cpu_percent", m.cpu_percent, m.cpu_percent >= 0);
    write_num_or_null(w, "tokens_per_s", usage->tokens_per_s, usage->tokens_per_s >= 0);
    write_trouble(e, usage, w);
    write_failure(engine_failure(e), w, with_log);
    jw_end_obj(w);
}
