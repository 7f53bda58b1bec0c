/* Wishes for memory, the table that decides them, and what follows from it: starts, stops, and words for who waits. */
#include "gateway/gateway_memory.h"

#include "gateway/gateway_room.h"

/* ---- the table ---- */

/* What the machine leaves us, with what our engines have already. */
static int64_t measured_limit(const struct gateway *g)
{
    struct engine_machine m;
    if (!engine_machine_read(&m))
        return FIT_NO_LIMIT;
    int64_t reserve = m.total_bytes / 20, ours = 0;
    reserve = reserve < GATEWAY_LEAST_RESERVE ? GATEWAY_LEAST_RESERVE : reserve;
    reserve = reserve > GATEWAY_MOST_RESERVE ? GATEWAY_MOST_RESERVE : reserve;
    for (size_t i = 0; i < g->n_servers; i++)
        ours += g->servers[i]->memory.now.fixed_bytes;
    int64_t limit = ours + m.available_bytes - reserve;
    return limit > 0 ? limit : 0;
}

/* Those that are removed end like all others, and hold their memory until then. */
static int64_t set_limit(const struct gateway *g)
{
    int64_t limit = g->memory.settings.budget_bytes;
    LIST_EACH(s, &g->removed, struct server, node) {
        if (s->engine)
            limit -= s->memory.now.bytes;
    }
    return limit > 0 ? limit : 0;
}

static enum fit_place place_of(const struct server *s)
{
    switch (engine_state(s->engine)) {
    case ENGINE_STARTING:
    case ENGINE_LOADING: return FIT_COMING;
    case ENGINE_READY: return FIT_IN;
    case ENGINE_STOPPING: return FIT_LEAVING;
    case ENGINE_STOPPED:
    case ENGINE_FAILED:
    case ENGINE_N_STATES: break;
    }
    return FIT_OUT;
}

static void fill_in(const struct server *s, struct fit_server *out)
{
    const struct server_memory *m = &s->memory;
    *out = (struct fit_server){.place = place_of(s),
                               .is_active = s->n_active > 0,
                               .is_awaited = s->n_holds > 0,
                               .last_use_ms = s->last_use_ms,
                               .ready_ms = m->ready_ms,
                               .wanted_ms = m->wish ? m->wanted_ms : -1,
                               .holds = footprint_holds(s)};
    out->kind = memory_group_of(s->g, s, &out->group);
    (void)footprint_needs(s, &out->needs, &out->least);
}

void memory_table(const struct gateway *g, struct fit_server *out_servers, struct fit_table *out_table)
{
    static_assert(GATEWAY_MAX_SERVERS <= FIT_MAX_SERVERS, "a table has room for all servers");
    const struct memory_settings *settings = &g->memory.settings;
    bool is_set = settings->budget_bytes > 0;
    int64_t turn_ms = (int64_t)settings->turn_s * 1000, now_ms = clock_ms();
    assert(g->n_servers <= FIT_MAX_SERVERS);
    struct fit_amount limit = {is_set ? set_limit(g) : measured_limit(g), memory_gpu_limit(g)};
    *out_table = (struct fit_table){
        .servers = out_servers,
        .n = g->n_servers,
        .limit = limit,
        .firm = {is_set ? limit.ram : FIT_NO_LIMIT, settings->gpu_budget_bytes ? limit.gpu : FIT_NO_LIMIT},
        .rules = {.turn_ms = turn_ms,
                  .stay_ms = turn_ms < GATEWAY_STAY_MS ? turn_ms : GATEWAY_STAY_MS,
                  .linger_ms = GATEWAY_LINGER_MS},
        .now_ms = now_ms};
    out_table->is_settling = !is_set && g->memory.last_exit_ms &&
                             now_ms - g->memory.last_exit_ms < GATEWAY_SETTLE_MS;
    for (size_t i = 0; i < g->n_servers; i++)
        fill_in(g->servers[i], &out_servers[i]);
}

/* ---- what was decided ---- */

