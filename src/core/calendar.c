/*
 * The searches. A calendar event is a set of local times; DESIGN's two rules turn each into one
 * instant (the first at which clocks show it or have passed it), and with hour '*' into every
 * instant that shows it. zone_first_instant() never decreases, so that the nearest instant is that
 * of the nearest local time, and only around a clock that was put back there is more to look at.
 */
#include "base/strbuf.h"
#include "core/calendar-internal.h"
#include "core/zone.h"

#include <assert.h>
#include <string.h>

/* No local time. */
#define LOCAL_NONE INT64_MIN

/* Local times outside these cannot elapse: those of CALENDAR_YEAR_FIRST to CALENDAR_YEAR_MAX,
 * 1969-01-01T00:00:00 to 2199-12-31T23:59:59. */
#define LOCAL_MIN INT64_C(-31536000)
#define LOCAL_MAX INT64_C(7258118399)

static uint64_t bits(int from, int to, int step) {
        uint64_t set = 0;

        for (int i = from; i <= to; i += step)
                set |= UINT64_C(1) << i;
        return set;
}

/* The values of a part as bits, @min in bit 0. */
static uint64_t chain_set(const struct calendar_chain *chain, int min, int max) {
        uint64_t set = 0;

        if (chain->n == 0)
                return bits(0, max - min, 1);

        for (size_t i = 0; i < chain->n; i++) {
                const struct calendar_value *v = &chain->items[i];
                int stop = v->stop >= 0 ? v->stop : v->repeat > 0 ? max : v->start;

                set |= bits(v->start - min, stop - min, MAX(v->repeat, 1));
        }
        return set;
}

/* The same for days told from the end of a month of @length days: 1 is the last, a repetition
 * goes towards the end, and in a range it begins at the earliest day. */
static uint64_t chain_set_from_end(const struct calendar_chain *chain, int length) {
        uint64_t set = 0;

        for (size_t i = 0; i < chain->n; i++) {
                const struct calendar_value *v = &chain->items[i];
                int from = length - MAX(v->start, v->stop);
                int to = v->stop >= 0 || v->repeat == 0 ? length - v->start : length - 1;

                set |= bits(from, to, MAX(v->repeat, 1));
        }
        return set;
}

static void compile_years(struct calendar *calendar) {
        const struct calendar_chain *chain = &calendar->chains[CALENDAR_YEAR];

        for (int year = CALENDAR_YEAR_FIRST; year <= CALENDAR_YEAR_MAX; year++) {
                bool in = chain->n == 0;

                for (size_t i = 0; i < chain->n && !in; i++) {
                        const struct calendar_value *v = &chain->items[i];

                        in = year == v->start || (v->repeat > 0 && year > v->start &&
                                                  (v->stop < 0 || year <= v->stop) &&
                                                  (year - v->start) % v->repeat == 0);
                }
                if (in)
                        calendar->years[(year - CALENDAR_YEAR_FIRST) / 64] |=
                                UINT64_C(1) << (year - CALENDAR_YEAR_FIRST) % 64;
        }
}

static int lowest(uint64_t set) {
        return __builtin_ctzll(set);
}

static int highest(uint64_t set) {
        return 63 - __builtin_clzll(set);
}

void calendar_compile(struct calendar *calendar) {
        const struct calendar_chain *chains = calendar->chains;

        compile_years(calendar);
        calendar->months = (uint32_t)chain_set(&chains[CALENDAR_MONTH], 1, 12);
        calendar->hours = (uint32_t)chain_set(&chains[CALENDAR_HOUR], 0, 23);
        calendar->minutes = chain_set(&chains[CALENDAR_MINUTE], 0, 59);
        calendar->seconds = chain_set(&chains[CALENDAR_SECOND], 0, 59);

        for (int i = 0; i < 4; i++) {
                uint64_t set = calendar->end_of_month
                                       ? chain_set_from_end(&chains[CALENDAR_DAY], 28 + i)
                                       : chain_set(&chains[CALENDAR_DAY], 1, 31);

                calendar->days[i] = (uint32_t)(set & bits(0, 27 + i, 1));
        }
        for (int first = 0; first < 7; first++)
                for (int day = 0; day < 31; day++)
                        if (calendar->weekdays & 1U << (first + day) % 7)
                                calendar->weekday_days[first] |= UINT32_C(1) << day;

        calendar->first_time = lowest(calendar->hours) * 3600 + lowest(calendar->minutes) * 60 +
                               lowest(calendar->seconds);
        calendar->last_time = highest(calendar->hours) * 3600 + highest(calendar->minutes) * 60 +
                              highest(calendar->seconds);
}

/* The members of @set at or after @from, at or before @until; no more than 60 are asked for. */
static uint64_t set_from(uint64_t set, int from) {
        return set >> from << from;
}

static uint64_t set_until(uint64_t set, int until) {
        return until < 0 ? 0 : set << (63 - until) >> (63 - until);
}

