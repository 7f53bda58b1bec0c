/* Likeness of a text to the topics' phrases: tf-idf vectors of words, word pairs and letter trigrams, by cosine. */
#include "demo/demo_match.h"

#include <math.h>
#include <stdio.h>

#include "demo/demo_words.h"

/* What each kind of feature weighs. */
#define WEIGHT_WORD    1.0
#define WEIGHT_PAIR    0.45
#define WEIGHT_TRIGRAM 0.5
/* A misspelt word counts for less than the word it was taken for. */
#define WEIGHT_CORRECTED 0.85
/* "please", "could", "really" say little, however rare the topics' phrases have them. */
#define WEIGHT_FILLER 0.45
/* A feature that no topic has speaks against all of them as if this many had it. */
#define UNKNOWN_TOPICS 1.5
/* The likeness of a topic: this much of its nearest phrase, the rest of all its phrases together. */
#define SHARE_OF_PHRASE 0.65

#define MAX_FEATURES ((size_t)DEMO_MAX_WORDS * (2 + DEMO_MAX_WORD_LEN))

struct part {
    uint64_t hash; /* never 0 */
    float weight;
};

/* A text as features, each once, not yet weighted by idf. */
struct vector {
    struct part parts[MAX_FEATURES];
    size_t n;
};

struct feature {
    uint64_t hash; /* 0: free place */
    uint32_t topics_n, last_topic;
    uint32_t first, n; /* its postings */
    float idf;
};

struct posting {
    uint32_t phrase;
    float weight; /* each phrase's vector has length 1 */
};

/* A word that the topics know, and the word that stands for it and its synonyms. */
struct known_word {
    struct demo_word word, meaning;
    bool is_filler;
};

struct phrase {
    uint32_t topic;
    size_t first, n; /* parts, while building */
};

struct demo_match {
    const struct demo_topics *topics;
    struct known_word *words;
    size_t n_words;
    struct map *word_at;      /* word -> index in words + 1, as a pointer */
    struct feature *features; /* hash table, open addressing; cap is a power of two */
    size_t cap, n_features;
    struct posting *postings;
    struct phrase *phrases;
    size_t n_phrases;
    float *centre_len; /* of each topic: length of the sum of its phrases' vectors */
};

/* ---- words ---- */

static size_t stems(struct span text, struct demo_word out_words[DEMO_MAX_WORDS])
{
    size_t n = demo_words(text, out_words);
    for (size_t i = 0; i < n; i++)
        demo_word_stem(&out_words[i]);
    return n;
}

static const struct known_word *find_word(const struct demo_match *m, const struct demo_word *word)
{
    uintptr_t at = (uintptr_t)map_get_str(m->word_at, word->text);
    return at ? &m->words[at - 1] : NULL;
}

/* The known word within one slip (two in long words), or NULL; short words are too much like each other. */
static const struct known_word *nearest_word(const struct demo_match *m, const struct demo_word *word)
{
    size_t len = strlen(word->text);
    if (len < 5)
        return NULL;
    int limit = len >= 8 ? 2 : 1;
    const struct known_word *best = NULL;
    for (size_t i = 0; i < m->n_words; i++) {
        if (strlen(m->words[i].word.text) < 4 || m->words[i].is_filler)
            continue;
        int d = demo_word_distance(word->text, m->words[i].word.text, limit);
        if (d > limit || (d == limit && best && m->words[i].word.text[0] != word->text[0]))
            continue;
        limit = d;
        best = &m->words[i];
    }
    return best;
}

static void learn_word(struct demo_match *m, const struct demo_word *word, const struct demo_word *meaning)
{
    if (find_word(m, word))
        return;
    /* grown by doubling: a power of two is full */
    if ((m->n_words & (m->n_words - 1)) == 0)
        m->words = xrealloc(m->words, (m->n_words ? m->n_words * 2 : 1) * sizeof *m->words);
    m->words[m->n_words++] = (struct known_word){.word = *word, .meaning = *meaning};
    map_put(m->word_at, word->text, (void *)(uintptr_t)m->n_words);
}

