/*
 * The arithmetic of doubts, with their bounds to the very number.
 */
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/doubts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY INT64_C(20000) /* some day since 1970 */

static void test_names(void **state) {
        static const char *const names[] = {"clock",  "listing", "targets", "stale",
                                            "policy", "mass",    "peer",    "internal"};
        static const struct {
                int line;
                uint32_t blocked;
                const char *text;
        } rows[] = {
                {__LINE__, 0, ""},
                {__LINE__, DOUBT_BIT(DOUBT_STALE), "stale"},
                {__LINE__, DOUBT_BIT(DOUBT_STALE) | BLOCK_PAUSED, "stale, paused"},
                {__LINE__, DOUBT_BIT(DOUBT_INTERNAL) | DOUBT_BIT(DOUBT_CLOCK), "clock, internal"},
                {__LINE__, BLOCK_PAUSED_ALL | BLOCK_ASK, "all paused, ask"},
                {__LINE__, BLOCK_GONE | BLOCK_FULL | BLOCK_BURST, "gone, full, burst"},
                {__LINE__, BLOCK_PAUSED | BLOCK_HOLD, "paused, hold"},
        };

        assert_int_equal(ARRAY_SIZE(names), _DOUBT_N);
        for (enum doubt doubt = 0; doubt < _DOUBT_N; doubt++) {
                assert_string_equal(doubt_name(doubt), names[doubt]);
                assert_int_equal(strncmp(doubt_end(doubt), "ends ", 5), 0);
                /* No bit is both a doubt and a block. */
                assert_true(DOUBT_BIT(doubt) < BLOCK_PAUSED);
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct strbuf out = {};

                blocks_append(rows[i].blocked, &out);
                if (strcmp(strbuf_str(&out), rows[i].text) != 0)
                        fail_msg("row at line %d: \"%s\"", rows[i].line, strbuf_str(&out));
                strbuf_deinit(&out);
        }
}

