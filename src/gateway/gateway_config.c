/* A server's configuration: its fields' rules, what the engine is told to run, and its JSON. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "gateway/gateway_room.h"

static void release_strv(struct strv *s)
{
    strv_release(s);
}
#define AUTO_STRV __attribute__((cleanup(release_strv)))

/* ---- rows ---- */

void server_row_clear(struct server_row *row)
{
    free(row->id);
    free(row->name);
    free(row->kind);
    free(row->model_path);
    free(row->command_json);
    free(row->args_json);
    free(row->system_prompt);
    free(row->settings_json);
    *row = (struct server_row){0};
}

void server_row_copy(struct server_row *to, const struct server_row *from)
{
    *to = *from;
    to->id = xstrdup(from->id);
    to->name = xstrdup(from->name);
    to->kind = xstrdup(from->kind);
    to->model_path = xstrdup(from->model_path);
    to->command_json = xstrdup(from->command_json);
    to->args_json = xstrdup(from->args_json);
    to->system_prompt = xstrdup(from->system_prompt);
    to->settings_json = xstrdup(from->settings_json);
}

/* ---- patches ---- */

void server_patch_init(struct server_patch *p)
{
    *p = (struct server_patch){.on_demand = -1, .autostart = -1};
}

void server_patch_release(struct server_patch *p)
{
    free(p->name);
    free(p->kind);
    free(p->model_path);
    free(p->system_prompt);
    free(p->settings_json);
    strv_release(&p->command);
    strv_release(&p->args);
    server_patch_init(p);
}

static enum err take_str(yyjson_val *body, const char *name, char **out, struct err_text *why)
{
    const char *text = NULL;
    enum err e = json_get_str(body, name, false, &text, why);
    if (!e && text)
        xreplace(out, text);
    return e;
}

static enum err take_flag(yyjson_val *body, const char *name, int *out, struct err_text *why)
{
    bool value = false;
    enum err e = json_get_bool(body, name, false, &value, why);
    yyjson_val *v = yyjson_obj_get(body, name);
    if (!e && v && !yyjson_is_null(v))
        *out = value;
    return e;
}

static enum err take_args(yyjson_val *body, const char *name, bool *out_has, struct strv *out,
                          struct err_text *why)
{
    yyjson_val *list = NULL;
    enum err e = json_get_arr(body, name, false, &list, why);
    if (e || !list)
        return e;
    if (yyjson_arr_size(list) > GATEWAY_MAX_ARGS)
        return err_set(why, ERR_INVALID, "\"%s\" has more than %d items", name, GATEWAY_MAX_ARGS);
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item) {
        const char *text = yyjson_get_str(item);
        if (!text || strlen(text) != yyjson_get_len(item))
            return err_set(why, ERR_INVALID, "\"%s\" must be an array of strings without NUL", name);
        strv_add(out, text);
    }
    *out_has = true;
    return ERR_OK;
}

/* Copies all of body that the settings know: they are merged with those that are there when the patch is applied. */
static enum err take_settings(yyjson_val *body, char **out, struct err_text *why)
{
    struct server_settings scratch = {0};
    enum err e = server_settings_take(&scratch, body, why);
    server_settings_release(&scratch);
    if (e)
        return e;
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_val(&w, body);
    *out = buf_take_str(&b);
    return ERR_OK;
}

/* What is not among the patch's settings stays. */
static enum err merge_settings(struct server_row *row, const char *patch_json, struct err_text *why)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root;
    struct server_settings settings = {0};
    server_settings_read(&settings, row->settings_json);
    enum err e = json_parse_object(span_str(patch_json), &doc, &root, why);
    if (!e)
        e = server_settings_take(&settings, root, why);
    if (!e) {
        struct buf b = {0};
        struct json_writer w;
        jw_init(&w, &b);
        jw_begin_obj(&w);
        server_settings_keep(&settings, &w);
        jw_end_obj(&w);
        free(row->settings_json);
        row->settings_json = buf_take_str(&b);
    }
    server_settings_release(&settings);
    return e;
}

