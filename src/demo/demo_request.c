/* Reads a request for an answer. */
#include "demo/demo_request.h"

#include "demo/demo_answer.h"

/* llama-server adds a few tokens for each message's role and ends. */
#define TOKENS_PER_MESSAGE 4
#define MAX_TOKENS_MOST    1000000

static void note_text(struct demo_request *r, struct span text, struct strv *texts, struct buf *all)
{
    AUTO(mem) char *copy = span_dup(text);
    if (texts)
        strv_add(texts, copy);
    if (all)
        buf_add_span(all, text);
    r->prompt_tokens += (int64_t)demo_count_tokens(text);
}

static bool is_one_of(const char *type, const char *const *types, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(type, types[i]))
            return true;
    }
    return false;
}

static enum err read_part(struct demo_request *r, yyjson_val *part, struct strv *texts, struct buf *all,
                          struct err_text *why)
{
    /* What the routes call a text or a picture, and what stands between them and says nothing to the demo. */
    static const char *const texts_of[] = {"text", "input_text", "output_text"};
    static const char *const images[] = {"image_url", "image", "input_image"};
    static const char *const others[] = {"tool_use", "tool_result", "thinking", "redacted_thinking"};
    const char *type = json_str_or(part, "type", "");
    if (is_one_of(type, texts_of, COUNT_OF(texts_of))) {
        yyjson_val *text = yyjson_obj_get(part, "text");
        note_text(r, span_of(yyjson_get_str(text), yyjson_get_len(text)), texts, all);
        return ERR_OK;
    }
    if (is_one_of(type, images, COUNT_OF(images))) {
        r->has_image = true;
        return ERR_OK;
    }
    if (is_one_of(type, others, COUNT_OF(others)))
        return ERR_OK;
    return err_set(why, ERR_INVALID, "unsupported content[].type");
}

