/* Cuts text into word stems and measures how far two words are apart. */
#include "demo/demo_words.h"

static bool is_word_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* Length of an apostrophe at p (ASCII or U+2019), 0 if there is none. */
static size_t apostrophe_len(struct span s)
{
    if (span_starts(s, "'"))
        return 1;
    return span_starts(s, "\xe2\x80\x99") ? 3 : 0;
}

size_t demo_words(struct span text, struct demo_word out_words[DEMO_MAX_WORDS])
{
    size_t n = 0, at = 0;
    while (at < text.len && n < DEMO_MAX_WORDS) {
        if (!is_word_byte((unsigned char)text.p[at])) {
            at++;
            continue;
        }
        size_t len = 0;
        while (at < text.len) {
            size_t skip = apostrophe_len(span_of(text.p + at, text.len - at));
            if (!skip && !is_word_byte((unsigned char)text.p[at]))
                break;
            if (!skip && len < DEMO_MAX_WORD_LEN) {
                char c = text.p[at];
                out_words[n].text[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
            }
            at += skip ? skip : 1;
        }
        out_words[n].text[len] = '\0';
        n += len > 0;
    }
    return n;
}

static bool ends(const char *text, size_t len, const char *ending)
{
    size_t n = strlen(ending);
    return len > n && memcmp(text + len - n, ending, n) == 0;
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

void demo_word_stem(struct demo_word *word)
{
    char *text = word->text;
    size_t len = strlen(text);
    if (len > 3 && ends(text, len, "ies"))
        text[len - 3] = 'y', len -= 2;
    else if (len > 3 && ends(text, len, "s") && !ends(text, len, "ss") && !ends(text, len, "us") &&
             !ends(text, len, "is"))
        len--;
    text[len] = '\0';

    size_t before = len;
    if (len > 5 && ends(text, len, "ing"))
        len -= 3;
    else if (len > 4 && ends(text, len, "ed"))
        len -= 2;
    /* "stopping" -> "stop", but "install", "process" */
    if (len < before && len > 3 && text[len - 1] == text[len - 2] && !is_vowel(text[len - 1]) &&
        text[len - 1] != 'l' && text[len - 1] != 's')
        len--;
    if (len > 3 && text[len - 1] == 'e')
        len--;
    text[len] = '\0';
}

int demo_word_distance(const char *a, const char *b, int limit)
{
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n - m > limit || m - n > limit)
        return limit + 1;
    int rows[3][DEMO_MAX_WORD_LEN + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (int j = 0; j <= m; j++)
        above[j] = j;
    for (int i = 1; i <= n; i++) {
        int best = row[0] = i;
        for (int j = 1; j <= m; j++) {
            int d = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < d)
                d = above[j] + 1;
            if (row[j - 1] + 1 < d)
                d = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            row[j] = d;
            if (d < best)
                best = d;
        }
        if (best > limit)
            return limit + 1;
        int *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[m] > limit ? limit + 1 : above[m];
}
