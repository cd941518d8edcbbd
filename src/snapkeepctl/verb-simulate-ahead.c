/*
 * Limits that the run did not meet. Where rule and schedule alone decide, the future needs no
 * simulation: chains are run forward from what is alive at the end, slot by slot, each slot taken at
 * its start and the rule obeyed at once. What also depends on luck (faults, hands, doubts) is taken to
 * go on as if there were none, which the answer says.
 */
#include "base/array.h"
#include "core/proofs.h"
#include "snapkeepctl/verb-simulate.h"

#include <errno.h>
#include <string.h>

/* Chosen: 20 years of hours, and with the longest chain a second or two. */
#define STEPS_MAX 200000
/* Looked at beyond the run. Chosen: what is farther off is nobody's plan. */
#define HORIZON_S (100 * 365 * SEC_PER_DAY)

/* A series as it would go on. */
struct run {
        const struct policy *policy;
        int64_t jitter_s;
        struct retention_point *points; /* owned */
        size_t n, capacity;
        struct utc slot; /* the next one; UTC_NEVER */
};

struct runs {
        struct run *items; /* owned, of one disk */
        size_t n, total;
        struct utc end; /* of what was looked at */
};

static void runs_deinit(struct runs *runs) {
        for (size_t i = 0; i < runs->n; i++)
                free(runs->items[i].points);
        free(runs->items);
}

static struct utc run_start(const struct run *run) {
        return run->slot.ticks == UTC_NEVER.ticks ? UTC_NEVER
                                                  : utc_add_seconds(run->slot, run->jitter_s);
}

static void run_advance(struct run *run, struct utc after) {
        if (!schedule_next(&run->policy->schedule, run->policy->zone, after, &run->slot))
                run->slot = UTC_NEVER;
}

static int runs_init(const struct simulate *simulate, const struct simulate_disk *disk,
                     struct runs *runs) {
        runs->items = calloc(disk->n_series + 1, sizeof(*runs->items));
        if (!runs->items)
                return -ENOMEM;

        for (size_t i = 0; i < disk->n_series; i++) {
                const struct simulate_series *series = &simulate->series[disk->first_series + i];
                struct run *run = &runs->items[runs->n++];

                run->policy = &simulate->file->policies[series->policy];
                run->jitter_s = series->jitter_s;
                run->capacity = series->n_points + 1;
                run->points = calloc(run->capacity, sizeof(*run->points));
                if (!run->points)
                        return -ENOMEM;
                if (series->n_points > 0)
                        memcpy(run->points, series->points,
                               series->n_points * sizeof(*run->points));
                run->n = series->n_points;
                runs->total += run->n;
                run_advance(run, utc_add_seconds(simulate->end, -run->jitter_s - 1));
        }
        return 0;
}

/* Lets go what the rule lets go at @now. */
static int run_prune(struct run *run, struct utc now) {
        const struct keep *keep = simulate_rule(run->policy);
        _cleanup_(freep) struct verdict *verdicts = NULL;
        size_t n = 0;
        int r;

        if (!keep)
                return 0;
        verdicts = calloc(run->n + 1, sizeof(*verdicts));
        if (!verdicts)
                return -ENOMEM;
        r = retention_judge(
                run->points, run->n, keep, run->policy->zone,
                &(struct retention_floors){run->policy->min_keep, run->policy->min_age_s}, now,
                verdicts);
        if (r < 0)
                return r;
        for (size_t i = 0; i < run->n; i++)
                if (verdicts[i].kept_by != 0)
                        run->points[n++] = run->points[i];
        run->n = n;
        return 0;
}

/*
 * A chain is longest between a creation and the pruning that follows it. Deleting what the rule drops
 * changes no later verdict, so that it is done only when the chain comes near the next limit.
 */
static int runs_prune(struct runs *runs, struct utc now) {
        int r = 0;

        runs->total = 0;
        for (size_t i = 0; i < runs->n && r == 0; i++) {
                r = run_prune(&runs->items[i], now);
                runs->total += runs->items[i].n;
        }
        return r;
}

static struct run *runs_next(struct runs *runs) {
        struct run *next = NULL;

        for (size_t i = 0; i < runs->n; i++)
                if (!next || run_start(&runs->items[i]).ticks < run_start(next).ticks)
                        next = &runs->items[i];
        return next && next->slot.ticks != UTC_NEVER.ticks ? next : NULL;
}

/* Takes the next slot, with room for it below @limit if the rule makes room. */
static int runs_step(struct runs *runs, struct run *run, uint64_t limit) {
        struct utc start = run_start(run);
        int r = 0;

        if (runs->total + 1 >= limit)
                r = runs_prune(runs, start);
        r = r
                    ?: array_grow(&run->points, run->n, &run->capacity, sizeof(*run->points),
                                  SIMULATE_SERIES_MAX);
        if (r < 0)
                return r;
        run->points[run->n++] = (struct retention_point){run->slot, start, POINT_COMPLETE};
        runs->total++;
        runs->end = start;
        run_advance(run, run->slot);
        return 0;
}

/* The earliest of all disks counts. */
static void met_ahead(struct simulate *simulate, enum simulate_limit_kind kind, size_t disk,
                      struct utc at) {
        struct simulate_limit *limit = &simulate->limits[kind];

        if (limit->when == LIMIT_AHEAD && limit->at.ticks <= at.ticks)
                return;
        limit->when = LIMIT_AHEAD;
        limit->at = at;
        limit->disk = disk;
}

