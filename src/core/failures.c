#include "core/failures.h"

#include "base/macros.h"

size_t failure_place(const struct failure *failures, size_t n, const struct guid *unique_id,
                     bool *ret_found) {
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (guid_compare(&failures[middle].unique_id, unique_id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = low < n && guid_compare(&failures[low].unique_id, unique_id) == 0;
        return low;
}

struct utc failure_end(const struct failure *failures, size_t n, const struct snapshot_row *row) {
        struct utc from;
        bool found;
        size_t at;

        if (!(row->flags & ROW_FAILED) || (row->flags & ROW_HELD) || !utc_is_set(row->time_created))
                return UTC_NEVER;
        at = failure_place(failures, n, &row->unique_id, &found);
        if (!found)
                return UTC_NEVER;

        from.ticks = MAX(failures[at].since.ticks, row->time_created.ticks);
        return utc_add_seconds(from, FAILURE_LIFE_S);
}
