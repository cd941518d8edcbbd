/*
 * How long retention takes: a chain of 500, its dates of death, and the series of a fleet. Prints
 * figures; none of them fails.
 */
#include "../unit/zone-fixture.h"
#include "base/macros.h"
#include "core/retention.h"
#include "core/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHAIN 500
#define SERIES 10000
#define SERIES_POINTS 50

static double seconds_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Newest last when @shuffle is 0. A series under a rule is a few hours, then days, weeks, months. */
static void fill(struct retention_point *points, size_t n, unsigned shuffle) {
        int64_t at = 1795392000;

        for (size_t i = n; i-- > 0;) {
                size_t age = n - i;

                points[i] = (struct retention_point){utc_from_seconds(at),
                                                     utc_from_seconds(at + 90), POINT_COMPLETE};
                at -= age < n / 3 ? SEC_PER_HOUR : age < n * 2 / 3 ? SEC_PER_DAY : 7 * SEC_PER_DAY;
        }
        for (size_t i = n; shuffle && i > 1; i--) {
                size_t j;
                struct retention_point swap = points[i - 1];

                shuffle = shuffle * 1103515245 + 12345;
                j = (shuffle >> 8) % i;
                points[i - 1] = points[j];
                points[j] = swap;
        }
}

int main(void) {
        static struct retention_point chain[CHAIN], points[SERIES_POINTS];
        static struct verdict verdicts[CHAIN];
        static struct utc when[CHAIN];
        const struct keep keep = {.count = {6, 48, 30, 12, 24, 7}, .within_s = 2 * SEC_PER_DAY};
        const struct retention_floors floors = {3, SEC_PER_DAY};
        struct schedule_item item = {SCHEDULE_EVERY, SEC_PER_HOUR, 0, NULL};
        struct schedule schedule = {&item, 1};
        struct utc now = utc_from_seconds(1795392100);
        struct retention_future future = {&schedule, 90, now, UTC_NEVER};
        struct zone *zone = zone_fixture(ZONE_STOCKHOLM);
        double begin;
        int failed = 0;

        for (unsigned shuffle = 0; shuffle < 2; shuffle++) {
                fill(chain, CHAIN, shuffle);
                begin = seconds_now();
                for (int i = 0; i < 1000; i++)
                        failed |=
                                retention_judge(chain, CHAIN, &keep, zone, &floors, now, verdicts);
                printf("chain of 500, %s: %.1f us\n", shuffle ? "in any order" : "in order",
                       (seconds_now() - begin) * 1e6 / 1000);
        }

        begin = seconds_now();
        for (int i = 0; i < 100; i++)
                failed |= retention_deaths(chain, CHAIN, &keep, zone, &floors, &future, when);
        printf("dates of death of a chain of 500, hourly slots, years ahead: %.1f us\n",
               (seconds_now() - begin) * 1e6 / 100);

        fill(points, SERIES_POINTS, 0);
        begin = seconds_now();
        for (int i = 0; i < SERIES; i++)
                failed |=
                        retention_judge(points, SERIES_POINTS, &keep, zone, &floors, now, verdicts);
        printf("10,000 series of 50: %.1f ms\n", (seconds_now() - begin) * 1e3);

        begin = seconds_now();
        for (int i = 0; i < SERIES; i++)
                failed |= retention_judge(points, SERIES_POINTS, &keep, /* zone= */ NULL, &floors,
                                          now, verdicts);
        printf("10,000 series of 50 in UTC: %.1f ms\n", (seconds_now() - begin) * 1e3);

        zone_free(zone);
        return failed != 0;
}
