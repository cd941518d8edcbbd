/*
 * What the files of the world share: rows that are not settled yet, and how they are filled.
 *
 * While pages arrive, rows carry a few bits and a region number of their own; world_finish() settles
 * those.
 *
 *         world.c            life, and elements on their way in
 *         world-fill.c       from a reply to a row
 *         world-reuse.c      from the world before to a row
 *         world-finish.c     what needs all rows
 */
#pragma once

#include "azure/world.h"
#include "base/fingerprint.h"
#include "base/strbuf.h"

/* Bits of rows that are not settled yet, above those of core/rows.h. */
#define ROW_OPEN (1U << 15)   /* Succeeded without a percentage: complete if the disk is ordinary */
#define ROW_SECTOR (1U << 14) /* has a logicalSectorSize */
#define ROW_DROPPED (1U << 13) /* a later row has the same id; of disks too */
#define ROW_SOURCE (1U << 12)  /* a copy: its origin's disk_tag is the id of its source */

/*
 * The element that a row was made of, so that the next world knows it again. In the order of the
 * listing, which hardly changes from one to the next.
 */
struct origin {
        struct fingerprint print; /* of its bytes, under the world's key */
        uint64_t id_hash;         /* of group and name */
        uint32_t len;             /* bytes; 0: not to be taken over */
        uint32_t row;             /* its place among the rows */
        uint32_t disk_tag;        /* of a snapshot: world_fill_snapshot(), or ROW_SOURCE */
        uint16_t unsettled;       /* of a snapshot: the bits above, and its own ROW_HELD */
};

/* [i] of row i until the world is finished, then of any. */
struct origins {
        struct origin *items;
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

/* What copies under way are made of. */
struct sources {
        struct guid *ids; /* in the order of guid_compare(), once finished */
        size_t n_ids, ids_capacity;
        uint64_t *hashes; /* of the ids of those whose uniqueId is not known yet; they are few */
        size_t n_hashes, hashes_capacity;
};

/* Chosen: at most 96 KiB while a listing is read; chains come more or less together. */
#define SERIES_MEMO_N 2048
#define SERIES_MEMO_LEAST 64

struct world {
        char subscription[GUID_TEXT_SIZE];
        char *owner;
        struct utc begin;
        struct intern *strings;
        uint32_t n_strings;

        struct snapshot_row *snapshots;
        size_t n_snapshots, snapshots_capacity;
        struct origins origins;
        struct disk_row *disks;
        size_t n_disks, disks_capacity;
        struct origins disk_origins;
        struct utc key;              /* of fingerprints: begin of the first of these worlds */
        struct world_before *before; /* or NULL; until finished */

        uint32_t *regions; /* numbers of strings; a row's region is an index until finished */
        size_t n_regions, regions_capacity;
        /* Rules: numbers of strings, [0] unused. A row's keep is an index into it, and the number of
         * the same text in keep_texts. */
        uint32_t *keeps;
        size_t n_keeps, keeps_capacity;
        struct intern *keep_texts;
        struct row_hold *holds;
        size_t n_holds, holds_capacity;
        struct orphan *orphans; /* once finished */
        size_t n_orphans, orphans_capacity;
        struct sources sources; /* whole once finished; before that of what has no row */
        struct strbuf scratch;
        struct series_memo *memo; /* from the first snapshot that is decoded until finished */
        size_t n_memo;            /* a power of two */
        struct world_unread unread;
        uint64_t unread_prints[WORLD_UNREAD_MAX]; /* of their bytes: a page may come twice */
        bool finished;
};

/* Of group and name, without case. */
uint64_t world_id_hash(const struct resource_id *id);
/* A source of any subscription by its uniqueId or, where that cannot be read, by its id. Where neither can, it is
 * none. Returns 0, -ENOMEM or -E2BIG. */
int world_add_source(struct world *world, const char *unique_id, const char *id);
/* Interns, and knows how many strings there are. Returns 0, -ENOMEM or -E2BIG. */
int world_add_string(struct world *world, const char *text, size_t len, uint32_t *ret_number);
/* All of a row but its state, its region and whether its disk moved; *ret_region is the number of
 * the region's name, *ret_disk_tag that of the disk tag, or 0 when it says nothing of the row's
 * generation: without ROW_TAGGED, and of a copy. Return 0, -ENOMEM or -E2BIG. */
int world_fill_disk(struct world *world, const struct disk_reply *disk, struct disk_row *ret_row);
int world_fill_snapshot(struct world *world, const struct snapshot_reply *reply,
                        struct snapshot_row *ret_row, uint32_t *ret_region, uint32_t *ret_disk_tag);
/* The rule's place among those seen; 0 when it cannot be one, or when there are as many different ones
 * as a row can tell apart. A finished world has those of its listing: views hold the array. */
int world_add_keep(struct world *world, const char *text, uint16_t *ret_keep);
/* Why the snapshot that is added next is held. Returns 0, -ENOMEM or -E2BIG. */
int world_add_hold(struct world *world, const char *reason);
/* For about as many snapshots as there were, so that arrays need not grow by steps. Returns 0 or
 * -ENOMEM. */
int world_make_room(struct world *world, size_t n_snapshots);
/* Takes a row in that is not settled. @region: the number of its name; @origin has all but its row.
 * Return 0, -ENOMEM or -E2BIG. */
int world_add_snapshot_row(struct world *world, const struct snapshot_row *row, uint32_t region,
                           const struct origin *origin);
int world_add_disk_row(struct world *world, const struct disk_row *row,
                       const struct origin *origin);
/* Takes over the row that the world before had of the same bytes, an element. Return 1; 0 when it had
 * none; -ENOMEM or -E2BIG. */
int world_find_snapshot(struct world *world, const char *bytes, size_t len,
                        struct fingerprint *ret_print);
int world_find_disk(struct world *world, const char *bytes, size_t len,
                    struct fingerprint *ret_print);
/* Takes over the row of the disk of that id, whose element cannot be decoded now. Return as these. */
int world_keep_disk(struct world *world, const struct resource_id *id);
void world_before_free(struct world *world);
/* Snapshots of the world before; 0: there is none. */
size_t world_count_before(const struct world *world);
/* Whether the disk tag's text is the disk's id, "subscription/group/name", without case. */
bool world_tag_names_disk(const struct world *world, uint32_t disk_tag,
                          const struct disk_row *disk);
/* Whether it has the form of an id at all: what a hand has mangled says nothing of a move. */
bool world_tag_is_id(const struct world *world, uint32_t disk_tag);
/* State and percent (DESIGN section 2, "complete"). */
void world_fill_state(const struct snapshot_reply *reply, bool counts_percent,
                      struct snapshot_row *row);
