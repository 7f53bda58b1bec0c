/*
 * Sending: store the message, then decide, once for everybody who posted the same message at the same time. A turn is
 * that decision while it is made; a generation takes over who waits.
 */
#include "chat/chat_room.h"

#include <stdio.h>

struct turn {
    struct chat *c;
    char *message_id, *conversation_id, *user_id;
    char key_id[UUID_LEN + 1];
    enum chat_mode mode;
    struct list sends; /* at least one, unless all have gone; the first one's request counts */
    char *options_json, *server_id, *server_ref, *instead_of;
    struct store_op *op;
    struct list node; /* in chat.turn_list */
};

bool chat_mode_parse(const char *text, enum chat_mode *out_mode)
{
    static const char *const names[] = {[CHAT_SEND] = "send",
                                        [CHAT_RETRY] = "retry",
                                        [CHAT_CONTINUE] = "continue",
                                        [CHAT_WHEN_READY] = "when_ready"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(text, names[i])) {
            *out_mode = (enum chat_mode)i;
            return true;
        }
    }
    return false;
}

/* ---- one post ---- */

static void free_send(struct chat_send *s)
{
    loop_timer_stop(&s->later);
    list_remove(&s->node);
    list_remove(&s->owned);
    message_row_clear(&s->row);
    free(s->user_id);
    free(s->server_ref);
    free(s->instead_of);
    free(s->options_json);
    free(s->new_options_json);
    free(s->new_system_prompt);
    free(s);
}

void chat_send_cancel(struct chat_send *s)
{
    if (s)
        free_send(s);
}

void chat_cancel_sends(struct chat *c)
{
    LIST_EACH(s, &c->sends, struct chat_send, owned)
        free_send(s);
}

static void tell(struct chat_send *s, const struct chat_decision *d)
{
    s->fn(s->arg, d);
    free_send(s);
}

static void refuse(struct chat_send *s, const struct gateway_failure *f, const char *param,
                   bool message_stored)
{
    struct chat_decision d = {.f = *f, .param = param, .message_stored = message_stored};
    tell(s, &d);
}

static void refuse_with(struct chat_send *s, enum err e, const char *code, const char *text)
{
    struct gateway_failure f = {.err = e, .code = code};
    (void)snprintf(f.why.text, sizeof f.why.text, "%s", text);
    refuse(s, &f, NULL, false);
}

static void accept_row(struct chat_send *s, const struct generation_row *row)
{
    AUTO(buf) struct buf *b = buf_new();
    struct json_writer w;
    jw_init(&w, b);
    chat_write_generation_json(&w, row);
    struct chat_decision d = {.message_stored = true,
                              .generation_id = row->id,
                              .answer_id = row->answer_id,
                              .generation_json = buf_str(b)};
    tell(s, &d);
}

void sends_accept(struct list *sends, const struct generation *g)
{
    while (!list_is_empty(sends))
        accept_row(LIST_FIRST(sends, struct chat_send, node), &g->row);
}

void sends_refuse(struct list *sends, const struct gateway_failure *f, const char *param, bool message_stored)
{
    while (!list_is_empty(sends))
        refuse(LIST_FIRST(sends, struct chat_send, node), f, param, message_stored);
}

static void restart(struct chat_send *s)
{
    list_remove(&s->node);
    loop_timer_start(&s->later, 0);
}

void sends_restart(struct list *sends)
{
    while (!list_is_empty(sends))
        restart(LIST_FIRST(sends, struct chat_send, node));
}

/* ---- turns ---- */

static void free_turn(struct turn *t)
{
    struct chat *c = t->c;
    assert(list_is_empty(&t->sends));
    store_cancel(t->op);
    (void)map_remove(c->turns, t->message_id);
    list_remove(&t->node);
    free(t->message_id);
    free(t->conversation_id);
    free(t->user_id);
    free(t->options_json);
    free(t->server_id);
    free(t->server_ref);
    free(t->instead_of);
    free(t);
}

bool chat_is_deciding(const struct chat *c, const char *user_id, const char *message_id)
{
    const struct turn *t = map_get_str(c->turns, message_id);
    return t && str_eq(t->user_id, user_id);
}

void chat_cancel_turns(struct chat *c)
{
    LIST_EACH(t, &c->turn_list, struct turn, node)
        free_turn(t);
}

