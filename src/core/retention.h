/*
 * retention: which snapshots of a series stay, and why (DESIGN section 4, "Retention").
 *
 * A pure function of points, rule and floors. Rules are OR-ed: each keeps what it keeps, and a
 * floor only ever keeps more. The result is the same whatever the order of the points, and pruning
 * twice equals pruning once. It takes O(n log n).
 *
 * It knows no Azure: what is complete, held or under way is said by the caller.
 *
 * What counts. A point *counts* when it is complete and not of the future; a held one counts like
 * any other. Every rule and floor below looks at the points that count and at no others:
 *
 * - An incomplete one is no backup. If it counted, a row of failures would push every good one out.
 * - One of the future has its slot or its instant after now: a clock was wrong, or a tag is. It is
 *   kept and reported. If it counted, some of them would fill `last` and `min_keep` and be the newest
 *   of `within`, and the good ones would go.
 *
 * The points that count are ordered by slot; those of equal slot by instant. "Newest" means last in
 * this order, but for `within`, which asks for instants.
 *
 * - last N: the newest N points.
 * - hourly, daily, weekly, monthly, yearly N: of the newest N periods that have a point that counts,
 *   the first or the last point each (pick). Periods are those of the slot in the zone's local time.
 *   A week is that of ISO 8601: it begins on Monday and is whole across New Year. An hour is known by
 *   the local hour and the offset from UTC: the hour that autumn repeats is two.
 * - within D: every point whose instant is later than the newest instant minus D. The end is open, as
 *   with restic: a point of an hourly series at `within: 2d` is one of 48, not of 49.
 * - min_keep N: the newest N points. min_age D: every point younger than D at now, by its instant.
 *
 * With pick first and no older points coming in, nothing ever comes to be kept by a rule that did
 * not keep it before: newer points only take away. So a point that was dropped would never have been
 * asked for again, and a choice never moves later. With pick last the choice of the current period
 * moves to each newer point, and the same holds.
 */
#pragma once

#include "base/macros.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone;
struct schedule;
struct strbuf;

/* Chosen: no count above it can be met by a chain of 500 (FACTS section 4). */
#define KEEP_COUNT_MAX 100000

enum keep_rule {
        KEEP_LAST,
        KEEP_HOURLY,
        KEEP_DAILY,
        KEEP_WEEKLY,
        KEEP_MONTHLY,
        KEEP_YEARLY,
        _KEEP_RULE_N,
};

/* "last", "hourly" and so on. */
const char *keep_rule_name(enum keep_rule rule);

enum keep_pick {
        PICK_FIRST, /* the first complete of a period stands for it: a choice never moves later */
        PICK_LAST,  /* the last does, as restic and Proxmox Backup Server have it */
};

struct keep {
        uint32_t count[_KEEP_RULE_N]; /* 0: the rule is not there */
        int64_t within_s;             /* back from the newest complete one; 0: not there */
        enum keep_pick pick;
};

/* Whether there is no rule in it. Such a keep is treated as none: it keeps all. That zeroed memory
 * or a lost key deletes everything down to the floors is not to be had. */
bool keep_is_empty(const struct keep *keep);

/* Bits of a point's state. */
enum {
        POINT_COMPLETE = 1 << 0, /* counts; the others never count and are never kept by a rule */
        POINT_HELD = 1 << 1,     /* must stay: never deleted, whatever the rule */
};

struct retention_point {
        struct utc slot;    /* order and calendar bucket; whole seconds */
        struct utc instant; /* point in time: rules within and min_age; UTC_NONE is young */
        unsigned state;     /* POINT_* */
};

struct retention_floors {
        uint32_t min_keep; /* complete ones that stay at the least, the newest of them */
        int64_t min_age_s; /* younger ones stay */
};

/* Bits of a verdict: all that keep the point. None is "drop". Points that are not complete get
 * VERDICT_NOT_COMPLETE alone (and VERDICT_HELD): it is not retention that removes them. */
enum {
        VERDICT_RULE_FIRST = 1 << 0, /* VERDICT_RULE(KEEP_LAST), then one bit a rule */
        VERDICT_WITHIN = 1 << 8,
        VERDICT_MIN_KEEP = 1 << 9,
        VERDICT_MIN_AGE = 1 << 10,
        VERDICT_HELD = 1 << 11,
        VERDICT_NOT_COMPLETE = 1 << 12,
        VERDICT_NO_RULE = 1 << 13, /* the policy has no keep: nothing is ever deleted */
        VERDICT_FUTURE = 1 << 14,  /* slot or instant after now: reported, never deleted */
};
#define VERDICT_RULE(rule) (1U << (rule))

struct verdict {
        unsigned kept_by; /* VERDICT_*; 0 is drop */
        uint32_t place
                [_KEEP_RULE_N]; /* 1 is the newest kept by that rule: "daily 3/30"; 0: not kept */
};

