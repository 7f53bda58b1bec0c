/* Errors of engines and small pieces of event streams, which the relay and its callers share. Pure. */
#include "relay/relay.h"

#include <stdio.h>

const char *relay_error_type(enum relay_shape shape, int status)
{
    static const struct {
        int status;
        const char *openai, *anthropic;
    } types[] = {
        {401, "authentication_error", "authentication_error"},
        {403, "permission_error", "permission_error"},
        {404, "not_found_error", "not_found_error"},
        {409, "conflict_error", NULL},
        {413, NULL, "request_too_large"},
        {429, "rate_limit_exceeded", "rate_limit_error"},
        {503, "service_unavailable_error", "overloaded_error"},
        {504, NULL, "timeout_error"},
    };
    bool is_anthropic = shape == RELAY_ANTHROPIC;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const char *type = is_anthropic ? types[i].anthropic : types[i].openai;
        if (types[i].status == status && type)
            return type;
    }
    return status < 500 ? "invalid_request_error" : is_anthropic ? "api_error" : "server_error";
}

void relay_add_error_body(struct buf *out, enum relay_shape shape, int status, const char *message,
                          const char *type, const char *code)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    if (shape == RELAY_ANTHROPIC)
        jwf_str(&w, "type", "error");
    jw_key(&w, "error");
    jw_begin_obj(&w);
    if (shape == RELAY_ANTHROPIC) {
        jwf_str(&w, "type", relay_error_type(shape, status));
        jwf_str(&w, "message", message);
        if (code)
            jwf_str(&w, "code", code);
    } else {
        jwf_str(&w, "message", message);
        jwf_str(&w, "type", type ? type : relay_error_type(shape, status));
        jwf_null(&w, "param");
        jwf_str(&w, "code", code);
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
}

void relay_add_error_event(struct buf *out, enum relay_shape shape, int status, const char *message,
                           const char *type, const char *code)
{
    if (shape == RELAY_ANTHROPIC)
        buf_add_str(out, "event: error\n");
    buf_add_str(out, "data: ");
    relay_add_error_body(out, shape, status, message, type, code);
    buf_add_str(out, "\n\n");
}

bool relay_is_event_stream(const struct http_fields *fields)
{
    struct span rest;
    struct span type = span_cut(http_fields_get(fields, HTTP_FIELD_CONTENT_TYPE), ';', &rest);
    return span_is_ci(span_trim(type), "text/event-stream");
}

const char *relay_failure_code(enum err e)
{
    if (e == ERR_REFUSED || e == ERR_NOT_FOUND)
        return "engine_refused";
    if (e == ERR_CLOSED)
        return "engine_died";
    return e == ERR_TIMEOUT ? "engine_timeout" : "bad_gateway";
}

const char *relay_failure_text(enum err e)
{
    if (e == ERR_REFUSED || e == ERR_NOT_FOUND)
        return "The engine refused the connection";
    if (e == ERR_CLOSED)
        return "The engine ended in the middle of the answer";
    if (e == ERR_TIMEOUT)
        return "The engine did not answer in time";
    return "The engine's answer could not be read";
}