static void end_turn(struct turn *t)
{
    struct chat *c = t->c;
    free_turn(t);
    chat_check_shutdown(c);
}

/* Those who asked for something else may fare better: they begin again. */
static void refuse_turn(struct turn *t, const struct gateway_failure *f, const char *param,
                        bool message_stored)
{
    LIST_EACH(s, &t->sends, struct chat_send, node) {
        if (s->mode != t->mode)
            restart(s);
    }
    sends_refuse(&t->sends, f, param, message_stored);
    end_turn(t);
}

static void refuse_accept(struct turn *t, const struct store_result *r)
{
    struct gateway_failure f = {.err = r->err, .why = r->why};
    const char *param = NULL;
    if (r->err == ERR_EXISTS)
        f.code = "conversation_mismatch";
    else if (span_starts(span_str(r->why.text), "\"parent_id\""))
        param = "message.parent_id";
    else if (span_starts(span_str(r->why.text), "\"content\""))
        param = "message.content";
    refuse_turn(t, &f, param, false);
}

static bool is_unfinished(const char *state)
{
    return str_eq(state, "queued") || str_eq(state, "connecting") || str_eq(state, "streaming");
}

/*
 * What is asked for is there already: send replays any answer, the others only one that is whole or under way. Who
 * names the newest one wants another.
 */
static bool is_answer_enough(const struct turn *t, const struct message_row *message,
                             const struct generation_row *newest)
{
    if (!newest || !str_eq(message->state, "answered"))
        return false;
    if (t->mode == CHAT_SEND || is_unfinished(newest->state))
        return true;
    bool wants_another = t->mode == CHAT_RETRY && str_eq(t->instead_of, newest->id);
    return str_eq(newest->state, "done") && !wants_another;
}

static void make_generation(struct turn *t, const struct message_row *message,
                            const struct generation_row *newest)
{
    char id[UUID_LEN + 1], answer_id[UUID_LEN + 1];
    rand_uuid(id);
    rand_uuid(answer_id);
    bool continues = t->mode == CHAT_CONTINUE && newest && str_eq(message->state, "answered");
    struct generation_row row = {.id = id,
                                 .conversation_id = t->conversation_id,
                                 .message_id = t->message_id,
                                 .answer_id = continues ? newest->answer_id : answer_id,
                                 .server_id = t->server_id,
                                 .user_id = t->user_id,
                                 .options_json = t->options_json,
                                 .continues = continues,
                                 .outbox = t->mode == CHAT_WHEN_READY,
                                 .created_at = clock_wall_ms()};
    enum generation_state state = row.outbox ? GENERATION_QUEUED : GENERATION_CONNECTING;
    struct generation *g = generation_new(t->c, &row, state);
    memcpy(g->key_id, t->key_id, sizeof g->key_id);
    g->is_retry = true;
    while (!list_is_empty(&t->sends)) {
        struct chat_send *s = LIST_FIRST(&t->sends, struct chat_send, node);
        list_remove(&s->node);
        list_push_back(&g->sends, &s->node);
    }
    free_turn(t);
    generation_begin(g, true);
}

static size_t count_queued(const struct chat *c, const char *user_id)
{
    size_t n = 0;
    LIST_EACH(g, &c->generations, struct generation, node)
        n += g->state == GENERATION_QUEUED && str_eq(g->row.user_id, user_id);
    return n;
}

/* ERR_OK: the generation may begin. */
static enum err check_room(const struct turn *t, struct gateway_failure *f)
{
    struct chat *c = t->c;
    *f = (struct gateway_failure){.err = ERR_BUSY, .code = "too_many_generations", .retry_after_s = 5};
    if (c->closing) {
        f->code = "shutting_down";
        return err_set(&f->why, f->err, "hob is shutting down");
    }
    if (t->mode != CHAT_WHEN_READY && chat_n_running(c) >= CHAT_MAX_GENERATIONS)
        return err_set(&f->why, f->err, "%d answers are being written already", CHAT_MAX_GENERATIONS);
    if (t->mode == CHAT_WHEN_READY && count_queued(c, t->user_id) >= CHAT_MAX_QUEUED_PER_USER)
        return err_set(&f->why, f->err, "%d of your messages wait already", CHAT_MAX_QUEUED_PER_USER);
    return ERR_OK;
}

