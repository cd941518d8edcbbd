/*
 * Instants and civil dates: tables, round trips, and the whole calendar against its own law.
 */
#include "base/macros.h"
#include "base/time.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_parse(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                int64_t ticks;
        } rows[] = {
                {__LINE__, "1970-01-01T00:00:00Z", 0, 0},
                {__LINE__, "2023-05-26T02:55:15.7249065+00:00", 0, INT64_C(16850697157249065)},
                {__LINE__, "2025-07-23T18:24:23.586772+00:00", 0, INT64_C(17532950635867720)},
                {__LINE__, "1970-01-01T01:00:00+01:00", 0, 0},
                {__LINE__, "1969-12-31T23:30:00-00:30", 0, 0},
                {__LINE__, "1969-12-31T23:59:59.9Z", 0, -1000000},
                {__LINE__, "2024-02-29T00:00:00Z", 0, INT64_C(17091648000000000)},
                {__LINE__, "1970-01-01T00:00:00.123456789Z", 0, 1234567}, /* below a tick: cut */
                {__LINE__, "0001-01-01T00:00:00Z", 0, UTC_MIN_SECONDS * TICKS_PER_SEC},
                {__LINE__, "9999-12-31T23:59:59Z", 0, UTC_MAX_SECONDS * TICKS_PER_SEC},
                {__LINE__, "9999-12-31T23:59:59-00:01", -EINVAL, 0}, /* year 10000 in UTC */
                {__LINE__, "0000-12-31T23:59:59Z", -EINVAL, 0},
                {__LINE__, "2023-02-29T00:00:00Z", -EINVAL, 0},
                {__LINE__, "2023-13-01T00:00:00Z", -EINVAL, 0},
                {__LINE__, "2023-00-01T00:00:00Z", -EINVAL, 0},
                {__LINE__, "2023-01-01T24:00:00Z", -EINVAL, 0},
                {__LINE__, "2016-12-31T23:59:60Z", -EINVAL, 0}, /* a leap second */
                {__LINE__, "2023-01-01T00:00:00", -EINVAL, 0},
                {__LINE__, "2023-01-01T00:00:00.Z", -EINVAL, 0},
                {__LINE__, "2023-01-01T00:00:00ZZ", -EINVAL, 0},
                {__LINE__, "2023-01-01T00:00:00+0000", -EINVAL, 0},
                {__LINE__, "2023-01-01 00:00:00Z", -EINVAL, 0},
                {__LINE__, "+023-01-01T00:00:00Z", -EINVAL, 0},
                {__LINE__, "", -EINVAL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct utc t = UTC_NONE;
                int r = utc_parse(rows[i].text, strlen(rows[i].text), &t);

                if (r != rows[i].r || (r == 0 && t.ticks != rows[i].ticks))
                        fail_msg("row at line %d: r %d, ticks %lld", rows[i].line, r,
                                 (long long)t.ticks);
        }
}

static void test_format(void **state) {
        static const char *const texts[] = {
                "1970-01-01T00:00:00Z",         "2023-05-26T02:55:15.7249065Z",
                "1969-12-31T23:59:59.9000000Z", "0001-01-01T00:00:00Z",
                "9999-12-31T23:59:59Z",
        };
        char buffer[UTC_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct utc t;

                assert_int_equal(utc_parse(texts[i], strlen(texts[i]), &t), 0);
                assert_string_equal(utc_format(t, buffer), texts[i]);
        }
}

static void test_slot(void **state) {
        char buffer[UTC_SLOT_SIZE];
        struct utc t;

        assert_int_equal(utc_parse_slot("20261123T021500Z", 16, &t), 0);
        assert_string_equal(utc_format_slot(t, buffer), "20261123T021500Z");
        assert_int_equal(utc_seconds(t), 1795400100);
        assert_int_equal(utc_parse_slot("20261123T021500", 15, &t), -EINVAL);
        assert_int_equal(utc_parse_slot("20261323T021500Z", 16, &t), -EINVAL);
        assert_int_equal(utc_parse_slot("2026112 T021500Z", 16, &t), -EINVAL);
}

static void test_http_date(void **state) {
        struct utc t;

        assert_int_equal(utc_parse_http_date("Fri, 26 May 2023 02:55:10 GMT", &t), 0);
        assert_int_equal(utc_seconds(t), 1685069710);
        assert_int_equal(utc_parse_http_date("Thu, 26 May 2023 02:55:10 GMT", &t), -EINVAL);
        assert_int_equal(utc_parse_http_date("Fri, 26 Mai 2023 02:55:10 GMT", &t), -EINVAL);
        assert_int_equal(utc_parse_http_date("Friday, 26-May-23 02:55:10 GMT", &t), -EINVAL);
        assert_int_equal(utc_parse_http_date("", &t), -EINVAL);
}

/* Every day from the year 1 to 9999 is one day after the day before it, and comes back. */
static void test_calendar_law(void **state) {
        int64_t first = civil_to_days(1, 1, 1), last = civil_to_days(9999, 12, 31);
        struct civil expected = {.year = 1, .month = 1, .day = 1};
        int weekday = 0; /* 0001-01-01 was a Monday */

        assert_int_equal(first, UTC_MIN_SECONDS / SEC_PER_DAY);
        for (int64_t day = first; day <= last; day++) {
                struct civil c = civil_from_days(day);

                if (c.year != expected.year || c.month != expected.month || c.day != expected.day ||
                    civil_to_days(c.year, c.month, c.day) != day || civil_weekday(day) != weekday)
                        fail_msg("day %lld", (long long)day);

                weekday = (weekday + 1) % 7;
                if (++expected.day > civil_days_in_month(expected.year, expected.month)) {
                        expected.day = 1;
                        if (++expected.month > 12) {
                                expected.month = 1;
                                expected.year++;
                        }
                }
        }
}

static void test_rounding(void **state) {
        assert_int_equal(utc_seconds((struct utc){-1}), -1);
        assert_int_equal(utc_seconds((struct utc){-TICKS_PER_SEC}), -1);
        assert_int_equal(utc_seconds((struct utc){TICKS_PER_SEC - 1}), 0);
        assert_int_equal(mono_add_ns(MONO_NEVER, 1).ns, INT64_MAX);
        assert_int_equal(mono_add_ns((struct mono){5}, -6).ns, -1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),        cmocka_unit_test(test_format),
                cmocka_unit_test(test_slot),         cmocka_unit_test(test_http_date),
                cmocka_unit_test(test_calendar_law), cmocka_unit_test(test_rounding),
        };

        return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
