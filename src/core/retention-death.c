/*
 * Dates of death. retention.h says what is assumed and why the rule need not be run.
 */
#include "base/array.h"
#include "core/retention-period.h"
#include "core/schedule.h"
#include "core/zone.h"

#include <errno.h>
#include <stdlib.h>

/* A rule of N things has no use for more than N of what comes, and N has this bound; min_keep may be
 * any, and then the forecast ends here. */
#define COMING_MAX KEEP_COUNT_MAX

/* The starts of the things that come and count for one rule, in their order, as far as asked for. */
struct coming {
        struct utc *starts;
        size_t n, capacity;
        struct utc slot;      /* the last one's; at first the newest slot that counts */
        struct period period; /* the last one's; at first that of the newest that counts */
        bool has_period;
        bool ended;
};

struct forecast {
        const struct zone *zone;
        const struct retention_future *future;
        struct utc newest_slot;            /* of those that count; UTC_NONE when there is none */
        struct coming any;                 /* every slot */
        struct coming rules[_KEEP_RULE_N]; /* the first slot of each further period */
};

static void forecast_deinit(struct forecast *f) {
        free(f->any.starts);
        for (size_t i = 0; i < _KEEP_RULE_N; i++)
                free(f->rules[i].starts);
}

static struct utc utc_add_saturating(struct utc time, int64_t seconds) {
        int64_t ticks;

        if (__builtin_mul_overflow(seconds, TICKS_PER_SEC, &ticks) ||
            __builtin_add_overflow(time.ticks, ticks, &ticks))
                return seconds < 0 ? UTC_NONE : UTC_NEVER;
        return (struct utc){ticks};
}

static struct period period_at(const struct forecast *f, enum keep_rule rule, int64_t seconds) {
        return period_of(rule, seconds, zone_offset(f->zone, seconds));
}

/* The first slot to come after @after. False when there is none that starts up to the horizon. */
static bool next_slot(const struct forecast *f, struct utc after, struct utc *ret_slot,
                      struct utc *ret_start) {
        struct utc begun = utc_add_saturating(f->future->now, -f->future->jitter_s);

        after.ticks = MAX(after.ticks, MAX(begun.ticks, f->newest_slot.ticks));
        if (!f->future->schedule ||
            !schedule_next(f->future->schedule, f->future->zone, after, ret_slot))
                return false;

        *ret_start = utc_add_saturating(*ret_slot, f->future->jitter_s);
        return ret_start->ticks <= f->future->horizon.ticks;
}

/* The last second of the period that holds @seconds. Periods are taken to follow time. */
static int64_t period_end(const struct forecast *f, enum keep_rule rule, int64_t seconds) {
        /* Longer than any period of the rule, plus a day for what a zone can do to its clock. */
        static const int64_t spans[_KEEP_RULE_N] = {
                [KEEP_HOURLY] = 2 * SEC_PER_HOUR,  [KEEP_DAILY] = 2 * SEC_PER_DAY,
                [KEEP_WEEKLY] = 8 * SEC_PER_DAY,   [KEEP_MONTHLY] = 32 * SEC_PER_DAY,
                [KEEP_YEARLY] = 367 * SEC_PER_DAY,
        };
        struct period period = period_at(f, rule, seconds);
        int64_t in = seconds, out = seconds + spans[rule] + SEC_PER_DAY;

        while (out - in > 1) {
                int64_t middle = in + (out - in) / 2;
                struct period other = period_at(f, rule, middle);

                if (period_compare(&other, &period) <= 0)
                        in = middle;
                else
                        out = middle;
        }
        return in;
}