static void test_policy(void **state) {
        static const struct {
                int line;
                size_t complete, beyond;
                unsigned percent;
                bool stands;
        } rows[] = {
                {__LINE__, 0, 0, 20, false},         {__LINE__, 100, 0, 20, false},
                {__LINE__, 100, 20, 20, false}, /* equal is not more */
                {__LINE__, 100, 21, 20, true},       {__LINE__, 9, 1, 20, false},
                {__LINE__, 9, 2, 20, true}, /* 22 percent: nothing is rounded */
                {__LINE__, 10, 2, 20, false},        {__LINE__, 1000000, 10000, 1, false},
                {__LINE__, 1000000, 10001, 1, true}, {__LINE__, 5, 5, 100, false},
                {__LINE__, 1, 1, 99, true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct policy_tally tally = {.complete = rows[i].complete,
                                             .beyond = rows[i].beyond};

                if (doubt_policy_stands(&tally, rows[i].percent) != rows[i].stands)
                        fail_msg("row at line %d", rows[i].line);
        }
}

static void test_mass(void **state) {
        static const struct {
                int line;
                size_t complete, deletes, gained, deleted, allowance;
                unsigned percent;
                bool stands;
        } rows[] = {
                /* a small policy: ten are too few to worry */
                {__LINE__, 10, 10, 0, 0, 0, 20, false},
                {__LINE__, 10, 11, 0, 0, 0, 20, true},
                {__LINE__, 10, 11, 1, 0, 0, 20, false},
                {__LINE__, 10, 12, 1, 0, 0, 20, true},
                {__LINE__, 10, 1, 0, 9, 0, 20, false},
                {__LINE__, 10, 1, 0, 10, 0, 20, true},    /* those of the last day count */
                {__LINE__, 10, 0, 0, 500, 0, 20, false},  /* nothing is to be deleted */
                {__LINE__, 10, 11, 0, 20, 11, 20, false}, /* an operator allowed eleven */
                {__LINE__, 10, 12, 0, 9, 11, 20, false},
                {__LINE__, 10, 12, 0, 10, 11, 20, true},
                {__LINE__, 10, 12, 1, 10, 11, 20, false},
                /* a large one: the percentage */
                {__LINE__, 1000, 200, 0, 0, 0, 20, false},
                {__LINE__, 1000, 201, 0, 0, 0, 20, true},
                {__LINE__, 1000, 201, 1, 0, 0, 20, false},
                {__LINE__, 1000, 1, 0, 201, 0, 20, true},
                {__LINE__, 51, 10, 0, 0, 0, 20, false},
                {__LINE__, 54, 11, 0, 0, 0, 20, true}, /* 10.8 */
                {__LINE__, 55, 11, 0, 0, 0, 20, false},
                {__LINE__, 1000, 1000, 1000, 0, 0, 20, false},
                /* nothing complete is left to have a percentage of */
                {__LINE__, 0, 11, 0, 0, 0, 100, true},
                /* numbers out of a file that somebody wrote */
                {__LINE__, 1000, 1, 0, SIZE_MAX, 0, 20, true},
                {__LINE__, 1000, 300, 0, 0, SIZE_MAX, 20, false},
                {__LINE__, 1000, 300, 7, 0, SIZE_MAX, 20, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct policy_tally tally = {.complete = rows[i].complete,
                                             .deletes = rows[i].deletes,
                                             .gained = rows[i].gained};

                if (doubt_mass_stands(&tally, rows[i].deleted, rows[i].allowance,
                                      rows[i].percent) != rows[i].stands)
                        fail_msg("row at line %d", rows[i].line);
                /* An ack of the planned ones lets them go, whatever has gone before. */
                assert_false(
                        doubt_mass_stands(&tally, rows[i].deleted, tally.deletes, rows[i].percent));
        }
}

static void test_tally_add(void **state) {
        struct policy_tally sum = {.complete = 1,
                                   .listed = 2,
                                   .beyond = 3,
                                   .deletes = 4,
                                   .failures = 5,
                                   .gained = 6,
                                   .differing = 7,
                                   .agreeing = 8};
        struct policy_tally more = {.complete = 10,
                                    .listed = 20,
                                    .beyond = 30,
                                    .deletes = 40,
                                    .failures = 50,
                                    .gained = 60,
                                    .differing = 70,
                                    .agreeing = 80};

        policy_tally_add(&sum, &more);
        assert_int_equal(sum.complete, 11);
        assert_int_equal(sum.listed, 22);
        assert_int_equal(sum.beyond, 33);
        assert_int_equal(sum.deletes, 44);
        assert_int_equal(sum.failures, 55);
        assert_int_equal(sum.gained, 66);
        assert_int_equal(sum.differing, 77);
        assert_int_equal(sum.agreeing, 88);
        assert_null(sum.accepted);
        assert_int_equal(sum.former.ticks, 0);

        /* The newest of the former rules; of the accepted ones any. */
        policy_tally_add(&sum, &(struct policy_tally){.accepted = "last=1", .former = {5}});
        assert_string_equal(sum.accepted, "last=1");
        assert_int_equal(sum.former.ticks, 5);
        policy_tally_add(&sum, &(struct policy_tally){.former = {4}});
        assert_string_equal(sum.accepted, "last=1");
        assert_int_equal(sum.former.ticks, 5);
        policy_tally_add(&sum, &(struct policy_tally){.former = {6}});
        assert_int_equal(sum.former.ticks, 6);
}

/* One fleet goes through each group of rows; -1 in found ends a group. Times are seconds after DAY. */
static void test_fleet(void **state) {
        static const struct {
                int line;
                int64_t at_s;
                int64_t found;
                uint32_t expect;
                bool accept; /* the operator accepts this size, in place of it being seen */
                bool stands;
        } rows[] = {
                /* a quarter, exactly, and one less than that */
                {__LINE__, 0, 100, 0, false, false},
                {__LINE__, 60, 76, 0, false, false},
                {__LINE__, 120, 75, 0, false, true},
                {__LINE__, 180, 99, 0, false, true}, /* all must come back */
                {__LINE__, 240, 100, 0, false, false},
                {__LINE__, 300, -1, 0, false, false},
                /* a slow loss adds up over seven days; the day before is forgotten */
                {__LINE__, 0, 100, 0, false, false},
                {__LINE__, 1 * SEC_PER_DAY, 90, 0, false, false},
                {__LINE__, 3 * SEC_PER_DAY, 80, 0, false, false},
                {__LINE__, 8 * SEC_PER_DAY - 1, 76, 0, false, false},
                {__LINE__, 8 * SEC_PER_DAY - 1, 75, 0, false, true},
                {__LINE__, 40 * SEC_PER_DAY, 75, 0, false, true}, /* it does not end by waiting */
                {__LINE__, 40 * SEC_PER_DAY, 75, 0, true, false},
                {__LINE__, 40 * SEC_PER_DAY + 1, 57, 0, false, false},
                {__LINE__, 40 * SEC_PER_DAY + 2, 56, 0, false, true},
                {__LINE__, 0, -1, 0, false, false},
                {__LINE__, 0, 100, 0, false, false},
                {__LINE__, 1 * SEC_PER_DAY, 90, 0, false, false},
                {__LINE__, 8 * SEC_PER_DAY, 75, 0, false, false}, /* of 90, a sixth */
                {__LINE__, 0, -1, 0, false, false},
                /* the largest of a day counts, not its last */
                {__LINE__, 0, 8, 0, false, false},
                {__LINE__, 60, 4, 0, true, false},
                {__LINE__, 120, 5, 0, false, false},
                {__LINE__, 7 * SEC_PER_DAY, 4, 0, false, false}, /* a fifth of 5 */
                {__LINE__, 7 * SEC_PER_DAY, 3, 0, false, true},
                {__LINE__, 0, -1, 0, false, false},
                /* expect */
                {__LINE__, 0, 11, 12, false, true},
                {__LINE__, 1, 12, 12, false, false},
                {__LINE__, 2, 11, 12, false, true},
                {__LINE__, 3, 11, 12, true, false},
                {__LINE__, 4, 10, 12, false, true}, /* fewer than was accepted */
                {__LINE__, 5, 11, 12, false, false},
                {__LINE__, 6, 12, 12, false, false},
                {__LINE__, 7, 11, 12, false, true}, /* what came back was not given up */
                {__LINE__, 0, -1, 0, false, false},
                /* nothing, one, and none of one */
                {__LINE__, 0, 0, 0, false, false},
                {__LINE__, 1, 1, 0, false, false},
                {__LINE__, 2, 0, 0, false, true},
                {__LINE__, 0, -1, 0, false, false},
                /* a clock that was ahead: what it saw counts as of today, and not for ever */
                {__LINE__, 1000 * SEC_PER_DAY, 100, 0, false, false},
                {__LINE__, 0, 80, 0, false, false},
                {__LINE__, 1, 75, 0, false, true},
                {__LINE__, 0, -1, 0, false, false},
                {__LINE__, 1000 * SEC_PER_DAY, 100, 0, false, false},
                {__LINE__, 0, 80, 0, false, false},
                {__LINE__, 8 * SEC_PER_DAY, 75, 0, false, false},
        };
        struct fleet fleet = {};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct utc now = utc_from_seconds(DAY * SEC_PER_DAY + rows[i].at_s);
                uint32_t found = (uint32_t)rows[i].found;

                if (rows[i].found < 0) {
                        fleet = (struct fleet){};
                        continue;
                }
                if (rows[i].accept)
                        fleet_accept(&fleet, found, now);
                else
                        fleet_see(&fleet, found, now);
                if (doubt_targets_stands(&fleet, found, rows[i].expect) != rows[i].stands)
                        fail_msg("row at line %d: missing from %u", rows[i].line,
                                 fleet.missing_from);
        }
}

/* What a clock in doubt says of the date makes nothing that was found old. */
static void test_fleet_without_a_date(void **state) {
        struct fleet fleet = {};

        assert_false(doubt_targets_stood(&fleet, 0));
        fleet_see(&fleet, 3, UTC_NONE);
        fleet_see(&fleet, 2, UTC_NONE);
        assert_int_equal(doubt_targets_stood(&fleet, 0), fleet.missing_from > 0);
        fleet = (struct fleet){};
        fleet_see(&fleet, 3, utc_from_seconds(DAY * SEC_PER_DAY));
        fleet_see(&fleet, 2, UTC_NONE);
        assert_true(doubt_targets_stands(&fleet, 2, 0));
        assert_int_equal(fleet.missing_from, 3);
        fleet_see(&fleet, 3, UTC_NONE);
        assert_false(doubt_targets_stands(&fleet, 3, 0));
        fleet_see(&fleet, 2, utc_from_seconds((DAY + 7) * SEC_PER_DAY));
        assert_true(doubt_targets_stands(&fleet, 2, 0));
}

static unsigned next_random(uint64_t *seed) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(*seed >> 33);
}

