#include "core/rows.h"

#include "base/str.h"
#include "core/naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *snapshot_row_name(const struct world_view *view, const struct snapshot_row *row,
                              char buffer[static SNAPSHOT_NAME_SIZE]) {
        const char *name = view_str(view, row->name);

        if (row->flags & ROW_NAMED)
                naming_snapshot(name, row->slot, row->attempt, buffer);
        else
                snprintf(buffer, SNAPSHOT_NAME_SIZE, "%s", name);
        return buffer;
}

bool snapshot_row_until(const struct world_view *view, const struct snapshot_row *row,
                        struct utc *ret_until) {
        const char *text = view_keep(view, row);

        return text && utc_parse_slot(text, strlen(text), ret_until) == 0;
}

/* The first row whose generation is not below @generation. */
static size_t lower_bound(const struct world_view *view, uint32_t generation) {
        size_t low = 0, high = view->n_snapshots;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (view->snapshots[middle].generation < generation)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void view_generation(const struct world_view *view, uint32_t generation,
                     const struct snapshot_row **ret_rows, size_t *ret_n) {
        size_t first = lower_bound(view, generation);

        /* An empty view may have no array at all, and to that nothing may be added. */
        *ret_rows = view->n_snapshots > 0 ? view->snapshots + first : NULL;
        *ret_n = lower_bound(view, generation + 1) - first;
}

const struct snapshot_row *view_find_snapshot(const struct world_view *view, uint32_t generation,
                                              const char *group, const char *name) {
        char buffer[SNAPSHOT_NAME_SIZE];
        const struct snapshot_row *rows;
        size_t n;

        view_generation(view, generation, &rows, &n);
        for (size_t i = 0; i < n; i++)
                if (str_equal_nocase(view_str(view, rows[i].group), group) &&
                    str_equal_nocase(snapshot_row_name(view, &rows[i], buffer), name))
                        return &rows[i];
        return NULL;
}

static int orphan_compare(const void *a, const void *b) {
        const struct orphan *x = a, *y = b;

        return CMP(x->generation, y->generation);
}

const struct orphan *view_find_orphan(const struct world_view *view, uint32_t generation) {
        struct orphan key = {.generation = generation};

        return view->n_orphans > 0
                       ? bsearch(&key, view->orphans, view->n_orphans, sizeof(key), orphan_compare)
                       : NULL;
}

const char *view_hold(const struct world_view *view, const struct snapshot_row *row) {
        uint32_t place = (uint32_t)(row - view->snapshots);
        size_t low = 0, high = view->n_holds;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (view->holds[middle].row < place)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < view->n_holds && view->holds[low].row == place
                       ? view_str(view, view->holds[low].reason)
                       : NULL;
}
