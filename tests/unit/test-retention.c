/*
 * Retention: tables of chains with every verdict spelled out, the laws as properties over generated
 * chains, and dates of death against the rule run forward.
 */
#include "base/duration.h"
#include "base/macros.h"
#include "base/strbuf.h"
#include "core/calendar.h"
#include "core/retention.h"
#include "core/schedule.h"
#include "zone-fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H SEC_PER_HOUR
#define D SEC_PER_DAY
#define N_MAX 5000

static struct utc time_of(const char *text) {
        struct utc t = UTC_NONE;
        char full[32] = "1970-01-01T00:00:00Z";
        size_t len = strlen(text);

        /* "2026-03-01", "2026-03-01T05:30" or all of it, with '!' for a year of more digits. */
        memcpy(full, text, len == 20 ? 20 : len);
        if (utc_parse(full, 20, &t) < 0)
                fail_msg("no time: %s", text);
        return t;
}

static struct keep keep_of(const char *spec) {
        struct keep keep = {};
        size_t at;

        if (keep_parse(spec, strlen(spec), &keep, &at) != 0)
                fail_msg("no spec: %s", spec);
        return keep;
}

/*
 * A row: a rule, a chain and the verdicts. A point is a time, then flags after ' ': '-' not complete,
 * 'h' held, "@TIME" its instant where that is not its slot, "@?" where it is not known.
 */
struct row {
        int line;
        const char *zone;
        enum keep_pick pick;
        const char *spec; /* NULL: no keep */
        struct retention_floors floors;
        const char *now;
        struct {
                const char *point;
                const char *verdict;
        } points[12];
};

static void parse_point(const char *text, struct retention_point *point) {
        const char *flags = strchr(text, ' '), *instant;
        char slot[32] = {};

        memcpy(slot, text, flags ? (size_t)(flags - text) : strlen(text));
        *point = (struct retention_point){time_of(slot), time_of(slot), POINT_COMPLETE};
        if (!flags)
                return;
        if (strchr(flags, '-') && (!strchr(flags, '@') || strchr(flags, '-') < strchr(flags, '@')))
                point->state &= ~(unsigned)POINT_COMPLETE;
        if (strchr(flags, 'h'))
                point->state |= POINT_HELD;
        instant = strchr(flags, '@');
        if (instant)
                point->instant = instant[1] == '?' ? UTC_NONE : time_of(instant + 1);
}

static void check_row(const struct row *row) {
        struct retention_point points[ARRAY_SIZE(row->points)];
        struct verdict verdicts[ARRAY_SIZE(row->points)];
        struct zone *zone = row->zone ? zone_fixture(row->zone) : NULL;
        struct keep keep = row->spec ? keep_of(row->spec) : (struct keep){};
        size_t n = 0;

        keep.pick = row->pick;
        for (; n < ARRAY_SIZE(points) && row->points[n].point; n++)
                parse_point(row->points[n].point, &points[n]);
        assert_int_equal(retention_judge(points, n, row->spec ? &keep : NULL, zone, &row->floors,
                                         time_of(row->now), verdicts),
                         0);
        for (size_t i = 0; i < n; i++) {
                struct strbuf text = {};

                verdict_append(&verdicts[i], &keep, &text);
                if (strcmp(strbuf_str(&text), row->points[i].verdict) != 0)
                        fail_msg("row at line %d: %s: %s", row->line, row->points[i].point,
                                 strbuf_str(&text));
                strbuf_deinit(&text);
        }
        zone_free(zone);
}

