/*
 * The peak of a series, by the bound that proofs.h argues for.
 */
#include "core/proofs-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Above it nobody needs the exact bound, and the search for it would cost. */
#define PEAK_EXACT_MAX 100000

void slot_counter_deinit(struct slot_counter *counter) {
        free(counter->slots);
        *counter = (struct slot_counter){};
}

/* Goes through the slots after @begin, to @until or further. Returns whether they end before. */
static bool walk(const struct schedule *events, const struct zone *zone, struct utc begin,
                 struct utc until, struct slot_counter *c) {
        struct utc slot = begin;

        for (c->n = 0; c->n < WALK_MOST; c->slots[c->n++] = utc_seconds(slot)) {
                if (!schedule_next(events, zone, slot, &slot))
                        return true;
                if (slot.ticks > until.ticks && c->n >= WALK_LEAST)
                        break;
        }
        return false;
}

int slot_counter_init(struct slot_counter *counter, const struct policy *policy, struct utc now) {
        _cleanup_(freep) struct schedule_item *events = NULL;
        struct utc until = utc_add_seconds(now, WALK_SPAN_S);
        struct utc before = utc_add_seconds(now, -WALK_SPAN_S);
        struct slot_counter c = {.schedule = &policy->schedule};
        struct schedule walked = {};

        events = calloc(policy->schedule.n + 1, sizeof(*events));
        if (!events)
                return -ENOMEM;

        walked.items = events;
        for (size_t i = 0; i < policy->schedule.n; i++)
                if (policy->schedule.items[i].kind == SCHEDULE_CALENDAR)
                        events[walked.n++] = policy->schedule.items[i];

        if (walked.n > 0) {
                c.slots = calloc(WALK_MOST, sizeof(*c.slots));
                if (!c.slots)
                        return -ENOMEM;
                /* The few slots that are left of a schedule that ends show neither how dense it was
                 * nor that nothing follows them. Seen together with those of the years before they
                 * do. */
                if (walk(&walked, policy->zone, now, until, &c) &&
                    walk(&walked, policy->zone, before, until, &c) && c.n > 0)
                        c.span_s = c.slots[c.n - 1] - utc_seconds(before);
                else if (c.n > 0)
                        c.span_s = c.slots[c.n - 1] - c.slots[0] + 1;
        }

        *counter = c;
        return 0;
}

static uint64_t div_up(uint64_t value, uint64_t divisor) {
        return value / divisor + (value % divisor != 0);
}

/* The slots of the walk in its fullest window. */
static uint64_t walk_most(const struct slot_counter *counter, int64_t window_s) {
        uint64_t most = 0;

        for (size_t begin = 0, end = 0; begin < counter->n; begin++) {
                while (end < counter->n && counter->slots[end] - counter->slots[begin] < window_s)
                        end++;
                most = MAX(most, end - begin);
        }
        return most;
}

uint64_t slot_counter_most(const struct slot_counter *counter, int64_t window_s) {
        uint64_t most = 0;

        assert(window_s > 0);
        for (size_t i = 0; i < counter->schedule->n; i++)
                if (counter->schedule->items[i].kind == SCHEDULE_EVERY)
                        most += div_up((uint64_t)window_s,
                                       (uint64_t)counter->schedule->items[i].period_s);
        if (counter->n == 0)
                return most;

        /* A window longer than the walk is covered by several of the walk's length. */
        if (window_s > counter->span_s)
                return most + div_up((uint64_t)window_s, (uint64_t)counter->span_s) * counter->n;
        return most + walk_most(counter, window_s);
}

/* Hours, days and so on within a longer period: the most by the calendar. A clock change adds up to
 * two hours (Antarctica/Troll), so two parts of an hour. 0 where one is no part of the other. */
