/* The tokenizer and the piece of text around what was found, given to FTS5. */
#include "store/store_fts.h"

#include "store/store.h"

#define MAX_TOKEN_BYTES 128 /* a longer word counts by its beginning */
#define MAX_INSTANCES   400 /* of the words in one text that are looked at to choose the piece */
#define MAX_LEAD_BYTES  240 /* of a piece before its first hit */
#define ELLIPSIS        "\u2026"

/* ---- characters ---- */

static bool goes_on(const unsigned char *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

/* The character at `at`; what is no UTF-8 counts byte by byte. */
static uint32_t char_at(struct span s, size_t at, size_t *out_len)
{
    const unsigned char *p = (const unsigned char *)s.p + at;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    *out_len = 1;
    if (n > s.len - at || !goes_on(p, n))
        return p[0];
    *out_len = n;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 63u);
    return c;
}

struct range {
    uint32_t from, to;
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n && c >= ranges[i].from; i++) {
        if (c <= ranges[i].to)
            return true;
    }
    return false;
}

bool fts_is_solid(struct span s, size_t at, size_t *out_len)
{
    /* Letters and their marks; not digits and punctuation. */
    static const struct range solid[] = {
        {0x0e01, 0x0e3a}, {0x0e40, 0x0e4e}, /* Thai */
        {0x0e81, 0x0ecf},                   /* Lao */
        {0x1000, 0x103f},                   /* Myanmar */
        {0x1100, 0x11ff},                   /* Hangul jamo */
        {0x1780, 0x17d3},                   /* Khmer */
        {0x3005, 0x3007}, {0x3041, 0x30fa}, /* Hiragana, Katakana */
        {0x30fc, 0x312f}, {0x3131, 0x318e}, {0x31a0, 0x31bf},   {0x31f0, 0x31ff},
        {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa48c}, /* Han, Yi */
        {0xac00, 0xd7a3},                                     /* Hangul syllables */
        {0xf900, 0xfaff}, {0xff66, 0xff9f}, {0x20000, 0x323af},
    };
    if ((unsigned char)s.p[at] < 0xe0) {
        *out_len = 1;
        return false;
    }
    return is_in(char_at(s, at, out_len), solid, COUNT_OF(solid));
}

/* Accents that stand alone, vowel points, and signs that choose a form: not part of what is compared. */
static bool is_mark(uint32_t c)
{
    static const struct range marks[] = {
        {0x0300, 0x036f}, {0x0591, 0x05c7}, {0x0610, 0x061a}, {0x0640, 0x0640}, {0x064b, 0x065f},
        {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    };
    return is_in(c, marks, COUNT_OF(marks));
}

/* ---- the tokenizer ---- */

typedef int (*token_fn)(void *arg, int flags, const char *token, int n_token, int begin, int end);

struct tokenizer {
    fts5_tokenizer words; /* unicode61 ... */
    Fts5Tokenizer *state; /* ... and its own */
};

struct words_under_way {
    token_fn fn;
    void *arg;
    size_t offset; /* of the stretch in the text */
};

static size_t copy_without_marks(struct span token, char out[MAX_TOKEN_BYTES])
{
    size_t len = 0, n = 1;
    for (size_t at = 0; at < token.len; at += n) {
        if (is_mark(char_at(token, at, &n)))
            continue;
        if (len + n > MAX_TOKEN_BYTES)
            break;
        memcpy(out + len, token.p + at, n);
        len += n;
    }
    return len;
}

static bool is_plain(struct span token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.p[i] & 0x80)
            return false;
    }
    return token.len <= MAX_TOKEN_BYTES;
}

static int on_word(void *arg, int flags, const char *token, int n_token, int begin, int end)
{
    const struct words_under_way *u = arg;
    struct span word = span_of(token, (size_t)n_token);
    char clean[MAX_TOKEN_BYTES];
    begin += (int)u->offset;
    end += (int)u->offset;
    if (word.len > 0 && is_plain(word))
        return u->fn(u->arg, flags, token, n_token, begin, end);
    /* A mark that stands alone is no word: as a beginning, nothing would be the beginning of all words. */
    size_t len = copy_without_marks(word, clean);
    return len ? u->fn(u->arg, flags, clean, (int)len, begin, end) : SQLITE_OK;
}

