/* hob demo-engine: reads its options and runs it. */
#include "cli/cmd_demo_engine.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>

#include "demo/demo.h"

static const char usage[] =
    "usage: hob demo-engine (--port N | --socket PATH) [OPTION]...\n"
    "\n"
    "An engine that speaks llama-server's protocol and answers questions about hob. A demo, no language model.\n"
    "\n"
    "  --port N               listen on 127.0.0.1:N; 0 takes a free port and prints it\n"
    "  --socket PATH          listen on a unix socket\n"
    "  --load-seconds S       answer 503 \"Loading model\" for so long (0)\n"
    "  --refuse-seconds S     before that, do not listen at all for so long (0)\n"
    "  --tokens-per-second R  speed of the answers; 0: as fast as they are taken (60)\n"
    "  --slots N              answers at once; others wait without a byte (4)\n"
    "  --think                give thoughts (reasoning_content) before each answer\n"
    "  --memory BYTES         take so much memory at the end of the load (0)\n"
    "\n"
    "Faults, for tests:\n"
    "  --die-while-loading    exit with status 1 half-way through the load\n"
    "  --die-after-tokens N   end by SIGKILL after N tokens of an answer; 0: before its first byte\n"
    "  --hang-after-tokens N  fall silent after N tokens of an answer; 0: before its first byte\n"
    "  --status CODE          answer every chat request with this status (400 to 599)\n"
    "  --log-lines N          print N lines while loading\n"
    "  --free-seconds S       once told to end, hold the memory for so long (0)\n";

enum option_id {
    OPT_PORT = 1,
    OPT_SOCKET,
    OPT_LOAD,
    OPT_REFUSE,
    OPT_RATE,
    OPT_SLOTS,
    OPT_THINK,
    OPT_DIE_LOADING,
    OPT_DIE,
    OPT_HANG,
    OPT_STATUS,
    OPT_LOG_LINES,
    OPT_MEMORY,
    OPT_FREE,
    OPT_HELP
};

static const struct option options[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"load-seconds", required_argument, NULL, OPT_LOAD},
    {"refuse-seconds", required_argument, NULL, OPT_REFUSE},
    {"tokens-per-second", required_argument, NULL, OPT_RATE},
    {"slots", required_argument, NULL, OPT_SLOTS},
    {"parallel", required_argument, NULL, OPT_SLOTS}, /* llama-server's name for it */
    {"think", no_argument, NULL, OPT_THINK},
    {"die-while-loading", no_argument, NULL, OPT_DIE_LOADING},
    {"die-after-tokens", required_argument, NULL, OPT_DIE},
    {"hang-after-tokens", required_argument, NULL, OPT_HANG},
    {"status", required_argument, NULL, OPT_STATUS},
    {"log-lines", required_argument, NULL, OPT_LOG_LINES},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"free-seconds", required_argument, NULL, OPT_FREE},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool read_number(const char *name, const char *text, double min, double max, double *out_value)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < min || value > max) {
        fprintf(stderr, "hob demo-engine: --%s takes a number from %g to %g, not \"%s\"\n", name, min, max,
                text);
        return false;
    }
    *out_value = value;
    return true;
}

static bool read_count(const char *name, const char *text, int min, int max, int *out_value)
{
    double value = 0;
    if (!read_number(name, text, min, max, &value))
        return false;
    if (value != floor(value)) {
        fprintf(stderr, "hob demo-engine: --%s takes a whole number, not \"%s\"\n", name, text);
        return false;
    }
    *out_value = (int)value;
    return true;
}

static bool read_bytes(const char *name, const char *text, int64_t *out_value)
{
    double value = 0;
    if (!read_number(name, text, 0, 1e12, &value))
        return false;
    *out_value = (int64_t)value;
    return true;
}

static bool read_tokens(const char *name, const char *text, int64_t *out_value)
{
    int value = 0;
    if (!read_count(name, text, 0, 1000000, &value))
        return false;
    *out_value = value;
    return true;
}

static bool read_option(struct demo_options *o, enum option_id id, const char *name, const char *text,
                        bool *has_port)
{
    switch (id) {
    case OPT_PORT: *has_port = true; return read_count(name, text, 0, 65535, &o->port);
    case OPT_SOCKET: o->socket_path = text; return true;
    case OPT_LOAD: return read_number(name, text, 0, 86400, &o->load_s);
    case OPT_REFUSE: return read_number(name, text, 0, 86400, &o->refuse_s);
    case OPT_RATE: return read_number(name, text, 0, 1e6, &o->tokens_per_s);
    case OPT_SLOTS: return read_count(name, text, 1, 1024, &o->slots);
    case OPT_THINK: o->think = true; return true;
    case OPT_DIE_LOADING: o->die_while_loading = true; return true;
    case OPT_DIE: return read_tokens(name, text, &o->die_after_tokens);
    case OPT_HANG: return read_tokens(name, text, &o->hang_after_tokens);
    case OPT_STATUS: return read_count(name, text, 400, 599, &o->status);
    case OPT_LOG_LINES: return read_count(name, text, 0, 1000000, &o->log_lines);
    case OPT_MEMORY: return read_bytes(name, text, &o->memory_bytes);
    case OPT_FREE: return read_number(name, text, 0, 3600, &o->free_s);
    case OPT_HELP: break;
    }
    return false;
}

int cmd_demo_engine(int argc, char **argv)
{
    struct demo_options o;
    demo_options_init(&o);
    bool has_port = false;
    int at = 0, c;
    while ((c = getopt_long(argc, argv, "", options, &at)) != -1) {
        if (c == OPT_HELP) {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (c == '?' || !read_option(&o, (enum option_id)c, options[at].name, optarg, &has_port))
            return 2;
    }
    if (optind < argc || has_port == (o.socket_path != NULL)) {
        if (optind < argc)
            fprintf(stderr, "hob demo-engine: unexpected argument \"%s\"\n", argv[optind]);
        (void)fputs(usage, stderr);
        return 2;
    }
    return demo_run(&o);
}
