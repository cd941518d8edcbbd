/*
 * failures: since when snapshots of ours are listed failed, and when each goes for it.
 *
 * "Failed ones of ours go after 7 days" (DESIGN section 4): long enough for a person to look, so the days
 * count from when there was something to be seen. That is not in the cloud: one that was complete for
 * years fails by an update of its tags. The engine remembers it (engine/state.h), and hands it over as a
 * sorted array; what is lost begins anew.
 */
#pragma once

#include "core/rows.h"

#define FAILURE_LIFE_S (7 * SEC_PER_DAY)

struct failure {
        struct guid unique_id; /* of the snapshot; arrays are sorted by it */
        struct guid subscription;
        struct utc since; /* first listed so */
};

/* The index of the first that is not below @unique_id, and whether it is the one. */
size_t failure_place(const struct failure *failures, size_t n, const struct guid *unique_id,
                     bool *ret_found);

/*
 * From when on the row may go for its failure: 7 days after it was first listed so, and never earlier
 * than 7 days after its creation. UTC_NEVER of one that has not failed, is held, or has no creation; and
 * of one that is not among @failures, which is then to be asked about again once it is.
 */
struct utc failure_end(const struct failure *failures, size_t n, const struct snapshot_row *row);
