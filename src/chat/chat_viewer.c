/* Viewers: each reads a generation's log at its own pace, from memory while it is made, from the store after. */
#include "chat/chat_room.h"

#define PUMP_BYTES ((size_t)48 << 10) /* given at once, so that a slow reader can say stop */

struct chat_viewer {
    struct chat *c;
    struct chat_viewer_events ev;
    void *arg;
    char *user_id, *generation_id;
    int64_t after_seq;
    struct generation *g; /* followed live; NULL: `own` is replayed */
    struct buf own;
    size_t offset; /* of the log that was given */
    size_t limit;  /* of the log: this viewer ends there; SIZE_MAX: at the log's end */
    bool is_once, is_attached, is_full;
    struct store_op *op;
    struct loop_timer wake;
    struct list node;  /* in generation.viewers */
    struct list owned; /* in chat.viewers */
};

static void free_viewer(struct chat_viewer *v)
{
    loop_timer_stop(&v->wake);
    store_cancel(v->op);
    list_remove(&v->node);
    list_remove(&v->owned);
    free(v->user_id);
    free(v->generation_id);
    buf_release(&v->own);
    struct generation *g = v->g;
    free(v);
    if (g)
        generation_unref(g);
}

/* ---- giving ---- */

static void give(struct chat_viewer *v)
{
    const struct buf *log = v->g ? &v->g->frames : &v->own;
    size_t limit = v->g ? v->g->visible_len : v->own.len;
    limit = limit < v->limit ? limit : v->limit;
    while (!v->is_full && v->offset < limit) {
        size_t n = frame_floor(span_of(log->p + v->offset, limit - v->offset), PUMP_BYTES);
        struct span frames = span_of(log->p + v->offset, n);
        v->offset += n;
        v->is_full = !v->ev.on_frames(v->arg, frames);
    }
    bool is_over = !v->g || v->g->is_stored || v->offset >= v->limit;
    if (v->is_full || v->offset < limit || !is_over)
        return;
    void (*on_end)(void *) = v->ev.on_end;
    void *arg = v->arg;
    free_viewer(v);
    on_end(arg);
}

void viewers_pump(struct generation *g)
{
    g->told_ms = clock_ms();
    g->n_refs++;
    LIST_EACH(v, &g->viewers, struct chat_viewer, node)
        give(v);
    generation_unref(g);
}

void viewers_comment(struct generation *g, struct span line)
{
    g->told_ms = clock_ms();
    LIST_EACH(v, &g->viewers, struct chat_viewer, node) {
        if (!v->is_full)
            v->ev.on_comment(v->arg, line);
    }
}

/* ---- comments while nothing comes ---- */

static void describe(const struct generation *g, struct buf *out)
{
    if (g->state == GENERATION_QUEUED)
        buf_add_str(out, "waiting for the engine to be ready");
    else if (g->call)
        gateway_call_describe(g->call, out);
    else
        buf_add_str(out, "waiting for the engine");
}

static void tell_place(struct generation *g)
{
    AUTO(buf) struct buf *line = buf_new();
    buf_clear(&g->told_place);
    describe(g, &g->told_place);
    buf_addf(line, ": %s\n\n", buf_str(&g->told_place));
    viewers_comment(g, buf_span(line));
}

static bool has_moved(const struct generation *g)
{
    AUTO(buf) struct buf *now = buf_new();
    describe(g, now);
    return !span_eq(buf_span(now), buf_span(&g->told_place));
}

static void on_comments_due(void *arg)
{
    struct generation *g = arg;
    if (list_is_empty(&g->viewers)) {
        loop_timer_stop(&g->comments);
        return;
    }
    bool is_moving = g->state == GENERATION_PROMISED && g->call && has_moved(g);
    if (is_moving || clock_ms() - g->told_ms >= CHAT_COMMENT_MS)
        tell_place(g);
}

/* ---- attaching ---- */