static enum err read_content(struct demo_request *r, yyjson_val *content, struct strv *texts, struct buf *all,
                             struct err_text *why)
{
    if (yyjson_is_str(content)) {
        note_text(r, span_of(yyjson_get_str(content), yyjson_get_len(content)), texts, all);
        return ERR_OK;
    }
    if (yyjson_is_null(content) || !content)
        return ERR_OK;
    if (!yyjson_is_arr(content))
        return err_set(why, ERR_INVALID, "Expected 'content' to be a string or an array");
    size_t i, n;
    yyjson_val *part;
    yyjson_arr_foreach(content, i, n, part) {
        enum err e = read_part(r, part, texts, all, why);
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err read_messages(struct demo_request *r, yyjson_val *messages, struct err_text *why)
{
    if (!yyjson_is_arr(messages))
        return err_set(why, ERR_INVALID,
                       messages ? "Expected 'messages' to be an array" : "'messages' is required");
    size_t i, n;
    yyjson_val *message;
    yyjson_arr_foreach(messages, i, n, message) {
        const char *role = yyjson_is_obj(message) ? json_str_or(message, "role", NULL) : NULL;
        if (!role && r->route == DEMO_RESPONSES && yyjson_is_obj(message))
            continue; /* a call of a function, or what came of it */
        if (!role)
            return err_set(why, ERR_INVALID, "All messages must have a 'role'");
        bool is_user = str_eq(role, "user");
        bool is_last = i + 1 == n;
        if (is_user) {
            strv_release(&r->texts);
            r->texts = (struct strv){0};
            r->has_image = false;
        }
        bool goes_on = is_last && str_eq(role, "assistant");
        struct buf *all = goes_on ? &r->have : is_user && r->first.len == 0 ? &r->first : NULL;
        enum err e = read_content(r, yyjson_obj_get(message, "content"), is_user ? &r->texts : NULL, all,
                                  why);
        if (e)
            return e;
        if (goes_on)
            buf_add_str(&r->thought, json_str_or(message, "reasoning_content", ""));
        r->prompt_tokens += TOKENS_PER_MESSAGE;
    }
    return ERR_OK;
}

/* A text alone is what the user says. */
static enum err read_texts(struct demo_request *r, yyjson_val *v, const char *name, struct err_text *why)
{
    size_t i, n;
    yyjson_val *item;
    if (yyjson_is_str(v))
        return read_content(r, v, &r->texts, &r->first, why);
    yyjson_arr_foreach(v, i, n, item) {
        enum err e = read_content(r, item, &r->texts, r->first.len ? NULL : &r->first, why);
        if (e)
            return e;
    }
    return yyjson_is_arr(v)
               ? ERR_OK
               : err_set(why, ERR_INVALID,
                         v ? "Expected '%s' to be a string or an array" : "'%s' is required", name);
}

static enum err read_prompt(struct demo_request *r, yyjson_val *root, struct err_text *why)
{
    yyjson_val *input = yyjson_obj_get(root, "input");
    switch (r->route) {
    case DEMO_COMPLETION: return read_texts(r, yyjson_obj_get(root, "prompt"), "prompt", why);
    case DEMO_RESPONSES:
        return yyjson_is_arr(input) ? read_messages(r, input, why) : read_texts(r, input, "input", why);
    case DEMO_MESSAGES: {
        enum err e = read_content(r, yyjson_obj_get(root, "system"), NULL, NULL, why);
        return e ? e : read_messages(r, yyjson_obj_get(root, "messages"), why);
    }
    case DEMO_CHAT:
    case DEMO_N_ROUTES: break;
    }
    return read_messages(r, yyjson_obj_get(root, "messages"), why);
}

static enum err read_stop(struct demo_request *r, yyjson_val *stop, struct err_text *why)
{
    if (yyjson_is_str(stop)) {
        strv_add(&r->stop, yyjson_get_str(stop));
        return ERR_OK;
    }
    if (!stop || yyjson_is_null(stop))
        return ERR_OK;
    size_t i, n;
    yyjson_val *word;
    yyjson_arr_foreach(stop, i, n, word) {
        if (!yyjson_is_str(word))
            return err_set(why, ERR_INVALID, "\"stop\" must be a string or an array of strings");
        strv_add(&r->stop, yyjson_get_str(word));
    }
    return yyjson_is_arr(stop)
               ? ERR_OK
               : err_set(why, ERR_INVALID, "\"stop\" must be a string or an array of strings");
}

static enum err read_options(struct demo_request *r, yyjson_val *root, struct err_text *why)
{
    static const char *const limits[] = {"n_predict", "max_tokens", "max_completion_tokens",
                                         "max_output_tokens"};
    enum err e = json_get_bool(root, "stream", false, &r->stream, why);
    if (e)
        return e;
    e = json_get_bool(root, "return_progress", false, &r->return_progress, why);
    if (e)
        return e;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        e = json_get_int(root, limits[i], false, -1, MAX_TOKENS_MOST, &r->max_tokens, why);
        if (e)
            return e;
    }
    yyjson_val *more = NULL;
    e = json_get_obj(root, "stream_options", false, &more, why);
    if (e)
        return e;
    if (more)
        r->include_usage = yyjson_get_bool(yyjson_obj_get(more, "include_usage"));
    yyjson_val *thinking = yyjson_obj_get(yyjson_obj_get(root, "chat_template_kwargs"), "enable_thinking");
    r->no_think = yyjson_is_false(thinking);
    const char *model = json_str_or(root, "model", NULL);
    r->model = xstrdup(model);
    return read_stop(r, yyjson_obj_get(root, r->route == DEMO_MESSAGES ? "stop_sequences" : "stop"), why);
}

enum err demo_request_parse(enum demo_route route, struct span body, struct demo_request *out_request,
                            struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    enum err e = json_parse_object(body, &doc, &root, why);
    if (e)
        return e;
    struct demo_request r = {.route = route, .max_tokens = -1};
    e = read_options(&r, root, why);
    if (!e)
        e = read_prompt(&r, root, why);
    if (e) {
        demo_request_release(&r);
        return e;
    }
    *out_request = r;
    return ERR_OK;
}

void demo_request_release(struct demo_request *r)
{
    strv_release(&r->stop);
    strv_release(&r->texts);
    buf_release(&r->first);
    buf_release(&r->have);
    buf_release(&r->thought);
    free(r->model);
    *r = (struct demo_request){0};
}