static void learn_fillers(struct demo_match *m)
{
    struct demo_word words[DEMO_MAX_WORDS];
    for (size_t i = 0; i < m->topics->fillers.n; i++) {
        size_t n = stems(span_str(m->topics->fillers.v[i]), words);
        for (size_t k = 0; k < n; k++) {
            size_t known = m->n_words;
            learn_word(m, &words[k], &words[k]);
            if (m->n_words > known)
                m->words[known].is_filler = true;
        }
    }
}

/* Synonyms first: a word that has one keeps it. */
static void learn_words(struct demo_match *m)
{
    struct demo_word words[DEMO_MAX_WORDS];
    for (size_t i = 0; i < m->topics->synonyms.n; i++) {
        size_t n = stems(span_str(m->topics->synonyms.v[i]), words);
        for (size_t k = 0; k < n; k++)
            learn_word(m, &words[k], &words[0]);
    }
    learn_fillers(m);
    for (size_t t = 0; t < m->topics->n; t++)
        for (size_t p = 0; p < m->topics->v[t].phrases.n; p++) {
            size_t n = stems(span_str(m->topics->v[t].phrases.v[p]), words);
            for (size_t k = 0; k < n; k++)
                learn_word(m, &words[k], &words[k]);
        }
}

/* ---- a text's features ---- */

/* FNV-1a, 64 bits; never 0, which marks a free place in the table. */
static uint64_t hash_bytes(uint64_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 1099511628211ULL;
    return h ? h : 1;
}

static uint64_t hash_kind(char kind)
{
    return hash_bytes(14695981039346656037ULL, &kind, 1);
}

static void add_part(struct vector *v, uint64_t hash, double weight)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->parts[i].hash == hash)
            return;
    v->parts[v->n++] = (struct part){hash, (float)weight};
}

static void add_trigrams(struct vector *v, const char *word, double weight)
{
    char text[DEMO_MAX_WORD_LEN + 3];
    size_t len = (size_t)snprintf(text, sizeof text, "_%s_", word);
    for (size_t i = 0; i + 3 <= len; i++)
        add_part(v, hash_bytes(hash_kind('t'), text + i, 3), weight * WEIGHT_TRIGRAM);
}

static void read_text(const struct demo_match *m, struct span text, struct vector *v)
{
    struct demo_word words[DEMO_MAX_WORDS];
    size_t n = stems(text, words);
    uint64_t before = 0;
    v->n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct known_word *known = find_word(m, &words[i]);
        double weight = known && known->is_filler ? WEIGHT_FILLER : 1;
        if (!known && (known = nearest_word(m, &words[i])))
            weight = WEIGHT_CORRECTED;
        const char *word = known ? known->meaning.text : words[i].text;
        uint64_t hash = hash_bytes(hash_kind('w'), word, strlen(word));
        add_part(v, hash, weight * WEIGHT_WORD);
        add_trigrams(v, word, weight);
        if (before)
            add_part(v, hash_bytes(before ^ hash_kind('p'), word, strlen(word)), weight * WEIGHT_PAIR);
        before = hash;
    }
}

/* ---- building the index ---- */

static struct feature *place_of(const struct demo_match *m, uint64_t hash)
{
    size_t at = (size_t)(hash ^ hash >> 32) & (m->cap - 1);
    while (m->features[at].hash && m->features[at].hash != hash)
        at = (at + 1) & (m->cap - 1);
    return &m->features[at];
}

static void grow_features(struct demo_match *m)
{
    struct feature *old = m->features;
    size_t old_cap = m->cap;
    m->cap = old_cap ? old_cap * 2 : 8192;
    m->features = xcalloc(m->cap, sizeof *m->features);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].hash)
            *place_of(m, old[i].hash) = old[i];
    free(old);
}

static void count_part(struct demo_match *m, uint64_t hash, uint32_t topic)
{
    if (m->n_features * 2 >= m->cap)
        grow_features(m);
    struct feature *f = place_of(m, hash);
    if (!f->hash) {
        *f = (struct feature){.hash = hash, .last_topic = UINT32_MAX};
        m->n_features++;
    }
    f->n++;
    f->topics_n += f->last_topic != topic;
    f->last_topic = topic;
}

