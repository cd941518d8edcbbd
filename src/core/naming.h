/*
 * naming: the names and tags of our snapshots (DESIGN section 4, "Names" and "Tags").
 *
 *         db01-data-3f0c6a5e9d1b2c47-20261123T021500Z-2
 *         |disk     |series          |slot            |attempt, not for the first
 *
 * The name is a function of owner, generation, policy, region and slot, so that a retry, a restart
 * or a second daemon meets the same name. The disk's part is for people alone.
 *
 * Regions are canonical: lower case, without spaces ("West Europe" and "westeurope" are one).
 * Generations are lower case GUIDs.
 */
#pragma once

#include "base/strbuf.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMING_DISK_MAX 40
#define NAMING_SERIES_HEX 16
/* disk, '-', series and the NUL */
#define NAMING_PREFIX_SIZE (NAMING_DISK_MAX + 1 + NAMING_SERIES_HEX + 1)
#define NAMING_ATTEMPT_MAX 9
/* A tag's value has at most 256 characters (FACTS section 1). */
#define NAMING_TAG_VALUE_MAX 256

#define TAG_VERSION "snapkeep-version"
#define TAG_OWNER "snapkeep-owner"
#define TAG_POLICY "snapkeep-policy"
#define TAG_SLOT "snapkeep-slot"
#define TAG_DISK "snapkeep-disk"
#define TAG_GENERATION "snapkeep-generation"
#define TAG_KEEP "snapkeep-keep"
#define TAG_HOLD "snapkeep-hold"
/* What an extra backup has beside: the date until which it is kept, in the form of slots, and why. */
#define TAG_UNTIL "snapkeep-until"
#define TAG_REASON "snapkeep-reason"
/* Its name is of the series of a policy that no file can have, so that it never meets a slot's. */
#define NAMING_BACKUP_POLICY "backup of "
/* What adoption adds: the snapshot's own uniqueId, so that tags copied to another adopt nothing. */
#define TAG_ADOPTED "snapkeep-adopted"
#define TAG_VERSION_VALUE "1"

/* What makes a series. All strings are borrowed and canonical. */
struct series_key {
        const char *owner;
        const char *policy;
        const char *generation;
        const char *region;
};

/* Lowers the case and drops spaces. @out has room for strlen(location) + 1. */
void naming_region(const char *location, char *out);

/* The disk's part of a name: what a snapshot's cannot have becomes '_', and 'x' where it cannot begin so.
 * Returns its length. */
size_t naming_disk(const char *disk_name, char ret_part[static NAMING_DISK_MAX + 1]);

/* "<disk>-<series>": what all snapshots of a series begin with. Returns 0 or -ENOMEM. */
int naming_prefix(const char *disk_name, const struct series_key *key,
                  char ret_prefix[static NAMING_PREFIX_SIZE]);

/* The whole name; @attempt counts from 1. @ret_name has 81 bytes (rows.h). */
void naming_snapshot(const char *prefix, struct utc slot, unsigned attempt, char *ret_name);

enum {
        NAMING_E_OTHER = 1, /* not the derived name */
};

/*
 * Checks that @name, compared without case, is the one derived from the key and slot, in any attempt
 * and with any disk part that a disk's name can leave (a moved disk may have another name).
 * *ret_prefix_len is the length of what stands before "-<slot>".
 *
 * Returns 0, NAMING_E_OTHER, or -ENOMEM.
 */
int naming_parse(const char *name, const struct series_key *key, struct utc slot,
                 size_t *ret_prefix_len, unsigned *ret_attempt);
