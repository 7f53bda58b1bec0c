/* Commands that are written as one text. */
#include "config/config_words.h"

struct words {
    const char *at;
    struct buf word;
    bool has_word; /* also an empty one: '' */
    struct strv *out;
};

static void end_word(struct words *w)
{
    if (w->has_word)
        strv_add(w->out, buf_str(&w->word));
    buf_clear(&w->word);
    w->has_word = false;
}

static void add_char(struct words *w, char c)
{
    buf_add_char(&w->word, c);
    w->has_word = true;
}

/* Stands behind the opening quote. False: it is not closed. */
static bool take_quoted(struct words *w, char quote)
{
    w->has_word = true;
    for (; *w->at; w->at++) {
        if (*w->at == quote) {
            w->at++;
            return true;
        }
        if (quote == '"' && *w->at == '\\' && w->at[1] && strchr("\"\\$`\n", w->at[1])) {
            w->at++;
            if (*w->at == '\n')
                continue;
        }
        add_char(w, *w->at);
    }
    return false;
}

static void skip_comment(struct words *w)
{
    const char *p = w->at + strspn(w->at, " \t\r\n");
    while (*p == '#') {
        p += strcspn(p, "\n");
        p += strspn(p, " \t\r\n");
    }
    w->at = p;
}

static void take_backslash(struct words *w)
{
    w->at++;
    if (*w->at == '\r' && w->at[1] == '\n')
        w->at++;
    if (*w->at == '\n') {
        end_word(w);
        skip_comment(w);
    } else if (*w->at) {
        add_char(w, *w->at++);
    }
}

static enum err refuse_shell(const struct words *w, struct err_text *why)
{
    size_t n = w->at[0] == '$' ? 2 : 1;
    return err_set(why, ERR_INVALID,
                   "\"%.*s\" needs a shell, and none is used: quote it, or write the command as a list that "
                   "begins with sh, -c",
                   (int)n, w->at);
}

enum err words_split(const char *text, bool is_literal, struct strv *out, struct err_text *why)
{
    struct words w = {.at = text, .out = out};
    enum err e = ERR_OK;
    skip_comment(&w);
    while (*w.at && !e) {
        char c = *w.at;
        if (c == '\n') {
            end_word(&w);
            skip_comment(&w);
        } else if (strchr(" \t\r", c)) {
            end_word(&w);
            w.at++;
        } else if (c == '\'' || c == '"') {
            w.at++;
            if (!take_quoted(&w, c))
                e = err_set(why, ERR_INVALID, "a quote (%c) is not closed", c);
        } else if (c == '\\') {
            take_backslash(&w);
        } else if (!is_literal && (strchr("|&;<>`", c) || (c == '$' && w.at[1] == '('))) {
            e = refuse_shell(&w, why);
        } else {
            add_char(&w, c);
            w.at++;
        }
    }
    if (!e)
        end_word(&w);
    buf_release(&w.word);
    return e;
}