static void start(struct server *s)
{
    bool recovers = s->memory.recovers;
    s->memory.wish = MEMORY_NO_WISH;
    s->memory.may_return = s->memory.recovers = false;
    if (recovers)
        engine_recover(s->engine);
    else
        engine_start(s->engine);
}

static void stop_for(struct server *s, const struct server *other)
{
    if (other) {
        log_info("engine %s: is stopped to make room for %s", s->row.name, other->row.name);
        engine_log_add(s->engine, "stopped to make room for %s", other->row.name);
    } else {
        log_info("engine %s: is stopped, because more memory is used than the budget has", s->row.name);
        engine_log_add(s->engine, "stopped, because more memory is used than the budget has");
    }
    s->memory.may_return = true;
    engine_stop(s->engine);
}

/* After another engine's end memory may come back late: who has a set budget does not start before it is there. */
static bool is_not_back_yet(const struct fit_table *t, const struct fit_server *f, const struct gateway *g)
{
    return t->firm.ram != FIT_NO_LIMIT && g->memory.last_exit_ms &&
           t->now_ms - g->memory.last_exit_ms < GATEWAY_SETTLE_MS && f->needs.ram > measured_limit(g);
}

static void act_on(struct server *s, const struct fit_fate *fate)
{
    switch (fate->act) {
    case FIT_START: start(s); return;
    case FIT_EVICT: stop_for(s, s->memory.for_whom); return;
    case FIT_NEVER: /* who asks again is told why */
        if (s->memory.recovers)
            engine_log_add(s->engine, "not started again: there is not enough memory for it");
        s->memory.recovers = false;
        s->memory.wish = MEMORY_NO_WISH;
        s->memory.may_return = true;
        return;
    case FIT_KEEP:
    case FIT_YIELD:
    case FIT_WAIT: return;
    }
}

static void tell_who_waits(struct server *s)
{
    AUTO(buf) struct buf *note = buf_new();
    bool waits = server_wait_reason(s, note);
    buf_add_char(note, '\0');
    server_set_wait_note(s, waits ? note->p : NULL);
}

/* The servers may change while engines start and stop; their places in the table do not, since none is removed at once. */
static void carry_out(struct gateway *g, const struct fit_table *t, struct fit_fate *fates)
{
    for (size_t i = 0; i < t->n; i++) {
        struct server *s = g->servers[i];
        struct server_memory *m = &s->memory;
        const struct server *for_whom = fates[i].for_whom == FIT_NOBODY ? NULL
                                                                        : g->servers[fates[i].for_whom];
        if (fates[i].act == FIT_START && (is_not_back_yet(t, &t->servers[i], g) || !memory_gpu_may_start(s)))
            fates[i].act = FIT_WAIT;
        bool is_news = m->for_whom != for_whom || (m->act == FIT_WAIT) != (fates[i].act == FIT_WAIT) ||
                       (m->act == FIT_YIELD) != (fates[i].act == FIT_YIELD);
        m->act = fates[i].act;
        m->for_whom = for_whom;
        act_on(s, &fates[i]);
        if (is_news) {
            server_publish(s);
            server_wake_holds(s);
        }
    }
    for (size_t i = 0; i < g->n_servers; i++)
        tell_who_waits(g->servers[i]);
}

/* Wishes of requests that nobody waits for any more. */
static void drop_old_wishes(struct gateway *g)
{
    int64_t now_ms = clock_ms();
    for (size_t i = 0; i < g->n_servers; i++) {
        struct server_memory *m = &g->servers[i]->memory;
        if (m->wish == MEMORY_REQUEST && g->servers[i]->n_holds == 0 &&
            now_ms - m->asked_ms > GATEWAY_WISH_MS) {
            m->wish = MEMORY_NO_WISH;
            m->act = FIT_KEEP;
            server_publish(g->servers[i]);
        }
    }
}