/* Cuts at a character's border and keeps what has to be one line one line. */
static void set_message(struct buf *to, struct span text)
{
    text = span_trim(text);
    text.len = text.len < RELAY_MAX_ERROR_BYTES ? text.len : utf8_floor(text, RELAY_MAX_ERROR_BYTES);
    utf8_add_clean(to, text);
    for (size_t i = 0; i < to->len; i++) {
        unsigned char c = (unsigned char)to->p[i];
        to->p[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
    }
}

/* A word of the error object: engines send strings, integers or nothing. */
static void set_word(char to[64], yyjson_val *v)
{
    if (yyjson_is_str(v) && utf8_is_valid(span_of(yyjson_get_str(v), yyjson_get_len(v))))
        (void)snprintf(to, 64, "%.*s", (int)utf8_floor(span_str(yyjson_get_str(v)), 63), yyjson_get_str(v));
    else if (yyjson_is_int(v))
        (void)snprintf(to, 64, "%lld", (long long)yyjson_get_sint(v));
}

/* {"error":{...}} (OpenAI, llama-server), {"error":"..."} (Ollama, mlx), {"message":...} (vLLM), {"detail":...} (FastAPI). */
static yyjson_val *find_text(yyjson_val *root, yyjson_val *error)
{
    yyjson_val *text = yyjson_is_str(error) ? error
                                            : yyjson_obj_get(yyjson_is_obj(error) ? error : root, "message");
    if (!yyjson_is_str(text))
        text = yyjson_obj_get(root, "detail");
    if (yyjson_is_arr(text))
        text = yyjson_obj_get(yyjson_arr_get_first(text), "msg");
    if (yyjson_is_obj(text))
        text = yyjson_obj_get(text, "message");
    return text ? text : yyjson_obj_get(root, "status");
}

static void read_object(yyjson_val *root, int status, struct relay_error *to, struct buf *message)
{
    yyjson_val *error = yyjson_obj_get(root, "error"), *text = find_text(root, error);
    yyjson_val *holder = yyjson_is_obj(error) ? error : root;
    if (yyjson_is_str(text))
        set_message(message, span_of(yyjson_get_str(text), yyjson_get_len(text)));
    yyjson_val *code = yyjson_obj_get(holder, "code");
    set_word(to->type, yyjson_obj_get(holder, "type"));
    if (str_eq(to->type, "error")) /* an envelope's, not the error's */
        to->type[0] = '\0';
    set_word(to->param, yyjson_obj_get(holder, "param"));
    if (!yyjson_is_int(code) || yyjson_get_sint(code) != status)
        set_word(to->code, code);
}

/* What a page says, without its marks. */
static void read_page(struct span body, struct buf *message)
{
    AUTO(buf) struct buf *text = buf_new();
    bool in_mark = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.p[i];
        bool is_blank = in_mark || c == '<' || c == '>' || (unsigned char)c <= ' ';
        in_mark = c == '<' || (in_mark && c != '>');
        if (!is_blank)
            buf_add_char(text, c);
        else if (text->len && text->p[text->len - 1] != ' ')
            buf_add_char(text, ' ');
    }
    set_message(message, buf_span(text));
}

/* {}, {"error":{}}, {"error":null} */
static bool says_nothing(yyjson_val *root)
{
    yyjson_val *error = yyjson_obj_get(root, "error");
    bool is_empty = yyjson_is_null(error) || (yyjson_is_obj(error) && yyjson_obj_size(error) == 0);
    return yyjson_is_obj(root) && (yyjson_obj_size(root) == 0 || (yyjson_obj_size(root) == 1 && is_empty));
}

void relay_read_error(int status, struct span body, struct relay_error *out_error, struct buf *text)
{
    *out_error = (struct relay_error){0};
    AUTO(json_doc) yyjson_doc *doc = NULL;
    AUTO(buf) struct buf *message = buf_new();
    yyjson_val *root = NULL;
    bool is_page = body.len > 0 && body.p[0] == '<';
    if (json_parse_object(body, &doc, &root, NULL) == ERR_OK)
        read_object(root, status, out_error, message);
    else if (is_page)
        read_page(body, message);
    if (message->len == 0 && !is_page && !says_nothing(root))
        set_message(message, body);
    if (message->len == 0)
        buf_addf(message, "The engine answered with status %d", status);
    if (out_error->type[0] == '\0')
        (void)snprintf(out_error->type, sizeof out_error->type, "%s", relay_error_type(RELAY_OPENAI, status));
    size_t n = utf8_floor(buf_span(message), sizeof out_error->message.text - 1);
    memcpy(out_error->message.text, message->p, n);
    out_error->message.text[n] = '\0';
    if (text)
        buf_add_span(text, buf_span(message));
}

bool relay_is_missing_route(int status, struct span path, const struct relay_error *error)
{
    static const char *const words[] = {"not found",
                                        "file not found",
                                        "404 page not found",
                                        "404 not found",
                                        "no such route",
                                        "unknown route",
                                        "method not allowed",
                                        "404",
                                        "405 method not allowed"};
    struct span text = span_trim(span_str(error->message.text));
    if (status != 404 && status != 405)
        return false;
    while (text.len && (text.p[text.len - 1] == '.' || text.p[text.len - 1] == '!'))
        text.len--;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is_ci(text, words[i]))
            return true;
    }
    return span_starts(text, "The engine answered with status") || span_find(text, path) >= 0 ||
           span_find(text, SPAN_LIT("404 Not Found")) >= 0;
}
