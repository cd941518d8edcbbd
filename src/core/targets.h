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

/* The disk of that group and name, without case, or NULL. */
const struct disk_row *view_find_disk(const struct world_view *view, const char *group,
                                      const char *name);
