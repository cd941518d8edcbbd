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
#define ROW_OPEN (1U << 15)   /* Succeeded without a percentage: complete if the disk is ordinary */
#define ROW_SECTOR (1U << 14) /* has a logicalSectorSize */
#define ROW_DROPPED (1U << 13) /* a later row has the same id; of disks too */

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
        uint32_t disk;   /* of the last disk tag; 0: none yet */
        uint16_t keep;   /* of the last keep tag; 0: none yet */
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
        uint32_t *disk_tags;          /* of each snapshot, until finished: world_fill_snapshot() */
        size_t disk_tags_capacity;
        struct disk_row *disks;
        size_t n_disks, disks_capacity;
        struct id_refs disk_refs; /* until finished */

        uint32_t *regions; /* numbers of strings; a row's region is an index until finished */
        size_t n_regions, regions_capacity;
        /* Rules: numbers of strings, [0] unused. A row's keep is an index into it, and the number of
         * the same text in keep_texts. */
        uint32_t *keeps;
        size_t n_keeps, keeps_capacity;
        struct intern *keep_texts;
        struct orphan *orphans; /* once finished */
        size_t n_orphans, orphans_capacity;
        struct strbuf scratch;
        struct series_memo *memo; /* SERIES_MEMO_N, from the first snapshot until finished */
        const char *bad_member;
        bool finished;
};

/* Interns, and knows how many strings there are. Returns 0, -ENOMEM or -E2BIG. */
int world_add_string(struct world *world, const char *text, size_t len, uint32_t *ret_number);
/* All of a row but its state, its region and whether its disk moved; *ret_region is the number of
 * the region's name, *ret_disk_tag that of the disk tag, or 0 when it says nothing of the row's
 * generation: without ROW_TAGGED, and of a copy. Return 0, -ENOMEM or -E2BIG. */
int world_fill_disk(struct world *world, const struct disk_reply *disk, struct disk_row *ret_row);
int world_fill_snapshot(struct world *world, const struct snapshot_reply *reply,
                        struct snapshot_row *ret_row, uint32_t *ret_region, uint32_t *ret_disk_tag);
/* Whether the disk tag's text is the disk's id, "subscription/group/name", without case. */
bool world_tag_names_disk(const struct world *world, uint32_t disk_tag,
                          const struct disk_row *disk);
/* Whether it has the form of an id at all: what a hand has mangled says nothing of a move. */
bool world_tag_is_id(const struct world *world, uint32_t disk_tag);
/* State and percent (DESIGN section 2, "complete"). */
void world_fill_state(const struct snapshot_reply *reply, bool counts_percent,
                      struct snapshot_row *row);
