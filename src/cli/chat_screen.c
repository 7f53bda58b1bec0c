/* Writes to stdout and stderr for `hob chat`. */
#include "cli/chat_screen.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli_text.h"

#define DIM      "\033[2m"
#define PLAIN    "\033[0m"
#define NEW_LINE "\r\033[K" /* from the start of the line, which it empties */

#define DEFAULT_COLUMNS 80

void screen_init(struct chat_screen *s)
{
    *s = (struct chat_screen){.out_is_tty = isatty(STDOUT_FILENO), .err_is_tty = isatty(STDERR_FILENO)};
}

static void put(struct chat_screen *s, struct span text)
{
    if (fwrite(text.p, 1, text.len, stdout) != text.len || fflush(stdout))
        s->is_broken = true;
}

static void leave_thoughts(struct chat_screen *s)
{
    if (!s->is_dim)
        return;
    s->is_dim = false;
    put(s, s->is_mid_line ? SPAN_LIT(PLAIN "\n\n") : SPAN_LIT(PLAIN "\n"));
    s->is_mid_line = false;
}

static void put_plain(struct chat_screen *s, struct span text)
{
    AUTO(buf) struct buf *plain = buf_new();
    text_add_plain(plain, text);
    if (plain->len == 0)
        return;
    s->is_mid_line = plain->p[plain->len - 1] != '\n';
    put(s, buf_span(plain));
}

void screen_answer(struct chat_screen *s, struct span text)
{
    screen_clear_status(s);
    leave_thoughts(s);
    put_plain(s, text);
}

void screen_reasoning(struct chat_screen *s, struct span text)
{
    if (!s->out_is_tty)
        return;
    screen_clear_status(s);
    if (!s->is_dim)
        put(s, SPAN_LIT(DIM));
    s->is_dim = true;
    put_plain(s, text);
}

void screen_end_answer(struct chat_screen *s)
{
    screen_clear_status(s);
    leave_thoughts(s);
    if (s->is_mid_line)
        put(s, SPAN_LIT("\n"));
    s->is_mid_line = false;
}

static size_t columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

void screen_status(struct chat_screen *s, int attempt, struct span line)
{
    if (!s->err_is_tty) {
        if (attempt > s->shown_attempt)
            fprintf(stderr, "%.*s\n", SPAN_ARG(line));
        s->shown_attempt = attempt > s->shown_attempt ? attempt : s->shown_attempt;
        return;
    }
    /* A line that wraps could not be taken back: only its last row would go. */
    line.len = text_floor(line, columns() - 1);
    fprintf(stderr, NEW_LINE "%.*s", SPAN_ARG(line));
    (void)fflush(stderr);
    s->has_status = true;
}

void screen_clear_status(struct chat_screen *s)
{
    if (!s->has_status)
        return;
    (void)fputs(NEW_LINE, stderr);
    (void)fflush(stderr);
    s->has_status = false;
}

void screen_new_message(struct chat_screen *s)
{
    s->shown_attempt = 0;
}

void screen_say(struct chat_screen *s, struct span lines)
{
    screen_clear_status(s);
    (void)fwrite(lines.p, 1, lines.len, stderr);
}
