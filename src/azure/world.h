/*
 * world: the rows of one subscription, built from listings, then read as a view.
 *
 *         world_new -> [world_expect] -> world_add_disk*, world_add_snapshot* -> world_finish
 *                   -> world_view
 *
 * A world is a value: built from one sweep, replaced by the next, never updated in place.
 *
 * Of a listing's elements few have changed since the listing before. A world keeps a fingerprint of
 * each, by which the next one knows its bytes again and takes the row over. The outcome is the same,
 * number by number, as without, where all can be decoded. That a changed element has the fingerprint of another
 * by chance happens once in 2^128; and who makes one up, since he may write a snapshot's tags, hides what he
 * changed from the listing alone: no DELETE goes out before a GET of the victim is decoded in full.
 */
#pragma once

#include "azure/page.h"
#include "azure/replies.h"
#include "base/macros.h"
#include "core/rows.h"

/* DESIGN section 10 measures at half a million. */
#define WORLD_SNAPSHOTS_MAX 4000000
#define WORLD_DISKS_MAX 400000
/* Chosen: Azure has some seventy. */
#define WORLD_REGIONS_MAX 1024

struct world;

/* @owner: whose tags are ours. Copies its arguments. */
int world_new(const char *subscription, const char *owner, struct utc begin,
              struct world **ret_world);
struct world *world_free(struct world *world);
DEFINE_CLEANUP(struct world *, world_free)

/* The world before, of the same subscription: rows may be taken over from it. It must live until this
 * one is finished. Rows of another owner are of no use, and that is no error. Before the first element.
 * Returns 0 or -ENOMEM. */
int world_expect(struct world *world, const struct world *before);
/* For page_expect(). */
extern const struct page_guess world_guess_snapshots, world_guess_disks;

/* Element functions for page_new(), @world being the data. An element that cannot be decoded, or is of another
 * subscription, is remembered (world_unread()) and has no row, so that one odd resource does not hide all
 * others; but for a disk that the world before knows by its id, which has the row of before. Return 0,
 * JSON_E_SHAPE (it has not even an id) or a negative errno. */
int world_add_disk(const char *bytes, size_t len, void *world);
int world_add_snapshot(const char *bytes, size_t len, void *world);
/* Takes over the disks of a finished world of the same subscription, in place of a listing of them.
 * Returns 0, -ENOMEM, or -E2BIG. */
int world_copy_disks(struct world *world, const struct world *before);

/* More are not counted. Chosen: an operator looks at a few. */
#define WORLD_UNREAD_MAX 100

/* Elements of the listings that could not be decoded. What the world lacks may be one of them. */
struct world_unread {
        size_t n_disks, n_snapshots;    /* each once, together up to WORLD_UNREAD_MAX */
        bool lacks_disk;                /* one of the disks has no row of before either */
        const char *member;             /* of the first: what is wrong, such as "timeCreated" */
        char id[RESOURCE_ID_TEXT_SIZE]; /* of the first, fit for a log */
};

const struct world_unread *world_unread(const struct world *world);
/* Whether it has a row of every element of the listings. */
bool world_is_whole(const struct world *world);

/*
 * Joins snapshots with the disks' kinds, sorts. After it nothing is added. Strings may get other
 * numbers here, so that those of regions fit into a row.
 *
 * Pages shift while they are read, so a resource can come twice: the later one stays. A snapshot
 * without a percentage whose disk is in no listing counts as that of an ordinary disk when it has no
 * logicalSectorSize, which those of Ultra and Premium SSD v2 disks carry.
 *
 * A disk is known by its generation: a row of ours whose disk tag names another id than the listed
 * disk's is ROW_MOVED, and a generation of ours without a listed disk is an orphan. Copies, whose
 * source is a snapshot, are neither.
 *
 * The source of a copy that is listed and under way is held: without it the copy fails (FACTS sections 1
 * and 2, CopySourceNotFound).
 *
 * Returns 0 or -ENOMEM.
 */
int world_finish(struct world *world);
/* Whether a copy under way in it, or what may be one and cannot be decoded, is made of the snapshot, which may be
 * of another subscription; its own are ROW_HELD for that. */
bool world_copies(const struct world *world, const struct guid *unique_id,
                  const struct resource_id *id);
/* Valid until the world is freed. */
struct world_view world_view(const struct world *world);

/*
 * The row that one snapshot's own reply gives, for the re-read and the check after the create:
 * flags, tag_hash, ids and times as in the listing. @counts_percent is the disk's
 * DISK_COUNTS_PERCENT. Strings go into the table of @world, which is finished; a rule that no listed
 * snapshot carries is none here (keep 0), and tag_hash tells that it changed. That a copy holds it is not
 * known here.
 *
 * Returns 0, JSON_E_SHAPE (no id, or of another subscription), -ENOMEM, or -E2BIG.
 */
int world_judge(struct world *world, const struct snapshot_reply *reply, bool counts_percent,
                struct snapshot_row *ret_row);