static int tokenize(Fts5Tokenizer *tokenizer, void *arg, int flags, const char *text, int n_text, token_fn fn)
{
    const struct tokenizer *t = (const void *)tokenizer;
    struct span s = span_of(text, n_text > 0 ? (size_t)n_text : 0);
    struct words_under_way u = {.fn = fn, .arg = arg};
    size_t at = 0, n = 1;
    while (at < s.len) {
        size_t end = at;
        while (end < s.len && !fts_is_solid(s, end, &n))
            end += n;
        u.offset = at;
        int rc = end > at ? t->words.xTokenize(t->state, &u, flags, s.p + at, (int)(end - at), on_word)
                          : SQLITE_OK;
        if (rc == SQLITE_OK && end < s.len)
            rc = fn(arg, 0, s.p + end, (int)n, (int)end, (int)(end + n));
        if (rc != SQLITE_OK)
            return rc;
        at = end < s.len ? end + n : end;
    }
    return SQLITE_OK;
}

static void free_tokenizer(Fts5Tokenizer *tokenizer)
{
    struct tokenizer *t = (void *)tokenizer;
    if (t->state)
        t->words.xDelete(t->state);
    free(t);
}

static int make_tokenizer(void *arg, const char **args, int n_args, Fts5Tokenizer **out)
{
    /* Marks are letters here, so that they do not cut words; on_word drops those that are accents. */
    static const char *options[] = {"remove_diacritics", "2", "categories", "L* N* Co Mn Mc"};
    fts5_api *api = arg;
    void *user_data = NULL;
    (void)args;
    if (n_args > 0)
        return SQLITE_ERROR;
    struct tokenizer *t = xcalloc(1, sizeof *t);
    int rc = api->xFindTokenizer(api, "unicode61", &user_data, &t->words);
    if (rc == SQLITE_OK)
        rc = t->words.xCreate(user_data, options, COUNT_OF(options), &t->state);
    if (rc != SQLITE_OK) {
        t->state = NULL;
        free_tokenizer((Fts5Tokenizer *)t);
        return rc;
    }
    *out = (Fts5Tokenizer *)t;
    return SQLITE_OK;
}

/* ---- the piece around the words ---- */

struct instance {
    int phrase, at /* token */, n_tokens;
};

struct piece {
    struct instance inst[MAX_INSTANCES]; /* of the text, in order */
    int n_inst;
    int first, last; /* tokens of the piece */
    /* while the tokens go by */
    int token, next_inst, hit_last;
    size_t begin, end, hit_begin;
    bool is_cut;
    struct buf hits; /* pairs of size_t: begin, end */
};

static int read_instances(const Fts5ExtensionApi *api, Fts5Context *fts, int column, struct piece *p)
{
    int n = 0, rc = api->xInstCount(fts, &n);
    for (int i = 0; rc == SQLITE_OK && i < n && p->n_inst < MAX_INSTANCES; i++) {
        int phrase = 0, col = 0, at = 0;
        rc = api->xInst(fts, i, &phrase, &col, &at);
        if (rc == SQLITE_OK && col == column)
            p->inst[p->n_inst++] = (struct instance){phrase, at, api->xPhraseSize(fts, phrase)};
    }
    return rc;
}

/* The first place from which n_tokens have the most different words. */
static int best_instance(const struct piece *p, int n_tokens)
{
    int best = 0, best_n = 0;
    for (int i = 0; i < p->n_inst; i++) {
        uint64_t seen = 0;
        int n = 0;
        for (int k = i; k < p->n_inst && p->inst[k].at < p->inst[i].at + n_tokens; k++) {
            uint64_t bit = UINT64_C(1) << (p->inst[k].phrase & 63);
            n += (seen & bit) == 0;
            seen |= bit;
        }
        if (n > best_n) {
            best_n = n;
            best = i;
        }
    }
    return best;
}

static void end_hit(struct piece *p)
{
    if (p->hit_last < 0)
        return;
    size_t pair[2] = {p->hit_begin, p->end};
    buf_add(&p->hits, pair, sizeof pair);
    p->hit_last = -1;
}

static int on_token(void *arg, int flags, const char *token, int n_token, int begin, int end)
{
    struct piece *p = arg;
    (void)token;
    (void)n_token;
    if (flags & FTS5_TOKEN_COLOCATED)
        return SQLITE_OK;
    int at = p->token++;
    if (at < p->first)
        return SQLITE_OK;
    if (at > p->last) {
        p->is_cut = true;
        return SQLITE_DONE;
    }
    if (at == p->first && at > 0)
        p->begin = (size_t)begin;
    if (p->hit_last >= 0 && at > p->hit_last)
        end_hit(p);
    for (; p->next_inst < p->n_inst && p->inst[p->next_inst].at <= at; p->next_inst++) {
        const struct instance *inst = &p->inst[p->next_inst];
        if (inst->at + inst->n_tokens <= at)
            continue;
        if (p->hit_last < 0)
            p->hit_begin = (size_t)begin;
        int inst_last = inst->at + inst->n_tokens - 1;
        p->hit_last = inst_last > p->hit_last ? inst_last : p->hit_last;
    }
    p->end = (size_t)end;
    return SQLITE_OK;
}