/* Returns in how many milliseconds the next one is due, -1: none. */
static int64_t stop_unused(struct gateway *g)
{
    int64_t next_ms = -1;
    for (size_t i = 0; i < g->n_servers; i++) {
        struct server *s = g->servers[i];
        int group;
        int64_t after_ms = (int64_t)s->settings.idle_stop_s * 1000, idle_ms = server_idle_ms(s);
        if (after_ms == 0 || engine_state(s->engine) != ENGINE_READY ||
            memory_group_of(g, s, &group) == FIT_ALWAYS)
            continue;
        int64_t since_ready_ms = clock_ms() - s->memory.ready_ms;
        idle_ms = idle_ms > since_ready_ms ? since_ready_ms : idle_ms;
        if (idle_ms >= after_ms) {
            log_info("engine %s: is stopped, not used for %d s", s->row.name, s->settings.idle_stop_s);
            engine_log_add(s->engine, "stopped, not used for %d s", s->settings.idle_stop_s);
            s->memory.may_return = true;
            engine_stop(s->engine);
            continue;
        }
        /* One that is in use now is looked at again soon after. */
        int64_t left_ms = idle_ms < 0 ? 1000 : after_ms - idle_ms;
        next_ms = next_ms < 0 || left_ms < next_ms ? left_ms : next_ms;
    }
    return next_ms;
}

static bool any_wish(const struct gateway *g)
{
    for (size_t i = 0; i < g->n_servers; i++) {
        if (g->servers[i]->memory.wish)
            return true;
    }
    return false;
}

static void look_once(struct gateway *g)
{
    struct fit_server servers[FIT_MAX_SERVERS];
    struct fit_fate fates[FIT_MAX_SERVERS];
    struct fit_table t;
    drop_old_wishes(g);
    int64_t next_ms = stop_unused(g);
    memory_table(g, servers, &t);
    fit_decide(&t, fates);
    carry_out(g, &t, fates);
    if (any_wish(g)) {
        next_ms = GATEWAY_LOOK_MS;
        memory_gpu_wait(g);
    }
    if (next_ms >= 0)
        loop_timer_start(&g->memory.timer, next_ms);
    else
        loop_timer_stop(&g->memory.timer);
}

void memory_look(struct gateway *g)
{
    struct memory *m = &g->memory;
    if (m->is_looking || g->closing) {
        m->looks_again = m->is_looking;
        return;
    }
    m->is_looking = true;
    do {
        m->looks_again = false;
        look_once(g);
    } while (m->looks_again);
    m->is_looking = false;
}

static void on_timer(void *arg)
{
    memory_look(arg);
}

void memory_init(struct gateway *g)
{
    g->memory.settings.turn_s = GATEWAY_TURN_S;
    list_init(&g->memory.changes);
    memory_gpu_init(g);
    loop_timer_init(&g->memory.timer, g->loop, on_timer, g);
}

void memory_release(struct gateway *g)
{
    loop_timer_stop(&g->memory.timer);
    memory_cancel_changes(g);
    memory_settings_release(&g->memory.settings);
}

/* ---- wishes ---- */

static enum err refuse(const struct server *s, struct err_text *why)
{
    struct fit_server servers[FIT_MAX_SERVERS];
    struct fit_table t;
    size_t i = 0;
    memory_table(s->g, servers, &t);
    while (s->g->servers[i] != s)
        i++;
    struct fit_amount room = fit_room(&t, i);
    struct buf text = {0};
    bool is_ram = servers[i].least.ram > room.ram;
    int64_t there = is_ram ? room.ram : room.gpu;
    buf_addf(&text, "%s needs ", s->row.name);
    footprint_add_bytes(&text, is_ram ? servers[i].least.ram : servers[i].least.gpu);
    buf_add_str(&text, is_ram ? " of memory, and " : " of GPU memory, and ");
    footprint_add_bytes(&text, there);
    buf_add_str(&text, there < (is_ram ? t.limit.ram : t.limit.gpu) ? " are there beside what always stays"
                                                                    : " are there");
    enum err e = err_set(why, ERR_FAILED, "%.*s", (int)text.len, text.p);
    buf_release(&text);
    return e;
}

