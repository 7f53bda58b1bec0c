/*
 * The scanner of forms. Strict: whatever two parsers may read in two ways (something before the first part, a name given
 * twice) is refused, because the engine reads the same bytes again.
 */
#include "gateway/gateway_form.h"

enum {              /* gateway_form.state */
       IN_BODY,     /* of a part, or before the first mark */
       BEHIND_MARK, /* CR, or the first dash of the end */
       BEHIND_CR,   /* LF */
       BEHIND_DASH, /* the second one */
       IN_LINE,     /* of a part's header */
       IN_LINE_CR,  /* LF */
       AT_END
};
enum { OTHER, MODEL, STREAM }; /* gateway_form.field */

static bool is_boundary_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

/* Takes ` name=value` or ` name="value"` off the front of *io, with the semicolon behind it. False: it is none. */
static bool take_parameter(struct span *io, struct span *out_name, struct buf *out_value)
{
    struct span rest;
    buf_clear(out_value);
    *out_name = span_trim(span_cut(*io, '=', &rest));
    if (!rest.p || out_name->len == 0)
        return false;
    size_t i = 0;
    if (rest.len && rest.p[0] == '"') {
        for (i = 1; i < rest.len && rest.p[i] != '"'; i++) {
            if (rest.p[i] == '\\' && i + 1 < rest.len && (rest.p[i + 1] == '"' || rest.p[i + 1] == '\\'))
                i++;
            buf_add_char(out_value, rest.p[i]);
        }
        if (i == rest.len)
            return false;
        rest = span_trim(span_of(rest.p + i + 1, rest.len - i - 1));
        if (rest.len && rest.p[0] != ';')
            return false;
        *io = rest.len ? span_of(rest.p + 1, rest.len - 1) : span_of(NULL, 0);
        return true;
    }
    buf_add_span(out_value, span_trim(span_cut(rest, ';', io)));
    return true;
}

enum err gateway_form_init(struct gateway_form *f, struct span content_type, struct gateway_scan *scan,
                           struct err_text *why)
{
    *f = (struct gateway_form){.scan = scan};
    scan->is_form = true;
    struct span rest, name;
    struct buf value = {0};
    bool is_good = false;
    (void)span_cut(content_type, ';', &rest);
    while (!is_good && rest.len && take_parameter(&rest, &name, &value))
        is_good = span_is_ci(name, "boundary");
    is_good = is_good && value.len > 0 && value.len <= GATEWAY_FORM_MAX_BOUNDARY &&
              value.p[value.len - 1] != ' ';
    for (size_t i = 0; is_good && i < value.len; i++)
        is_good = is_boundary_byte(value.p[i]);
    if (is_good) {
        memcpy(f->mark, "\r\n--", 4);
        memcpy(f->mark + 4, value.p, value.len);
        f->mark_len = 4 + value.len;
        f->n_matched = 2; /* as if a line had ended before the first byte */
    }
    buf_release(&value);
    return is_good ? ERR_OK : err_set(why, ERR_INVALID, "Content-Type has no valid boundary");
}

void gateway_form_release(struct gateway_form *f)
{
    buf_release(&f->line);
}

static enum err fault(const struct gateway_form *f, struct err_text *why)
{
    return err_set(why, ERR_INVALID, "The body is not a valid form: unexpected byte at position %llu",
                   (unsigned long long)f->scan->at);
}

/* ---- a part's header ---- */

static enum err take_name(struct gateway_form *f, struct span name, struct err_text *why)
{
    if (f->has_name)
        return err_set(why, ERR_INVALID, "A field of the form has two names");
    f->has_name = true;
    f->field = span_is(name, "model") ? MODEL : span_is(name, "stream") ? STREAM : OTHER;
    if ((f->field == MODEL && f->scan->has_model) || (f->field == STREAM && f->has_stream))
        return err_set(why, ERR_INVALID, "\"%.*s\" is given twice", SPAN_ARG(name));
    f->scan->has_model = f->scan->has_model || f->field == MODEL;
    f->has_stream = f->has_stream || f->field == STREAM;
    return ERR_OK;
}

static enum err take_disposition(struct gateway_form *f, struct span value, struct err_text *why)
{
    struct span rest, name;
    struct buf text = {0};
    enum err e = ERR_OK;
    (void)span_cut(value, ';', &rest);
    while (!e && span_trim(rest).len) {
        if (!take_parameter(&rest, &name, &text) || span_is_ci(name, "name*"))
            e = fault(f, why);
        else if (span_is_ci(name, "name"))
            e = take_name(f, buf_span(&text), why);
    }
    buf_release(&text);
    return e;
}

static enum err end_line(struct gateway_form *f, struct err_text *why)
{
    if (f->line.len == 0) {
        if (!f->has_name)
            return err_set(why, ERR_INVALID, "A field of the form has no name");
        f->state = IN_BODY;
        if (f->field == MODEL) {
            struct gateway_field *field = gateway_scan_add_field(f->scan);
            buf_add_str(&f->scan->names, "model");
            field->name_len = (uint32_t)f->scan->names.len;
            field->value = f->scan->at + 1;
        }
        return ERR_OK;
    }
    f->state = IN_LINE;
    if (++f->n_lines > GATEWAY_FORM_MAX_LINES)
        return err_set(why, ERR_INVALID, "A field of the form has more than %d header lines",
                       GATEWAY_FORM_MAX_LINES);
    struct span value, name = span_cut(buf_span(&f->line), ':', &value);
    enum err e = !value.p                                             ? fault(f, why)
                 : span_is_ci(span_trim(name), "content-disposition") ? take_disposition(f, value, why)
                                                                      : ERR_OK;
    buf_clear(&f->line);
    return e;
}

