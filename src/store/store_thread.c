/*
 * The database thread: takes everything that is queued, runs it as one transaction (group commit), and hands the
 * results to the loop after the commit is on disk.
 *
 *     loop thread          op_submit -> queue ==lock==> take_batch      database thread
 *                  done(arg, result) <- ready <==lock== hand_over, loop_wake
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/store_migrate.h"
#include "store/store_op.h"

/* More than this waiting for a disk that does not keep up: ERR_BUSY. */
#define MAX_QUEUED_OPS   20000
#define MAX_QUEUED_BYTES ((size_t)256 << 20)
/* One transaction; bounds how long the first of a burst waits. */
#define MAX_BATCH_OPS 256
/* How long a call waits for another process's lock, counted from when it was queued. */
#define LOCK_WAIT_MS 4000

struct store {
    struct loop *loop;
    struct loop_waker *waker;
    struct db db; /* the thread's alone while it runs */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    /* under lock */
    struct list queue, ready;
    size_t n_queued, queued_bytes;
    bool is_working, ends;
    /* any thread */
    atomic_uint_fast64_t n_commits, n_ops;
};

/* ---- ops ---- */

struct store_op *store_op_new(struct store *s, enum store_op_kind kind, store_run_fn run, size_t in_size,
                              store_fn done, void *arg)
{
    struct store_op *op = xcalloc(1, sizeof(*op));
    *op = (struct store_op){.store = s, .kind = kind, .run = run, .done = done, .arg = arg};
    list_init(&op->node);
    op->in = arena_alloc(&op->args, in_size ? in_size : 1);
    return op;
}

static void op_free(struct store_op *op)
{
    arena_release(&op->args);
    arena_release(&op->rows);
    free(op);
}

char *store_op_text(struct store_op *op, const char *s)
{
    return arena_str(&op->args, s);
}

struct span store_op_bytes(struct store_op *op, struct span s)
{
    return span_of(arena_span(&op->args, s), s.len);
}

static void *grown(struct store_op *op, void *rows, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return rows;
    *cap = *cap ? *cap * 2 : 4;
    void *more = arena_alloc(&op->rows, *cap * size);
    if (n)
        memcpy(more, rows, n * size);
    return more;
}

void *store_op_row(struct store_op *op, size_t size)
{
    struct store_result *r = &op->result;
    r->users = grown(op, r->users, r->n, &op->rows_cap, size);
    return (char *)r->users + size * r->n++;
}

struct conversation_row *store_op_conversation(struct store_op *op)
{
    struct store_result *r = &op->result;
    r->conversations = grown(op, r->conversations, r->n_conversations, &op->conversations_cap,
                             sizeof(*r->conversations));
    return &r->conversations[r->n_conversations++];
}

static void clear_result(struct store_op *op)
{
    arena_release(&op->rows);
    op->result = (struct store_result){0};
    op->rows_cap = op->conversations_cap = 0;
}

static void fail_op(struct store_op *op, enum err e, const struct err_text *why)
{
    clear_result(op);
    op->result.err = e;
    op->result.why = *why;
}

struct store_op *store_op_submit(struct store_op *op)
{
    struct store *s = op->store;
    op->queued_ms = clock_ms();
    pthread_mutex_lock(&s->lock);
    bool too_many = s->n_queued >= MAX_QUEUED_OPS || s->queued_bytes + op->args.bytes > MAX_QUEUED_BYTES;
    assert(!s->ends);
    if (too_many) {
        op->result.err = err_set(&op->result.why, ERR_BUSY, "The disk does not keep up");
        list_push_back(&s->ready, &op->node);
        loop_wake(s->waker);
    } else {
        list_push_back(&s->queue, &op->node);
        s->n_queued++;
        s->queued_bytes += op->args.bytes;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    return op;
}

void store_cancel(struct store_op *op)
{
    if (op)
        op->done = NULL;
}

/* ---- on the database thread ---- */

static enum err run_op(struct db *db, struct store_op *op)
{
    bool is_write = op->kind == STORE_WRITE;
    db_clear(db);
    clear_result(op);
    if (is_write)
        db_run(db, "SAVEPOINT op", "");
    enum err e = db->err == ERR_OK ? op->run(db, op) : db->err;
    if (e != ERR_OK)
        db_fail(db, e, "%s", err_name(e));
    if (db->err == ERR_OK && is_write)
        db_run(db, "RELEASE op", "");
    if (db->err == ERR_OK)
        return ERR_OK;
    struct err_text why = db->why;
    e = db->err;
    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db->sql, st));)
        sqlite3_reset(st);
    if (is_write && !sqlite3_get_autocommit(db->sql)) {
        db_clear(db);
        db_run(db, "ROLLBACK TO op", "");
        db_run(db, "RELEASE op", "");
    }
    struct generation_row *in_the_way = e == ERR_EXISTS ? op->result.generation : NULL;
    op->result = (struct store_result){.err = e, .why = why, .generation = in_the_way};
    return e;
}

/* Begins the batch's transaction; a failure is for all its writes. */
static enum err begin(struct db *db)
{
    db_clear(db);
    if (db->stopped)
        return db_fail(db, ERR_IO,
                       "Writing to the disk failed before. Nothing is stored until hob is started again");
    db_run(db, "BEGIN IMMEDIATE", "");
    return db->err;
}

static enum err commit(struct store *s)
{
    struct db *db = &s->db;
    db_clear(db);
    if (db_run(db, "COMMIT", "")) {
        atomic_fetch_add_explicit(&s->n_commits, 1, memory_order_relaxed);
        return ERR_OK;
    }
    if (!sqlite3_get_autocommit(db->sql))
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return db->err;
}

