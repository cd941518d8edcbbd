/*
 * Retention with `pick: first`, stated a second time: from the words of the design alone, point by
 * point, by counting, with civil time by glibc and TZ. Slow, and as plain as can be.
 *
 *         retention-brute [CASES] [SEED]
 *
 * A point is complete or not, held or not, of the future or not. What counts is complete and not of
 * the future. For each point and rule the question is asked alone: "is it the first of its period,
 * and do fewer than N periods that have one come after?"
 */
#include "core/retention.h"
#include "zone-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POINTS_MAX 80

/* Of 2024 to 2027, and all with something of their own: a repeated hour, half an hour, an offset of
 * three quarters, no change at all, a change of another month. */
static const char *const zone_names[] = {
        "UTC",
        "Europe/Stockholm",
        "America/New_York",
        "Asia/Kathmandu",
        "America/Havana",
        "Australia/Lord_Howe",
        "Africa/Cairo",
};
#define N_ZONES (sizeof(zone_names) / sizeof(zone_names[0]))

struct local {
        struct tm tm;
        char iso_week[16]; /* "2026-W01" */
};

struct one {
        int64_t slot, instant; /* seconds */
        int complete, held;
        struct local local;
};

struct brute {
        struct one points[POINTS_MAX];
        int n;
        int64_t now;
        struct keep keep;
        struct retention_floors floors;
};

static uint64_t rng;

static uint64_t draw(void) {
        rng ^= rng << 13;
        rng ^= rng >> 7;
        rng ^= rng << 17;
        return rng * 0x2545f4914f6cdd1d >> 11;
}

static int64_t below(int64_t bound) {
        return (int64_t)(draw() % (uint64_t)bound);
}

static int counts(const struct brute *b, int i) {
        return b->points[i].complete && b->points[i].slot <= b->now &&
               b->points[i].instant <= b->now;
}

/* Whether i comes before j. The generator makes no two points alike. */
static int before(const struct brute *b, int i, int j) {
        if (b->points[i].slot != b->points[j].slot)
                return b->points[i].slot < b->points[j].slot;
        return b->points[i].instant < b->points[j].instant;
}

static int same_period(const struct brute *b, enum keep_rule rule, int i, int j) {
        const struct local *x = &b->points[i].local, *y = &b->points[j].local;
        int year = x->tm.tm_year == y->tm.tm_year, month = year && x->tm.tm_mon == y->tm.tm_mon;
        int day = month && x->tm.tm_mday == y->tm.tm_mday;

        switch (rule) {
        case KEEP_HOURLY:
                return day && x->tm.tm_hour == y->tm.tm_hour && x->tm.tm_gmtoff == y->tm.tm_gmtoff;
        case KEEP_DAILY:
                return day;
        case KEEP_WEEKLY:
                return strcmp(x->iso_week, y->iso_week) == 0;
        case KEEP_MONTHLY:
                return month;
        case KEEP_YEARLY:
                return year;
        case KEEP_LAST:
        case _KEEP_RULE_N:
                break;
        }
        abort();
}

/* The place of i under a rule, counted from the newest; 0 when the rule does not keep it. */
static uint32_t place_of(const struct brute *b, enum keep_rule rule, int i) {
        uint32_t place = 1;

        for (int j = 0; j < b->n; j++) {
                int first_of_its = 1;

                if (!counts(b, j) || j == i)
                        continue;
                if (rule == KEEP_LAST) {
                        place += (uint32_t)before(b, i, j);
                        continue;
                }
                if (same_period(b, rule, i, j)) {
                        if (before(b, j, i))
                                return 0;
                        continue;
                }
                /* Each later period counts once: at its first point. */
                for (int k = 0; k < b->n; k++)
                        if (counts(b, k) && k != j && same_period(b, rule, j, k) && before(b, k, j))
                                first_of_its = 0;
                place += (uint32_t)(first_of_its && before(b, i, j));
        }
        return place <= b->keep.count[rule] ? place : 0;
}

static unsigned verdict_of(const struct brute *b, int i, uint32_t ret_place[_KEEP_RULE_N]) {
        const struct one *point = &b->points[i];
        unsigned kept = point->held ? VERDICT_HELD : 0;
        int64_t newest = INT64_MIN;
        uint32_t newer = 0;

        memset(ret_place, 0, _KEEP_RULE_N * sizeof(*ret_place));
        if (!point->complete)
                return kept | VERDICT_NOT_COMPLETE;
        if (!counts(b, i))
                return kept | VERDICT_FUTURE;

        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++) {
                ret_place[rule] = place_of(b, rule, i);
                if (ret_place[rule])
                        kept |= VERDICT_RULE(rule);
        }
        for (int j = 0; j < b->n; j++) {
                if (!counts(b, j))
                        continue;
                newer += (uint32_t)before(b, i, j);
                if (b->points[j].instant > newest)
                        newest = b->points[j].instant;
        }
        if (b->keep.within_s && newest - point->instant < b->keep.within_s)
                kept |= VERDICT_WITHIN;
        if (newer < b->floors.min_keep)
                kept |= VERDICT_MIN_KEEP;
        if (b->now - point->instant < b->floors.min_age_s)
                kept |= VERDICT_MIN_AGE;
        return kept;
}

static int is_new(const struct brute *b, const struct one *point) {
        for (int i = 0; i < b->n; i++)
                if (b->points[i].slot == point->slot && b->points[i].instant == point->instant)
                        return 0;
        return 1;
}

