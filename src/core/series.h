/*
 * series: ours in a chain: the snapshots of one owner, policy, generation and region (DESIGN section
 * 2). Retention, floors and slots work on a series and never across two.
 *
 * A series is made of one disk under one policy, out of a view, and borrows from both. It is read
 * anew for each plan and never changed.
 */
#pragma once

#include "core/naming.h"
#include "core/planner.h"
#include "core/policy.h"
#include "core/retention.h"
#include "core/rows.h"

/* Arrays that grow to the largest series and serve one series after the other. */
struct series_scratch {
        struct retention_point *points;
        struct verdict *verdicts;
        uint32_t *members;
        size_t capacity; /* of each of the three */
};

void series_scratch_deinit(struct series_scratch *scratch);

struct series {
        const struct world_view *view;
        size_t policy_index;
        const struct policy *policy;
        const struct disk_row *disk; /* NULL: the disk is gone */
        struct series_key key;
        char prefix[NAMING_PREFIX_SIZE];
        const struct snapshot_row *rows; /* everybody's of the generation: a slice of the view's */
        size_t n_rows;
        struct retention_point *points; /* of the members, in the scratch */
        uint32_t *members;              /* offsets into rows, in the scratch */
        size_t n_members;
};

/* Whether the policy's series has snapshots of this name in their policy tag: its own, or one of those
 * it formerly had. */
bool policy_claims(const struct policy *policy, const char *name);

/* Whether the row is ours and of a series that the policy goes on with, in whatever region. */
bool policy_goes_on(const struct policy *policy, const struct world_view *view,
                    const struct snapshot_row *row);
/* Whether any of the policy's series of that generation and region is retired: the rest of it goes by no rule
 * meanwhile. */
bool policy_is_retired(const struct policy *policy, const struct world_view *view,
                       uint32_t generation, uint32_t region,
                       const struct generation_standing *known);

/* Collects the series of a disk with a generation. Valid until @scratch serves the next one. Returns
 * 0 or -ENOMEM. */
int series_read(const struct policy_file *file, const struct world_view *view, size_t policy,
                const struct disk_row *disk, struct series_scratch *scratch,
                struct series *ret_series);

/* The same for the series of a disk that is in no listing, in one region. It has no prefix, since
 * nothing is created for it. Returns 0 or -ENOMEM. */
int series_read_orphan(const struct policy_file *file, const struct world_view *view, size_t policy,
                       uint32_t generation, uint32_t region, struct series_scratch *scratch,
                       struct series *ret_series);

static inline const struct snapshot_row *series_row(const struct series *s, size_t i) {
        return &s->rows[s->members[i]];
}

/*
 * Extra backups, which an operator had taken of the series' disk under its policy (DESIGN section 7). They
 * are no members: none fills a slot, stands for a period, makes the series fresh or carries its rule.
 *
 * Each goes by its own date, also under a policy without keep: that rule says nothing about it, and whoever
 * gave the date said when it may go. With prune off it stays. Above the date are the floors. min_age is
 * counted from its own creation. min_keep, and one at least, is asked of the members alone: backups never
 * make up for members that are missing, so that nothing of the series goes because of them; and while
 * members are missing no backup goes either, since it may be the best that is left of the disk.
 */
bool series_has_backup(const struct series *s, const struct snapshot_row *row);
/* From when on the backup may be deleted: date and floors together, which may be over. UTC_NEVER while it
 * is held or not complete, or @complete members are too few (series_state). */
struct utc series_backup_end(const struct series *s, const struct snapshot_row *row,
                             size_t complete);

/* Whether the row carries all that makes a snapshot ours but a policy that selects it (DESIGN
 * section 4, "Ours"). One that is older than its slot is not: somebody had taken the name, and a PUT of
 * ours put our tags on it. */
bool snapshot_row_is_ours(const struct snapshot_row *row);

/* Whether its point in time can stand for the slot of its tags; one that has none yet can. */
bool snapshot_row_fills(const struct snapshot_row *row);

/* Dated in the future, beyond the seconds by which two good clocks differ. */
bool snapshot_row_is_future(const struct snapshot_row *row, struct utc now);

/* Chosen: a background copy has begun by then. */
#define SERIES_PENDING_S SEC_PER_DAY
/* Of an Ultra or Premium SSD v2 disk: whether Azure copies it, or will, and takes three such and no more. One that has
 * no percentage when it is a day old may never have one: it was taken while the disk was of an ordinary kind. That
 * nobody can say that it is complete is no reason to take no other; where it is pending after all, Azure says so. */
bool snapshot_row_is_pending(const struct snapshot_row *row, struct utc now);

/* What status shows of the series; the slots are left unset, and the disk's group and name when it is
 * gone. A snapshot dated in the future is not the newest: it would hide for good that none comes. */
void series_sum_up(const struct series *s, struct utc now, struct series_state *ret_state);

/*
 * The newest slot up to now that is filled, or UTC_NONE. The slot alone counts, not when the service
 * says that the snapshot was created: by our clock that may be a second ahead, and a slot that has
 * its snapshot must not get another.
 */
struct utc series_newest_filled(const struct series *s, struct utc now);
/* The newest slot up to now with a complete snapshot, or UTC_NONE. */
struct utc series_newest_complete(const struct series *s, struct utc now);
/* The first slot after @after and up to now with a snapshot under way, or UTC_NONE. */
struct utc series_underway_after(const struct series *s, struct utc after, struct utc now);

/*
 * The first attempt whose name is free for the slot. A name that is there in any state, and of whatever
 * disk, is not used again: a PUT on it would take no snapshot (FACTS section 1, "Idempotency"), and
 * could change the tags of somebody else's. Returns 0 when all are taken.
 */
unsigned series_free_attempt(const struct series *s, struct utc slot);

/* Judges the members, in their order; a policy without keep or with prune off keeps all. Returns 0 or
 * -ENOMEM. The verdicts are in @scratch. */
int series_judge(const struct series *s, struct utc now, struct series_scratch *scratch);
