/* Log lines on stderr, one write each. */
#include "util/util_log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int lowest = LOG_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    lowest = (int)level;
}

bool log_level_parse(const char *name, enum log_level *out_level)
{
    for (int i = 0; i <= LOG_ERROR; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* One event is one line: what came from outside cannot start another or steer a terminal. */
static void escape_controls(char *text)
{
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

void log_at(enum log_level level, const char *fmt, ...)
{
    if ((int)level < lowest)
        return;
    char line[2048];
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(line, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03dZ %-5s ", (int)(now.tv_nsec / 1000000),
                          level_names[level]);

    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line + n, sizeof line - n - 1, fmt, args);
    va_end(args);
    escape_controls(line);
    n = strlen(line);
    line[n++] = '\n';
    /* A full or closed stderr must not stop the program. */
    if (write(STDERR_FILENO, line, n) < 0)
        return;
}