/* Not met up to @until by this disk; before that it is open. */
static void open_until(struct simulate *simulate, enum simulate_limit_kind kind, struct utc until) {
        struct simulate_limit *limit = &simulate->limits[kind];

        if (limit->when == LIMIT_AHEAD)
                return;
        limit->at = limit->when == LIMIT_OPEN && limit->at.ticks < until.ticks ? limit->at : until;
        limit->when = LIMIT_OPEN;
}

/* The most that the chain can come to; PROOF_UNBOUNDED. */
static int disk_peak(const struct simulate *simulate, const struct simulate_disk *disk,
                     uint64_t *ret_peak) {
        uint64_t sum = 0, peak;
        int r;

        for (size_t i = 0; i < disk->n_series; i++) {
                size_t policy = simulate->series[disk->first_series + i].policy;

                r = proof_peak(&simulate->file->policies[policy], utc_from_seconds(SIMULATE_START),
                               &peak);
                if (r < 0)
                        return r;
                if (peak == PROOF_UNBOUNDED) {
                        *ret_peak = PROOF_UNBOUNDED;
                        return 0;
                }
                sum += peak;
        }
        *ret_peak = sum;
        return 0;
}

static int look_at_chain(struct simulate *simulate, size_t index) {
        const struct simulate_disk *disk = &simulate->disks[index];
        struct utc until = utc_add_seconds(simulate->end, HORIZON_S);
        enum simulate_limit_kind kind = LIMIT_CHAIN_WARNING;
        _cleanup_(runs_deinit) struct runs runs = {.end = simulate->end};
        uint64_t peak;
        int r;

        r = disk_peak(simulate, disk, &peak);
        r = r ?: runs_init(simulate, disk, &runs);
        if (r < 0)
                return r;

        while (kind <= LIMIT_CHAIN_FULL && simulate->limits[kind].when == LIMIT_MET)
                kind++;
        for (unsigned steps = 0; steps < STEPS_MAX && kind <= LIMIT_CHAIN_FULL; steps++) {
                struct run *run;

                if (peak < simulate_limit_words[kind].max)
                        return 0; /* as are the higher ones */
                run = runs_next(&runs);
                if (!run || run_start(run).ticks > until.ticks)
                        break;
                r = runs_step(&runs, run, simulate_limit_words[kind].max);
                if (r < 0)
                        return r;
                while (kind <= LIMIT_CHAIN_FULL && runs.total >= simulate_limit_words[kind].max)
                        met_ahead(simulate, kind++, index, runs.end);
        }
        for (; kind <= LIMIT_CHAIN_FULL; kind++)
                if (peak >= simulate_limit_words[kind].max)
                        open_until(simulate, kind, runs.end);
        return 0;
}

/* Disks of the same policies have the same future but for jitter: the first one speaks for all, and
 * those whose chain differs (held back, failed) for themselves. */
static bool is_like_an_earlier(const struct simulate *simulate, size_t index) {
        const struct simulate_disk *disk = &simulate->disks[index];

        for (size_t i = 0; i < index; i++) {
                const struct simulate_disk *other = &simulate->disks[i];
                bool same = other->n_series == disk->n_series && other->chain == disk->chain;

                for (size_t j = 0; j < disk->n_series && same; j++)
                        same = simulate->series[disk->first_series + j].policy ==
                               simulate->series[other->first_series + j].policy;
                if (same)
                        return true;
        }
        return false;
}

/* The slots that any five minutes of the policies of one disk can have. */
static uint64_t most_at_once(const struct simulate *simulate, const struct proofs *proofs) {
        uint64_t most = 0;

        for (size_t i = 0; i < simulate->n_disks; i++) {
                const struct simulate_disk *disk = &simulate->disks[i];
                uint64_t sum = 0;

                for (size_t j = 0; j < disk->n_series; j++)
                        sum += proofs->policies[simulate->series[disk->first_series + j].policy]
                                       .burst;
                most = MAX(most, sum);
        }
        return most;
}

int simulate_look_ahead(struct simulate *simulate) {
        _cleanup_(proofs_freep) struct proofs *proofs = NULL;
        int r;

        r = proofs_run(simulate->file, /* fleet= */ NULL, utc_from_seconds(SIMULATE_START),
                       &proofs);
        if (r < 0)
                return r;

        for (enum simulate_limit_kind kind = 0; kind < _LIMIT_N; kind++) {
                struct simulate_limit *limit = &simulate->limits[kind];

                if (limit->when == LIMIT_MET)
                        continue;
                /* Chains are looked at next; of budgets no more can be told. */
                limit->when = kind <= LIMIT_CHAIN_FULL ? LIMIT_NEVER : LIMIT_OPEN;
                limit->at = simulate->end;
        }
        /* An attempt that fails is followed by another, which no schedule knows of. */
        if (simulate->limits[LIMIT_BURST].when == LIMIT_OPEN &&
            simulate->faults == SIMULATE_FAULTS_NONE &&
            most_at_once(simulate, proofs) < CHAIN_BURST_MAX)
                simulate->limits[LIMIT_BURST].when = LIMIT_NEVER;

        for (size_t i = 0; i < simulate->n_disks && r == 0; i++)
                if (simulate->disks[i].n_series > 0 && !is_like_an_earlier(simulate, i))
                        r = look_at_chain(simulate, i);
        return r;
}
