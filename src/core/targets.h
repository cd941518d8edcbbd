/*
 * targets: which disks a policy selects.
 */
#pragma once

#include "core/policy.h"
#include "core/rows.h"

/* Whether any target of the policy selects the disk. A disk that several targets of one policy
 * select counts once. */
bool policy_selects(const struct policy_file *file, size_t policy, const struct world_view *view,
                    const struct disk_row *disk);

/* Whether the match of the target selects the disk; false when it has ids alone. */
bool target_matches(const struct target *target, const struct world_view *view,
                    const struct disk_row *disk);
/* Whether the target may have selected a disk that is gone, by its id, or by subscription and group: the tags
 * that it had are not known, and not asked for. That it did not is remembered from when it was listed
 * (standing_is_unselected()). */
bool target_selects_gone(const struct target *target, const struct resource_id *id);
/* Whether any target of the policy selects it so. */
bool policy_selects_gone(const struct policy_file *file, size_t policy,
                         const struct resource_id *id);

/* The id that the orphan's tag gives its disk. A tag is what people made of it: false when it is none. */
bool orphan_disk_id(const struct world_view *view, const struct orphan *orphan,
                    struct resource_id *ret_id);

/* The disk of that group and name, without case, or NULL. */
const struct disk_row *view_find_disk(const struct world_view *view, const char *group,
                                      const char *name);
