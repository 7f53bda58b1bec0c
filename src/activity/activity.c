/* Records on their way to the store: gathered, written in batches, kept while the disk takes none. */
#include "activity/activity_room.h"

#define DAY_MS         ((int64_t)24 * 3600 * 1000)
#define MINUTE_MS      60000
#define MAX_TEXT_BYTES 256 /* of each text of a record */

static void write_batch(void *arg);

static int64_t oldest(const struct activity *a)
{
    return clock_wall_ms() - a->options.max_days * DAY_MS;
}

/* ---- removing what is too old, also when nothing comes ---- */

static void prune(void *arg);

static void on_pruned(void *arg, const struct store_result *r)
{
    struct activity *a = arg;
    a->pruning = NULL;
    /* In small steps, so that others get their turn between them. */
    loop_timer_start(&a->prune_due, r->is_unfinished && !r->err ? 0 : ACTIVITY_PRUNE_MS);
}

static void prune(void *arg)
{
    struct activity *a = arg;
    a->pruning = store_activity_prune(a->store, a->options.max_rows, oldest(a), on_pruned, a);
}

/* ---- lifecycle ---- */

struct activity *activity_new(struct loop *l, struct store *store, struct auth *auth, struct events *events,
                              const struct activity_options *options)
{
    struct activity *a = xcalloc(1, sizeof *a);
    a->loop = l;
    a->store = store;
    a->auth = auth;
    a->events = events;
    a->options.max_rows = options->max_rows > 0 ? options->max_rows : ACTIVITY_MAX_ROWS;
    a->options.max_days = options->max_days > 0 ? options->max_days : ACTIVITY_MAX_DAYS;
    list_init(&a->waiting);
    list_init(&a->writing);
    metrics_init(&a->metrics);
    loop_timer_init(&a->due, l, write_batch, a);
    loop_timer_init(&a->prune_due, l, prune, a);
    loop_timer_start(&a->prune_due, 0);
    return a;
}

static void drop_all(struct list *rows)
{
    LIST_EACH(w, rows, struct waiting, node) {
        list_remove(&w->node);
        free(w);
    }
}

/* ---- writing ---- */

/* Whom the batch concerns: each user once, and all admins. */
static void publish(struct activity *a)
{
    size_t at = 0;
    struct auth_user user;
    while (auth_user_next(a->auth, &at, &user)) {
        bool concerns = str_eq(user.role, "admin");
        LIST_EACH(w, &a->writing, struct waiting, node)
            concerns = concerns || str_eq(w->row.user_id, user.id);
        if (concerns && str_eq(user.status, "active"))
            events_publish(a->events, user.id, "activity", SPAN_LIT("{}"));
    }
}

/* Back to the front of those that wait, as many as there is room for. */
static void keep_for_later(struct activity *a)
{
    while (!list_is_empty(&a->waiting)) {
        struct waiting *w = LIST_FIRST(&a->waiting, struct waiting, node);
        list_remove(&w->node);
        list_push_back(&a->writing, &w->node);
    }
    while (!list_is_empty(&a->writing)) {
        struct waiting *w = LIST_FIRST(&a->writing, struct waiting, node);
        list_remove(&w->node);
        list_push_back(&a->waiting, &w->node);
    }
    a->n_waiting += a->n_writing;
    a->n_writing = 0;
}

static void drop_oldest(struct activity *a)
{
    while (a->n_waiting > ACTIVITY_MAX_WAITING) {
        struct waiting *w = LIST_FIRST(&a->waiting, struct waiting, node);
        list_remove(&w->node);
        free(w);
        a->n_waiting--;
        a->n_dropped++;
    }
}

static void on_written(void *arg, const struct store_result *r)
{
    struct activity *a = arg;
    a->write = NULL;
    if (r->err) {
        if (!a->is_failing)
            log_warn("activity: %s; keeping up to %d records in memory until it can be written", r->why.text,
                     ACTIVITY_MAX_WAITING);
        a->is_failing = true;
        keep_for_later(a);
        drop_oldest(a);
        loop_timer_start(&a->due, ACTIVITY_RETRY_MS);
        return;
    }
    if (a->is_failing)
        log_info("activity: records are written again; %llu were lost", (unsigned long long)a->n_dropped);
    a->is_failing = false;
    if (a->events && a->auth)
        publish(a);
    drop_all(&a->writing);
    a->n_writing = 0;
    /* What came meanwhile has waited, or its time is over: its timer found this write under way. */
    if (a->n_waiting >= ACTIVITY_BATCH_ROWS || !loop_timer_is_armed(&a->due))
        write_batch(a);
}

