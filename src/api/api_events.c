/*
 * GET /api/events: one stream of what happens, for all tabs of a browser. Ids are BOOT-SEQ; a client that comes back with
 * one gets what it missed, else a snapshot. A reader that does not keep up is cut off and comes back by its id.
 */
#include "api/api_req.h"

#define HEARTBEAT_MS 15000

struct feed {
    struct api_req *r;
    struct events_sub *sub;
    struct loop_timer heartbeat;
};

static void feed_end(struct feed *f)
{
    struct api_req *r = f->r;
    events_unsubscribe(f->sub);
    loop_timer_stop(&f->heartbeat);
    r->state = NULL;
    free(f);
    api_req_free(r);
}

static void on_gone(struct api_req *r)
{
    feed_end(r->state);
}

static void write_event(struct feed *f, const char *name, uint64_t seq, struct span json)
{
    struct http_exchange *x = f->r->x;
    AUTO(buf) struct buf *frame = buf_new();
    buf_addf(frame, "id: %s-%llu\nevent: %s\ndata: ", events_boot_id(f->r->api->o.events),
             (unsigned long long)seq, name);
    buf_add_span(frame, json);
    buf_add_str(frame, "\n\n");
    http_exchange_write(x, buf_span(frame));
}

static void on_event(void *arg, const struct event *ev)
{
    struct feed *f = arg;
    if (ev->user_id && strcmp(ev->user_id, f->r->who.user_id) != 0)
        return;
    if (http_exchange_is_full(f->r->x)) {
        struct http_exchange *x = f->r->x;
        f->r->x = NULL;
        http_exchange_on_gone(x, NULL, NULL);
        http_exchange_abort(x);
        feed_end(f);
        return;
    }
    write_event(f, ev->name, ev->seq, ev->json);
}

static void on_heartbeat(void *arg)
{
    struct feed *f = arg;
    http_exchange_write(f->r->x, SPAN_LIT(": ping\n\n"));
}

static void write_replayed(void *arg, const struct event *ev)
{
    struct feed *f = arg;
    if (!ev->user_id || strcmp(ev->user_id, f->r->who.user_id) == 0)
        write_event(f, ev->name, ev->seq, ev->json);
}

static void write_snapshot(struct feed *f)
{
    const struct gateway *g = f->r->api->o.gateway;
    uint64_t seq = events_last_seq(f->r->api->o.events);
    AUTO(buf) struct buf *json = buf_new();
    for (size_t i = 0; i < gateway_n_servers(g); i++) {
        struct json_writer w;
        buf_clear(json);
        jw_init(&w, json);
        gateway_write_server_json(gateway_server_at(g, i), &w);
        write_event(f, "server", seq, buf_span(json));
    }
}

/* False: the id is not of this run, or what follows it is no longer kept. */
static bool replay_after(struct feed *f, struct span id)
{
    struct events *e = f->r->api->o.events;
    struct span seq_text, boot = span_cut(id, '-', &seq_text);
    uint64_t seq;
    if (!span_is(boot, events_boot_id(e)) || !span_to_u64(seq_text, &seq))
        return false;
    return events_replay(e, seq, write_replayed, f);
}

static void open_feed(struct api_req *r)
{
    struct feed *f = xcalloc(1, sizeof *f);
    AUTO(buf) struct buf *query = buf_new(), *last_id = buf_new();
    buf_add_span(last_id, http_fields_get(http_exchange_fields(r->x), HTTP_FIELD_LAST_EVENT_ID));
    if (last_id->len == 0 && api_query(r, "last_event_id", query))
        buf_add_span(last_id, buf_span(query));
    f->r = r;
    r->state = f;
    r->on_gone = on_gone;
    loop_timer_init(&f->heartbeat, r->api->o.loop, on_heartbeat, f);
    loop_timer_repeat(&f->heartbeat, HEARTBEAT_MS);
    api_stream_begin(r, NULL);
    http_exchange_cork(r->x);
    http_exchange_write(r->x, SPAN_LIT("retry: 1000\n\n"));
    if (last_id->len == 0 || !replay_after(f, buf_span(last_id))) {
        if (last_id->len)
            write_event(f, "reset", events_last_seq(r->api->o.events), SPAN_LIT("{}"));
        write_snapshot(f);
    }
    http_exchange_uncork(r->x);
    f->sub = events_subscribe(r->api->o.events, on_event, f);
}

static const struct api_route events_table[] = {
    ROUTE(GET, "/api/events", API_USER, API_STREAM, 0, open_feed),
};
API_ROUTES(api_events_routes, events_table);
