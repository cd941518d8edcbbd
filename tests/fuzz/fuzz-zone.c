/*
 * Zone files in any bytes. What is taken has offsets within the bounds, changes that are changes,
 * and local times that go both ways; a calendar event is found in it at all.
 */
#include "core/calendar.h"
#include "core/zone.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANGES 12

static void demand(bool holds) {
        if (!holds)
                abort();
}

static void check_local(const struct zone *zone, int64_t at) {
        int64_t latest = zone_latest_local(zone, at), first, last;
        enum zone_local kind;

        demand(latest >= at + zone_offset(zone, at));
        demand(zone_first_instant(zone, latest) <= at);
        demand(zone_first_instant(zone, latest + 1) > at);

        kind = zone_local_to_instants(zone, at + zone_offset(zone, at), &first, &last);
        demand(first <= at && at <= last && last - first <= ZONE_SPAN_MAX);
        demand(kind != ZONE_LOCAL_ONCE || first == last);
}

static void check_calendar(const char *text, size_t len, const struct zone *zone, int64_t at) {
        struct calendar *calendar = NULL;
        struct utc after = utc_from_seconds(at), next, previous;

        demand(calendar_parse(text, len, &calendar, NULL, NULL) == 0);
        if (at >= 0 && calendar_next(calendar, zone, after, &next)) {
                demand(next.ticks > after.ticks);
                demand(calendar_previous(calendar, zone, next, &previous) &&
                       previous.ticks == next.ticks);
                if (calendar_previous(calendar, zone, utc_add_seconds(next, -1), &previous))
                        demand(previous.ticks <= after.ticks);
        }
        calendar_free(calendar);
}

static void check_at(const struct zone *zone, int64_t at) {
        int32_t offset = zone_offset(zone, at);

        demand(offset >= ZONE_OFFSET_MIN && offset <= ZONE_OFFSET_MAX);
        if (at < UTC_MIN_SECONDS || at > UTC_MAX_SECONDS)
                return;
        check_local(zone, at);
        check_calendar("*:0/20", 6, zone, at);
        check_calendar("02:30", 5, zone, at);
}

static void check_changes(const struct zone *zone, int64_t at) {
        struct zone_change change, same;

        for (int i = 0; i < CHANGES && zone_next_change(zone, at, &change); i++) {
                demand(change.at > at && change.before != change.after);
                demand(zone_offset(zone, change.at) == change.after);
                demand(zone_offset(zone, change.at - 1) == change.before);
                demand(zone_previous_change(zone, change.at, &same) && same.at == change.at &&
                       same.before == change.before && same.after == change.after);
                demand(!zone_previous_change(zone, change.at - 1, &same) || same.at <= at);
                check_at(zone, change.at);
                check_at(zone, change.at - 1);
                at = change.at;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const int64_t instants[] = {INT64_MIN, UTC_MIN_SECONDS, -2208988800, -1,
                                           0,         1774746000,      7258118400,  UTC_MAX_SECONDS,
                                           INT64_MAX};
        struct zone *zone = NULL;

        if (zone_parse((const char *)data, size, "Fuzz/Zone", &zone) != 0) {
                demand(!zone);
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(instants); i++) {
                check_at(zone, instants[i]);
                check_changes(zone, instants[i]);
        }
        zone_free(zone);
        return 0;
}