/* The transaction is gone: its writes fail, unless they failed for a reason of their own, and its reads see what was
 * there before. */
static void undo_batch(struct store *s, struct list *batch, enum err e)
{
    struct err_text why = s->db.why;
    LIST_EACH(op, batch, struct store_op, node) {
        if (op->kind == STORE_READ)
            (void)run_op(&s->db, op);
        else if (op->result.err == ERR_OK)
            fail_op(op, e, &why);
    }
}

static void run_batch(struct store *s, struct list *batch)
{
    struct db *db = &s->db;
    bool in_transaction = false;
    enum err failed = ERR_OK;
    db->give_up_at_ms = LIST_FIRST(batch, struct store_op, node)->queued_ms + LOCK_WAIT_MS;
    LIST_EACH(op, batch, struct store_op, node) {
        if (op->kind == STORE_WRITE && !in_transaction && failed == ERR_OK) {
            failed = begin(db);
            in_transaction = failed == ERR_OK;
        }
        if (failed != ERR_OK)
            break;
        (void)run_op(db, op);
        /* Some errors (disk full, I/O) make SQLite roll back the whole transaction by itself. */
        if (in_transaction && sqlite3_get_autocommit(db->sql)) {
            in_transaction = false;
            failed = op->result.err;
        }
    }
    if (in_transaction)
        failed = commit(s);
    if (failed != ERR_OK)
        undo_batch(s, batch, failed);
}

static bool take_batch(struct store *s, struct list *out_batch)
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    s->is_working = false;
    if (list_is_empty(&s->queue))
        pthread_cond_signal(&s->idle);
    while (list_is_empty(&s->queue) && !s->ends)
        pthread_cond_wait(&s->work, &s->lock);
    list_init(out_batch);
    for (; n < MAX_BATCH_OPS && !list_is_empty(&s->queue); n++) {
        struct store_op *op = LIST_FIRST(&s->queue, struct store_op, node);
        list_remove(&op->node);
        list_push_back(out_batch, &op->node);
        s->n_queued--;
        s->queued_bytes -= op->args.bytes;
    }
    s->is_working = n > 0;
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add_explicit(&s->n_ops, n, memory_order_relaxed);
    return n > 0;
}

static void hand_over(struct store *s, struct list *batch)
{
    pthread_mutex_lock(&s->lock);
    LIST_EACH(op, batch, struct store_op, node) {
        list_remove(&op->node);
        list_push_back(&s->ready, &op->node);
    }
    loop_wake(s->waker);
    pthread_mutex_unlock(&s->lock);
}

static void *thread_main(void *arg)
{
    struct store *s = arg;
    struct list batch;
    while (take_batch(s, &batch)) {
        run_batch(s, &batch);
        hand_over(s, &batch);
    }
    return NULL;
}

/* ---- on the loop's thread ---- */

static void deliver(void *arg)
{
    struct store *s = arg;
    struct list ready;
    list_init(&ready);
    pthread_mutex_lock(&s->lock);
    LIST_EACH(op, &s->ready, struct store_op, node) {
        list_remove(&op->node);
        list_push_back(&ready, &op->node);
    }
    pthread_mutex_unlock(&s->lock);
    /* A done may cancel another op of this list; that one stays in it until its turn. */
    while (!list_is_empty(&ready)) {
        struct store_op *op = LIST_FIRST(&ready, struct store_op, node);
        list_remove(&op->node);
        if (op->done)
            op->done(op->arg, &op->result);
        op_free(op);
    }
}

static enum err start_thread(struct store *s, struct err_text *why)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the loop thread's */
    int errnum = pthread_create(&s->thread, NULL, thread_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errnum == 0 ? ERR_OK
                       : err_set(why, err_from_errno(errnum), "database thread: %s", strerror(errnum));
}

static void store_free(struct store *s)
{
    if (s->waker)
        loop_waker_free(s->waker);
    db_close(&s->db);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->idle);
    free(s);
}

enum err store_open(struct loop *l, const char *dir, struct store **out_store, struct err_text *why)
{
    AUTO(mem) char *path = xasprintf("%s/hob.db", dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set(why, err_from_errno(errno), "%s: %s", dir, strerror(errno));
    struct store *s = xcalloc(1, sizeof(*s));
    s->loop = l;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->idle, NULL);
    list_init(&s->queue);
    list_init(&s->ready);
    enum err e = db_open(&s->db, path, why);
    if (e == ERR_OK)
        e = store_migrate(&s->db, why);
    if (e != ERR_OK)
        goto fail;
    s->waker = loop_waker_new(l, deliver, s);
    e = start_thread(s, why);
    if (e != ERR_OK)
        goto fail;
    *out_store = s;
    return ERR_OK;

fail:
    store_free(s);
    return e;
}

static bool has_ready(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->is_working || !list_is_empty(&s->queue))
        pthread_cond_wait(&s->idle, &s->lock);
    bool has = !list_is_empty(&s->ready);
    pthread_mutex_unlock(&s->lock);
    return has;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    /* Callbacks may still call the store ("the generation has ended: note it"); that is done too. */
    while (has_ready(s))
        deliver(s);
    pthread_mutex_lock(&s->lock);
    s->ends = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    store_free(s);
}

void store_stats(const struct store *s, uint64_t *out_commits, uint64_t *out_ops)
{
    *out_commits = atomic_load_explicit(&s->n_commits, memory_order_relaxed);
    *out_ops = atomic_load_explicit(&s->n_ops, memory_order_relaxed);
}
