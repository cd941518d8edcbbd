/*
 * Occurrences of calendar events a second, forward and backward, in UTC and over clock changes,
 * with a table of transitions and with the rule alone. Prints figures; no figure fails.
 */
#include "../oracle/zone-file.h"
#include "../unit/zone-fixture.h"
#include "core/calendar.h"

#include <stdio.h>
#include <time.h>

#define ROUNDS 200000

static double seconds_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct utc start(void) {
        struct utc t;

        (void)utc_parse("2026-01-01T00:00:00Z", 20, &t);
        return t;
}

/* Walks on and on, from the beginning again where the event ends. */
static double forward(const struct calendar *calendar, const struct zone *zone) {
        double begin = seconds_now();
        struct utc t = start();

        for (int i = 0; i < ROUNDS; i++)
                if (!calendar_next(calendar, zone, t, &t))
                        t = start();
        return ROUNDS / (seconds_now() - begin);
}

static double backward(const struct calendar *calendar, const struct zone *zone) {
        struct utc t = utc_add_seconds(start(), 50 * 365 * SEC_PER_DAY);
        double begin = seconds_now();

        for (int i = 0; i < ROUNDS; i++)
                if (!calendar_previous(calendar, zone, utc_add_seconds(t, -1), &t))
                        t = start();
        return ROUNDS / (seconds_now() - begin);
}

int main(void) {
        static const char *const texts[] = {
                "*:0/15",      "Mon..Fri 02:30", "daily",    "*-*~01 03:30",
                "Mon *-02-29", "*-02-30",        "*:*:0/10",
        };
        struct zone *rule = zone_fixture(ZONE_STOCKHOLM), *table = NULL;

        if (zone_file_read("Europe/Stockholm", &table) != 0)
                return 1;

        printf("%-16s %11s %11s %11s %11s %11s\n", "a second", "UTC next", "UTC prev.", "zone next",
               "zone prev.", "rule next");
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct calendar *calendar = NULL;

                if (calendar_parse(texts[i], strlen(texts[i]), &calendar, NULL, NULL) != 0)
                        return 1;
                printf("%-16s %11.0f %11.0f %11.0f %11.0f %11.0f\n", texts[i],
                       forward(calendar, NULL), backward(calendar, NULL), forward(calendar, table),
                       backward(calendar, table), forward(calendar, rule));
                calendar_free(calendar);
        }
        zone_free(table);
        zone_free(rule);
        return 0;
}
