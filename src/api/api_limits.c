/* Which right a path needs, and what is said when a limit is hit. */
#include "api/api_limits.h"

/* Answered for every key: it lists what the key may use. */
#define MODELS_PATH "/v1/models"

/* Paths and what is below them. What is not here and not MODELS_PATH is only for keys that may use all. */
static const struct {
    const char *path;
    enum auth_route route;
} rights[] = {
    {"/v1/chat/completions", AUTH_ROUTE_CHAT},
    {"/v1/completions", AUTH_ROUTE_COMPLETIONS},
    {"/v1/responses", AUTH_ROUTE_RESPONSES},
    {"/v1/messages", AUTH_ROUTE_MESSAGES},
    {"/v1/embeddings", AUTH_ROUTE_EMBEDDINGS},
    {"/v1/rerank", AUTH_ROUTE_RERANK},
    {"/v1/audio", AUTH_ROUTE_AUDIO},
    {"/v1/images", AUTH_ROUTE_IMAGES},
    {"/upstream", AUTH_ROUTE_UPSTREAM},
    {"/api", AUTH_ROUTE_API},
    {"/metrics", AUTH_ROUTE_API},
};

static bool is_at_or_below(struct span path, const char *base)
{
    size_t len = strlen(base);
    return span_starts(path, base) && (path.len == len || path.p[len] == '/');
}

static enum auth_route route_of(struct span path)
{
    for (size_t i = 0; i < COUNT_OF(rights); i++) {
        if (is_at_or_below(path, rights[i].path))
            return rights[i].route;
    }
    return AUTH_N_ROUTES;
}

static void refuse_route(struct api_req *r, enum auth_route route)
{
    struct err_text why = {0};
    if (route == AUTH_N_ROUTES)
        (void)err_set(&why, ERR_DENIED, "This API key may not use this address.");
    else if (route == AUTH_ROUTE_API)
        (void)err_set(&why, ERR_DENIED,
                      "This API key may use models over /v1 only, not hob's own interface.");
    else
        (void)err_set(&why, ERR_DENIED, "This API key may not use \"%s\": its owner gave it other routes.",
                      auth_route_name(route));
    api_reply_error(
        r, &(struct api_error){
               .err = ERR_DENIED, .code = "route_not_allowed", .message = why.text, .no_retry = true});
}

/* As OpenAI has them. */
static void add_limit_headers(struct http_headers *h, const char *what, const struct auth_limit_left *left)
{
    static const char *const kinds[] = {"limit", "remaining", "reset"};
    if (!left->limit)
        return;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        AUTO(mem) char *name = xasprintf("x-ratelimit-%s-%s", kinds[i], what);
        if (i == 2)
            http_headers_addf(h, name, "%.3fs", (double)left->reset_ms / 1000);
        else
            http_headers_addf(h, name, "%lld", (long long)(i ? left->remaining : left->limit));
    }
}

void api_limits_add_headers(const struct api_req *r, struct http_headers *h)
{
    struct auth_limit_left requests, tokens;
    auth_limits_left(r->api->o.auth, &r->who, &requests, &tokens);
    add_limit_headers(h, "requests", &requests);
    add_limit_headers(h, "tokens", &tokens);
}

static void write_hit(struct buf *out, const struct auth_limit_hit *hit)
{
    static const char *const verbs[] = {
        [AUTH_LIMIT_REQUESTS] = "make", [AUTH_LIMIT_TOKENS] = "use", [AUTH_LIMIT_PARALLEL] = "have"};
    buf_addf(out, "%s may %s %lld %s%s %s, ", hit->is_users ? "Your account" : "This API key",
             verbs[hit->what], (long long)hit->limit, hit->what == AUTH_LIMIT_TOKENS ? "token" : "request",
             hit->limit == 1 ? "" : "s",
             hit->what == AUTH_LIMIT_PARALLEL ? "under way at once" : "in a minute");
    if (hit->what == AUTH_LIMIT_PARALLEL)
        buf_add_str(out, "and has. Try again when one has ended.");
    else
        buf_addf(out, "which are used up. Try again in %lld s.", (long long)(hit->wait_ms + 999) / 1000);
}

static void refuse_call(struct api_req *r, const struct auth_limit_hit *hit)
{
    AUTO(buf) struct buf *text = buf_new();
    struct http_headers h = {0};
    api_limits_add_headers(r, &h);
    write_hit(text, hit);
    api_reply_error(
        r, &(struct api_error){.err = ERR_LIMITED,
                               .code = "rate_limit_exceeded",
                               .message = buf_str(text),
                               .retry_after_s = hit->wait_ms ? (int)((hit->wait_ms + 999) / 1000) : 1,
                               .headers = &h});
    http_headers_release(&h);
}

/* Answers of the chat are under way without a request. */
bool api_limits_refuse_call(struct api_req *r)
{
    const struct chat *c = r->api->o.chat;
    struct auth_limit_hit hit;
    size_t n_of_user = chat_n_running_of(c, r->who.user_id, NULL), n_of_key = 0;
    if (r->who.kind == PRINCIPAL_KEY)
        n_of_key = chat_n_running_of(c, r->who.user_id, r->who.credential_id);
    if (!auth_limit_begin(r->api->o.auth, &r->who, n_of_user, n_of_key, &hit)) {
        refuse_call(r, &hit);
        return true;
    }
    r->is_counted = true;
    return false;
}

bool api_limits_refuse(struct api_req *r)
{
    struct span path = http_exchange_path(r->x);
    enum auth_route route = route_of(path);
    if (r->route->policy == API_PUBLIC || is_at_or_below(path, MODELS_PATH))
        return false;
    if (!auth_may_use_route(r->api->o.auth, &r->who, route)) {
        refuse_route(r, route);
        return true;
    }
    return r->route->policy == API_KEY && api_limits_refuse_call(r);
}

void api_limits_end(struct api_req *r)
{
    if (r->is_counted && !r->api->is_closed)
        auth_limit_end(r->api->o.auth, &r->who);
    r->is_counted = false;
}

bool api_may_use_server(const struct api_req *r, const struct server *s)
{
    const struct server_row *row = server_config(s);
    const struct strv *aliases = &server_settings(s)->aliases;
    const char *const own[] = {row->name, row->id};
    return auth_may_use_model(r->api->o.auth, &r->who, own, COUNT_OF(own)) ||
           auth_may_use_model(r->api->o.auth, &r->who, (const char *const *)aliases->v, aliases->n);
}

bool api_refuse_server(struct api_req *r, const struct server *s)
{
    if (api_may_use_server(r, s))
        return false;
    struct err_text why = {0};
    (void)err_set(&why, ERR_DENIED,
                  "This API key may not use the model \"%.200s\": its owner gave it others.",
                  server_config(s)->name);
    api_reply_error(r, &(struct api_error){.err = ERR_DENIED,
                                           .code = "model_not_allowed",
                                           .param = "model",
                                           .message = why.text,
                                           .no_retry = true});
    return true;
}