/* Finds the next thing for the rule: a slot, or (rule is not KEEP_LAST) one of a further period. */
static bool coming_find(const struct forecast *f, struct coming *c, enum keep_rule rule,
                        struct utc *ret_start) {
        struct period period;
        struct utc slot;

        if (!next_slot(f, c->slot, &slot, ret_start))
                return false;

        if (rule != KEEP_LAST) {
                period = period_at(f, rule, utc_seconds(slot));
                if (c->has_period && period_compare(&period, &c->period) <= 0) {
                        int64_t end = period_end(f, rule, utc_seconds(slot));

                        if (!next_slot(f, utc_from_seconds(end), &slot, ret_start))
                                return false;
                        period = period_at(f, rule, utc_seconds(slot));
                }
                c->period = period;
                c->has_period = true;
        }
        c->slot = slot;
        return true;
}

/* The start of the @k-th thing to come, k from 1; UTC_NEVER past the horizon. */
static int coming_at(const struct forecast *f, struct coming *c, enum keep_rule rule, uint64_t k,
                     struct utc *ret_start) {
        while (c->n < k && !c->ended) {
                struct utc start;
                int r;

                if (c->n == COMING_MAX || !coming_find(f, c, rule, &start)) {
                        c->ended = true;
                        break;
                }

                r = array_grow(&c->starts, c->n, &c->capacity, sizeof(*c->starts), COMING_MAX);
                if (r < 0)
                        return r;
                c->starts[c->n++] = start;
        }
        *ret_start = k <= c->n ? c->starts[k - 1] : UTC_NEVER;
        return 0;
}

static void forecast_begin(struct forecast *f, const struct retention_point *points, size_t n,
                           const struct verdict *verdicts) {
        f->newest_slot = UTC_NONE;
        for (size_t i = 0; i < n; i++) {
                if (verdicts[i].kept_by & (VERDICT_NOT_COMPLETE | VERDICT_FUTURE))
                        continue;

                f->newest_slot.ticks = MAX(f->newest_slot.ticks, points[i].slot.ticks);
                for (enum keep_rule rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++) {
                        struct period period = period_at(f, rule, utc_seconds(points[i].slot));
                        struct coming *c = &f->rules[rule];

                        if (!c->has_period || period_compare(&period, &c->period) > 0)
                                c->period = period;
                        c->has_period = true;
                }
        }

        f->any.slot = f->newest_slot;
        for (size_t i = 0; i < _KEEP_RULE_N; i++)
                f->rules[i].slot = f->newest_slot;
}

/* When the rule of periods lets the point at @place of @count go. @newest is whether the first slot
 * to come takes the place of the newest choice: with pick last, in the same period. */
static int period_lets_go(struct forecast *f, const struct keep *keep, enum keep_rule rule,
                          uint32_t place, const struct period *newest, struct utc *ret_when) {
        struct utc slot, start;

        if (keep->pick == PICK_LAST && place == 1 && next_slot(f, f->newest_slot, &slot, &start)) {
                struct period period = period_at(f, rule, utc_seconds(slot));

                if (period_compare(&period, newest) == 0) {
                        *ret_when = start;
                        return 0;
                }
        }
        return coming_at(f, &f->rules[rule], rule, (uint64_t)keep->count[rule] - place + 1,
                         ret_when);
}

