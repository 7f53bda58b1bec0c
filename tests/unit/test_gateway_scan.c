/* What is read of bodies in passing: every case whole, byte by byte, and cut at every place. */
#include "gateway/gateway_form.h"
#include "gateway/gateway_scan.h"
#include "unit.h"

enum kind { JSON, FORM };

struct result {
    enum err err;
    struct err_text why;
    struct gateway_scan scan;
};

static enum err feed_copy(enum kind kind, struct gateway_form *f, struct gateway_scan *s, struct span piece,
                          struct err_text *why)
{
    AUTO(mem) char *copy = xmemdup(piece.len ? piece.p : "", piece.len + (piece.len == 0));
    struct span bytes = span_of(copy, piece.len);
    return kind == JSON ? gateway_scan_feed(s, bytes, why) : gateway_form_feed(f, bytes, why);
}

/* cut: where the second piece begins; SIZE_MAX: byte by byte. */
static void scan(enum kind kind, struct span body, size_t cut, struct result *out)
{
    struct gateway_form f = {0};
    *out = (struct result){0};
    gateway_scan_init(&out->scan);
    enum err e = ERR_OK;
    if (kind == FORM)
        e = gateway_form_init(&f, SPAN_LIT("multipart/form-data; boundary=\"b\""), &out->scan, &out->why);
    for (size_t at = 0; !e && at < body.len;) {
        size_t n = cut == SIZE_MAX ? 1 : at < cut ? cut - at : body.len - at;
        e = feed_copy(kind, &f, &out->scan, span_of(body.p + at, n), &out->why);
        at += n;
    }
    if (!e)
        e = kind == JSON ? gateway_scan_end(&out->scan, &out->why) : gateway_form_end(&f, &out->why);
    out->err = e;
    gateway_form_release(&f);
}

/* "model|stream|name=value,..." or the error. */
static char *describe(const struct result *r, struct span body)
{
    static const char *const streams[] = {"-", "off", "on"};
    if (r->err)
        return xstrdup(r->why.text);
    struct buf b = {0};
    buf_addf(&b, "%s|%s|", r->scan.has_model ? buf_str(&r->scan.model) : "-", streams[r->scan.stream]);
    for (size_t i = 0; i < r->scan.n_fields; i++) {
        const struct gateway_field *f = &r->scan.fields[i];
        struct span name = gateway_scan_name(&r->scan, i);
        buf_addf(&b, "%s%.*s=%.*s", i ? ";" : "", SPAN_ARG(name), (int)(f->end - f->value),
                 body.p + f->value);
    }
    return buf_take_str(&b);
}

static void check(enum kind kind, const char *text, const char *want)
{
    struct span body = span_str(text);
    for (size_t cut = 0; cut <= body.len + 1; cut++) {
        struct result r;
        scan(kind, body, cut > body.len ? SIZE_MAX : cut, &r);
        AUTO(mem) char *found = describe(&r, body);
        if (!str_eq(found, want))
            print_message("cut %zu of %s\n", cut, text);
        assert_string_equal(found, want);
        gateway_scan_release(&r.scan);
    }
}

#define BAD(n) "The body is not valid JSON: unexpected byte at position " #n
#define CUT(n) "The body is not valid JSON: it ends in the middle, at position " #n

