/* hob key add: asks the running hob, over its control socket, for a new API key and prints it. */
#include "cli/cmd_key.h"

#include <getopt.h>
#include <stdio.h>

#include "cli/cli_control.h"

static const char usage[] = "usage: hob key add NAME [--user USER] [--data DIR] [--config FILE]\n"
                            "\n"
                            "  Makes an API key for programs and prints it; it is not shown again.\n"
                            "  --user USER    whose key it is (the first admin's)\n"
                            "  --data DIR     the data folder of the running hob\n";

struct arguments {
    const char *name, *user, *data, *config;
};

static int add_key(struct control *control, const struct arguments *args)
{
    AUTO(buf) struct buf *body = buf_new();
    struct control_answer answer;
    struct json_writer w;
    jw_init(&w, body);
    jw_begin_obj(&w);
    jwf_str(&w, "name", args->name);
    if (args->user)
        jwf_str(&w, "user", args->user);
    jw_end_obj(&w);
    control_ask(control, "POST", "/api/keys", buf_span(body), &answer);
    int status = 1;
    if (!control_complain(control, &answer, 201)) {
        puts(json_str_or(answer.root, "secret", ""));
        status = 0;
    }
    control_answer_release(&answer);
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