static void follow(struct chat_viewer *v, struct generation *g)
{
    v->g = g;
    g->n_refs++;
    list_push_back(&g->viewers, &v->node);
    v->offset = frame_offset_after(span_of(g->frames.p, g->visible_len), 1, v->after_seq);
    v->limit = v->is_once ? g->visible_len : SIZE_MAX;
    if (!v->is_once && !loop_timer_is_armed(&g->comments)) {
        loop_timer_init(&g->comments, v->c->loop, on_comments_due, g);
        loop_timer_repeat(&g->comments, 1000);
    }
    v->is_attached = true;
    v->ev.on_attached(v->arg, ERR_OK, NULL);
    if (!v->is_once && (g->state == GENERATION_PROMISED || g->state == GENERATION_QUEUED))
        tell_place(g);
    give(v);
}

/* A log without an end: hob died while it was written. The end is what was found at the start after. */
static void add_missing_end(struct chat_viewer *v, const struct generation_row *row, int64_t seq)
{
    if (str_eq(row->state, "done") || str_eq(row->state, "stopped")) {
        frame_add_done(&v->own, seq, row->state, row->meta_json);
        return;
    }
    struct gateway_failure f = {.err = ERR_CLOSED, .code = "hob_died"};
    (void)err_set(&f.why, ERR_CLOSED, "hob ended while this was written");
    AUTO(mem) char *error_json = row->error_json ? xstrdup(row->error_json) : chat_error_json(&f, false);
    frame_add_error(&v->own, seq, str_eq(row->state, "failed") ? "failed" : "interrupted", error_json);
}

static void on_events_read(void *arg, const struct store_result *r)
{
    struct chat_viewer *v = arg;
    v->op = NULL;
    if (r->err) {
        void (*on_attached)(void *, enum err, const struct err_text *) = v->ev.on_attached;
        void *viewer_arg = v->arg;
        free_viewer(v);
        on_attached(viewer_arg, r->err, &r->why);
        return;
    }
    int64_t last_seq = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct span frames = span_str(r->events[i].frames);
        size_t skip = frame_offset_after(frames, r->events[i].first_seq, v->after_seq);
        buf_add(&v->own, frames.p + skip, frames.len - skip);
        last_seq = r->events[i].last_seq;
    }
    bool is_complete = r->n > 0 && frames_are_complete(span_str(r->events[r->n - 1].frames));
    if (!is_complete) {
        /* Events that were lost may have been seen: what comes now is newer than all of them. */
        int64_t from = v->after_seq > last_seq ? v->after_seq : last_seq;
        add_missing_end(v, r->generation, from + 1);
    }
    v->is_attached = true;
    v->ev.on_attached(v->arg, ERR_OK, NULL);
    give(v);
}

static void on_wake(void *arg)
{
    struct chat_viewer *v = arg;
    if (v->is_attached) {
        v->is_full = false;
        give(v);
        return;
    }
    struct generation *g = map_get_str(v->c->by_id, v->generation_id);
    if (g && g->is_added && str_eq(g->row.user_id, v->user_id))
        follow(v, g);
    else
        v->op = store_generation_events(v->c->store, v->user_id, v->generation_id, 0, on_events_read, v);
}

struct chat_viewer *chat_attach(struct chat *c, const char *user_id, const char *generation_id,
                                int64_t after_seq, bool follow, const struct chat_viewer_events *ev,
                                void *arg)
{
    struct chat_viewer *v = xcalloc(1, sizeof *v);
    v->c = c;
    v->ev = *ev;
    v->arg = arg;
    v->user_id = xstrdup(user_id);
    v->generation_id = xstrdup(generation_id);
    v->after_seq = after_seq > 0 ? after_seq : 0;
    v->is_once = !follow;
    v->limit = SIZE_MAX;
    list_init(&v->node);
    list_init(&v->owned);
    list_push_back(&c->viewers, &v->owned);
    loop_timer_init(&v->wake, c->loop, on_wake, v);
    loop_timer_start(&v->wake, 0);
    return v;
}

void chat_viewer_resume(struct chat_viewer *v)
{
    if (v->is_attached)
        loop_timer_start(&v->wake, 0);
}

void chat_detach(struct chat_viewer *v)
{
    if (v)
        free_viewer(v);
}

void chat_free_viewers(struct chat *c)
{
    LIST_EACH(v, &c->viewers, struct chat_viewer, owned)
        free_viewer(v);
}