/* Against all that was ever seen, remembered in a list. */
static void test_fleet_brute_force(void **state) {
        size_t stood = 0;

        for (uint64_t round = 0; round < 300; round++) {
                struct {
                        int64_t day;
                        uint32_t found;
                } seen[200];
                struct fleet fleet = {};
                uint64_t seed = round;
                int64_t at = DAY * SEC_PER_DAY;
                uint32_t found = 1 + next_random(&seed) % 60, missing_from = 0;
                size_t n = 0;

                for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
                        uint32_t peak = 0;
                        uint32_t lost = next_random(&seed) % 5;
                        bool accept = missing_from > 0 && next_random(&seed) % 8 == 0;

                        at += next_random(&seed) % (SEC_PER_DAY * 2 / 3);
                        found += next_random(&seed) % 5;
                        found -= MIN(found, lost);
                        if (accept) {
                                n = 0;
                                missing_from = 0;
                                fleet_accept(&fleet, found, utc_from_seconds(at));
                        } else
                                fleet_see(&fleet, found, utc_from_seconds(at));
                        seen[n].day = at / SEC_PER_DAY;
                        seen[n++].found = found;

                        for (size_t j = 0; j < n; j++)
                                if (at / SEC_PER_DAY - seen[j].day <= 7)
                                        peak = MAX(peak, seen[j].found);
                        if (missing_from > 0) {
                                if (found >= missing_from)
                                        missing_from = 0;
                        } else if (found < peak && 4 * (peak - found) >= peak)
                                missing_from = peak;

                        stood += missing_from > 0;
                        if (doubt_targets_stands(&fleet, found, 0) != (missing_from > 0))
                                fail_msg("round %d, step %zu: %u of %u", (int)round, i, found,
                                         peak);
                }
        }
        assert_true(stood > 1000);
}