/* The first time of the day at or after @second, -1 when there is none. */
static int time_next(const struct calendar *calendar, int second) {
        int h = second / 3600, m = second / 60 % 60, s = second % 60;
        uint64_t found;

        if (calendar->hours & UINT32_C(1) << h) {
                if (calendar->minutes & UINT64_C(1) << m) {
                        found = set_from(calendar->seconds, s);
                        if (found)
                                return h * 3600 + m * 60 + lowest(found);
                }
                found = set_from(calendar->minutes, m + 1);
                if (found)
                        return h * 3600 + lowest(found) * 60 + lowest(calendar->seconds);
        }
        found = set_from(calendar->hours, h + 1);
        if (!found)
                return -1;
        return lowest(found) * 3600 + lowest(calendar->minutes) * 60 + lowest(calendar->seconds);
}

/* The last time of the day at or before @second, -1 when there is none. */
static int time_previous(const struct calendar *calendar, int second) {
        int h = second / 3600, m = second / 60 % 60, s = second % 60;
        uint64_t found;

        if (calendar->hours & UINT32_C(1) << h) {
                if (calendar->minutes & UINT64_C(1) << m) {
                        found = set_until(calendar->seconds, s);
                        if (found)
                                return h * 3600 + m * 60 + highest(found);
                }
                found = set_until(calendar->minutes, m - 1);
                if (found)
                        return h * 3600 + highest(found) * 60 + highest(calendar->seconds);
        }
        found = set_until(calendar->hours, h - 1);
        if (!found)
                return -1;
        return highest(found) * 3600 + highest(calendar->minutes) * 60 + highest(calendar->seconds);
}

/* The days of a month that suit, the first in bit 0. */
static uint64_t month_days(const struct calendar *calendar, int year, int month, int64_t first) {
        int offset = year - CALENDAR_YEAR_FIRST;

        if (!(calendar->years[offset / 64] & UINT64_C(1) << offset % 64) ||
            !(calendar->months & UINT32_C(1) << (month - 1)))
                return 0;
        return calendar->days[civil_days_in_month(year, month) - 28] &
               calendar->weekday_days[civil_weekday(first)];
}

/* The first suitable day, since 1970, at or after @day; LOCAL_NONE when there is none up to
 * CALENDAR_YEAR_MAX. At most 12 steps for each of 231 years. */
static int64_t day_next(const struct calendar *calendar, int64_t day) {
        struct civil c = civil_from_days(day);
        int64_t first = day - (c.day - 1);
        int from = c.day - 1;

        for (int year = (int)c.year; year <= CALENDAR_YEAR_MAX; year++) {
                for (int month = year == c.year ? c.month : 1; month <= 12; month++) {
                        uint64_t found = set_from(month_days(calendar, year, month, first), from);

                        if (found)
                                return first + lowest(found);
                        first += civil_days_in_month(year, month);
                        from = 0;
                }
        }
        return LOCAL_NONE;
}

static int64_t day_previous(const struct calendar *calendar, int64_t day) {
        struct civil c = civil_from_days(day);
        int64_t first = day - (c.day - 1);
        int until = c.day - 1;

        for (int year = (int)c.year; year >= CALENDAR_YEAR_FIRST; year--) {
                for (int month = year == c.year ? c.month : 12; month >= 1; month--) {
                        uint64_t found = set_until(month_days(calendar, year, month, first), until);

                        if (found)
                                return first + highest(found);
                        first -= month > 1 ? civil_days_in_month(year, month - 1) : 31;
                        until = 30;
                }
        }
        return LOCAL_NONE;
}

/* The first local time of the event at or after @local, LOCAL_NONE when there is none. */
static int64_t local_next(const struct calendar *calendar, int64_t local) {
        int64_t day, found;
        int second;

        assert(local >= LOCAL_MIN);
        if (local > LOCAL_MAX)
                return LOCAL_NONE;

        day = (local - LOCAL_MIN) / SEC_PER_DAY + LOCAL_MIN / SEC_PER_DAY;
        found = day_next(calendar, day);
        if (found == day) {
                second = time_next(calendar, (int)(local - day * SEC_PER_DAY));
                if (second >= 0)
                        return day * SEC_PER_DAY + second;
                found = day_next(calendar, day + 1);
        }
        return found == LOCAL_NONE ? LOCAL_NONE : found * SEC_PER_DAY + calendar->first_time;
}

/* The last local time of the event at or before @local, LOCAL_NONE when there is none. */
static int64_t local_previous(const struct calendar *calendar, int64_t local) {
        int64_t day, found;
        int second;

        assert(local >= LOCAL_MIN);
        if (local > LOCAL_MAX)
                local = LOCAL_MAX;

        day = (local - LOCAL_MIN) / SEC_PER_DAY + LOCAL_MIN / SEC_PER_DAY;
        found = day_previous(calendar, day);
        if (found == day) {
                second = time_previous(calendar, (int)(local - day * SEC_PER_DAY));
                if (second >= 0)
                        return day * SEC_PER_DAY + second;
                found = day_previous(calendar, day - 1);
        }
        return found == LOCAL_NONE ? LOCAL_NONE : found * SEC_PER_DAY + calendar->last_time;
}

