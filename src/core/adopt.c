#include "core/adopt.h"

#include "base/str.h"
#include "core/series.h"
#include "core/targets.h"

#include <string.h>

/* The policy and disk whose series it would join. */
static int find_series(const struct policy_file *file, const struct world_view *view,
                       const struct snapshot_row *row, const char *policy,
                       struct adoption *adoption) {
        adoption->disk = NULL;
        for (size_t d = 0; d < view->n_disks; d++) {
                const struct disk_row *disk = &view->disks[d];

                if (row->generation == 0 || disk->generation != row->generation ||
                    disk->region != row->region)
                        continue;
                for (size_t p = 0; p < file->n_policies; p++) {
                        if ((*policy && strcmp(file->policies[p].name, policy) != 0) ||
                            !policy_selects(file, p, view, disk))
                                continue;
                        if (adoption->disk && adoption->policy != p)
                                return ADOPT_E_POLICIES;
                        if (adoption->disk)
                                continue; /* a disk that was moved is listed twice for a while */
                        adoption->disk = disk;
                        adoption->policy = p;
                }
        }
        return adoption->disk ? 0 : ADOPT_E_UNMANAGED;
}

static bool slot_is_taken(const struct world_view *view, const struct snapshot_row *row,
                          const struct policy *policy, struct utc slot) {
        const struct snapshot_row *rows;
        size_t n;

        view_generation(view, row->generation, &rows, &n);
        for (size_t i = 0; i < n; i++)
                if (&rows[i] != row && snapshot_row_is_ours(&rows[i]) &&
                    rows[i].slot.ticks == slot.ticks && rows[i].region == row->region &&
                    policy_claims(policy, view_str(view, rows[i].policy)))
                        return true;
        return false;
}

int adopt_judge(const struct policy_file *file, const struct world_view *view,
                const struct snapshot_row *row, const char *policy, struct utc now,
                struct adoption *ret_adoption) {
        struct adoption adoption;
        int r;

        if (snapshot_row_is_ours(row))
                return ADOPT_E_OURS;
        if (!(row->flags & ROW_INCREMENTAL))
                return ADOPT_E_FULL;
        if (!(row->flags & ROW_COMPLETE) || guid_is_nil(&row->unique_id) ||
            !utc_is_set(row->time_created) || row->time_created.ticks > now.ticks)
                return ADOPT_E_INCOMPLETE;
        r = find_series(file, view, row, policy, &adoption);
        if (r != 0)
                return r;
        if (!str_equal_nocase(view_str(view, row->group),
                              file->policies[adoption.policy].snapshot_group))
                return ADOPT_E_GROUP;
        adoption.slot = utc_from_seconds(utc_seconds(row->time_created));
        if (slot_is_taken(view, row, &file->policies[adoption.policy], adoption.slot))
                return ADOPT_E_SLOT;
        *ret_adoption = adoption;
        return 0;
}