/*
 * Judges the @n points. @keep NULL (or empty) keeps all (VERDICT_NO_RULE). @zone gives the calendar
 * periods; NULL is UTC. @floors NULL is none. @ret_verdicts has room for @n and is written in the
 * order of the points, which is free.
 *
 * Points of equal slot are ordered by instant, then the held ones before the others, then by index:
 * so points that only differ in their index are alike in all, and which of them stays is the one
 * thing that the order of the input decides.
 *
 * Returns 0 or -ENOMEM.
 */
int retention_judge(const struct retention_point *points, size_t n, const struct keep *keep,
                    const struct zone *zone, const struct retention_floors *floors, struct utc now,
                    struct verdict *ret_verdicts);

/*
 * What is to come, for dates of death: each slot of @schedule whose start is after @now, and that is
 * newer than every point that counts, gets a complete snapshot at slot + @jitter_s. Slots that are
 * due or missed at @now are not counted on.
 */
struct retention_future {
        const struct schedule *schedule; /* NULL: nothing comes any more */
        int64_t jitter_s;                /* that of the disk, 0 or more */
        struct utc now;
        struct utc horizon;      /* deaths after it are "never" */
        const struct zone *zone; /* of @schedule's calendar events; NULL is UTC */
};

/*
 * The date of death of each point: the first instant from @future->now on at which the rule would
 * drop it, were it run then. UTC_NEVER: not before the horizon, or never: without a keep, when held,
 * not complete, or dated in the future.
 *
 * It equals running the rule forward, start by start, with or without deleting on the way, but it is
 * computed from the places: newer points only take away, so each rule lets a point at place k of N go
 * with the (N - k + 1)th thing that comes (a point, or a period that has one), and the point dies
 * when the last of its rules and floors lets go. Assumed beside the above: the points of the future,
 * holds and states stay as they are and count for nothing; and the zone's clock never goes back into
 * a day that has ended (it did last at St. John's, until 2011, for 59 minutes a year).
 *
 * The work is that of retention_judge(), the slots up to the largest count of last and min_keep that
 * is asked for, and for a rule of periods some 30 offsets of the zone a period up to its count; never
 * past the horizon.
 *
 * Returns 0 or -ENOMEM; then some of @ret_when may have been written.
 */
int retention_deaths(const struct retention_point *points, size_t n, const struct keep *keep,
                     const struct zone *zone, const struct retention_floors *floors,
                     const struct retention_future *future, struct utc *ret_when);

/* The same for one of the points, at @index. */
int retention_death(const struct retention_point *points, size_t n, size_t index,
                    const struct keep *keep, const struct zone *zone,
                    const struct retention_floors *floors, const struct retention_future *future,
                    struct utc *ret_when);

/* Appends the reasons for people, "last 2/6, daily 3/30, too young"; "superseded" for a drop. @keep
 * gives the counts and may be NULL. */
void verdict_append(const struct verdict *verdict, const struct keep *keep, struct strbuf *out);

/* Appends the canonical form of the tag snapkeep-keep: "last=6,daily=30,within=172800s;pick=first;
 * zone=Europe/Stockholm" without the space; "none" in place of the rules for @keep NULL or empty.
 * @zone_name NULL is "UTC". */
void keep_append(const struct keep *keep, const char *zone_name, struct strbuf *out);

enum {
        KEEP_E_EMPTY = 1, /* no rule at all */
        KEEP_E_RULE,      /* not a rule's name */
        KEEP_E_TWICE,     /* a rule that was there before */
        KEEP_E_VALUE,     /* no '=' or nothing after it */
        KEEP_E_COUNT,     /* not a whole number from 1 to KEEP_COUNT_MAX */
        KEEP_E_DURATION,  /* not a duration such as 36h, or not from 1s to DURATION_MAX_S */
};

/*
 * Parses a SPEC as `snapkeepctl retain --keep` takes it, exactly @len bytes: rules as name=count and
 * within=duration, with commas between, each at most once, no spaces, at least one. A duration is a
 * whole number and one of s, m, h, d, w. @ret_keep's pick is PICK_FIRST.
 *
 * Returns 0 or KEEP_E_*; then *reterr_at is the offset of the first byte that is wrong.
 */
int keep_parse(const char *text, size_t len, struct keep *ret_keep, size_t *reterr_at);
/* A sentence part such as "a count is a whole number from 1 to 100000" for KEEP_E_*. */
const char *keep_problem(int e);

/*
 * Parses the canonical form that keep_append() writes, exactly @len bytes. On success *ret_has_keep is
 * false for "none", and *ret_zone and *ret_zone_len are the zone's name within @text. Returns 0, or
 * KEEP_E_* for anything that keep_append() would not have written.
 */
int keep_tag_parse(const char *text, size_t len, bool *ret_has_keep, struct keep *ret_keep,
                   const char **ret_zone, size_t *ret_zone_len);
