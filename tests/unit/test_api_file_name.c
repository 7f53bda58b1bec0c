/* File names from outside: what is stored of them, and how they travel in a header. */
#include "api/api_file_name.h"
#include "unit.h"

static void stored_names(void **state)
{
    (void)state;
    static const struct {
        const char *given, *kept;
    } cases[] = {
        {"notes.md", "notes.md"},
        {"  two words.txt ", "two words.txt"},
        {"a \"quoted\" name; x=1.txt", "a \"quoted\" name; x=1.txt"},
        {"../../etc/passwd", ".._.._etc_passwd"},
        {"C:\\Users\\ada\\cv.pdf", "C:_Users_ada_cv.pdf"},
        {"a\r\nSet-Cookie: x=1\r\n\r\n.txt", "aSet-Cookie: x=1.txt"},
        {"\x01\x1f\x7f\xc2\x85.txt", ".txt"},
        {"invoice\xe2\x80\xaegnp.exe", "invoicegnp.exe"}, /* U+202E: the line runs backwards */
        {"\xe2\x81\xa6x\xe2\x81\xa9\xef\xbb\xbf", "x"},   /* isolates, BOM */
        {"\xd9\x85\xd9\x84\xd9\x81.pdf", "\xd9\x85\xd9\x84\xd9\x81.pdf"},
        {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.png",
         "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.png"},
        {"\xf3\xa0\x80\x81z", "z"},
        {".", "file"},
        {"..", "file"},
        {" \r\n ", "file"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *out = buf_new();
        file_name_clean(span_str(cases[i].given), out);
        assert_string_equal(buf_str(out), cases[i].kept);
    }
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_inline;
        const char *value;
    } cases[] = {
        {"a.png", true, "inline; filename=\"a.png\"; filename*=UTF-8''a.png"},
        {"a b\"c\\d%e.txt", false,
         "attachment; filename=\"a b_c_d_e.txt\"; filename*=UTF-8''a%20b%22c%5Cd%25e.txt"},
        {"gr\xc3\xbcn\xe2\x86\x92.pdf", false,
         "attachment; filename=\"gr_n_.pdf\"; filename*=UTF-8''gr%C3%BCn%E2%86%92.pdf"},
        {"a\r\nb", false, "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf) struct buf *out = buf_new();
        file_name_add_disposition(cases[i].name, cases[i].is_inline, out);
        assert_string_equal(buf_str(out), cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stored_names), cmocka_unit_test(headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
