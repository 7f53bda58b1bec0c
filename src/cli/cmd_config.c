/* hob config. */
#include "cli/cmd_config.h"

#include <stdio.h>
#include <sys/stat.h>

#include "config/config.h"

static const char usage[] =
    "usage: hob config check [[--config] FILE]\n"
    "\n"
    "Says what is wrong in a configuration file, a line each: FILE:LINE:COLUMN: what. Without\n"
    "FILE it is hob.yaml in this folder. Ends with 0 when hob would take the file, else with 1.\n";

/* A disk that is not there yet is no fault of the file. */
static void warn_of_models(const struct config *c)
{
    struct stat st;
    for (size_t i = 0; i < c->n_servers; i++) {
        const char *path = c->servers[i].model_path;
        if (path && stat(path, &st) != 0)
            fprintf(stderr, "warning: server %s: %s is not there\n", c->servers[i].name, path);
    }
}

static int check(const char *path)
{
    struct config config;
    struct strv faults = {0};
    config_init(&config);
    enum err e = config_check(&config, path, &faults);
    for (size_t i = 0; i < faults.n; i++)
        fprintf(stderr, "%s\n", faults.v[i]);
    if (!e) {
        warn_of_models(&config);
        printf("ok: %zu server%s\n", config.n_servers, config.n_servers == 1 ? "" : "s");
    }
    strv_release(&faults);
    config_release(&config);
    return e ? 1 : 0;
}

int cmd_config(int argc, char **argv)
{
    if (argc == 2 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))) {
        (void)fputs(usage, stdout);
        return 0;
    }
    bool is_named = argc == 4 && str_eq(argv[2], "--config"); /* as it is called elsewhere */
    bool is_bare = argc == 2 || (argc == 3 && argv[2][0] != '-');
    if (argc < 2 || !str_eq(argv[1], "check") || !(is_named || is_bare)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    return check(argc == 2 ? "hob.yaml" : argv[argc - 1]);
}