enum err server_patch_parse(struct server_patch *p, yyjson_val *body, struct err_text *why)
{
    enum err e = take_str(body, "name", &p->name, why);
    if (!e)
        e = take_str(body, "kind", &p->kind, why);
    if (!e)
        e = take_str(body, "model_path", &p->model_path, why);
    if (!e)
        e = take_str(body, "system_prompt", &p->system_prompt, why);
    if (!e)
        e = take_args(body, "command", &p->has_command, &p->command, why);
    if (!e)
        e = take_args(body, "args", &p->has_args, &p->args, why);
    if (!e)
        e = take_flag(body, "on_demand", &p->on_demand, why);
    if (!e)
        e = take_flag(body, "autostart", &p->autostart, why);
    if (!e)
        e = take_settings(body, &p->settings_json, why);
    return e;
}

/* ---- rules ---- */

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return true;
    }
    return false;
}

static enum err check_name(const char *name, struct err_text *why)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0)
        return err_set(why, ERR_INVALID, "\"name\" is missing");
    if (n > GATEWAY_MAX_NAME_BYTES)
        return err_set(why, ERR_INVALID, "\"name\" is longer than %d bytes", GATEWAY_MAX_NAME_BYTES);
    if (has_control(name) || span_trim(span_str(name)).len != n)
        return err_set(why, ERR_INVALID,
                       "\"name\" must have no control characters and no blanks at its ends");
    if (uuid_is_valid(span_str(name)))
        return err_set(why, ERR_INVALID, "\"name\" must not look like an id");
    return ERR_OK;
}

/* Options that hob sets itself, or that would keep it from talking to its engine. */
static const char *const own_options[] = {
    "--host",       "--port",         "--socket",       "-m", "--model", "--api-key", "--api-key-file",
    "--api-prefix", "--ssl-key-file", "--ssl-cert-file"};

static bool is_own_option(const char *arg)
{
    size_t n = strcspn(arg, "=");
    for (size_t i = 0; i < COUNT_OF(own_options); i++) {
        if (n == strlen(own_options[i]) && memcmp(arg, own_options[i], n) == 0)
            return true;
    }
    return false;
}

static enum err check_args(const char *field, const struct strv *args, bool refuse_own, struct err_text *why)
{
    for (size_t i = 0; i < args->n; i++) {
        if (strlen(args->v[i]) > GATEWAY_MAX_ARG_BYTES)
            return err_set(why, ERR_INVALID, "\"%s\" has an item longer than %d bytes", field,
                           GATEWAY_MAX_ARG_BYTES);
        if (refuse_own && is_own_option(args->v[i]))
            return err_set(why, ERR_INVALID, "\"%s\" must not have %s: hob sets it itself", field,
                           args->v[i]);
    }
    return ERR_OK;
}

static bool names_its_address(const struct strv *args)
{
    for (size_t i = 0; i < args->n; i++) {
        if (strstr(args->v[i], "${SOCKET}") || strstr(args->v[i], "${PORT}"))
            return true;
    }
    return false;
}

static char *write_strv(const struct strv *items)
{
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b);
    jw_begin_arr(&w);
    for (size_t i = 0; i < items->n; i++)
        jw_str(&w, items->v[i]);
    jw_end_arr(&w);
    return buf_take_str(&b);
}

/* Lenient: what is stored was checked before. */
static void read_strv(const char *json, struct strv *out)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    if (!json || json_parse(span_str(json), &doc, NULL))
        return;
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item) {
        if (yyjson_is_str(item))
            strv_add(out, yyjson_get_str(item));
    }
}

static enum err check_model_path(const char *path, struct err_text *why)
{
    if (!path)
        return err_set(why, ERR_INVALID, "\"model_path\" is missing");
    if (path[0] != '/' || has_control(path) || strlen(path) > GATEWAY_MAX_ARG_BYTES)
        return err_set(why, ERR_INVALID, "\"model_path\" must be an absolute path");
    return ERR_OK;
}

