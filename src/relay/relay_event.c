/* Errors of engines and small pieces of event streams, which the relay and its callers share. Pure. */
#include "relay/relay.h"

#include <stdio.h>

void relay_add_error_event(struct buf *out, const char *message, const char *type, const char *code)
{
    struct json_writer w;
    buf_add_str(out, "data: ");
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "error");
    jw_begin_obj(&w);
    jwf_str(&w, "message", message);
    jwf_str(&w, "type", type);
    jwf_null(&w, "param");
    jwf_str(&w, "code", code);
    jw_end_obj(&w);
    jw_end_obj(&w);
    buf_add_str(out, "\n\n");
}

bool relay_is_event_stream(const struct http_headers *headers)
{
    struct span rest;
    struct span type = span_cut(http_headers_get(headers, "Content-Type"), ';', &rest);
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
static void set_message(struct relay_error *to, struct span text)
{
    AUTO(buf) struct buf *clean = buf_new();
    utf8_add_clean(clean, span_trim(text));
    size_t n = utf8_floor(buf_span(clean), sizeof to->message.text - 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)clean->p[i];
        to->message.text[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
    }
    to->message.text[n] = '\0';
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
static void read_object(yyjson_val *root, struct relay_error *to)
{
    yyjson_val *error = yyjson_obj_get(root, "error");
    yyjson_val *holder = yyjson_is_obj(error) ? error : root;
    yyjson_val *text = yyjson_is_str(error) ? error : yyjson_obj_get(holder, "message");
    if (!yyjson_is_str(text))
        text = yyjson_obj_get(root, "detail");
    if (yyjson_is_arr(text))
        text = yyjson_obj_get(yyjson_arr_get_first(text), "msg");
    if (yyjson_is_str(text))
        set_message(to, span_of(yyjson_get_str(text), yyjson_get_len(text)));
    set_word(to->type, yyjson_obj_get(holder, "type"));
    set_word(to->code, yyjson_obj_get(holder, "code"));
}

void relay_read_error(int status, struct span body, struct relay_error *out_error)
{
    *out_error = (struct relay_error){0};
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    if (json_parse_object(body, &doc, &root, NULL) == ERR_OK)
        read_object(root, out_error);
    else if (body.len > 0 && body.len < 400 && body.p[0] != '<')
        set_message(out_error, body);
    if (out_error->message.text[0] == '\0')
        (void)snprintf(out_error->message.text, sizeof out_error->message.text,
                       "The engine answered with status %d", status);
    if (out_error->type[0] == '\0')
        (void)snprintf(out_error->type, sizeof out_error->type, "%s",
                       status < 500 ? "invalid_request_error" : "server_error");
}
