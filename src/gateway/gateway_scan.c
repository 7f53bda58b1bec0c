/*
 * The scanner of JSON bodies: a machine over bytes that goes on wherever a piece ended. What is inside of one token is passed in
 * one run; strings, where nearly all bytes of a body are, in words and blocks.
 *
 * A function that takes bytes is given where they begin and where the piece ends, and returns where it stopped; NULL: the body is
 * refused, why says for what.
 */
#include "gateway/gateway_scan.h"

#include <endian.h>

enum {                 /* gateway_scan.state */
       AT_ROOT,        /* before the root's brace */
       AT_FIRST_KEY,   /* behind { */
       AT_KEY,         /* behind a comma of an object */
       AT_COLON,       /* behind a key */
       AT_VALUE,       /* behind a colon, or a comma of an array */
       AT_FIRST_VALUE, /* behind [ */
       BEHIND_VALUE,   /* a comma or the end of what is open */
       AT_END,         /* behind the root */
       IN_STRING,      /* see `string`; up to here blanks may stand before what comes */
       IN_NUMBER,      /* see `number` */
       IN_LITERAL      /* the rest of true, false or null */
};
enum { /* gateway_scan.string */
       TEXT,
       ESCAPE,    /* behind a backslash */
       DIGITS,    /* of \u */
       CHARACTER, /* inside of a UTF-8 sequence */
       SECOND,    /* behind the first half of a pair of escapes: a backslash */
       SECOND_U   /* ... and a u */
};
enum { MINUS, ZERO, INTEGER, POINT, FRACTION, E, SIGN, EXPONENT }; /* gateway_scan.number */

/* Few requests have more. */
#define USUAL_FIELDS 12
/* Bytes of a string that are looked at together. */
#define WORD  8
#define BLOCK 64

void gateway_scan_init(struct gateway_scan *s)
{
    *s = (struct gateway_scan){.state = AT_ROOT};
}

void gateway_scan_release(struct gateway_scan *s)
{
    buf_release(&s->names);
    free(TAKE(s->fields));
    s->n_fields = s->fields_cap = 0;
    buf_release(&s->model);
}

struct gateway_field *gateway_scan_add_field(struct gateway_scan *s)
{
    if (s->n_fields == s->fields_cap) {
        s->fields_cap = s->fields_cap ? s->fields_cap * 2 : USUAL_FIELDS;
        s->fields = xrealloc(s->fields, s->fields_cap * sizeof *s->fields);
    }
    struct gateway_field *f = &s->fields[s->n_fields++];
    *f = (struct gateway_field){.name_at = (uint32_t)s->names.len};
    return f;
}

struct span gateway_scan_name(const struct gateway_scan *s, size_t i)
{
    assert(i < s->n_fields);
    const struct gateway_field *f = &s->fields[i];
    return f->name_len ? span_of(s->names.p + f->name_at, f->name_len) : span_of(NULL, 0);
}

/* Where p is in the body. */
static uint64_t place(const struct gateway_scan *s, const char *p)
{
    return s->at + (uint64_t)(p - s->piece);
}

static const char *fault(const struct gateway_scan *s, const char *p, struct err_text *why)
{
    (void)err_set(why, ERR_INVALID, "The body is not valid JSON: unexpected byte at position %llu",
                  (unsigned long long)place(s, p));
    return NULL;
}

/* ---- fields of the root ---- */

static bool is_in_root(const struct gateway_scan *s)
{
    return s->depth == 1;
}

static struct gateway_field *last_field(const struct gateway_scan *s)
{
    return &s->fields[s->n_fields - 1];
}

static struct span last_name(const struct gateway_scan *s)
{
    return gateway_scan_name(s, s->n_fields - 1);
}

/* p: the opening quote. */
static enum err begin_name(struct gateway_scan *s, const char *p, struct err_text *why)
{
    if (s->n_fields == GATEWAY_SCAN_MAX_FIELDS)
        return err_set(why, ERR_INVALID, "The body has more than %d fields", GATEWAY_SCAN_MAX_FIELDS);
    gateway_scan_add_field(s)->from = place(s, p);
    s->sink = GATEWAY_SINK_NAME;
    return ERR_OK;
}