/* @rank is the point's place among those that count, from 1 for the newest. */
static int point_death(struct forecast *f, const struct retention_point *point,
                       const struct verdict *verdict, uint32_t rank, const struct keep *keep,
                       const struct retention_floors *floors, const struct period *newest,
                       struct utc *ret_when) {
        struct utc when = f->future->now, t, slot;
        int r;

        /* Young for good, as far as anybody can say. */
        if ((verdict->kept_by & (VERDICT_WITHIN | VERDICT_MIN_AGE)) &&
            !utc_is_set(point->instant)) {
                *ret_when = UTC_NEVER;
                return 0;
        }
        if (verdict->kept_by & VERDICT_RULE(KEEP_LAST)) {
                r = coming_at(f, &f->any, KEEP_LAST, (uint64_t)keep->count[KEEP_LAST] - rank + 1,
                              &t);
                if (r < 0)
                        return r;
                when.ticks = MAX(when.ticks, t.ticks);
        }
        if (verdict->kept_by & VERDICT_MIN_KEEP) {
                r = coming_at(f, &f->any, KEEP_LAST, (uint64_t)floors->min_keep - rank + 1, &t);
                if (r < 0)
                        return r;
                when.ticks = MAX(when.ticks, t.ticks);
        }
        for (enum keep_rule rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++) {
                if (!(verdict->kept_by & VERDICT_RULE(rule)))
                        continue;

                r = period_lets_go(f, keep, rule, verdict->place[rule], &newest[rule], &t);
                if (r < 0)
                        return r;
                when.ticks = MAX(when.ticks, t.ticks);
        }
        if (verdict->kept_by & VERDICT_WITHIN) {
                /* The newest must be at least within_s later than the point. */
                struct utc from = utc_add_saturating(point->instant, keep->within_s);

                from = utc_add_saturating(from, -f->future->jitter_s);
                from.ticks -= from.ticks > INT64_MIN;
                when.ticks = MAX(when.ticks, next_slot(f, from, &slot, &t) ? t.ticks : INT64_MAX);
        }
        if (verdict->kept_by & VERDICT_MIN_AGE)
                when.ticks = MAX(when.ticks,
                                 utc_add_saturating(point->instant, floors->min_age_s).ticks);

        *ret_when = when.ticks > f->future->horizon.ticks ? UTC_NEVER : when;
        return 0;
}

/* The places of all that count in the order of the real rule: last, for as many as there are. */
static int rank_points(const struct retention_point *points, size_t n, struct utc now,
                       struct verdict *ret_ranks) {
        static const struct keep all = {.count[KEEP_LAST] = UINT32_MAX};

        return retention_judge(points, n, &all, NULL, NULL, now, ret_ranks);
}

int retention_deaths(const struct retention_point *points, size_t n, const struct keep *keep,
                     const struct zone *zone, const struct retention_floors *floors,
                     const struct retention_future *future, struct utc *ret_when) {
        static const unsigned forever =
                VERDICT_HELD | VERDICT_NOT_COMPLETE | VERDICT_NO_RULE | VERDICT_FUTURE;
        static const struct retention_floors no_floors = {};
        _cleanup_(freep) struct verdict *verdicts = NULL, *ranks = NULL;
        struct forecast f = {.zone = zone, .future = future};
        struct period newest[_KEEP_RULE_N];
        int r;

        verdicts = calloc(n + 1, sizeof(*verdicts));
        ranks = calloc(n + 1, sizeof(*ranks));
        if (!verdicts || !ranks)
                return -ENOMEM;

        if (!floors)
                floors = &no_floors;

        r = retention_judge(points, n, keep, zone, floors, future->now, verdicts);
        if (r < 0)
                return r;

        r = rank_points(points, n, future->now, ranks);
        if (r < 0)
                return r;

        forecast_begin(&f, points, n, verdicts);
        for (size_t i = 0; i < _KEEP_RULE_N; i++)
                newest[i] = f.rules[i].period;

        for (size_t i = 0; i < n && r == 0; i++) {
                if (verdicts[i].kept_by & forever)
                        ret_when[i] = UTC_NEVER;
                else
                        r = point_death(&f, &points[i], &verdicts[i], ranks[i].place[KEEP_LAST],
                                        keep, floors, newest, &ret_when[i]);
        }

        forecast_deinit(&f);
        return r;
}

int retention_death(const struct retention_point *points, size_t n, size_t index,
                    const struct keep *keep, const struct zone *zone,
                    const struct retention_floors *floors, const struct retention_future *future,
                    struct utc *ret_when) {
        _cleanup_(freep) struct utc *all = NULL;
        int r;

        all = calloc(n, sizeof(*all));
        if (!all)
                return -ENOMEM;

        r = retention_deaths(points, n, keep, zone, floors, future, all);
        if (r < 0)
                return r;

        *ret_when = all[index];
        return 0;
}
