/*
 * bench_fill DATA_DIR USER_ID MESSAGES: writes conversations of ten messages into hob's database, which no program has
 * open. Words are as frequent as in a language (Zipf); one message in fifty is Japanese.
 */
#include <stdio.h>

#include "store/store_db.h"
#include "util/util.h"

#define N_WORDS          40000
#define PER_CONVERSATION 10
#define ROWS_PER_COMMIT  2000

static char words[N_WORDS][16];
static double upto[N_WORDS]; /* of the frequencies of words 0..i */
static uint64_t state = 42;

static uint64_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static size_t below(size_t n)
{
    return (size_t)(next_random() % n);
}

/* The most frequent words of English, then pronounceable ones. */
static void make_words(void)
{
    static const char *const common[] = {
        "the",  "of", "and",  "a",    "to",   "in",  "is",   "you",  "that", "it",   "he",    "was",
        "for",  "on", "are",  "as",   "with", "his", "they", "at",   "be",   "this", "from",  "or",
        "have", "by", "one",  "had",  "not",  "but", "what", "all",  "were", "when", "we",    "there",
        "can",  "an", "your", "word", "said", "if",  "do",   "will", "each", "how",  "which", "their"};
    static const char *const syllables[] = {"ka", "lo", "min", "ter", "sa", "pro", "vi", "den", "ru", "con",
                                            "st", "al", "ing", "er",  "be", "mo",  "fa", "qui", "ne", "th"};
    double sum = 0;
    for (size_t i = 0; i < N_WORDS; i++) {
        if (i < COUNT_OF(common)) {
            snprintf(words[i], sizeof words[i], "%s", common[i]);
        } else {
            for (size_t n = 2 + below(3), at = 0; n > 0; n--)
                at += (size_t)snprintf(words[i] + at, sizeof words[i] - at, "%s",
                                       syllables[below(COUNT_OF(syllables))]);
        }
        sum += 1.0 / (double)(i + 2);
        upto[i] = sum;
    }
}

static const char *some_word(void)
{
    double at = (double)next_random() / (double)(UINT64_C(1) << 31) * upto[N_WORDS - 1];
    size_t low = 0, high = N_WORDS - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (upto[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return words[low];
}

static void write_text(struct buf *out, size_t n_words)
{
    buf_clear(out);
    for (size_t i = 0; i < n_words; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : i % 13 == 0 ? ". " : " ", some_word());
}

static void write_japanese(struct buf *out)
{
    static const char *const pieces[] = {"機械", "学習",   "は", "です", "東京",
                                         "の",   "モデル", "を", "使う", "言語"};
    buf_clear(out);
    for (size_t i = 0; i < 60; i++)
        buf_add_str(out, pieces[below(COUNT_OF(pieces))]);
}

static void add_message(struct db *db, int64_t i, const char *conversation, char parent[37], struct buf *text)
{
    AUTO(buf) struct buf *json = buf_new();
    struct json_writer w;
    bool is_user = i % 2 == 0;
    char id[37];
    snprintf(id, sizeof id, "00000000-0000-4000-9000-%012lld", (long long)i);
    if (i % 50 == 7)
        write_japanese(text);
    else
        write_text(text, is_user ? 4 + below(40) : 40 + below(220));
    if (i == 17)
        buf_add_str(text, " zyzzyva"); /* the needle, in an old message */
    jw_init(&w, json);
    jw_span(&w, buf_span(text));
    db_run(db,
           "INSERT INTO messages (id, conversation_id, parent_id, role, state, created_at, content_json) "
           "VALUES (?, ?, ?, ?, ?, ?, ?)",
           "tttttis", id, conversation, parent[0] ? parent : NULL, is_user ? "user" : "assistant",
           is_user ? "answered" : "", 1700000000000 + i * 1000, buf_span(json));
    snprintf(parent, 37, "%s", id);
}

static void fill(struct db *db, const char *user, int64_t n)
{
    AUTO(buf) struct buf *text = buf_new();
    char conversation[37] = "", parent[37] = "";
    db_run(db, "BEGIN IMMEDIATE", "");
    for (int64_t i = 0; i < n && db->err == ERR_OK; i++) {
        if (i % PER_CONVERSATION == 0) {
            snprintf(conversation, sizeof conversation, "00000000-0000-4000-8000-%012lld", (long long)i);
            parent[0] = '\0';
            write_text(text, 5);
            db_run(db,
                   "INSERT INTO conversations (id, user_id, title, titled_by, created_at, updated_at) "
                   "VALUES (?, ?, ?, 'message', ?, ?)",
                   "tttii", conversation, user, buf_str(text), 1700000000000 + i * 1000,
                   1700000000000 + i * 1000);
        }
        add_message(db, i, conversation, parent, text);
        if (i % ROWS_PER_COMMIT == ROWS_PER_COMMIT - 1) {
            db_run(db, "COMMIT", "");
            db_run(db, "BEGIN IMMEDIATE", "");
        }
    }
    db_run(db, "COMMIT", "");
}

int main(int argc, char **argv)
{
    struct db *db = xcalloc(1, sizeof *db);
    struct err_text why = {0};
    uint64_t n = 0;
    if (argc != 4 || !span_to_u64(span_str(argv[3]), &n)) {
        fprintf(stderr, "bench_fill DATA_DIR USER_ID MESSAGES\n");
        return 2;
    }
    AUTO(mem) char *path = xasprintf("%s/hob.db", argv[1]);
    enum err e = db_open(db, path, &why);
    if (!e) {
        make_words();
        fill(db, argv[2], (int64_t)n);
        e = db->err;
        why = db->why;
    }
    db_close(db);
    free(db);
    if (e)
        fprintf(stderr, "bench_fill: %s\n", why.text);
    return e ? 1 : 0;
}