static struct store_op *submit_batch(struct activity *a, store_fn done)
{
    size_t n = 0, max = a->n_waiting < ACTIVITY_BATCH_ROWS ? a->n_waiting : ACTIVITY_BATCH_ROWS;
    AUTO(mem) struct activity_row *rows = xmalloc((max ? max : 1) * sizeof *rows);
    for (; n < max && !list_is_empty(&a->waiting); n++) {
        struct waiting *w = LIST_FIRST(&a->waiting, struct waiting, node);
        list_remove(&w->node);
        list_push_back(&a->writing, &w->node);
        rows[n] = w->row;
    }
    a->n_waiting -= n;
    a->n_writing += n;
    return store_activity_add(a->store, rows, n, a->options.max_rows, oldest(a), done, a);
}

/* One at a time: while the disk is slow the batches grow no more, the waiting list does. */
static void write_batch(void *arg)
{
    struct activity *a = arg;
    loop_timer_stop(&a->due);
    if (a->write || a->n_waiting == 0)
        return;
    a->write = submit_batch(a, on_written);
    if (a->n_waiting > 0)
        loop_timer_start(&a->due, ACTIVITY_WRITE_MS);
}

void activity_close(struct activity *a)
{
    if (!a)
        return;
    loop_timer_stop(&a->due);
    loop_timer_stop(&a->prune_due);
    store_cancel(a->pruning);
    store_cancel(a->write);
    while (a->n_waiting > 0)
        (void)submit_batch(a, NULL);
    drop_all(&a->writing);
    metrics_release(&a->metrics);
    buf_release(&a->line);
    log_flush();
    free(a);
}

/* ---- a record ---- */

/* Models and routes come from clients. */
static size_t kept_len(const char *s)
{
    return s ? utf8_floor(span_str(s), MAX_TEXT_BYTES) : 0;
}

/* The next string behind the record. */
static const char *keep(char **at, const char *s)
{
    size_t n = kept_len(s);
    if (n == 0)
        return NULL;
    char *copy = *at;
    memcpy(copy, s, n);
    copy[n] = '\0';
    *at += n + 1;
    return copy;
}

static const char *name_of_user(const struct activity *a, const char *id)
{
    struct auth_user user;
    return a->auth && id[0] && auth_user_get(a->auth, id, &user) ? user.name : NULL;
}

static const char *name_of_key(const struct activity *a, const char *id)
{
    struct auth_key key;
    return a->auth && id[0] && auth_key_get(a->auth, id, &key) ? key.name : NULL;
}

static struct waiting *waiting_new(const struct gateway_record *r, const char *user_name,
                                   const char *key_name)
{
    const char *strings[] = {
        r->client->request_id, r->client->user_id, user_name, r->client->key_id, key_name,
        r->server_id,          r->server_name,     r->model,  r->route,          r->code};
    const char *kept[COUNT_OF(strings)];
    size_t size = sizeof(struct waiting);
    for (size_t i = 0; i < COUNT_OF(strings); i++)
        size += kept_len(strings[i]) + 1;
    struct waiting *w = xmalloc(size);
    char *at = (char *)(w + 1);
    for (size_t i = 0; i < COUNT_OF(strings); i++)
        kept[i] = keep(&at, strings[i]);
    list_init(&w->node);
    w->row = (struct activity_row){.at = r->started_at + r->total_ms,
                                   .request_id = kept[0] ? kept[0] : "",
                                   .user_id = kept[1],
                                   .user_name = kept[2],
                                   .key_id = kept[3],
                                   .key_name = kept[4],
                                   .server_id = kept[5],
                                   .server_name = kept[6],
                                   .model = kept[7],
                                   .route = kept[8] ? kept[8] : "",
                                   .code = kept[9],
                                   .status = r->status,
                                   .is_stream = r->is_stream,
                                   .client_gone = r->client_gone,
                                   .held_ms = r->held_ms,
                                   .first_ms = r->first_ms,
                                   .total_ms = r->total_ms,
                                   .tokens_in = r->tokens_in,
                                   .tokens_out = r->tokens_out,
                                   .tokens_per_s = r->tokens_per_s,
                                   .bytes_in = (int64_t)r->bytes_in,
                                   .bytes_out = (int64_t)r->bytes_out};
    return w;
}

