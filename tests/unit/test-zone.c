/*
 * Zones: files made here byte by byte, so that nothing depends on what is installed. That the real
 * ones are read rightly is shown by tests/oracle/zone-glibc.c.
 */
#include "base/macros.h"
#include "zone-file.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_table(void **state) {
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct file f = some_file();
        struct zone_change change;

        assert_int_equal(zone_parse(f.bytes, f.len, "Test/Some", &zone), 0);
        assert_string_equal(zone_name(zone), "Test/Some");
        assert_int_equal(zone_offset(zone, INT64_MIN), 3600);
        assert_int_equal(zone_offset(zone, 954032399), 3600);
        assert_int_equal(zone_offset(zone, 954032400), 7200);
        assert_int_equal(zone_offset(zone, 972781199), 7200);
        assert_int_equal(zone_offset(zone, 972781200), 3600);
        assert_int_equal(zone_offset(zone, INT64_MAX), 3600);

        assert_true(zone_next_change(zone, INT64_MIN, &change));
        assert_int_equal(change.at, 954032400);
        assert_int_equal(change.before, 3600);
        assert_int_equal(change.after, 7200);
        assert_true(zone_next_change(zone, change.at, &change));
        assert_int_equal(change.at, 972781200);
        assert_false(zone_next_change(zone, change.at, &change));
        assert_true(zone_previous_change(zone, INT64_MAX, &change));
        assert_int_equal(change.at, 972781200);
        assert_true(zone_previous_change(zone, change.at - 1, &change));
        assert_int_equal(change.at, 954032400);
        assert_false(zone_previous_change(zone, change.at - 1, &change));
}

static void test_utc(void **state) {
        struct zone_change change;
        int64_t first, last;

        assert_string_equal(zone_name(NULL), "UTC");
        assert_int_equal(zone_offset(NULL, 1), 0);
        assert_false(zone_next_change(NULL, 0, &change));
        assert_false(zone_previous_change(NULL, 0, &change));
        assert_int_equal(zone_local_to_instants(NULL, 77, &first, &last), ZONE_LOCAL_ONCE);
        assert_int_equal(first, 77);
        assert_int_equal(last, 77);
        assert_int_equal(zone_latest_local(NULL, -5), -5);
        assert_null(zone_free(NULL));
}

/* Two transitions of one offset are none: the abbreviation alone changed. */
static void test_same_offset(void **state) {
        static const struct type types[] = {{3600, 0, 0}, {3600, 1, 4}};
        struct file f = file_make(some_transitions, 2, types, 2, "CET-1");
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct zone_change change;

        assert_int_equal(zone_parse(f.bytes, f.len, "Test", &zone), 0);
        assert_false(zone_next_change(zone, INT64_MIN, &change));
}

static void test_rules(void **state) {
        static const struct {
                int line;
                const char *rule, *at;
                int32_t offset;
        } rows[] = {
                {__LINE__, "UTC0", "2026-07-01T00:00:00Z", 0},
                {__LINE__, "<+03>-3", "2026-07-01T00:00:00Z", 10800},
                {__LINE__, "<-0330>+3:30", "2026-07-01T00:00:00Z", -12600},
                {__LINE__, "LMT-0:53:28", "2026-07-01T00:00:00Z", 3208},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7200},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3600},
                /* beyond the table that is written out at reading */
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2600-07-01T00:00:00Z", 7200},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "9999-12-31T23:59:59Z", 3600},
                /* the southern half: summer over New Year */
                {__LINE__, "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-12-31T23:59:59Z", 39600},
                {__LINE__, "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-04T15:59:59Z", 39600},
                {__LINE__, "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-04T16:00:00Z", 36000},
                /* Dublin: its daylight saving time lies in winter and behind */
                {__LINE__, "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0},
                {__LINE__, "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T01:00:00Z", 3600},
                {__LINE__, "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T01:00:00Z", 0},
                /* Godthab and Gaza: negative and long times of day */
                {__LINE__, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200},
                {__LINE__, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600},
                {__LINE__, "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-27T23:59:59Z", 7200},
                {__LINE__, "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00Z", 10800},
                /* RFC 8536's own example: daylight saving time all the year */
                {__LINE__, "EST5EDT,0/0,J365/25", "2026-01-01T05:00:00Z", -14400},
                {__LINE__, "EST5EDT,0/0,J365/25", "2026-01-01T04:59:59Z", -14400},
                {__LINE__, "EST5EDT,0/0,J365/25", "2026-07-01T00:00:00Z", -14400},
                /* J60 is 1 March in every year, 59 without J in leap years is 29 February */
                {__LINE__, "AAA0BBB,J60/0,J300/0", "2024-02-29T12:00:00Z", 0},
                {__LINE__, "AAA0BBB,J60/0,J300/0", "2024-03-01T00:00:00Z", 3600},
                {__LINE__, "AAA0BBB,59/0,300/0", "2024-02-29T00:00:00Z", 3600},
                {__LINE__, "AAA0BBB,59/0,300/0", "2023-02-28T23:59:59Z", 0},
                {__LINE__, "AAA0BBB,59/0,300/0", "2023-03-01T00:00:00Z", 3600},
                /* a week before the first day of the year, and one after the last */
                {__LINE__, "AAA0BBB,0/-167,J100/0", "2025-12-25T01:00:00Z", 3600},
                {__LINE__, "AAA0BBB,0/-167,J100/0", "2025-12-25T00:59:59Z", 0},
                {__LINE__, "AAA0BBB,J300/0,J365/167", "2026-01-06T21:59:59Z", 3600},
                {__LINE__, "AAA0BBB,J300/0,J365/167", "2026-01-06T22:00:00Z", 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(zone_freep) struct zone *zone = from_rule(rows[i].rule);
                int32_t offset = zone_offset(zone, instant(rows[i].at));

                if (offset != rows[i].offset)
                        fail_msg("row at line %d: %d", rows[i].line, (int)offset);
        }
}

