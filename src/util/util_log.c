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

/* As they stand in a line. */
#define LEVEL_LEN 6
static const char level_texts[][LEVEL_LEN + 1] = {"debug ", "info  ", "warn  ", "error "};

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
static void escape_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
}

#define MAX_LINE_BYTES 2048
#define MAX_KEPT_BYTES 16384

#define DATE_LEN 19 /* 2006-01-02T15:04:05 */

static _Thread_local struct {
    time_t second;
    char text[DATE_LEN + 1]; /* of that second */
} date;
static _Thread_local struct {
    char p[MAX_KEPT_BYTES];
    size_t len;
} kept;

/* The beginning of a line; returns its length. */
static size_t write_head(char *line, enum log_level level)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != date.second || !date.text[0]) {
        struct tm utc;
        (void)gmtime_r(&now.tv_sec, &utc);
        (void)strftime(date.text, sizeof date.text, "%Y-%m-%dT%H:%M:%S", &utc);
        date.second = now.tv_sec;
    }
    unsigned ms = (unsigned)(now.tv_nsec / 1000000);
    char rest[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z', ' '};
    memcpy(line, date.text, DATE_LEN);
    memcpy(line + DATE_LEN, rest, sizeof rest);
    memcpy(line + DATE_LEN + sizeof rest, level_texts[level], LEVEL_LEN);
    return DATE_LEN + sizeof rest + LEVEL_LEN;
}

/* A full or closed stderr must not stop the program. */
static void put(const char *p, size_t n)
{
    if (write(STDERR_FILENO, p, n) < 0)
        return;
}

bool log_is_on(enum log_level level)
{
    return (int)level >= lowest;
}

void log_flush(void)
{
    size_t n = kept.len;
    kept.len = 0;
    if (n)
        put(kept.p, n);
}

bool log_later(enum log_level level, struct span text)
{
    if (!log_is_on(level))
        return false;
    if (kept.len + MAX_LINE_BYTES > sizeof kept.p)
        log_flush();
    bool is_first = kept.len == 0;
    char *line = kept.p + kept.len;
    size_t n = write_head(line, level);
    size_t len = text.len < MAX_LINE_BYTES - n - 1 ? text.len : MAX_LINE_BYTES - n - 1;
    memcpy(line + n, text.p, len);
    escape_controls(line + n, len);
    n += len;
    line[n++] = '\n';
    kept.len += n;
    return is_first;
}

void log_at(enum log_level level, const char *fmt, ...)
{
    if (!log_is_on(level))
        return;
    log_flush();
    char line[MAX_LINE_BYTES];
    size_t n = write_head(line, level);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line + n, sizeof line - n - 1, fmt, args);
    va_end(args);
    size_t len = strlen(line + n);
    escape_controls(line + n, len);
    n += len;
    line[n++] = '\n';
    put(line, n);
}