static void test_json(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{}", "-|-|"},
        {" \r\n\t{ } \n", "-|-|"},
        {"{\"model\":\"a\"}", "a|-|model=\"a\""},
        {"{\"messages\":[{\"model\":\"no\",\"stream\":true}],\"stream\": true ,\"model\" : \"org/b\"}",
         "org/b|on|messages=[{\"model\":\"no\",\"stream\":true}];stream=true;model=\"org/b\""},
        {"{\"stream\":false,\"v\":-0.5e+10,\"x\":[],\"y\":{},\"z\":null}",
         "-|off|stream=false;v=-0.5e+10;x=[];y={};z=null"},
        {"{\"stream\":null,\"n\":0}", "-|off|stream=null;n=0"},
        /* escapes in names and values */
        {"{\"mod\\u0065l\":\"\\u0061\\n\\\"\\/\\u00e9\\ud83d\\ude00\"}",
         "a\n\"/\u00e9\U0001F600|-|model=\"\\u0061\\n\\\"\\/\\u00e9\\ud83d\\ude00\""},
        {"{\"model\":\"gr\u00fcn \u2192 \U0001F600\"}",
         "gr\u00fcn \u2192 \U0001F600|-|model=\"gr\u00fcn \u2192 \U0001F600\""},
        {"{\"a\":\"\\\\\",\"model\":\"\"}", "|-|a=\"\\\\\";model=\"\""},
        /* what two parsers could take in two ways */
        {"{\"model\":\"a\",\"model\":\"b\"}", "\"model\" is given twice"},
        {"{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", "\"model\" is given twice"},
        {"{\"model\":\"a\",\"Model\":\"b\"}", "\"Model\" is given twice"},
        {"{\"\":1,\"\":2}", "\"\" is given twice"},
        {"{\"model\":[\"a\"]}", "\"model\" must be a string"},
        {"{\"model\":null}", "\"model\" must be a string"},
        {"{\"stream\":\"yes\"}", "\"stream\" must be a boolean"},
        {"{\"stream\":1}", "\"stream\" must be a boolean"},
        {"{\"model\":\"a\\u0000b\"}", "\"model\" must have at most 512 bytes, and no NUL"},
        /* numbers that harm engines */
        {"{\"n\":128,\"n_keep\":-1,\"n_discard\":null,\"x\":{\"n\":999}}",
         "-|-|n=128;n_keep=-1;n_discard=null;x={\"n\":999}"},
        {"{\"n\":129}", "\"n\" must be a number from 0 to 128"},
        {"{\"\\u006e\":1e3 }", "\"n\" must be a number from 0 to 128"},
        {"{\"N_Discard\":-1}", "\"n_discard\" must be a number from 0 to 2147483647"},
        {"{\"n\":\"1\"}", "\"n\" must be a number"},
        {"{\"n\":[1]}", "\"n\" must be a number"},
        {"{\"n\":1.00000000000000000000000}", "\"n\" is too long a number"},
        {"", "The body is empty, a JSON object is expected"},
        {"  ", CUT(2)},
        {"[]", "The body must be a JSON object"},
        {"\xEF\xBB\xBF{}", "The body must be a JSON object"},
        {"{}{}", BAD(2)},
        {"{} x", BAD(3)},
        {"{\"a\":1,}", BAD(7)},
        {"{,}", BAD(1)},
        {"{\"a\":[1,]}", BAD(8)},
        {"{\"a\" 1}", BAD(5)},
        {"{\"a\":1 \"b\":2}", BAD(7)},
        {"{'a':1}", BAD(1)},
        {"{\"a\":[1}", BAD(7)},
        {"{\"a\":{\"b\":1]}", BAD(11)},
        {"{\"a\":tru}", BAD(8)},
        {"{\"a\":truee}", BAD(9)},
        {"{\"a\":NaN}", BAD(5)},
        {"{\"a\":01}", BAD(6)},
        {"{\"a\":+1}", BAD(5)},
        {"{\"a\":1.}", BAD(7)},
        {"{\"a\":.5}", BAD(5)},
        {"{\"a\":1e}", BAD(7)},
        {"{\"a\":-}", BAD(6)},
        {"{\"a\":1/* no */}", BAD(6)},
        {"{\"a\":\"\n\"}", BAD(6)},
        {"{\"a\":\"\\x\"}", BAD(7)},
        {"{\"a\":\"\\u12g4\"}", BAD(10)},
        {"{\"a\":\"\\ud800\"}", BAD(12)},
        {"{\"a\":\"\\ud800\\u0041\"}", BAD(17)},
        {"{\"a\":\"\\udc00\"}", BAD(11)},
        {"{\"a\":\"\xff\"}", BAD(6)},
        {"{\"a\":\"\xc0\x80\"}", BAD(6)},
        {"{\"a\":\"\xe0\x80\x80\"}", BAD(7)},
        {"{\"a\":\"\xed\xa0\x80\"}", BAD(7)},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", BAD(7)},
        {"{\"a\":\"\xe2\x82\"}", BAD(8)},
        {"{\"a\":\"b", CUT(7)},
        {"{\"a\":1", CUT(6)},
        {"{\"a\":\"long enough that eight bytes go by at once, and more\",\"model\":\"m\"}",
         "m|-|a=\"long enough that eight bytes go by at once, and more\";model=\"m\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check(JSON, cases[i].body, cases[i].want);
}

/* Strings are passed in words and blocks: what is not plain is found wherever in them it stands. */
static void test_long_strings(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int bad; /* which of them is refused; -1: none is */
    } cases[] = {
        {"\x1F", 0},
        {"\n", 0},
        {" ", -1},
        {"\x7F", -1},
        {"\\n", -1},
        {"\\\"", -1},
        {"\x80", 0},
        {"\xC3\xA4", -1},
        {"\xC3x", 1},
        {"\xC1", 0},
        {"\xE2\x82\xAC", -1},
        {"\xE0\x9F", 1},
        {"\xED\xA0\x80", 1},
        {"\xF0\x8F", 1},
        {"\xFF", 0},
        {"\xF0\x9F\x98\x80", -1},
    };
    static const char plain[] = "!#$[]azAZ09{},:/";
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t n = 0; n < 280; n++) {
            struct buf body = {0};
            struct err_text why = {0}, want = {0};
            struct gateway_scan s;
            buf_add_str(&body, "{\"a\":\"");
            for (size_t k = 0; k < n; k++)
                buf_add_char(&body, plain[(i + k) % (sizeof plain - 1)]);
            size_t at = body.len;
            buf_add_str(&body, cases[i].bytes);
            for (size_t k = 0; k < n % 23; k++)
                buf_add_char(&body, 'x');
            buf_add_str(&body, "\"}");
            gateway_scan_init(&s);
            enum err e = gateway_scan_feed(&s, buf_span(&body), &why);
            if (cases[i].bad < 0) {
                assert_int_equal(e, ERR_OK);
                assert_int_equal(gateway_scan_end(&s, &why), ERR_OK);
                assert_int_equal(s.fields[0].end, body.len - 1);
            } else {
                assert_int_equal(e, ERR_INVALID);
                (void)err_set(&want, e, "The body is not valid JSON: unexpected byte at position %zu",
                              at + (size_t)cases[i].bad);
                assert_string_equal(why.text, want.text);
            }
            gateway_scan_release(&s);
            buf_release(&body);
        }
    }
}

