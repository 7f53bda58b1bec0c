/* What becomes of one request, added up while it runs, for its record. */
#include "gateway/gateway_tally.h"

void tally_begin(struct gateway_tally *t, uint64_t bytes_in)
{
    *t = (struct gateway_tally){
        .started_at = clock_wall_ms(), .started_ms = clock_ms(), .bytes_in = bytes_in};
    t->turn_ms = t->first_ms = -1;
    relay_usage_init(&t->usage);
}

void tally_turn(struct gateway_tally *t)
{
    if (t->turn_ms < 0)
        t->turn_ms = clock_ms();
}

void tally_body(struct gateway_tally *t, struct span data)
{
    if (data.len == 0)
        return;
    if (t->first_ms < 0)
        t->first_ms = clock_ms();
    t->bytes_out += data.len;
    relay_usage_feed(&t->usage, data);
}

void tally_end(struct gateway_tally *t, struct gateway *g, struct server *s, struct gateway_record *record)
{
    int64_t now = clock_ms();
    record->server_id = s ? s->row.id : record->server_id;
    record->server_name = s ? s->row.name : record->server_name;
    record->started_at = t->started_at;
    record->held_ms = (t->turn_ms < 0 ? now : t->turn_ms) - t->started_ms;
    record->first_ms = t->first_ms < 0 ? -1 : t->first_ms - t->started_ms;
    record->total_ms = now - t->started_ms;
    record->tokens_in = t->usage.tokens_in;
    record->tokens_out = t->usage.tokens_out;
    record->tokens_per_s = relay_usage_speed(&t->usage,
                                             record->is_stream && t->first_ms >= 0 ? now - t->first_ms : 0);
    record->bytes_in = t->bytes_in;
    record->bytes_out = t->bytes_out;
    relay_usage_release(&t->usage);
    if (s && record->tokens_per_s > 0)
        gateway_note_speed(s, record->tokens_per_s);
    if (g->on_record)
        g->on_record(g->record_arg, record);
}

int tally_status_of(const struct gateway *g, const struct gateway_failure *f)
{
    if (f->status || !g->status_of)
        return f->status;
    return g->status_of(f->err);
}

void tally_drop(struct gateway_tally *t)
{
    relay_usage_release(&t->usage);
}
