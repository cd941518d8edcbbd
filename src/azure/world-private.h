/*
 * What the files of the world share: rows that are not settled yet, and how they are filled.
 *
 * While pages arrive, rows carry a few bits and a region number of their own; world_finish() settles
 * those.
 */
#pragma once

#include "azure/world.h"
#include "base/strbuf.h"

/* Bits of rows that are not settled yet, above those of core/rows.h. */
#define ROW_OPEN (1U << 31)   /* Succeeded without a percentage: complete if the disk is ordinary */
#define ROW_SECTOR (1U << 30) /* has a logicalSectorSize */
#define ROW_DROPPED (1U << 29) /* a later row has the same id */

/* Which element of a listing has which id. */
struct id_ref {
        uint64_t hash;
        uint32_t index;
};

struct id_refs {
        struct id_ref *items;
        size_t n, capacity;
};

/*
 * What the last rows of a series had in common. A listing repeats a series as often as it has
 * snapshots, and deriving the name costs a SHA-256 each time.
 */
struct series_memo {
        struct guid source;  /* sourceUniqueId; with it the next is known */
        uint32_t generation; /* 0: the place is free */
        uint32_t policy, region;
        uint32_t prefix; /* of a name that was derived and fitted; 0: none yet */
};

/* Chosen: 64 KiB while a listing is read; chains come more or less together. */
#define SERIES_MEMO_N 2048

struct world {
        char subscription[GUID_TEXT_SIZE];
        char *owner;
        struct utc begin;
        struct intern *strings;
        uint32_t n_strings;

        struct snapshot_row *snapshots;
        size_t n_snapshots, snapshots_capacity;
        struct id_refs snapshot_refs; /* until finished */
        struct disk_row *disks;
        size_t n_disks, disks_capacity;
        struct id_refs disk_refs; /* until finished */

        uint32_t *regions; /* numbers of strings; a row's region is an index until finished */
        size_t n_regions, regions_capacity;
        struct strbuf scratch;
        struct series_memo *memo; /* SERIES_MEMO_N, from the first snapshot until finished */
        const char *bad_member;
        bool finished;
};

/* All of a row but its state and region; *ret_region is the number of the region's name. Return 0,
 * -ENOMEM or -E2BIG. */
int world_fill_disk(struct world *world, const struct disk_reply *disk, struct disk_row *ret_row);
int world_fill_snapshot(struct world *world, const struct snapshot_reply *reply,
                        struct snapshot_row *ret_row, uint32_t *ret_region);
/* State and percent (DESIGN section 2, "complete"). */
void world_fill_state(const struct snapshot_reply *reply, bool counts_percent,
                      struct snapshot_row *row);