static void decide(struct turn *t, const struct message_row *message, const struct generation_row *newest)
{
    if (is_answer_enough(t, message, newest)) {
        while (!list_is_empty(&t->sends))
            accept_row(LIST_FIRST(&t->sends, struct chat_send, node), newest);
        end_turn(t);
        return;
    }
    struct gateway_failure f;
    struct server *server = gateway_server_find(t->c->gateway, t->server_ref);
    if (!server) {
        f = (struct gateway_failure){.err = ERR_NOT_FOUND, .code = "server_not_found"};
        (void)err_set(&f.why, f.err, "There is no server \"%.200s\"", t->server_ref);
        refuse_turn(t, &f, "server", true);
        return;
    }
    xreplace(&t->server_id, server_config(server)->id);
    if (check_room(t, &f) ||
        (t->mode != CHAT_WHEN_READY && gateway_admit(t->c->gateway, server, t->mode == CHAT_RETRY, &f))) {
        refuse_turn(t, &f, NULL, true);
        return;
    }
    make_generation(t, message, newest);
}

static void on_accepted(void *arg, const struct store_result *r)
{
    struct turn *t = arg;
    t->op = NULL;
    if (r->err) {
        refuse_accept(t, r);
        return;
    }
    if (r->created && r->n_conversations > 0)
        chat_publish_conversation(t->c, &r->conversations[0]);
    if (r->n_conversations > 0) {
        AUTO(mem) char *asked = TAKE(t->options_json);
        t->options_json = chat_options_merge(r->conversations[0].options_json, asked);
    }
    decide(t, &r->messages[0], r->generation);
}

static void start_turn(struct chat_send *s)
{
    struct chat *c = s->c;
    struct turn *t = xcalloc(1, sizeof *t);
    t->c = c;
    t->message_id = xstrdup(s->row.id);
    t->conversation_id = xstrdup(s->row.conversation_id);
    t->user_id = xstrdup(s->user_id);
    memcpy(t->key_id, s->key_id, sizeof t->key_id);
    t->options_json = xstrdup(s->options_json);
    t->server_ref = xstrdup(s->server_ref);
    t->instead_of = xstrdup(s->instead_of);
    t->mode = s->mode;
    list_init(&t->sends);
    list_push_back(&t->sends, &s->node);
    list_init(&t->node);
    list_push_back(&c->turn_list, &t->node);
    (void)map_put(c->turns, t->message_id, t);
    const struct server *server = gateway_server_find(c->gateway, s->server_ref);
    struct message_row row = s->row;
    /* Only for this call, which copies. */
    row.server_id = server ? server_config(server)->id : NULL;
    struct conversation_settings settings = {s->new_options_json, s->new_system_prompt};
    t->op = store_message_accept_with(c->store, s->user_id, &row, &settings, on_accepted, t);
}

/* ---- joining ---- */

static bool is_theirs(struct chat_send *s, const char *user_id, const char *conversation_id)
{
    if (!str_eq(s->user_id, user_id)) {
        refuse_with(s, ERR_NOT_FOUND, NULL, "No such message");
        return false;
    }
    if (!str_eq(s->row.conversation_id, conversation_id)) {
        refuse_with(s, ERR_EXISTS, "conversation_mismatch", "The message belongs to another conversation");
        return false;
    }
    return true;
}

/* It waits in the outbox, and is now wanted at once. */
static void hurry(struct chat_send *s, struct generation *g)
{
    struct gateway_failure f;
    struct server *server = gateway_server_by_id(s->c->gateway, g->row.server_id);
    if (server && gateway_admit(s->c->gateway, server, s->mode == CHAT_RETRY, &f)) {
        refuse(s, &f, NULL, true);
        return;
    }
    list_push_back(&g->sends, &s->node);
    gateway_hold_cancel(TAKE(g->hold));
    generation_look_at_engine(g);
}

static void join_generation(struct chat_send *s, struct generation *g)
{
    if (!is_theirs(s, g->row.user_id, g->row.conversation_id))
        return;
    if (generation_state_is_over(g->state))
        list_push_back(&g->late, &s->node);
    else if (g->state == GENERATION_CONNECTING || !g->is_added)
        list_push_back(&g->sends, &s->node);
    else if (g->state == GENERATION_QUEUED && s->mode != CHAT_WHEN_READY)
        hurry(s, g);
    else
        accept_row(s, &g->row);
}