/* The name of a field of the root is complete. */
static enum err end_name(struct gateway_scan *s, struct err_text *why)
{
    struct gateway_field *f = last_field(s);
    f->name_len = (uint32_t)s->names.len - f->name_at;
    const char *name = buf_str(&s->names) + f->name_at;
    for (const struct gateway_field *other = s->fields; other < f; other++) {
        if (other->name_len == f->name_len &&
            strncasecmp(buf_str(&s->names) + other->name_at, name, f->name_len) == 0)
            return err_set(why, ERR_INVALID, "\"%.*s\" is given twice",
                           (int)utf8_floor(span_of(name, f->name_len), 100), name);
    }
    return ERR_OK;
}

/* p: the first byte of a value of the root. */
static enum err begin_field_value(struct gateway_scan *s, const char *p, struct err_text *why)
{
    struct span name = last_name(s);
    char c = *p;
    last_field(s)->value = place(s, p);
    if (span_is(name, "model")) {
        if (c != '"')
            return err_set(why, ERR_INVALID, "\"model\" must be a string");
        s->has_model = true;
        s->sink = GATEWAY_SINK_MODEL;
    } else if (span_is(name, "stream")) {
        if (c != 't' && c != 'f' && c != 'n')
            return err_set(why, ERR_INVALID, "\"stream\" must be a boolean");
        s->stream = c == 't' ? GATEWAY_STREAM_ON : GATEWAY_STREAM_OFF;
    } else if (gateway_is_bounded(name)) {
        if (c != '-' && c != 'n' && !char_is_digit(c))
            return err_set(why, ERR_INVALID, "\"%.*s\" must be a number", SPAN_ARG(name));
        s->is_bounded = c != 'n';
    }
    return ERR_OK;
}

static bool in_object(const struct gateway_scan *s)
{
    return s->objects >> (s->depth - 1) & 1;
}

static const char *take_comma(struct gateway_scan *s, const char *p)
{
    s->state = in_object(s) ? AT_KEY : AT_VALUE;
    return p + 1;
}

/* A value ends before p. The comma that mostly follows is taken too. */
static const char *end_value(struct gateway_scan *s, const char *p, const char *end)
{
    if (is_in_root(s))
        last_field(s)->end = place(s, p);
    s->state = s->depth == 0 ? AT_END : BEHIND_VALUE;
    return p < end && *p == ',' && s->depth > 0 ? take_comma(s, p) : p;
}

/* ---- strings ---- */

/* What a string has, for those of which it is kept. */
static enum err add_to_sink(struct gateway_scan *s, const char *p, size_t n, struct err_text *why)
{
    if (s->sink == GATEWAY_SINK_NAME) {
        if (n > GATEWAY_SCAN_MAX_NAME_BYTES - s->names.len)
            return err_set(why, ERR_INVALID, "The names of the body's fields are too long");
        buf_add(&s->names, p, n);
    } else if (s->sink == GATEWAY_SINK_MODEL) {
        if (n > GATEWAY_SCAN_MAX_MODEL - s->model.len || memchr(p, '\0', n))
            return err_set(why, ERR_INVALID, "\"model\" must have at most %d bytes, and no NUL",
                           GATEWAY_SCAN_MAX_MODEL);
        buf_add(&s->model, p, n);
    }
    return ERR_OK;
}

static enum err add_code(struct gateway_scan *s, uint32_t c, struct err_text *why)
{
    char b[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6)
        b[i] = (char)(0x80 | (c & 0x3F));
    b[0] = (char)(leads[n - 1] | c);
    return add_to_sink(s, b, n, why);
}

/* How many bytes follow the first one of a character, and which the next may be (RFC 3629 4); 0: c is no such first one. */
static uint8_t followers(uint8_t c, uint8_t *out_low, uint8_t *out_high)
{
    if (c < 0xC2 || c > 0xF4)
        return 0;
    *out_low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    *out_high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
}

/* Bytes of the character beyond ASCII at the front; 0: it is none, or is cut off. */
static size_t character_len(const char *p, size_t n)
{
    uint8_t low, high, n_left = followers((uint8_t)*p, &low, &high);
    if (n_left == 0 || n <= n_left)
        return 0;
    for (size_t i = 1; i <= n_left; i++, low = 0x80, high = 0xBF) {
        if ((uint8_t)p[i] < low || (uint8_t)p[i] > high)
            return 0;
    }
    return (size_t)1 + n_left;
}

