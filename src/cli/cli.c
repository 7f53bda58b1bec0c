/* Finds the command and runs it. */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/cmd_chat.h"
#include "cli/cmd_config.h"
#include "cli/cmd_demo_engine.h"
#include "cli/cmd_engine_exec.h"
#include "cli/cmd_import.h"
#include "cli/cmd_key.h"
#include "cli/cmd_serve.h"
#include "util/util.h"

static const char usage[] = "usage: hob COMMAND [OPTION]...\n"
                            "\n"
                            "  serve         run hob: the page, the API and the engines\n"
                            "  chat          ask a model of the running hob, in the terminal\n"
                            "  key add NAME  make an API key of the running hob\n"
                            "  config check  say what is wrong in a configuration file\n"
                            "  import        make a configuration file of another program's\n"
                            "  demo-engine   run the demo engine alone\n"
                            "  version       print the version\n"
                            "\n"
                            "`hob COMMAND --help` tells more. Documentation: docs/ in the source.\n";

static int show_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("hob " HOB_VERSION);
    return 0;
}

static int show_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs(usage, stdout);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} commands[] = {
    {"serve", cmd_serve},
    {"chat", cmd_chat},
    {"key", cmd_key},
    {"config", cmd_config},
    {"import", cmd_import},
    {"demo-engine", cmd_demo_engine},
    {"engine-exec", cmd_engine_exec},
    {"version", show_version},
    {"--version", show_version},
    {"help", show_help},
    {"--help", show_help},
    {"-h", show_help},
};

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs(usage, stderr);
        return 2;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "hob: there is no command \"%s\"\n%s", argv[1], usage);
    return 2;
}