static void test_tables(void **state) {
        static const struct row rows[] = {
                /* last counts what is complete and not of the future. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=2",
                 {},
                 "2026-03-05",
                 {{"2026-03-01", "superseded"},
                  {"2026-03-02", "last 2/2"},
                  {"2026-03-03 -", "not complete"},
                  {"2026-03-04", "last 1/2"},
                  {"2026-03-06", "dated in the future"},
                  {"2026-03-04T12:00 @2026-03-05T00:01", "dated in the future"},
                  {"2026-03-07 -", "not complete"},
                  {"2026-03-02T01:00 -h", "held, not complete"}}},
                /* Of the future by its slot alone. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=1",
                 {},
                 "2026-03-05",
                 {{"2026-03-04", "last 1/1"}, {"2026-03-06 @2026-03-04", "dated in the future"}}},
                /* Alike but for the hold: the held one is the first, wherever it stands. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "daily=1",
                 {},
                 "2026-03-05",
                 {{"2026-03-04", "superseded"}, {"2026-03-04 h", "daily 1/1, held"}}},
                /* Alike in all: one of them is the choice, and the others are not. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "daily=2",
                 {},
                 "2026-03-05",
                 {{"2026-03-04", "daily 1/2"},
                  {"2026-03-04", "superseded"},
                  {"2026-03-03", "daily 2/2"},
                  {"2026-03-04", "superseded"}}},
                /* Where clocks go back over midnight a day comes back after the next has begun: both
                 * have their choice, and only one. */
                {__LINE__,
                 ZONE_OVER_MIDNIGHT,
                 PICK_FIRST,
                 "daily=9",
                 {},
                 "2026-11-03",
                 {{"2026-11-01T02:30:30Z", "daily 1/9"},
                  {"2026-11-01T02:45:00Z", "daily 2/9"},
                  {"2026-11-01T03:29:00Z", "superseded"},
                  {"2026-11-01T03:35:00Z", "superseded"}}},
                {__LINE__,
                 ZONE_OVER_MIDNIGHT,
                 PICK_LAST,
                 "daily=9",
                 {},
                 "2026-11-03",
                 {{"2026-11-01T02:30:30Z", "superseded"},
                  {"2026-11-01T02:45:00Z", "superseded"},
                  {"2026-11-01T03:29:00Z", "daily 2/9"},
                  {"2026-11-01T03:35:00Z", "daily 1/9"}}},
                /* Held ones stay, and count like others. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=2",
                 {},
                 "2026-03-05",
                 {{"2026-03-01 h", "held"},
                  {"2026-03-02", "superseded"},
                  {"2026-03-03", "last 2/2"},
                  {"2026-03-04 h", "last 1/2, held"},
                  {"2026-03-09 h", "held, dated in the future"}}},
                /* The first of each day, and days without one do not count. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "daily=2",
                 {},
                 "2026-03-09",
                 {{"2026-03-01T02:00", "superseded"},
                  {"2026-03-03T02:00", "daily 2/2"},
                  {"2026-03-03T03:00", "superseded"},
                  {"2026-03-07T00:00", "daily 1/2"},
                  {"2026-03-07T23:59", "superseded"},
                  {"2026-03-08T02:00 -", "not complete"}}},
                {__LINE__,
                 NULL,
                 PICK_LAST,
                 "daily=2",
                 {},
                 "2026-03-09",
                 {{"2026-03-01T02:00", "superseded"},
                  {"2026-03-03T02:00", "superseded"},
                  {"2026-03-03T03:00", "daily 2/2"},
                  {"2026-03-07T00:00", "superseded"},
                  {"2026-03-07T23:59", "daily 1/2"}}},
                /* The first of a day failed: the next stands for it. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "daily=1",
                 {},
                 "2026-03-09",
                 {{"2026-03-07T00:00 -", "not complete"},
                  {"2026-03-07T01:00", "daily 1/1"},
                  {"2026-03-07T02:00", "superseded"}}},
                /* ISO weeks: 29 December 2025 to 4 January 2026 is one week, 1 of 2026. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "weekly=2",
                 {},
                 "2026-02-01",
                 {{"2025-12-28", "weekly 2/2"},
                  {"2025-12-29", "weekly 1/2"},
                  {"2026-01-01", "superseded"},
                  {"2026-01-04", "superseded"}}},
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "weekly=2",
                 {},
                 "2026-02-01",
                 {{"2025-12-31", "superseded"},
                  {"2026-01-04", "superseded"},
                  {"2026-01-05", "weekly 2/2"},
                  {"2026-01-12", "weekly 1/2"}}},
                /* 2020 had 53 weeks: week 53 ends on 3 January 2021. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "weekly=3",
                 {},
                 "2021-02-01",
                 {{"2020-12-27", "weekly 3/3"},
                  {"2020-12-28", "weekly 2/3"},
                  {"2021-01-03", "superseded"},
                  {"2021-01-04", "weekly 1/3"}}},
                /* Years are those of the calendar. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "yearly=2",
                 {},
                 "2026-02-01",
                 {{"2024-02-29", "superseded"},
                  {"2025-01-01", "yearly 2/2"},
                  {"2025-12-31", "superseded"},
                  {"2026-01-01", "yearly 1/2"}}},
                /* 29 February. */
                {__LINE__,
                 NULL,
                 PICK_LAST,
                 "monthly=2,daily=1",
                 {},
                 "2024-03-05",
                 {{"2024-02-28", "superseded"},
                  {"2024-02-29", "monthly 2/2"},
                  {"2024-03-01", "daily 1/1, monthly 1/2"}}},
                /* The repeated hour of Stockholm, 25 October 2026 02:00 to 03:00, is two. */
                {__LINE__,
                 ZONE_STOCKHOLM,
                 PICK_FIRST,
                 "hourly=5",
                 {},
                 "2026-10-26",
                 {{"2026-10-24T23:30", "superseded"},
                  {"2026-10-25T00:00", "hourly 3/5"},
                  {"2026-10-25T00:30", "superseded"},
                  {"2026-10-25T01:00", "hourly 2/5"},
                  {"2026-10-25T01:30", "superseded"},
                  {"2026-10-25T02:00", "hourly 1/5"},
                  {"2026-10-24T23:00", "hourly 4/5"},
                  {"2026-10-24T22:59", "hourly 5/5"}}},
                /* Lord Howe repeats half an hour, 5 April 2026 01:30 to 02:00: three pieces of which
                 * two are one hour by the clock and not by the offset. */
                {__LINE__,
                 ZONE_LORD_HOWE,
                 PICK_FIRST,
                 "hourly=9",
                 {},
                 "2026-04-06",
                 {{"2026-04-04T13:59", "hourly 4/9"},
                  {"2026-04-04T14:00", "hourly 3/9"},
                  {"2026-04-04T14:45", "superseded"},
                  {"2026-04-04T15:00", "hourly 2/9"},
                  {"2026-04-04T15:29", "superseded"},
                  {"2026-04-04T15:30", "hourly 1/9"}}},
                /* The day is that of the zone: 22:00Z in summer, 23:00Z in winter. */
                {__LINE__,
                 ZONE_STOCKHOLM,
                 PICK_FIRST,
                 "daily=9",
                 {},
                 "2026-12-01",
                 {{"2026-10-24T21:59", "daily 4/9"},
                  {"2026-10-24T22:00", "daily 3/9"},
                  {"2026-10-25T22:30", "superseded"},
                  {"2026-10-25T23:00", "daily 2/9"},
                  {"2026-10-26T23:00", "daily 1/9"}}},
                {__LINE__,
                 ZONE_KATHMANDU,
                 PICK_FIRST,
                 "monthly=9,hourly=1",
                 {},
                 "2026-12-01",
                 {{"2026-06-30T18:14:59", "monthly 2/9"},
                  {"2026-06-30T18:15", "monthly 1/9"},
                  {"2026-07-01T18:14", "superseded"},
                  {"2026-07-01T18:15", "hourly 1/1"},
                  {"2026-07-01T19:14", "superseded"}}},
                /* within goes back from the newest complete instant; its far end is open. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "within=2d",
                 {},
                 "2026-09-01",
                 {{"2026-03-01", "superseded"},
                  {"2026-03-01T00:00:01", "within 2d"},
                  {"2026-03-03", "within 2d"},
                  {"2026-03-04 -", "not complete"}}},
                /* By instants, whatever the slots: a late snapshot of an early slot. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "within=1h",
                 {},
                 "2026-09-01",
                 {{"2026-03-01 @2026-03-05T00:30", "within 1h"},
                  {"2026-03-04 @2026-03-05T00:00", "superseded"},
                  {"2026-03-03 @2026-03-05T01:00", "within 1h"}}},
                /* Floors. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=1",
                 {2, 36 * H},
                 "2026-03-05",
                 {{"2026-03-01", "superseded"},
                  {"2026-03-03", "superseded"},
                  {"2026-03-03T12:00", "superseded"},
                  {"2026-03-03T12:00:01", "too young"},
                  {"2026-03-04", "min_keep, too young"},
                  {"2026-03-04T12:00", "last 1/1, min_keep, too young"}}},
                /* What is of no known age is young, where age matters. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=1",
                 {1, H},
                 "2026-03-05",
                 {{"2026-03-01 @?", "too young"},
                  {"2026-03-02", "superseded"},
                  {"2026-03-03", "last 1/1, min_keep"}}},
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "within=1h",
                 {},
                 "2026-03-05",
                 {{"2026-03-01 @?", "within 1h"},
                  {"2026-03-02", "superseded"},
                  {"2026-03-03", "within 1h"}}},
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=1",
                 {},
                 "2026-03-05",
                 {{"2026-03-01 @?", "superseded"}, {"2026-03-03 @?", "last 1/1"}}},
                /* min_keep relies on nothing that is not complete, or of the future. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=1",
                 {2, 0},
                 "2026-03-05",
                 {{"2026-03-01", "min_keep"},
                  {"2026-03-02", "last 1/1, min_keep"},
                  {"2026-03-03 -", "not complete"},
                  {"2026-03-06", "dated in the future"}}},
                /* No keep keeps all; floors then say nothing. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 NULL,
                 {1, H},
                 "2026-03-05",
                 {{"2026-03-01", "no keep rule"},
                  {"2026-03-02 h", "held, no keep rule"},
                  {"2026-03-03 -", "not complete"},
                  {"2026-03-06", "no keep rule, dated in the future"}}},
                /* One slot twice: the one of the earlier instant is the first. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "daily=1",
                 {},
                 "2026-03-05",
                 {{"2026-03-01 @2026-03-01T00:02", "superseded"},
                  {"2026-03-01 @2026-03-01T00:01", "daily 1/1"}}},
                /* A chain of one, before 1970, and in the last hours of the calendar. */
                {__LINE__,
                 NULL,
                 PICK_FIRST,
                 "last=1,yearly=1",
                 {3, H},
                 "2026-03-05",
                 {{"1969-12-31T23:59:59", "last 1/1, yearly 1/1, min_keep"}}},
                {__LINE__,
                 ZONE_STOCKHOLM,
                 PICK_FIRST,
                 "yearly=9,weekly=9",
                 {},
                 "9999-12-31T23:59:59Z",
                 {{"1969-12-28T22:59:59", "weekly 4/9, yearly 4/9"},
                  {"1969-12-28T23:00:00", "weekly 3/9"},
                  {"1969-12-31T22:59:59", "superseded"},
                  {"1969-12-31T23:00:00", "yearly 3/9"},
                  {"9999-12-31T22:59:58", "weekly 1/9"},
                  {"9999-12-31T23:00:00", "yearly 1/9"},
                  {"9999-12-26T22:59:59", "weekly 2/9, yearly 2/9"},
                  {"0001-01-01T00:00:00", "weekly 5/9, yearly 5/9"}}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check_row(&rows[i]);
}

/* A seeded stream (splitmix64), so that a failure can be had again. */
static uint64_t draw(uint64_t *state) {
        uint64_t z = *state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
}

static uint64_t below(uint64_t *state, uint64_t bound) {
        return draw(state) % bound;
}

struct sample {
        struct retention_point points[200];
        size_t n;
        struct keep keep;
        struct retention_floors floors;
        struct zone *zone; /* borrowed */
        struct utc now;
};

static struct zone *zones[5];

static int zones_setup(void **state) {
        zones[1] = zone_fixture(ZONE_STOCKHOLM);
        zones[2] = zone_fixture(ZONE_LORD_HOWE);
        zones[3] = zone_fixture(ZONE_NEW_YORK);
        zones[4] = zone_fixture(ZONE_KATHMANDU);
        return 0;
}

static int zones_teardown(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(zones); i++)
                zones[i] = zone_free(zones[i]);
        return 0;
}

static void keep_generate(uint64_t *rng, struct keep *keep) {
        do {
                *keep = (struct keep){.pick = (enum keep_pick)below(rng, 2)};
                for (size_t i = 0; i < _KEEP_RULE_N; i++)
                        if (below(rng, 2))
                                keep->count[i] = 1 + (uint32_t)below(rng, below(rng, 4) ? 6 : 60);
                if (below(rng, 3) == 0)
                        keep->within_s = 1 + (int64_t)below(rng, 20 * D);
        } while (keep_is_empty(keep));
}

/* @tame: all complete, none held, instants at slots, so that what comes is like what is. */
static void sample_generate(uint64_t *rng, bool tame, struct sample *s) {
        static const int64_t steps[] = {900, H, 3 * H, 6 * H, D, 7 * D};
        int64_t step = steps[below(rng, ARRAY_SIZE(steps))], t;

        *s = (struct sample){.zone = zones[below(rng, ARRAY_SIZE(zones))]};
        /* Often across a change of the clocks or a new year. */
        t = utc_seconds(time_of("2026-01-01")) + (int64_t)below(rng, 700) * D;
        if (below(rng, 3) == 0)
                t = utc_seconds(time_of(below(rng, 2) ? "2026-10-25" : "2026-03-29")) - 20 * step;
        s->n = below(rng, below(rng, 4) ? 30 : ARRAY_SIZE(s->points));
        for (size_t i = 0; i < s->n; i++) {
                struct retention_point *point = &s->points[i];

                t += step * (1 + (below(rng, 5) == 0 ? (int64_t)below(rng, 9) : 0));
                *point = (struct retention_point){utc_from_seconds(t), utc_from_seconds(t),
                                                  POINT_COMPLETE};
                if (tame)
                        continue;
                if (below(rng, 6) == 0)
                        point->state = 0;
                if (below(rng, 9) == 0)
                        point->state |= POINT_HELD;
                point->instant.ticks += (int64_t)below(rng, 600 * TICKS_PER_SEC);
                if (below(rng, 20) == 0)
                        point->instant = utc_add_seconds(point->instant, 3 * step);
                if (below(rng, 15) == 0 && i > 0)
                        point->slot = s->points[i - 1].slot;
        }
        s->now = utc_from_seconds(t);
        if (!tame && below(rng, 3) == 0) /* some of the future */
                s->now = utc_from_seconds(t - (int64_t)below(rng, 10) * step);
        else if (below(rng, 2))
                s->now = utc_from_seconds(t + (int64_t)below(rng, 10) * step);
        keep_generate(rng, &s->keep);
        s->floors.min_keep = (uint32_t)below(rng, 6);
        s->floors.min_age_s = below(rng, 2) ? (int64_t)below(rng, 5 * D) : 0;
}

static void judge(const struct sample *s, struct verdict *ret_verdicts) {
        assert_int_equal(retention_judge(s->points, s->n, &s->keep, s->zone, &s->floors, s->now,
                                         ret_verdicts),
                         0);
}

static bool counts(const struct verdict *verdict) {
        return !(verdict->kept_by & (VERDICT_NOT_COMPLETE | VERDICT_FUTURE));
}

static void test_order(void **state) {
        uint64_t rng = 1;

        for (int run = 0; run < 3000; run++) {
                struct verdict before[200], after[200];
                size_t place[200];
                struct sample s, t;

                sample_generate(&rng, false, &s);
                t = s;
                for (size_t i = 0; i < s.n; i++)
                        place[i] = i;
                for (size_t i = s.n; i > 1; i--) {
                        size_t j = below(&rng, i), swap = place[i - 1];

                        place[i - 1] = place[j];
                        place[j] = swap;
                }
                for (size_t i = 0; i < s.n; i++)
                        t.points[i] = s.points[place[i]];
                judge(&s, before);
                judge(&t, after);
                for (size_t i = 0; i < s.n; i++)
                        if (memcmp(&before[place[i]], &after[i], sizeof(after[i])) != 0)
                                fail_msg("run %d, point %zu", run, i);
        }
}

/* Deletes what is dropped, in place. */
static size_t prune(struct sample *s) {
        struct verdict verdicts[200];
        size_t n = 0;

        judge(s, verdicts);
        for (size_t i = 0; i < s->n; i++)
                if (verdicts[i].kept_by)
                        s->points[n++] = s->points[i];
        n = s->n - n;
        s->n -= n;
        return n;
}

static void test_idempotent(void **state) {
        uint64_t rng = 2;
        size_t dropped = 0;

        for (int run = 0; run < 3000; run++) {
                struct verdict once[200], twice[200];
                struct sample s;
                size_t n = 0;

                sample_generate(&rng, false, &s);
                judge(&s, once);
                dropped += prune(&s);
                judge(&s, twice);
                for (size_t i = 0; i < s.n; i++, n++) {
                        while (once[n].kept_by == 0)
                                n++;
                        /* Not only does all stay: for the same reasons, at the same places. */
                        if (memcmp(&once[n], &twice[i], sizeof(twice[i])) != 0)
                                fail_msg("run %d, point %zu", run, i);
                }
        }
        assert_true(dropped > 10000);
}

static void test_more_never_keeps_less(void **state) {
        uint64_t rng = 3;
        size_t gained = 0;

        for (int run = 0; run < 5000; run++) {
                struct verdict before[200], after[200];
                struct sample s;

                sample_generate(&rng, false, &s);
                judge(&s, before);
                switch (below(&rng, 4)) {
                case 0:
                        s.keep.within_s += 1 + (int64_t)below(&rng, 5 * D);
                        break;
                case 1:
                        s.floors.min_keep += 1 + (uint32_t)below(&rng, 5);
                        break;
                case 2:
                        s.floors.min_age_s += 1 + (int64_t)below(&rng, 5 * D);
                        break;
                default:
                        s.keep.count[below(&rng, _KEEP_RULE_N)] += 1 + (uint32_t)below(&rng, 9);
                }
                judge(&s, after);
                for (size_t i = 0; i < s.n; i++) {
                        if (before[i].kept_by & ~after[i].kept_by)
                                fail_msg("run %d, point %zu", run, i);
                        gained += !before[i].kept_by && after[i].kept_by;
                }
        }
        assert_true(gained > 1000);
}

/* What does not count can be taken away, and nothing else changes. */
static void test_only_complete_counts(void **state) {
        uint64_t rng = 4;
        size_t taken = 0;

        for (int run = 0; run < 3000; run++) {
                struct verdict before[200], after[200];
                size_t n = 0, at[200];
                struct sample s;

                sample_generate(&rng, false, &s);
                judge(&s, before);
                for (size_t i = 0; i < s.n; i++) {
                        bool real = (s.points[i].state & POINT_COMPLETE) &&
                                    s.points[i].slot.ticks <= s.now.ticks &&
                                    s.points[i].instant.ticks <= s.now.ticks;

                        assert_int_equal(real, counts(&before[i]));
                        if (real) {
                                at[n] = i;
                                s.points[n++] = s.points[i];
                        } else {
                                for (size_t rule = 0; rule < _KEEP_RULE_N; rule++)
                                        assert_int_equal(before[i].place[rule], 0);
                                assert_int_equal(before[i].kept_by &
                                                         ~(unsigned)(VERDICT_NOT_COMPLETE |
                                                                     VERDICT_FUTURE | VERDICT_HELD),
                                                 0);
                                taken++;
                        }
                }
                s.n = n;
                judge(&s, after);
                for (size_t i = 0; i < n; i++)
                        if (memcmp(&before[at[i]], &after[i], sizeof(after[i])) != 0)
                                fail_msg("run %d, point %zu", run, i);
        }
        assert_true(taken > 1000);
}

/* With pick first: as newer ones come, a rule's choices are left or stay, and none is new but the
 * newcomer itself. */
static void test_choice_never_moves(void **state) {
        uint64_t rng = 5;

        for (int run = 0; run < 1000; run++) {
                struct verdict before[200], after[200];
                struct sample s;
                size_t all;

                sample_generate(&rng, true, &s);
                s.keep.pick = PICK_FIRST;
                s.now = utc_from_seconds(utc_seconds(s.now) + 400 * D);
                s.floors = (struct retention_floors){};
                all = s.n;
                s.n = 0;
                for (size_t n = 1; n <= all; n++) {
                        s.n = n;
                        judge(&s, after);
                        for (size_t i = 0; i + 1 < n; i++) {
                                if (after[i].kept_by & ~before[i].kept_by)
                                        fail_msg("run %d: %zu is kept anew at %zu", run, i, n);
                                /* And it leaves only by the count: while there is room, it stays. */
                                for (size_t rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++)
                                        if (before[i].place[rule] && !after[i].place[rule])
                                                assert_int_equal(before[i].place[rule],
                                                                 s.keep.count[rule]);
                        }
                        memcpy(before, after, n * sizeof(*after));
                }
        }
}

/* The rule run forward: at each start one more complete point, and in between whenever one of the
 * points grows out of min_age. */
static void run_forward(struct sample *s, const struct retention_future *future, bool deleting,
                        struct utc *ret_when) {
        enum {
                N = 4000
        };
        struct retention_point *points = calloc(N, sizeof(*points));
        struct verdict *verdicts = calloc(N, sizeof(*verdicts));
        size_t *who = calloc(N, sizeof(*who)), n = s->n;
        struct utc now = future->now, newest = UTC_NONE, begun = future->now;

        begun = utc_add_seconds(begun, -future->jitter_s);
        for (size_t i = 0; i < s->n; i++) {
                points[i] = s->points[i];
                who[i] = i;
                ret_when[i] = UTC_NEVER;
                if ((points[i].state & POINT_COMPLETE) && points[i].slot.ticks <= now.ticks &&
                    points[i].instant.ticks <= now.ticks)
                        newest.ticks = MAX(newest.ticks, points[i].slot.ticks);
        }
        newest.ticks = MAX(newest.ticks, begun.ticks);
        for (;;) {
                struct utc next = UTC_NEVER, slot = UTC_NONE, start;
                size_t left = 0;

                assert_int_equal(
                        retention_judge(points, n, &s->keep, s->zone, &s->floors, now, verdicts),
                        0);
                for (size_t i = 0; i < n; i++) {
                        if (verdicts[i].kept_by == 0 && who[i] < s->n &&
                            ret_when[who[i]].ticks == UTC_NEVER.ticks)
                                ret_when[who[i]] = now;
                        if (verdicts[i].kept_by == 0 && deleting)
                                continue;
                        points[left] = points[i];
                        who[left++] = who[i];
                }
                n = left;

                if (schedule_next(future->schedule, s->zone, newest, &slot)) {
                        start = utc_add_seconds(slot, future->jitter_s);
                        next = start;
                }
                for (size_t i = 0; i < n; i++) {
                        struct utc grown = utc_add_seconds(points[i].instant, s->floors.min_age_s);

                        if (grown.ticks > now.ticks && grown.ticks < next.ticks)
                                next = grown;
                }
                if (next.ticks > future->horizon.ticks)
                        break;
                now = next;
                if (utc_is_set(slot) && start.ticks == now.ticks) {
                        assert_true(n < N);
                        points[n] = (struct retention_point){slot, start, POINT_COMPLETE};
                        who[n++] = SIZE_MAX;
                        newest = slot;
                }
        }
        free(points);
        free(verdicts);
        free(who);
}

static void test_death(void **state) {
        static const int64_t periods[] = {900, H, 2 * H, 6 * H, 8 * H, D, 3 * D};
        uint64_t rng = 6;
        size_t dated = 0, never = 0;

        for (int run = 0; run < 400; run++) {
                struct schedule_item items[2] = {
                        {SCHEDULE_EVERY, periods[below(&rng, ARRAY_SIZE(periods))], 0, NULL},
                        {SCHEDULE_EVERY, 7 * D, 5 * H, NULL},
                };
                struct schedule schedule = {items, 1 + below(&rng, 2)};
                struct utc expected[200], got[200], alone;
                struct retention_future future = {.schedule = &schedule};
                struct sample s;

                sample_generate(&rng, below(&rng, 2), &s);
                /* Points of the future are outside of what is promised. */
                for (size_t i = 0; i < s.n; i++)
                        while (s.points[i].slot.ticks > s.now.ticks ||
                               s.points[i].instant.ticks > s.now.ticks)
                                s.now = utc_add_seconds(s.now, H);
                future.now = s.now;
                future.jitter_s = below(&rng, 2) ? (int64_t)below(&rng, 800) : 0;
                future.horizon = utc_add_seconds(s.now, 300 * items[0].period_s);

                run_forward(&s, &future, run % 2, expected);
                assert_int_equal(
                        retention_deaths(s.points, s.n, &s.keep, s.zone, &s.floors, &future, got),
                        0);
                for (size_t i = 0; i < s.n; i++) {
                        if (got[i].ticks != expected[i].ticks)
                                fail_msg("run %d, point %zu: %" PRId64 ", the rule says %" PRId64,
                                         run, i, utc_seconds(got[i]), utc_seconds(expected[i]));
                        if (got[i].ticks == UTC_NEVER.ticks)
                                never++;
                        else if (got[i].ticks > s.now.ticks)
                                dated++;
                }
                if (s.n > 0) {
                        size_t i = below(&rng, s.n);

                        assert_int_equal(retention_death(s.points, s.n, i, &s.keep, s.zone,
                                                         &s.floors, &future, &alone),
                                         0);
                        assert_int_equal(alone.ticks, got[i].ticks);
                }
        }
        assert_true(dated > 1000);
        assert_true(never > 200);
}

/* Slots are of their own zone, periods of another. */
static void test_death_zones(void **state) {
        struct zone *stockholm = zone_fixture(ZONE_STOCKHOLM), *york = zone_fixture(ZONE_NEW_YORK);
        struct schedule_item item = {.kind = SCHEDULE_CALENDAR};
        struct schedule schedule = {&item, 1};
        struct retention_point point = {time_of("2026-03-05"), time_of("2026-03-05"),
                                        POINT_COMPLETE};
        struct retention_future future = {.schedule = &schedule,
                                          .now = time_of("2026-03-05T12:00"),
                                          .horizon = UTC_NEVER,
                                          .zone = stockholm};
        struct keep last = keep_of("last=1"), daily = keep_of("daily=1");
        const char *problem;
        struct utc when;

        assert_int_equal(calendar_parse("00,12:30", 8, &item.calendar, NULL, &problem), 0);
        assert_int_equal(retention_deaths(&point, 1, &last, york, NULL, &future, &when), 0);
        assert_int_equal(when.ticks, time_of("2026-03-05T23:30").ticks);
        /* Half past midnight of Stockholm is the afternoon before. The point's day is the fourth. */
        assert_int_equal(retention_deaths(&point, 1, &daily, york, NULL, &future, &when), 0);
        assert_int_equal(when.ticks, time_of("2026-03-05T23:30").ticks);
        point.slot = point.instant = time_of("2026-03-05T11:00");
        assert_int_equal(retention_deaths(&point, 1, &daily, york, NULL, &future, &when), 0);
        assert_int_equal(when.ticks, time_of("2026-03-06T11:30").ticks);
        assert_int_equal(retention_deaths(&point, 1, &daily, stockholm, NULL, &future, &when), 0);
        assert_int_equal(when.ticks, time_of("2026-03-05T23:30").ticks);
        future.zone = NULL;
        assert_int_equal(retention_deaths(&point, 1, &daily, stockholm, NULL, &future, &when), 0);
        assert_int_equal(when.ticks, time_of("2026-03-06T00:30").ticks);
        calendar_free(item.calendar);
        zone_free(stockholm);
        zone_free(york);
}

static void test_death_never(void **state) {
        struct schedule_item item = {SCHEDULE_EVERY, H, 0, NULL};
        struct schedule schedule = {&item, 1};
        struct retention_point points[] = {
                {time_of("2026-03-01"), time_of("2026-03-01"), POINT_COMPLETE | POINT_HELD},
                {time_of("2026-03-02"), time_of("2026-03-02"), 0},
                {time_of("2026-03-03"), time_of("2026-03-03"), POINT_COMPLETE},
                {time_of("2026-09-03"), time_of("2026-09-03"), POINT_COMPLETE},
        };
        struct retention_future future = {&schedule, 0, time_of("2026-03-05"), UTC_NEVER};
        struct keep keep = keep_of("last=3");
        struct utc when[4];

        assert_int_equal(retention_deaths(points, 4, &keep, NULL, NULL, &future, when), 0);
        assert_int_equal(when[0].ticks, UTC_NEVER.ticks);
        assert_int_equal(when[1].ticks, UTC_NEVER.ticks);
        assert_int_equal(when[2].ticks, time_of("2026-03-05T03:00").ticks);
        assert_int_equal(when[3].ticks, UTC_NEVER.ticks);

        future.horizon = time_of("2026-03-05T02:59");
        assert_int_equal(retention_deaths(points, 4, &keep, NULL, NULL, &future, when), 0);
        assert_int_equal(when[2].ticks, UTC_NEVER.ticks);

        future.horizon = UTC_NEVER;
        assert_int_equal(retention_deaths(points, 4, NULL, NULL, NULL, &future, when), 0);
        assert_int_equal(when[2].ticks, UTC_NEVER.ticks);

        /* Nothing comes any more: what a count keeps stays, what an age keeps goes. */
        future.schedule = NULL;
        assert_int_equal(retention_deaths(points, 4, &keep, NULL, NULL, &future, when), 0);
        assert_int_equal(when[2].ticks, UTC_NEVER.ticks);
        keep = keep_of("last=1");
        points[0].state = POINT_COMPLETE;
        assert_int_equal(retention_deaths(points, 4, &keep, NULL,
                                          &(struct retention_floors){0, 30 * D}, &future, when),
                         0);
        assert_int_equal(when[0].ticks, time_of("2026-03-31").ticks);

        /* To the second: the start at which the newest is `within` later, and not the next. */
        future.schedule = &schedule;
        future.now = time_of("2026-03-03");
        keep = keep_of("within=3h");
        assert_int_equal(retention_death(points, 4, 2, &keep, NULL, NULL, &future, &when[2]), 0);
        assert_int_equal(when[2].ticks, time_of("2026-03-03T03:00").ticks);

        /* What is of no known age never grows out of it, and goes where age does not matter. */
        points[2].instant = UTC_NONE;
        assert_int_equal(retention_death(points, 4, 2, &keep, NULL, NULL, &future, &when[2]), 0);
        assert_int_equal(when[2].ticks, UTC_NEVER.ticks);
        keep = keep_of("last=1");
        assert_int_equal(retention_death(points, 4, 2, &keep, NULL,
                                         &(struct retention_floors){0, H}, &future, &when[2]),
                         0);
        assert_int_equal(when[2].ticks, UTC_NEVER.ticks);
        assert_int_equal(retention_death(points, 4, 2, &keep, NULL, NULL, &future, &when[2]), 0);
        assert_int_equal(when[2].ticks, time_of("2026-03-03T01:00").ticks);
        points[2].instant = points[2].slot;
        keep = keep_of("within=3h");

        /* A slot that is filled does not come again, though its start with the jitter would. */
        points[1] = (struct retention_point){time_of("2026-03-03T03:00"),
                                             time_of("2026-03-03T03:00"), POINT_COMPLETE};
        future.now = time_of("2026-03-03T03:00");
        future.jitter_s = 600;
        keep.within_s = 3 * H + 300;
        assert_int_equal(retention_death(points, 4, 2, &keep, NULL, NULL, &future, &when[2]), 0);
        assert_int_equal(when[2].ticks, time_of("2026-03-03T04:10").ticks);

        /* To the end of the calendar, and no further. */
        future.schedule = &schedule;
        keep = keep_of("yearly=100000");
        assert_int_equal(retention_deaths(points, 4, &keep, NULL, NULL, &future, when), 0);
        assert_int_equal(when[0].ticks, UTC_NEVER.ticks);
}

/* A chain of 5,000 hours: the newest first of each, counted by hand. */
static void test_long_chain(void **state) {
        static struct retention_point points[N_MAX];
        static struct verdict verdicts[N_MAX];
        struct keep keep =
                keep_of("last=6,hourly=48,daily=30,weekly=12,monthly=24,yearly=7,within=2d");
        int64_t begin = utc_seconds(time_of("2026-01-01"));
        size_t kept = 0, by[_KEEP_RULE_N] = {};

        /* 5,000 hours are 208 days and 8 hours: to 28 July, 07:00. */
        for (int64_t i = 0; i < N_MAX; i++)
                points[i] =
                        (struct retention_point){utc_from_seconds(begin + i * H),
                                                 utc_from_seconds(begin + i * H), POINT_COMPLETE};
        assert_int_equal(
                retention_judge(points, N_MAX, &keep, NULL, NULL, time_of("2026-09-01"), verdicts),
                0);
        for (size_t i = 0; i < N_MAX; i++) {
                kept += verdicts[i].kept_by != 0;
                for (size_t rule = 0; rule < _KEEP_RULE_N; rule++)
                        by[rule] += verdicts[i].place[rule] != 0;
        }
        assert_int_equal(by[KEEP_LAST], 6);
        assert_int_equal(by[KEEP_HOURLY], 48);
        assert_int_equal(by[KEEP_DAILY], 30);
        assert_int_equal(by[KEEP_WEEKLY], 12);
        assert_int_equal(by[KEEP_MONTHLY], 7);
        assert_int_equal(by[KEEP_YEARLY], 1);
        /* 48 hours hold the firsts of 27 and 28 July; 28 other days, down to 29 June; of the weeks
         * 12 less 27 July, 20, 13, 6 and 29 June; of the months 7 less July and 1 June, a Monday; the
         * year is January. */
        assert_int_equal(kept, 48 + 28 + 7 + 5);
}

static void test_keep_parse(void **state) {
        static const struct {
                int line;
                const char *text;
                int r;
                size_t at;
                const char *canonical;
        } rows[] = {
                {__LINE__, "last=6", 0, 0, "last=6;pick=first;zone=UTC"},
                {__LINE__, "daily=30,last=6", 0, 0, "last=6,daily=30;pick=first;zone=UTC"},
                {__LINE__, "within=2d", 0, 0, "within=172800s;pick=first;zone=UTC"},
                {__LINE__, "within=90m,hourly=1,weekly=2,monthly=3,yearly=100000", 0, 0,
                 "hourly=1,weekly=2,monthly=3,yearly=100000,within=5400s;pick=first;zone=UTC"},
                {__LINE__, "within=1w", 0, 0, "within=604800s;pick=first;zone=UTC"},
                {__LINE__, "within=7s", 0, 0, "within=7s;pick=first;zone=UTC"},
                {__LINE__, "within=36500d", 0, 0, "within=3153600000s;pick=first;zone=UTC"},
                {__LINE__, "", KEEP_E_EMPTY, 0, NULL},
                {__LINE__, ",", KEEP_E_RULE, 0, NULL},
                {__LINE__, "last=6,", KEEP_E_RULE, 7, NULL},
                {__LINE__, "last=6,,daily=1", KEEP_E_RULE, 7, NULL},
                {__LINE__, "daly=6", KEEP_E_RULE, 0, NULL},
                {__LINE__, "Last=6", KEEP_E_RULE, 0, NULL},
                {__LINE__, "last=6, daily=3", KEEP_E_RULE, 7, NULL},
                {__LINE__, "lastly=6", KEEP_E_RULE, 0, NULL},
                {__LINE__, "=6", KEEP_E_RULE, 0, NULL},
                {__LINE__, "last=6,last=7", KEEP_E_TWICE, 7, NULL},
                {__LINE__, "within=6d,within=6d", KEEP_E_TWICE, 10, NULL},
                {__LINE__, "last", KEEP_E_VALUE, 4, NULL},
                {__LINE__, "daily=2,last=", KEEP_E_VALUE, 13, NULL},
                {__LINE__, "within", KEEP_E_VALUE, 6, NULL},
                {__LINE__, "last=0", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last=-1", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last=06", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last=6d", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last==6", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last= 6", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last=100001", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "last=99999999999999999999", KEEP_E_COUNT, 5, NULL},
                {__LINE__, "within=2", KEEP_E_DURATION, 7, NULL},
                {__LINE__, "within=d", KEEP_E_DURATION, 7, NULL},
                {__LINE__, "within=0d", KEEP_E_DURATION, 7, NULL},
                {__LINE__, "within=2D", KEEP_E_DURATION, 7, NULL},
                {__LINE__, "within=1.5d", KEEP_E_DURATION, 7, NULL},
                {__LINE__, "within=36501d", KEEP_E_DURATION, 7, NULL},
                {__LINE__, "within=99999999999999999999s", KEEP_E_DURATION, 7, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct keep keep = {.within_s = -7};
                struct strbuf out = {};
                size_t at = 99;
                int r = keep_parse(rows[i].text, strlen(rows[i].text), &keep, &at);

                if (r != rows[i].r || (r != 0 && at != rows[i].at))
                        fail_msg("row at line %d: r %d at %zu", rows[i].line, r, at);
                assert_non_null(keep_problem(r));
                if (r != 0) {
                        assert_int_equal(keep.within_s, -7);
                        continue;
                }
                keep_append(&keep, NULL, &out);
                if (strcmp(strbuf_str(&out), rows[i].canonical) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, strbuf_str(&out));
                strbuf_deinit(&out);
        }
}

static void test_texts(void **state) {
        struct keep keep = keep_of("last=6,within=2d");
        struct verdict verdict = {VERDICT_RULE(KEEP_LAST) | VERDICT_WITHIN, {3}};
        struct strbuf out = {};

        keep.pick = PICK_LAST;
        keep_append(&keep, "Europe/Stockholm", &out);
        assert_string_equal(strbuf_str(&out),
                            "last=6,within=172800s;pick=last;zone=Europe/Stockholm");
        strbuf_clear(&out);
        keep_append(NULL, "Europe/Stockholm", &out);
        assert_string_equal(strbuf_str(&out), "none;pick=first;zone=Europe/Stockholm");
        strbuf_clear(&out);
        keep_append(&(struct keep){.pick = PICK_LAST}, NULL, &out);
        assert_string_equal(strbuf_str(&out), "none;pick=first;zone=UTC");
        strbuf_clear(&out);
        verdict_append(&verdict, NULL, &out);
        assert_string_equal(strbuf_str(&out), "last 3, within");
        strbuf_deinit(&out);
}

/* Zeroed memory in place of a rule must not delete; and any numbers at all are no overflow. */
static void test_hostile(void **state) {
        static const int64_t values[] = {INT64_MIN, INT64_MIN + 1, -1,       0,
                                         1,         INT64_MAX - 1, INT64_MAX};
        struct retention_point points[49];
        struct verdict verdicts[49];
        struct utc when[49];
        struct keep keep = {};

        for (size_t i = 0; i < 49; i++)
                points[i] =
                        (struct retention_point){{values[i % 7]}, {values[i / 7]}, POINT_COMPLETE};
        assert_int_equal(retention_judge(points, 49, &keep, NULL, NULL, UTC_NEVER, verdicts), 0);
        for (size_t i = 0; i < 49; i++)
                assert_int_equal(verdicts[i].kept_by, VERDICT_NO_RULE);

        for (size_t i = 0; i < 49; i++) {
                struct retention_floors floors = {UINT32_MAX, values[i % 7]};
                struct schedule_item item = {SCHEDULE_EVERY, 366 * D, 0, NULL};
                struct schedule schedule = {&item, 1};
                struct retention_future future = {&schedule, 0, {values[i / 7]}, UTC_NEVER};

                for (size_t rule = 0; rule < _KEEP_RULE_N; rule++)
                        keep.count[rule] = UINT32_MAX;
                keep.within_s = values[6 - i % 7];
                assert_int_equal(retention_judge(points, 49, &keep, zones[1], &floors,
                                                 (struct utc){values[i / 7]}, verdicts),
                                 0);
                keep.count[KEEP_HOURLY] = 40;
                assert_int_equal(
                        retention_deaths(points, 49, &keep, zones[1], &floors, &future, when), 0);
        }
        assert_int_equal(retention_judge(NULL, 0, &keep, NULL, NULL, UTC_NEVER, NULL), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tables),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_idempotent),
                cmocka_unit_test(test_more_never_keeps_less),
                cmocka_unit_test(test_only_complete_counts),
                cmocka_unit_test(test_choice_never_moves),
                cmocka_unit_test(test_death),
                cmocka_unit_test(test_death_zones),
                cmocka_unit_test(test_death_never),
                cmocka_unit_test(test_long_chain),
                cmocka_unit_test(test_keep_parse),
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_hostile),
        };

        return cmocka_run_group_tests_name("retention", tests, zones_setup, zones_teardown);
}
