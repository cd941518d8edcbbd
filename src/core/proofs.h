/*
 * proofs: what can be known to go wrong from the policy file alone, said when it is loaded (DESIGN
 * section 3, "Proofs at load").
 *
 * Pure arithmetic over the typed policy: no cloud is asked. What only the cloud knows (how many disks
 * a match finds, what is held) comes in as an estimate, and every bound errs on the side of too much:
 * a peak is never below what a chain can come to.
 *
 * Calendar events are looked at by walking their slots from now on, two years but at least 100 slots
 * and at most 20,000; intervals are exact.
 */
#pragma once

#include "base/macros.h"
#include "base/time.h"
#include "core/policy.h"

#include <stddef.h>
#include <stdint.h>

/* Incremental snapshots alive of a disk, and created in any 5 minutes: "Restrictions of incremental
 * snapshots", FACTS section 4. At 400 status begins to warn (DESIGN section 5). */
#define PROOF_CHAIN_MAX 500
#define PROOF_CHAIN_WARN 400
#define PROOF_BURST_MAX 7
#define PROOF_BURST_WINDOW_S 300

/* FACTS section 9, seen in recordings: 8,000 snapshot creations and 1,920 listings of snapshots in 30
 * minutes, per subscription and region. The file's share of them is ours (limits.api_share). Rows a
 * page are not documented; 1,000 is what the program's own targets assume. */
#define PROOF_CREATES_PER_30M 8000
#define PROOF_LISTS_PER_30M 1920
#define PROOF_PAGE_ROWS 1000

/* No bound: nothing is ever deleted. */
#define PROOF_UNBOUNDED UINT64_MAX

enum proof_severity {
        PROOF_WARNING, /* works, and an operator should know */
        PROOF_ERROR,   /* cannot work as written */
};

/* What the policy file does not say. All may be 0. */
struct proof_fleet {
        uint64_t disks_per_match; /* disks that each target with a match is taken to select */
        uint64_t held;            /* snapshots held by hand in each chain, on top of the rules */
};

#define PROOF_NO_POLICY SIZE_MAX

struct proof_finding {
        enum proof_severity severity;
        size_t policy; /* index into the file's policies, or PROOF_NO_POLICY */
        char *text;    /* owned: a sentence with its numbers */
};

/* One policy in figures, for a load chart. */
struct proof_policy {
        uint64_t disks;       /* selected by id, plus disks_per_match a match */
        double slots_per_day; /* on average */
        int64_t shortest_s;   /* between two slots; 0 when there are fewer than two */
        int64_t longest_s;    /* between two slots; 0 when there are fewer than two */
        uint64_t peak;        /* of a series, see proof_peak(); or PROOF_UNBOUNDED */
        uint64_t burst;       /* slots in any 5 minutes */
};

struct proofs {
        struct proof_finding *findings; /* errors first, then by policy */
        size_t n_findings, findings_capacity;
        struct proof_policy *policies; /* one for each of the file's */
        size_t n_policies;
        /* Of the subscription that has most; all its disks taken to be in one region. */
        double creates_per_minute; /* on average */
        double creates_budget;     /* a minute, our share */
        uint64_t sweep_requests;   /* listings of snapshots and disks */
        int64_t sweep_s;           /* at our share of the listings */
};

struct proofs *proofs_free(struct proofs *proofs);
DEFINE_CLEANUP(struct proofs *, proofs_free)

/* Whether there is an error among the findings. */
bool proofs_failed(const struct proofs *proofs);

/* Returns 0, -ENOMEM, or -E2BIG past 10,000 findings. @fleet NULL is all zero. */
int proofs_run(const struct policy_file *file, const struct proof_fleet *fleet, struct utc now,
               struct proofs **ret_proofs);

/*
 * The most snapshots that a series of this policy has at any time: after a creation and before the
 * pruning that follows it. PROOF_UNBOUNDED without a keep or with prune off.
 *
 * It is a bound and not a simulation, which would have to meet every alignment of months, weeks and
 * clock changes to prove anything:
 *
 * - last, min_keep, within and min_age each keep a run of the newest, so together they keep the
 *   longest of the runs. within and min_age keep as many as there can be slots in such a time, and
 *   one more since a snapshot may be late (its instant counts there, not its slot).
 * - Rules of periods keep at most their counts. Where periods are parts of others (hours of days,
 *   weeks, months and years; days of weeks, months and years; months of years), what stands for the
 *   whole also stands for its part, with either pick. A finer rule that keeps h parts, at most m of
 *   them in a whole, therefore holds the choices of at least ceil(h / m) - 1 of the newest wholes,
 *   and those are counted once. The same holds for the run.
 * - One more for the snapshot just made.
 *
 * Held and failed ones come on top. Returns 0 or -ENOMEM.
 */
int proof_peak(const struct policy *policy, struct utc now, uint64_t *ret_peak);