static enum err check_command(const struct server_row *row, struct err_text *why)
{
    AUTO_STRV struct strv command = {0}, args = {0};
    read_strv(row->command_json, &command);
    read_strv(row->args_json, &args);
    if (command.n == 0 || command.v[0][0] == '\0')
        return err_set(why, ERR_INVALID, "\"command\" is missing");
    enum err e = check_args("command", &command, false, why);
    if (e)
        return e;
    if (!names_its_address(&command) && !names_its_address(&args))
        return err_set(why, ERR_INVALID, "\"command\" must say where it listens: ${SOCKET} or ${PORT}");
    return ERR_OK;
}

static enum err check_row(const struct server_row *row, struct err_text *why)
{
    enum err e = check_name(row->name, why);
    if (e)
        return e;
    if (strlen(row->system_prompt) > GATEWAY_MAX_PROMPT_BYTES)
        return err_set(why, ERR_INVALID, "\"system_prompt\" is longer than %d bytes",
                       GATEWAY_MAX_PROMPT_BYTES);
    AUTO_STRV struct strv args = {0};
    read_strv(row->args_json, &args);
    bool is_command = str_eq(row->kind, "command");
    e = check_args("args", &args, !is_command, why);
    if (e)
        return e;
    if (is_command)
        return check_command(row, why);
    if (str_eq(row->kind, "llama-server"))
        return check_model_path(row->model_path, why);
    if (str_eq(row->kind, "demo"))
        return ERR_OK;
    return err_set(why, ERR_INVALID, "\"kind\" must be \"demo\", \"llama-server\" or \"command\"");
}

enum err server_row_apply(struct server_row *row, const struct server_patch *p, struct err_text *why)
{
    if (p->name)
        xreplace(&row->name, p->name);
    if (p->kind)
        xreplace(&row->kind, p->kind);
    if (p->model_path)
        xreplace(&row->model_path, p->model_path[0] ? p->model_path : NULL);
    if (p->system_prompt)
        xreplace(&row->system_prompt, p->system_prompt);
    if (p->has_command) {
        free(row->command_json);
        row->command_json = p->command.n ? write_strv(&p->command) : NULL;
    }
    if (p->has_args) {
        free(row->args_json);
        row->args_json = write_strv(&p->args);
    }
    if (p->on_demand >= 0)
        row->on_demand = p->on_demand;
    if (p->autostart >= 0)
        row->autostart = p->autostart;
    enum err e = p->settings_json ? merge_settings(row, p->settings_json, why) : ERR_OK;
    return e ? e : check_row(row, why);
}

void server_row_begin(struct server_row *row, const char *id)
{
    *row = (struct server_row){.id = xstrdup(id),
                               .kind = xstrdup("llama-server"),
                               .args_json = xstrdup("[]"),
                               .system_prompt = xstrdup(""),
                               .settings_json = xstrdup("{}"),
                               .on_demand = true,
                               .created_at = clock_wall_ms()};
}

/* ---- what to run ---- */

void server_spec_release(struct engine_spec *spec)
{
    strv_release(&spec->argv);
    strv_release(&spec->env);
}

enum err server_build_spec(const struct server *s, struct engine_spec *out_spec, struct err_text *why)
{
    enum err e = check_row(&s->row, why);
    if (e)
        return e;
    struct engine_spec spec = {.id = s->row.id,
                               .name = s->row.name,
                               .model_path = s->row.model_path,
                               .model_bytes = s->model_bytes,
                               .last_load_ms = s->row.last_load_ms};
    if (str_eq(s->row.kind, "demo")) {
        strv_add(&spec.argv, s->g->self_exe);
        strv_add(&spec.argv, "demo-engine");
        strv_add(&spec.argv, "--socket");
        strv_add(&spec.argv, "${SOCKET}");
        spec.model_path = NULL;
    } else if (str_eq(s->row.kind, "llama-server")) {
        if (!s->g->llama_server_path)
            return err_set(why, ERR_UNSUPPORTED, "llama-server was not found on this machine");
        strv_add(&spec.argv, s->g->llama_server_path);
    } else {
        spec.protocol = ENGINE_GENERIC;
        read_strv(s->row.command_json, &spec.argv);
    }
    read_strv(s->row.args_json, &spec.argv);
    strv_copy(&spec.env, &s->settings.env);
    *out_spec = spec;
    return ERR_OK;
}

