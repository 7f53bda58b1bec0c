/* Settings from the config file, checked by a schema. */
#include "app/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <unistd.h>

struct file_settings {
    char *listen, *data, *log_level, *llama_server, *titles;
    char **model_folders, **allowed_hosts;
    unsigned model_folders_count, allowed_hosts_count;
    int64_t activity_rows, activity_days;
};

static const cyaml_schema_value_t string_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096)};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings, listen,
                           1, 256),
    CYAML_FIELD_STRING_PTR("data", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings, data, 1,
                           4096),
    CYAML_FIELD_STRING_PTR("log_level", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings,
                           log_level, 1, 16),
    CYAML_FIELD_STRING_PTR("llama_server", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings,
                           llama_server, 1, 4096),
    CYAML_FIELD_SEQUENCE("model_folders", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings,
                         model_folders, &string_schema, 0, 64),
    CYAML_FIELD_SEQUENCE("allowed_hosts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings,
                         allowed_hosts, &string_schema, 0, 64),
    CYAML_FIELD_STRING_PTR("titles", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_settings, titles,
                           1, 16),
    CYAML_FIELD_INT("activity_rows", CYAML_FLAG_OPTIONAL, struct file_settings, activity_rows),
    CYAML_FIELD_INT("activity_days", CYAML_FLAG_OPTIONAL, struct file_settings, activity_days),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t top_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_settings, fields),
};

static const char known_keys[] =
    "listen, data, log_level, llama_server, model_folders, allowed_hosts, titles, "
    "activity_rows, activity_days";

void config_init(struct config *c)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    *c = (struct config){.address = xstrdup("127.0.0.1"),
                         .port = CONFIG_DEFAULT_PORT,
                         .log_level = LOG_INFO,
                         .model_titles = true};
    if (xdg && xdg[0] == '/')
        c->data_dir = xasprintf("%s/hob", xdg);
    else
        c->data_dir = xasprintf("%s/.local/share/hob", home && home[0] ? home : "/var/lib");
}

void config_release(struct config *c)
{
    free(c->address);
    free(c->data_dir);
    free(c->llama_server);
    strv_release(&c->model_folders);
    strv_release(&c->allowed_hosts);
    *c = (struct config){0};
}

bool config_is_loopback(const struct config *c)
{
    return strcmp(c->address, "::1") == 0 || strncmp(c->address, "127.", 4) == 0;
}

static bool is_address(const char *text)
{
    struct in6_addr any;
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

enum err config_set_listen(struct config *c, const char *text, struct err_text *why)
{
    const char *colon = strrchr(text, ':');
    struct span host = colon ? span_of(text, (size_t)(colon - text)) : span_str(c->address);
    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = span_of(host.p + 1, host.len - 2);
    uint64_t port = 0;
    if (!span_to_u64(span_str(colon ? colon + 1 : text), &port) || port > 65535)
        return err_set(why, ERR_INVALID, "listen: expected ADDRESS:PORT such as 127.0.0.1:%d, found \"%s\"",
                       CONFIG_DEFAULT_PORT, text);
    char *address = span_is(host, "localhost") ? xstrdup("127.0.0.1") : span_dup(host);
    if (!is_address(address)) {
        free(address);
        return err_set(why, ERR_INVALID,
                       "listen: expected a numeric address such as 127.0.0.1 or [::1], found \"%.*s\"",
                       SPAN_ARG(host));
    }
    free(c->address);
    c->address = address;
    c->port = (int)port;
    return ERR_OK;
}

/* libcyaml says what is wrong in its first line, and names field, line and column in the back-trace below. */
struct complaint {
    char what[200];
    char where[100];
};

static void collect_complaint(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    struct complaint *c = ctx;
    char line[256];
    (void)vsnprintf(line, sizeof line, fmt, args);
    if (level < CYAML_LOG_ERROR)
        return;
    struct span text = span_trim(span_str(line));
    bool is_place = span_find(text, SPAN_LIT("(line: ")) >= 0;
    if (is_place && !c->where[0])
        (void)snprintf(c->where, sizeof c->where, "%.*s", SPAN_ARG(text));
    else if (!is_place && !c->what[0])
        (void)snprintf(c->what, sizeof c->what, "%.*s", SPAN_ARG(text));
}

/* The back-trace gives the mapping's line for an unknown key; the key's own line is what helps. 0: not found. */
static int line_of_key(const char *path, const char *key)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    char line[512];
    int found = 0, n = 0;
    while (!found && fgets(line, sizeof line, f)) {
        struct span rest, name = span_trim(span_cut(span_str(line), ':', &rest));
        n++;
        if (rest.p && span_is(name, key))
            found = n;
    }
    (void)fclose(f);
    return found;
}