static void start_send(void *arg)
{
    struct chat_send *s = arg;
    struct chat *c = s->c;
    if (s->is_refused) {
        refuse(s, &s->refusal, s->param, false);
        return;
    }
    struct turn *t = map_get_str(c->turns, s->row.id);
    struct generation *g = map_get_str(c->by_message, s->row.id);
    if (t && is_theirs(s, t->user_id, t->conversation_id))
        list_push_back(&t->sends, &s->node);
    else if (!t && g)
        join_generation(s, g);
    else if (!t)
        start_turn(s);
}

/* ---- the request ---- */

static void set_refusal(struct chat_send *s, enum err e, const char *param, const char *text)
{
    s->is_refused = true;
    s->refusal.err = e;
    s->param = param;
    (void)snprintf(s->refusal.why.text, sizeof s->refusal.why.text, "%s", text);
}

static void check_content(struct chat_send *s, const char *content_json)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    struct err_text why;
    enum err e = json_parse(span_str(content_json), &doc, &why);
    if (!e)
        e = chat_check_content(yyjson_doc_get_root(doc), &why);
    if (e)
        set_refusal(s, e, "message.content", why.text);
}

static enum err take_settings(struct chat_send *s, yyjson_val *settings, struct err_text *why)
{
    const char *system_prompt = NULL;
    enum err e = json_get_str(settings, "system_prompt", false, &system_prompt, why);
    if (!e)
        e = chat_check_system_prompt(system_prompt, why);
    if (!e)
        e = chat_options_check(yyjson_obj_get(settings, "options"), &s->new_options_json, why);
    s->new_system_prompt = e ? NULL : xstrdup(system_prompt);
    return e;
}

static void check_request(struct chat_send *s, const struct chat_send_request *r)
{
    struct err_text why;
    if (!uuid_is_valid(span_str(r->conversation_id)))
        set_refusal(s, ERR_INVALID, "conversation_id", "\"conversation_id\" must be a UUID");
    else if (!uuid_is_valid(span_str(r->message_id)))
        set_refusal(s, ERR_INVALID, "message.id", "\"message.id\" must be a UUID");
    else if (r->parent_id && !uuid_is_valid(span_str(r->parent_id)))
        set_refusal(s, ERR_INVALID, "message.parent_id", "\"message.parent_id\" must be a UUID or null");
    else if (!r->server || !r->server[0])
        set_refusal(s, ERR_INVALID, "server", "\"server\" is missing");
    else if (chat_options_check(r->options, &s->options_json, &why))
        set_refusal(s, ERR_INVALID, "options", why.text);
    else if (take_settings(s, r->settings, &why))
        set_refusal(s, ERR_INVALID, "settings", why.text);
    else
        check_content(s, r->content_json);
    if (!s->is_refused && s->c->closing) {
        set_refusal(s, ERR_BUSY, NULL, "hob is shutting down");
        s->refusal.code = "shutting_down";
        s->refusal.retry_after_s = 2;
    }
}

struct chat_send *chat_send(struct chat *c, const char *user_id, const struct chat_send_request *request,
                            chat_decide_fn fn, void *arg)
{
    struct chat_send *s = xcalloc(1, sizeof *s);
    s->c = c;
    s->user_id = xstrdup(user_id);
    (void)snprintf(s->key_id, sizeof s->key_id, "%s", request->key_id ? request->key_id : "");
    s->fn = fn;
    s->arg = arg;
    s->mode = request->mode;
    s->server_ref = xstrdup(request->server);
    s->instead_of = xstrdup(request->instead_of);
    struct message_row row = {.id = (char *)(uintptr_t)request->message_id,
                              .conversation_id = (char *)(uintptr_t)request->conversation_id,
                              .parent_id = (char *)(uintptr_t)request->parent_id,
                              .role = (char *)(uintptr_t) "user",
                              .state = (char *)(uintptr_t) "pending",
                              .content_json = (char *)(uintptr_t)request->content_json,
                              .created_at = clock_wall_ms()};
    message_row_copy(&s->row, &row);
    list_init(&s->node);
    list_init(&s->owned);
    list_push_back(&c->sends, &s->owned);
    loop_timer_init(&s->later, c->loop, start_send, s);
    loop_timer_start(&s->later, 0);
    check_request(s, request);
    return s;
}
