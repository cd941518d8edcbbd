/*
 * Slots: where they lie, which is due, what is missed, and the jitter.
 */
#include "base/macros.h"
#include "core/calendar.h"
#include "core/schedule.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define H SEC_PER_HOUR
#define D SEC_PER_DAY
#define NONE INT64_MIN

static struct utc at(int64_t seconds) {
        return seconds == NONE ? UTC_NONE : utc_from_seconds(seconds);
}

static int64_t seconds_of(struct utc t) {
        return utc_is_set(t) ? utc_seconds(t) : NONE;
}

static void test_every(void **state) {
        static const struct {
                int line;
                int64_t period, offset, time, next, previous;
        } rows[] = {
                {__LINE__, H, 0, 0, H, 0},
                {__LINE__, H, 0, 1, H, 0},
                {__LINE__, H, 0, H - 1, H, 0},
                {__LINE__, H, 0, H, 2 * H, H},
                {__LINE__, H, 900, 899, 900, 900 - H},
                {__LINE__, H, 900, 900, 900 + H, 900},
                {__LINE__, H, 0, -1, 0, -H}, /* before 1970 the past is still the lower number */
                {__LINE__, H, 0, -H, 0, -H},
                {__LINE__, H, 0, -H - 1, -H, -2 * H},
                {__LINE__, H, 3599, -1, 3599, -1},
                {__LINE__, 7 * H, 0, -1, 0, -7 * H},
                {__LINE__, 1, 0, 5, 6, 5},
                /* The edges of the calendar. */
                {__LINE__, H, 0, UTC_MAX_SECONDS, NONE, UTC_MAX_SECONDS + 1 - H},
                {__LINE__, 1, 0, UTC_MAX_SECONDS - 1, UTC_MAX_SECONDS, UTC_MAX_SECONDS - 1},
                {__LINE__, H, 0, UTC_MIN_SECONDS, UTC_MIN_SECONDS + H, UTC_MIN_SECONDS},
                {__LINE__, H, 1, UTC_MIN_SECONDS, UTC_MIN_SECONDS + 1, NONE},
                {__LINE__, H, 0, NONE, UTC_MIN_SECONDS, NONE},
                /* Periods longer than the calendar, up to what a number holds. */
                {__LINE__, INT64_MAX, 0, 5, NONE, 0},
                {__LINE__, INT64_MAX, 0, -5, 0, NONE},
                {__LINE__, INT64_MAX, INT64_MAX - 1, 5, NONE, -1},
                {__LINE__, INT64_MAX / 2, 7, 5, 7, NONE},
                {__LINE__, INT64_MAX, 3, 5, NONE, 3},
                {__LINE__, INT64_MAX / 2 + 10, INT64_MAX / 2 + 9, UTC_MIN_SECONDS, -1, NONE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct schedule_item item = {SCHEDULE_EVERY, rows[i].period, rows[i].offset, NULL};
                struct schedule schedule = {&item, 1};
                struct utc next = UTC_NONE, previous = UTC_NONE;
                bool has;

                has = schedule_next(&schedule, NULL, at(rows[i].time), &next);
                if (has != (rows[i].next != NONE) || seconds_of(next) != rows[i].next)
                        fail_msg("row at line %d: next %" PRId64, rows[i].line, seconds_of(next));
                has = schedule_previous(&schedule, NULL, at(rows[i].time), &previous);
                if (has != (rows[i].previous != NONE) || seconds_of(previous) != rows[i].previous)
                        fail_msg("row at line %d: previous %" PRId64, rows[i].line,
                                 seconds_of(previous));
        }
}

/* Between two seconds: a slot is a whole second, so a fraction after it is after it. */
static void test_fractions(void **state) {
        struct schedule_item item = {SCHEDULE_EVERY, 10, 0, NULL};
        struct schedule schedule = {&item, 1};
        struct utc t;

        assert_true(schedule_next(&schedule, NULL, (struct utc){10 * TICKS_PER_SEC - 1}, &t));
        assert_int_equal(utc_seconds(t), 10);
        assert_true(schedule_next(&schedule, NULL, (struct utc){10 * TICKS_PER_SEC + 1}, &t));
        assert_int_equal(utc_seconds(t), 20);
        assert_true(schedule_previous(&schedule, NULL, (struct utc){10 * TICKS_PER_SEC - 1}, &t));
        assert_int_equal(utc_seconds(t), 0);
        assert_true(schedule_previous(&schedule, NULL, (struct utc){-1}, &t));
        assert_int_equal(utc_seconds(t), -10);
        assert_true(schedule_previous(&schedule, NULL, UTC_NEVER, &t));
        assert_false(schedule_next(&schedule, NULL, UTC_NEVER, &t));
}

/* The union has each instant once, whichever items it comes from. */
static void test_union(void **state) {
        struct schedule_item items[] = {
                {SCHEDULE_EVERY, 6 * H, 0, NULL},
                {SCHEDULE_EVERY, 4 * H, 0, NULL},
                {SCHEDULE_EVERY, 24 * H, 5 * H, NULL},
        };
        struct schedule schedule = {items, ARRAY_SIZE(items)};
        static const int64_t hours[] = {0, 4, 5, 6, 8, 12, 16, 18, 20, 24, 28, 29};
        struct utc t = {-1};

        for (size_t i = 0; i < ARRAY_SIZE(hours); i++) {
                assert_true(schedule_next(&schedule, NULL, t, &t));
                assert_int_equal(utc_seconds(t), hours[i] * H);
        }
        for (size_t i = ARRAY_SIZE(hours); i-- > 0;) {
                assert_true(schedule_previous(&schedule, NULL, t, &t));
                assert_int_equal(utc_seconds(t), hours[i] * H);
                t.ticks--;
        }
}

static void test_due(void **state) {
        enum {
                NEWEST = true,
                NO = false
        };
        static const struct {
                int line;
                int64_t period, jitter;
                bool catch_up;
                int64_t filled, now, due;
        } rows[] = {
                {__LINE__, H, 0, NEWEST, NONE, 10 * H, 10 * H},
                {__LINE__, H, 0, NEWEST, 9 * H, 10 * H - 1, NONE},
                {__LINE__, H, 0, NEWEST, 9 * H, 10 * H, 10 * H},
                {__LINE__, H, 0, NEWEST, 10 * H, 10 * H + 1, NONE},
                /* The start waits for the jitter, the slot does not move. */
                {__LINE__, H, 300, NEWEST, 9 * H, 10 * H + 299, NONE},
                {__LINE__, H, 300, NEWEST, 9 * H, 10 * H + 300, 10 * H},
                {__LINE__, H, 300, NEWEST, 8 * H, 10 * H + 299, 9 * H},
                /* After years down: one, the newest. */
                {__LINE__, H, 0, NEWEST, 9 * H, 9 * H + 3650 * D + 5, 9 * H + 3650 * D},
                /* Dated in the future: as if it were not there. */
                {__LINE__, H, 0, NEWEST, 12 * H, 10 * H + 5, 10 * H},
                /* A slot that the schedule does not have (it was another one then) still counts. */
                {__LINE__, H, 0, NEWEST, 10 * H + 60, 10 * H + 120, NONE},
                {__LINE__, H, 0, NEWEST, 9 * H + 60, 10 * H, 10 * H},
                /* Before 1970. */
                {__LINE__, H, 0, NEWEST, -10 * H, -9 * H + 1, -9 * H},
                /* Without catching up: an hour late at most, or half the interval. */
                {__LINE__, D, 0, NO, 9 * D, 10 * D + H, 10 * D},
                {__LINE__, D, 0, NO, 9 * D, 10 * D + H + 1, NONE},
                {__LINE__, D, 0, NO, NONE, 10 * D + H + 1, NONE},
                {__LINE__, D, 300, NO, 9 * D, 10 * D + H + 300, 10 * D},
                {__LINE__, D, 300, NO, 9 * D, 10 * D + H + 301, NONE},
                {__LINE__, H, 0, NO, 9 * H, 10 * H + 1800, 10 * H},
                {__LINE__, H, 0, NO, 9 * H, 10 * H + 1801, NONE},
                {__LINE__, H, 0, NO, 1 * H, 10 * H + 1, 10 * H},
                /* The last slot there is has no next one to be late for. */
                {__LINE__, INT64_MAX, 0, NO, NONE, H, 0},
                {__LINE__, INT64_MAX, 0, NO, NONE, H + 1, NONE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct schedule_item item = {SCHEDULE_EVERY, rows[i].period, 0, NULL};
                struct schedule schedule = {&item, 1};
                struct utc due = UTC_NONE;
                bool has = schedule_due(&schedule, NULL, rows[i].jitter, rows[i].catch_up,
                                        at(rows[i].filled), at(rows[i].now), &due);

                if (has != (rows[i].due != NONE) || seconds_of(due) != rows[i].due)
                        fail_msg("row at line %d: due %" PRId64, rows[i].line, seconds_of(due));
        }
}

/* A daemon that wakes at every start and at random in between, and dies at random, takes each slot at
 * most once and never one before its start; without downtime it takes all. */
static void test_due_run(void **state) {
        uint64_t random = 0x9e3779b97f4a7c15;

        for (int run = 0; run < 200; run++) {
                struct schedule_item items[] = {
                        {SCHEDULE_EVERY, 600 * (1 + run % 7), run % 600, NULL},
                        {SCHEDULE_EVERY, 5000 + run, 0, NULL},
                };
                struct schedule schedule = {items, ARRAY_SIZE(items)};
                struct utc now = at(1000000 + run), filled = UTC_NONE, due, expected, previous;
                int64_t jitter = run % 5 == 0 ? 0 : run;
                bool down = run % 2;

                for (int i = 0; i < 200; i++) {
                        struct utc start;

                        assert_true(schedule_next_start(&schedule, NULL, jitter, now, &start));
                        assert_true(start.ticks > now.ticks);

                        random = random * 6364136223846793005 + 1442695040888963407;
                        if (random >> 62 == 0) /* asleep until the middle of an interval */
                                start.ticks -= MIN((start.ticks - now.ticks) / 2, TICKS_PER_SEC);
                        else if (down && random >> 60 == 5)
                                start.ticks += 20000 * TICKS_PER_SEC;
                        now = start;

                        if (!schedule_due(&schedule, NULL, jitter, true, filled, now, &due))
                                continue;
                        assert_true(due.ticks > filled.ticks);
                        assert_true(due.ticks + jitter * TICKS_PER_SEC <= now.ticks);
                        assert_true(schedule_previous(&schedule, NULL, due, &previous));
                        assert_int_equal(previous.ticks, due.ticks);
                        if (!down && utc_is_set(filled)) {
                                assert_true(schedule_next(&schedule, NULL, filled, &expected));
                                assert_int_equal(due.ticks, expected.ticks);
                        }
                        filled = due;
                        assert_false(
                                schedule_due(&schedule, NULL, jitter, true, filled, now, &due));
                }
        }
}

static void test_missed(void **state) {
        static const struct {
                int line;
                int64_t jitter, filled, now;
                unsigned limit, missed;
        } rows[] = {
                {__LINE__, 0, 10 * H, 10 * H, 9, 0},
                {__LINE__, 0, 10 * H, 11 * H - 1, 9, 0},
                {__LINE__, 0, 10 * H, 11 * H, 9, 0}, /* 11 is due, not yet missed */
                {__LINE__, 0, 10 * H, 12 * H - 1, 9, 0},
                {__LINE__, 0, 10 * H, 12 * H, 9, 1}, /* 12 is due: 11 is missed */
                {__LINE__, 300, 10 * H, 12 * H + 299, 9, 0},
                {__LINE__, 300, 10 * H, 12 * H + 300, 9, 1},
                {__LINE__, 0, 10 * H, 15 * H, 9, 4},
                {__LINE__, 0, 10 * H, 15 * H, 3, 3},
                {__LINE__, 0, 10 * H, 10 * H + 100000 * D, 5, 5}, /* does not walk them all */
                {__LINE__, 0, 10 * H, 15 * H, 0, 0},
                {__LINE__, 0, NONE, 15 * H, 9, 0},
                {__LINE__, 0, 16 * H, 15 * H, 9, 0},      /* dated in the future */
                {__LINE__, 0, 10 * H + 60, 12 * H, 9, 1}, /* since the disk was made */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct schedule_item item = {SCHEDULE_EVERY, H, 0, NULL};
                struct schedule schedule = {&item, 1};
                unsigned missed =
                        schedule_missed(&schedule, NULL, rows[i].jitter, at(rows[i].filled),
                                        at(rows[i].now), rows[i].limit);

                if (missed != rows[i].missed)
                        fail_msg("row at line %d: %u missed", rows[i].line, missed);
        }
}

static void test_fills(void **state) {
        struct utc slot = at(1000 * H);

        assert_true(schedule_fills(slot, slot));
        assert_true(schedule_fills(slot, at(1000 * H - 60)));
        assert_false(schedule_fills(slot, (struct utc){at(1000 * H - 60).ticks - 1}));
        assert_true(schedule_fills(slot, at(2000 * H)));
        assert_false(schedule_fills(slot, UTC_NONE));
}

/* Where the calendar, or a schedule, begins and ends: no time of ours wraps around. */
static void test_ends(void **state) {
        struct schedule_item items[] = {
                {.kind = SCHEDULE_CALENDAR},
                {.kind = SCHEDULE_CALENDAR},
        };
        struct schedule schedule = {items, 2};
        struct schedule_item hour = {SCHEDULE_EVERY, H, 0, NULL};
        struct schedule hourly = {&hour, 1};
        struct utc t;

        assert_int_equal(calendar_parse("2026-11-02", 10, &items[0].calendar, NULL, NULL), 0);
        assert_int_equal(calendar_parse("2026-11-01", 10, &items[1].calendar, NULL, NULL), 0);

        /* Two events, the later of them first in the list, and last. */
        for (int turned = 0; turned < 2; turned++) {
                struct schedule_item first = items[0];

                assert_true(schedule_next(&schedule, NULL, at(0), &t));
                assert_int_equal(utc_seconds(t), INT64_C(1793491200));
                assert_true(schedule_previous(&schedule, NULL, at(UTC_MAX_SECONDS), &t));
                assert_int_equal(utc_seconds(t), INT64_C(1793577600));
                items[0] = items[1];
                items[1] = first;
        }
        assert_true(schedule_previous(&schedule, NULL, UTC_NEVER, &t));
        assert_false(schedule_next(&schedule, NULL, UTC_NEVER, &t));
        assert_false(schedule_previous(&schedule, NULL, UTC_NONE, &t));
        assert_false(schedule_previous(&schedule, NULL, at(INT64_C(1793491199)), &t));

        /* Over, and not begun: nothing starts, and nothing is due. */
        assert_false(schedule_next_start(&schedule, NULL, 60, at(INT64_C(1793577660)), &t));
        assert_true(schedule_next_start(&schedule, NULL, 60, at(INT64_C(1793577659)), &t));
        assert_int_equal(utc_seconds(t), INT64_C(1793577660));
        assert_false(
                schedule_due(&schedule, NULL, 60, true, UTC_NONE, at(INT64_C(1793491259)), &t));
        assert_true(schedule_due(&schedule, NULL, 60, true, UTC_NONE, at(INT64_C(1793491260)), &t));
        assert_int_equal(schedule_missed(&schedule, NULL, 0, at(0), UTC_NEVER, 9), 1);

        /* The jitter of a time that nothing lies before. */
        assert_true(schedule_next_start(&hourly, NULL, 60, UTC_NONE, &t));
        assert_int_equal(utc_seconds(t), UTC_MIN_SECONDS + 60);
        assert_true(schedule_next_start(&hourly, NULL, INT64_MAX, at(0), &t));
        assert_int_equal(t.ticks, UTC_NEVER.ticks);

        calendar_free(items[0].calendar);
        calendar_free(items[1].calendar);
}

static void test_gaps(void **state) {
        struct schedule_item items[] = {
                {SCHEDULE_EVERY, 6 * H, 0, NULL},
                {SCHEDULE_EVERY, 4 * H, 0, NULL},
        };
        struct schedule schedule = {items, 2};
        struct schedule_gaps gaps;

        schedule_gaps(&schedule, NULL, at(0), at(2 * D), 0, 1000, &gaps);
        assert_int_equal(gaps.shortest_s, 2 * H);
        assert_int_equal(gaps.longest_s, 4 * H);
        assert_int_equal(seconds_of(gaps.first), 4 * H);
        assert_int_equal(seconds_of(gaps.last), 2 * D);
        assert_false(gaps.ends);

        schedule_gaps(&schedule, NULL, at(0), at(0), 3, 1000, &gaps);
        assert_int_equal(gaps.n, 3);
        schedule_gaps(&schedule, NULL, at(0), at(D), 3, 2, &gaps);
        assert_int_equal(gaps.n, 2);

        schedule_gaps(&schedule, NULL, at(UTC_MAX_SECONDS - 5 * H), UTC_NEVER, 0, 99, &gaps);
        assert_true(gaps.ends);
        assert_int_equal(gaps.n, 1);
        assert_int_equal(gaps.longest_s, 0);

        schedule.n = 1;
        schedule_gaps(&schedule, NULL, at(0), at(365 * D), 100, 1000, &gaps);
        assert_int_equal(gaps.shortest_s, 6 * H);
        assert_int_equal(gaps.longest_s, 6 * H);
}

static void test_jitter(void **state) {
        struct schedule_item items[] = {
                {SCHEDULE_EVERY, 600, 0, NULL},
                {SCHEDULE_EVERY, 600, 200, NULL},
        };
        struct schedule schedule = {items, 1};
        unsigned buckets[10] = {};
        int64_t jitter, again;

        assert_int_equal(schedule_jitter_bound(&schedule, NULL, 300), 300);
        assert_int_equal(schedule_jitter_bound(&schedule, NULL, 900), 600);
        assert_int_equal(schedule_jitter_bound(&schedule, NULL, 0), 0);
        schedule.n = 2;
        assert_int_equal(schedule_jitter_bound(&schedule, NULL, 900), 200);
        assert_int_equal(schedule_jitter_below("x", 0, &jitter), 0);
        assert_int_equal(jitter, 0);

        for (int i = 0; i < 10000; i++) {
                char key[32];

                snprintf(key, sizeof(key), "disk-%d", i);
                assert_int_equal(schedule_jitter(&schedule, NULL, key, 900, &jitter), 0);
                assert_in_range(jitter, 0, 199);
                assert_int_equal(schedule_jitter_below(key, 200, &again), 0);
                assert_int_equal(jitter, again);
                buckets[jitter / 20]++;
        }
        /* A fair spread gives 1000 each, with a deviation of 30. */
        for (size_t i = 0; i < ARRAY_SIZE(buckets); i++)
                assert_in_range(buckets[i], 850, 1150);

        /* The same on every machine and in every version: starts of a fleet must not jump. SHA-256
         * of "jitter\0" "disk-1\0" begins with the number that has this remainder. */
        assert_int_equal(schedule_jitter_below("disk-1", 1000000007, &jitter), 0);
        assert_int_equal(jitter, 240965284);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every),   cmocka_unit_test(test_fractions),
                cmocka_unit_test(test_union),   cmocka_unit_test(test_due),
                cmocka_unit_test(test_due_run), cmocka_unit_test(test_missed),
                cmocka_unit_test(test_fills),   cmocka_unit_test(test_gaps),
                cmocka_unit_test(test_jitter),  cmocka_unit_test(test_ends),
        };

        return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