static void add_point(struct brute *b, int64_t slot) {
        struct one point = {.slot = slot, .complete = below(8) != 0, .held = below(10) == 0};
        time_t t = (time_t)slot;

        point.instant =
                slot + (below(3) == 0 ? below(900) : 0) + (below(25) == 0 ? below(90000) : 0);
        if (b->n == POINTS_MAX || !is_new(b, &point))
                return;
        localtime_r(&t, &point.local.tm);
        strftime(point.local.iso_week, sizeof(point.local.iso_week), "%G-W%V", &point.local.tm);
        b->points[b->n++] = point;
}

static void generate(struct brute *b) {
        static const int64_t steps[] = {600,   1800,  3600,   7200,   21600,
                                        86400, 86400, 604800, 2592000};
        /* Around clock changes, a leap day, the end of a year of 53 weeks; or anywhere. */
        static const int64_t starts[] = {1774742400, 1792886400, 1793491200, 1775318400,
                                         1709164800, 1609286400, 1767139200, -3600};
        int64_t at, last;
        int target = 1 + (int)below(below(3) ? 25 : POINTS_MAX);

        *b = (struct brute){};
        at = below(3) ? starts[below(8)] : 1704067200 + below(1000) * 86400;
        at += below(20) * 1800 - 18000;
        while (b->n < target) {
                int64_t step = steps[below(9)];

                for (int64_t i = 1 + below(12); i > 0 && b->n < target; i--) {
                        add_point(b, at);
                        at += step * (below(4) ? 1 : 1 + below(4));
                }
        }
        last = b->points[b->n - 1].slot;
        b->now = below(3) ? at : last - below(200000);

        for (enum keep_rule rule = 0; rule < _KEEP_RULE_N; rule++)
                if (below(2))
                        b->keep.count[rule] = 1 + (uint32_t)below(below(4) ? 5 : 40);
        if (below(3) == 0)
                b->keep.within_s = 1 + below(400) * 3600;
        if (keep_is_empty(&b->keep))
                b->keep.count[KEEP_LAST] = 2;
        b->keep.pick = PICK_FIRST;
        b->floors.min_keep = (uint32_t)below(5);
        b->floors.min_age_s = below(2) ? below(300000) : 0;
}

/* Hands the points over in an order of chance. Returns whether all verdicts and places agree. */
static int compare(const struct brute *b, const struct zone *zone, long *kept, long *dropped) {
        struct retention_point points[POINTS_MAX];
        struct verdict verdicts[POINTS_MAX];
        int place[POINTS_MAX];

        for (int i = 0; i < b->n; i++)
                place[i] = i;
        for (int i = b->n - 1; i > 0; i--) {
                int j = (int)below(i + 1), swap = place[i];

                place[i] = place[j];
                place[j] = swap;
        }
        for (int i = 0; i < b->n; i++) {
                const struct one *one = &b->points[place[i]];

                points[i] = (struct retention_point){utc_from_seconds(one->slot),
                                                     utc_from_seconds(one->instant), 0};
                if (one->complete)
                        points[i].state |= POINT_COMPLETE;
                if (one->held)
                        points[i].state |= POINT_HELD;
        }
        if (retention_judge(points, (size_t)b->n, &b->keep, zone, &b->floors,
                            utc_from_seconds(b->now), verdicts) != 0)
                abort();

        for (int i = 0; i < b->n; i++) {
                uint32_t places[_KEEP_RULE_N];
                unsigned expected = verdict_of(b, place[i], places);

                if (expected != verdicts[i].kept_by ||
                    memcmp(places, verdicts[i].place, sizeof(places)) != 0) {
                        char text[UTC_TEXT_SIZE];

                        printf("# slot %s: %#x, by the words it is %#x\n",
                               utc_format(points[i].slot, text), verdicts[i].kept_by, expected);
                        return 0;
                }
                if (expected)
                        (*kept)++;
                else
                        (*dropped)++;
        }
        return 1;
}

int main(int argc, char **argv) {
        long cases = argc > 1 ? atol(argv[1]) : 2000, kept = 0, dropped = 0, bad = 0;
        uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

        puts("1..1");
        for (size_t z = 0; z < N_ZONES; z++) {
                struct zone *zone = NULL;

                if (zone_file_read(zone_names[z], &zone) != 0) {
                        printf("not ok 1 - no zone %s\n", zone_names[z]);
                        return 1;
                }
                setenv("TZ", zone_names[z], 1);
                tzset();
                for (long i = (long)z; i < cases && bad < 10; i += (long)N_ZONES) {
                        static struct brute b;

                        /* Each case by its own number, so that one can be had alone. */
                        rng = (seed << 32 | (uint64_t)i) * 0x9e3779b97f4a7c15 + 1;
                        generate(&b);
                        if (!compare(&b, zone, &kept, &dropped)) {
                                printf("# case %ld of seed %" PRIu64 " in %s\n", i, seed,
                                       zone_names[z]);
                                bad++;
                        }
                }
                zone_free(zone);
        }
        printf("# %ld cases in %zu zones: %ld points kept, %ld dropped\n", cases, N_ZONES, kept,
               dropped);
        if (kept < cases || dropped < cases)
                bad++;
        printf("%s 1 - retention, pick first, against a second statement\n", bad ? "not ok" : "ok");
        return bad != 0;
}