static uint64_t parts_most(enum keep_rule part, enum keep_rule whole) {
        static const uint16_t most[_KEEP_RULE_N][_KEEP_RULE_N] = {
                [KEEP_HOURLY] = {[KEEP_DAILY] = 24 + 2,
                                 [KEEP_WEEKLY] = 7 * 24 + 2,
                                 [KEEP_MONTHLY] = 31 * 24 + 2,
                                 [KEEP_YEARLY] = 366 * 24 + 2},
                [KEEP_DAILY] = {[KEEP_WEEKLY] = 7, [KEEP_MONTHLY] = 31, [KEEP_YEARLY] = 366},
                [KEEP_MONTHLY] = {[KEEP_YEARLY] = 12},
        };

        return most[part][whole];
}

struct peak {
        const struct keep *keep;
        uint64_t slots[_KEEP_RULE_N]; /* at most, in one period of the rule; at least 1 */
};

/* Of the choices of @rule, how many a run of @run newest, or a finer rule, surely has already. */
static uint64_t overlap(const struct peak *peak, enum keep_rule rule, uint64_t run) {
        uint64_t most = run > 0 ? div_up(run, peak->slots[rule]) - 1 : 0;

        for (enum keep_rule part = KEEP_HOURLY; part < rule; part++) {
                uint64_t parts = MIN(parts_most(part, rule), peak->slots[rule]);

                if (parts > 0 && peak->keep->count[part] > 0)
                        most = MAX(most, div_up(peak->keep->count[part], parts) - 1);
        }
        return most;
}

static uint64_t kept_with_run(const struct peak *peak, uint64_t run) {
        uint64_t sum = run;

        for (enum keep_rule rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++) {
                uint64_t count = peak->keep->count[rule], shared;

                if (count == 0)
                        continue;
                shared = overlap(peak, rule, run);
                sum += count - MIN(count, shared);
        }
        return sum;
}

uint64_t peak_bound(const struct policy *policy, const struct slot_counter *counter) {
        /* Two hours more than the calendar has, for a clock that is put back. */
        static const int64_t lengths[_KEEP_RULE_N] = {
                [KEEP_HOURLY] = SEC_PER_HOUR,
                [KEEP_DAILY] = 26 * SEC_PER_HOUR,
                [KEEP_WEEKLY] = 7 * SEC_PER_DAY + 2 * SEC_PER_HOUR,
                [KEEP_MONTHLY] = 31 * SEC_PER_DAY + 2 * SEC_PER_HOUR,
                [KEEP_YEARLY] = 366 * SEC_PER_DAY + 2 * SEC_PER_HOUR,
        };
        struct peak peak = {.keep = &policy->keep};
        uint64_t shortest, longest, most = 0;

        if (!policy->has_keep || policy->prune == PRUNE_OFF || keep_is_empty(&policy->keep))
                return PROOF_UNBOUNDED;

        for (enum keep_rule rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++)
                peak.slots[rule] = MAX(slot_counter_most(counter, lengths[rule]), UINT64_C(1));

        shortest = MAX(policy->keep.count[KEEP_LAST], policy->min_keep);
        longest = shortest;
        if (policy->keep.within_s > 0)
                longest = MAX(longest, slot_counter_most(counter, policy->keep.within_s) + 1);
        if (policy->min_age_s > 0)
                longest = MAX(longest, slot_counter_most(counter, policy->min_age_s) + 1);

        /* A longer run can share one more choice with several rules at once, so that the longest run
         * is not always the worst. */
        if (longest - shortest > PEAK_EXACT_MAX)
                return longest + kept_with_run(&peak, 0) + 1;
        for (uint64_t run = shortest; run <= longest; run++)
                most = MAX(most, kept_with_run(&peak, run));
        return most + 1;
}

int proof_peak(const struct policy *policy, struct utc now, uint64_t *ret_peak) {
        struct slot_counter counter;
        int r;

        r = slot_counter_init(&counter, policy, now);
        if (r < 0)
                return r;

        *ret_peak = peak_bound(policy, &counter);
        slot_counter_deinit(&counter);
        return 0;
}
