/*
 * Strings: comparison without case, globs, numbers, distances, and the growing buffer.
 */
#include "base/macros.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_glob(void **state) {
        static const struct {
                int line;
                const char *pattern, *text;
                bool matches;
        } rows[] = {
                {__LINE__, "rg-prod-*", "rg-prod-web", true},
                {__LINE__, "rg-prod-*", "RG-PROD-WEB", true},
                {__LINE__, "rg-prod-*", "rg-prod-", true},
                {__LINE__, "rg-prod-*", "rg-prod", false},
                {__LINE__, "*", "", true},
                {__LINE__, "", "", true},
                {__LINE__, "", "a", false},
                {__LINE__, "a*b*c", "aXbYbZc", true},
                {__LINE__, "a*b*c", "aXbYbZ", false},
                {__LINE__, "*aab", "aaaab", true}, /* the star must give back */
                {__LINE__, "[a]", "a", false},     /* no bracket expressions */
                {__LINE__, "a?c", "abc", false},   /* no question marks */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_matches_glob_nocase(rows[i].pattern, rows[i].text) != rows[i].matches)
                        fail_msg("row at line %d", rows[i].line);
}

static void test_shown(void **state) {
        static const struct {
                const char *text;
                size_t bytes;
        } rows[] = {
                {"a", 1},
                {"\x1b", 0},
                {"\x7f", 0},
                {"\n", 0},
                {"\xc3\xa4", 2},
                {"\xc2\x9b", 0}, /* C1: a control sequence introducer */
                {"\xc2\xa0", 2},
                {"\xc3", 0}, /* cut */
                {"\xc3z", 0},
                {"\xc1\xbf", 0}, /* longer than need be */
                {"\xe6\xbc\xa2", 3},
                {"\xe6\xbc", 0},
                {"\xe0\x9f\xbf", 0},
                {"\xed\x9f\xbf", 3},
                {"\xed\xa0\x80", 0}, /* a surrogate */
                {"\xe2\x80\x8d", 3}, /* joins */
                {"\xe2\x80\x8e", 0}, /* left-to-right mark */
                {"\xe2\x80\xa7", 3},
                {"\xe2\x80\xa8", 0}, /* line separator */
                {"\xe2\x80\xae", 0}, /* right-to-left override */
                {"\xe2\x80\xaf", 3},
                {"\xe2\x81\xa5", 3},
                {"\xe2\x81\xa6", 0}, /* left-to-right isolate */
                {"\xe2\x81\xa9", 0},
                {"\xf0\x9f\x92\xbe", 4},
                {"\xf0\x8f\xbf\xbf", 0},
                {"\xf4\x8f\xbf\xbf", 4},
                {"\xf4\x90\x80\x80", 0}, /* beyond Unicode */
                {"\xf5\x80\x80\x80", 0},
                {"\x80", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(str_shown_bytes(rows[i].text, strlen(rows[i].text)),
                                 rows[i].bytes);
}

static void test_compare(void **state) {
        assert_true(str_equal_nocase("ResourceGroups", "resourcegroups"));
        assert_false(str_equal_nocase("a", "ab"));
        assert_int_equal(str_compare_nocase("A", "b"), -1);
        assert_int_equal(str_compare_nocase("b", "A"), 1);
        /* Letters outside ASCII are bytes: no folding, no sign trouble. */
        assert_int_equal(str_compare_nocase("a", "\xc3\xa5"), -1);
        assert_true(str_starts_with_nocase("/SUBSCRIPTIONS/x", "/subscriptions/"));
        assert_false(str_starts_with_nocase("/sub", "/subscriptions/"));
}

static void test_parse_u64(void **state) {
        uint64_t value = 7;

        assert_int_equal(str_parse_u64("0", 1, 10, &value), 0);
        assert_int_equal(value, 0);
        assert_int_equal(str_parse_u64("18446744073709551615", 20, UINT64_MAX, &value), 0);
        assert_true(value == UINT64_MAX);
        assert_int_equal(str_parse_u64("18446744073709551616", 20, UINT64_MAX, &value), -ERANGE);
        assert_int_equal(str_parse_u64("11", 2, 10, &value), -ERANGE);
        assert_int_equal(str_parse_u64("01", 2, 10, &value), -EINVAL);
        assert_int_equal(str_parse_u64("+1", 2, 10, &value), -EINVAL);
        assert_int_equal(str_parse_u64("", 0, 10, &value), -EINVAL);
        /* A letter behind an overflow is still no number. */
        assert_int_equal(str_parse_u64("99999999999999999999x", 21, 10, &value), -EINVAL);
}

static void test_distance(void **state) {
        assert_int_equal(str_distance("min_keep", "min_kep", 9), 1);
        assert_int_equal(str_distance("kitten", "sitting", 9), 3);
        assert_int_equal(str_distance("", "abc", 9), 3);
        assert_int_equal(str_distance("abc", "xyz", 2), 2);
}

static void test_strbuf(void **state) {
        struct strbuf s = {.max = 10};
        _cleanup_(freep) char *text = NULL;

        assert_string_equal(strbuf_str(&s), "");
        strbuf_append_str(&s, "12345");
        strbuf_appendf(&s, "%d", 67890);
        assert_string_equal(strbuf_str(&s), "1234567890");

        /* The error sticks, and taking reports it. */
        strbuf_append_char(&s, 'x');
        strbuf_append_str(&s, "");
        assert_int_equal(strbuf_take(&s, &text), -E2BIG);
        assert_null(text);

        strbuf_append_str(&s, "again");
        assert_int_equal(strbuf_take(&s, &text), 0);
        assert_string_equal(text, "again");
        assert_null(s.data);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_glob),     cmocka_unit_test(test_shown),
                cmocka_unit_test(test_compare),  cmocka_unit_test(test_parse_u64),
                cmocka_unit_test(test_distance), cmocka_unit_test(test_strbuf),
        };

        return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
