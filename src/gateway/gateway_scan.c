/*
 * The scanner of JSON bodies: a machine over bytes. Strings, where nearly all bytes of a body are, are passed eight bytes at
 * a time.
 */
#include "gateway/gateway_scan.h"

enum {                 /* gateway_scan.state */
       AT_ROOT,        /* before the root's brace */
       AT_FIRST_KEY,   /* behind { */
       AT_KEY,         /* behind a comma of an object */
       AT_COLON,       /* behind a key */
       AT_VALUE,       /* behind a colon, or a comma of an array */
       AT_FIRST_VALUE, /* behind [ */
       BEHIND_VALUE,   /* a comma or the end of what is open */
       IN_STRING,      /* see `string` */
       IN_NUMBER,      /* see `number` */
       IN_LITERAL,     /* the rest of true, false or null */
       AT_END          /* behind the root */
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

/* So many a request seldom has more than: one allocation. */
#define USUAL_FIELDS 12

void gateway_scan_init(struct gateway_scan *s)
{
    *s = (struct gateway_scan){.state = AT_ROOT};
}

void gateway_scan_release(struct gateway_scan *s)
{
    buf_release(&s->names);
    buf_release(&s->fields);
    buf_release(&s->model);
}

size_t gateway_scan_n_fields(const struct gateway_scan *s)
{
    return s->fields.len / sizeof(struct gateway_field);
}

static struct gateway_field *field_at(const struct gateway_scan *s, size_t i)
{
    return (struct gateway_field *)(void *)s->fields.p + i;
}

const struct gateway_field *gateway_scan_field(const struct gateway_scan *s, size_t i)
{
    assert(i < gateway_scan_n_fields(s));
    return field_at(s, i);
}

struct span gateway_scan_name(const struct gateway_scan *s, size_t i)
{
    const struct gateway_field *f = gateway_scan_field(s, i);
    return f->name_len ? span_of(s->names.p + f->name_at, f->name_len) : span_of(NULL, 0);
}

static enum err fault(const struct gateway_scan *s, struct err_text *why)
{
    return err_set(why, ERR_INVALID, "The body is not valid JSON: unexpected byte at position %llu",
                   (unsigned long long)s->at);
}

/* ---- fields of the root ---- */

static bool is_in_root(const struct gateway_scan *s)
{
    return s->depth == 1;
}

static struct gateway_field *last_field(const struct gateway_scan *s)
{
    return field_at(s, gateway_scan_n_fields(s) - 1);
}

static struct span last_name(const struct gateway_scan *s)
{
    return gateway_scan_name(s, gateway_scan_n_fields(s) - 1);
}

static enum err begin_key(struct gateway_scan *s, struct err_text *why)
{
    s->state = IN_STRING;
    s->string = TEXT;
    s->is_key = true;
    s->sink = GATEWAY_SINK_NONE;
    if (!is_in_root(s))
        return ERR_OK;
    if (gateway_scan_n_fields(s) == GATEWAY_SCAN_MAX_FIELDS)
        return err_set(why, ERR_INVALID, "The body has more than %d fields", GATEWAY_SCAN_MAX_FIELDS);
    if (!s->fields.p)
        (void)buf_reserve(&s->fields, USUAL_FIELDS * sizeof(struct gateway_field));
    struct gateway_field f = {.name_at = (uint32_t)s->names.len, .from = s->at};
    buf_add(&s->fields, &f, sizeof f);
    s->sink = GATEWAY_SINK_NAME;
    return ERR_OK;
}

/* The name of a field of the root is complete. */
static enum err end_key(struct gateway_scan *s, struct err_text *why)
{
    size_t last = gateway_scan_n_fields(s) - 1;
    field_at(s, last)->name_len = (uint32_t)(s->names.len - field_at(s, last)->name_at);
    struct span name = gateway_scan_name(s, last);
    for (size_t i = 0; i < last; i++) {
        struct span other = gateway_scan_name(s, i);
        if (other.len == name.len && (name.len == 0 || strncasecmp(other.p, name.p, name.len) == 0))
            return err_set(why, ERR_INVALID, "\"%.*s\" is given twice", (int)utf8_floor(name, 100),
                           name.len ? name.p : "");
    }
    return ERR_OK;
}

/* c is the first byte of a value of the root. */
static enum err begin_field_value(struct gateway_scan *s, char c, struct err_text *why)
{
    struct span name = last_name(s);
    last_field(s)->value = s->at;
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

/* A value ends before offset `end`. */
static void end_value(struct gateway_scan *s, uint64_t end)
{
    s->state = s->depth == 0 ? AT_END : BEHIND_VALUE;
    if (is_in_root(s))
        last_field(s)->end = end;
}

/* ---- strings ---- */

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

static enum err end_string(struct gateway_scan *s, struct err_text *why)
{
    enum err e = s->sink == GATEWAY_SINK_NAME ? end_key(s, why) : ERR_OK;
    s->sink = GATEWAY_SINK_NONE;
    if (s->is_key)
        s->state = AT_COLON;
    else
        end_value(s, s->at + 1);
    return e;
}

/* Which bytes may follow the first one of a character (RFC 3629 4). */
static bool begin_character(struct gateway_scan *s, uint8_t c)
{
    s->low = 0x80;
    s->high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF) {
        s->n_left = 1;
    } else if (c >= 0xE0 && c <= 0xEF) {
        s->n_left = 2;
        s->low = c == 0xE0 ? 0xA0 : 0x80;
        s->high = c == 0xED ? 0x9F : 0xBF;
    } else if (c >= 0xF0 && c <= 0xF4) {
        s->n_left = 3;
        s->low = c == 0xF0 ? 0x90 : 0x80;
        s->high = c == 0xF4 ? 0x8F : 0xBF;
    } else {
        return false;
    }
    s->string = CHARACTER;
    return true;
}

static enum err take_text(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    if (c == '"')
        return end_string(s, why);
    if (c == '\\') {
        s->string = ESCAPE;
        return ERR_OK;
    }
    if (c < 0x20 || (c >= 0x80 && !begin_character(s, c)))
        return fault(s, why);
    char b = (char)c;
    return add_to_sink(s, &b, 1, why);
}

static enum err take_escape(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    s->string = TEXT;
    if (c == 'u') {
        s->string = DIGITS;
        s->n_left = 4;
        s->code = 0;
        return ERR_OK;
    }
    const char *found = c ? strchr(from, c) : NULL;
    return found ? add_to_sink(s, to + (found - from), 1, why) : fault(s, why);
}

static enum err take_digit(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    int value = char_hex_value(c);
    if (value < 0)
        return fault(s, why);
    s->code = s->code << 4 | (uint32_t)value;
    if (--s->n_left > 0)
        return ERR_OK;
    bool is_first = s->code >= 0xD800 && s->code < 0xDC00, is_second = s->code >= 0xDC00 && s->code < 0xE000;
    if (is_second != (s->lead != 0))
        return fault(s, why);
    if (is_first) {
        s->lead = s->code;
        s->string = SECOND;
        return ERR_OK;
    }
    uint32_t code = is_second ? 0x10000 + ((s->lead - 0xD800) << 10) + (s->code - 0xDC00) : s->code;
    s->lead = 0;
    s->string = TEXT;
    return add_code(s, code, why);
}

static enum err take_in_string(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    char b = (char)c;
    switch (s->string) {
    case TEXT: return take_text(s, c, why);
    case ESCAPE: return take_escape(s, c, why);
    case DIGITS: return take_digit(s, c, why);
    case SECOND: s->string = SECOND_U; return c == '\\' ? ERR_OK : fault(s, why);
    case SECOND_U: s->string = ESCAPE; return c == 'u' ? take_escape(s, c, why) : fault(s, why);
    default: /* CHARACTER */
        if (c < s->low || c > s->high)
            return fault(s, why);
        s->low = 0x80;
        s->high = 0xBF;
        if (--s->n_left == 0)
            s->string = TEXT;
        return add_to_sink(s, &b, 1, why);
    }
}

#define EACH(b) ((uint64_t)(b)*0x0101010101010101u)

/* Some byte of v is one: the borrow may also mark one above it, which does no harm. */
static bool has_zero(uint64_t v)
{
    return ((v - EACH(1)) & ~v & EACH(0x80)) != 0;
}

/* Bytes at the front that are neither control characters, quotes, backslashes nor beyond ASCII. */
static size_t plain_run(const char *p, size_t n)
{
    size_t at = 0;
    for (; n - at >= 8; at += 8) {
        uint64_t v;
        memcpy(&v, p + at, 8);
        if ((v & EACH(0x80)) || ((v - EACH(0x20)) & ~v & EACH(0x80)) || has_zero(v ^ EACH('"')) ||
            has_zero(v ^ EACH('\\')))
            break;
    }
    while (at < n) {
        uint8_t c = (uint8_t)p[at];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        at++;
    }
    return at;
}

/* ---- numbers ---- */

/* The number's next state (RFC 8259 6), or -1 when c is none of it. */
static int step_number(uint8_t number, uint8_t c)
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
static enum err keep_digit(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    struct span name = last_name(s);
    if (s->number_len == sizeof s->number_text)
        return err_set(why, ERR_INVALID, "\"%.*s\" is too long a number", SPAN_ARG(name));
    s->number_text[s->number_len++] = (char)c;
    return ERR_OK;
}

static enum err end_number(struct gateway_scan *s, struct err_text *why)
{
    bool is_bounded = s->is_bounded;
    s->is_bounded = false;
    end_value(s, s->at);
    return is_bounded ? gateway_check_bound(last_name(s), span_of(s->number_text, s->number_len), why)
                      : ERR_OK;
}

/* ---- structure ---- */

static enum err open_container(struct gateway_scan *s, bool is_object, struct err_text *why)
{
    if (s->depth == JSON_MAX_DEPTH)
        return err_set(why, ERR_INVALID, "The body is nested more than %d deep", JSON_MAX_DEPTH);
    uint64_t bit = (uint64_t)1 << s->depth++;
    s->objects = is_object ? s->objects | bit : s->objects & ~bit;
    s->state = is_object ? AT_FIRST_KEY : AT_FIRST_VALUE;
    return ERR_OK;
}

static bool in_object(const struct gateway_scan *s)
{
    return s->objects >> (s->depth - 1) & 1;
}

static enum err close_container(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    if (c != (in_object(s) ? '}' : ']'))
        return fault(s, why);
    s->depth--;
    end_value(s, s->at + 1);
    return ERR_OK;
}

static enum err take_value(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    enum err e = is_in_root(s) ? begin_field_value(s, (char)c, why) : ERR_OK;
    if (e)
        return e;
    switch (c) {
    case '{':
    case '[': return open_container(s, c == '{', why);
    case '"':
        s->state = IN_STRING;
        s->string = TEXT;
        s->is_key = false;
        return ERR_OK;
    case 't':
    case 'f':
    case 'n':
        s->state = IN_LITERAL;
        s->literal = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
        return ERR_OK;
    default:
        if (c != '-' && !char_is_digit(c))
            return fault(s, why);
        s->state = IN_NUMBER;
        s->number = c == '-' ? MINUS : c == '0' ? ZERO : INTEGER;
        s->number_len = 0;
        return s->is_bounded ? keep_digit(s, c, why) : ERR_OK;
    }
}

static enum err take_key(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    return c == '"' ? begin_key(s, why) : fault(s, why);
}

/* A byte between the tokens. */
static enum err take_mark(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        return ERR_OK;
    switch (s->state) {
    case AT_ROOT:
        if (c != '{')
            return err_set(why, ERR_INVALID, "The body must be a JSON object");
        s->open = s->at;
        return open_container(s, true, why);
    case AT_FIRST_KEY: return c == '}' ? close_container(s, c, why) : take_key(s, c, why);
    case AT_KEY: return take_key(s, c, why);
    case AT_COLON: s->state = AT_VALUE; return c == ':' ? ERR_OK : fault(s, why);
    case AT_FIRST_VALUE: return c == ']' ? close_container(s, c, why) : take_value(s, c, why);
    case AT_VALUE: return take_value(s, c, why);
    case BEHIND_VALUE:
        if (c != ',')
            return close_container(s, c, why);
        s->state = in_object(s) ? AT_KEY : AT_VALUE;
        return ERR_OK;
    default: return fault(s, why);
    }
}

static enum err take_byte(struct gateway_scan *s, uint8_t c, struct err_text *why)
{
    if (s->state == IN_STRING)
        return take_in_string(s, c, why);
    if (s->state == IN_LITERAL) {
        if (c != (uint8_t)*s->literal)
            return fault(s, why);
        if (*++s->literal == '\0')
            end_value(s, s->at + 1);
        return ERR_OK;
    }
    if (s->state == IN_NUMBER) {
        int next = step_number(s->number, c);
        if (next >= 0) {
            s->number = (uint8_t)next;
            return s->is_bounded ? keep_digit(s, c, why) : ERR_OK;
        }
        if (!may_end_number(s->number))
            return fault(s, why);
        enum err e = end_number(s, why);
        if (e)
            return e;
    }
    return take_mark(s, c, why);
}

enum err gateway_scan_feed(struct gateway_scan *s, struct span bytes, struct err_text *why)
{
    for (size_t i = 0; i < bytes.len; i++, s->at++) {
        if (s->state == IN_STRING && s->string == TEXT) {
            size_t n = plain_run(bytes.p + i, bytes.len - i);
            enum err e = n && s->sink != GATEWAY_SINK_NONE ? add_to_sink(s, bytes.p + i, n, why) : ERR_OK;
            if (e)
                return e;
            i += n;
            s->at += n;
            if (i == bytes.len)
                break;
        }
        enum err e = take_byte(s, (uint8_t)bytes.p[i], why);
        if (e)
            return e;
    }
    return ERR_OK;
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
