/* The queue in front of argon2id. */
#include <sodium.h>

#include "auth/auth_hash.h"

#define HASH_PASSES 2
#define HASH_BYTES  ((size_t)19 << 20)

struct hash_job {
    struct list node;
    struct hasher *hasher;
    char *password;
    char *stored; /* NULL: make one */
    char *peer;
    hash_fn fn; /* NULL: cancelled */
    void *arg;
    char hash[crypto_pwhash_STRBYTES]; /* made on the worker */
    bool is_right;
};

struct hasher {
    struct loop *loop;
    struct list queue;
    size_t n_queued;
    int n_running;
    bool is_closed;
};

struct hasher *hasher_new(struct loop *l)
{
    if (sodium_init() < 0)
        abort(); /* no source of randomness: nothing of ours would be safe */
    struct hasher *h = xcalloc(1, sizeof(*h));
    h->loop = l;
    list_init(&h->queue);
    return h;
}

static void job_free(struct hash_job *job)
{
    sodium_memzero(job->password, strlen(job->password));
    free(job->password);
    free(job->stored);
    free(job->peer);
    free(job);
}

/* On a thread. */
static void hash(void *arg)
{
    struct hash_job *job = arg;
    size_t len = strlen(job->password);
    if (job->stored)
        job->is_right = crypto_pwhash_str_verify(job->stored, job->password, len) == 0;
    else if (crypto_pwhash_str(job->hash, job->password, len, HASH_PASSES, HASH_BYTES) != 0)
        job->hash[0] = 0;
}

static void run_next(struct hasher *h);

static void on_hashed(void *arg)
{
    struct hash_job *job = arg;
    struct hasher *h = job->hasher;
    h->n_running--;
    if (h->is_closed && h->n_running == 0) {
        free(h);
    } else if (!h->is_closed) {
        run_next(h);
        if (job->fn)
            job->fn(job->arg, job->is_right, job->hash[0] ? job->hash : NULL);
    }
    job_free(job);
}

static void run_next(struct hasher *h)
{
    while (h->n_running < HASH_WORKERS && !list_is_empty(&h->queue)) {
        struct hash_job *job = LIST_FIRST(&h->queue, struct hash_job, node);
        list_remove(&job->node);
        h->n_queued--;
        if (!job->fn) {
            job_free(job);
            continue;
        }
        h->n_running++;
        loop_work(h->loop, hash, on_hashed, job);
    }
}

static size_t n_queued_of(const struct hasher *h, const char *peer)
{
    size_t n = 0;
    LIST_EACH(job, &h->queue, struct hash_job, node)
        n += str_eq(job->peer, peer);
    return n;
}

bool hasher_has_room(const struct hasher *h, const char *peer)
{
    return h->n_queued < HASH_MAX_QUEUED && n_queued_of(h, peer) < HASH_MAX_OF_PEER;
}

struct hash_job *hasher_submit(struct hasher *h, const char *password, const char *stored, const char *peer,
                               hash_fn fn, void *arg)
{
    if (!hasher_has_room(h, peer))
        return NULL;
    struct hash_job *job = xcalloc(1, sizeof(*job));
    list_init(&job->node);
    job->hasher = h;
    job->password = xstrdup(password);
    job->stored = xstrdup(stored);
    job->peer = xstrdup(peer);
    job->fn = fn;
    job->arg = arg;
    list_push_back(&h->queue, &job->node);
    h->n_queued++;
    run_next(h);
    return job;
}

void hasher_cancel(struct hash_job *job)
{
    if (job)
        job->fn = NULL;
}

void hasher_close(struct hasher *h)
{
    if (!h)
        return;
    while (!list_is_empty(&h->queue)) {
        struct hash_job *job = LIST_FIRST(&h->queue, struct hash_job, node);
        list_remove(&job->node);
        job_free(job);
    }
    h->is_closed = true;
    if (h->n_running == 0)
        free(h);
}

const char hasher_dummy[] =
    "$argon2id$v=19$m=19456,t=2,p=1$otd73oG/wOhws5+HD6kNZA$WOQsVu6+tUMqZ3u2NI5ysvYPmp0gkReuDyEH6aJ0CoI";