#define HOUR SEC_PER_HOUR

static void test_peer(void **state) {
        static const struct {
                int line;
                const char *rules;
                int64_t at_s[6];
                int64_t now_s;
                bool stands;
        } rows[] = {
                {__LINE__, "", {0}, 0, false},
                {__LINE__, "A", {0}, 0, false},
                {__LINE__, "AB", {0, HOUR}, 2 * HOUR, false}, /* a policy that was changed */
                {__LINE__, "ABC", {0, HOUR, 2 * HOUR}, 2 * HOUR, false},
                {__LINE__, "ABA", {0, HOUR, 2 * HOUR}, 2 * HOUR, true},
                {__LINE__, "ABCA", {0, HOUR, 2 * HOUR, 3 * HOUR}, 3 * HOUR, true},
                /* the whole within a day, to the second */
                {__LINE__, "ABA", {0, HOUR, 24 * HOUR}, 24 * HOUR, true},
                {__LINE__, "ABA", {0, HOUR, 24 * HOUR + 1}, 24 * HOUR + 1, false},
                /* the last of the first rule counts */
                {__LINE__, "AABA", {0, 20 * HOUR, 21 * HOUR, 40 * HOUR}, 40 * HOUR, true},
                /* it ends a day after the last change, not after the last one seen */
                {__LINE__, "ABA", {0, HOUR, 2 * HOUR}, 26 * HOUR - 1, true},
                {__LINE__, "ABA", {0, HOUR, 2 * HOUR}, 26 * HOUR, false},
                {__LINE__, "ABAA", {0, HOUR, 2 * HOUR, 25 * HOUR}, 26 * HOUR, false},
                /* a further change keeps it, though it brings nothing back */
                {__LINE__, "ABAC", {0, HOUR, 2 * HOUR, 25 * HOUR}, 48 * HOUR, true},
                {__LINE__, "ABAC", {0, HOUR, 2 * HOUR, 25 * HOUR}, 49 * HOUR, false},
                {__LINE__, "ABAC", {0, HOUR, 2 * HOUR, 26 * HOUR}, 27 * HOUR, false},
                {__LINE__, "ABACA", {0, HOUR, 2 * HOUR, 26 * HOUR, 27 * HOUR}, 27 * HOUR, false},
                /* long ago, and one change today */
                {__LINE__, "ABAB", {0, HOUR, 2 * HOUR, 200 * HOUR}, 200 * HOUR, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct rule_seen seen[6];
                size_t n = strlen(rows[i].rules);

                for (size_t j = 0; j < n; j++)
                        seen[j] = (struct rule_seen){
                                utc_from_seconds(DAY * SEC_PER_DAY + rows[i].at_s[j]),
                                (uint32_t)rows[i].rules[j]};
                if (doubt_peer_stands(seen, n,
                                      utc_from_seconds(DAY * SEC_PER_DAY + rows[i].now_s)) !=
                    rows[i].stands)
                        fail_msg("row at line %d", rows[i].line);
        }
}

/* The same said of pairs: some change of rule brings one back within a day, and from there to now no
 * day passes without a change. */
static bool peer_by_pairs(const struct rule_seen *seen, size_t n, struct utc now) {
        for (size_t back = 0; back < n; back++) {
                bool returns = false, goes_on = true;
                struct utc last = seen[back].at;

                if (back == 0 || seen[back].rule == seen[back - 1].rule)
                        continue;
                for (size_t i = 0; i < back; i++)
                        returns |= seen[i].rule == seen[back].rule &&
                                   seen[back].at.ticks - seen[i].at.ticks <=
                                           SEC_PER_DAY * TICKS_PER_SEC;
                for (size_t i = back + 1; i < n; i++) {
                        if (seen[i].rule == seen[i - 1].rule)
                                continue;
                        goes_on &= seen[i].at.ticks - last.ticks < SEC_PER_DAY * TICKS_PER_SEC;
                        last = seen[i].at;
                }
                goes_on &= now.ticks - last.ticks < SEC_PER_DAY * TICKS_PER_SEC;
                if (returns && goes_on)
                        return true;
        }
        return false;
}

static void test_peer_brute_force(void **state) {
        size_t stood = 0, rounds = 20000;

        for (uint64_t round = 0; round < rounds; round++) {
                struct rule_seen seen[16];
                uint64_t seed = round;
                size_t n = next_random(&seed) % (ARRAY_SIZE(seen) + 1);
                unsigned step_h = 1 + next_random(&seed) % 30;
                struct utc at = utc_from_seconds(DAY * SEC_PER_DAY);
                bool stands;

                for (size_t i = 0; i < n; i++) {
                        at = utc_add_seconds(at, (next_random(&seed) % (step_h + 1)) * HOUR);
                        seen[i] = (struct rule_seen){at, 1 + next_random(&seed) % 3};
                }
                at = utc_add_seconds(at, (next_random(&seed) % 30) * HOUR);
                stands = peer_by_pairs(seen, n, at);
                stood += stands;
                if (doubt_peer_stands(seen, n, at) != stands)
                        fail_msg("round %d", (int)round);
        }
        assert_true(stood > rounds / 10 && stood < rounds * 9 / 10);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_policy),
                cmocka_unit_test(test_mass),
                cmocka_unit_test(test_tally_add),
                cmocka_unit_test(test_fleet),
                cmocka_unit_test(test_fleet_without_a_date),
                cmocka_unit_test(test_fleet_brute_force),
                cmocka_unit_test(test_peer),
                cmocka_unit_test(test_peer_brute_force),
        };

        return cmocka_run_group_tests_name("doubts", tests, NULL, NULL);
}
