/*
 * rows: disks and snapshots of one subscription as the decisions see them.
 *
 * azure/world.h fills them from listings; planner, series and the engine read them. Rows are plain
 * values of at most 64 bytes, since a fleet has half a million; strings that repeat are numbers
 * into the view's intern table.
 */
#pragma once

#include "base/guid.h"
#include "base/intern.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of a snapshot row. COMPLETE, FAILED, UNDERWAY and LEAVING exclude each other (DESIGN
 * section 2, "complete"). */
enum {
        ROW_COMPLETE = 1 << 0, /* Succeeded and 100 percent */
        ROW_FAILED = 1 << 1,   /* Failed, Canceled, or a copyCompletionError */
        ROW_UNDERWAY = 1 << 2, /* neither yet */
        ROW_LEAVING = 1 << 3,  /* being deleted: counts for nothing but the chain's limit */
        ROW_INCREMENTAL = 1 << 4,
        ROW_TAGGED = 1 << 5,  /* our version and owner, all of our tags there and well formed,
                                     and they agree with the snapshot's own source */
        ROW_NAMED = 1 << 6,   /* the name is the one derived from the tags */
        ROW_HELD = 1 << 7,    /* hold tag, an open SAS, or the source of a copy under way */
        ROW_CLAIMS = 1 << 8,  /* carries our owner tag, well formed or not: with TAGGED or NAMED
                                     missing it is mistaken */
        ROW_ADOPTED = 1 << 9, /* an operator made it ours by name: TAGGED, and the tag of adoption
                                     holds its own uniqueId */
        ROW_MOVED = 1 << 10,  /* the disk of its generation has another id than its tag says */
        ROW_BACKUP =
                1 << 11, /* taken at an operator's word: of no slot, and kept until a date of its
                                     own (snapshot_row_until); no ADOPTED one is */
};

struct snapshot_row {
        struct guid unique_id;
        struct utc slot;         /* of the tag; UTC_NONE without ROW_TAGGED */
        struct utc time_created; /* UTC_NONE when the service gave none */
        uint64_t tag_hash;       /* of all tags, whatever their order */
        uint32_t name;           /* NAMED: the part before the slot; else the whole name */
        uint32_t group;          /* as the service wrote it */
        uint32_t generation;     /* lower case sourceUniqueId; 0 when there was none */
        uint32_t policy;         /* of the tag; 0 without ROW_TAGGED */
        uint16_t region;         /* canonical (naming.h); numbers of regions fit (azure/world.h) */
        uint8_t attempt;         /* NAMED: 1 to 9 */
        uint8_t percent;         /* completionPercent, rounded down */
        uint16_t keep;  /* the accepted rule it carries, of a backup its date: view_keep(); 0:
                                    none readable */
        uint16_t flags; /* ROW_* */
};

_Static_assert(sizeof(struct snapshot_row) <= 64, "half a million of these must fit");

struct disk_row {
        struct utc time_created;
        uint32_t name;           /* as the service wrote it */
        uint32_t group;          /* as the service wrote it */
        uint32_t generation;     /* lower case uniqueId; 0 when there was none */
        uint32_t region;         /* canonical */
        uint32_t location;       /* as the service wrote it: what a request must say */
        uint32_t tags;           /* "name\nvalue\n" for each tag, names in lower case, sorted */
        uint32_t encryption_set; /* id as the service wrote it; 0 with a platform's key alone */
        uint32_t flags;          /* DISK_* */
};

enum {
        DISK_COUNTS_PERCENT = 1 << 0, /* UltraSSD_LRS or PremiumV2_LRS: no percentage is not 100 */
        DISK_NO_SNAPSHOT = 1 << 1,    /* being uploaded: cannot be snapshotted */
};

/*
 * A generation that has snapshots with our tags, and no listed disk. The id is that of the newest
 * one's tag.
 */
struct orphan {
        uint32_t generation;
        uint32_t disk;      /* "subscription/group/name", as the tag has it */
        struct utc created; /* when the one with that tag was: the disk was there then */
};

/* Why a snapshot is held: the text of its hold tag. */
struct row_hold {
        uint32_t row; /* its place among the snapshots */
        uint32_t reason;
};

/*
 * One subscription, read whole. Borrowed from whoever made it. Snapshots are sorted by generation
 * number, slot, time_created and unique_id; disks by group and name without case.
 */
struct world_view {
        const char *subscription; /* lower case */
        const struct intern *strings;
        const struct snapshot_row *snapshots;
        size_t n_snapshots;
        const struct disk_row *disks;
        size_t n_disks;
        const struct orphan *orphans; /* sorted by generation number */
        size_t n_orphans;
        const uint32_t *keeps; /* numbers of strings; [0] is not used */
        size_t n_keeps;
        const struct row_hold *holds; /* sorted by row; few have one */
        size_t n_holds;
        struct utc begin; /* every row counts as of this instant */
};

static inline const char *view_str(const struct world_view *view, uint32_t number) {
        return intern_str(view->strings, number);
}

/* The keep tag's text, or NULL when there was none or too many different ones. */
static inline const char *view_keep(const struct world_view *view, const struct snapshot_row *row) {
        return row->keep > 0 ? view_str(view, view->keeps[row->keep]) : NULL;
}

/* The reason of the hold tag, or NULL where there is none: what is ROW_HELD all the same has an open SAS, or
 * a copy under way is made of it. @row is one of the view's. */
const char *view_hold(const struct world_view *view, const struct snapshot_row *row);

/* Until when a backup (ROW_BACKUP) is kept. False where that was one text too many to be remembered
 * (view_keep), and then it stays. */
bool snapshot_row_until(const struct world_view *view, const struct snapshot_row *row,
                        struct utc *ret_until);

/* The row of that name in the generation, without case, or NULL. */
const struct snapshot_row *view_find_snapshot(const struct world_view *view, uint32_t generation,
                                              const char *group, const char *name);

/* Writes the snapshot's name, also a derived one, and returns @buffer. 81 bytes: 80 and the NUL. */
#define SNAPSHOT_NAME_SIZE 81
const char *snapshot_row_name(const struct world_view *view, const struct snapshot_row *row,
                              char buffer[static SNAPSHOT_NAME_SIZE]);

/* The rows of one generation, a slice of the view's. */
void view_generation(const struct world_view *view, uint32_t generation,
                     const struct snapshot_row **ret_rows, size_t *ret_n);

/* The orphan of that generation, or NULL. */
const struct orphan *view_find_orphan(const struct world_view *view, uint32_t generation);
