/*
 * adopt: which snapshots of others may become ours at an operator's word (DESIGN section 4, "Ours").
 *
 * An adopted one is a member of a series like any other, and goes when the rule no longer keeps it. Its
 * slot is the second in which it was created: it stands for that instant.
 */
#pragma once

#include "core/policy.h"
#include "core/rows.h"

enum {
        ADOPT_E_OURS = 1,   /* it is ours already */
        ADOPT_E_FULL,       /* not incremental */
        ADOPT_E_INCOMPLETE, /* not complete, without uniqueId or timeCreated, or of the future */
        ADOPT_E_UNMANAGED, /* no disk of its generation and region is listed, or none that the policy,
                               or any, selects */
        ADOPT_E_POLICIES, /* several policies select the disk: one is to be named */
        ADOPT_E_GROUP,    /* not in the policy's snapshot_group */
        ADOPT_E_SLOT,     /* the series has one of the same second */
};

struct adoption {
        size_t policy;
        const struct disk_row *disk; /* of the view */
        struct utc slot;
};

/* Into the series of which policy; @policy "": of the only one that selects the disk. Returns 0 or
 * ADOPT_E_*. */
int adopt_judge(const struct policy_file *file, const struct world_view *view,
                const struct snapshot_row *row, const char *policy, struct utc now,
                struct adoption *ret_adoption);
