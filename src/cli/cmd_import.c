/* hob import. */
#include "cli/cmd_import.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "config/config.h"

static const char usage[] =
    "usage: hob import llama-swap CONFIG.yaml [-o FILE]\n"
    "\n"
    "Makes a configuration file of hob of llama-swap's. What cannot be taken over is told on stderr, a line each, with the\n"
    "place in CONFIG.yaml and the reason.\n"
    "\n"
    "  -o FILE   write it there (a file that is there stays as it is); else to stdout\n";

static int write_new(const char *path, struct span text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t done = 0;
    while (fd >= 0 && done < text.len) {
        ssize_t n = write(fd, text.p + done, text.len - done);
        if (n < 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0 || done < text.len || close(fd) != 0) {
        fprintf(stderr, "hob import: %s: %s\n", path, strerror(errno));
        return 1;
    }
    return 0;
}

static int import(const char *path, const char *to)
{
    AUTO(buf) struct buf *yaml = buf_new();
    struct strv notes = {0};
    size_t n_servers = 0;
    enum err e = config_import_llama_swap(path, yaml, &n_servers, &notes);
    for (size_t i = 0; i < notes.n; i++)
        fprintf(stderr, "%s\n", notes.v[i]);
    strv_release(&notes);
    if (e)
        return 1;
    if (to && write_new(to, buf_span(yaml)))
        return 1;
    if (!to)
        (void)fwrite(yaml->p, 1, yaml->len, stdout);
    else
        fprintf(stderr, "%s: %zu server%s; start it with: hob serve --config %s\n", to, n_servers,
                n_servers == 1 ? "" : "s", to);
    return 0;
}

int cmd_import(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *to = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (c == 'o') {
            to = optarg;
        } else {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (argc - optind != 2 || !str_eq(argv[optind], "llama-swap")) {
        (void)fputs(usage, stderr);
        return 2;
    }
    return import(argv[optind + 1], to);
}
