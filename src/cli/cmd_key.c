/* hob key add: asks the running hob, over its control socket, for a new API key and prints it. */
#include "cli/cmd_key.h"

#include <getopt.h>
#include <stdio.h>

#include "cli/cli_control.h"

static const char usage[] =
    "usage: hob key add NAME [options]\n"
    "\n"
    "  Makes an API key for programs and prints it; it is not shown again.\n"
    "  --user USER       whose key it is (the first admin's)\n"
    "  --models LIST     only for these servers: names, aliases, or patterns with *, as qwen3*,embed (all)\n"
    "  --routes LIST     only for these of: chat completions responses messages embeddings rerank audio\n"
    "                    images upstream api, with commas between them (all)\n"
    "  --expires TIME    refused after this time from now, as 90d or 12h (never)\n"
    "  --requests N      at most N requests in a minute\n"
    "  --tokens N        at most N tokens in a minute, of prompts and answers\n"
    "  --parallel N      at most N requests at once\n"
    "  --data DIR        the data folder of the running hob\n"
    "  --config FILE     its config file\n";

struct arguments {
    const char *name, *user, *data, *config;
    const char *models, *routes; /* with commas; or NULL */
    int64_t expires_ms;          /* from now; 0: never */
    uint64_t requests, tokens, parallel;
};

static void write_list(struct json_writer *w, const char *name, const char *list)
{
    if (!list)
        return;
    jw_key(w, name);
    jw_begin_arr(w);
    for (struct span rest = span_str(list); rest.p;)
        jw_span(w, span_trim(span_cut(rest, ',', &rest)));
    jw_end_arr(w);
}

static void write_limit(struct json_writer *w, const char *name, uint64_t n)
{
    if (n)
        jwf_int(w, name, (int64_t)n);
}

static void write_request(struct buf *out, const struct arguments *args)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jwf_str(&w, "name", args->name);
    if (args->user)
        jwf_str(&w, "user", args->user);
    write_list(&w, "models", args->models);
    write_list(&w, "routes", args->routes);
    if (args->expires_ms)
        jwf_int(&w, "expires_at", clock_wall_ms() + args->expires_ms);
    jw_key(&w, "limits");
    jw_begin_obj(&w);
    write_limit(&w, "requests_per_minute", args->requests);
    write_limit(&w, "tokens_per_minute", args->tokens);
    write_limit(&w, "max_parallel", args->parallel);
    jw_end_obj(&w);
    jw_end_obj(&w);
}

static int add_key(struct control *control, const struct arguments *args)
{
    AUTO(buf) struct buf *body = buf_new();
    struct control_answer answer;
    write_request(body, args);
    control_ask(control, "POST", "/api/keys", buf_span(body), &answer);
    int status = 1;
    if (!control_complain(control, &answer, 201)) {
        puts(json_str_or(answer.root, "secret", ""));
        status = 0;
    }
    control_answer_release(&answer);
    return status;
}

/* 1 to 999999999; more than hob takes, which says so. */
static bool read_count(const char *text, uint64_t *out_n)
{
    return strlen(text) < 10 && span_to_u64(span_str(text), out_n) && *out_n > 0;
}

/* "90d", "12h". */
static bool read_time(const char *text, int64_t *out_ms)
{
    struct span s = span_str(text);
    uint64_t n = 0;
    int64_t unit_ms = span_ends(s, "d") ? 24 * 3600000 : span_ends(s, "h") ? 3600000 : 0;
    if (!unit_ms || s.len > 6 || !span_to_u64(span_of(s.p, s.len - 1), &n) || n == 0)
        return false;
    *out_ms = (int64_t)n * unit_ms;
    return true;
}

/* False: there is no such option, or its value is not understood. */
static bool take_option(struct arguments *a, int c)
{
    switch (c) {
    case 'u': a->user = optarg; return true;
    case 'd': a->data = optarg; return true;
    case 'c': a->config = optarg; return true;
    case 'm': a->models = optarg; return true;
    case 'r': a->routes = optarg; return true;
    case 'e': return read_time(optarg, &a->expires_ms);
    case 'n': return read_count(optarg, &a->requests);
    case 't': return read_count(optarg, &a->tokens);
    case 'p': return read_count(optarg, &a->parallel);
    default: return false;
    }
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"user", required_argument, NULL, 'u'},
        {"data", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},
        {"models", required_argument, NULL, 'm'},
        {"routes", required_argument, NULL, 'r'},
        {"expires", required_argument, NULL, 'e'},
        {"requests", required_argument, NULL, 'n'},
        {"tokens", required_argument, NULL, 't'},
        {"parallel", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (!take_option(a, c)) {
            if (c != '?')
                fprintf(stderr, "hob: \"%s\" is not understood\n", optarg);
            (void)fputs(usage, stderr);
            return 2;
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
    struct control control;
    struct err_text why = {0};
    if (control_open(&control, args.data, args.config, &why)) {
        fprintf(stderr, "hob: %s\n", why.text);
        status = 2;
    } else {
        status = add_key(&control, &args);
    }
    control_close(&control);
    return status;
}
