/* Watches the texts of an answer for the borders of its reasoning. */
#include "chat/chat_think.h"

static const char open_tag[] = "<think>", close_tag[] = "</think>";

static void begin(struct think *t, int64_t now_ms)
{
    if (!t->begun_ms)
        t->begun_ms = now_ms;
}

void think_end(struct think *t, int64_t now_ms)
{
    if (t->begun_ms && !t->ended_ms)
        t->ended_ms = now_ms;
}

static void take_before(struct think *t, char c, int64_t now_ms)
{
    if (t->n_tag == 0 && char_is_blank(c))
        return;
    if (c != open_tag[t->n_tag]) {
        t->place = THINK_OUTSIDE;
        think_end(t, now_ms);
    } else if (++t->n_tag == strlen(open_tag)) {
        t->place = THINK_INSIDE;
        t->n_tag = 0;
        begin(t, now_ms);
    }
}

static void take_inside(struct think *t, char c)
{
    /* No proper end of the tag begins it again, but its first character. */
    t->n_tag = c == close_tag[t->n_tag] ? t->n_tag + 1 : c == close_tag[0];
    if (t->n_tag == strlen(close_tag))
        t->place = THINK_OUTSIDE;
}

void think_take(struct think *t, struct span reasoning, struct span content, int64_t now_ms)
{
    if (reasoning.len && !t->ended_ms)
        begin(t, now_ms);
    for (size_t i = 0; i < content.len && !(t->place == THINK_OUTSIDE && (t->ended_ms || !t->begun_ms));
         i++) {
        char c = content.p[i];
        if (t->place == THINK_BEFORE)
            take_before(t, c, now_ms);
        else if (t->place == THINK_INSIDE)
            take_inside(t, c);
        else if (!char_is_blank(c))
            think_end(t, now_ms);
    }
}

int64_t think_took_ms(const struct think *t, int64_t now_ms)
{
    if (!t->begun_ms)
        return -1;
    return (t->ended_ms ? t->ended_ms : now_ms) - t->begun_ms;
}
