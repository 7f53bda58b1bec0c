/* hob serve. */
#include "cli/cmd_serve.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"

static const char usage[] =
    "usage: hob serve [--config FILE] [--listen ADDRESS:PORT] [--data DIR]\n"
    "\n"
    "  --config FILE          settings and servers in YAML (docs/operations.md); read again when it changes\n"
    "  --listen ADDRESS:PORT  where to listen (127.0.0.1:4620)\n"
    "  --data DIR             where everything is kept ($XDG_DATA_HOME/hob)\n"
    "  --verbose              log every request\n";

/* A relative folder stays the same one when the process changes its own. */
static char *absolute(const char *path)
{
    char *full = path[0] == '/' ? NULL : realpath(".", NULL);
    char *result = full ? xasprintf("%s/%s", full, path) : xstrdup(path);
    free(full);
    return result;
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct config_options *a)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 'l'},
        {"data", required_argument, NULL, 'd'},   {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'c') {
            a->file = optarg;
        } else if (c == 'l') {
            a->listen = optarg;
        } else if (c == 'd') {
            a->data_dir = optarg;
        } else if (c == 'v') {
            a->is_verbose = true;
        } else {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "hob serve: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return 2;
    }
    return -1;
}

int cmd_serve(int argc, char **argv)
{
    struct config_options options = {0};
    int status = read_arguments(argc, argv, &options);
    if (status >= 0)
        return status;
    struct config config;
    struct err_text why = {0};
    AUTO(mem) char *file = options.file ? absolute(options.file) : NULL;
    AUTO(mem) char *data = options.data_dir ? absolute(options.data_dir) : NULL;
    options.file = file;
    options.data_dir = data;
    if (config_read(&config, &options, &why)) {
        fprintf(stderr, "hob: %s\n", why.text);
        return 2;
    }
    status = app_serve(&config, &options);
    config_release(&config);
    return status;
}