char *server_row_model_name(const struct server_row *row)
{
    const char *slash = row->model_path ? strrchr(row->model_path, '/') : NULL;
    if (!slash || !slash[1])
        return xstrdup(str_eq(row->kind, "demo") ? "hob-demo" : row->name);
    size_t n = strlen(slash + 1);
    if (n > 5 && strcasecmp(slash + 1 + n - 5, ".gguf") == 0)
        n -= 5;
    return xstrndup(slash + 1, n);
}

static void find_model(struct server *s)
{
    const char *path = s->row.model_path;
    free(s->model_name);
    s->model_name = server_row_model_name(&s->row);
    struct stat st;
    s->model_bytes = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
}

/* All that makes an engine another one when it is started again. */
static char *describe_spec(const struct server *s, const struct engine_spec *spec)
{
    struct buf b = {0};
    buf_addf(&b, "%s\n%s\n%d\n", s->row.kind, spec->model_path ? spec->model_path : "", spec->slots);
    for (size_t i = 0; i < spec->argv.n; i++)
        buf_addf(&b, "%s\n", spec->argv.v[i]);
    for (size_t i = 0; i < spec->env.n; i++)
        buf_addf(&b, "%s\n", spec->env.v[i]);
    return buf_take_str(&b);
}

bool server_needs_restart(const struct server *s)
{
    return s->engine && engine_state_has_process(engine_state(s->engine)) && s->run && s->wanted &&
           !str_eq(s->run, s->wanted);
}

enum err server_configure(struct server *s, struct err_text *why)
{
    find_model(s);
    server_settings_release(&s->settings);
    server_settings_read(&s->settings, s->row.settings_json);
    server_props_configure(s);
    server_look_at_turns(s);
    struct engine_spec spec;
    enum err e = server_build_spec(s, &spec, why);
    if (e)
        return e;
    engine_set_spec(s->engine, &spec);
    free(s->wanted);
    s->wanted = describe_spec(s, &spec);
    server_spec_release(&spec);
    return ERR_OK;
}

/* ---- JSON ---- */

void gateway_write_server_json(const struct server *s, struct json_writer *w)
{
    jw_begin_obj(w);
    jwf_str(w, "id", s->row.id);
    jwf_str(w, "name", s->row.name);
    jwf_str(w, "kind", s->row.kind);
    jw_key(w, "model");
    jw_begin_obj(w);
    jwf_str(w, "name", s->model_name);
    jwf_str(w, "path", s->row.model_path);
    if (s->model_bytes)
        jwf_int(w, "size_bytes", s->model_bytes);
    else
        jwf_null(w, "size_bytes");
    jw_end_obj(w);
    jwf_raw(w, "command", s->row.command_json);
    jwf_raw(w, "args", s->row.args_json);
    jwf_str(w, "system_prompt", s->row.system_prompt);
    jwf_bool(w, "on_demand", s->row.on_demand);
    jwf_bool(w, "autostart", s->row.autostart);
    server_settings_write(&s->settings, w);
    jwf_int(w, "created_at", s->row.created_at);
    jwf_str(w, "source", server_is_of_file(s) ? "file" : "page");
    jwf_str(w, "file", server_is_of_file(s) ? s->g->file_name : NULL);
    jwf_bool(w, "needs_restart", server_needs_restart(s));
    if (s->props.is_vision_known)
        jwf_bool(w, "vision", s->props.sees);
    else
        jwf_null(w, "vision");
    jw_key(w, "memory");
    memory_write_server(s, w);
    jw_key(w, "engine");
    gateway_write_engine_json(s, w);
    jw_key(w, "queue");
    server_write_queue_json(s, w);
    jw_end_obj(w);
}
