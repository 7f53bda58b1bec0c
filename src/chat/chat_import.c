/*
 * Imports, from bytes as they come to rows in the store:
 *
 *     chat_import_feed -> waiting ==thread==> scan, read items -> batch ==store==> rows that nobody sees yet
 *
 * One step of one import runs at a time; what comes meanwhile waits, and from CHAT_IMPORT_HIGH_BYTES the client does. So no
 * more of a file is in memory than that and one item. What an import leaves that did not come to its end is swept away in
 * small steps, as removed conversations are, also after a crash. A new import waits for that: it may bring the same rows.
 */
#include "chat/chat_room.h"
#include "chat/import_item.h"

/* Of what nobody sees any more. Removals and imports begin one too; this is for attachments whose time has come. */
#define SWEEP_EVERY_MS ((int64_t)24 * 3600 * 1000)
/* After a step that failed: a full disk may have room again soon. */
#define SWEEP_RETRY_MS 60000

struct chat_import {
    struct chat *c;   /* NULL: the room has gone; what is under way ends without a word */
    struct list node; /* chat.imports */
    struct chat_import_events ev;
    void *arg;
    struct store_import *rows;
    struct import_scan scan; /* with taken and batch: the thread's while it works */
    struct import_batch batch;
    struct buf waiting, taken;
    bool has_begun;   /* nothing is left of earlier ones */
    bool is_busy;     /* on the thread, or in the store */
    bool is_full;     /* the feeder was told so */
    bool is_complete; /* no more bytes will come */
    bool is_aborted;
    bool is_stored; /* the end, too */
    enum err err;
    struct err_text why;
};

static void pump(struct chat_import *im);

static void import_free(struct chat_import *im)
{
    list_remove(&im->node);
    store_import_free(im->rows);
    import_scan_release(&im->scan);
    import_batch_release(&im->batch);
    buf_release(&im->waiting);
    buf_release(&im->taken);
    free(im);
}

/* ---- removing what is left, and removed conversations ---- */

static void sweep(struct chat *c);

static void on_swept(void *arg, const struct store_result *r)
{
    struct chat *c = arg;
    c->sweeping = NULL;
    if (c->closing)
        return; /* the next start goes on with it */
    if (r->err)
        log_warn("chat: what nobody sees any more was not removed: %s, trying again in %d s", r->why.text,
                 SWEEP_RETRY_MS / 1000);
    if (!r->err && (r->is_unfinished || c->sweeps_again)) {
        sweep(c);
        return;
    }
    c->sweeps_again = false; /* after an error the next one looks at all */
    loop_timer_start(&c->sweep_next, r->err ? SWEEP_RETRY_MS : SWEEP_EVERY_MS);
    LIST_EACH(im, &c->imports, struct chat_import, node) {
        if (im->has_begun)
            continue;
        im->has_begun = true;
        if (r->err) {
            im->err = r->err;
            im->why = r->why;
        }
        pump(im);
    }
}

static void sweep(struct chat *c)
{
    AUTO(buf) struct buf *active = buf_new();
    struct json_writer w;
    c->sweeps_again = c->sweeping != NULL;
    if (c->sweeping)
        return;
    jw_init(&w, active);
    jw_begin_arr(&w);
    LIST_EACH(im, &c->imports, struct chat_import, node)
        jw_str(&w, store_import_id(im->rows));
    jw_end_arr(&w);
    c->sweeping = store_sweep(c->store, buf_str(active), on_swept, c);
}

void chat_sweep(struct chat *c)
{
    sweep(c);
}

static void on_sweep_due(void *arg)
{
    sweep(arg);
}

void chat_open_imports(struct chat *c)
{
    list_init(&c->imports);
    loop_timer_init(&c->sweep_next, c->loop, on_sweep_due, c);
}

void chat_close_imports(struct chat *c)
{
    loop_timer_stop(&c->sweep_next);
    store_cancel(TAKE(c->sweeping));
    LIST_EACH(im, &c->imports, struct chat_import, node) {
        im->c = NULL;
        if (!im->is_busy)
            import_free(im);
        else
            list_remove(&im->node);
    }
}

/* ---- one import, step by step ---- */

/* Nothing is under way. Ends it for whoever asked, and for the room. */
static void finish(struct chat_import *im)
{
    struct chat *c = im->c;
    bool is_told = !im->is_aborted;
    if (im->is_stored && c->events)
        events_publish(c->events, store_import_user(im->rows), "imported", SPAN_LIT("{}"));
    list_remove(&im->node);
    if (!im->is_stored)
        sweep(c);
    if (is_told)
        im->ev.on_end(im->arg, im->err, &im->why, store_import_counts(im->rows));
    import_free(im);
}