static void test_json_limits(void **state)
{
    (void)state;
    for (int depth = 63; depth <= 64; depth++) {
        struct buf b = {0};
        buf_add_str(&b, "{\"a\":");
        for (int i = 0; i < depth; i++)
            buf_add_char(&b, '[');
        for (int i = 0; i < depth; i++)
            buf_add_char(&b, ']');
        buf_add_char(&b, '}');
        struct result r;
        scan(JSON, buf_span(&b), SIZE_MAX, &r);
        assert_int_equal(r.err, depth == 63 ? ERR_OK : ERR_INVALID);
        gateway_scan_release(&r.scan);
        buf_release(&b);
    }
    for (int n = 256; n <= 257; n++) {
        struct buf b = {0};
        for (int i = 0; i < n; i++)
            buf_addf(&b, "%s\"%d\":0", i ? "," : "{", i);
        buf_add_char(&b, '}');
        struct result r;
        scan(JSON, buf_span(&b), b.len, &r);
        assert_int_equal(r.err, n == 256 ? ERR_OK : ERR_INVALID);
        gateway_scan_release(&r.scan);
        buf_release(&b);
    }
    for (int n = 512; n <= 513; n++) {
        AUTO(mem) char *body = xasprintf("{\"model\":\"%0*d\"}", n, 0);
        struct result r;
        scan(JSON, span_str(body), 20, &r);
        assert_int_equal(r.err, n == 512 ? ERR_OK : ERR_INVALID);
        gateway_scan_release(&r.scan);
    }
}

#define PART(name, value) "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" value "\r\n"
#define FILE_PART                                                                                 \
    "--b\r\ncontent-disposition: form-data; filename=\"a \\\"name=model\\\".wav\"; name=file\r\n" \
    "Content-Type: audio/wav\r\n\r\n\r\r\n--\r\n-b\r\n--x\r\n"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"--b--", "The body is not a valid form: unexpected byte at position 3"},
        {PART("\"model\"", "whisper") "--b--\r\n", "whisper|-|model=whisper"},
        {FILE_PART PART("model", "org/w") PART("\"stream\"", "true") "--b--", "org/w|on|model=org/w"},
        {PART("\"stream\"", "False") "--b--", "-|off|"},
        {PART("\"modelx\"", "a") "--b--", "-|-|"},
        {PART("\"model\"", "") "--b--", "|-|model="},
        {PART("\"model\"", "a\r\n-") "--b--", "a\r\n-|-|model=a\r\n-"},
        {PART("\"model\"", "a") PART("\"model\"", "b") "--b--", "\"model\" is given twice"},
        {PART("a; name=model", "a") "--b--", "A field of the form has two names"},
        {PART("\"stream\"", "maybe") "--b--", "\"stream\" must be true or false"},
        {"x" PART("model", "a") "--b--", "The body does not begin with the form's boundary"},
        {"", "The form ends in the middle"},
        {PART("model", "a"), "The form ends in the middle"},
        {PART("model", "a") "--bc", "The body is not a valid form: unexpected byte at position 57"},
        {"--b\r\nContent-Type: text/plain\r\n\r\na\r\n--b--", "A field of the form has no name"},
        {"--b\r\nContent-Disposition: form-data; name*=utf-8''model\r\n\r\na\r\n--b--",
         "The body is not a valid form: unexpected byte at position 56"},
        {"--b\nContent-Disposition: form-data; name=model\n\na\n--b--",
         "The body is not a valid form: unexpected byte at position 3"},
        {PART("model", "a") "--b-- more", "The body is not a valid form: unexpected byte at position 59"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check(FORM, cases[i].body, cases[i].want);
}

static void test_boundaries(void **state)
{
    (void)state;
    static const struct {
        const char *type, *mark;
    } cases[] = {
        {"multipart/form-data; boundary=abc", "\r\n--abc"},
        {"multipart/form-data; charset=utf-8; Boundary=\"a b\"", "\r\n--a b"},
        {"multipart/form-data;boundary=----formdata-undici-0123456789",
         "\r\n------formdata-undici-0123456789"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary=a\"b", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary="
         "01234567890123456789012345678901234567890123456789012345678901234567890",
         NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gateway_form f;
        struct gateway_scan s = {0};
        enum err e = gateway_form_init(&f, span_str(cases[i].type), &s, NULL);
        assert_int_equal(e, cases[i].mark ? ERR_OK : ERR_INVALID);
        if (!e)
            assert_true(span_is(span_of(f.mark, f.mark_len), cases[i].mark));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),  cmocka_unit_test(test_long_strings), cmocka_unit_test(test_json_limits),
        cmocka_unit_test(test_forms), cmocka_unit_test(test_boundaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