/*
 * The first instant from @from up to before @until that shows a local time of the event, over the
 * stretches of constant offset between; INT64_MAX when there is none. Here the second pass of a
 * repeated hour is found.
 */
static int64_t shown_next(const struct calendar *calendar, const struct zone *zone, int64_t from,
                          int64_t until) {
        int32_t offset = zone_offset(zone, from);
        struct zone_change change;

        while (from < until) {
                bool more = zone_next_change(zone, from, &change) && change.at < until;
                int64_t end = more ? change.at : until;
                int64_t local = local_next(calendar, from + offset);

                if (local != LOCAL_NONE && local - offset < end)
                        return local - offset;
                if (!more)
                        break;
                from = change.at;
                offset = change.after;
        }
        return INT64_MAX;
}

/* The last such instant from @from to @until, both included; INT64_MIN when there is none. */
static int64_t shown_previous(const struct calendar *calendar, const struct zone *zone,
                              int64_t from, int64_t until) {
        int32_t offset = zone_offset(zone, until);
        struct zone_change change;

        while (from <= until) {
                bool more = zone_previous_change(zone, until, &change) && change.at > from;
                int64_t begin = more ? change.at : from;
                int64_t local = local_previous(calendar, until + offset);

                if (local != LOCAL_NONE && local - offset >= begin)
                        return local - offset;
                if (!more)
                        break;
                until = change.at - 1;
                offset = change.before;
        }
        return INT64_MIN;
}

/* Whether clocks are put back so near @at that it may be in a second pass. */
static bool near_change(const struct zone *zone, int64_t at) {
        struct zone_change change;

        return zone_previous_change(zone, at + ZONE_SPAN_MAX, &change) &&
               change.at >= at - ZONE_SPAN_MAX;
}

static bool hour_is_any(const struct calendar *calendar) {
        return calendar->chains[CALENDAR_HOUR].n == 0;
}

static const struct zone *own_zone(const struct calendar *calendar, const struct zone *zone) {
        if (!calendar->zone_name)
                return zone;
        if (strcmp(calendar->zone_name, "UTC") == 0)
                return NULL;
        return calendar->zone ? calendar->zone : zone;
}

bool calendar_next(const struct calendar *calendar, const struct zone *zone, struct utc after,
                   struct utc *ret_time) {
        int64_t at = utc_seconds(after), local, instant = INT64_MAX;

        zone = own_zone(calendar, zone);
        at = MAX(at, -1);
        if (at > LOCAL_MAX + ZONE_SPAN_MAX)
                return false;

        local = local_next(calendar, zone_latest_local(zone, at) + 1);
        if (local != LOCAL_NONE)
                instant = zone_first_instant(zone, local);

        /* In a second pass: the local times that had their first before @at. */
        if (hour_is_any(calendar) && near_change(zone, at))
                instant = MIN(instant, shown_next(calendar, zone, at + 1,
                                                  MIN(instant, at + ZONE_SPAN_MAX + 1)));
        if (instant == INT64_MAX)
                return false;

        *ret_time = utc_from_seconds(instant);
        return true;
}

bool calendar_previous(const struct calendar *calendar, const struct zone *zone, struct utc at_time,
                       struct utc *ret_time) {
        int64_t at = utc_seconds(at_time), local, instant;

        zone = own_zone(calendar, zone);
        at = MIN(at, LOCAL_MAX + ZONE_SPAN_MAX);
        if (at < 0)
                return false;

        local = local_previous(calendar, zone_latest_local(zone, at));
        if (local == LOCAL_NONE)
                return false;
        instant = zone_first_instant(zone, local);

        /* Second passes up to @at; none shows a later local time than @local, which is the last. */
        if (hour_is_any(calendar) && near_change(zone, instant))
                instant = MAX(instant, shown_previous(calendar, zone, instant + 1,
                                                      MIN(at, instant + ZONE_SPAN_MAX)));
        if (instant < 0)
                return false;

        *ret_time = utc_from_seconds(instant);
        return true;
}

bool calendar_elapses(const struct calendar *calendar) {
        int64_t local = local_next(calendar, 0);

        return local != LOCAL_NONE;
}

const char *calendar_zone_name(const struct calendar *calendar) {
        return calendar->zone_name;
}

size_t calendar_zone_position(const struct calendar *calendar) {
        return calendar->zone_position;
}

void calendar_bind_zone(struct calendar *calendar, const struct zone *zone) {
        calendar->zone = zone;
}
