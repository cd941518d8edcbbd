/*
 * Pages in any bytes, into a world of snapshots or of disks: one piece and many give the same rows,
 * in order, within their ceilings, and so does what is known from a world before. The first byte
 * chooses the listing and the size of the pieces.
 */
#include "azure/page.h"
#include "azure/world.h"
#include "base/macros.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SUB "00000000-0000-0000-0000-00000000000a"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds) {
        if (!holds)
                abort();
}

/* A world, also after an error: what came before it is in it. */
static struct world *run(const char *bytes, size_t len, size_t piece, page_element_fn add,
                         const struct world *before, int *ret_r) {
        _cleanup_(page_freep) struct page *page = NULL;
        const char *link = NULL;
        struct world *world;
        int r = 0;

        demand(world_new(SUB, "prod-backup", UTC_NONE, &world) == 0);
        demand(page_new(add, world, &page) == 0);
        if (before) {
                demand(world_expect(world, before) == 0);
                page_expect(page,
                            add == world_add_disk ? &world_guess_disks : &world_guess_snapshots);
        }
        for (size_t at = 0; at < len && r == 0; at += piece)
                r = page_feed(page, bytes + at, MIN(piece, len - at));
        if (r == 0)
                r = page_finish(page, &link);
        else
                demand(page_finish(page, &link) == r);
        demand(r >= 0 && (r == 0 || !link) && (!link || link[0] != '\0'));
        demand(world_finish(world) == 0);
        *ret_r = r;
        return world;
}

static void check_view(const struct world_view *view) {
        char name[SNAPSHOT_NAME_SIZE];

        for (size_t i = 0; i < view->n_snapshots; i++) {
                const struct snapshot_row *row = &view->snapshots[i];
                uint32_t state =
                        row->flags & (ROW_COMPLETE | ROW_FAILED | ROW_UNDERWAY | ROW_LEAVING);

                demand(state != 0 && (state & (state - 1)) == 0);
                demand(row->flags < ROW_CLAIMS << 1 && row->percent <= 100);
                demand(!(row->flags & ROW_NAMED) || row->flags & ROW_TAGGED);
                demand(!(row->flags & ROW_TAGGED) || row->flags & ROW_CLAIMS);
                demand(utc_is_set(row->slot) == !!(row->flags & ROW_TAGGED));
                demand(snapshot_row_name(view, row, name)[0] != '\0');
                demand(view_str(view, row->group)[0] != '\0' && row->region != 0);
                demand(i == 0 || view->snapshots[i - 1].generation <= row->generation);
        }
        for (size_t i = 0; i < view->n_disks; i++)
                demand(view_str(view, view->disks[i].name)[0] != '\0' &&
                       view->disks[i].flags <= (DISK_COUNTS_PERCENT | DISK_NO_SNAPSHOT));
}

static void check_same(const struct world *x, const struct world *y) {
        struct world_view a = world_view(x), b = world_view(y);

        demand(a.n_snapshots == b.n_snapshots && a.n_disks == b.n_disks);
        demand(a.n_snapshots == 0 ||
               memcmp(a.snapshots, b.snapshots, a.n_snapshots * sizeof(*a.snapshots)) == 0);
        demand(a.n_disks == 0 || memcmp(a.disks, b.disks, a.n_disks * sizeof(*a.disks)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(world_freep) struct world *whole = NULL, *pieces = NULL, *known = NULL;
        const char *bytes = (const char *)data + 1;
        struct world_view view;
        page_element_fn add;
        int r, e, k;

        if (size < 1)
                return 0;
        add = data[0] & 1 ? world_add_disk : world_add_snapshot;
        whole = run(bytes, size - 1, size, add, NULL, &r);
        pieces = run(bytes, size - 1, 1U + (data[0] >> 1), add, NULL, &e);
        known = run(bytes, size - 1, 1U + (data[0] >> 1), add, whole, &k);
        demand(r == e && r == k);

        view = world_view(whole);
        check_view(&view);
        check_same(whole, pieces);
        /* A disk that cannot be decoded and comes again as one that can has been known before. */
        if (world_is_whole(whole))
                check_same(whole, known);
        return 0;
}
