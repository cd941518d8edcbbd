/*
 * Calendar events in any bytes. A text that is taken has a normal form that is its own, and the two
 * searches agree with each other in zones of every kind, from instants that the text chooses.
 */
#include "base/strbuf.h"
#include "core/calendar.h"
#include "zone-fixture.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS 6

static void demand(bool holds) {
        if (!holds)
                abort();
}

static void check_form(const struct calendar *calendar) {
        struct calendar *again = NULL;
        struct strbuf s = {0}, t = {0};

        calendar_format(calendar, &s);
        /* Years grow from two digits to four, and values are in order; a text of the greatest
         * length may then be too long. */
        if (s.len <= CALENDAR_TEXT_MAX) {
                demand(calendar_parse(strbuf_str(&s), s.len, &again, NULL, NULL) == 0);
                calendar_format(again, &t);
                demand(strcmp(strbuf_str(&s), strbuf_str(&t)) == 0);
                calendar_free(again);
        }
        strbuf_deinit(&s);
        strbuf_deinit(&t);
}

static void check_searches(const struct calendar *calendar, const struct zone *zone,
                           struct utc after) {
        struct utc next, previous;

        for (int i = 0; i < STEPS && calendar_next(calendar, zone, after, &next); i++) {
                demand(calendar_elapses(calendar));
                demand(next.ticks > after.ticks && next.ticks % TICKS_PER_SEC == 0);
                demand(calendar_previous(calendar, zone, next, &previous) &&
                       previous.ticks == next.ticks);
                /* Nothing was passed over. */
                if (calendar_previous(calendar, zone, utc_add_seconds(next, -1), &previous))
                        demand(previous.ticks <= after.ticks);
                after = next;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const rules[] = {
                ZONE_STOCKHOLM,
                ZONE_LORD_HOWE,
                "IST-1GMT0,M10.5.0,M3.5.0/1",
                "CST5CDT,M3.2.0/0,M11.1.0/1",
                "AAA12BBB-12,J100/0,J102/0",
        };
        static struct zone *zones[ARRAY_SIZE(rules)];
        struct calendar *calendar = NULL;
        const char *message = NULL;
        size_t position = SIZE_MAX;
        uint64_t chosen = 1;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                if (!zones[i])
                        zones[i] = zone_fixture(rules[i]);
        for (size_t i = 0; i < size; i++)
                chosen = chosen * 31 + data[i];

        r = calendar_parse((const char *)data, size, &calendar, &position, &message);
        if (r != 0) {
                demand(r > 0 && position <= size && message && !calendar);
                return 0;
        }
        demand(calendar_zone_position(calendar) <= size);

        check_form(calendar);
        for (size_t i = 0; i <= ARRAY_SIZE(rules); i++) {
                const struct zone *zone = i < ARRAY_SIZE(rules) ? zones[i] : NULL;
                struct zone_change change;
                int64_t at = (int64_t)(chosen % UINT64_C(7258118400));

                check_searches(calendar, zone, utc_from_seconds(at));
                if (zone_next_change(zone, at, &change))
                        check_searches(calendar, zone,
                                       utc_from_seconds(change.at - (int64_t)(chosen % 7200)));
        }
        check_searches(calendar, NULL, UTC_NONE);
        calendar_free(calendar);
        return 0;
}
