/*
 * Turns: how many requests an engine works on at once, and who begins next. hob keeps back what the engine would only put
 * into a queue of its own, in which nobody could be told a place, nor leave.
 */
#include "gateway/gateway_room.h"

/* ---- what uses an engine ---- */

void server_use_begin(struct server *s, struct server_use *u)
{
    u->started_ms = clock_ms();
    u->has_answered = false;
    if (!u->give_way) {
        s->n_active++;
        s->last_use_ms = u->started_ms;
        LIST_EACH(other, &s->uses, struct server_use, node) {
            if (other->give_way)
                other->give_way(other);
        }
    }
    list_init(&u->node);
    list_push_back(&s->uses, &u->node);
}

void server_use_end(struct server *s, struct server_use *u)
{
    list_remove(&u->node);
    if (!u->give_way) {
        s->n_active--;
        s->last_use_ms = clock_ms();
        server_look_at_turns(s);
    }
    server_close_if_unused(s);
}

size_t server_use_n_ahead(const struct server *s, const struct server_use *u)
{
    if (server_slots(s) > 0)
        return 0; /* it has one */
    size_t n = 0;
    LIST_EACH(other, &s->uses, struct server_use, node) {
        if (other == u)
            break;
        n += !other->give_way;
    }
    return n;
}

void server_use_describe(const struct server *s, const struct server_use *u, struct buf *out)
{
    size_t n_ahead = server_use_n_ahead(s, u);
    if (n_ahead > 0)
        buf_addf(out, "%zu ahead of you", n_ahead);
    else
        buf_add_str(out, "waiting for the engine");
}

int64_t server_idle_ms(const struct server *s)
{
    if (s->n_holds > 0 || s->n_active > 0 || !s->engine || engine_state(s->engine) != ENGINE_READY)
        return -1;
    return clock_ms() - s->last_use_ms;
}

size_t gateway_n_calls(const struct gateway *g)
{
    size_t n = 0;
    for (size_t i = 0; i < gateway_n_servers(g); i++)
        n += gateway_server_at(g, i)->n_active;
    return n;
}

/* ---- turns ---- */

size_t server_slots(const struct server *s)
{
    if (s->settings.slots > 0)
        return (size_t)s->settings.slots;
    if (s->props.slots > 0)
        return (size_t)s->props.slots;
    /* Every engine can do one, while it has not said more yet. */
    return s->props.call ? 1 : 0;
}

static bool may_begin(const struct server *s)
{
    size_t slots = server_slots(s);
    return !s->g->closing && !s->removed && s->engine && engine_state(s->engine) == ENGINE_READY &&
           !memory_yields(s) && (slots == 0 || s->n_active < slots);
}

bool server_is_free(const struct server *s)
{
    return s->queue.n == 0 && may_begin(s);
}

static void give_turns(void *arg)
{
    struct server *s = arg;
    /* As many as there are now: who is refused by the engine at once and comes again has its look in the next turn. */
    for (size_t n = s->queue.n; n > 0 && s->queue.n > 0 && !s->is_leaving && may_begin(s); n--)
        server_grant(queue_take(&s->queue));
}

void server_look_at_turns(struct server *s)
{
    if (s->queue.n > 0)
        loop_timer_start(&s->turns, 0);
}

void server_turns_init(struct server *s)
{
    list_init(&s->holds);
    list_init(&s->uses);
    queue_init(&s->queue);
    loop_timer_init(&s->turns, s->g->loop, give_turns, s);
}

void server_turns_release(struct server *s)
{
    loop_timer_stop(&s->turns);
    free(TAKE(s->wait_note));
}

/* ---- how it stands ---- */

void server_note_answer(struct server *s)
{
    if (s->n_silent == 0)
        return;
    s->n_silent = 0;
    server_publish(s);
}

void server_note_silence(struct server *s)
{
    s->n_silent++;
    server_publish(s);
}

/* An engine of unknown slots that answers somebody and is silent towards another for a second has that one in its queue. */
#define WAITING_AFTER_MS 1000

struct engine_usage server_usage(const struct server *s)
{
    struct engine_usage usage = {.active = (int64_t)s->n_active,
                                 .waiting = (int64_t)s->n_holds,
                                 .tokens_per_s = s->tokens_per_s,
                                 .n_silent = s->n_silent};
    if (server_slots(s) > 0)
        return usage;
    int64_t now = clock_ms(), n_silent = 0;
    LIST_EACH(u, &s->uses, struct server_use, node)
        n_silent += !u->give_way && !u->has_answered && now - u->started_ms > WAITING_AFTER_MS;
    if (n_silent < usage.active) {
        usage.active -= n_silent;
        usage.waiting += n_silent;
    }
    return usage;
}

/* Why those wait that do. */
static const char *reason_to_wait(const struct server *s)
{
    if (s->n_holds == 0)
        return NULL;
    if (s->wait_note)
        return "memory";
    return s->engine && engine_state(s->engine) == ENGINE_READY ? "slots" : "engine";
}

static void write_waiting(const struct server *s, struct json_writer *w)
{
    struct queue *q = &((struct server *)s)->queue; /* places are found out when they are asked for */
    size_t n = 0;
    jw_key(w, "requests");
    jw_begin_arr(w);
    LIST_EACH(h, &s->holds, struct gateway_hold, node) {
        if (!h->ticket.lane)
            continue;
        if (n++ == GATEWAY_QUEUE_SHOWN)
            break;
        jw_begin_obj(w);
        jwf_str(w, "request_id", h->request_id[0] ? h->request_id : NULL);
        jwf_int(w, "position", (int64_t)queue_place(q, &h->ticket) + 1);
        jwf_int(w, "waited_ms", clock_ms() - h->since_ms);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

void server_write_queue_json(const struct server *s, struct json_writer *w)
{
    struct engine_usage usage = server_usage(s);
    size_t slots = server_slots(s);
    jw_begin_obj(w);
    if (slots > 0)
        jwf_int(w, "slots", (int64_t)slots);
    else
        jwf_null(w, "slots");
    jwf_int(w, "active", usage.active);
    jwf_int(w, "waiting", usage.waiting);
    jwf_int(w, "max_waiting", (int64_t)server_max_waiting(s));
    jwf_str(w, "reason", reason_to_wait(s));
    jwf_str(w, "note", s->n_holds > 0 ? s->wait_note : NULL);
    write_waiting(s, w);
    jw_end_obj(w);
}