/* ---- bodies ---- */

static enum err end_part(struct gateway_form *f, struct err_text *why)
{
    struct span text = buf_span(&f->line);
    if (f->field == MODEL) {
        struct gateway_field *field = &f->scan->fields[0];
        field->end = field->value + text.len;
        if (text.len && memchr(text.p, '\0', text.len))
            return err_set(why, ERR_INVALID, "\"model\" must have no NUL");
        buf_add_span(&f->scan->model, text);
    } else if (f->field == STREAM) {
        bool is_on = span_is_ci(text, "true") || span_is(text, "1");
        if (!is_on && !span_is_ci(text, "false") && !span_is(text, "0") && text.len)
            return err_set(why, ERR_INVALID, "\"stream\" must be true or false");
        f->scan->stream = is_on ? GATEWAY_STREAM_ON : GATEWAY_STREAM_OFF;
    }
    buf_clear(&f->line);
    f->field = OTHER;
    return ERR_OK;
}

static enum err keep(struct gateway_form *f, const char *p, size_t n, struct err_text *why)
{
    if (f->field == OTHER)
        return ERR_OK;
    if (n > GATEWAY_SCAN_MAX_MODEL - f->line.len)
        return err_set(why, ERR_INVALID, "\"%s\" must have at most %d bytes",
                       f->field == MODEL ? "model" : "stream", GATEWAY_SCAN_MAX_MODEL);
    buf_add(&f->line, p, n);
    return ERR_OK;
}

/* One byte of a body, which may be one of the mark. Only the mark's first byte is a CR, so a false start holds no true one. */
static enum err take_body(struct gateway_form *f, char c, struct err_text *why)
{
    if (c == f->mark[f->n_matched]) {
        if (++f->n_matched < f->mark_len)
            return ERR_OK;
        f->n_matched = 0;
        f->state = BEHIND_MARK;
        return end_part(f, why);
    }
    if (f->n_parts == 0)
        return err_set(why, ERR_INVALID, "The body does not begin with the form's boundary");
    enum err e = keep(f, f->mark, f->n_matched, why);
    f->n_matched = c == '\r' ? 1 : 0;
    return e || f->n_matched ? e : keep(f, &c, 1, why);
}

static enum err begin_part(struct gateway_form *f, struct err_text *why)
{
    if (++f->n_parts > GATEWAY_SCAN_MAX_FIELDS)
        return err_set(why, ERR_INVALID, "The form has more than %d fields", GATEWAY_SCAN_MAX_FIELDS);
    f->state = IN_LINE;
    f->has_name = false;
    f->n_lines = 0;
    return ERR_OK;
}

static enum err take_byte(struct gateway_form *f, char c, struct err_text *why)
{
    switch (f->state) {
    case IN_BODY: return take_body(f, c, why);
    case BEHIND_MARK:
        f->state = c == '\r' ? BEHIND_CR : BEHIND_DASH;
        return c == '\r' || (c == '-' && f->n_parts) ? ERR_OK : fault(f, why);
    case BEHIND_CR: return c == '\n' ? begin_part(f, why) : fault(f, why);
    case BEHIND_DASH: f->state = AT_END; return c == '-' ? ERR_OK : fault(f, why);
    case IN_LINE:
        if (c == '\r') {
            f->state = IN_LINE_CR;
            return ERR_OK;
        }
        if (c == '\n' || c == '\0' || f->line.len == GATEWAY_FORM_MAX_LINE_BYTES ||
            (f->line.len == 0 && (c == ' ' || c == '\t')))
            return fault(f, why);
        buf_add_char(&f->line, c);
        return ERR_OK;
    case IN_LINE_CR: return c == '\n' ? end_line(f, why) : fault(f, why);
    default: return c == '\r' || c == '\n' ? ERR_OK : fault(f, why); /* AT_END */
    }
}

enum err gateway_form_feed(struct gateway_form *f, struct span bytes, struct err_text *why)
{
    for (size_t i = 0; i < bytes.len; i++, f->scan->at++) {
        if (f->state == IN_BODY && f->n_matched == 0 && f->field == OTHER) {
            const char *cr = memchr(bytes.p + i, '\r', bytes.len - i);
            size_t n = cr ? (size_t)(cr - bytes.p) - i : bytes.len - i;
            i += n;
            f->scan->at += n;
            if (i == bytes.len)
                break;
        }
        enum err e = take_byte(f, bytes.p[i], why);
        if (e)
            return e;
    }
    return ERR_OK;
}

enum err gateway_form_end(const struct gateway_form *f, struct err_text *why)
{
    return f->state == AT_END ? ERR_OK : err_set(why, ERR_INVALID, "The form ends in the middle");
}
