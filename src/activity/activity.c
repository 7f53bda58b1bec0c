/* Records on their way to the store: gathered, written in batches, kept while the disk takes none. */
#include "activity/activity_access.h"
#include "activity/activity_room.h"

#define DAY_MS    ((int64_t)24 * 3600 * 1000)
#define MINUTE_MS 60000

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
    metrics_init(&a->metrics);
    loop_timer_init(&a->due, l, write_batch, a);
    loop_timer_init(&a->prune_due, l, prune, a);
    loop_timer_start(&a->prune_due, 0);
    return a;
}

/* ---- writing ---- */

static void tell(struct activity *a, struct map *told, const struct auth_user *user)
{
    if (str_eq(user->status, "active") && !map_put(told, user->id, a))
        events_publish(a->events, user->id, "activity", SPAN_LIT("{}"));
}

/* Whom the batch concerns: each user once, and all admins. */
static void publish(struct activity *a, const struct batch *b)
{
    AUTO(map) struct map *told = map_new();
    struct auth_user user;
    for (size_t at = 0; auth_user_next(a->auth, &at, &user);) {
        if (str_eq(user.role, "admin"))
            tell(a, told, &user);
    }
    for (size_t i = 0; i < b->n_kinds; i++) {
        const char *id = b->kinds[i].user_id;
        if (id && auth_user_get(a->auth, id, &user))
            tell(a, told, &user);
    }
}

static struct batch *take_batch(struct activity *a)
{
    struct batch *b = LIST_FIRST(&a->waiting, struct batch, node);
    list_remove(&b->node);
    a->n_waiting -= b->n_rows;
    return b;
}

static void drop_oldest(struct activity *a)
{
    while (a->n_waiting > ACTIVITY_MAX_WAITING) {
        AUTO(batch) struct batch *b = take_batch(a);
        a->n_dropped += b->n_rows;
    }
}

static void on_written(void *arg, const struct store_result *r)
{
    struct activity *a = arg;
    struct batch *b = a->writing;
    a->write = NULL;
    a->writing = NULL;
    if (r->err) {
        if (!a->is_failing)
            log_warn("activity: %s; keeping up to %d records in memory until it can be written", r->why.text,
                     ACTIVITY_MAX_WAITING);
        a->is_failing = true;
        list_push_front(&a->waiting, &b->node);
        a->n_waiting += b->n_rows;
        drop_oldest(a);
        loop_timer_start(&a->due, ACTIVITY_RETRY_MS);
        return;
    }
    if (a->is_failing)
        log_info("activity: records are written again; %llu were lost", (unsigned long long)a->n_dropped);
    a->is_failing = false;
    if (a->events && a->auth)
        publish(a, b);
    batch_free(b);
    /* What came meanwhile has waited, or its time is over: its timer found this write under way. */
    if (a->n_waiting >= ACTIVITY_BATCH_ROWS || !loop_timer_is_armed(&a->due))
        write_batch(a);
}

static struct store_op *submit(struct activity *a, const struct batch *b, store_fn done)
{
    return store_activity_add(a->store, b->rows, b->n_rows, b->kinds, b->n_kinds, a->options.max_rows, done,
                              a);
}

/* One at a time: while the disk is slow the batches grow no more, the waiting list does. */
static void write_batch(void *arg)
{
    struct activity *a = arg;
    loop_timer_stop(&a->due);
    if (a->write || a->n_waiting == 0)
        return;
    a->writing = take_batch(a);
    a->write = submit(a, a->writing, on_written);
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
    batch_free(a->writing);
    while (a->n_waiting > 0) {
        AUTO(batch) struct batch *b = take_batch(a);
        (void)submit(a, b, NULL);
    }
    metrics_release(&a->metrics);
    buf_release(&a->line);
    log_flush();
    free(a);
}

/* ---- a record ---- */

/* The batch that takes the next record. */
static struct batch *open_batch(struct activity *a)
{
    struct batch *last = CONTAINER_OF(a->waiting.prev, struct batch, node);
    if (!list_is_empty(&a->waiting) && !batch_is_full(last))
        return last;
    struct batch *b = batch_new();
    list_push_back(&a->waiting, &b->node);
    return b;
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
    if (r->first_ms >= 0 || (r->status > 0 && r->status < 400))
        return false;
    int64_t now_ms = clock_ms();
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

/* Of a record that is not kept. */
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
    const char *user = NULL, *key = NULL;
    metrics_count(&a->metrics, r);
    if (a->auth)
        auth_names(a->auth, r->client->user_id, r->client->key_id, &user, &key);
    if (is_one_too_many(a, r)) {
        a->n_left_out++;
        if (r->method)
            log_record(a, r, user, key);
        return;
    }
    struct batch *b = open_batch(a);
    const struct activity_row *row = batch_add(b, r, user, key);
    if (r->method)
        access_log_row(a, r->method, b, row);
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
