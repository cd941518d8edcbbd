#include "core/retention.h"

#include "core/retention-period.h"
#include "core/zone.h"

#include <errno.h>
#include <stdlib.h>

/* A point that counts. */
struct entry {
        int64_t slot, instant; /* ticks */
        int64_t slot_s;
        int32_t offset; /* of the zone at the slot */
        unsigned state;
        size_t index;
        struct verdict *verdict;
};

/* An entry in its period, for one rule. */
struct member {
        struct period period;
        size_t rank; /* in the entries, 0 is the newest */
};

const char *keep_rule_name(enum keep_rule rule) {
        static const char *const names[] = {
                [KEEP_LAST] = "last",     [KEEP_HOURLY] = "hourly",   [KEEP_DAILY] = "daily",
                [KEEP_WEEKLY] = "weekly", [KEEP_MONTHLY] = "monthly", [KEEP_YEARLY] = "yearly",
        };

        return names[rule];
}

bool keep_is_empty(const struct keep *keep) {
        for (size_t i = 0; i < _KEEP_RULE_N; i++)
                if (keep->count[i] > 0)
                        return false;
        return keep->within_s <= 0;
}

/* Newest first. */
static int entry_compare(const void *pa, const void *pb) {
        const struct entry *a = pa, *b = pb;
        int c;

        c = CMP(b->slot, a->slot);
        if (c == 0)
                c = CMP(b->instant, a->instant);
        if (c == 0)
                c = CMP(a->state & POINT_HELD, b->state & POINT_HELD);
        if (c == 0)
                c = CMP(b->index, a->index);
        return c;
}

/* Newest first: within a period the entries stay in their order. */
static int member_compare(const void *pa, const void *pb) {
        const struct member *a = pa, *b = pb;
        int c = period_compare(&b->period, &a->period);

        return c != 0 ? c : CMP(a->rank, b->rank);
}

/* Series come in order as a rule; then there is nothing to sort. */
static void entries_sort(struct entry *entries, size_t n) {
        for (size_t i = 1; i < n; i++)
                if (entry_compare(&entries[i - 1], &entries[i]) > 0) {
                        qsort(entries, n, sizeof(*entries), entry_compare);
                        return;
                }
}

/* Periods follow the slots, but where a zone's clock goes back over midnight. */
static void members_sort(struct member *members, size_t n) {
        for (size_t i = 1; i < n; i++)
                if (member_compare(&members[i - 1], &members[i]) > 0) {
                        qsort(members, n, sizeof(*members), member_compare);
                        return;
                }
}

/* Sets what does not depend on other points. Returns whether the point counts. */
static bool point_begin(const struct retention_point *point, bool rules, struct utc now,
                        struct verdict *verdict) {
        *verdict = (struct verdict){};
        if (point->state & POINT_HELD)
                verdict->kept_by |= VERDICT_HELD;

        if (!(point->state & POINT_COMPLETE)) {
                verdict->kept_by |= VERDICT_NOT_COMPLETE;
                return false;
        }
        if (!rules)
                verdict->kept_by |= VERDICT_NO_RULE;
        if (point->slot.ticks > now.ticks || point->instant.ticks > now.ticks) {
                verdict->kept_by |= VERDICT_FUTURE;
                return false;
        }
        return true;
}

/* Whether b is less than @seconds later than a, or a is not known, which might be. Both can be any instant,
 * and @seconds anything. */
static bool is_within(int64_t a, int64_t b, int64_t seconds) {
        int64_t ticks, distance;

        if (seconds <= 0)
                return false;
        if (a == UTC_NONE.ticks || __builtin_mul_overflow(seconds, TICKS_PER_SEC, &ticks))
                return true;
        if (__builtin_sub_overflow(b, a, &distance))
                return b < a;
        return distance < ticks;
}

static void judge_newest(struct entry *entries, size_t n, uint32_t last, uint32_t min_keep) {
        for (size_t i = 0; i < n && (i < last || i < min_keep); i++) {
                struct verdict *verdict = entries[i].verdict;

                if (i < last) {
                        verdict->kept_by |= VERDICT_RULE(KEEP_LAST);
                        verdict->place[KEEP_LAST] = (uint32_t)i + 1;
                }
                if (i < min_keep)
                        verdict->kept_by |= VERDICT_MIN_KEEP;
        }
}

static void judge_ages(struct entry *entries, size_t n, int64_t within_s, int64_t min_age_s,
                       struct utc now) {
        int64_t newest = INT64_MIN;

        for (size_t i = 0; i < n; i++)
                newest = MAX(newest, entries[i].instant);
        for (size_t i = 0; i < n; i++) {
                if (is_within(entries[i].instant, newest, within_s))
                        entries[i].verdict->kept_by |= VERDICT_WITHIN;
                if (is_within(entries[i].instant, now.ticks, min_age_s))
                        entries[i].verdict->kept_by |= VERDICT_MIN_AGE;
        }
}

static void judge_periods(struct entry *entries, size_t n, enum keep_rule rule, uint32_t count,
                          enum keep_pick pick, struct member *members) {
        uint32_t place = 0;

        for (size_t i = 0; i < n; i++)
                members[i] =
                        (struct member){period_of(rule, entries[i].slot_s, entries[i].offset), i};
        members_sort(members, n);

        for (size_t begin = 0, end; begin < n && place < count; begin = end) {
                struct verdict *verdict;

                end = begin + 1;
                while (end < n && period_compare(&members[begin].period, &members[end].period) == 0)
                        end++;

                verdict = entries[members[pick == PICK_FIRST ? end - 1 : begin].rank].verdict;
                verdict->kept_by |= VERDICT_RULE(rule);
                verdict->place[rule] = ++place;
        }
}

int retention_judge(const struct retention_point *points, size_t n, const struct keep *keep,
                    const struct zone *zone, const struct retention_floors *floors, struct utc now,
                    struct verdict *ret_verdicts) {
        static const struct retention_floors no_floors = {};
        _cleanup_(freep) struct entry *entries = NULL;
        _cleanup_(freep) struct member *members = NULL;
        bool rules = keep && !keep_is_empty(keep);
        size_t n_entries = 0;

        /* One more, so that none is not a request for no memory. */
        entries = calloc(n + 1, sizeof(*entries));
        members = calloc(n + 1, sizeof(*members));
        if (!entries || !members)
                return -ENOMEM;

        /* From the end, since the world has its rows oldest first. */
        for (size_t i = n; i-- > 0;) {
                const struct retention_point *point = &points[i];

                if (!point_begin(point, rules, now, &ret_verdicts[i]) || !rules)
                        continue;

                entries[n_entries++] = (struct entry){
                        .slot = point->slot.ticks,
                        .instant = point->instant.ticks,
                        .slot_s = utc_seconds(point->slot),
                        .offset = zone_offset(zone, utc_seconds(point->slot)),
                        .state = point->state,
                        .index = i,
                        .verdict = &ret_verdicts[i],
                };
        }
        if (!rules)
                return 0;

        if (!floors)
                floors = &no_floors;

        entries_sort(entries, n_entries);
        judge_newest(entries, n_entries, keep->count[KEEP_LAST], floors->min_keep);
        judge_ages(entries, n_entries, keep->within_s, floors->min_age_s, now);
        for (enum keep_rule rule = KEEP_HOURLY; rule < _KEEP_RULE_N; rule++)
                if (keep->count[rule] > 0)
                        judge_periods(entries, n_entries, rule, keep->count[rule], keep->pick,
                                      members);
        return 0;
}