static void test_bad_rules(void **state) {
        static const struct {
                int line;
                const char *rule;
                int r;
        } rows[] = {
                {__LINE__, "", ZONE_E_NO_RULE},
                {__LINE__, "CET", ZONE_E_DAMAGED},
                {__LINE__, "CE-1", ZONE_E_DAMAGED},
                {__LINE__, "<+3>-3", ZONE_E_DAMAGED},
                {__LINE__, "<+03-3", ZONE_E_DAMAGED},
                {__LINE__, "CET-25", ZONE_E_DAMAGED},
                {__LINE__, "CET-1:60", ZONE_E_DAMAGED},
                {__LINE__, "CET-1:", ZONE_E_DAMAGED},
                {__LINE__, "CET--1", ZONE_E_DAMAGED},
                {__LINE__, "CET-1 ", ZONE_E_DAMAGED},
                {__LINE__, "CET-1\nCET-1", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST", ZONE_E_DAMAGED}, /* when? POSIX leaves it open */
                {__LINE__, "CET-1CEST,M3.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0,", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M0.5.0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M13.5.0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.0.0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.6.0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.7,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,J0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,J366,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,366,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.0/168,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.0/-168,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.0/2:60,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-99999999999999999999", ZONE_E_DAMAGED},
                {__LINE__, "CET-1:00:60", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST-25,M3.5.0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3-5.0,M10.5.0", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0;", ZONE_E_DAMAGED},
                {__LINE__, "CET-1CEST,M3.5.0,M13.5.0", ZONE_E_DAMAGED},
                {__LINE__, "<CE[>-1", ZONE_E_DAMAGED},
                {__LINE__, "<CE{>-1", ZONE_E_DAMAGED},
        };
        static const struct type type = {0, 0, 0};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct file f = file_make(NULL, 0, &type, 1, rows[i].rule);
                struct zone *zone = NULL;
                int r = zone_parse(f.bytes, f.len, "Test", &zone);

                if (r != rows[i].r || zone)
                        fail_msg("row at line %d: %d", rows[i].line, r);
        }
}

/* Every file that ends early is refused, and so is one that goes on. */
static void test_cut(void **state) {
        struct file f = some_file();
        struct zone *zone = NULL;

        for (size_t len = 0; len < f.len; len++) {
                /* A copy of that size, so that the address sanitizer sees a read beyond it. */
                char *copy = malloc(len + 1);
                int r;

                assert_non_null(copy);
                memcpy(copy, f.bytes, len);
                r = zone_parse(copy, len, "Test", &zone);
                free(copy);
                if (r <= 0 || zone)
                        fail_msg("%zu of %zu bytes: %d", len, f.len, r);
        }
        assert_int_equal(zone_parse(f.bytes, f.len, "Test", &zone), 0);
        zone = zone_free(zone);

        put(&f, "\n", 1);
        assert_int_equal(zone_parse(f.bytes, f.len, "Test", &zone), ZONE_E_DAMAGED);
}

/* One field at a time. Offsets from the beginning of the second header, at 54. */
static void test_damage(void **state) {
        static const struct {
                int line;
                size_t at, size;
                int64_t value;
                int r;
        } rows[] = {
                {__LINE__, 0, 4, 0x545a6967, ZONE_E_DAMAGED}, /* "TZig" */
                {__LINE__, 4, 1, 0, ZONE_E_VERSION},
                {__LINE__, 4, 1, '1', ZONE_E_DAMAGED},
                {__LINE__, 4, 1, ':', ZONE_E_DAMAGED},
                {__LINE__, 4, 1, '4', 0}, /* a later version is read as the one known */
                {__LINE__, 54, 4, 0, ZONE_E_DAMAGED},
                {__LINE__, 54 + 20, 4, 1, ZONE_E_DAMAGED}, /* isut */
                {__LINE__, 54 + 24, 4, 1, ZONE_E_DAMAGED}, /* isstd */
                {__LINE__, 54 + 28, 4, 1, ZONE_E_LEAP_SECONDS},
                {__LINE__, 54 + 32, 4, 3, ZONE_E_DAMAGED}, /* times */
                {__LINE__, 54 + 32, 4, -1, ZONE_E_DAMAGED},
                {__LINE__, 54 + 36, 4, 0, ZONE_E_DAMAGED}, /* types */
                {__LINE__, 54 + 36, 4, 257, ZONE_E_DAMAGED},
                {__LINE__, 54 + 40, 4, 0, ZONE_E_DAMAGED},    /* chars */
                {__LINE__, 98, 8, 972781200, ZONE_E_DAMAGED}, /* the first not before the second */
                {__LINE__, 98, 8, INT64_C(1) << 60, ZONE_E_DAMAGED},
                {__LINE__, 98 + 16, 1, 2, ZONE_E_DAMAGED}, /* a type that is not there */
                {__LINE__, 98 + 17, 1, 1, ZONE_E_DAMAGED}, /* the table ends unlike the rule */
                {__LINE__, 116, 4, ZONE_OFFSET_MAX + 1, ZONE_E_DAMAGED},
                {__LINE__, 116, 4, ZONE_OFFSET_MIN - 1, ZONE_E_DAMAGED},
                {__LINE__, 116, 4, INT32_MIN, ZONE_E_DAMAGED},
                {__LINE__, 116, 4, 7200, ZONE_E_DAMAGED}, /* again unlike the rule */
                {__LINE__, 120, 1, 2, ZONE_E_DAMAGED},    /* neither summer nor winter */
                {__LINE__, 121, 1, 8, ZONE_E_DAMAGED},    /* a name beyond the names */
                {__LINE__, 135, 1, 'B', ZONE_E_DAMAGED},  /* a name without an end */
                {__LINE__, 136, 1, 2, ZONE_E_DAMAGED},    /* isstd of neither */
                {__LINE__, 138, 1, 1, ZONE_E_DAMAGED},    /* UT, but not standard */
                {__LINE__, 140, 1, 'C', ZONE_E_DAMAGED},  /* the footer's first newline */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(zone_freep) struct zone *zone = NULL;
                struct file f = some_file();
                size_t len = f.len;
                int r;

                f.len = rows[i].at;
                put_be(&f, rows[i].value, rows[i].size);
                r = zone_parse(f.bytes, len, "Test", &zone);
                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
        }
}

static void test_problems(void **state) {
        for (int e = ZONE_E_DAMAGED; e <= ZONE_E_NO_RULE; e++)
                for (int f = ZONE_E_DAMAGED; f < e; f++)
                        assert_string_not_equal(zone_problem(e), zone_problem(f));
        assert_string_equal(zone_problem(-EIO), "the zone file cannot be read");
}

/* A file may not have more changes than memory is meant for, whether they are in its table or follow
 * from its rule. */
static void test_many(void **state) {
        static const struct {
                int line;
                size_t n;
                const char *footer;
                int r;
        } rows[] = {
                {__LINE__, 65536, "CET-1", 0},
                {__LINE__, 65537, "AAA-2", ZONE_E_DAMAGED},
                {__LINE__, 65536, "CET-1CEST,M3.5.0,M10.5.0/3", ZONE_E_DAMAGED},
        };
        const size_t block = 44 + 10, fixed = 44 + 2 * 6 + 8 + 4;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t n = rows[i].n, len = block + fixed + n * 9 + strlen(rows[i].footer) + 2;
                struct file f = file_make(some_transitions, 2, some_types, 2, rows[i].footer);
                char *bytes = calloc(1, len);
                struct zone *zone = NULL;
                int r;

                assert_non_null(bytes);
                memcpy(bytes, f.bytes, block + 44);
                for (size_t k = 0; k < 4; k++)
                        bytes[block + 32 + k] = (char)(n >> 8 * (3 - k));
                /* An hour on and off, a day each, to the first days of 2000. */
                for (size_t k = 0; k < n; k++) {
                        int64_t at = INT64_C(946684800) - (int64_t)(n - k) * SEC_PER_DAY;

                        for (size_t byte = 0; byte < 8; byte++)
                                bytes[block + 44 + 8 * k + byte] =
                                        (char)((uint64_t)at >> 8 * (7 - byte));
                        bytes[block + 44 + 8 * n + k] = k % 2 == 0;
                }
                memcpy(bytes + block + 44 + 9 * n, f.bytes + block + 44 + 18,
                       f.len - block - 44 - 18);
                r = zone_parse(bytes, len, "Test", &zone);
                if (r != rows[i].r || (r == 0) != (zone != NULL))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                zone_free(zone);
                free(bytes);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),       cmocka_unit_test(test_utc),
                cmocka_unit_test(test_same_offset), cmocka_unit_test(test_rules),
                cmocka_unit_test(test_bad_rules),   cmocka_unit_test(test_cut),
                cmocka_unit_test(test_damage),      cmocka_unit_test(test_problems),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
