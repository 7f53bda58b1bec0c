/* hob key add: asks the running hob, over its control socket, for a new API key and prints it. */
#include "cli/cmd_key.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"
#include "http/http.h"

#define TIMEOUT_MS       10000
#define MAX_ANSWER_BYTES 65536

static const char usage[] = "usage: hob key add NAME [--user USER] [--data DIR] [--config FILE]\n"
                            "\n"
                            "  Makes an API key for programs and prints it; it is not shown again.\n"
                            "  --user USER    whose key it is (the first admin's)\n"
                            "  --data DIR     the data folder of the running hob\n";

struct arguments {
    const char *name, *user, *data, *config;
};

struct exchange {
    struct loop *loop;
    struct buf answer;
    int status;
    enum err err;
    struct err_text why;
};

static void on_headers(struct http_call *call, void *arg, int status, const struct http_headers *headers)
{
    (void)call;
    (void)headers;
    struct exchange *ex = arg;
    ex->status = status;
}

static void on_body(struct http_call *call, void *arg, struct span data)
{
    (void)call;
    struct exchange *ex = arg;
    if (ex->answer.len + data.len <= MAX_ANSWER_BYTES)
        buf_add_span(&ex->answer, data);
}

static void on_done(struct http_call *call, void *arg, enum err e, const struct err_text *why)
{
    (void)call;
    struct exchange *ex = arg;
    ex->err = e;
    if (e)
        ex->why = *why;
    loop_stop(ex->loop);
}

/* POSTs body to the control socket and waits for the answer. */
static void ask(struct exchange *ex, const char *socket_path, const char *target, struct span body)
{
    const struct http_endpoint to = {.unix_path = socket_path};
    const struct http_call_events events = {.on_headers = on_headers, .on_body = on_body, .on_done = on_done};
    struct http_headers headers = {0};
    http_headers_add(&headers, "Content-Type", SPAN_LIT("application/json"));
    const struct http_call_options options = {.method = "POST",
                                              .target = target,
                                              .headers = &headers,
                                              .body = body,
                                              .header_timeout_ms = TIMEOUT_MS,
                                              .idle_timeout_ms = TIMEOUT_MS};
    ex->loop = loop_new();
    struct http_client *client = http_client_new(ex->loop);
    (void)http_call_start(client, &to, &options, &events, ex);
    loop_run(ex->loop);
    http_client_close(client);
    loop_free(ex->loop);
    http_headers_release(&headers);
}

static int print_answer(const struct exchange *ex)
{
    AUTO(json_doc) yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    struct err_text why = {0};
    if (json_parse_object(buf_span(&ex->answer), &doc, &root, &why)) {
        fprintf(stderr, "hob: hob's answer is not understood: %s\n", why.text);
        return 1;
    }
    if (ex->status != 201) {
        fprintf(stderr, "hob: %s\n", json_str_or(yyjson_obj_get(root, "error"), "message", "refused"));
        return 1;
    }
    puts(json_str_or(root, "secret", ""));
    return 0;
}

static int add_key(const char *data_dir, const struct arguments *args)
{
    AUTO(mem) char *socket_path = xasprintf("%s/" APP_CONTROL_SOCKET, data_dir);
    AUTO(buf) struct buf *body = buf_new();
    struct exchange ex = {0};
    struct json_writer w;
    jw_init(&w, body);
    jw_begin_obj(&w);
    jwf_str(&w, "name", args->name);
    if (args->user)
        jwf_str(&w, "user", args->user);
    jw_end_obj(&w);
    ask(&ex, socket_path, "/api/keys", buf_span(body));
    int status = 1;
    if (ex.err)
        fprintf(stderr,
                "hob: no hob runs with the data folder %s (%s). Start it with `hob serve`, then try again.\n",
                data_dir, ex.why.text);
    else
        status = print_answer(&ex);
    buf_release(&ex.answer);
    return status;
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"user", required_argument, NULL, 'u'},
        {"data", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'u') {
            a->user = optarg;
        } else if (c == 'd') {
            a->data = optarg;
        } else if (c == 'c') {
            a->config = optarg;
        } else {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (argc - optind != 2 || strcmp(argv[optind], "add") != 0) {
        (void)fputs(usage, stderr);
        return 2;
    }
    a->name = argv[optind + 1];
    return -1;
}

int cmd_key(int argc, char **argv)
{
    struct arguments args = {0};
    int status = read_arguments(argc, argv, &args);
    if (status >= 0)
        return status;
    struct config config;
    struct err_text why = {0};
    config_init(&config);
    enum err e = args.config ? config_load(&config, args.config, &why) : ERR_OK;
    if (args.data)
        xreplace(&config.data_dir, args.data);
    if (e) {
        fprintf(stderr, "hob: %s\n", why.text);
        status = 2;
    } else {
        status = add_key(config.data_dir, &args);
    }
    config_release(&config);
    return status;
}