static double idf(const struct demo_match *m, double topics_n)
{
    return log(1 + (double)m->topics->n / topics_n);
}

/* Reads all phrases; their parts are put behind one another in out_parts. */
static void read_phrases(struct demo_match *m, struct buf *out_parts)
{
    AUTO(mem) struct vector *v = xmalloc(sizeof *v);
    size_t n = 0;
    for (size_t t = 0; t < m->topics->n; t++)
        n += m->topics->v[t].phrases.n;
    m->phrases = xcalloc(n + 1, sizeof *m->phrases);
    for (size_t t = 0; t < m->topics->n; t++)
        for (size_t p = 0; p < m->topics->v[t].phrases.n; p++) {
            read_text(m, span_str(m->topics->v[t].phrases.v[p]), v);
            m->phrases[m->n_phrases++] = (struct phrase){
                .topic = (uint32_t)t, .first = out_parts->len / sizeof *v->parts, .n = v->n};
            buf_add(out_parts, v->parts, v->n * sizeof *v->parts);
            for (size_t i = 0; i < v->n; i++)
                count_part(m, v->parts[i].hash, (uint32_t)t);
        }
}

/* Gives every feature its weight and its stretch of the postings. */
static void weigh_features(struct demo_match *m)
{
    uint32_t first = 0;
    for (size_t i = 0; i < m->cap; i++) {
        struct feature *f = &m->features[i];
        if (!f->hash)
            continue;
        f->idf = (float)idf(m, f->topics_n);
        f->first = first;
        first += f->n;
        f->n = 0;
    }
    m->postings = xcalloc((size_t)first + 1, sizeof *m->postings);
}

/* One phrase into the postings, at length 1; adds it to its topic's sum, which is kept per feature. */
static void post_phrase(struct demo_match *m, uint32_t p, const struct part *parts, float *sums)
{
    double length = 0;
    for (size_t i = 0; i < m->phrases[p].n; i++) {
        double w = (double)parts[i].weight * (double)place_of(m, parts[i].hash)->idf;
        length += w * w;
    }
    length = length > 0 ? sqrt(length) : 1;
    for (size_t i = 0; i < m->phrases[p].n; i++) {
        struct feature *f = place_of(m, parts[i].hash);
        float w = (float)((double)parts[i].weight * (double)f->idf / length);
        m->postings[f->first + f->n++] = (struct posting){p, w};
        sums[f - m->features] += w;
    }
}

/* Length of the sum of one topic's phrases; leaves the sums at zero for the next. */
static double take_length(const struct demo_match *m, uint32_t p, size_t n, const struct part *parts,
                          float *sums)
{
    double length = 0;
    for (size_t i = m->phrases[p].first; n; n--, p++)
        for (size_t end = i + m->phrases[p].n; i < end; i++) {
            float *sum = &sums[place_of(m, parts[i].hash) - m->features];
            length += (double)*sum * (double)*sum;
            *sum = 0;
        }
    return sqrt(length);
}

struct demo_match *demo_match_new(const struct demo_topics *topics)
{
    struct demo_match *m = xcalloc(1, sizeof *m);
    m->topics = topics;
    m->word_at = map_new();
    learn_words(m);
    AUTO(buf) struct buf *bytes = buf_new();
    read_phrases(m, bytes);
    if (!m->cap)
        grow_features(m);
    weigh_features(m);

    const struct part *parts = (const struct part *)(const void *)buf_str(bytes);
    AUTO(mem) float *sums = xcalloc(m->cap, sizeof *sums);
    m->centre_len = xcalloc(topics->n + 1, sizeof *m->centre_len);
    uint32_t p = 0;
    for (size_t t = 0; t < topics->n; t++) {
        uint32_t first = p;
        for (size_t k = 0; k < topics->v[t].phrases.n; k++, p++)
            post_phrase(m, p, parts + m->phrases[p].first, sums);
        if (p > first)
            m->centre_len[t] = (float)take_length(m, first, p - first, parts, sums);
    }
    return m;
}