/* Blanks and control characters become single spaces. */
static void add_clean(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.p[i] > ' ' && s.p[i] != 0x7f)
            buf_add_char(out, s.p[i]);
        else if (out->len > 0 && out->p[out->len - 1] != ' ')
            buf_add_char(out, ' ');
    }
}

/* Bounds the piece in bytes: words can be long, and so can what stands between them. */
static void bound(struct piece *p, struct span text)
{
    const size_t *hits = (const void *)p->hits.p;
    size_t first_hit = p->hits.len ? hits[0] : p->begin;
    if (first_hit - p->begin > MAX_LEAD_BYTES) {
        p->begin = first_hit - MAX_LEAD_BYTES;
        while (p->begin < first_hit && ((unsigned char)text.p[p->begin] & 0xc0) == 0x80)
            p->begin++;
    }
    if (p->end - p->begin > FTS_MAX_PIECE_BYTES) {
        struct span piece = span_of(text.p + p->begin, p->end - p->begin);
        p->end = p->begin + utf8_floor(piece, FTS_MAX_PIECE_BYTES);
        p->is_cut = true;
    }
}

static void write_piece(const struct piece *p, struct span text, struct buf *out)
{
    const size_t *hits = (const void *)p->hits.p;
    size_t n_hits = p->hits.len / (2 * sizeof *hits), at = p->begin;
    if (p->begin > 0)
        buf_add_str(out, ELLIPSIS);
    for (size_t i = 0; i < n_hits && hits[2 * i] < p->end; i++) {
        size_t begin = hits[2 * i], end = hits[2 * i + 1] < p->end ? hits[2 * i + 1] : p->end;
        add_clean(out, span_of(text.p + at, begin - at));
        buf_add_char(out, STORE_HIT_BEGIN);
        add_clean(out, span_of(text.p + begin, end - begin));
        buf_add_char(out, STORE_HIT_END);
        at = end;
    }
    add_clean(out, span_of(text.p + at, p->end - at));
    if (p->is_cut)
        buf_add_str(out, ELLIPSIS);
}

static void piece_of(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *result, int n_args,
                     sqlite3_value **args)
{
    struct piece p = {.hit_last = -1};
    const char *text = NULL;
    int n_text = 0, column = n_args == 3 ? sqlite3_value_int(args[0]) : -1;
    if (column < 0 || column >= api->xColumnCount(fts)) {
        sqlite3_result_error(result, "fts_piece(table, column, n_before, n_tokens)", -1);
        return;
    }
    int n_before = sqlite3_value_int(args[1]), n_tokens = sqlite3_value_int(args[2]);
    int rc = read_instances(api, fts, column, &p);
    if (rc == SQLITE_OK)
        rc = api->xColumnText(fts, column, &text, &n_text);
    if (rc == SQLITE_OK) {
        int at = p.n_inst ? p.inst[best_instance(&p, n_tokens - n_before)].at : 0;
        p.first = at > n_before ? at - n_before : 0;
        p.last = p.first + n_tokens - 1;
        rc = api->xTokenize(fts, text, n_text, &p, on_token);
    }
    if (rc == SQLITE_OK || rc == SQLITE_DONE) {
        struct buf out = {0};
        struct span all = span_of(text, n_text > 0 ? (size_t)n_text : 0);
        end_hit(&p);
        if (!p.is_cut)
            p.end = all.len; /* with the punctuation at its end */
        bound(&p, all);
        write_piece(&p, all, &out);
        sqlite3_result_text64(result, buf_str(&out), out.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        buf_release(&out);
    } else {
        sqlite3_result_error_code(result, rc);
    }
    buf_release(&p.hits);
}

/* ---- registration ---- */

static fts5_api *find_api(sqlite3 *sql)
{
    fts5_api *api = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(sql, "SELECT fts5(?1)", -1, &st, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(st, 1, (void *)&api, "fts5_api_ptr", NULL);
        sqlite3_step(st);
    }
    sqlite3_finalize(st);
    return api;
}

enum err fts_register(sqlite3 *sql, struct err_text *why)
{
    fts5_tokenizer tokenizer = {make_tokenizer, free_tokenizer, tokenize};
    fts5_api *api = find_api(sql);
    if (!api || api->xCreateTokenizer(api, "hob", api, &tokenizer, NULL) != SQLITE_OK ||
        api->xCreateFunction(api, "fts_piece", NULL, piece_of, NULL) != SQLITE_OK)
        return err_set(why, ERR_UNSUPPORTED, "SQLite %s has no full-text search (FTS5)",
                       sqlite3_libversion());
    return ERR_OK;
}