/* A step has ended. True: go on. */
static bool end_step(struct chat_import *im, enum err e, const struct err_text *why)
{
    im->is_busy = false;
    if (!im->err && e) {
        im->err = e;
        im->why = *why;
    }
    if (im->c)
        return true;
    import_free(im);
    return false;
}

static void on_step_stored(void *arg, const struct store_result *r)
{
    struct chat_import *im = arg;
    if (end_step(im, r->err, &r->why))
        pump(im);
}

static void on_end_stored(void *arg, const struct store_result *r)
{
    struct chat_import *im = arg;
    im->is_stored = !r->err;
    if (end_step(im, r->err, &r->why))
        finish(im);
}

/* On a thread. */
static void read_taken(void *arg)
{
    struct chat_import *im = arg;
    struct span rest = buf_span(&im->taken), item;
    enum err e = ERR_OK;
    while (!e && import_scan_next(&im->scan, &rest, &item, &e, &im->why))
        e = import_item_read(item, im->scan.from, &im->batch, &im->why);
    im->err = e;
}

static void on_read(void *arg)
{
    struct chat_import *im = arg;
    buf_clear(&im->taken);
    if (!end_step(im, ERR_OK, NULL))
        return;
    if (!im->err && !im->is_aborted && im->batch.n) {
        im->is_busy = true;
        (void)store_import_add(im->c->store, im->rows, im->batch.rows, im->batch.n, on_step_stored, im);
    }
    import_batch_release(&im->batch);
    pump(im);
}

static void take_waiting(struct chat_import *im)
{
    struct buf taken = im->taken;
    im->taken = im->waiting;
    im->waiting = taken;
    im->is_busy = true;
    loop_work(im->c->loop, read_taken, on_read, im);
    if (im->is_full) {
        im->is_full = false;
        im->ev.on_drain(im->arg);
    }
}

static void pump(struct chat_import *im)
{
    if (im->is_busy || !im->has_begun)
        return;
    if (!im->err && !im->is_aborted && im->waiting.len) {
        take_waiting(im);
        return;
    }
    if (!im->err && !im->is_aborted && !im->is_complete)
        return;
    if (!im->err && !im->is_aborted)
        im->err = import_scan_end(&im->scan, &im->why);
    if (im->err || im->is_aborted) {
        finish(im);
        return;
    }
    im->is_busy = true;
    (void)store_import_finish(im->c->store, im->rows, on_end_stored, im);
}

/* ---- what is asked from outside ---- */

enum err chat_import_begin(struct chat *c, const char *user_id, const struct chat_import_events *ev,
                           void *arg, struct chat_import **out_import, struct err_text *why)
{
    size_t n = 0;
    if (c->closing)
        return err_set(why, ERR_BUSY, "hob is ending. Import again when it is back.");
    LIST_EACH(other, &c->imports, struct chat_import, node) {
        n++;
        if (str_eq(store_import_user(other->rows), user_id))
            return err_set(why, ERR_EXISTS,
                           "An import of yours is under way. Wait for its end, then import again.");
    }
    if (n >= CHAT_MAX_IMPORTS)
        return err_set(why, ERR_BUSY, "%d imports are under way already. Try again in a moment.",
                       CHAT_MAX_IMPORTS);
    struct chat_import *im = xcalloc(1, sizeof *im);
    im->c = c;
    im->ev = *ev;
    im->arg = arg;
    im->rows = store_import_new(user_id);
    import_scan_init(&im->scan);
    list_push_back(&c->imports, &im->node);
    sweep(c);
    *out_import = im;
    return ERR_OK;
}

bool chat_import_feed(struct chat_import *im, struct span bytes)
{
    buf_add_span(&im->waiting, bytes);
    if (!im->is_busy && im->has_begun)
        take_waiting(im);
    else
        im->is_full = im->waiting.len >= CHAT_IMPORT_HIGH_BYTES;
    return !im->is_full;
}

void chat_import_complete(struct chat_import *im)
{
    im->is_complete = true;
    /* A step, even one with nothing to read: the end must not come before this returns. */
    if (!im->is_busy && im->has_begun)
        take_waiting(im);
}

void chat_import_abort(struct chat_import *im)
{
    im->is_aborted = true;
    pump(im);
}
