/*
 * schedule: when slots are. A union of instants from intervals and calendar events (DESIGN section
 * 4, "Slots"), and which of them is due.
 *
 * A schedule is a value: it knows neither disks nor snapshots. Slots are whole seconds. All here is
 * a pure function of its arguments, `now` included: what is due follows from what the cloud shows,
 * so that a restart neither repeats nor forgets.
 *
 * Start and slot. A disk's snapshot of slot S starts at S + jitter. The jitter of a disk is the same
 * for all slots, so starts are exactly as far apart as slots, and the order of starts is the order
 * of slots. The slot itself never moves.
 *
 * Steps of the clock. A clock that went back sees filled slots in its future: they are left out, and
 * slots older than `now` are judged by the filled ones that remain. At worst a slot that has its
 * snapshot is named again, and its create meets the same name and changes nothing. A clock that went
 * forward, or a suspend, is downtime: of all the slots in between the newest alone is due.
 */
#pragma once

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone;
struct calendar;

enum schedule_kind {
        SCHEDULE_EVERY, /* the multiples of a period since 1970-01-01T00:00:00Z, plus an offset */
        SCHEDULE_CALENDAR, /* a calendar event of systemd.time(7) */
};

struct schedule_item {
        enum schedule_kind kind;
        int64_t period_s;          /* every: 1 or more */
        int64_t offset_s;          /* every: 0 <= offset_s < period_s */
        struct calendar *calendar; /* calendar: owned */
};

struct schedule {
        struct schedule_item *items; /* owned; at least one */
        size_t n;
};

/* A snapshot that was created earlier than this before its slot does not fill it (DESIGN section 2):
 * what made it had another clock, or it is the answer of a name used before. */
#define SCHEDULE_EARLY_MAX_S 60

/*
 * With `catch_up: none`, how late a slot is still begun: retries and a restart of the daemon fit in,
 * a return after hours does not. Chosen: an hour, as AWS Data Lifecycle Manager has its window, but
 * at most half the way to the next slot, so that two snapshots never come in a row for one interval.
 */
#define SCHEDULE_LATE_MAX_S 3600

void schedule_deinit(struct schedule *schedule);

/* The first slot strictly after @after. @zone is that of calendar events without one of their own;
 * NULL is UTC. Returns false when there is none before the year 10000. UTC_NONE is before all. */
bool schedule_next(const struct schedule *schedule, const struct zone *zone, struct utc after,
                   struct utc *ret_slot);
/* The last slot at or before @at. Returns false when there is none since the year 1. UTC_NEVER is
 * after all. */
bool schedule_previous(const struct schedule *schedule, const struct zone *zone, struct utc at,
                       struct utc *ret_slot);

/* The first instant strictly after @after at which a slot starts: slot + @jitter_s. What to wake up
 * for. Returns false when there is none. */
bool schedule_next_start(const struct schedule *schedule, const struct zone *zone, int64_t jitter_s,
                         struct utc after, struct utc *ret_start);

/* Whether a snapshot with this point in time can stand for the slot. */
bool schedule_fills(struct utc slot, struct utc instant);

/*
 * The slot that is due: the newest one whose start has come (slot + @jitter_s <= @now), when it is
 * newer than @filled. Older ones without a snapshot are missed and stay so: a snapshot taken now
 * says nothing of an instant hours ago. A failed attempt leaves its slot due, until the next starts.
 *
 * @filled is the newest slot at or before @now that has a snapshot complete or under way, or
 * UTC_NONE. One after @now is ignored, as if it were UTC_NONE: snapshots dated in the future neither
 * fill nor block (DESIGN section 4); so the caller leaves those out when it looks for the newest.
 *
 * @catch_up false: the slot is due only while it is not later than SCHEDULE_LATE_MAX_S says. Whether
 * the daemon ran at the slot is not asked: after a restart nobody could tell.
 *
 * Returns false when nothing is due. Work is bounded by the items of the schedule, whatever the
 * downtime.
 */
bool schedule_due(const struct schedule *schedule, const struct zone *zone, int64_t jitter_s,
                  bool catch_up, struct utc filled, struct utc now, struct utc *ret_slot);

/*
 * How many slots in a row, after @filled, are missed at @now: the next one's start has come, and
 * they have no snapshot complete or under way. The slot that is due is not yet missed. Counts no
 * further than @limit, and takes about @limit steps.
 *
 * With @filled UTC_NONE the answer is 0: there is no beginning to count from. For a series that
 * never had a snapshot pass the instant since when it should have one (the disk's creation). One
 * after @now: 0.
 */
unsigned schedule_missed(const struct schedule *schedule, const struct zone *zone, int64_t jitter_s,
                         struct utc filled, struct utc now, unsigned limit);

/* Over the slots from @from on: at most @steps of them are looked at. */
struct schedule_gaps {
        int64_t shortest_s; /* between two neighbours; INT64_MAX with fewer than two slots */
        int64_t longest_s;  /* 0 with fewer than two slots */
        struct utc first;   /* UTC_NONE without a slot */
        struct utc last;    /* the last one looked at; UTC_NONE without a slot */
        unsigned n;         /* slots looked at */
        bool ends;          /* there is no slot after last */
};

/* Walks until @until and for at least @least slots, at most @steps. Exact without a walk for one
 * `every`. */
void schedule_gaps(const struct schedule *schedule, const struct zone *zone, struct utc from,
                   struct utc until, unsigned least, unsigned steps,
                   struct schedule_gaps *ret_gaps);

/*
 * The bound of the jitter of one policy: @max_jitter_s, but no more than the shortest interval, so
 * that a slot starts before the next one is. With calendar events the shortest interval is looked
 * for in 400 slots from the beginning of 2024 on (a leap year, fixed so that a disk's jitter does
 * not change by itself): some microseconds each, so once per policy and not per disk.
 */
int64_t schedule_jitter_bound(const struct schedule *schedule, const struct zone *zone,
                              int64_t max_jitter_s);

/*
 * The jitter of a disk, 0 <= jitter < @bound_s (0 for a bound of 0): stable, from SHA-256 over
 * @disk_key, which is to stay the same for a disk's whole life (its generation). So every daemon and
 * every restart starts a disk at the same second, and a fleet is spread evenly over the bound.
 *
 * Returns 0 or -ENOMEM.
 */
int schedule_jitter_below(const char *disk_key, int64_t bound_s, int64_t *ret_jitter_s);

/* Both in one, for a single disk. Returns 0 or -ENOMEM. */
int schedule_jitter(const struct schedule *schedule, const struct zone *zone, const char *disk_key,
                    int64_t max_jitter_s, int64_t *ret_jitter_s);