void demo_match_free(struct demo_match *m)
{
    if (!m)
        return;
    map_free(m->word_at);
    free(m->words);
    free(m->features);
    free(m->postings);
    free(m->phrases);
    free(m->centre_len);
    free(m);
}

/* ---- asking ---- */

/* Adds up each phrase's likeness to v. */
static void score_phrases(const struct demo_match *m, const struct vector *v, float *scores)
{
    double length = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct feature *f = place_of(m, v->parts[i].hash);
        double w = (double)v->parts[i].weight * (f->hash ? (double)f->idf : idf(m, UNKNOWN_TOPICS));
        length += w * w;
        for (uint32_t k = 0; f->hash && k < f->n; k++)
            scores[m->postings[f->first + k].phrase] += (float)w * m->postings[f->first + k].weight;
    }
    length = length > 0 ? sqrt(length) : 1;
    for (size_t p = 0; p < m->n_phrases; p++)
        scores[p] = (float)((double)scores[p] / length);
}

ptrdiff_t demo_match_nearest(const struct demo_match *m, struct span text, double *out_likeness)
{
    AUTO(mem) struct vector *v = xmalloc(sizeof *v);
    AUTO(mem) float *scores = xcalloc(m->n_phrases + 1, sizeof *scores);
    read_text(m, text, v);
    score_phrases(m, v, scores);

    ptrdiff_t best = -1;
    double best_likeness = 0;
    size_t p = 0;
    for (size_t t = 0; t < m->topics->n; t++) {
        double nearest = 0, sum = 0;
        for (size_t k = 0; k < m->topics->v[t].phrases.n; k++, p++) {
            sum += (double)scores[p];
            if ((double)scores[p] > nearest)
                nearest = (double)scores[p];
        }
        double centre = m->centre_len[t] > 0 ? sum / (double)m->centre_len[t] : 0;
        double likeness = SHARE_OF_PHRASE * nearest + (1 - SHARE_OF_PHRASE) * centre;
        if (likeness > best_likeness) {
            best_likeness = likeness;
            best = (ptrdiff_t)t;
        }
    }
    *out_likeness = best_likeness;
    return best;
}

/* Cuts the first sentence off: up to a line end, or a mark that a blank follows. */
static struct span cut_sentence(struct span *text)
{
    size_t at = 0;
    while (at < text->len) {
        char c = text->p[at++];
        if (c == '\n' || (at < text->len && (c == '.' || c == '!' || c == '?') && text->p[at] == ' '))
            break;
    }
    struct span sentence = span_of(text->p, at);
    *text = span_of(text->p + at, text->len - at);
    return sentence;
}

ptrdiff_t demo_match_find(const struct demo_match *m, struct span text)
{
    double likeness = 0, best_likeness = DEMO_MATCH_THRESHOLD;
    ptrdiff_t best = demo_match_nearest(m, text, &likeness);
    if (best >= 0 && likeness >= DEMO_MATCH_THRESHOLD && m->topics->v[best].kind != DEMO_TALK)
        return best;
    if (likeness < DEMO_MATCH_THRESHOLD)
        best = -1;
    /* a long text is no question about hob; a few sentences may hold one */
    for (int i = 0; i < DEMO_MAX_SENTENCES && text.len; i++) {
        ptrdiff_t topic = demo_match_nearest(m, cut_sentence(&text), &likeness);
        if (topic < 0 || likeness < DEMO_MATCH_THRESHOLD)
            continue;
        bool is_talk = m->topics->v[topic].kind == DEMO_TALK;
        bool had_talk = best < 0 || m->topics->v[best].kind == DEMO_TALK;
        if ((had_talk && !is_talk) || (had_talk && is_talk && best < 0) ||
            (!had_talk && !is_talk && likeness > best_likeness)) {
            best = topic;
            best_likeness = likeness;
        }
    }
    return best;
}
