/*
 * doubts: named reasons not to delete now (DESIGN section 5). While one stands, its scope goes on
 * creating and deletes nothing.
 *
 * Here is the arithmetic of each doubt that can be told from numbers: a value in, a verdict out. What
 * is remembered between two looks at the world is the engine's (engine/standing.h); which series a
 * doubt covers is the planner's.
 */
#pragma once

#include "base/time.h"
#include "core/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum doubt {
        DOUBT_CLOCK, /* all: our clock is more than a minute off ARM's Date */
        DOUBT_LISTING, /* subscription: a page failed, the world is old or not whole, a GET contradicts it */
        DOUBT_TARGETS,  /* target: fewer disks than expected, or a quarter of them gone */
        DOUBT_STALE,    /* series: slots missed in a row */
        DOUBT_POLICY,   /* policy: the file would delete much more than the accepted rule */
        DOUBT_MASS,     /* policy: more deletions in a day than it gained, and some */
        DOUBT_PEER,     /* series: two daemons of different minds */
        DOUBT_INTERNAL, /* generation: an invariant of ours is broken */
        _DOUBT_N,
};

#define DOUBT_BIT(doubt) (1U << (doubt))
/* Those that an operator may accept with a hash. */
#define DOUBTS_ACKABLE (DOUBT_BIT(DOUBT_TARGETS) | DOUBT_BIT(DOUBT_POLICY) | DOUBT_BIT(DOUBT_MASS))

/* What else keeps an action from being admitted; bits beside those of the doubts. */
enum {
        BLOCK_PAUSED = 1U << 16,     /* the operator paused deletions */
        BLOCK_PAUSED_ALL = 1U << 21, /* and creations too */
        BLOCK_ASK = 1U << 17,        /* prune: ask, and nobody has answered yet */
        BLOCK_GONE = 1U << 18,       /* the disk is gone: frozen, or kept for good */
        BLOCK_FULL = 1U << 19,       /* create: the chain has all it may have */
        BLOCK_BURST = 1U << 20,      /* create: the disk had 7 in 5 minutes */
        BLOCK_HOLD = 1U << 22,       /* delete: the operator's hold is under way, or a copy in
                                        another subscription */
};

/* "clock", "listing" and so on. */
const char *doubt_name(enum doubt doubt);
/* How it ends, for people: "ends after two clean sweeps". */
const char *doubt_end(enum doubt doubt);
/* Appends the names of all bits, doubts and blocks, "stale, paused". */
struct strbuf;
void blocks_append(uint32_t blocked, struct strbuf *out);

/* Service limit, everybody's counted: FACTS section 4. */
#define CHAIN_MAX 500
/* DESIGN section 5, "Full chains". */
#define CHAIN_WARNING 400
#define CHAIN_CRITICAL 450
/* At most 7 snapshots of a disk in 5 minutes (FACTS section 4). */
#define CHAIN_BURST_MAX 7
#define CHAIN_BURST_S 300

/* DESIGN section 5: "within 30 days". */
#define DOUBT_POLICY_HORIZON_S (30 * SEC_PER_DAY)
/* "within 24 h ... plus the larger of 10 and max_delete_percent". A round deletes some minutes after
 * it created, so what was gained is counted over an hour more than what was deleted: else a daily
 * policy would find yesterday's deletions in its day and yesterday's snapshots not. */
#define DOUBT_MASS_WINDOW_S SEC_PER_DAY
#define DOUBT_MASS_GAIN_S (SEC_PER_DAY + 3600)
#define DOUBT_MASS_LEAST 10
/* "a quarter of a target gone within 7 days" */
#define DOUBT_FLEET_DAYS 7
/* "within 24 h a series' accepted rules alternate" */
#define DOUBT_PEER_WINDOW_S SEC_PER_DAY

/* What one policy holds and wants, in one subscription or summed over all. */
struct policy_tally {
        size_t complete; /* complete ones of its selected series */
        size_t listed; /* complete ones of ours that carry its name, or one it had, selected or not */
        size_t beyond;  /* of those: dropped within 30 days by the file, not by the accepted rule */
        size_t deletes; /* planned now, of complete ones, extra backups among them */
        size_t failures;      /* planned now, of old failed ones: no doubt counts them */
        size_t gained;        /* complete ones of the series created in DOUBT_MASS_GAIN_S */
        size_t differing;     /* series of listed disks whose accepted rule is not the file's */
        size_t agreeing;      /* the same, whose newest complete snapshot carries the file's */
        const char *accepted; /* what one of the differing carries, or NULL; the world's */
        /* Of names that the policy had, whose snapshots were taken beside its own and by another rule: when
         * the newest of them was. An ack before it is none of that rule's end. 0 ticks: there is none. */
        struct utc former;
};

void policy_tally_add(struct policy_tally *sum, const struct policy_tally *more);

/* Whether @beyond of @complete is more than @percent. */
bool doubt_policy_stands(const struct policy_tally *tally, unsigned percent);

/* Whether the planned deletions, after @deleted ones in the last 24 h, are too many. @allowance more may
 * go whatever has gone before: an operator accepted them, and none of them is among @deleted. No planned
 * deletion: no doubt. */
bool doubt_mass_stands(const struct policy_tally *tally, size_t deleted, size_t allowance,
                       unsigned percent);

/*
 * The size of a target over the last days: the largest seen in each, so that a slow loss shows too.
 * Day numbers count from 1970-01-01. All zero: nothing is known yet.
 */
struct fleet {
        int64_t day[DOUBT_FLEET_DAYS + 1];   /* 0: the place is free */
        uint32_t size[DOUBT_FLEET_DAYS + 1]; /* largest of that day */
        uint32_t missing_from;               /* doubt: the size that must come back; 0: no doubt */
        /* An operator has accepted this size, though fewer than expected. It grows with what comes
         * back: nobody gave that up. */
        uint32_t accepted;
        bool has_accepted;
};

/* Takes in that @found disks were found at @now. UTC_NONE: nobody knows when that is, and the sizes of the
 * days stay as they are. Afterwards doubt_targets_stands() answers. */
void fleet_see(struct fleet *fleet, uint32_t found, struct utc now);
bool fleet_equals(const struct fleet *a, const struct fleet *b);
/* The operator accepts @found: the past is forgotten. */
void fleet_accept(struct fleet *fleet, uint32_t found, struct utc now);
/* Fewer than @expect (0: none), unless accepted, or a quarter of what was there is gone. */
bool doubt_targets_stands(const struct fleet *fleet, uint32_t found, uint32_t expect);
/* Whether it stood when the disks were counted last, while nobody can count them: the largest number of that
 * day was too small. False where nothing was counted yet. */
bool doubt_targets_stood(const struct fleet *fleet, uint32_t expect);

/* One of ours, for doubt_peer_stands(): when it was created and which rule it carries. */
struct rule_seen {
        struct utc at;
        uint32_t rule; /* equal numbers, equal rules */
};

/*
 * Whether rules alternate: one, another, and the first again, the whole change within 24 h. It
 * stands until 24 h after the last change of rule. @seen is ordered by time.
 */
bool doubt_peer_stands(const struct rule_seen *seen, size_t n, struct utc now);