/* Where the owner is counted: its own place, else a free one, else the shared one. */
static struct failing *find_failing(struct activity *a, const char *owner, int64_t now_ms)
{
    struct failing *place = &a->failing[ACTIVITY_MAX_LOOPING];
    for (size_t i = 0; i < ACTIVITY_MAX_LOOPING; i++) {
        struct failing *f = &a->failing[i];
        bool is_free = f->since_ms == 0 || now_ms - f->since_ms >= MINUTE_MS;
        if (!is_free && str_eq(f->owner, owner))
            return f;
        if (is_free && place == &a->failing[ACTIVITY_MAX_LOOPING])
            place = f;
    }
    return place;
}

/* A client in a loop of refusals can send as many as it likes: only few of those are kept. Answers of engines always are,
 * broken ones too. */
static bool is_one_too_many(struct activity *a, const struct gateway_record *r)
{
    char owner[sizeof a->failing[0].owner];
    int64_t now_ms = clock_ms();
    if (r->first_ms >= 0 || (r->status > 0 && r->status < 400))
        return false;
    (void)snprintf(owner, sizeof owner, "%s%s%s", r->client->user_id, r->client->key_id[0] ? " " : "",
                   r->client->key_id);
    struct failing *f = find_failing(a, owner, now_ms);
    if (f->since_ms == 0 || now_ms - f->since_ms >= MINUTE_MS) {
        memcpy(f->owner, owner, sizeof owner);
        f->since_ms = now_ms;
        f->n = 0;
    }
    return ++f->n > ACTIVITY_FAILED_PER_MINUTE;
}

static void log_record(struct activity *a, const struct gateway_record *r, const char *user, const char *key)
{
    const struct activity_line line = {.method = r->method,
                                       .path = span_str(r->route),
                                       .status = r->status,
                                       .bytes_out = (int64_t)r->bytes_out,
                                       .total_ms = r->total_ms,
                                       .user = user,
                                       .key = key,
                                       .server = r->server_name,
                                       .model = r->model,
                                       .code = r->client_gone && !r->code ? "client_gone" : r->code,
                                       .request_id = r->client->request_id,
                                       .tokens_in = r->tokens_in,
                                       .tokens_out = r->tokens_out};
    activity_log_line(a, &line);
}

void activity_note(struct activity *a, const struct gateway_record *r)
{
    metrics_count(&a->metrics, r);
    const char *user = name_of_user(a, r->client->user_id);
    const char *key = name_of_key(a, r->client->key_id);
    if (r->method)
        log_record(a, r, user, key);
    if (is_one_too_many(a, r)) {
        a->n_left_out++;
        return;
    }
    struct waiting *w = waiting_new(r, user, key);
    list_push_back(&a->waiting, &w->node);
    a->n_waiting++;
    drop_oldest(a);
    if (a->is_failing)
        return; /* the timer of the next try runs */
    if (a->n_waiting >= ACTIVITY_BATCH_ROWS)
        write_batch(a);
    else if (!loop_timer_is_armed(&a->due))
        loop_timer_start(&a->due, ACTIVITY_WRITE_MS);
}

void activity_write_metrics(const struct activity *a, struct buf *out)
{
    metrics_write(&a->metrics, out);
    metrics_head(out, "hob_activity_dropped_total", "counter",
                 "Records that were lost because the disk took none for too long.");
    buf_addf(out, "hob_activity_dropped_total %llu\n", (unsigned long long)a->n_dropped);
    metrics_head(
        out, "hob_activity_left_out_total", "counter",
        "Requests without an answer that have no record: of one key only so many are kept a minute.");
    buf_addf(out, "hob_activity_left_out_total %llu\n", (unsigned long long)a->n_left_out);
}