static enum err explain(const char *path, cyaml_err_t fault, const struct complaint *c, struct err_text *why)
{
    const char *what = strncmp(c->what, "Load: ", 6) == 0 ? c->what + 6 : c->what;
    const char *at = strstr(c->where, "(line: ");
    uint64_t line = 1; /* a document of the wrong kind has no back-trace */
    struct span rest;
    if (at && !span_to_u64(span_cut(span_str(at + 7), ',', &rest), &line))
        line = 1;
    if (strncmp(what, "Unexpected key: ", 16) == 0)
        return err_set(why, ERR_INVALID, "%s:%d: unknown key \"%s\"; known keys: %s", path,
                       line_of_key(path, what + 16), what + 16, known_keys);
    struct span field, name;
    (void)span_cut(span_str(strstr(c->where, "field '")), '\'', &field);
    name = span_cut(field, '\'', &rest);
    return err_set(why, ERR_INVALID, "%s:%d: %.*s%s%s", path, (int)line, SPAN_ARG(name), name.len ? ": " : "",
                   what[0] ? what : cyaml_strerror(fault));
}

static enum err take_settings(struct config *c, const struct file_settings *f, struct err_text *why)
{
    if (f->listen) {
        enum err e = config_set_listen(c, f->listen, why);
        if (e)
            return e;
    }
    if (f->log_level && !log_level_parse(f->log_level, &c->log_level))
        return err_set(why, ERR_INVALID, "log_level: expected debug, info, warn or error, found \"%s\"",
                       f->log_level);
    if (f->titles && !str_eq(f->titles, "model") && !str_eq(f->titles, "message"))
        return err_set(why, ERR_INVALID, "titles: expected model or message, found \"%s\"", f->titles);
    if (f->titles)
        c->model_titles = str_eq(f->titles, "model");
    if (f->activity_rows < 0 || f->activity_rows > CONFIG_MAX_ACTIVITY_ROWS)
        return err_set(why, ERR_INVALID, "activity_rows: expected a number from 1 to %d",
                       CONFIG_MAX_ACTIVITY_ROWS);
    if (f->activity_days < 0 || f->activity_days > CONFIG_MAX_ACTIVITY_DAYS)
        return err_set(why, ERR_INVALID, "activity_days: expected a number from 1 to %d",
                       CONFIG_MAX_ACTIVITY_DAYS);
    c->activity_rows = f->activity_rows;
    c->activity_days = f->activity_days;
    if (f->data)
        xreplace(&c->data_dir, f->data);
    if (f->llama_server)
        xreplace(&c->llama_server, f->llama_server);
    for (unsigned i = 0; i < f->model_folders_count; i++)
        strv_add(&c->model_folders, f->model_folders[i]);
    for (unsigned i = 0; i < f->allowed_hosts_count; i++) {
        strv_add(&c->allowed_hosts, f->allowed_hosts[i]);
        for (char *p = c->allowed_hosts.v[c->allowed_hosts.n - 1]; *p; p++)
            *p = (char)tolower((unsigned char)*p);
    }
    return ERR_OK;
}

enum err config_load(struct config *c, const char *path, struct err_text *why)
{
    if (access(path, R_OK) != 0)
        return err_set(why, ERR_NOT_FOUND, "%s: cannot read it", path);
    struct complaint complaint = {0};
    const cyaml_config_t options = {
        .log_fn = collect_complaint,
        .log_ctx = &complaint,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
    };
    struct file_settings *f = NULL;
    cyaml_err_t fault = cyaml_load_file(path, &options, &top_schema, (cyaml_data_t **)&f, NULL);
    if (fault != CYAML_OK)
        return explain(path, fault, &complaint, why);
    if (!f)
        return ERR_OK; /* an empty file */
    struct err_text inner = {0};
    enum err e = take_settings(c, f, &inner);
    if (e)
        (void)err_set(why, e, "%s: %s", path, inner.text);
    (void)cyaml_free(&options, &top_schema, f, 0);
    return e;
}