/* Neither a control character, a quote, a backslash nor beyond ASCII. */
static bool is_plain(char c)
{
    return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

/* Without a branch for each byte: compilers make vectors of it. */
static bool is_plain_block(const char *p)
{
    unsigned n_others = 0;
    for (size_t i = 0; i < BLOCK; i++)
        n_others |= !is_plain(p[i]);
    return n_others == 0;
}

static size_t plain_blocks(const char *p, size_t n)
{
    size_t at = 0;
    while (n - at >= BLOCK && is_plain_block(p + at))
        at += BLOCK;
    return at;
}

#define EACH(b) ((uint64_t)(b)*0x0101010101010101u)

/* Marks the lowest byte that is zero; a borrow may also mark some above it. */
static uint64_t mark_zero(uint64_t v)
{
    return (v - EACH(1)) & ~v & EACH(0x80);
}

/* How many of WORD bytes are plain before the first that is not. */
static size_t plain_in_word(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    v = le64toh(v);
    uint64_t others = (((v - EACH(0x20)) | v) & EACH(0x80)) | mark_zero(v ^ EACH('"')) |
                      mark_zero(v ^ EACH('\\'));
    return others ? (size_t)__builtin_ctzll(others) / 8 : WORD;
}

/* Most strings are short: blocks come when one is not. */
static size_t ascii_run(const char *p, size_t n)
{
    size_t at = 0, len = WORD;
    while (len == WORD && n - at >= WORD) {
        len = plain_in_word(p + at);
        at += len;
        if (at == BLOCK)
            at += plain_blocks(p + at, n - at);
    }
    while (len == WORD && at < n && is_plain(p[at]))
        at++;
    return at;
}

/* Bytes at the front that stand for themselves, in whole characters. */
static size_t plain_run(const char *p, size_t n)
{
    size_t at = ascii_run(p, n), len;
    while (at < n && (len = character_len(p + at, n - at)) > 0) {
        at += len;
        if (at < n && (uint8_t)p[at] < 0x80)
            at += ascii_run(p + at, n - at);
    }
    return at;
}

/* ---- strings: what is not plain, a byte at a time ---- */

/* p: the closing quote. The colon that mostly follows a key is taken too. */
static const char *end_string(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    enum err e = s->sink == GATEWAY_SINK_NAME ? end_name(s, why) : ERR_OK;
    s->sink = GATEWAY_SINK_NONE;
    if (e)
        return NULL;
    p++;
    if (!s->is_key)
        return end_value(s, p, end);
    bool has_colon = p < end && *p == ':';
    s->state = has_colon ? AT_VALUE : AT_COLON;
    return has_colon ? p + 1 : p;
}

static const char *take_escape(struct gateway_scan *s, const char *p, struct err_text *why)
{
    static const char from[] = "\"\\/bfnrtu", to[] = "\"\\/\b\f\n\r\t";
    const char *found = *p ? strchr(from, *p) : NULL;
    if (!found)
        return fault(s, p, why);
    s->string = *p == 'u' ? DIGITS : TEXT;
    s->n_left = 4;
    s->code = 0;
    return s->string == TEXT && add_to_sink(s, to + (found - from), 1, why) ? NULL : p + 1;
}

static const char *take_digit(struct gateway_scan *s, const char *p, struct err_text *why)
{
    int value = char_hex_value(*p);
    if (value < 0)
        return fault(s, p, why);
    s->code = s->code << 4 | (uint32_t)value;
    if (--s->n_left > 0)
        return p + 1;
    bool is_first = s->code >= 0xD800 && s->code < 0xDC00, is_second = s->code >= 0xDC00 && s->code < 0xE000;
    if (is_second != (s->lead != 0))
        return fault(s, p, why);
    if (is_first) {
        s->lead = s->code;
        s->string = SECOND;
        return p + 1;
    }
    uint32_t code = is_second ? 0x10000 + ((s->lead - 0xD800) << 10) + (s->code - 0xDC00) : s->code;
    s->lead = 0;
    s->string = TEXT;
    return add_code(s, code, why) ? NULL : p + 1;
}

/* A character that was cut, or is none. */
static const char *begin_character(struct gateway_scan *s, const char *p, struct err_text *why)
{
    s->string = CHARACTER;
    s->n_left = followers((uint8_t)*p, &s->low, &s->high);
    if (s->n_left == 0)
        return fault(s, p, why);
    return add_to_sink(s, p, 1, why) ? NULL : p + 1;
}

static const char *take_follower(struct gateway_scan *s, const char *p, struct err_text *why)
{
    if ((uint8_t)*p < s->low || (uint8_t)*p > s->high)
        return fault(s, p, why);
    s->low = 0x80;
    s->high = 0xBF;
    if (--s->n_left == 0)
        s->string = TEXT;
    return add_to_sink(s, p, 1, why) ? NULL : p + 1;
}

/* Up to the string's end at most. */
static const char *take_string(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    if (s->string == TEXT) {
        size_t n = plain_run(p, (size_t)(end - p));
        if (n && s->sink != GATEWAY_SINK_NONE && add_to_sink(s, p, n, why))
            return NULL;
        p += n;
        if (p == end)
            return p;
        if (*p == '"')
            return end_string(s, p, end, why);
        if (*p != '\\')
            return begin_character(s, p, why);
        s->string = ESCAPE;
        return p + 1;
    }
    switch (s->string) {
    case ESCAPE: return take_escape(s, p, why);
    case DIGITS: return take_digit(s, p, why);
    case SECOND: s->string = SECOND_U; return *p == '\\' ? p + 1 : fault(s, p, why);
    case SECOND_U: return *p == 'u' ? take_escape(s, p, why) : fault(s, p, why);
    default: return take_follower(s, p, why); /* CHARACTER */
    }
}

/* p: the opening quote. */
static const char *begin_string(struct gateway_scan *s, const char *p, const char *end, bool is_key,
                                struct err_text *why)
{
    s->state = IN_STRING;
    s->string = TEXT;
    s->is_key = is_key;
    return take_string(s, p + 1, end, why);
}

/* ---- numbers and literals ---- */

/* The number's next state (RFC 8259 6), or -1 when c is none of it. */
static int step_number(uint8_t number, char c)
{
    switch (number) {
    case MINUS: return c == '0' ? ZERO : char_is_digit(c) ? INTEGER : -1;
    case ZERO: return c == '.' ? POINT : (c | 0x20) == 'e' ? E : -1;
    case INTEGER: return char_is_digit(c) ? INTEGER : c == '.' ? POINT : (c | 0x20) == 'e' ? E : -1;
    case POINT: return char_is_digit(c) ? FRACTION : -1;
    case FRACTION: return char_is_digit(c) ? FRACTION : (c | 0x20) == 'e' ? E : -1;
    case E: return c == '+' || c == '-' ? SIGN : char_is_digit(c) ? EXPONENT : -1;
    default: return char_is_digit(c) ? EXPONENT : -1; /* SIGN, EXPONENT */
    }
}

static bool may_end_number(uint8_t number)
{
    return number == ZERO || number == INTEGER || number == FRACTION || number == EXPONENT;
}

/* Of a bounded number. */
static enum err keep_digits(struct gateway_scan *s, const char *p, size_t n, struct err_text *why)
{
    struct span name = last_name(s);
    if (n > sizeof s->number_text - s->number_len)
        return err_set(why, ERR_INVALID, "\"%.*s\" is too long a number", SPAN_ARG(name));
    memcpy(s->number_text + s->number_len, p, n);
    s->number_len = (uint8_t)(s->number_len + n);
    return ERR_OK;
}

/* Up to the byte behind it. */
static const char *take_number(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    const char *begin = p;
    for (int next; p < end && (next = step_number(s->number, *p)) >= 0; p++)
        s->number = (uint8_t)next;
    if (s->is_bounded && keep_digits(s, begin, (size_t)(p - begin), why))
        return NULL;
    if (p == end)
        return p;
    if (!may_end_number(s->number))
        return fault(s, p, why);
    if (s->is_bounded && gateway_check_bound(last_name(s), span_of(s->number_text, s->number_len), why))
        return NULL;
    s->is_bounded = false;
    return end_value(s, p, end);
}

static const char *begin_number(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    s->state = IN_NUMBER;
    s->number = *p == '-' ? MINUS : *p == '0' ? ZERO : INTEGER;
    s->number_len = 0;
    return s->is_bounded && keep_digits(s, p, 1, why) ? NULL : take_number(s, p + 1, end, why);
}

static const char *take_literal(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    for (; p < end && *s->literal; p++, s->literal++) {
        if (*p != *s->literal)
            return fault(s, p, why);
    }
    return *s->literal ? p : end_value(s, p, end);
}

static const char *begin_literal(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    s->state = IN_LITERAL;
    s->literal = *p == 't' ? "rue" : *p == 'f' ? "alse" : "ull";
    return take_literal(s, p + 1, end, why);
}

/* ---- structure ---- */

static const char *open_container(struct gateway_scan *s, const char *p, struct err_text *why)
{
    if (s->depth == JSON_MAX_DEPTH) {
        (void)err_set(why, ERR_INVALID, "The body is nested more than %d deep", JSON_MAX_DEPTH);
        return NULL;
    }
    uint64_t bit = (uint64_t)1 << s->depth++;
    s->objects = *p == '{' ? s->objects | bit : s->objects & ~bit;
    s->state = *p == '{' ? AT_FIRST_KEY : AT_FIRST_VALUE;
    return p + 1;
}

static const char *close_container(struct gateway_scan *s, const char *p, const char *end,
                                   struct err_text *why)
{
    if (*p != (in_object(s) ? '}' : ']'))
        return fault(s, p, why);
    s->depth--;
    return end_value(s, p + 1, end);
}

static const char *take_root(struct gateway_scan *s, const char *p, struct err_text *why)
{
    if (*p != '{') {
        (void)err_set(why, ERR_INVALID, "The body must be a JSON object");
        return NULL;
    }
    s->open = place(s, p);
    return open_container(s, p, why);
}

static const char *take_key(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    if (*p != '"')
        return fault(s, p, why);
    if (is_in_root(s) && begin_name(s, p, why))
        return NULL;
    return begin_string(s, p, end, true, why);
}

static const char *take_colon(struct gateway_scan *s, const char *p, struct err_text *why)
{
    s->state = AT_VALUE;
    return *p == ':' ? p + 1 : fault(s, p, why);
}

static const char *take_value(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    if (is_in_root(s) && begin_field_value(s, p, why))
        return NULL;
    switch (*p) {
    case '{':
    case '[': return open_container(s, p, why);
    case '"': return begin_string(s, p, end, false, why);
    case 't':
    case 'f':
    case 'n': return begin_literal(s, p, end, why);
    default: return *p == '-' || char_is_digit(*p) ? begin_number(s, p, end, why) : fault(s, p, why);
    }
}

/* One step of the machine. */
static const char *take(struct gateway_scan *s, const char *p, const char *end, struct err_text *why)
{
    if (s->state < IN_STRING && char_is_blank(*p))
        return p + 1;
    switch (s->state) {
    case AT_ROOT: return take_root(s, p, why);
    case AT_FIRST_KEY: return *p == '}' ? close_container(s, p, end, why) : take_key(s, p, end, why);
    case AT_KEY: return take_key(s, p, end, why);
    case AT_COLON: return take_colon(s, p, why);
    case AT_FIRST_VALUE: return *p == ']' ? close_container(s, p, end, why) : take_value(s, p, end, why);
    case AT_VALUE: return take_value(s, p, end, why);
    case BEHIND_VALUE: return *p == ',' ? take_comma(s, p) : close_container(s, p, end, why);
    case IN_STRING: return take_string(s, p, end, why);
    case IN_NUMBER: return take_number(s, p, end, why);
    case IN_LITERAL: return take_literal(s, p, end, why);
    default: return fault(s, p, why); /* AT_END */
    }
}

enum err gateway_scan_feed(struct gateway_scan *s, struct span bytes, struct err_text *why)
{
    const char *p = bytes.p, *end = p + bytes.len;
    s->piece = p;
    while (p && p < end)
        p = take(s, p, end, why);
    s->at += bytes.len;
    s->piece = NULL;
    return p || bytes.len == 0 ? ERR_OK : ERR_INVALID;
}

enum err gateway_scan_end(const struct gateway_scan *s, struct err_text *why)
{
    if (s->state == AT_END)
        return ERR_OK;
    if (s->at == 0)
        return err_set(why, ERR_INVALID, "The body is empty, a JSON object is expected");
    return err_set(why, ERR_INVALID, "The body is not valid JSON: it ends in the middle, at position %llu",
                   (unsigned long long)s->at);
}
