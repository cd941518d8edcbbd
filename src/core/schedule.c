#include "core/schedule.h"

#include "base/macros.h"
#include "base/sha256.h"
#include "core/calendar.h"

#include <stdlib.h>

/* How many slots schedule_jitter_bound() walks, and from when. */
#define JITTER_WALK 400
#define JITTER_WALK_FROM INT64_C(1704067200) /* 2024-01-01T00:00:00Z */

void schedule_deinit(struct schedule *schedule) {
        for (size_t i = 0; i < schedule->n; i++)
                calendar_free(schedule->items[i].calendar);
        free(schedule->items);
        *schedule = (struct schedule){};
}

/* Rounded towards the past, also before 1970. @divisor is positive. */
static int64_t floor_div(int64_t value, int64_t divisor) {
        int64_t q = value / divisor;

        return value % divisor < 0 ? q - 1 : q;
}

/* The last slot at or before @at_s, @steps periods later. False when it does not fit the years 1 to
 * 9999; arithmetic that overflows (a period of billions of years) is outside them too. */
static bool every_slot(const struct schedule_item *item, int64_t at_s, int64_t steps,
                       int64_t *ret_s) {
        int64_t s;

        if (__builtin_sub_overflow(at_s, item->offset_s, &s) ||
            __builtin_mul_overflow(floor_div(s, item->period_s) + steps, item->period_s, &s) ||
            __builtin_add_overflow(s, item->offset_s, &s))
                return false;
        if (s < UTC_MIN_SECONDS || s > UTC_MAX_SECONDS)
                return false;

        *ret_s = s;
        return true;
}

bool schedule_next(const struct schedule *schedule, const struct zone *zone, struct utc after,
                   struct utc *ret_slot) {
        /* A slot is a whole second, so it is after @after when it is after its second. */
        int64_t after_s = MAX(utc_seconds(after), UTC_MIN_SECONDS - 1), best = INT64_MAX;

        for (size_t i = 0; i < schedule->n; i++) {
                const struct schedule_item *item = &schedule->items[i];
                struct utc slot;
                int64_t s;

                switch (item->kind) {
                case SCHEDULE_EVERY:
                        if (every_slot(item, after_s, /* steps= */ 1, &s))
                                best = MIN(best, s);
                        break;
                case SCHEDULE_CALENDAR:
                        if (after_s <= UTC_MAX_SECONDS &&
                            calendar_next(item->calendar, zone, utc_from_seconds(after_s), &slot))
                                best = MIN(best, utc_seconds(slot));
                        break;
                }
        }
        if (best == INT64_MAX)
                return false;

        *ret_slot = utc_from_seconds(best);
        return true;
}

bool schedule_previous(const struct schedule *schedule, const struct zone *zone, struct utc at,
                       struct utc *ret_slot) {
        int64_t at_s = MIN(utc_seconds(at), UTC_MAX_SECONDS), best = INT64_MIN;

        for (size_t i = 0; i < schedule->n; i++) {
                const struct schedule_item *item = &schedule->items[i];
                struct utc slot;
                int64_t s;

                switch (item->kind) {
                case SCHEDULE_EVERY:
                        if (every_slot(item, at_s, /* steps= */ 0, &s))
                                best = MAX(best, s);
                        break;
                case SCHEDULE_CALENDAR:
                        if (at_s >= UTC_MIN_SECONDS &&
                            calendar_previous(item->calendar, zone, utc_from_seconds(at_s), &slot))
                                best = MAX(best, utc_seconds(slot));
                        break;
                }
        }
        if (best == INT64_MIN)
                return false;

        *ret_slot = utc_from_seconds(best);
        return true;
}

/* @time - @seconds, held within what an instant can be. */
static struct utc utc_before(struct utc time, int64_t seconds) {
        int64_t ticks;

        if (__builtin_mul_overflow(seconds, TICKS_PER_SEC, &ticks) ||
            __builtin_sub_overflow(time.ticks, ticks, &ticks))
                return seconds < 0 ? UTC_NEVER : UTC_NONE;
        return (struct utc){ticks};
}

bool schedule_next_start(const struct schedule *schedule, const struct zone *zone, int64_t jitter_s,
                         struct utc after, struct utc *ret_start) {
        struct utc slot;

        if (!schedule_next(schedule, zone, utc_before(after, jitter_s), &slot))
                return false;

        *ret_start = utc_before(slot, -jitter_s);
        return true;
}