enum err memory_want(struct server *s, enum memory_wish wish, struct err_text *why)
{
    struct server_memory *m = &s->memory;
    enum fit_place place = place_of(s);
    int64_t now_ms = clock_ms();
    m->asked_ms = now_ms;
    if (place == FIT_COMING || place == FIT_IN)
        return ERR_OK;
    if (!m->wish)
        m->wanted_ms = now_ms;
    m->wish = m->wish > wish ? m->wish : wish;
    m->recovers = m->recovers && wish != MEMORY_PERSON;
    memory_look(s->g);
    return m->act == FIT_NEVER && !m->wish ? refuse(s, why) : ERR_OK;
}

void memory_recover(struct server *s)
{
    struct err_text why;
    s->memory.recovers = true;
    if (!s->g->closing && memory_want(s, MEMORY_RECOVERY, &why))
        log_warn("engine %s: not started again: %s", s->row.name, why.text);
}

void memory_unwant(struct server *s)
{
    s->memory.may_return = s->memory.recovers = false;
    if (!s->memory.wish)
        return;
    s->memory.wish = MEMORY_NO_WISH;
    memory_look(s->g);
}

bool memory_is_waiting(const struct server *s)
{
    return s->memory.wish && s->engine && !engine_state_has_process(engine_state(s->engine));
}

bool memory_yields(const struct server *s)
{
    return s->memory.act == FIT_YIELD;
}

void memory_on_change(struct server *s, bool had_process)
{
    enum engine_state now = engine_state(s->engine);
    if (now == ENGINE_READY)
        s->memory.ready_ms = clock_ms();
    if (had_process && !engine_state_has_process(now)) {
        s->g->memory.last_exit_ms = clock_ms();
        memory_gpu_left(s->g);
    }
    footprint_measure(s);
    memory_look(s->g);
}

void memory_on_measured(struct server *s)
{
    footprint_measure(s);
    const struct memory_settings *settings = &s->g->memory.settings;
    if (settings->budget_bytes || settings->gpu_budget_bytes || s->settings.idle_stop_s)
        memory_look(s->g);
}

void memory_forget(struct server *s)
{
    for (size_t i = 0; i < s->g->n_servers; i++) {
        struct server_memory *m = &s->g->servers[i]->memory;
        m->for_whom = m->for_whom == s ? NULL : m->for_whom;
    }
    s->memory.wish = MEMORY_NO_WISH;
    s->memory.for_whom = NULL;
}

/* ---- words ---- */

static const struct server *next_obstacle(const struct server *s, size_t *at)
{
    const struct gateway *g = s->g;
    while (*at < g->n_servers) {
        const struct server *other = g->servers[(*at)++];
        if (other != s && (other->memory.for_whom == s || place_of(other) == FIT_LEAVING))
            return other;
    }
    return NULL;
}

size_t server_waits_for(const struct server *s, const struct server **out_servers, size_t cap)
{
    size_t at = 0, n = 0;
    const struct server *other;
    while (memory_is_waiting(s) && n < cap && (other = next_obstacle(s, &at)) != NULL)
        out_servers[n++] = other;
    return n;
}

static void describe(const struct server *other, struct buf *out)
{
    const char *name = other->row.name;
    switch (place_of(other)) {
    case FIT_LEAVING: buf_addf(out, "%s is being unloaded", name); return;
    case FIT_COMING: buf_addf(out, "%s is being loaded first", name); return;
    case FIT_IN:
    case FIT_OUT: break;
    }
    if (other->n_active > 0)
        buf_addf(out, "%s is still answering", name);
    else
        buf_addf(out, "%s was used a moment ago", name);
}

bool server_wait_reason(const struct server *s, struct buf *out)
{
    const struct server *first;
    if (memory_yields(s) && s->memory.for_whom) {
        buf_addf(out, "waiting for memory, it is the turn of %s", s->memory.for_whom->row.name);
        return true;
    }
    if (!memory_is_waiting(s))
        return false;
    buf_add_str(out, "waiting for memory");
    size_t n = server_waits_for(s, &first, 1);
    if (n) {
        buf_add_str(out, ", ");
        describe(first, out);
    } else if (memory_gpu_is_late(s)) {
        buf_add_str(out, ", the GPU has not given back what the last one had");
    }
    return true;
}
