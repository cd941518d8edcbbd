/*
 * Zones: local times and changes, both ways, against their definitions (zone.h).
 */
#include "base/macros.h"
#include "zone-file.h"

#include <inttypes.h>

/* Changes before year 0 and after year 10000 are none that anybody is told of. */
static void test_far_changes(void **state) {
        static const struct transition far[] = {
                {-INT64_C(90000000000), 1}, {972781200, 0}, {INT64_C(300000000000), 1}};
        struct file f = file_make(far, 3, some_types, 2, "AAA-2");
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct zone_change change;

        assert_int_equal(zone_parse(f.bytes, f.len, "Test", &zone), 0);
        assert_true(zone_next_change(zone, INT64_MIN, &change));
        assert_int_equal(change.at, 972781200);
        assert_false(zone_next_change(zone, 972781200, &change));
        assert_true(zone_previous_change(zone, INT64_MAX, &change));
        assert_int_equal(change.at, 972781200);
        assert_false(zone_previous_change(zone, 972781199, &change));
        assert_int_equal(zone_offset(zone, INT64_C(300000000000)), 7200);
}

static void test_local(void **state) {
        static const struct {
                int line;
                const char *rule, *local; /* written as if it were UTC */
                enum zone_local kind;
                const char *first, *last;
        } rows[] = {
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:59:59Z", ZONE_LOCAL_ONCE,
                 "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:00:00Z", ZONE_LOCAL_GAP,
                 "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:59:59Z", ZONE_LOCAL_GAP,
                 "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T03:00:00Z", ZONE_LOCAL_ONCE,
                 "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:59:59Z", ZONE_LOCAL_ONCE,
                 "2026-10-24T23:59:59Z", "2026-10-24T23:59:59Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:00:00Z",
                 ZONE_LOCAL_REPEATED, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:59:59Z",
                 ZONE_LOCAL_REPEATED, "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z"},
                {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T03:00:00Z", ZONE_LOCAL_ONCE,
                 "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
                {__LINE__, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-04T02:29:59Z",
                 ZONE_LOCAL_GAP, "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z"},
                {__LINE__, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-05T01:30:00Z",
                 ZONE_LOCAL_REPEATED, "2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z"},
                {__LINE__, "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T01:30:00Z", ZONE_LOCAL_GAP,
                 "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
                {__LINE__, "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T01:30:00Z",
                 ZONE_LOCAL_REPEATED, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(zone_freep) struct zone *zone = from_rule(rows[i].rule);
                int64_t local = instant(rows[i].local), first, last;
                enum zone_local kind = zone_local_to_instants(zone, local, &first, &last);

                if (kind != rows[i].kind || first != instant(rows[i].first) ||
                    last != instant(rows[i].last))
                        fail_msg("row at line %d: %d %" PRId64 " %" PRId64, rows[i].line, (int)kind,
                                 first, last);
                assert_int_equal(zone_first_instant(zone, local), first);
        }
}

/* Minute by minute around every change, against the definitions in the header. */
static void check_definitions(const struct zone *zone, int64_t from, int64_t to) {
        int64_t seen = INT64_MIN;

        for (int64_t at = from - ZONE_SPAN_MAX; at < from; at++)
                seen = MAX(seen, at + zone_offset(zone, at));
        for (int64_t at = from; at <= to; at += 60) {
                /* What was not shown before @at and is shown, or passed, from now on. */
                for (int64_t s = at - 59; s <= at; s++)
                        seen = MAX(seen, s + zone_offset(zone, s));
                if (zone_latest_local(zone, at) != seen)
                        fail_msg("%s: latest local time at %" PRId64, zone_name(zone), at);
                if (zone_first_instant(zone, seen) > at || zone_first_instant(zone, seen + 1) <= at)
                        fail_msg("%s: first instant near %" PRId64, zone_name(zone), at);
        }
}

static void test_definitions(void **state) {
        static const char *const rules[] = {
                "CET-1CEST,M3.5.0,M10.5.0/3",
                "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                "IST-1GMT0,M10.5.0,M3.5.0/1",
                "CST5CDT,M3.2.0/0,M11.1.0/1",
                /* a day and more forward, and back again two days later */
                "AAA12BBB-13,J100/2,J102/2",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
                _cleanup_(zone_freep) struct zone *zone = from_rule(rules[i]);
                int64_t at = instant("2026-01-01T00:00:00Z");
                struct zone_change change;

                for (int n = 0; n < 2; n++) {
                        assert_true(zone_next_change(zone, at, &change));
                        check_definitions(zone, change.at - 30 * 3600, change.at + 30 * 3600);
                        at = change.at;
                }
        }
}

/* The changes forward are those backward, over the end of the table and into the rule. */
static void test_changes_both_ways(void **state) {
        _cleanup_(zone_freep) struct zone *zone = NULL;
        static int64_t forward[2000];
        struct zone_change change;
        struct file f;
        size_t n = 0;
        int64_t at;

        f = file_make(some_transitions, 2, some_types, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
        assert_int_equal(zone_parse(f.bytes, f.len, "Test", &zone), 0);
        for (at = INT64_MIN; n < ARRAY_SIZE(forward) && zone_next_change(zone, at, &change);
             at = change.at) {
                forward[n++] = change.at;
                assert_int_equal(zone_offset(zone, change.at), change.after);
                assert_int_equal(zone_offset(zone, change.at - 1), change.before);
        }
        assert_int_equal(n, ARRAY_SIZE(forward)); /* two a year: to the year 3000 */

        at = forward[n - 1];
        while (zone_previous_change(zone, at, &change)) {
                assert_int_equal(change.at, forward[--n]);
                at = change.at - 1;
        }
        assert_int_equal(n, 0);
}

/* No change, and no walk through ten thousand years to find that out. */
static void test_all_year(void **state) {
        _cleanup_(zone_freep) struct zone *zone = from_rule("EST5EDT,0/0,J365/25");
        struct zone_change change;

        for (int i = 0; i < 1000000; i++)
                assert_false(zone_next_change(zone, 0, &change));
        assert_false(zone_previous_change(zone, 0, &change));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_local),       cmocka_unit_test(test_definitions),
                cmocka_unit_test(test_all_year),    cmocka_unit_test(test_changes_both_ways),
                cmocka_unit_test(test_far_changes),
        };

        return cmocka_run_group_tests_name("zone-local", tests, NULL, NULL);
}