bool schedule_fills(struct utc slot, struct utc instant) {
        return instant.ticks >= utc_before(slot, SCHEDULE_EARLY_MAX_S).ticks;
}

bool schedule_due(const struct schedule *schedule, const struct zone *zone, int64_t jitter_s,
                  bool catch_up, struct utc filled, struct utc now, struct utc *ret_slot) {
        struct utc slot, next;

        if (!schedule_previous(schedule, zone, utc_before(now, jitter_s), &slot))
                return false;

        if (filled.ticks <= now.ticks && slot.ticks <= filled.ticks)
                return false;

        if (!catch_up) {
                int64_t late_s = SCHEDULE_LATE_MAX_S;

                if (schedule_next(schedule, zone, slot, &next))
                        late_s = MIN(late_s, (utc_seconds(next) - utc_seconds(slot)) / 2);
                if (utc_before(now, jitter_s).ticks - slot.ticks > late_s * TICKS_PER_SEC)
                        return false;
        }

        *ret_slot = slot;
        return true;
}

unsigned schedule_missed(const struct schedule *schedule, const struct zone *zone, int64_t jitter_s,
                         struct utc filled, struct utc now, unsigned limit) {
        struct utc slot = filled, started = utc_before(now, jitter_s);
        unsigned n = 0;

        if (!utc_is_set(filled))
                return 0;

        /* Counts the slots after the filled one whose start has come; the newest of them is due. */
        while (n <= limit && schedule_next(schedule, zone, slot, &slot) &&
               slot.ticks <= started.ticks)
                n++;
        return n == 0 ? 0 : n - 1;
}

void schedule_gaps(const struct schedule *schedule, const struct zone *zone, struct utc from,
                   struct utc until, unsigned least, unsigned steps,
                   struct schedule_gaps *ret_gaps) {
        struct schedule_gaps gaps = {.shortest_s = INT64_MAX, .first = UTC_NONE, .last = UTC_NONE};
        bool simple = schedule->n == 1 && schedule->items[0].kind == SCHEDULE_EVERY;
        struct utc slot = from;

        while (gaps.n < steps) {
                if (!schedule_next(schedule, zone, slot, &slot)) {
                        gaps.ends = true;
                        break;
                }
                if (gaps.n >= least && slot.ticks > until.ticks)
                        break;

                if (gaps.n++ == 0)
                        gaps.first = slot;
                else {
                        int64_t gap_s = utc_seconds(slot) - utc_seconds(gaps.last);

                        gaps.shortest_s = MIN(gaps.shortest_s, gap_s);
                        gaps.longest_s = MAX(gaps.longest_s, gap_s);
                }
                gaps.last = slot;
                if (simple && gaps.n == 2)
                        break;
        }
        *ret_gaps = gaps;
}

int64_t schedule_jitter_bound(const struct schedule *schedule, const struct zone *zone,
                              int64_t max_jitter_s) {
        struct utc from = utc_from_seconds(JITTER_WALK_FROM - 1);
        struct schedule_gaps gaps;

        if (max_jitter_s <= 0)
                return 0;

        schedule_gaps(schedule, zone, from, from, JITTER_WALK, JITTER_WALK, &gaps);
        return MIN(max_jitter_s, gaps.shortest_s);
}

int schedule_jitter_below(const char *disk_key, int64_t bound_s, int64_t *ret_jitter_s) {
        /* The first field keeps other uses of the same hash apart. */
        const char *fields[] = {"jitter", disk_key};
        uint8_t digest[SHA256_SIZE];
        uint64_t value = 0;
        int r;

        if (bound_s <= 0) {
                *ret_jitter_s = 0;
                return 0;
        }

        r = sha256_fields(fields, ARRAY_SIZE(fields), digest);
        if (r < 0)
                return r;

        for (size_t i = 0; i < sizeof(value); i++)
                value = value << 8 | digest[i];
        *ret_jitter_s = (int64_t)(value % (uint64_t)bound_s);
        return 0;
}

int schedule_jitter(const struct schedule *schedule, const struct zone *zone, const char *disk_key,
                    int64_t max_jitter_s, int64_t *ret_jitter_s) {
        return schedule_jitter_below(disk_key, schedule_jitter_bound(schedule, zone, max_jitter_s),
                                     ret_jitter_s);
}
