/*
 * Columns that a text takes on a terminal, in whatever locale.
 */
#include "base/macros.h"
#include "snapkeepctl/output.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_width(void **state) {
        static const struct {
                int line;
                const char *text;
                size_t width;
        } rows[] = {
                {__LINE__, "", 0},
                {__LINE__, "disk-0001", 9},
                {__LINE__, "rg-größe", 8},
                {__LINE__, "rg-备份", 7},
                {__LINE__, "監査、7", 7},
                {__LINE__, "ＡＢ", 4},               /* letters of full width */
                {__LINE__, "ｱｲ", 2},                 /* of half width */
                {__LINE__, "e\xcc\x81t\xcc\x81", 2}, /* accents of their own take none */
                {__LINE__, "백업", 4},
                {__LINE__, "𠮷", 2},           /* beyond 16 bits */
                {__LINE__, "\xef\xbf\xbf", 1}, /* no character: a terminal shows some sign */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t width = clean_width(rows[i].text, strlen(rows[i].text));

                if (width != rows[i].width)
                        fail_msg("line %d: %zu", rows[i].line, width);
        }
        /* It leaves the locale as it was: numbers are written by it. */
        assert_ptr_equal(uselocale((locale_t)0), LC_GLOBAL_LOCALE);
        assert_string_equal(setlocale(LC_ALL, NULL), "C");
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_width)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
